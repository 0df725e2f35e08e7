/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A part of pet-resample-rows.c: pixels of three bytes with AVX2. */

#pragma once

#ifdef __AVX2__

#include <immintrin.h>
#include <string.h>

#include "base/pet-resample-rows.h"

#define PIXELS 4
#define ABREAST_RGB 4
#define ACROSS_SHIFT (PET_RESAMPLE_WEIGHT_BITS - PET_RESAMPLE_LEVEL_BITS)
#define LEVEL_SHIFT (PET_RESAMPLE_WEIGHT_BITS + PET_RESAMPLE_LEVEL_BITS)

/* Four pixels become pairs of neighbours, two of R, two of G and two of B: one
 * instruction then weighs and adds both, for three channels and two pairs at
 * once, and weights come from memory as they are. The two sums of a channel lie
 * side by side; together they are rounded by a shift. */
static inline __m256i
weigh (const uint8_t *in, int pixel_bytes, const int16_t *weights, int taps,
    __m128i order)
{
  __m256i sum = _mm256_set1_epi64x (1 << (ACROSS_SHIFT - 1));

  for (int k = 0; k < taps; k += 4) {
    __m128i bytes = _mm_loadu_si128 (
        (const __m128i *) (const void *) (in + pixel_bytes * k));
    __m128i four =
        _mm_loadl_epi64 ((const __m128i *) (const void *) (weights + k));

    sum = _mm256_add_epi32 (sum,
        _mm256_madd_epi16 (
            _mm256_cvtepu8_epi16 (_mm_shuffle_epi8 (bytes, order)),
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

/* Four pixels; R and G of each lie in the lower half of what packs make. */
static inline __m256i
join_pixels (__m256i a, __m256i b, __m256i c, __m256i d)
{
  const __m256i order = _mm256_setr_epi32 (0, 4, 1, 5, 2, 6, 3, 7);

  return _mm256_permutevar8x32_epi32 (
      _mm256_packs_epi32 (add_pairs (a, b), add_pairs (c, d)), order);
}

static inline void
across_bytes (const uint8_t *row, int pixel_bytes, const int *first,
    const int16_t *weights, int taps, int16_t *out, int n, __m128i order)
{
  int i = 0;

  for (; i + ABREAST_RGB <= n; i += ABREAST_RGB) {
    __m256i sums[ABREAST_RGB];

#pragma GCC unroll 4
    for (int p = 0; p < ABREAST_RGB; p++)
      sums[p] = weigh (row + pixel_bytes * (ptrdiff_t) first[i + p],
          pixel_bytes, weights + (ptrdiff_t) (i + p) * taps, taps, order);
    _mm256_storeu_si256 ((__m256i *) (void *) (out + 4 * i),
        join_pixels (sums[0], sums[1], sums[2], sums[3]));
  }
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
  const __m128i order =
      _mm_setr_epi8 (0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1);

  if (taps == 8)
    across_bytes (row, 3, first, weights, 8, out, n, order);
  else
    across_bytes (row, 3, first, weights, taps, out, n, order);
}

static void
across_rgbx (const uint8_t *row, const int *first, const int16_t *weights,
    int taps, int16_t *out, int n)
{
  across_bytes (row, 4, first, weights, taps, out, n,
      _mm_setr_epi8 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, -1, -1, -1, -1));
}

/* Four pixels of the sum of rows and `start`: those at even places, and the
 * others. */
typedef struct {
  __m256i even, odd;
} Sums;

static inline Sums
add_rows (const int16_t *const *rows, const int16_t *weights, int n_rows, int x,
    int start)
{
  Sums sums = { _mm256_set1_epi32 (start), _mm256_set1_epi32 (start) };

  for (int k = 0; k < n_rows; k += 2) {
    int next = k + 1 < n_rows ? k + 1 : k;
    uint32_t pair = (uint16_t) weights[k];
    __m256i weight, a, b;

    pair |= next > k ? (uint32_t) (uint16_t) weights[next] << 16 : 0;
    weight = _mm256_set1_epi32 ((int) pair);
    a = _mm256_loadu_si256 ((const __m256i *) (const void *) (rows[k] + x));
    b = _mm256_loadu_si256 ((const __m256i *) (const void *) (rows[next] + x));
    sums.even = _mm256_add_epi32 (
        sums.even, _mm256_madd_epi16 (_mm256_unpacklo_epi16 (a, b), weight));
    sums.odd = _mm256_add_epi32 (
        sums.odd, _mm256_madd_epi16 (_mm256_unpackhi_epi16 (a, b), weight));
  }
  return sums;
}

static void
down_rgb (const int16_t *const *rows, const int16_t *weights, int n_rows,
    uint8_t *out, int width)
{
  const __m128i order =
      _mm_setr_epi8 (0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);

  for (int x = 0; x < width; x += PIXELS) {
    int n = width - x < PIXELS ? width - x : PIXELS;
    Sums sums = add_rows (rows, weights, n_rows, 4 * x, 1 << (LEVEL_SHIFT - 1));
    __m256i words =
        _mm256_packs_epi32 (_mm256_srai_epi32 (sums.even, LEVEL_SHIFT),
            _mm256_srai_epi32 (sums.odd, LEVEL_SHIFT));
    uint8_t bytes[16];

    _mm_storeu_si128 ((__m128i *) (void *) bytes,
        _mm_shuffle_epi8 (_mm_packus_epi16 (_mm256_castsi256_si128 (words),
                              _mm256_extracti128_si256 (words, 1)),
            order));
    if (n == PIXELS)
      memcpy (out + 3 * x, bytes, 3 * PIXELS);
    else
      memcpy (out + 3 * x, bytes, 3 * (size_t) n);
  }
}

static inline __m256
levels_of (__m256i sums)
{
  const __m256 unit = _mm256_set1_ps (1.0f / (1 << LEVEL_SHIFT));
  __m256 levels = _mm256_mul_ps (_mm256_cvtepi32_ps (sums), unit);

  return _mm256_min_ps (
      _mm256_max_ps (levels, _mm256_setzero_ps ()), _mm256_set1_ps (255.0f));
}

static void
down_rgb_float (const int16_t *const *rows, const int16_t *weights, int n_rows,
    float *out, int width)
{
  for (int x = 0; x < width; x += PIXELS) {
    int n = width - x < PIXELS ? width - x : PIXELS;
    Sums sums = add_rows (rows, weights, n_rows, 4 * x, 0);
    float levels[2][8];

    _mm256_storeu_ps (levels[0], levels_of (sums.even));
    _mm256_storeu_ps (levels[1], levels_of (sums.odd));
    for (int i = 0; i < n; i++)
      memcpy (out + 3 * (x + i), levels[i & 1] + 4 * (i / 2), 3 * sizeof *out);
  }
}

/* Four pixels at a time from the right, read with the four bytes behind them,
 * which the row has. */
static void
add_alpha (uint8_t *row, int width)
{
  const __m128i alpha = _mm_set1_epi32 ((int) 0xff000000);
  const __m128i order =
      _mm_setr_epi8 (0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
  int rest = width % 4, whole = width - rest;
  uint8_t last[12];

  memcpy (last, row + 3 * whole, 3 * (size_t) rest);
  for (int i = 0; i < rest; i++) {
    memcpy (row + 4 * (whole + i), last + 3 * i, 3);
    row[4 * (whole + i) + 3] = 255;
  }
  for (int x = whole - 4; x >= 0; x -= 4) {
    __m128i pixels =
        _mm_loadu_si128 ((const __m128i *) (const void *) (row + 3 * x));

    _mm_storeu_si128 ((__m128i *) (void *) (row + 4 * x),
        _mm_or_si128 (_mm_shuffle_epi8 (pixels, order), alpha));
  }
}

#endif
