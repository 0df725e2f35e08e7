/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-retro.h"

#include <string.h>

#include "image/effects/pet-palette.h"
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

#if PET_VECTOR_BYTES
#define PIXELS (PET_VECTOR_BYTES / 4)

/* The indices of PIXELS pixels. */
static inline PetVector
choose (const uint8_t *edge, const uint8_t *fine, const uint8_t *coarse)
{
#if PET_VECTOR_BYTES == 64
  __m128i edges = _mm_loadu_si128 ((const __m128i *) edge);

  return _mm512_cvtepu8_epi32 (
      _mm_mask_blend_epi8 (_mm_test_epi8_mask (edges, edges),
          _mm_loadu_si128 ((const __m128i *) coarse),
          _mm_loadu_si128 ((const __m128i *) fine)));
#else
  __m128i none = _mm_cmpeq_epi8 (
      _mm_loadl_epi64 ((const __m128i *) edge), _mm_setzero_si128 ());

  return _mm256_cvtepu8_epi32 (
      _mm_blendv_epi8 (_mm_loadl_epi64 ((const __m128i *) fine),
          _mm_loadl_epi64 ((const __m128i *) coarse), none));
#endif
}

/* `color` where `alpha` is not 0. */
static inline PetVector
join_visible (PetVector alpha, PetVector color)
{
#if PET_VECTOR_BYTES == 64
  return _mm512_maskz_or_epi32 (
      _mm512_test_epi32_mask (alpha, alpha), alpha, color);
#else
  color = _mm256_andnot_si256 (
      _mm256_cmpeq_epi32 (alpha, _mm256_setzero_si256 ()), color);
  return _mm256_or_si256 (alpha, color);
#endif
}

static int
paint_vectors (const uint8_t *src, uint8_t *dst, int width, const uint8_t *edge,
    const uint8_t *fine, const uint8_t *coarse, const uint32_t table[32])
{
  const PetVector mask = PET_V (set1_epi32) ((int) PET_PIXEL_ALPHA);
  PetPalette palette = pet_palette_load (table);
  int x = 0;

  for (; x + PIXELS <= width; x += PIXELS) {
    PetVector color =
        pet_palette_look_up (&palette, choose (edge + x, fine + x, coarse + x));
    PetVector alpha =
        pet_vector_and (pet_vector_load (src + 4 * (size_t) x), mask);

    pet_vector_store (dst + 4 * (size_t) x, join_visible (alpha, color));
  }
  return x;
}
#else
static int
paint_vectors (const uint8_t *src, uint8_t *dst, int width, const uint8_t *edge,
    const uint8_t *fine, const uint8_t *coarse, const uint32_t table[32])
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
