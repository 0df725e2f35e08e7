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

#ifdef __SSE2__
#define PET_ICC_MATRIX_SSE2 1
#else
#define PET_ICC_MATRIX_SSE2 0
#endif

/* Plain data; thread-safety: safe once it is made. */
typedef struct {
  /* What a sample of R, G or B adds to linear R, G, B (and nothing): the next
   * two multiplied. Faster at multiples of 16 bytes. */
  float shares[3][256][4];
  float linear[3][256];   /* a sample as light, 0..1 */
  float rows[3][3];       /* to linear sRGB times PET_ICC_MATRIX_STEPS - 1 */
  const uint8_t *encoded; /* light in PET_ICC_MATRIX_STEPS steps as sRGB */
} PetIccMatrix;

/* False where there is none. */
bool pet_icc_matrix_invert (const double m[3][3], double result[3][3]);

/* All out of `linear` and two matrices to the same XYZ: the file's and sRGB's.
 * False when `to` cannot be inverted. */
bool pet_icc_matrix_set (
    PetIccMatrix *matrix, const double from[3][3], const double to[3][3]);

/* False when one of the two profiles is of another build. */
bool pet_icc_matrix_init (
    PetIccMatrix *matrix, cmsHPROFILE profile, cmsHPROFILE srgb);

/* `channels` 3 or 4; the fourth is kept. `in` and `out` may be the same. */
void pet_icc_matrix_apply (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels);

/* The same, bit for bit: plain C, and with SSE2. pet_icc_matrix_apply() takes
 * the better one. */
void pet_icc_matrix_apply_c (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels);
#if PET_ICC_MATRIX_SSE2
void pet_icc_matrix_apply_sse2 (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels);
#endif
