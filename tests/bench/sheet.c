/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-sheet OUT.png NETWORK PHOTO...
 *
 * A contact sheet: of each photo itself, its cut-out on magenta, and its
 * cut-out on white, to be looked at. */

#include <stdio.h>

#include "bench/accuracy-networks.h"
#include "bench/accuracy-photo.h"
#include "base/pet-resample.h"
#include "codec/pet-png-encoder.h"
#include "image/pet-matte.h"

#define CELL 224
#define PARTS 3
#define PHOTOS_ACROSS 3

static PetStatus
write_file (void *user, const void *bytes, size_t size, PetError *error)
{
  if (fwrite (bytes, 1, size, user) != size)
    return pet_fail (error, PET_ERROR_IO, "the sheet cannot be written");
  return PET_OK;
}

/* RGBA of the photo's size. */
static bool
cut_out (
    AccuracyNetworks *networks, const PetImage *photo, const PetImage *cutout)
{
  PetMatteOptions options = {
    .refine = true, .low = 12, .high = 243, .decontaminate = true, .scrub = true
  };
  PetFound found;
  bool done;

  if (accuracy_find (networks, photo, &found, NULL) != PET_OK)
    return false;
  options.part = found.part;
  done = pet_matte_cut (
             &found.mask, photo, cutout, &options, NULL, NULL, NULL) == PET_OK;
  pet_find_clear (&found, NULL);
  return done;
}

/* `part` 0: the photo; 1 and 2: the cut-out on magenta and on white. */
static PetImage
flatten (const PetImage *photo, const PetImage *cutout, int part)
{
  static const uint8_t grounds[][3] = { { 255, 0, 255 }, { 255, 255, 255 } };
  PetImage flat = accuracy_image (photo->width, photo->height, 3);

  for (int i = 0; i < photo->width * photo->height; i++) {
    const uint8_t *p = part == 0 ? photo->data + (ptrdiff_t) photo->channels * i
                                 : cutout->data + 4 * (ptrdiff_t) i;
    int alpha = part == 0 ? 255 : p[3];

    for (int c = 0; c < 3; c++)
      flat.data[3 * i + c] =
          (uint8_t) ((p[c] * alpha + grounds[part == 2][c] * (255 - alpha) +
                         127) /
              255);
  }
  return flat;
}

/* Scaled into the cell whose first pixel is at x, y. */
static void
place (const PetImage *sheet, int x, int y, const PetImage *picture)
{
  int side =
      picture->width > picture->height ? picture->width : picture->height;
  PetImage small = *sheet;

  small.width = picture->width * CELL / side;
  small.height = picture->height * CELL / side;
  small.width += small.width == 0;
  small.height += small.height == 0;
  small.data += y * sheet->stride_bytes + 3 * (ptrdiff_t) x;
  if (pet_resample (NULL, picture, &small, PET_FILTER_TRIANGLE, NULL) != PET_OK)
    abort ();
}

static bool
add_photo (
    AccuracyNetworks *networks, const char *path, int number, PetImage *sheet)
{
  PetImage photo, cutout;
  bool done;

  if (!accuracy_read (path, &photo)) {
    fprintf (stderr, "%s cannot be read\n", path);
    return false;
  }
  cutout = accuracy_image (photo.width, photo.height, 4);
  done = cut_out (networks, &photo, &cutout);
  for (int part = 0; part < PARTS && done; part++) {
    PetImage flat = flatten (&photo, &cutout, part);

    place (sheet, (number % PHOTOS_ACROSS * PARTS + part) * CELL,
        number / PHOTOS_ACROSS * CELL, &flat);
    free (flat.data);
  }
  free (photo.data);
  free (cutout.data);
  return done;
}

static bool
write_sheet (const PetImage *sheet, const char *path)
{
  FILE *file = fopen (path, "wb");
  PetPngOptions options;
  bool done;

  if (file == NULL)
    return false;
  pet_png_options_init (&options);
  done =
      pet_png_encode (sheet, &options, write_file, file, NULL, NULL) == PET_OK;
  return fclose (file) == 0 && done;
}

int
main (int argc, char **argv)
{
  AccuracyNetworks networks;
  int photos = argc - 3;
  PetImage sheet;
  PetError error;
  bool done = true;

  if (photos < 1) {
    fprintf (stderr, "usage: bench-sheet OUT.png NETWORK PHOTO...\n");
    return 1;
  }
  if (accuracy_open (argv[2], &networks, &error) != PET_OK) {
    fprintf (stderr, "%s\n", error.message);
    return 1;
  }
  sheet = accuracy_image (PHOTOS_ACROSS * PARTS * CELL,
      ((photos - 1) / PHOTOS_ACROSS + 1) * CELL, 3);
  for (int i = 0; i < photos && done; i++)
    done = add_photo (&networks, argv[3 + i], i, &sheet);
  done = done && write_sheet (&sheet, argv[1]);
  free (sheet.data);
  accuracy_close (&networks);
  return done ? 0 : 1;
}
