/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* png-samples FOLDER: writes one PNG of every colour type, bit depth and kind of
 * filtering and compression that the encoder has, NAME.png, and beside it the
 * pixels as R, G, B, A bytes, NAME.WIDTHxHEIGHT.rgba, for png-readers.py. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/pet-png-encoder.h"
#include "tap.h"

/* `colors` 0: as many as there are. */
typedef struct {
  const char *name;
  int channels, colors;
  bool grey, soft;
} Kind;

static const Kind kinds[] = {
  { "palette-1", 3, 2, false, false },
  { "palette-2", 3, 4, false, false },
  { "palette-4", 3, 16, false, false },
  { "palette-8", 3, 200, false, false },
  { "palette-1-alpha", 4, 2, false, true },
  { "palette-2-alpha", 4, 4, false, true },
  { "palette-4-alpha", 4, 16, false, true },
  { "palette-8-alpha", 4, 200, false, true },
  { "grey-1", 1, 2, true, false },
  { "grey-2", 1, 4, true, false },
  { "grey-4", 1, 16, true, false },
  { "grey-8", 1, 0, true, false },
  { "grey-alpha", 4, 0, true, true },
  { "rgb", 3, 0, false, false },
  { "rgba", 4, 0, false, true },
};

/* A shade of a few: those of grey lie evenly, as low bit depths need them. */
static uint8_t
shade (const Kind *kind, int index, int c)
{
  if (kind->grey)
    return (uint8_t) (255 * index / (kind->colors - 1));
  return (uint8_t) (index * (37 + 54 * c) + 11 * c);
}

static void
fill_pixel (const Kind *kind, int x, int y, uint8_t *rgba)
{
  int index, slope = x * 3 + y + tap_random_range (0, 5);
  bool hidden = kind->soft && (x - 30) * (x - 30) + (y - 20) * (y - 20) > 900;

  if (kind->colors > 0) {
    index = (x / 5 + y / 3 + tap_random_range (0, 1)) % kind->colors;
    for (int c = 0; c < 4; c++)
      rgba[c] = shade (kind, index, c);
  } else {
    rgba[0] = (uint8_t) slope;
    rgba[1] = kind->grey ? rgba[0] : (uint8_t) (2 * slope + y);
    rgba[2] = kind->grey ? rgba[0] : (uint8_t) (255 - slope);
    rgba[3] = (uint8_t) (255 - 5 * (x % 9));
  }
  if (!kind->soft)
    rgba[3] = 255;
  if (hidden && kind->colors == 0)
    memset (rgba, 0, 4);
}

static PetStatus
write_piece (void *user, const void *bytes, size_t size, PetError *error)
{
  return fwrite (bytes, 1, size, user) == size
      ? PET_OK
      : pet_fail (error, PET_ERROR_IO, "cannot be written");
}

static FILE *
create (const char *folder, const char *name, const char *suffix)
{
  char path[4096];
  FILE *file;

  snprintf (path, sizeof path, "%s/%s%s", folder, name, suffix);
  file = fopen (path, "wb");
  if (file == NULL) {
    perror (path);
    exit (1);
  }
  return file;
}

static bool
write_sample (const char *folder, const Kind *kind, int level, int width)
{
  enum { HEIGHT = 43 };
  uint8_t *rgba = malloc ((size_t) width * HEIGHT * 4);
  uint8_t *pixels = malloc ((size_t) width * HEIGHT * 4);
  PetImage image = { pixels, width, HEIGHT, kind->channels,
    (ptrdiff_t) width * kind->channels };
  char name[64], suffix[32];
  PetPngOptions options;
  FILE *png, *raw;
  bool written;

  for (int i = 0; i < width * HEIGHT; i++) {
    fill_pixel (kind, i % width, i / width, rgba + 4 * i);
    memcpy (pixels + (ptrdiff_t) kind->channels * i, rgba + 4 * i,
        (size_t) kind->channels);
  }
  snprintf (name, sizeof name, "%s-%d-%d", kind->name, level, width);
  snprintf (suffix, sizeof suffix, ".%dx%d.rgba", width, HEIGHT);
  png = create (folder, name, ".png");
  raw = create (folder, name, suffix);
  pet_png_options_init (&options);
  options.level = level;
  options.dpi = 300;
  options.software = "png-samples";
  written = pet_png_encode (&image, &options, write_piece, png, NULL, NULL) ==
          PET_OK &&
      fwrite (rgba, 4, (size_t) (width * HEIGHT), raw) ==
          (size_t) (width * HEIGHT);
  written = fclose (png) == 0 && written;
  written = fclose (raw) == 0 && written;
  free (pixels);
  free (rgba);
  return written;
}

int
main (int argc, char **argv)
{
  static const int levels[] = { 0, 1, 6 }, widths[] = { 1, 61, 333 };

  if (argc != 2) {
    fprintf (stderr, "usage: png-samples FOLDER\n");
    return 1;
  }
  tap_state_ = 20261125;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
      for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        if (!write_sample (argv[1], &kinds[k], levels[l], widths[w]))
          return 1;
  return 0;
}
