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

/* Where the bytes of four pixels go: R, G, B and nothing of two neighbours in
 * pairs of words, two pairs of pixels. */
static inline __m256i
pair_order (int pixel_bytes)
{
  uint8_t order[32] = { 0 };

  for (int pair = 0; pair < 2; pair++)
    for (int c = 0; c < 3; c++)
      for (int k = 0; k < 2; k++)
        order[16 * pair + 4 * c + 2 * k] =
            (uint8_t) ((2 * pair + k) * pixel_bytes + c);
  return _mm256_loadu_si256 ((const __m256i *) (const void *) order);
}

/* One instruction weighs and adds neighbours, for three channels and two pairs
 * at once. Vectors of 256 bits, whose halves change places faster. */
static inline __m256i
weigh (const uint8_t *in, int pixel_bytes, const int16_t *weights, int taps,
    __m256i order)
{
  const __mmask32 words = 0x05550555; /* their lower bytes */
  const __m256i halves = _mm256_setr_epi32 (0, 0, 0, 0, 1, 1, 1, 1);
  __m256i sum = _mm256_setzero_si256 ();

  for (int k = 0; k < taps; k += 4) {
    __m128i bytes = _mm_loadu_si128 (
        (const __m128i *) (const void *) (in + pixel_bytes * k));
    __m128i four =
        _mm_loadl_epi64 ((const __m128i *) (const void *) (weights + k));

    sum = _mm256_add_epi32 (sum,
        _mm256_madd_epi16 (_mm256_maskz_permutexvar_epi8 (
                               words, order, _mm256_castsi128_si256 (bytes)),
            _mm256_permutevar8x32_epi32 (
                _mm256_castsi128_si256 (four), halves)));
  }
  return sum;
}

/* The halves of each added, a pixel in each half. */
static inline __m256i
add_halves (__m256i a, __m256i b)
{
  const __m256i half = _mm256_set1_epi32 (1 << (ACROSS_SHIFT - 1));
  __m256i sum = _mm256_add_epi32 (_mm256_permute2x128_si256 (a, b, 0x20),
      _mm256_permute2x128_si256 (a, b, 0x31));

  return _mm256_srai_epi32 (_mm256_add_epi32 (sum, half), ACROSS_SHIFT);
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
  return _mm256_permute4x64_epi64 (
      _mm256_packs_epi32 (
          add_halves (sums[0], sums[1]), add_halves (sums[2], sums[3])),
      0xd8);
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

    sum = add_halves (sum, sum);
    _mm_storel_epi64 ((__m128i *) (void *) (out + 4 * i),
        _mm256_castsi256_si128 (_mm256_packs_epi32 (sum, sum)));
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

static void
down_rgb (const int16_t *const *rows, const int16_t *weights, int n_rows,
    uint8_t *out, int width)
{
  const __m256i order =
      _mm256_setr_epi8 (0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20,
          21, 22, 24, 25, 26, 28, 29, 30, 0, 0, 0, 0, 0, 0, 0, 0);

  for (int x = 0; x < width; x += PIXELS) {
    int n = width - x < PIXELS ? width - x : PIXELS;
    Sums sums = add_rows (rows, weights, n_rows, 4 * x, 1 << (LEVEL_SHIFT - 1));
    __m512i words =
        _mm512_packs_epi32 (_mm512_srai_epi32 (sums.even, LEVEL_SHIFT),
            _mm512_srai_epi32 (sums.odd, LEVEL_SHIFT));
    __m256i bytes = _mm512_cvtusepi16_epi8 (
        _mm512_max_epi16 (words, _mm512_setzero_si512 ()));
    uint8_t packed[32];

    _mm256_storeu_si256 (
        (__m256i *) (void *) packed, _mm256_permutexvar_epi8 (order, bytes));
    if (n == PIXELS)
      memcpy (out + 3 * x, packed, 3 * PIXELS);
    else
      memcpy (out + 3 * x, packed, 3 * (size_t) n);
  }
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

#endif
