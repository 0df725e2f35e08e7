/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a point has from the row above is the sum of the errors of three points
 * in the order in which the row reached them: 1/16 of the left one, 5/16 of the
 * one above, 3/16 of the right one. With row k in lane k of a vector, PET_DITHER_SKEW
 * points behind row k - 1, these are errors of the last steps, moved up by
 * one lane; the row above the first comes from memory. */

#include "image/effects/pet-dither.h"

#include <string.h>

#define TO_RIGHT (7.0 / 16.0)
#define TO_LOWER_LEFT (3.0 / 16.0)
#define TO_BELOW (5.0 / 16.0)
#define TO_LOWER_RIGHT (1.0 / 16.0)

static void
clear_outside (const PetDitherBand *band)
{
  double *error = band->error;

  memset (error - PET_DITHER_PAD, 0,
      ((size_t) PET_DITHER_PAD + (size_t) band->first) * sizeof (double));
  memset (error + band->end, 0,
      (size_t) (band->columns - band->end + PET_DITHER_PAD) * sizeof (double));
}

#if !PET_SOFT_IS_EXACT
/* Exact thresholds for those rows from `row` on, at step `s`, whose bit is set. */
static void __attribute__ ((noinline))
settle (const PetDitherBand *band, int row, int s, unsigned rows)
{
  for (; rows != 0; rows &= rows - 1) {
    int k = __builtin_ctz (rows), point = s - PET_DITHER_SKEW * k;

    band->threshold[(size_t) (row + k) * band->pitch + (size_t) point] =
        pet_dither_exact_threshold (band->colors, point * band->spacing,
            band->y + (row + k) * band->spacing);
  }
}
#endif

#if defined __AVX512F__
typedef __m512d Lanes;

#define LANES 8
#define SPREAD _mm512_set1_pd
#define ADD _mm512_add_pd
#define MUL _mm512_mul_pd

static inline Lanes
load_skewed (const double *row, size_t pitch)
{
  const double *p = row;
  double v[LANES];

  for (int k = 0; k < LANES; k++, p += pitch - PET_DITHER_SKEW)
    v[k] = *p;
  return _mm512_setr_pd (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
}

/* Lane k to lane k + 1, the last one out; *from_above into lane 0. */
static inline Lanes
move_up (Lanes error, const double *from_above)
{
  return _mm512_castsi512_pd (_mm512_alignr_epi64 (_mm512_castpd_si512 (error),
      _mm512_castpd_si512 (_mm512_set1_pd (*from_above)), LANES - 1));
}

static inline double
last_lane (Lanes v)
{
  __m128d pair = _mm512_extractf64x2_pd (v, 3);

  return _mm_cvtsd_f64 (_mm_unpackhi_pd (pair, pair));
}

/* Which values are above a threshold, but by no more than `slack`. */
static inline unsigned
are_close (Lanes value, Lanes threshold, Lanes slack)
{
  return _mm512_mask_cmp_pd_mask (
      _mm512_cmp_pd_mask (value, threshold, _CMP_GE_OQ), value,
      ADD (threshold, slack), _CMP_LT_OQ);
}

/* Black where below the threshold, white where not, neither where that is not
 * a number. */
static inline unsigned
choose (Lanes value, Lanes threshold, Lanes *error, Lanes *to_right)
{
  const Lanes part = SPREAD (TO_RIGHT);
  Lanes white_error = _mm512_sub_pd (value, SPREAD (255.0));
  __mmask8 black = _mm512_cmp_pd_mask (value, threshold, _CMP_LT_OQ);
  __mmask8 white = _mm512_cmp_pd_mask (value, threshold, _CMP_GE_OQ);

  *to_right = _mm512_mask_mul_pd (
      _mm512_maskz_mul_pd (black, value, part), white, white_error, part);
  *error = _mm512_mask_mov_pd (
      _mm512_maskz_mov_pd (black, value), white, white_error);
  return black;
}
#elif defined __AVX2__
typedef __m256d Lanes;

#define LANES 4
#define SPREAD _mm256_set1_pd
#define ADD _mm256_add_pd
#define MUL _mm256_mul_pd

static inline Lanes
load_skewed (const double *row, size_t pitch)
{
  pitch -= PET_DITHER_SKEW;
  return _mm256_setr_pd (row[0], row[pitch], row[2 * pitch], row[3 * pitch]);
}

static inline Lanes
move_up (Lanes error, const double *from_above)
{
  return _mm256_blend_pd (
      _mm256_permute4x64_pd (error, 0x90), _mm256_broadcast_sd (from_above), 1);
}

static inline double
last_lane (Lanes v)
{
  __m128d pair = _mm256_extractf128_pd (v, 1);

  return _mm_cvtsd_f64 (_mm_unpackhi_pd (pair, pair));
}

static inline unsigned
are_close (Lanes value, Lanes threshold, Lanes slack)
{
  return (unsigned) _mm256_movemask_pd (
      _mm256_and_pd (_mm256_cmp_pd (value, threshold, _CMP_GE_OQ),
          _mm256_cmp_pd (value, ADD (threshold, slack), _CMP_LT_OQ)));
}

static inline unsigned
choose (Lanes value, Lanes threshold, Lanes *error, Lanes *to_right)
{
  const Lanes part = SPREAD (TO_RIGHT);
  Lanes white_error = _mm256_sub_pd (value, SPREAD (255.0));
  Lanes black = _mm256_cmp_pd (value, threshold, _CMP_LT_OQ);
  Lanes visible = _mm256_cmp_pd (threshold, threshold, _CMP_ORD_Q);

  *to_right = _mm256_and_pd (visible,
      _mm256_blendv_pd (MUL (white_error, part), MUL (value, part), black));
  *error =
      _mm256_and_pd (visible, _mm256_blendv_pd (white_error, value, black));
  return (unsigned) _mm256_movemask_pd (black);
}
#endif

#ifdef LANES
/* Rows `row`..`row` + LANES. */
static void
diffuse_rows (const PetDitherBand *band, int row)
{
  const int end = band->end + PET_DITHER_SKEW * (LANES - 1);
  const double *value = band->value + (size_t) row * band->pitch;
  const double *threshold = band->threshold + (size_t) row * band->pitch;
  const Lanes zero = SPREAD (0.0), slack = SPREAD (band->slack);
  double *error_row = band->error;
  uint8_t *dots = band->dots + PET_DITHER_SKEW * row;
  /* Errors of the row above each lane: left of its point, above, right. */
  Lanes left, middle, right, next, to_right = zero;

  left = move_up (zero, error_row + band->first - 1);
  middle = move_up (zero, error_row + band->first);
  right = move_up (zero, error_row + band->first + 1);
  next = move_up (zero, error_row + band->first + 2);
  for (int s = band->first; s < end; s++) {
    Lanes error, above, sum, limit = load_skewed (threshold + s, band->pitch);
    unsigned close;

    above = ADD (ADD (MUL (left, SPREAD (TO_LOWER_RIGHT)),
                     MUL (middle, SPREAD (TO_BELOW))),
        MUL (right, SPREAD (TO_LOWER_LEFT)));
    sum = ADD (ADD (load_skewed (value + s, band->pitch), above), to_right);
    close = are_close (sum, limit, slack);
    if (__builtin_expect (close != 0, 0)) {
      settle (band, row, s, close);
      limit = load_skewed (threshold + s, band->pitch);
    }
    dots[s] |= (uint8_t) (choose (sum, limit, &error, &to_right) << row);
    error_row[s - PET_DITHER_SKEW * (LANES - 1)] = last_lane (error);
    left = middle;
    middle = right;
    right = next;
    next = move_up (error, error_row + s + PET_DITHER_SKEW);
  }
  clear_outside (band);
}
#else
#define LANES 1

static void
diffuse_rows (const PetDitherBand *band, int row)
{
  const double *value = band->value + (size_t) row * band->pitch;
  const double *threshold = band->threshold + (size_t) row * band->pitch;
  double *error = band->error, to_right = 0.0;
  double left = error[band->first - 1], middle = error[band->first];

  for (int i = band->first; i < band->end; i++) {
    double right = error[i + 1];
    double above =
        left * TO_LOWER_RIGHT + middle * TO_BELOW + right * TO_LOWER_LEFT;
    double sum = value[i] + above + to_right;
    int black = sum < threshold[i], white = sum >= threshold[i];

    error[i] = black ? sum : white ? sum - 255.0 : 0.0;
    to_right = error[i] * TO_RIGHT;
    band->dots[i + PET_DITHER_SKEW * row] |= (uint8_t) (black << row);
    left = middle;
    middle = right;
  }
  clear_outside (band);
}
#endif

void
pet_dither_diffuse (const PetDitherBand *band)
{
  memset (band->dots + band->first, 0,
      (size_t) (band->end - band->first + PET_DITHER_PAD));
  for (int row = 0; row < PET_DITHER_ROWS; row += LANES)
    diffuse_rows (band, row);
}
