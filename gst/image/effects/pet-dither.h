/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inner loops of dithering. Doubles, each sum in the order of the plain C
 * loops: all versions give the same bits. Thread-safety: safe. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "image/effects/pet-effect-tables.h"
#include "image/pet-version.h"

#define pet_dither_tone_start PET_VERSION (pet_dither_tone_start)
#define pet_dither_tone PET_VERSION (pet_dither_tone)
#define pet_dither_sharpen PET_VERSION (pet_dither_sharpen)
#define pet_dither_blur_columns PET_VERSION (pet_dither_blur_columns)
#define pet_dither_threshold PET_VERSION (pet_dither_threshold)
#define pet_dither_pick PET_VERSION (pet_dither_pick)
#define pet_dither_diffuse PET_VERSION (pet_dither_diffuse)

#define PET_DITHER_BLUR_RADIUS 3

/* The tone curve as scale (1 + d / c)^gamma: for each octave and piece the
 * scale and 1 / c, beside each other. The entry before the first is black, the
 * one behind the last is what stands for pixels with alpha 0. */
#define PET_DITHER_PIECES ((PET_DITHER_TOP_BIT + 1) << PET_DITHER_PIECE_BITS)

typedef struct {
  double scale, inverse;
} PetDitherPiece;

typedef struct {
  PetDitherPiece pieces[PET_DITHER_PIECES + 2];
  double series[6];
} PetDitherTone;

void pet_dither_tone_start (PetDitherTone *tone, double gamma);

/* Greys of `n` pixels of R, G, B, A. Those that are wanted next are `next`
 * bytes further on and are fetched meanwhile. */
void pet_dither_tone (const PetDitherTone *tone, const uint8_t *pixels,
    ptrdiff_t next, double *grey, int n);

/* Edges of rows[1] to `sharp` and of rows[2] to `sharp2`, columns `first` to
 * `end`. The rows have valid elements on both sides of that range. */
void pet_dither_sharpen (const double *const rows[4], double strength,
    double *sharp, double *sharp2, int first, int end);

/* The blur's sums down the columns, around rows[0] to `line` and around
 * rows[distance] to `line2`: rows[-3] to rows[distance + 3]. */
void pet_dither_blur_columns (const double *const *rows, int distance,
    double *line, double *line2, int first, int end);

/* T of `n` lattice points, the first at line[0]; `line` has 4 elements to spare
 * before it, of which PET_DITHER_BLUR_RADIUS must be valid, and behind the last
 * point. */
void pet_dither_threshold (
    const double *line, int spacing, double *threshold, int n);

/* Values of `n` lattice points; where alpha is 0 the threshold becomes not a
 * number. */
void pet_dither_pick (const double *sharp, const uint8_t *pixels, int spacing,
    double *value, double *threshold, int n);

/* Lattice rows that are diffused together: row k follows row k - 1 at a
 * distance of PET_DITHER_SKEW points, so that their chains of additions run
 * side by side. */
#define PET_DITHER_ROWS 8
#define PET_DITHER_SKEW 3
#define PET_DITHER_PAD (PET_DITHER_ROWS * PET_DITHER_SKEW)

/* The rows of `value` and `threshold` are `pitch` doubles apart; all pointers
 * are to point 0 of the first row, and every row has PET_DITHER_PAD elements to
 * spare on both sides. */
typedef struct {
  size_t pitch;
  int columns;
  int first, end;    /* points outside have alpha 0 in all rows */
  double *value;     /* grey; any finite number where alpha is 0 */
  double *threshold; /* not a number where alpha is 0 and in spare elements */
  double *error;     /* of the row above; afterwards of the last row */
  uint8_t *dots; /* bit k of dots[i + PET_DITHER_SKEW * k]: point i of row k */
} PetDitherBand;

/* Diffuses PET_DITHER_ROWS rows, and writes `dots` from `first` to `end` +
 * PET_DITHER_PAD. Spare elements of `error` are 0. */
void pet_dither_diffuse (const PetDitherBand *band);
