/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inner loops of dithering. What decides is doubles, each sum in the order of
 * the plain C loops: all versions give the same dots. Of thresholds it is enough
 * to know on which side of them a value is: in all versions but plain C they come
 * from floats, and where a value is within PET_DITHER_SLACK of one, that one is
 * made anew from doubles. Thread-safety: safe. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-image.h"
#include "base/pet-prefetch.h"
#include "image/effects/pet-dither-lanes.h"
#include "image/effects/pet-effect-tables.h"
#include "image/pet-plane.h"
#include "image/pet-version.h"

#define pet_dither_tone_is_kept PET_VERSION (pet_dither_tone_is_kept)
#define pet_dither_tone_start PET_VERSION (pet_dither_tone_start)
#define pet_dither_tone PET_VERSION (pet_dither_tone)
#define pet_dither_values PET_VERSION (pet_dither_values)
#define pet_dither_sharpen PET_VERSION (pet_dither_sharpen)
#define pet_dither_blur_columns PET_VERSION (pet_dither_blur_columns)
#define pet_dither_threshold PET_VERSION (pet_dither_threshold)
#define pet_dither_hide PET_VERSION (pet_dither_hide)
#define pet_dither_exact_threshold PET_VERSION (pet_dither_exact_threshold)
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
  double series[PET_DITHER_TERMS];
} PetDitherTone;

bool pet_dither_tone_is_kept (double gamma);
/* Of the usual gamma, which is made once and kept; of others `own`, which becomes it,
 * and may be NULL where that is not. */
const PetDitherTone *pet_dither_tone_start (double gamma, PetDitherTone *own);

/* Greys of `n` pixels of R, G, B, A. As many are fetched at `ahead`. */
void pet_dither_tone (const PetDitherTone *tone, const uint8_t *pixels,
    PetAhead ahead, double *grey, PetSoft *soft, int n);

/* The edge of `grey`, between the rows above and below: all at the same column. */
static inline double
pet_dither_edge (const double *above, const double *grey, const double *below,
    double strength)
{
  double around = above[-1] + above[0] + above[1] + grey[-1] + grey[1] +
      below[-1] + below[0] + below[1];
  /* The 8 of (8 g - around) / 8 is a power of two: it rounds nowhere. */
  double sharp = grey[0] + strength / 8.0 * (8.0 * grey[0] - around);

  sharp = sharp < 0.0 ? 0.0 : sharp;
  return sharp > 255.0 ? 255.0 : sharp;
}

/* Values of `n` lattice points, which are the edges of rows[1] at its columns 0,
 * `spacing`, and so on. */
void pet_dither_values (const double *const rows[3], double strength,
    int spacing, double *value, int n);

/* Edges of rows[1] to `sharp` and of rows[2] to `sharp2`, columns `first` to
 * `end`, and up to PET_SOFT_LANES - 1 more. The rows can be read for
 * PET_SOFT_LANES columns before that and 2 PET_SOFT_LANES behind `end`, and the
 * first ones on both sides are valid. */
void pet_dither_sharpen (const PetSoft *const rows[4], double strength,
    PetSoft *sharp, PetSoft *sharp2, int first, int end);

/* The blur's sums down the columns, around rows[0] to `line` and around
 * rows[distance] to `line2`: rows[-3] to rows[distance + 3]. */
void pet_dither_blur_columns (const PetSoft *const *rows, int distance,
    PetSoft *line, PetSoft *line2, int first, int end);

/* How far T made of floats may be from the exact one. Greys up to 255 are off by
 * 2^-24 of that; nine of them, of which the sum is taken, and its roundings by
 * 12000 times 2^-24, of which 3/8 count at the highest edge strength; the two
 * blurs round 10 times each: 0.0006 in all. */
#define PET_DITHER_SLACK (PET_SOFT_IS_EXACT ? 0.0 : 1.0 / 1024.0)

/* The least that T of `n` lattice points may be, the first at line[0]; `line` has
 * 4 elements to spare before it, of which PET_DITHER_BLUR_RADIUS must be valid,
 * and behind the last point. */
void pet_dither_threshold (
    const PetSoft *line, int spacing, double *threshold, int n);

/* Where alpha is 0 the threshold becomes not a number. */
void pet_dither_hide (
    const uint8_t *pixels, int spacing, double *threshold, int n);

/* The colours that greys are made of. In place, rows before `kept_end` may be paper
 * by now: the newest of them are in `kept`. */
typedef struct {
  const PetImage *src;
  PetRing kept; /* of pixels */
  int kept_end;
  const PetDitherTone *tone;
  double strength;
} PetDitherColors;

/* Rows of colours above a lattice row, and below it, that its thresholds are made of. */
#define PET_DITHER_SEEN (PET_DITHER_BLUR_RADIUS + 1)

/* T of pixel (x, y), of which the PET_DITHER_SEEN rows above must be had. It makes
 * 81 greys for that: few are asked for. */
double pet_dither_exact_threshold (const PetDitherColors *colors, int x, int y);

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
  double slack;      /* how much more than that it may be */
  const PetDitherColors *colors; /* for exact ones, if slack > 0 */
  int y, spacing;                /* of the first row, and from row to row */
  double *error; /* of the row above; afterwards of the last row */
  uint8_t *dots; /* bit k of dots[i + PET_DITHER_SKEW * k]: point i of row k */
} PetDitherBand;

/* Diffuses PET_DITHER_ROWS rows, and writes `dots` from `first` to `end` +
 * PET_DITHER_PAD. Spare elements of `error` are 0. */
void pet_dither_diffuse (const PetDitherBand *band);
