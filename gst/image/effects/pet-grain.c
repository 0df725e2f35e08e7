/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-grain.h"

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-floats.h"
#include "image/pet-math.h"

#define FINE_SIGMA 0.4f
#define COARSE_SIGMA 0.6f

/* Positions whose random numbers are found before their values are read. */
#define BATCH 64

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
  for (int i = 0; i < 2; i++)
    grain->coarse[i] = pet_scratch_take (scratch, coarse_width, sizeof (float));
  grain->blend = pet_scratch_take (
      scratch, coarse_width + PET_GRAIN_SPARE, sizeof (float));
  grain->left = pet_scratch_take (
      scratch, (size_t) width + PET_GRAIN_SPARE, sizeof (int32_t));
  grain->share = pet_scratch_take (
      scratch, (size_t) width + PET_GRAIN_SPARE, sizeof (float));
  pet_ring_take (
      scratch, &grain->noise, 3, width, PET_GRAIN_SPARE, sizeof (float));
  grain->column = pet_scratch_take (
      scratch, (size_t) width + 2 * PET_GRAIN_SPARE, sizeof (float));
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
  grain->normal = pet_grain_normal ();
  for (int x = 0; x < grain->width; x++)
    grain->left[x] = coarse_position (
        x, grain->width, grain->coarse_width, &grain->share[x]);
  for (int x = grain->width; x < grain->width + PET_GRAIN_SPARE; x++) {
    grain->left[x] = grain->left[grain->width - 1];
    grain->share[x] = 0.0f;
  }
  grain->coarse_y[0] = grain->coarse_y[1] = -1;
  grain->n_noise = 0;
  pet_gaussian_taps (grain->taps, 1, 0.5);
}

static void
normal_row (const PetGrain *grain, int layer, int y, float *row, int width)
{
  uint32_t places[BATCH];
  uint32_t key =
      mix (grain->seed + ((uint32_t) y * 2 + (uint32_t) layer) * 0x9e3779b1u);

  for (int x = 0; x < width; x += BATCH) {
    for (int i = 0; i < BATCH; i++)
      places[i] =
          mix (key + (uint32_t) (x + i) * 0x9e3779b1u) >> (32 - PET_GRAIN_BITS);
    pet_floats_fetch (
        grain->normal, places, row + x, width - x < BATCH ? width - x : BATCH);
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

/* What is at `at` and behind it, of `blend`. The coarse layer has at most one
 * number for two positions, so that those of one register lie in one. */
static inline PetFloats
pick (const float *blend, const int32_t *at, PetFloats *behind)
{
#if PET_FLOATS == 16
  __m512 window = _mm512_loadu_ps (blend + at[0]);
  __m512i step =
      _mm512_sub_epi32 (_mm512_loadu_si512 (at), _mm512_set1_epi32 (at[0]));

  *behind = _mm512_permutexvar_ps (
      _mm512_add_epi32 (step, _mm512_set1_epi32 (1)), window);
  return _mm512_permutexvar_ps (step, window);
#elif PET_FLOATS == 8
  __m256 window = _mm256_loadu_ps (blend + at[0]);
  __m256i step = _mm256_sub_epi32 (
      _mm256_loadu_si256 ((const __m256i *) at), _mm256_set1_epi32 (at[0]));

  *behind = _mm256_permutevar8x32_ps (
      window, _mm256_add_epi32 (step, _mm256_set1_epi32 (1)));
  return _mm256_permutevar8x32_ps (window, step);
#else
  *behind = (PetFloats){ blend[at[0] + 1], blend[at[1] + 1], blend[at[2] + 1],
    blend[at[3] + 1] };
  return (PetFloats){ blend[at[0]], blend[at[1]], blend[at[2]], blend[at[3]] };
#endif
}

static void
add_coarse (float *row, const float *blend, const int32_t *lefts,
    const float *shares, int width)
{
  for (int x = 0; x < width; x += PET_FLOATS) {
    PetFloats right, left = pick (blend, lefts + x, &right);
    PetFloats coarse = left + (right - left) * pet_floats_load (shares + x);

    pet_floats_store (row + x,
        0.7f * FINE_SIGMA * pet_floats_load (row + x) +
            0.3f * COARSE_SIGMA * coarse);
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
  /* What the last one is mixed with, by a share of 0. */
  blend[grain->coarse_width] = blend[grain->coarse_width - 1];
  normal_row (grain, LAYER_FINE, y, row, grain->width);
  add_coarse (row, blend, grain->left, grain->share, grain->width);
}

void
pet_grain_row (PetGrain *grain, int y, float *row)
{
  float *column = grain->column + PET_GRAIN_SPARE;
  const float *above, *middle, *below;
  int width = grain->width, height = grain->height;
  float near = grain->taps[1], here = grain->taps[0];

  while (grain->n_noise < height && grain->n_noise <= y + 1) {
    make_noise_row (grain, grain->n_noise);
    grain->n_noise++;
  }
  above = pet_ring_row (&grain->noise, pet_mirror (y - 1, height));
  middle = pet_ring_row (&grain->noise, y);
  below = pet_ring_row (&grain->noise, pet_mirror (y + 1, height));
  for (int x = 0; x < width; x += PET_FLOATS)
    pet_floats_store (column + x,
        here * pet_floats_load (middle + x) +
            near * (pet_floats_load (above + x) + pet_floats_load (below + x)));
  pet_mirror_ends (column, width, 1);
  for (int x = 0; x < width; x += PET_FLOATS)
    pet_floats_store (row + x,
        here * pet_floats_load (column + x) +
            near *
                (pet_floats_load (column + x - 1) +
                    pet_floats_load (column + x + 1)));
}
