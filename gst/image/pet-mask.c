/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Measuring and scaling of masks. No memory is taken. */

#include "image/pet-matte.h"

#include <string.h>

void
pet_mask_stats (const PetImage *mask, PetMaskStats *stats)
{
  int left = mask->width, right = -1, top = -1, bottom = -1;
  uint64_t sum = 0;

  for (int y = 0; y < mask->height; y++) {
    const uint8_t *row = pet_image_row (mask, y);
    int first = mask->width, last = -1;

    for (int x = 0; x < mask->width; x++)
      sum += row[x];
    for (int x = 0; x < mask->width && first == mask->width; x++)
      if (row[x] >= 128)
        first = x;
    for (int x = mask->width - 1; x >= first && last < 0; x--)
      if (row[x] >= 128)
        last = x;
    if (last < 0)
      continue;
    left = first < left ? first : left;
    right = last > right ? last : right;
    top = top < 0 ? y : top;
    bottom = y;
  }
  memset (stats, 0, sizeof *stats);
  if (mask->width > 0 && mask->height > 0)
    stats->coverage =
        (double) sum / (255.0 * (double) mask->width * (double) mask->height);
  if (right < 0)
    return;
  stats->x = left;
  stats->y = top;
  stats->width = right - left + 1;
  stats->height = bottom - top + 1;
}

/* Where output position `i` looks: first neighbour and share of the second. */
static int
source_position (int i, int size, int source_size, float *share)
{
  double at = (i + 0.5) * source_size / size - 0.5;
  int first;

  if (at < 0.0)
    at = 0.0;
  first = (int) at;
  if (first >= source_size - 1) {
    *share = 0.0f;
    return source_size - 1;
  }
  *share = (float) (at - first);
  return first;
}

/* Columns whose positions are worked out at a time, on the stack. */
#define STRIP 256

static void
scale_strip (const PetImage *mask, const PetImage *dst, int from, int count)
{
  int left[STRIP], right[STRIP];
  float share[STRIP];

  for (int i = 0; i < count; i++) {
    left[i] = source_position (from + i, dst->width, mask->width, &share[i]);
    right[i] = left[i] + (share[i] > 0.0f);
  }
  for (int y = 0; y < dst->height; y++) {
    float down;
    int top = source_position (y, dst->height, mask->height, &down);
    const uint8_t *above = pet_image_row (mask, top);
    const uint8_t *below = down > 0.0f ? pet_image_row (mask, top + 1) : above;
    uint8_t *out = pet_image_row (dst, y) + from;

    for (int i = 0; i < count; i++) {
      float a = above[left[i]], b = below[left[i]];
      float upper = a + (above[right[i]] - a) * share[i];
      float lower = b + (below[right[i]] - b) * share[i];

      out[i] = (uint8_t) (upper + (lower - upper) * down + 0.5f);
    }
  }
}

void
pet_mask_scale (const PetImage *mask, const PetImage *dst)
{
  for (int x = 0; x < dst->width; x += STRIP) {
    int rest = dst->width - x;

    scale_strip (mask, dst, x, rest < STRIP ? rest : STRIP);
  }
}

void
pet_mask_levels (const PetImage *mask, int low, int high)
{
  uint8_t table[256];

  for (int i = 0; i < 256; i++) {
    int level = i < low ? low : i > high ? high : i;

    table[i] =
        (uint8_t) (((level - low) * 255 + (high - low) / 2) / (high - low));
  }
  for (int y = 0; y < mask->height; y++) {
    uint8_t *row = pet_image_row (mask, y);

    for (int x = 0; x < mask->width; x++)
      row[x] = table[row[x]];
  }
}
