/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-grain.h"

#include "image/effects/pet-effect-tables.h"
#include "image/pet-math.h"

#define NORMAL_COUNT (1 << PET_GRAIN_BITS)
#define FINE_SIGMA 0.4f
#define COARSE_SIGMA 0.6f

enum { LAYER_FINE, LAYER_COARSE };

/* Low-bias 32-bit finaliser: two multiplications, every input bit changes
 * every output bit with a probability near one half. */
static uint32_t
mix (uint32_t x)
{
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

void
pet_grain_take (PetScratch *scratch, PetGrain *grain, int width, int height)
{
  size_t coarse_width;

  grain->width = width;
  grain->height = height;
  grain->coarse_width = width > 1 ? width / 2 : 1;
  grain->coarse_height = height > 1 ? height / 2 : 1;
  coarse_width = (size_t) grain->coarse_width;
  grain->normal = pet_scratch_take (scratch, NORMAL_COUNT, sizeof (float));
  for (int i = 0; i < 2; i++)
    grain->coarse[i] = pet_scratch_take (scratch, coarse_width, sizeof (float));
  grain->blend = pet_scratch_take (scratch, coarse_width, sizeof (float));
  grain->left = pet_scratch_take (scratch, (size_t) width, sizeof (int32_t));
  grain->share = pet_scratch_take (scratch, (size_t) width, sizeof (float));
  pet_ring_take (scratch, &grain->noise, 3, width, 0, sizeof (float));
  grain->column =
      pet_scratch_take (scratch, (size_t) width + 2, sizeof (float));
}

/* Where output position `i` looks in the coarse layer: pixel centres at half
 * integers, clamped at both ends. */
static int
coarse_position (int i, int size, int coarse_size, float *share)
{
  double at = (i + 0.5) * coarse_size / size - 0.5;
  int left;

  if (at < 0.0)
    at = 0.0;
  left = (int) at;
  *share = left < coarse_size - 1 ? (float) (at - left) : 0.0f;
  return left < coarse_size - 1 ? left : coarse_size - 1;
}

void
pet_grain_start (PetGrain *grain, uint32_t seed)
{
  grain->seed = mix (seed ^ 0x243f6a88u);
  pet_grain_normal (grain->normal);
  for (int x = 0; x < grain->width; x++)
    grain->left[x] = coarse_position (
        x, grain->width, grain->coarse_width, &grain->share[x]);
  grain->coarse_y[0] = grain->coarse_y[1] = -1;
  grain->n_noise = 0;
  pet_gaussian_taps (grain->taps, 1, 0.5);
}

static void
normal_row (
    const PetGrain *grain, int layer, int y, float *restrict row, int width)
{
  const float *restrict normal = grain->normal;
  uint32_t key =
      mix (grain->seed + ((uint32_t) y * 2 + (uint32_t) layer) * 0x9e3779b1u);

  for (int x = 0; x < width; x++) {
    uint32_t bits = mix (key + (uint32_t) x * 0x9e3779b1u);

    row[x] = normal[bits >> (32 - PET_GRAIN_BITS)];
  }
}

static const float *
coarse_row (PetGrain *grain, int y)
{
  int slot = y & 1;

  if (grain->coarse_y[slot] != y) {
    normal_row (
        grain, LAYER_COARSE, y, grain->coarse[slot], grain->coarse_width);
    grain->coarse_y[slot] = y;
  }
  return grain->coarse[slot];
}

static void
add_coarse (float *restrict row, const float *restrict blend,
    const int32_t *restrict lefts, const float *restrict shares, int width)
{
  for (int x = 0; x < width; x++) {
    int32_t left = lefts[x], right = left + (shares[x] > 0.0f);
    float coarse = blend[left] + (blend[right] - blend[left]) * shares[x];

    row[x] = 0.7f * FINE_SIGMA * row[x] + 0.3f * COARSE_SIGMA * coarse;
  }
}

static void
make_noise_row (PetGrain *grain, int y)
{
  float *row = pet_ring_row (&grain->noise, y), *blend = grain->blend;
  float share;
  int top = coarse_position (y, grain->height, grain->coarse_height, &share);
  const float *above = coarse_row (grain, top);
  const float *below = share > 0.0f ? coarse_row (grain, top + 1) : above;

  for (int x = 0; x < grain->coarse_width; x++)
    blend[x] = above[x] + (below[x] - above[x]) * share;
  normal_row (grain, LAYER_FINE, y, row, grain->width);
  add_coarse (row, blend, grain->left, grain->share, grain->width);
}

void
pet_grain_row (PetGrain *grain, int y, float *row)
{
  float *column = grain->column + 1;
  int width = grain->width;

  while (grain->n_noise < grain->height && grain->n_noise <= y + 1) {
    make_noise_row (grain, grain->n_noise);
    grain->n_noise++;
  }
  pet_blur_column (column, &grain->noise, y, grain->height, grain->taps, 1);
  column[-1] = column[pet_mirror (-1, width)];
  column[width] = column[pet_mirror (width, width)];
  pet_blur_row (row, column, width, grain->taps, 1);
}
