/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-retro.h"

#include <string.h>

#include "image/effects/pet-vector.h"
#include "image/pet-pixels.h"

static inline int16_t
luma_of (const uint8_t *pixels)
{
  uint32_t pixel, n;

  memcpy (&pixel, pixels, 4);
  n = 299u * (uint32_t) pet_pixel_red (pixel) +
      587u * (uint32_t) pet_pixel_green (pixel) +
      114u * (uint32_t) pet_pixel_blue (pixel) + 500u;
  /* n / 1000 = (n / 8) / 125, and n / 8 is below 2^15. */
  return (int16_t) ((n >> 3) * 33555u >> 22);
}

static inline uint8_t
is_edge (const int16_t *above, const int16_t *luma, const int16_t *below,
    int32_t threshold2)
{
  int right = above[1] + 2 * luma[1] + below[1];
  int left = above[-1] + 2 * luma[-1] + below[-1];
  int down = below[-1] + 2 * below[0] + below[1];
  int up = above[-1] + 2 * above[0] + above[1];
  int gx = right - left, gy = down - up;

  return gx * gx + gy * gy > threshold2;
}

#if PET_VECTOR_BYTES
#define PIXELS (PET_VECTOR_BYTES / 2)

/* (299 R + 587 G + 114 B + 500) / 8, a vector of pixels. */
static inline PetVector
weigh (const uint8_t *pixels)
{
  const PetVector red_blue = PET_V (set1_epi32) (299 | 114 << 16);
  const PetVector green = PET_V (set1_epi32) (587);
  PetVector v = pet_vector_load (pixels), sum;

  sum = PET_V (add_epi32) (
      PET_V (madd_epi16) (
          pet_vector_and (v, PET_V (set1_epi16) (255)), red_blue),
      PET_V (madd_epi16) (PET_V (srli_epi16) (v, 8), green));
  return PET_V (srli_epi32) (
      PET_V (add_epi32) (sum, PET_V (set1_epi32) (500)), 3);
}

static int
luma_vectors (const uint8_t *pixels, int16_t *luma, int width)
{
  int x = 0;

  for (; x + PIXELS <= width; x += PIXELS) {
    const uint8_t *p = pixels + 4 * (size_t) x;
    PetVector n = pet_vector_unzip (
        PET_V (packus_epi32) (weigh (p), weigh (p + PET_VECTOR_BYTES)));

    n = PET_V (mulhi_epu16) (n, PET_V (set1_epi16) ((short) 33555));
    pet_vector_store (luma + x, PET_V (srli_epi16) (n, 6));
  }
  return x;
}

static inline PetVector
apart (const int16_t *a, const int16_t *b)
{
  return PET_V (sub_epi16) (pet_vector_load (a), pet_vector_load (b));
}

/* sides + 2 middle */
static inline PetVector
smooth (PetVector side, PetVector middle, PetVector other)
{
  return PET_V (add_epi16) (
      PET_V (add_epi16) (side, other), PET_V (add_epi16) (middle, middle));
}

/* One byte of 0 or 1 for each number, which is negative or not. */
static inline void
store_signs (uint8_t *to, PetVector v)
{
#if PET_VECTOR_BYTES == 64
  _mm256_storeu_si256 (
      (__m256i *) to, _mm256_maskz_set1_epi8 (_mm512_movepi16_mask (v), 1));
#else
  __m256i bits = _mm256_srli_epi16 (v, 15);

  _mm_storeu_si128 ((__m128i *) to,
      _mm_packus_epi16 (
          _mm256_castsi256_si128 (bits), _mm256_extracti128_si256 (bits, 1)));
#endif
}

static int
edge_vectors (const int16_t *above, const int16_t *luma, const int16_t *below,
    uint8_t *edge, int width, int32_t threshold2)
{
  const PetVector limit = PET_V (set1_epi32) (threshold2);
  int x = 0;

  for (; x + PIXELS <= width; x += PIXELS) {
    const int16_t *a = above + x, *l = luma + x, *b = below + x;
    PetVector gx = smooth (
        apart (a + 1, a - 1), apart (l + 1, l - 1), apart (b + 1, b - 1));
    PetVector gy =
        smooth (apart (b - 1, a - 1), apart (b, a), apart (b + 1, a + 1));
    PetVector low = PET_V (unpacklo_epi16) (gx, gy);
    PetVector high = PET_V (unpackhi_epi16) (gx, gy);

    low = PET_V (sub_epi32) (limit, PET_V (madd_epi16) (low, low));
    high = PET_V (sub_epi32) (limit, PET_V (madd_epi16) (high, high));
    store_signs (edge + x, PET_V (packs_epi32) (low, high));
  }
  return x;
}
#else
static int
luma_vectors (const uint8_t *pixels, int16_t *luma, int width)
{
  return 0;
}

static int
edge_vectors (const int16_t *above, const int16_t *luma, const int16_t *below,
    uint8_t *edge, int width, int32_t threshold2)
{
  return 0;
}
#endif

void
pet_retro_luma (const uint8_t *pixels, int16_t *luma, int width)
{
  for (int x = luma_vectors (pixels, luma, width); x < width; x++)
    luma[x] = luma_of (pixels + 4 * (size_t) x);
}

void
pet_retro_edges (const int16_t *above, const int16_t *luma,
    const int16_t *below, uint8_t *edge, int width, int32_t threshold2)
{
  for (int x = edge_vectors (above, luma, below, edge, width, threshold2);
       x < width; x++)
    edge[x] = is_edge (above + x, luma + x, below + x, threshold2);
}

void
pet_retro_dilate (const uint8_t *restrict above, const uint8_t *restrict edge,
    const uint8_t *restrict below, uint8_t *restrict dilated, int width)
{
  for (int x = 0; x < width; x++)
    dilated[x] = above[x - 1] | above[x] | above[x + 1] | edge[x - 1] |
        edge[x] | edge[x + 1] | below[x - 1] | below[x] | below[x + 1];
}
