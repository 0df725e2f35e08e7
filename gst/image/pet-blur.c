/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each sum stays in a register from its first tap to its last; for the radii
 * that looks have the taps are unrolled. The order of additions is the same
 * for all radii and versions. */

#include "image/pet-blur.h"

#define MAX_RADIUS 10

static inline void
blur_row (float *restrict dst, const float *restrict src, int width,
    const float *taps, int radius)
{
  for (int x = 0; x < width; x++) {
    float sum = taps[0] * src[x];

#pragma GCC unroll 10
    for (int k = 1; k <= radius; k++)
      sum += taps[k] * (src[x - k] + src[x + k]);
    dst[x] = sum;
  }
}

void
pet_blur_row (float *restrict dst, const float *restrict src, int width,
    const float *taps, int radius)
{
  switch (radius) {
    case 1:
      blur_row (dst, src, width, taps, 1);
      break;
    case 2:
      blur_row (dst, src, width, taps, 2);
      break;
    case 4:
      blur_row (dst, src, width, taps, 4);
      break;
    default:
      blur_row (dst, src, width, taps, 10);
      break;
  }
}

static inline void
blur_column (float *restrict dst, const float *const *above,
    const float *const *below, int width, const float *taps, int radius)
{
  for (int x = 0; x < width; x++) {
    float sum = taps[0] * above[0][x];

#pragma GCC unroll 10
    for (int k = 1; k <= radius; k++)
      sum += taps[k] * (above[k][x] + below[k][x]);
    dst[x] = sum;
  }
}

void
pet_blur_column (float *restrict dst, const PetRing *ring, int y, int height,
    const float *taps, int radius)
{
  const float *above[MAX_RADIUS + 1], *below[MAX_RADIUS + 1];

  for (int k = 0; k <= radius; k++) {
    above[k] = pet_ring_row (ring, pet_mirror (y - k, height));
    below[k] = pet_ring_row (ring, pet_mirror (y + k, height));
  }
  switch (radius) {
    case 1:
      blur_column (dst, above, below, ring->width, taps, 1);
      break;
    case 2:
      blur_column (dst, above, below, ring->width, taps, 2);
      break;
    case 4:
      blur_column (dst, above, below, ring->width, taps, 4);
      break;
    default:
      blur_column (dst, above, below, ring->width, taps, 10);
      break;
  }
}
