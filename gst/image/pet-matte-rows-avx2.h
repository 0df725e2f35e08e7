/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Part of pet-matte-rows.c: what compilers do not vectorise, eight pixels at
 * a time, in the same order of operations as the plain functions. Eight
 * neighbouring pixels look at no more than eight neighbouring values of a
 * line, so one load and one permutation take the place of a gather. */

#pragma once

#ifdef __AVX2__

#include <immintrin.h>

#include "image/pet-matte-rows-plain.h"

/* Eight pixels of 3 or 4 bytes as 0x??BBGGRR; with 3 bytes, 28 are read. */
static inline __m256i
load_pixels (const uint8_t *pixels, int channels)
{
  const __m256i spread = _mm256_setr_epi8 (0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8,
      -1, 9, 10, 11, -1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
  __m128i low, high;

  if (channels == 4)
    return _mm256_loadu_si256 ((const __m256i *) pixels);
  low = _mm_loadu_si128 ((const __m128i *) pixels);
  high = _mm_loadu_si128 ((const __m128i *) (pixels + 12));
  return _mm256_shuffle_epi8 (_mm256_set_m128i (high, low), spread);
}

/* Pixels that load_pixels() can take from `count` without reading on. */
static inline int
loadable (int count, int channels)
{
  return channels == 4 ? count : count - 2;
}

static inline __m256i
channel_of (__m256i pixels, int c)
{
  return _mm256_and_si256 (
      _mm256_srli_epi32 (pixels, 8 * c), _mm256_set1_epi32 (255));
}

typedef struct {
  __m256i index; /* into eight values from the first pixel's neighbour on */
  __m256 share;
  int first;
} Eight;

/* False where the pixels lie too far apart on the line. */
static inline bool
find_eight (const PetMattePlaces *places, int x, Eight *eight)
{
  eight->first = places->left[x];
  if (places->left[x + 7] - eight->first > 7)
    return false;
  eight->index = _mm256_sub_epi32 (
      _mm256_loadu_si256 ((const __m256i *) (places->left + x)),
      _mm256_set1_epi32 (eight->first));
  eight->share = _mm256_loadu_ps (places->share + x);
  return true;
}

static inline __m256
interpolate (const float *line, const Eight *eight)
{
  __m256 left = _mm256_permutevar8x32_ps (
      _mm256_loadu_ps (line + eight->first), eight->index);
  __m256 right = _mm256_permutevar8x32_ps (
      _mm256_loadu_ps (line + eight->first + 1), eight->index);

  return _mm256_add_ps (
      left, _mm256_mul_ps (_mm256_sub_ps (right, left), eight->share));
}

static inline __m256i
round_levels (__m256 value)
{
  value = _mm256_min_ps (
      _mm256_max_ps (value, _mm256_setzero_ps ()), _mm256_set1_ps (255.0f));
  return _mm256_cvttps_epi32 (_mm256_add_ps (value, _mm256_set1_ps (0.5f)));
}

static inline __m256
grey_of (__m256i pixels)
{
  __m256i sum =
      _mm256_mullo_epi32 (channel_of (pixels, 0), _mm256_set1_epi32 (299));

  sum = _mm256_add_epi32 (sum,
      _mm256_mullo_epi32 (channel_of (pixels, 1), _mm256_set1_epi32 (587)));
  sum = _mm256_add_epi32 (sum,
      _mm256_mullo_epi32 (channel_of (pixels, 2), _mm256_set1_epi32 (114)));
  return _mm256_mul_ps (_mm256_cvtepi32_ps (sum), _mm256_set1_ps (0.008f));
}

static inline void
expand (uint8_t *alpha, const float *slope, const float *offset,
    const PetMattePlaces *places, const uint8_t *pixels, int channels,
    float gain, float bias, int from, int to)
{
  int end = loadable (places->width, channels), x = from;
  Eight eight;

  for (; x + 8 <= to && x + 8 <= end && find_eight (places, x, &eight);
       x += 8) {
    __m256 grey =
        grey_of (load_pixels (pixels + (ptrdiff_t) x * channels, channels));
    __m256 value =
        _mm256_add_ps (_mm256_mul_ps (interpolate (slope, &eight), grey),
            interpolate (offset, &eight));
    __m256i level = round_levels (_mm256_add_ps (
        _mm256_mul_ps (value, _mm256_set1_ps (gain)), _mm256_set1_ps (bias)));
    __m128i packed = _mm_packus_epi32 (
        _mm256_castsi256_si128 (level), _mm256_extracti128_si256 (level, 1));

    _mm_storel_epi64 (
        (__m128i *) (alpha + x), _mm_packus_epi16 (packed, packed));
  }
  expand_plain (
      alpha, slope, offset, places, pixels, channels, gain, bias, x, to);
}

static inline __m256i
clean_eight (__m256i pixels, const float *lines, int stride, const Eight *eight)
{
  __m256 alpha =
      _mm256_mul_ps (_mm256_cvtepi32_ps (_mm256_srli_epi32 (pixels, 24)),
          _mm256_set1_ps (1.0f / 255.0f));
  __m256 rest = _mm256_sub_ps (_mm256_set1_ps (1.0f), alpha);
  __m256 along = _mm256_setzero_ps (), distance = _mm256_set1_ps (100.0f);
  __m256 fore[3], error[3], away[3], size = _mm256_setzero_ps (), leak, share;
  __m256i result =
      _mm256_and_si256 (pixels, _mm256_set1_epi32 ((int) 0xff000000u));

  for (int c = 0; c < 3; c++) {
    __m256 back =
        interpolate (lines + (ptrdiff_t) (PET_PURE_BACK + c) * stride, eight);

    fore[c] =
        interpolate (lines + (ptrdiff_t) (PET_PURE_FORE + c) * stride, eight);
    error[c] = _mm256_sub_ps (
        _mm256_sub_ps (_mm256_cvtepi32_ps (channel_of (pixels, c)),
            _mm256_mul_ps (alpha, fore[c])),
        _mm256_mul_ps (rest, back));
    away[c] = _mm256_sub_ps (back, fore[c]);
    along = _mm256_add_ps (along, _mm256_mul_ps (error[c], away[c]));
    distance = _mm256_add_ps (distance, _mm256_mul_ps (away[c], away[c]));
    size = _mm256_add_ps (size, _mm256_mul_ps (error[c], error[c]));
  }
  leak = _mm256_max_ps (_mm256_div_ps (along, distance), _mm256_setzero_ps ());
  leak = _mm256_min_ps (
      leak, _mm256_mul_ps (_mm256_set1_ps (PET_MATTE_LEAK_MARGIN), rest));
  share = _mm256_div_ps (_mm256_mul_ps (rest, size),
      _mm256_add_ps (
          size, _mm256_mul_ps (_mm256_set1_ps (PET_MATTE_KEEP), distance)));
  share = _mm256_add_ps (alpha, share);
  for (int c = 0; c < 3; c++) {
    __m256 kept = _mm256_sub_ps (error[c], _mm256_mul_ps (leak, away[c]));
    __m256i level =
        round_levels (_mm256_add_ps (fore[c], _mm256_mul_ps (share, kept)));

    result = _mm256_or_si256 (result, _mm256_slli_epi32 (level, 8 * c));
  }
  return result;
}

static inline void
clean (uint8_t *row, const float *lines, int stride,
    const PetMattePlaces *places, int from, int to)
{
  const __m256i counting = _mm256_setr_epi32 (0, 1, 2, 3, 4, 5, 6, 7);
  int x = from;
  Eight eight;

  for (; x < to && x + 8 <= places->width && find_eight (places, x, &eight);
       x += 8) {
    int *here = (int *) (void *) (row + 4 * (ptrdiff_t) x);
    __m256i wanted = _mm256_cmpgt_epi32 (_mm256_set1_epi32 (to - x), counting);
    __m256i pixels = _mm256_maskload_epi32 (here, wanted);

    _mm256_maskstore_epi32 (
        here, wanted, clean_eight (pixels, lines, stride, &eight));
  }
  if (x < to)
    clean_plain (row, lines, stride, places, x, to);
}

static inline void
join (uint8_t *out, const uint8_t *pixels, int channels, const uint8_t *alpha,
    bool scrub, int count)
{
  const __m256i always = _mm256_set1_epi32 (scrub ? 0 : 0xffffff);
  const __m256i colors = _mm256_set1_epi32 (0xffffff);
  int end = loadable (count, channels), x = 0;

  for (; x + 8 <= end; x += 8) {
    __m256i levels =
        _mm256_cvtepu8_epi32 (_mm_loadl_epi64 ((const __m128i *) (alpha + x)));
    __m256i hidden = _mm256_cmpeq_epi32 (levels, _mm256_setzero_si256 ());
    __m256i kept = _mm256_or_si256 (_mm256_andnot_si256 (hidden, colors),
        _mm256_and_si256 (hidden, always));
    __m256i pixel = load_pixels (pixels + (ptrdiff_t) x * channels, channels);

    _mm256_storeu_si256 ((__m256i *) (out + 4 * (ptrdiff_t) x),
        _mm256_or_si256 (
            _mm256_and_si256 (pixel, kept), _mm256_slli_epi32 (levels, 24)));
  }
  pixels += (ptrdiff_t) x * channels;
  out += 4 * (ptrdiff_t) x;
  if (channels == 4)
    join_rgba (out, pixels, alpha + x, scrub, count - x);
  else
    join_rgb (out, pixels, alpha + x, scrub, count - x);
}

#endif
