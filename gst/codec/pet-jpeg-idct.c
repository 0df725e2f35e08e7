/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-jpeg-idct.h"

#include <stdbool.h>
#include <stddef.h>

/* The library's cosines, in 8192ths. */
#define SCALE_BITS 13
#define COLUMN_BITS 2 /* kept between the passes */

/* Rows 1 and 3, 5 and 7, 2 and 6 of a column are pairs; of rows 0 and 4 the same
 * columns. */
static const uint8_t pair_of[8] = { 0, 1, 3, 1, 0, 2, 3, 2 };
static const uint8_t half_of[8] = { 0, 0, 0, 1, 1, 0, 1, 1 };

/* Of 32. */
static int
pair_at (int coef)
{
  int row = coef / 8, column = coef % 8;

  return row % 4 == 0 ? row + pair_of[column] : 8 * pair_of[row] + column;
}

static int
half_at (int coef)
{
  int row = coef / 8, column = coef % 8;

  return row % 4 == 0 ? half_of[column] : half_of[row];
}

int
pet_jpeg_idct_factor_at (int coef)
{
  return 2 * pair_at (coef) + half_at (coef);
}

int
pet_jpeg_idct_coef_at (int coef)
{
  return 2 * PET_JPEG_IDCT_BLOCKS * pair_at (coef) + half_at (coef);
}

static uint32_t
weigh (int16_t x, int weight)
{
  return (uint32_t) (x * weight);
}

static int16_t
saturate (uint32_t sum, int shift)
{
  int32_t x = (int32_t) sum >> shift;

  return (int16_t) (x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x);
}

/* Eight to four; both are `step` apart. */
static void
transform (const int16_t *in, int16_t *out, int step, int shift)
{
  uint32_t half = 1u << (shift - 1);
  uint32_t first = weigh (in[0], 2 << SCALE_BITS) + half;
  uint32_t even = weigh (in[2 * step], 15137) + weigh (in[6 * step], -6270);
  uint32_t inner = weigh (in[step], 8697) + weigh (in[3 * step], -17799) +
      weigh (in[5 * step], 11893) + weigh (in[7 * step], -1730);
  uint32_t outer = weigh (in[step], 20995) + weigh (in[3 * step], 7373) +
      weigh (in[5 * step], -4926) + weigh (in[7 * step], -4176);

  out[0] = saturate (first + even + outer, shift);
  out[step] = saturate (first - even + inner, shift);
  out[2 * step] = saturate (first - even - inner, shift);
  out[3 * step] = saturate (first + even - outer, shift);
}

/* The library does so for a block without coefficients below the first row, and
 * is not stopped by an overflow. */
static void
spread_first_row (const int16_t *in, int16_t *out)
{
  for (int y = 0; y < PET_JPEG_IDCT_ROWS; y++)
    for (int x = 0; x < 8; x++)
      out[8 * y + x] = (int16_t) ((uint32_t) in[x] << COLUMN_BITS);
}

/* False: its coefficients are in the first row. */
static bool
fetch (
    const int16_t *coefs, const int16_t *factors, int block, int16_t values[64])
{
  bool more = false;

  for (int i = 0; i < 64; i++) {
    int16_t coef = coefs[pet_jpeg_idct_coef_at (i) + 2 * block];

    more |= coef != 0 && i / 8 % 4 != 0;
    values[i] = (int16_t) (coef * factors[pet_jpeg_idct_factor_at (i)]);
  }
  return more;
}

static uint8_t
sample_of (int16_t x)
{
  return (uint8_t) ((x < -128 ? -128 : x > 127 ? 127 : x) + 128);
}

void
pet_jpeg_idct_c (
    const int16_t *coefs, const int16_t *factors, uint8_t *const *rows)
{
  for (int block = 0; block < PET_JPEG_IDCT_BLOCKS; block++) {
    int16_t in[64], half[64], out[64];

    if (!fetch (coefs, factors, block, in))
      spread_first_row (in, half);
    else
      for (int x = 0; x < 8; x++)
        transform (in + x, half + x, 8, SCALE_BITS - COLUMN_BITS + 1);
    for (int y = 0; y < PET_JPEG_IDCT_ROWS; y++) {
      transform (half + 8 * y, out, 1, SCALE_BITS + COLUMN_BITS + 4);
      for (int x = 0; x < 4; x++)
        rows[y][4 * block + x] = sample_of (out[x]);
    }
  }
}

PetJpegIdct
pet_jpeg_idct_for (PetIsa isa)
{
#ifdef PET_HAVE_X86
  if (isa == PET_ISA_AVX512)
    return pet_jpeg_idct_avx512;
  if (isa == PET_ISA_AVX2)
    return pet_jpeg_idct_avx2;
#endif
  return NULL;
}
