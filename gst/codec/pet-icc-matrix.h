/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RGB profiles made of three curves and a matrix (Display P3, Adobe RGB and
 * most cameras' own) to sRGB, four times as fast as by the colour library and
 * within 1 of it. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lcms2.h>

#define PET_ICC_MATRIX_STEPS 16384
#define PET_ICC_MATRIX_SHIFT 14

#ifdef __SSE2__
#define PET_ICC_MATRIX_SSE2 1
#else
#define PET_ICC_MATRIX_SSE2 0
#endif

/* Light as sRGB: levels[step], and the same for vectors. Steps below 512 are cut
 * into pieces of 4 steps, those below 4096 of 16 and the others of 64; a piece
 * has `base`, and one more from `rise` steps behind its first on. Pieces of 4 are
 * the first 128, of 16 the next 256 (by step / 16), of 64 the last. */
#define PET_ICC_PIECES (128 + 256 + 256)

typedef struct {
  uint8_t levels[PET_ICC_MATRIX_STEPS];
  uint8_t base[PET_ICC_PIECES], rise[PET_ICC_PIECES];
} PetIccEncoded;

/* Plain data; thread-safety: safe once it is made. */
typedef struct {
  /* What a sample of R, G or B adds to linear R, G, B (and nothing), in units of
   * a step's 2^PET_ICC_MATRIX_SHIFT-th part: the next two multiplied; with what
   * rounds the sum, in the last. */
  int32_t shares[3][256][4];
  uint8_t light_low[3][256]; /* of a sample as light, 0..32767 */
  uint8_t light_high[3][256];
  int16_t rows[3][3];   /* to linear sRGB, in 8192ths */
  float linear[3][256]; /* a sample as light, 0..1; set by who makes it */
  const PetIccEncoded *encoded;
} PetIccMatrix;

/* False where there is none. */
bool pet_icc_matrix_invert (const double m[3][3], double result[3][3]);

/* All out of `linear` and two matrices to the same XYZ: the file's and sRGB's.
 * False when `to` cannot be inverted, or a number of the product is beyond 4 or
 * those of a row beyond 8. */
bool pet_icc_matrix_set (
    PetIccMatrix *matrix, const double from[3][3], const double to[3][3]);

/* False when one of the two profiles is of another build. */
bool pet_icc_matrix_init (
    PetIccMatrix *matrix, cmsHPROFILE profile, cmsHPROFILE srgb);

/* `channels` 3 or 4; the fourth is kept. `in` and `out` may be the same. */
void pet_icc_matrix_apply (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels);

/* The same, bit for bit: plain C, with SSE2, and with AVX-512 VBMI.
 * pet_icc_matrix_apply() takes the best one. */
void pet_icc_matrix_apply_c (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels);
#if PET_ICC_MATRIX_SSE2
void pet_icc_matrix_apply_sse2 (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels);
#endif
#ifdef PET_HAVE_X86
void pet_icc_matrix_apply_avx512 (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels);
#endif
