/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other projects' files and real photos, where they are at hand
 * ($PET_SHARED). */

#include <stdlib.h>
#include <string.h>

#include "base/pet-resample.h"
#include "codec-files.h"
#include "tap.h"

#define MAX_FIELDS 32
#define MAX_LINE 4096

static bool
load (const char *folder, const char *name, Bytes *bytes)
{
  const char *shared = getenv ("PET_SHARED");
  char path[MAX_LINE];

  if (shared == NULL)
    return false;
  snprintf (path, sizeof path, "%s/%s/%s", shared, folder, name);
  return bytes_load (path, bytes);
}

/* One line of CSV into fields, in place. */
static int
split_line (char *line, char **fields)
{
  int n_fields = 0;
  bool quoted = false;

  fields[n_fields++] = line;
  for (char *in = line; *in != '\0' && n_fields < MAX_FIELDS; in++) {
    if (*in == '"') {
      quoted = !quoted;
      memmove (in, in + 1, strlen (in));
      in--;
    } else if (*in == ',' && !quoted) {
      *in = '\0';
      fields[n_fields++] = in + 1;
    }
  }
  return n_fields;
}

static int
find_field (char **fields, int n_fields, const char *name)
{
  for (int i = 0; i < n_fields; i++)
    if (strcmp (fields[i], name) == 0)
      return i;
  return -1;
}

typedef void (*CheckFile) (const char *name, Bytes bytes, const char *expected);

/* Calls `check` for each file in `folder`'s list; skips without one. */
static void
for_each_listed (const char *folder, CheckFile check)
{
  Bytes list;
  char *fields[MAX_FIELDS], *state = NULL, *line;
  int n_files = 0, column;

  if (!load (folder, "list.csv", &list)) {
    tap_skip ("files not at hand");
    return;
  }
  list.data = realloc (list.data, list.size + 1);
  list.data[list.size] = '\0';
  line = strtok_r ((char *) list.data, "\r\n", &state);
  column = find_field (fields, split_line (line, fields), "expected");
  tap_check (column > 0);
  while ((line = strtok_r (NULL, "\r\n", &state)) != NULL) {
    Bytes bytes;

    if (split_line (line, fields) <= column)
      continue;
    if (!load (folder, fields[0], &bytes)) {
      tap_fail ("%s is listed but not there", fields[0]);
      continue;
    }
    check (fields[0], bytes, fields[column]);
    bytes_free (&bytes);
    n_files++;
  }
  tap_check (n_files > 0);
  bytes_free (&list);
}

static bool
is_on_list (const char *name, const char *const *list)
{
  for (; *list != NULL; list++)
    if (strcmp (name, *list) == 0)
      return true;
  return false;
}

/* Strict reading and the list may differ for these alone. */
static void
check_listed (const char *name, Bytes bytes, const char *expected)
{
  static const char *const refused[] = {
    "ljt-testimgari.jpg",         /* arithmetic coding */
    "pillow-hopper_bad_exif.jpg", /* opens, but its data are damaged */
    NULL,
  };
  Picture picture = decode_plainly (bytes);
  PetDecodeOptions options;

  if (strcmp (expected, "decodes") == 0 && !is_on_list (name, refused) &&
      picture.status != PET_OK)
    tap_fail ("%s: %s", name, picture.error.message);
  if (strcmp (expected, "decodes") == 0 && is_on_list (name, refused))
    tap_check (picture.status == PET_ERROR_UNSUPPORTED ||
        picture.status == PET_ERROR_CORRUPT);
  if (strcmp (expected, "error") == 0 && picture.status == PET_OK)
    tap_fail ("%s decodes", name);
  picture_free (&picture);

  pet_decode_options_init (&options);
  options.strict = false;
  options.max_size = 100;
  picture = decode (bytes, &options);
  picture_free (&picture);
}

static void
pngsuite (void)
{
  for_each_listed ("suites/pngsuite", check_listed);
}

static void
image_oddities (void)
{
  for_each_listed ("suites/images", check_listed);
}

/* basn* and basi* are the same pictures, interlaced or not. */
static void
interlaced_pairs_agree (void)
{
  static const char *const pairs[] = { "0g01", "0g02", "0g04", "0g08", "0g16",
    "2c08", "2c16", "3p01", "3p02", "3p04", "3p08", "4a08", "4a16", "6a08",
    "6a16" };

  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char name[32];
    Bytes bytes;
    Picture plain, interlaced;

    snprintf (name, sizeof name, "basn%s.png", pairs[i]);
    if (!load ("suites/pngsuite", name, &bytes)) {
      tap_skip ("files not at hand");
      return;
    }
    plain = decode_plainly (bytes);
    bytes_free (&bytes);
    name[3] = 'i';
    if (!load ("suites/pngsuite", name, &bytes))
      continue;
    interlaced = decode_plainly (bytes);
    bytes_free (&bytes);
    tap_check (plain.status == PET_OK && interlaced.status == PET_OK);
    tap_check (memcmp (plain.data, interlaced.data,
                   (size_t) (32 * 32 * plain.info.channels)) == 0);
    picture_free (&plain);
    picture_free (&interlaced);
  }
}

static double
mean_difference (const uint8_t *a, const uint8_t *b, size_t size)
{
  double sum = 0;

  for (size_t i = 0; i < size; i++)
    sum += abs (a[i] - b[i]);
  return sum / (double) size;
}

static void
all_orientations_look_the_same (void)
{
  Picture first = { 0 };

  for (int i = 0; i <= 8; i++) {
    char name[32];
    Bytes bytes;
    Picture picture;

    snprintf (name, sizeof name, "Landscape_%d.jpg", i);
    if (!load ("suites/exif-orientation", name, &bytes)) {
      tap_skip ("files not at hand");
      return;
    }
    picture = decode_plainly (bytes);
    bytes_free (&bytes);
    tap_check (picture.status == PET_OK);
    tap_check (picture.info.width == 1800 && picture.info.height == 1200);
    tap_check (picture.info.orientation == (i == 0 ? 1 : i));
    if (i == 1)
      first = picture;
    else if (i > 1)
      tap_check (
          mean_difference (first.data, picture.data, 1800 * 1200 * 3) < 5);
    if (i != 1)
      picture_free (&picture);
  }
  picture_free (&first);
}

static void
check_photo (const char *name)
{
  PetDecodeOptions options;
  Bytes bytes;
  Picture full, reduced;
  PetImage source, target;
  size_t size;

  if (!load ("photos", name, &bytes)) {
    tap_skip ("photos not at hand");
    return;
  }
  pet_decode_options_init (&options);
  full = decode (bytes, &options);
  options.max_size = 1536;
  reduced = decode (bytes, &options);
  bytes_free (&bytes);
  if (full.status != PET_OK || reduced.status != PET_OK) {
    tap_fail ("%s: %s", name, full.error.message);
    return;
  }
  source = (PetImage){ full.data, full.info.width, full.info.height,
    full.info.channels, (ptrdiff_t) full.info.width * full.info.channels };
  target = (PetImage){ NULL, reduced.info.width, reduced.info.height,
    reduced.info.channels,
    (ptrdiff_t) reduced.info.width * reduced.info.channels };
  size = (size_t) target.stride_bytes * (size_t) target.height;
  target.data = malloc (size);
  pet_resample (NULL, &source, &target, PET_FILTER_LANCZOS3, NULL);
  printf ("# %s: %dx%d to %dx%d, mean difference %.3f\n", name, source.width,
      source.height, target.width, target.height,
      mean_difference (target.data, reduced.data, size));
  tap_check (mean_difference (target.data, reduced.data, size) < 1.5);
  free (target.data);
  picture_free (&full);
  picture_free (&reduced);
}

static void
photos_reduce_well (void)
{
  static const char *const names[] = { "Abyssinian_40.jpg", "dog-tzeitel.jpg",
    "redpanda-10mp.jpg", "derived/dog-tzeitel-orient8.jpg",
    "more/cat-galaxy-s2-orient6-8mp.jpg", "more/dog-minolta-4mp.jpg",
    "more/cats-sofa-progressive-3mp.jpg", "more/dog-polly-12mp.jpg",
    "more/dog-cmyk.jpg", "more/lion-rgba.png" };

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    check_photo (names[i]);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (pngsuite),
    TAP_TEST (image_oddities),
    TAP_TEST (interlaced_pairs_agree),
    TAP_TEST (all_orientations_look_the_same),
    TAP_TEST (photos_reduce_well),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
