/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-dither.h"

#include <math.h>
#include <string.h>

#include "image/pet-pixels.h"

/* Lattice points made at a time. */
#define BATCH 64

/* Exact as floats, too. */
static const PetSoft taps[PET_DITHER_BLUR_RADIUS + 1] = { 9.0 / 32.0,
  7.0 / 32.0, 3.5 / 32.0, 1.0 / 32.0 };

static int values_side_by_side (
    const double *const rows[3], double strength, double *value, int n);

void
pet_dither_values (const double *const rows[3], double strength, int spacing,
    double *value, int n)
{
  int i = spacing == 2 ? values_side_by_side (rows, strength, value, n) : 0;

  for (; i < n; i++)
    value[i] = pet_dither_edge (rows[0] + i * spacing, rows[1] + i * spacing,
        rows[2] + i * spacing, strength);
}

#if PET_SOFT_IS_EXACT
static int
values_side_by_side (
    const double *const rows[3], double strength, double *value, int n)
{
  return 0;
}

void
pet_dither_sharpen (const PetSoft *const rows[4], double strength,
    PetSoft *sharp, PetSoft *sharp2, int first, int end)
{
  for (int x = first; x < end; x++) {
    sharp[x] =
        pet_dither_edge (rows[0] + x, rows[1] + x, rows[2] + x, strength);
    sharp2[x] =
        pet_dither_edge (rows[1] + x, rows[2] + x, rows[3] + x, strength);
  }
}
#else
typedef struct {
  PetLanes left, here, right;
} Three;

/* Of every second column from `row` on; `before` are the odd ones before it. */
static inline Three
load_three (const double *row, PetLanes *before)
{
  Three three;

  pet_lanes_split (pet_lanes_load (row), pet_lanes_load (row + PET_LANES),
      &three.here, &three.right);
  three.left = pet_lanes_left (*before, three.right);
  *before = three.right;
  return three;
}

/* At spacing 2, in the order of edge(); how many of them. */
static int
values_side_by_side (
    const double *const rows[3], double strength, double *value, int n)
{
  const double part = strength / 8.0;
  PetLanes before[3];
  int i = 0;

  for (int k = 0; k < 3; k++)
    before[k] = rows[k][-1] - (PetLanes){ 0.0 };
  for (; i + PET_LANES <= n; i += PET_LANES) {
    Three above = load_three (rows[0] + 2 * i, &before[0]);
    Three grey = load_three (rows[1] + 2 * i, &before[1]);
    Three below = load_three (rows[2] + 2 * i, &before[2]);
    PetLanes around = above.left + above.here + above.right + grey.left +
        grey.right + below.left + below.here + below.right;

    pet_lanes_store (value + i,
        pet_lanes_clamp (
            grey.here + part * (8.0 * grey.here - around), 0.0, 255.0));
  }
  return i;
}

/* Of four rows: the sums down the columns of the first three and of the last
 * three, and the two rows between. */
typedef struct {
  PetSoftLanes sum, sum2, grey, grey2;
} Columns;

static inline Columns
load_columns (const PetSoft *const rows[4], int x)
{
  Columns c = { .grey = pet_soft_load (rows[1] + x),
    .grey2 = pet_soft_load (rows[2] + x) };
  PetSoftLanes middle = c.grey + c.grey2;

  c.sum = middle + pet_soft_load (rows[0] + x);
  c.sum2 = middle + pet_soft_load (rows[3] + x);
  return c;
}

static inline PetSoftLanes
sharpen (PetSoftLanes grey, PetSoftLanes before, PetSoftLanes here,
    PetSoftLanes behind, PetSoft part)
{
  PetSoftLanes sum =
      pet_soft_left (before, here) + here + pet_soft_right (here, behind);

  return pet_soft_clamp (grey + part * (9.0f * grey - sum), 0.0f, 255.0f);
}

void
pet_dither_sharpen (const PetSoft *const rows[4], double strength,
    PetSoft *sharp, PetSoft *sharp2, int first, int end)
{
  const PetSoft part = (PetSoft) (strength / 8.0);
  Columns before = load_columns (rows, first - PET_SOFT_LANES);
  Columns here = load_columns (rows, first);

  for (int x = first; x < end; x += PET_SOFT_LANES) {
    Columns behind = load_columns (rows, x + PET_SOFT_LANES);

    pet_soft_store (
        sharp + x, sharpen (here.grey, before.sum, here.sum, behind.sum, part));
    pet_soft_store (sharp2 + x,
        sharpen (here.grey2, before.sum2, here.sum2, behind.sum2, part));
    before = here;
    here = behind;
  }
}
#endif

static inline PetSoftLanes
blur (const PetSoft *const *rows, int x)
{
  return taps[0] * pet_soft_load (rows[0] + x) +
      taps[1] * (pet_soft_load (rows[-1] + x) + pet_soft_load (rows[1] + x)) +
      taps[2] * (pet_soft_load (rows[-2] + x) + pet_soft_load (rows[2] + x)) +
      taps[3] * (pet_soft_load (rows[-3] + x) + pet_soft_load (rows[3] + x));
}

static inline void
blur_two (const PetSoft *const *rows, int distance, PetSoft *line,
    PetSoft *line2, int first, int end)
{
  for (int x = first; x < end; x += PET_SOFT_LANES) {
    PetSoftLanes one = blur (rows, x), two = blur (rows + distance, x);

    pet_soft_store (line + x, one);
    pet_soft_store (line2 + x, two);
  }
}

/* The usual distance as a constant saves the loads that two rows share. */
void
pet_dither_blur_columns (const PetSoft *const *rows, int distance,
    PetSoft *line, PetSoft *line2, int first, int end)
{
  if (distance == 2)
    blur_two (rows, 2, line, line2, first, end);
  else
    blur_two (rows, distance, line, line2, first, end);
}

static inline PetSoft
threshold_at (const PetSoft *line)
{
  return (PetSoft) 0.7 *
      (taps[0] * line[0] + taps[1] * (line[-1] + line[1]) +
          taps[2] * (line[-2] + line[2]) + taps[3] * (line[-3] + line[3])) +
      (PetSoft) (0.3 * 128.0 - PET_DITHER_SLACK);
}

#if PET_SOFT_IS_EXACT
static int
thresholds_side_by_side (const PetSoft *line, double *threshold, int n)
{
  return 0;
}
#else
/* At spacing 2; how many of them. Points are even columns, and what is beside
 * them in one of three pairs of vectors. */
static int
thresholds_side_by_side (const PetSoft *line, double *threshold, int n)
{
  PetSoftLanes even[3], odd[3], left;
  int i = 0;

  for (int k = 0; k < 2; k++) {
    const PetSoft *from = line + 2 * (k - 1) * PET_SOFT_LANES;

    pet_soft_split (pet_soft_load (from), pet_soft_load (from + PET_SOFT_LANES),
        &even[k], &odd[k]);
  }
  left = pet_soft_left (odd[0], odd[0]);
  for (; i + PET_SOFT_LANES <= n; i += PET_SOFT_LANES) {
    const PetSoft *next = line + 2 * (i + PET_SOFT_LANES);
    PetSoftLanes left2 = left, t;

    left = pet_soft_left (odd[0], odd[1]);
    left2 = pet_soft_left (left2, left);
    pet_soft_split (pet_soft_load (next), pet_soft_load (next + PET_SOFT_LANES),
        &even[2], &odd[2]);
    t = taps[0] * even[1] + taps[1] * (left + odd[1]) +
        taps[2] *
            (pet_soft_left (even[0], even[1]) +
                pet_soft_right (even[1], even[2])) +
        taps[3] * (left2 + pet_soft_right (odd[1], odd[2]));
    pet_soft_widen (
        threshold + i, 0.7f * t + (float) (0.3 * 128.0 - PET_DITHER_SLACK));
    even[0] = even[1], odd[0] = odd[1];
    even[1] = even[2], odd[1] = odd[2];
  }
  return i;
}
#endif

void
pet_dither_threshold (
    const PetSoft *line, int spacing, double *threshold, int n)
{
  int i = spacing == 2 ? thresholds_side_by_side (line, threshold, n) : 0;

  for (; i < n; i++)
    threshold[i] = (double) threshold_at (line + spacing * i);
}

static void
hide_batch (const uint8_t *restrict pixels, double *restrict threshold)
{
  uint32_t pixel[2 * BATCH];

  memcpy (pixel, pixels, sizeof pixel);
  for (int i = 0; i < BATCH; i++)
    threshold[i] = (pixel[2 * i] & PET_PIXEL_ALPHA) != 0 ? threshold[i] : NAN;
}

void
pet_dither_hide (const uint8_t *pixels, int spacing, double *threshold, int n)
{
  int i = 0;

  for (; spacing == 2 && i + BATCH < n; i += BATCH)
    hide_batch (pixels + 8 * (size_t) i, threshold + i);
  for (; i < n; i++)
    if (pixels[4 * (size_t) (i * spacing) + 3] == 0)
      threshold[i] = NAN;
}
