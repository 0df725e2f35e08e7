/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Contrast of a mask where its slope, by Sobel's operator, is gentle: around one
 * half, so that the outline stays where it is. */

#include <math.h>
#include <string.h>

#include "image/pet-matte.h"

#define SLOPE (0.2F * 255.0F)
#define MOST 4.0F

/* `above`, `row` and `below` as they were; columns beyond the edges are the
 * outermost ones. */
static float
slope_at (const uint8_t *above, const uint8_t *row, const uint8_t *below, int x,
    int width)
{
  int l = x > 0 ? x - 1 : x, r = x + 1 < width ? x + 1 : x;
  int across =
      above[r] - above[l] + 2 * (row[r] - row[l]) + below[r] - below[l];
  int down =
      below[l] - above[l] + 2 * (below[x] - above[x]) + below[r] - above[r];

  return sqrtf ((float) (across * across + down * down)) / 8.0F;
}

static uint8_t
steeper (uint8_t value, float slope)
{
  float factor = slope * MOST > SLOPE ? SLOPE / slope : MOST;
  float result = 127.5F + ((float) value - 127.5F) * factor;

  return (uint8_t) (fminf (fmaxf (result, 0.0F), 255.0F) + 0.5F);
}

PetStatus
pet_mask_steepen (
    const PetImage *mask, const PetAllocator *allocator, PetError *error)
{
  size_t width = (size_t) mask->width;
  uint8_t *rows, *above, *row;

  if (mask->channels != 1)
    return pet_fail (error, PET_ERROR_ARGUMENT, "a mask has one channel");
  rows = above = pet_alloc (allocator, 2 * width);
  if (rows == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for rows of the mask");
  row = rows + width;
  memcpy (above, mask->data, width);
  for (int y = 0; y < mask->height; y++) {
    uint8_t *to = pet_image_row (mask, y), *used = above;
    const uint8_t *below =
        y + 1 < mask->height ? pet_image_row (mask, y + 1) : row;

    memcpy (row, to, width);
    for (int x = 0; x < mask->width; x++)
      if (row[x] > 0 && row[x] < 255) {
        float slope = slope_at (above, row, below, x, mask->width);

        if (slope < SLOPE)
          to[x] = steeper (row[x], slope);
      }
    above = row;
    row = used;
  }
  pet_free (allocator, rows, 2 * width);
  return PET_OK;
}
