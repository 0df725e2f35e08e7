/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the looks share: carving scratch memory, rings of rows, the mirrored
 * border and small separable blurs. Looks work row by row: a ring holds just
 * the rows that a filter's height asks for, so scratch memory grows with the
 * width of a picture and not with its area. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Hands out aligned pieces of one block. With `base` NULL it only measures,
 * so that scratch_bytes() and render() of a look share one layout function
 * and cannot disagree. */
typedef struct {
  char *base;
  size_t used_bytes;
  bool overflow;
} PetScratch;

/* `count` elements, aligned to PET_ALIGNMENT; NULL while measuring. */
void *pet_scratch_take (
    PetScratch *scratch, size_t count, size_t element_bytes);

/* What was taken so far; (size_t) -1 on overflow. */
size_t pet_scratch_size (const PetScratch *scratch);

/* The `count` newest rows of a plane, each with `pad` elements to spare on
 * both sides. Row y lives where row y + count will. */
typedef struct {
  char *rows;
  size_t pitch_bytes;
  size_t element_bytes;
  int count;
  int width;
  int pad;
} PetRing;

void pet_ring_take (PetScratch *scratch, PetRing *ring, int count, int width,
    int pad, size_t element_bytes);

/* Column 0 of row `y` >= 0. */
static inline void *
pet_ring_row (const PetRing *ring, int y)
{
  return ring->rows + (size_t) (y % ring->count) * ring->pitch_bytes +
      (size_t) ring->pad * ring->element_bytes;
}

/* Index `i` of a line of `n` >= 1 elements, mirrored at both ends without
 * repeating the last element (dcb|abcd|cba), as often as needed. */
static inline int
pet_mirror (int i, int n)
{
  int period = 2 * (n - 1);

  if (i >= 0 && i < n)
    return i;
  if (n == 1)
    return 0;
  i %= period;
  if (i < 0)
    i += period;
  return i < n ? i : period - i;
}

/* Fills `reach` elements on both sides of a row by mirroring. */
void pet_mirror_ends (float *row, int width, int reach);

static inline float
pet_clamp01 (float value)
{
  return value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
}

/* Half of a sampled Gaussian, exp (-x^2 / 2 sigma^2) for x = 0..radius,
 * normalised so that the whole kernel has the sum 1. */
void pet_gaussian_taps (float *taps, int radius, double sigma);
