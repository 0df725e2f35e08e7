/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Film grain: n = 0.7 fine + 0.3 coarse, blurred 3x3 (sigma 0.5); fine is
 * normal (0, 0.4) per pixel, coarse is normal (0, 0.6) at half the size,
 * scaled up bilinearly. Every number is a hash of seed, layer and position:
 * one seed, one grain, whatever the machine, the threads or the order.
 *
 * Rows come in order, about 32 bytes per column plus 2 KiB. */

#pragma once

#include <stdint.h>

#include "image/pet-plane.h"
#include "image/pet-version.h"

#define pet_grain_take PET_VERSION (pet_grain_take)
#define pet_grain_start PET_VERSION (pet_grain_start)
#define pet_grain_row PET_VERSION (pet_grain_row)

typedef struct {
  int width, height;
  int coarse_width, coarse_height;
  uint32_t seed;
  const float *normal; /* the equally likely values of a normal variable */
  float *coarse[2];    /* the two coarse rows in use, and which they are */
  int coarse_y[2];
  float *blend;  /* between these two rows, at coarse width */
  int32_t *left; /* per column: left coarse neighbour */
  float *share;  /* and the share of the right one */
  PetRing noise; /* n before the blur */
  float *column;
  int n_noise; /* rows made so far */
  float taps[2];
} PetGrain;

/* Carves what the generator needs out of `scratch`. */
void pet_grain_take (
    PetScratch *scratch, PetGrain *grain, int width, int height);

void pet_grain_start (PetGrain *grain, uint32_t seed);

/* Writes n of row `y` to row[0..width) and to up to PET_GRAIN_SPARE elements
 * behind it. y = 0, 1, 2... */
#define PET_GRAIN_SPARE 16
void pet_grain_row (PetGrain *grain, int y, float *row);
