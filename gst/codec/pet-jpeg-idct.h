/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inverse DCT that halves a picture: of 8x8 coefficients 4x4 samples, as
 * libjpeg's jpeg_idct_4x4() (jidctred.c) has it, to the bit and up to the last
 * overflow, but of 16 blocks at once, which is a third of the time. Coefficients
 * of the same place lie side by side, so that nothing is transposed; places that
 * are multiplied and added in pairs are neighbours. Fifth rows and columns count
 * nothing. */

#pragma once

#include <stdint.h>

#include "base/pet-cpu.h"

#define PET_JPEG_IDCT_BLOCKS 16
#define PET_JPEG_IDCT_COEFS (64 * PET_JPEG_IDCT_BLOCKS)
#define PET_JPEG_IDCT_ROWS 4
#define PET_JPEG_IDCT_ROW_BYTES (4 * PET_JPEG_IDCT_BLOCKS)

/* Where the coefficient 8 * row + column stands in 64 factors, and for block 0 in
 * PET_JPEG_IDCT_COEFS coefficients; block n is 2 n further. The first is at 0 in
 * both. */
int pet_jpeg_idct_factor_at (int coef);
int pet_jpeg_idct_coef_at (int coef);

/* Four rows of PET_JPEG_IDCT_ROW_BYTES samples each. */
typedef void (*PetJpegIdct) (
    const int16_t *coefs, const int16_t *factors, uint8_t *const *rows);

void pet_jpeg_idct_c (
    const int16_t *coefs, const int16_t *factors, uint8_t *const *rows);
#ifdef PET_HAVE_X86
void pet_jpeg_idct_avx2 (
    const int16_t *coefs, const int16_t *factors, uint8_t *const *rows);
void pet_jpeg_idct_avx512 (
    const int16_t *coefs, const int16_t *factors, uint8_t *const *rows);
#endif

/* What an instruction set has; NULL for plain C, which is for comparison: the
 * library's own is faster. Thread-safety: safe. */
PetJpegIdct pet_jpeg_idct_for (PetIsa isa);
