/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Eight loud colours, posterised. Contrast, saturation and the choice of one
 * of three levels are exact integers: in units of 1/2 the contrast is
 * c = clamp (5 r - 384, 0, 510), and in units of 1/2000 the saturated channel
 * is 2000 c - (299 R + 587 G + 114 B). What is left are 27 colours, looked up
 * in a table. All pixels are treated alike, transparent or not; those that are
 * 0 throughout stay so, which is what the ends of most rows are. No scratch
 * memory. */

#include <stdint.h>
#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/pet-pixels.h"

/* Pixels whose indices are made before their colours are looked up. */
#define PIECE 64

static inline int
boost_contrast (int value)
{
  int boosted = 5 * value - 384;

  boosted = boosted > 0 ? boosted : 0;
  return boosted < 510 ? boosted : 510;
}

/* Rounds x / 127.5 to the nearest of 0, 1, 2, ties to even, for x in units of
 * 1/2000: ties are at 0.5 -> 0 and 1.5 -> 2. */
static inline int
level (int saturated)
{
  return (saturated > 127500) + (saturated >= 382500);
}

static void
find_indices (const uint32_t *restrict pixels, int32_t *restrict indices)
{
  for (int i = 0; i < PIECE; i++) {
    int r = boost_contrast (pet_pixel_red (pixels[i]));
    int g = boost_contrast (pet_pixel_green (pixels[i]));
    int b = boost_contrast (pet_pixel_blue (pixels[i]));
    int luma = 299 * r + 587 * g + 114 * b;

    indices[i] = level (2000 * r - luma) * 9 + level (2000 * g - luma) * 3 +
        level (2000 * b - luma);
  }
}

#if defined __AVX512F__
#include <immintrin.h>

/* 32 entries are two registers. */
static void
look_up (const int32_t *indices, const uint32_t *table, uint32_t *pixels)
{
  const __m512i low = _mm512_loadu_si512 (table);
  const __m512i high = _mm512_loadu_si512 (table + 16);
  const __m512i alpha = _mm512_set1_epi32 ((int) PET_PIXEL_ALPHA);

  for (int i = 0; i < PIECE; i += 16) {
    __m512i color =
        _mm512_permutex2var_epi32 (low, _mm512_loadu_si512 (indices + i), high);
    __m512i kept = _mm512_and_si512 (_mm512_loadu_si512 (pixels + i), alpha);

    _mm512_storeu_si512 (pixels + i, _mm512_or_si512 (color, kept));
  }
}
#elif defined __AVX2__
#include <immintrin.h>

static inline __m256i
load (const void *bytes)
{
  return _mm256_loadu_si256 ((const __m256i *) bytes);
}

/* 32 entries are four registers: index bits 3 and 4, moved to the sign, pick
 * one of them. */
static void
look_up (const int32_t *indices, const uint32_t *table, uint32_t *pixels)
{
  const __m256i a = load (table), b = load (table + 8);
  const __m256i c = load (table + 16), d = load (table + 24);
  const __m256i alpha = _mm256_set1_epi32 ((int) PET_PIXEL_ALPHA);

  for (int i = 0; i < PIECE; i += 8) {
    __m256i index = load (indices + i);
    __m256 bit_3 = _mm256_castsi256_ps (_mm256_slli_epi32 (index, 28));
    __m256 bit_4 = _mm256_castsi256_ps (_mm256_slli_epi32 (index, 27));
    __m256 ab = _mm256_blendv_ps (
        _mm256_castsi256_ps (_mm256_permutevar8x32_epi32 (a, index)),
        _mm256_castsi256_ps (_mm256_permutevar8x32_epi32 (b, index)), bit_3);
    __m256 cd = _mm256_blendv_ps (
        _mm256_castsi256_ps (_mm256_permutevar8x32_epi32 (c, index)),
        _mm256_castsi256_ps (_mm256_permutevar8x32_epi32 (d, index)), bit_3);
    __m256i color = _mm256_castps_si256 (_mm256_blendv_ps (ab, cd, bit_4));
    __m256i kept = _mm256_and_si256 (load (pixels + i), alpha);

    _mm256_storeu_si256 (
        (__m256i *) (pixels + i), _mm256_or_si256 (color, kept));
  }
}
#else
static void
look_up (const int32_t *indices, const uint32_t *table, uint32_t *pixels)
{
  for (int i = 0; i < PIECE; i++)
    pixels[i] = table[indices[i]] | (pixels[i] & PET_PIXEL_ALPHA);
}
#endif

static void
render_row (const uint8_t *src, uint8_t *dst, int width, const uint32_t *table)
{
  for (int x = 0; x < width; x += PIECE) {
    int n = width - x < PIECE ? width - x : PIECE;
    uint32_t pixels[PIECE] = { 0 };
    int32_t indices[PIECE];

    memcpy (pixels, src + 4 * (size_t) x, 4 * (size_t) n);
    find_indices (pixels, indices);
    look_up (indices, table, pixels);
    memcpy (dst + 4 * (size_t) x, pixels, 4 * (size_t) n);
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *scratch)
{
  uint8_t colors[27][3];
  uint32_t table[32] = { 0 };

  pet_popart_colors (colors);
  for (int i = 0; i < 27; i++)
    table[i] = pet_pixel (colors[i][0], colors[i][1], colors[i][2], 0);
  for (int y = 0; y < src->height; y++) {
    const uint8_t *in = pet_image_row (src, y);
    uint8_t *out = pet_image_row (dst, y);
    int start, end;

    pet_nonzero_span (in, src->width, &start, &end);
    memset (out, 0, 4 * (size_t) start);
    render_row (
        in + 4 * (size_t) start, out + 4 * (size_t) start, end - start, table);
    memset (out + 4 * (size_t) end, 0, 4 * (size_t) (src->width - end));
  }
}

const PetEffect PET_VERSION (pet_effect_popart) = {
  .name = "popart",
  .blurb = "Eight loud colours, posterised",
  .render = render,
};
