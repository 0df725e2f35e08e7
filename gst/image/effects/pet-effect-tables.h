/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables behind the looks, for versions of them that run elsewhere (the
 * GPU's kernels are given these and nothing of their own). Thread-safety:
 * safe. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Film curve of enhancedblackwhite over 9 R + 36 G + 5 B, 0..50 * 255. */
#define PET_FILM_CURVE_SIZE (50 * 255 + 1)
bool pet_film_curve_is_kept (double contrast);
/* Of the usual contrast, which is made once and kept; of others `own`, which becomes
 * it, and may be NULL where that is not. */
const float *pet_film_curve (double contrast, float own[PET_FILM_CURVE_SIZE]);

/* Equally likely values of a normal variable, for the grain. */
#define PET_GRAIN_BITS 12
const float *pet_grain_normal (void);

/* R, G, B of popart for the levels 9 r + 3 g + b, each 0..2. */
void pet_popart_colors (uint8_t colors[27][3]);

/* Reds, greens, blues of retro8bit. */
extern const int32_t pet_retro_palette[3][32];

/* Tone curve of dithering: 255 (n / 255000)^gamma for n = 299 R + 587 G +
 * 114 B. n is scaled by a power of two into [2^17, 2^18), cut into 256 pieces
 * with the middles c, and (c + d)^gamma = c^gamma (1 + d / c)^gamma with
 * |d / c| < 1/512. Of the binomial series three terms behind the 1 stay, and
 * what comes nearest to the two after them is added to these: for gamma 0.45 a
 * grey is off by 3e-11 of 255 at most, for gamma 5 by 4e-9. */
#define PET_DITHER_TOP_BIT 17
#define PET_DITHER_PIECE_BITS 8
#define PET_DITHER_TERMS 4

typedef struct {
  double octave[PET_DITHER_TOP_BIT + 1];
  double power[1 << PET_DITHER_PIECE_BITS];
  double inverse[1 << PET_DITHER_PIECE_BITS];
  double series[PET_DITHER_TERMS];
} PetDitherCurve;

void pet_dither_curve (PetDitherCurve *curve, double gamma);
