/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What leaves as few colours: levels of alpha, and inks mixed with paper.
 * Colours are 0xRRGGBB. Thread-safety: safe. */

#pragma once

#include <stdint.h>

#include "image/effects/pet-oklab.h"
#include "image/pet-pixels.h"

/* Prints have crisp edges: a soft edge becomes a fifth as wide. The result is
 * 0..levels, all of it for 255. */
static inline uint32_t
pet_print_level (uint32_t alpha, uint32_t levels)
{
  int32_t crisp = 5 * (int32_t) alpha - 510;

  crisp = crisp < 0 ? 0 : crisp > 255 ? 255 : crisp;
  return ((uint32_t) crisp * levels + 127) / 255;
}

static inline void
pet_print_linear (uint32_t color, float rgb[3])
{
  for (int c = 0; c < 3; c++)
    rgb[c] = pet_linear ((float) (color >> (16 - 8 * c) & 255) / 255.0f);
}

/* share * a + (1 - share) * b, in linear light; alpha 0. */
static inline uint32_t
pet_print_mix (uint32_t a, uint32_t b, float share)
{
  float x[3], y[3];
  uint32_t level[3];

  pet_print_linear (a, x);
  pet_print_linear (b, y);
  for (int c = 0; c < 3; c++)
    level[c] = pet_srgb_level (y[c] + share * (x[c] - y[c]));
  if (share >= 1.0f || share <= 0.0f)
    for (int c = 0; c < 3; c++)
      level[c] = (share > 0.5f ? a : b) >> (16 - 8 * c) & 255;
  return pet_pixel (level[0], level[1], level[2], 0);
}
