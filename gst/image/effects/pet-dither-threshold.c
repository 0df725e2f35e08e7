/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-dither.h"

#include <math.h>
#include <string.h>

#include "image/effects/pet-dither-lanes.h"
#include "image/pet-pixels.h"

/* Lattice points made at a time. */
#define BATCH 64

static const double taps[PET_DITHER_BLUR_RADIUS + 1] = { 9.0 / 32.0, 7.0 / 32.0,
  3.5 / 32.0, 1.0 / 32.0 };

typedef struct {
  PetLanes left, here, right;
} Three;

static inline PetLanes
sharpen (Three above, Three grey, Three below, double strength)
{
  PetLanes around = above.left + above.here + above.right + grey.left +
      grey.right + below.left + below.here + below.right;

  /* The 8 of (8 g - around) / 8 is a power of two: it rounds nowhere. */
  return pet_lanes_clamp (
      grey.here + strength / 8.0 * (8.0 * grey.here - around), 0.0, 255.0);
}

/* Two rows share what they load. */
void
pet_dither_sharpen (const double *const rows[4], double strength, double *sharp,
    double *sharp2, int first, int end)
{
  const double *row[4] = { rows[0], rows[1], rows[2], rows[3] };
  PetLanes before[4], here[4];

  for (int i = 0; i < 4; i++) {
    before[i] = pet_lanes_load (row[i] + first - PET_LANES);
    here[i] = pet_lanes_load (row[i] + first);
  }
  for (int x = first; x < end; x += PET_LANES) {
    Three three[4];

    for (int i = 0; i < 4; i++) {
      PetLanes behind = pet_lanes_load (row[i] + x + PET_LANES);

      three[i].left = pet_lanes_left (before[i], here[i], row[i] + x);
      three[i].here = here[i];
      three[i].right = pet_lanes_right (here[i], behind, row[i] + x);
      before[i] = here[i];
      here[i] = behind;
    }
    pet_lanes_store (
        sharp + x, sharpen (three[0], three[1], three[2], strength));
    pet_lanes_store (
        sharp2 + x, sharpen (three[1], three[2], three[3], strength));
  }
}

static inline PetLanes
blur (const double *const *rows, int x)
{
  return taps[0] * pet_lanes_load (rows[0] + x) +
      taps[1] * (pet_lanes_load (rows[-1] + x) + pet_lanes_load (rows[1] + x)) +
      taps[2] * (pet_lanes_load (rows[-2] + x) + pet_lanes_load (rows[2] + x)) +
      taps[3] * (pet_lanes_load (rows[-3] + x) + pet_lanes_load (rows[3] + x));
}

static inline void
blur_two (const double *const *rows, int distance, double *line, double *line2,
    int first, int end)
{
  for (int x = first; x < end; x += PET_LANES) {
    PetLanes one = blur (rows, x), two = blur (rows + distance, x);

    pet_lanes_store (line + x, one);
    pet_lanes_store (line2 + x, two);
  }
}

/* The usual distance as a constant saves the loads that two rows share. */
void
pet_dither_blur_columns (const double *const *rows, int distance, double *line,
    double *line2, int first, int end)
{
  if (distance == 2)
    blur_two (rows, 2, line, line2, first, end);
  else
    blur_two (rows, distance, line, line2, first, end);
}

static inline double
threshold_at (const double *line)
{
  return 0.7 *
      (taps[0] * line[0] + taps[1] * (line[-1] + line[1]) +
          taps[2] * (line[-2] + line[2]) + taps[3] * (line[-3] + line[3])) +
      0.3 * 128.0;
}

/* Even and odd columns apart, so that vectors need no more shuffles. */
static void
threshold_batch (const double *restrict line, double *restrict threshold)
{
  double even[BATCH + 4], odd[BATCH + 4];

  for (int i = 0; i < BATCH + 4; i++) {
    even[i] = line[2 * i - 4];
    odd[i] = line[2 * i - 3];
  }
  for (int i = 0; i < BATCH; i++)
    threshold[i] = 0.7 *
            (taps[0] * even[i + 2] + taps[1] * (odd[i + 1] + odd[i + 2]) +
                taps[2] * (even[i + 1] + even[i + 3]) +
                taps[3] * (odd[i] + odd[i + 3])) +
        0.3 * 128.0;
}

void
pet_dither_threshold (const double *line, int spacing, double *threshold, int n)
{
  int i = 0;

  for (; spacing == 2 && i + BATCH <= n; i += BATCH)
    threshold_batch (line + 2 * i, threshold + i);
  for (; i < n; i++)
    threshold[i] = threshold_at (line + spacing * i);
}

static void
pick_batch (const double *restrict sharp, const uint8_t *restrict pixels,
    double *restrict value, double *restrict threshold)
{
  uint32_t pixel[2 * BATCH];

  memcpy (pixel, pixels, sizeof pixel);
  for (int i = 0; i < BATCH; i++) {
    value[i] = sharp[2 * i];
    threshold[i] = (pixel[2 * i] & PET_PIXEL_ALPHA) != 0 ? threshold[i] : NAN;
  }
}

void
pet_dither_pick (const double *sharp, const uint8_t *pixels, int spacing,
    double *value, double *threshold, int n)
{
  int i = 0;

  for (; spacing == 2 && i + BATCH < n; i += BATCH)
    pick_batch (
        sharp + 2 * i, pixels + 8 * (size_t) i, value + i, threshold + i);
  for (; i < n; i++) {
    value[i] = sharp[i * spacing];
    if (pixels[4 * (size_t) (i * spacing) + 3] == 0)
      threshold[i] = NAN;
  }
}
