/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A part of pet-resample-rows.c: pixels of three bytes with AVX-512. Whole
 * numbers are added, so that their order does not matter. */

#pragma once

#ifdef __AVX512VBMI__

#include <immintrin.h>
#include <string.h>

#include "base/pet-resample-rows.h"

#define PIXELS 8
#define ABREAST_RGB 4
#define ACROSS_SHIFT (PET_RESAMPLE_WEIGHT_BITS - PET_RESAMPLE_LEVEL_BITS)
#define LEVEL_SHIFT (PET_RESAMPLE_WEIGHT_BITS + PET_RESAMPLE_LEVEL_BITS)

/* Where the bytes of four pixels go: R of two neighbours in a pair of words, of
 * the next two in another, then G, then B, then nothing. */
static inline __m256i
pair_order (int pixel_bytes)
{
  uint8_t order[32] = { 0 };

  for (int c = 0; c < 3; c++)
    for (int i = 0; i < 4; i++)
      order[8 * c + 2 * i] = (uint8_t) (i * pixel_bytes + c);
  return _mm256_loadu_si256 ((const __m256i *) (const void *) order);
}

/* One instruction weighs and adds neighbours, for three channels and two pairs
 * at once, and weights come from memory as they are. The two sums of a channel
 * lie side by side; together they are rounded by a shift. */
static inline __m256i
weigh (const uint8_t *in, int pixel_bytes, const int16_t *weights, int taps,
    __m256i order)
{
  const __mmask32 words = 0x555555; /* their lower bytes */
  __m256i sum = _mm256_set1_epi64x (1 << (ACROSS_SHIFT - 1));

  for (int k = 0; k < taps; k += 4) {
    __m128i bytes = _mm_loadu_si128 (
        (const __m128i *) (const void *) (in + pixel_bytes * k));
    __m128i four =
        _mm_loadl_epi64 ((const __m128i *) (const void *) (weights + k));

    sum = _mm256_add_epi32 (sum,
        _mm256_madd_epi16 (_mm256_maskz_permutexvar_epi8 (
                               words, order, _mm256_zextsi128_si256 (bytes)),
            _mm256_broadcastq_epi64 (four)));
  }
  return sum;
}

/* R and G of two pixels in the lower half, B and nothing in the upper. */
static inline __m256i
add_pairs (__m256i a, __m256i b)
{
  __m256 x = _mm256_castsi256_ps (a), y = _mm256_castsi256_ps (b);
  __m256i even = _mm256_castps_si256 (_mm256_shuffle_ps (x, y, 0x88));
  __m256i odd = _mm256_castps_si256 (_mm256_shuffle_ps (x, y, 0xdd));

  return _mm256_srai_epi32 (_mm256_add_epi32 (even, odd), ACROSS_SHIFT);
}

static inline __m256i
join_pixels (__m256i a, __m256i b, __m256i c, __m256i d)
{
  const __m256i order = _mm256_setr_epi32 (0, 4, 1, 5, 2, 6, 3, 7);

  return _mm256_permutevar8x32_epi32 (
      _mm256_packs_epi32 (add_pairs (a, b), add_pairs (c, d)), order);
}

static inline __m256i
four_pixels (const uint8_t *row, int pixel_bytes, const int *first,
    const int16_t *weights, int taps, __m256i order)
{
  __m256i sums[ABREAST_RGB];

#pragma GCC unroll 4
  for (int p = 0; p < ABREAST_RGB; p++)
    sums[p] = weigh (row + pixel_bytes * (ptrdiff_t) first[p], pixel_bytes,
        weights + (ptrdiff_t) p * taps, taps, order);
  return join_pixels (sums[0], sums[1], sums[2], sums[3]);
}

static inline void
across_bytes (const uint8_t *row, int pixel_bytes, const int *first,
    const int16_t *weights, int taps, int16_t *out, int n)
{
  const __m256i order = pair_order (pixel_bytes);
  int i = 0;

  for (; i + ABREAST_RGB <= n; i += ABREAST_RGB)
    _mm256_storeu_si256 ((__m256i *) (void *) (out + 4 * i),
        four_pixels (row, pixel_bytes, first + i,
            weights + (ptrdiff_t) i * taps, taps, order));
  for (; i < n; i++) {
    __m256i sum = weigh (row + pixel_bytes * (ptrdiff_t) first[i], pixel_bytes,
        weights + (ptrdiff_t) i * taps, taps, order);

    _mm_storel_epi64 ((__m128i *) (void *) (out + 4 * i),
        _mm256_castsi256_si128 (join_pixels (sum, sum, sum, sum)));
  }
}

/* Eight taps are what photos at half their size have. */
static void
across_rgb (const uint8_t *row, const int *first, const int16_t *weights,
    int taps, int16_t *out, int n)
{
  if (taps == 8)
    across_bytes (row, 3, first, weights, 8, out, n);
  else
    across_bytes (row, 3, first, weights, taps, out, n);
}

static void
across_rgbx (const uint8_t *row, const int *first, const int16_t *weights,
    int taps, int16_t *out, int n)
{
  across_bytes (row, 4, first, weights, taps, out, n);
}

/* Eight pixels of the sum of rows and `start`: those at even places, and the
 * others. */
typedef struct {
  __m512i even, odd;
} Sums;

static inline Sums
add_rows (const int16_t *const *rows, const int16_t *weights, int n_rows, int x,
    int start)
{
  Sums sums = { _mm512_set1_epi32 (start), _mm512_set1_epi32 (start) };

  for (int k = 0; k < n_rows; k += 2) {
    int next = k + 1 < n_rows ? k + 1 : k;
    uint32_t pair = (uint16_t) weights[k];
    __m512i weight, a, b;

    pair |= next > k ? (uint32_t) (uint16_t) weights[next] << 16 : 0;
    weight = _mm512_set1_epi32 ((int) pair);
    a = _mm512_loadu_si512 (rows[k] + x);
    b = _mm512_loadu_si512 (rows[next] + x);
    sums.even = _mm512_add_epi32 (
        sums.even, _mm512_madd_epi16 (_mm512_unpacklo_epi16 (a, b), weight));
    sums.odd = _mm512_add_epi32 (
        sums.odd, _mm512_madd_epi16 (_mm512_unpackhi_epi16 (a, b), weight));
  }
  return sums;
}

static inline void
store_pixels (uint8_t *out, __m256i bytes, int n)
{
  __m128i low = _mm256_castsi256_si128 (bytes);
  __m128i high = _mm256_extracti128_si256 (bytes, 1);
  uint8_t packed[32];

  if (n == PIXELS) {
    _mm_storeu_si128 ((__m128i *) (void *) out, low);
    _mm_storel_epi64 ((__m128i *) (void *) (out + 16), high);
    return;
  }
  _mm256_storeu_si256 ((__m256i *) (void *) packed, bytes);
  memcpy (out, packed, 3 * (size_t) n);
}

static inline void
down_bytes (const int16_t *const *rows, const int16_t *weights, int n_rows,
    uint8_t *out, int width)
{
  const __m256i order =
      _mm256_setr_epi8 (0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20,
          21, 22, 24, 25, 26, 28, 29, 30, 0, 0, 0, 0, 0, 0, 0, 0);

  for (int x = 0; x < width; x += PIXELS) {
    Sums sums = add_rows (rows, weights, n_rows, 4 * x, 1 << (LEVEL_SHIFT - 1));
    __m512i words =
        _mm512_packs_epi32 (_mm512_srai_epi32 (sums.even, LEVEL_SHIFT),
            _mm512_srai_epi32 (sums.odd, LEVEL_SHIFT));
    __m256i bytes = _mm512_cvtusepi16_epi8 (
        _mm512_max_epi16 (words, _mm512_setzero_si512 ()));

    store_pixels (out + 3 * x, _mm256_permutexvar_epi8 (order, bytes),
        width - x < PIXELS ? width - x : PIXELS);
  }
}

/* As across_rgb(). */
static void
down_rgb (const int16_t *const *rows, const int16_t *weights, int n_rows,
    uint8_t *out, int width)
{
  if (n_rows == 8)
    down_bytes (rows, weights, 8, out, width);
  else
    down_bytes (rows, weights, n_rows, out, width);
}

static inline __m512
levels_of (__m512i sums)
{
  const __m512 unit = _mm512_set1_ps (1.0f / (1 << LEVEL_SHIFT));
  __m512 levels = _mm512_mul_ps (_mm512_cvtepi32_ps (sums), unit);

  return _mm512_min_ps (
      _mm512_max_ps (levels, _mm512_setzero_ps ()), _mm512_set1_ps (255.0f));
}

static void
down_rgb_float (const int16_t *const *rows, const int16_t *weights, int n_rows,
    float *out, int width)
{
  for (int x = 0; x < width; x += PIXELS) {
    int n = width - x < PIXELS ? width - x : PIXELS;
    Sums sums = add_rows (rows, weights, n_rows, 4 * x, 0);
    float levels[2][16];

    _mm512_storeu_ps (levels[0], levels_of (sums.even));
    _mm512_storeu_ps (levels[1], levels_of (sums.odd));
    for (int i = 0; i < n; i++)
      memcpy (out + 3 * (x + i), levels[i & 1] + 4 * (i / 2), 3 * sizeof *out);
  }
}

/* Sixteen pixels at a time from the right: what they are written over has been
 * read, and lies to the right of what is read next. */
static void
add_alpha (uint8_t *row, int width)
{
  const __m512i alpha = _mm512_set1_epi32 ((int) 0xff000000);
  const __m512i first = _mm512_setr_epi32 (0x020100, 0x050403, 0x080706,
      0x0b0a09, 0x0e0d0c, 0x11100f, 0x141312, 0x171615, 0x1a1918, 0x1d1c1b,
      0x201f1e, 0x232221, 0x262524, 0x292827, 0x2c2b2a, 0x2f2e2d);
  int x = width;

  while (x > 0) {
    int n = x < 16 ? x : 16;
    __m512i pixels;

    x -= n;
    pixels =
        _mm512_maskz_loadu_epi8 (((__mmask64) 1 << (3 * n)) - 1, row + 3 * x);
    pixels = _mm512_or_si512 (_mm512_permutexvar_epi8 (first, pixels), alpha);
    _mm512_mask_storeu_epi32 (row + 4 * x, (__mmask16) ((1u << n) - 1), pixels);
  }
}

#endif
