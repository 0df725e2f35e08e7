/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* EXIF orientations: 1 as stored, 2 mirrored left to right, 3 turned by half,
 * 4 mirrored top to bottom, 5 transposed, 6 to be turned right by a quarter,
 * 7 transposed the other way, 8 to be turned left by a quarter. */

#include "codec/pet-place.h"

#include <stdbool.h>
#include <string.h>

static bool
swaps_axes (int orientation)
{
  return orientation >= 5;
}

size_t
pet_placer_bytes (int orientation, int width, int channels)
{
  if (!swaps_axes (orientation))
    return 0;
  return (size_t) PET_PLACE_STRIP_ROWS * (size_t) width * (size_t) channels;
}

PetStatus
pet_placer_init (PetPlacer *placer, const PetAllocator *allocator,
    const PetImage *image, int orientation, int width, int height,
    PetError *error)
{
  *placer = (PetPlacer){ .allocator = allocator,
    .image = *image,
    .orientation = orientation,
    .width = width,
    .height = height,
    .strip_bytes = pet_placer_bytes (orientation, width, image->channels) };
  if (placer->strip_bytes == 0)
    return PET_OK;
  placer->strip = pet_alloc (allocator, placer->strip_bytes);
  if (placer->strip == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to turn the picture");
  return PET_OK;
}

void
pet_placer_clear (PetPlacer *placer)
{
  pet_free (placer->allocator, placer->strip, placer->strip_bytes);
  placer->strip = NULL;
}

static uint8_t *
strip_row (const PetPlacer *placer, int y)
{
  return placer->strip +
      (size_t) (y % PET_PLACE_STRIP_ROWS) * (size_t) placer->width *
      (size_t) placer->image.channels;
}

uint8_t *
pet_placer_begin_row (PetPlacer *placer, int y)
{
  if (placer->strip != NULL)
    return strip_row (placer, y);
  if (placer->orientation == 3 || placer->orientation == 4)
    y = placer->height - 1 - y;
  return pet_image_row (&placer->image, y);
}

static void
mirror_row (uint8_t *row, int width, int channels)
{
  uint8_t *left = row;
  uint8_t *right = row + (ptrdiff_t) (width - 1) * channels;

  for (; left < right; left += channels, right -= channels)
    for (int c = 0; c < channels; c++) {
      uint8_t kept = left[c];

      left[c] = right[c];
      right[c] = kept;
    }
}

/* Pixel `x` of `n_rows` strip rows, in the order of the rows or against it,
 * side by side to `out`. */
static void
copy_column (const PetPlacer *placer, int x, int n_rows, bool reverse,
    uint8_t *restrict out)
{
  int channels = placer->image.channels;
  ptrdiff_t step = (ptrdiff_t) placer->width * channels;
  const uint8_t *in = placer->strip + (ptrdiff_t) x * channels;

  if (reverse) {
    in += step * (n_rows - 1);
    step = -step;
  }
  if (channels == 4) {
    for (int i = 0; i < n_rows; i++, in += step, out += 4)
      memcpy (out, in, 4);
  } else {
    for (int i = 0; i < n_rows; i++, in += step, out += 3) {
      out[0] = in[0];
      out[1] = in[1];
      out[2] = in[2];
    }
  }
}

/* Stored rows first .. first + n_rows - 1 become as many columns. */
static void
place_strip (const PetPlacer *placer, int first, int n_rows)
{
  bool right_to_left = placer->orientation == 6 || placer->orientation == 7;
  bool bottom_up = placer->orientation == 7 || placer->orientation == 8;
  int column = right_to_left ? placer->height - first - n_rows : first;

  for (int x = 0; x < placer->width; x++) {
    int row = bottom_up ? placer->width - 1 - x : x;

    copy_column (placer, x, n_rows, right_to_left,
        pet_image_row (&placer->image, row) +
            (ptrdiff_t) column * placer->image.channels);
  }
}

void
pet_placer_end_row (PetPlacer *placer, int y)
{
  int n_rows = y % PET_PLACE_STRIP_ROWS + 1;

  if (placer->orientation == 2)
    mirror_row (pet_image_row (&placer->image, y), placer->width,
        placer->image.channels);
  else if (placer->orientation == 3)
    mirror_row (pet_image_row (&placer->image, placer->height - 1 - y),
        placer->width, placer->image.channels);
  else if (placer->strip != NULL &&
      (n_rows == PET_PLACE_STRIP_ROWS || y == placer->height - 1))
    place_strip (placer, y + 1 - n_rows, n_rows);
}
