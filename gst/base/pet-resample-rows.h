/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The resampler's inner loops. One source, pet-resample-rows.c, is compiled for
 * several instruction sets; all give the same bytes (sums in the same order, no
 * fused multiply-adds), and the plain one is the reference. Pointers of one call
 * do not alias; floats of 4 lanes are aligned to 16 bytes. */

#pragma once

#include <stddef.h>
#include <stdint.h>

/* Of pixels of three bytes at moderate factors: weights as whole numbers, what
 * was filtered across in 64ths of a level, four lanes per pixel. */
#define PET_RESAMPLE_WEIGHT_BITS 14
#define PET_RESAMPLE_LEVEL_BITS 6

/* Bytes behind a row that across_rgb and _rgbx may read beyond its last tap, and pixels
 * of which down_rgb reads a multiple. */
#define PET_RESAMPLE_OVERREAD 16
#define PET_RESAMPLE_STEP 8

typedef struct {
  /* `width` pixels of 1, 3 or 4 bytes to 1, 4 and 4 floats; of the last the
   * colours are multiplied by alpha, or the fourth byte counts nothing. */
  void (*widen_1) (const uint8_t *row, float *line, int width);
  void (*widen_3) (const uint8_t *row, float *line, int width);
  void (*widen_4) (const uint8_t *row, float *line, int width);
  void (*widen_rgbx) (const uint8_t *row, float *line, int width);

  /* out[i] = sum over k < taps of weights[i * taps + k] * line[first[i] + k],
   * for n pixels of 1 or 4 lanes. */
  void (*across_1) (const float *line, const int *first, const float *weights,
      int taps, float *out, int n);
  void (*across_4) (const float *line, const int *first, const float *weights,
      int taps, float *out, int n);

  /* sum[i] += weight * row[i]; the second does a, then b. */
  void (*add_1) (float *sum, const float *row, float weight, size_t count);
  void (*add_2) (float *sum, const float *a, float weight_a, const float *b,
      float weight_b, size_t count);

  /* `width` pixels of 1, 4 and 4 floats to 1, 3 and 4 bytes; the last are
   * divided by alpha. */
  void (*store_1) (const float *sum, uint8_t *row, int width);
  void (*store_3) (const float *sum, uint8_t *row, int width);
  void (*store_4) (const float *sum, uint8_t *row, int width);

  /* As across_4 from pixels of three bytes, or of four of which the last counts
   * nothing; `taps` is a multiple of 4. The fourth lane is 0. */
  void (*across_rgb) (const uint8_t *row, const int *first,
      const int16_t *weights, int taps, int16_t *out, int n);
  void (*across_rgbx) (const uint8_t *row, const int *first,
      const int16_t *weights, int taps, int16_t *out, int n);

  /* The weighted sum of n_rows rows as three bytes per pixel, rounded, or as
   * three floats. */
  void (*down_rgb) (const int16_t *const *rows, const int16_t *weights,
      int n_rows, uint8_t *out, int width);
  void (*down_rgb_float) (const int16_t *const *rows, const int16_t *weights,
      int n_rows, float *out, int width);

  /* A row of RGB that has room for RGBA becomes that, opaque. */
  void (*add_alpha) (uint8_t *row, int width);
} PetResampleRows;

extern const PetResampleRows pet_resample_rows_c;
#ifdef PET_HAVE_X86
extern const PetResampleRows pet_resample_rows_avx2;
extern const PetResampleRows pet_resample_rows_avx512;
#endif

/* Those of pet_cpu_isa(). Thread-safety: safe. */
const PetResampleRows *pet_resample_rows (void);
