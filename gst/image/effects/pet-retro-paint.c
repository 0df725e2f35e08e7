/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-retro.h"

#include <string.h>

#include "image/effects/pet-vector.h"
#include "image/pet-pixels.h"

static inline void
paint_pixel (const uint8_t *src, uint8_t *dst, uint32_t color)
{
  uint32_t pixel;

  memcpy (&pixel, src, 4);
  pixel &= PET_PIXEL_ALPHA;
  pixel = pixel == 0 ? 0 : pixel | color;
  memcpy (dst, &pixel, 4);
}

#if PET_VECTOR_BYTES
/* A cell is a pixel wide at least, so that 16 pixels see 16 cells at most. */
static int
spread_vectors (
    const PetRetroGrid *grid, const uint8_t *cells, uint8_t *indices, int width)
{
  int x = 0;

  for (; x + 16 <= width; x += 16) {
    __m128i window =
        _mm_loadu_si128 ((const __m128i *) (cells + grid->column[x]));
    __m128i step = _mm_loadu_si128 ((const __m128i *) (grid->step + x));

    _mm_storeu_si128 (
        (__m128i *) (indices + x), _mm_shuffle_epi8 (window, step));
  }
  return x;
}
#else
static int
spread_vectors (
    const PetRetroGrid *grid, const uint8_t *cells, uint8_t *indices, int width)
{
  return 0;
}
#endif

void
pet_retro_spread (
    const PetRetroGrid *grid, const uint8_t *cells, uint8_t *indices, int width)
{
  for (int x = spread_vectors (grid, cells, indices, width); x < width; x++)
    indices[x] = cells[grid->column[x]];
}

#if PET_VECTOR_BYTES == 64
/* 32 colours are two registers. */
static int
paint_vectors (const uint8_t *src, uint8_t *dst, int width, const uint8_t *edge,
    const uint8_t *fine, const uint8_t *coarse, const uint32_t palette[32])
{
  const __m512i low = _mm512_loadu_si512 (palette);
  const __m512i high = _mm512_loadu_si512 (palette + 16);
  int x = 0;

  for (; x + 16 <= width; x += 16) {
    __m128i edges = _mm_loadu_si128 ((const __m128i *) (edge + x));
    __m128i index = _mm_mask_blend_epi8 (_mm_test_epi8_mask (edges, edges),
        _mm_loadu_si128 ((const __m128i *) (coarse + x)),
        _mm_loadu_si128 ((const __m128i *) (fine + x)));
    __m512i color =
        _mm512_permutex2var_epi32 (low, _mm512_cvtepu8_epi32 (index), high);
    __m512i alpha = _mm512_and_si512 (_mm512_loadu_si512 (src + 4 * (size_t) x),
        _mm512_set1_epi32 ((int) PET_PIXEL_ALPHA));

    _mm512_storeu_si512 (dst + 4 * (size_t) x,
        _mm512_maskz_or_epi32 (
            _mm512_test_epi32_mask (alpha, alpha), alpha, color));
  }
  return x;
}
#elif PET_VECTOR_BYTES == 32
/* 32 colours are four registers: index bits 3 and 4, moved to the sign, pick
 * one of them. */
static inline __m256i
look_up (const __m256 table[4], __m256i index)
{
  __m256 bit_3 = _mm256_castsi256_ps (_mm256_slli_epi32 (index, 28));
  __m256 bit_4 = _mm256_castsi256_ps (_mm256_slli_epi32 (index, 27));
  __m256 low = _mm256_blendv_ps (_mm256_permutevar8x32_ps (table[0], index),
      _mm256_permutevar8x32_ps (table[1], index), bit_3);
  __m256 high = _mm256_blendv_ps (_mm256_permutevar8x32_ps (table[2], index),
      _mm256_permutevar8x32_ps (table[3], index), bit_3);

  return _mm256_castps_si256 (_mm256_blendv_ps (low, high, bit_4));
}

static int
paint_vectors (const uint8_t *src, uint8_t *dst, int width, const uint8_t *edge,
    const uint8_t *fine, const uint8_t *coarse, const uint32_t palette[32])
{
  const __m256i zero = _mm256_setzero_si256 ();
  __m256 table[4];
  int x = 0;

  for (int i = 0; i < 4; i++)
    table[i] = _mm256_castsi256_ps (pet_vector_load (palette + 8 * i));
  for (; x + 8 <= width; x += 8) {
    __m128i edges = _mm_loadl_epi64 ((const __m128i *) (edge + x));
    __m128i index =
        _mm_blendv_epi8 (_mm_loadl_epi64 ((const __m128i *) (fine + x)),
            _mm_loadl_epi64 ((const __m128i *) (coarse + x)),
            _mm_cmpeq_epi8 (edges, _mm_setzero_si128 ()));
    __m256i color = look_up (table, _mm256_cvtepu8_epi32 (index));
    __m256i alpha = pet_vector_and (pet_vector_load (src + 4 * (size_t) x),
        _mm256_set1_epi32 ((int) PET_PIXEL_ALPHA));

    color = _mm256_andnot_si256 (_mm256_cmpeq_epi32 (alpha, zero), color);
    pet_vector_store (dst + 4 * (size_t) x, _mm256_or_si256 (alpha, color));
  }
  return x;
}
#else
static int
paint_vectors (const uint8_t *src, uint8_t *dst, int width, const uint8_t *edge,
    const uint8_t *fine, const uint8_t *coarse, const uint32_t palette[32])
{
  return 0;
}
#endif

void
pet_retro_paint (const uint8_t *src, uint8_t *dst, int width,
    const uint8_t *edge, const uint8_t *fine, const uint8_t *coarse,
    const uint32_t palette[32])
{
  for (int x = paint_vectors (src, dst, width, edge, fine, coarse, palette);
       x < width; x++)
    paint_pixel (src + 4 * (size_t) x, dst + 4 * (size_t) x,
        palette[edge[x] ? fine[x] : coarse[x]]);
}
