/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sixty-four pixels at a time: samples to light and steps to levels by tables
 * that are permuted, the matrix by products of words. */

#include "codec/pet-icc-matrix.h"

#include <immintrin.h>

#define PIXELS 64

#define FOUR(f, i) f (i), f ((i) + 1), f ((i) + 2), f ((i) + 3)
#define SIXTEEN(f, i)                                                          \
  FOUR (f, i), FOUR (f, (i) + 4), FOUR (f, (i) + 8), FOUR (f, (i) + 12)
#define SIXTY_FOUR(f, i)                                                       \
  SIXTEEN (f, i), SIXTEEN (f, (i) + 16), SIXTEEN (f, (i) + 32),                \
      SIXTEEN (f, (i) + 48)

/* Of pixel i the first byte; of byte i the pixel. */
#define FIRST_BYTE(i) 3 * (i)
#define PIXEL(i) (i) / 3

static const uint8_t first_bytes[PIXELS] = { SIXTY_FOUR (FIRST_BYTE, 0) };
static const uint8_t pixels[3][PIXELS] = { { SIXTY_FOUR (PIXEL, 0) },
  { SIXTY_FOUR (PIXEL, 64) }, { SIXTY_FOUR (PIXEL, 128) } };

/* Of 64 bytes each third one, from the first, second and third on. */
static const __mmask64 thirds[3] = { 0x9249249249249249, 0x2492492492492492,
  0x4924924924924924 };

/* Numbers of 16 bits of 64 pixels in two vectors, the order of what unpacks make
 * of bytes. */
typedef struct {
  __m512i low, high;
} Words;

static inline __m512i
load (const void *from)
{
  return _mm512_loadu_si512 (from);
}

/* 128 entries, and 256. */
static inline __m512i
look_up_128 (const uint8_t *table, __m512i index)
{
  return _mm512_permutex2var_epi8 (load (table), index, load (table + 64));
}

static inline __m512i
look_up_256 (const uint8_t *table, __m512i index)
{
  return _mm512_mask_blend_epi8 (_mm512_movepi8_mask (index),
      look_up_128 (table, index), look_up_128 (table + 128, index));
}

/* One colour of 64 pixels. */
static inline __m512i
pick (const __m512i bytes[3], int color)
{
  __m512i index =
      _mm512_add_epi8 (load (first_bytes), _mm512_set1_epi8 ((char) color));

  return _mm512_mask_permutexvar_epi8 (
      _mm512_permutex2var_epi8 (bytes[0], index, bytes[1]),
      _mm512_movepi8_mask (index), index, bytes[2]);
}

static inline Words
light_of (const PetIccMatrix *matrix, const __m512i bytes[3], int color)
{
  __m512i samples = pick (bytes, color);
  __m512i low = look_up_256 (matrix->light_low[color], samples);
  __m512i high = look_up_256 (matrix->light_high[color], samples);

  return (Words){ _mm512_unpacklo_epi8 (low, high),
    _mm512_unpackhi_epi8 (low, high) };
}

static inline __m512i
pair (int low, int high)
{
  return _mm512_set1_epi32 ((low & 0xffff) | (int) ((unsigned) high << 16));
}

/* Sums of 16 pixels, in steps. */
static inline __m512i
sums (const int16_t row[3], __m512i red_green, __m512i blue_one)
{
  const int half = 1 << (PET_ICC_MATRIX_SHIFT - 1);

  return _mm512_srai_epi32 (
      _mm512_add_epi32 (_mm512_madd_epi16 (red_green, pair (row[0], row[1])),
          _mm512_madd_epi16 (blue_one, pair (row[2], half))),
      PET_ICC_MATRIX_SHIFT);
}

/* Packing takes negative ones for 0. */
static inline __m512i
steps (const int16_t row[3], __m512i red, __m512i green, __m512i blue)
{
  const __m512i one = _mm512_set1_epi16 (1);
  const __m512i last = _mm512_set1_epi16 (PET_ICC_MATRIX_STEPS - 1);

  return _mm512_min_epu16 (
      _mm512_packus_epi32 (sums (row, _mm512_unpacklo_epi16 (red, green),
                               _mm512_unpacklo_epi16 (blue, one)),
          sums (row, _mm512_unpackhi_epi16 (red, green),
              _mm512_unpackhi_epi16 (blue, one))),
      last);
}

static inline __m512i
shifted_bytes (Words words, int shift)
{
  return _mm512_packus_epi16 (_mm512_srli_epi16 (words.low, (unsigned) shift),
      _mm512_srli_epi16 (words.high, (unsigned) shift));
}

static inline __m512i
look_up_piece (const uint8_t *table, __m512i fine, __m512i middle,
    __m512i coarse, __mmask64 is_fine, __mmask64 is_middle)
{
  __m512i found = _mm512_mask_blend_epi8 (is_middle,
      look_up_256 (table + 384, coarse), look_up_256 (table + 128, middle));

  return _mm512_mask_blend_epi8 (is_fine, found, look_up_128 (table, fine));
}

static inline __m512i
encode (const PetIccEncoded *encoded, Words steps)
{
  const __m512i rest = _mm512_set1_epi16 (63);
  __m512i fine = shifted_bytes (steps, 2), middle = shifted_bytes (steps, 4);
  __m512i coarse = shifted_bytes (steps, 6);
  __mmask64 is_fine =
      _mm512_cmplt_epu8_mask (coarse, _mm512_set1_epi8 (512 / 64));
  __mmask64 is_middle =
      _mm512_cmplt_epu8_mask (coarse, _mm512_set1_epi8 (4096 / 64));
  __m512i inside = _mm512_packus_epi16 (
      _mm512_and_si512 (steps.low, rest), _mm512_and_si512 (steps.high, rest));
  __m512i base =
      look_up_piece (encoded->base, fine, middle, coarse, is_fine, is_middle);
  __m512i rise =
      look_up_piece (encoded->rise, fine, middle, coarse, is_fine, is_middle);

  inside = _mm512_mask_blend_epi8 (
      is_middle, inside, _mm512_and_si512 (inside, _mm512_set1_epi8 (15)));
  inside = _mm512_mask_blend_epi8 (
      is_fine, inside, _mm512_and_si512 (inside, _mm512_set1_epi8 (3)));
  return _mm512_mask_add_epi8 (
      base, _mm512_cmpge_epu8_mask (inside, rise), base, _mm512_set1_epi8 (1));
}

/* Vector k of what pixels become. 64 is 1 and 128 is 2 above a multiple of 3. */
static inline __m512i
join (const __m512i colors[3], int k)
{
  __m512i index = load (pixels[k]);
  __m512i red_green = _mm512_permutex2var_epi8 (colors[0],
      _mm512_mask_add_epi8 (
          index, thirds[(4 - k) % 3], index, _mm512_set1_epi8 (PIXELS)),
      colors[1]);

  return _mm512_mask_permutexvar_epi8 (
      red_green, thirds[(5 - k) % 3], index, colors[2]);
}

static inline void
apply_64 (const PetIccMatrix *matrix, const uint8_t *in, uint8_t *out)
{
  const __m512i bytes[3] = { load (in), load (in + 64), load (in + 128) };
  Words red = light_of (matrix, bytes, 0), green = light_of (matrix, bytes, 1);
  Words blue = light_of (matrix, bytes, 2);
  __m512i colors[3];

  for (int c = 0; c < 3; c++)
    colors[c] = encode (matrix->encoded,
        (Words){ steps (matrix->rows[c], red.low, green.low, blue.low),
            steps (matrix->rows[c], red.high, green.high, blue.high) });
  for (int k = 0; k < 3; k++)
    _mm512_storeu_si512 (out + 64 * k, join (colors, k));
}

void
pet_icc_matrix_apply_avx512 (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels)
{
  size_t n = 0;

  for (; channels == 3 && n + PIXELS <= n_pixels; n += PIXELS)
    apply_64 (matrix, in + 3 * n, out + 3 * n);
  n *= (size_t) channels;
  pet_icc_matrix_apply_sse2 (
      matrix, in + n, out + n, n_pixels - n / (size_t) channels, channels);
}
