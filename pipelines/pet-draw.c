/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Draws a picture of a cat, for those who have no photo at hand:
 *
 *   pet-draw [--mask] [--coat COAT] OUT.png [WIDTH HEIGHT]
 *
 * --mask writes where the cat is (255) instead of the picture. The picture is
 * the same on every machine. */

#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pet-draw-coat.h"
#include "pet-draw-scene.h"

#define DEFAULT_WIDTH 1200
#define DEFAULT_HEIGHT 1600
#define MIN_SIDE 16
#define MAX_SIDE 8192

typedef struct {
  bool mask;
  const char *path;
  int width, height;
} Options;

static bool
parse_side (const char *text, int *side)
{
  char *end;
  long value;

  errno = 0;
  value = strtol (text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < MIN_SIDE ||
      value > MAX_SIDE)
    return false;
  *side = (int) value;
  return true;
}

static bool
parse_coat (const char *text)
{
  static const char *const names[] = { "ginger", "black", "white", "grey" };

  for (int i = 0; i < 4; i++)
    if (strcmp (text, names[i]) == 0) {
      coat_choose ((CoatKind) i);
      return true;
    }
  return false;
}

static bool
parse_options (int argc, char **argv, Options *options)
{
  *options = (Options){ false, NULL, DEFAULT_WIDTH, DEFAULT_HEIGHT };
  argv++, argc--;
  if (argc > 0 && strcmp (argv[0], "--mask") == 0) {
    options->mask = true;
    argv++, argc--;
  }
  if (argc > 1 && strcmp (argv[0], "--coat") == 0) {
    if (!parse_coat (argv[1]))
      return false;
    argv += 2, argc -= 2;
  }
  if ((argc != 1 && argc != 3) || argv[0][0] == '-' || argv[0][0] == '\0')
    return false;
  options->path = argv[0];
  return argc == 1 ||
      (parse_side (argv[1], &options->width) &&
          parse_side (argv[2], &options->height));
}

/* False if libpng fails; it has then said why. Nothing here changes after
 * setjmp() that is read after a jump. */
static bool
write_rows (png_structp png, png_infop info, FILE *file, const Scene *scene,
    bool mask, uint8_t *row)
{
  if (setjmp (png_jmpbuf (png)))
    return false;
  png_init_io (png, file);
  png_set_IHDR (png, info, (png_uint_32) scene->view.width,
      (png_uint_32) scene->view.height, 8,
      mask ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level (png, 3);
  png_set_filter (png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
  if (!mask)
    png_set_sRGB (png, info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_write_info (png, info);
  for (int y = 0; y < scene->view.height; y++) {
    if (mask)
      scene_read_mask (scene, y, row);
    else
      scene_read_rgb (scene, y, row);
    png_write_row (png, row);
  }
  png_write_end (png, info);
  return true;
}

static bool
write_png (FILE *file, const Scene *scene, bool mask)
{
  png_structp png =
      png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png != NULL ? png_create_info_struct (png) : NULL;
  uint8_t *row = malloc ((size_t) scene->view.width * 3);
  bool done = info != NULL && row != NULL &&
      write_rows (png, info, file, scene, mask, row);

  free (row);
  png_destroy_write_struct (&png, &info);
  return done;
}

/* Takes back what was begun; pipes and devices stay. */
static void
discard (const char *path)
{
  struct stat status;

  if (stat (path, &status) == 0 && S_ISREG (status.st_mode))
    remove (path);
}

static bool
save (const Options *options, const Scene *scene)
{
  FILE *file = fopen (options->path, "wb");
  bool written;

  if (file == NULL) {
    fprintf (stderr, "pet-draw: %s: %s\n", options->path, strerror (errno));
    return false;
  }
  written = write_png (file, scene, options->mask);
  if (fclose (file) != 0)
    written = false;
  if (!written) {
    fprintf (stderr, "pet-draw: %s: cannot be written\n", options->path);
    discard (options->path);
  }
  return written;
}

static void
print_usage (FILE *stream)
{
  fprintf (stream,
      "usage: pet-draw [--mask] [--coat COAT] OUT.png [WIDTH HEIGHT]\n"
      "Draws a cat, %d x %d pixels unless told (%d to %d each).\n"
      "--coat is ginger, black, white or grey.\n"
      "--mask writes where the cat is (gray, 255) instead.\n",
      DEFAULT_WIDTH, DEFAULT_HEIGHT, MIN_SIDE, MAX_SIDE);
}

int
main (int argc, char **argv)
{
  Options options;
  Scene scene;
  bool saved;

  if (argc == 2 &&
      (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)) {
    print_usage (stdout);
    return fflush (stdout) == 0 ? 0 : 1;
  }
  if (!parse_options (argc, argv, &options)) {
    print_usage (stderr);
    return 1;
  }
  if (!scene_draw (options.width, options.height, &scene)) {
    fprintf (stderr, "pet-draw: not enough memory\n");
    return 1;
  }
  saved = save (&options, &scene);
  scene_clear (&scene);
  return saved ? 0 : 1;
}
