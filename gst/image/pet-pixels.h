/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pixels of R, G, B, A as 32-bit numbers, which is how vectors of any width
 * take them. Bytes keep their order in memory on every machine. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined __AVX2__
#include <immintrin.h>
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define PET_PIXEL_SHIFT(channel) (24 - 8 * (channel))
#else
#define PET_PIXEL_SHIFT(channel) (8 * (channel))
#endif

#define PET_PIXEL_ALPHA (255u << PET_PIXEL_SHIFT (3))

static inline int
pet_pixel_red (uint32_t pixel)
{
  return (int) (pixel >> PET_PIXEL_SHIFT (0) & 255);
}

static inline int
pet_pixel_green (uint32_t pixel)
{
  return (int) (pixel >> PET_PIXEL_SHIFT (1) & 255);
}

static inline int
pet_pixel_blue (uint32_t pixel)
{
  return (int) (pixel >> PET_PIXEL_SHIFT (2) & 255);
}

static inline uint32_t
pet_pixel (unsigned red, unsigned green, unsigned blue, unsigned alpha)
{
  return red << PET_PIXEL_SHIFT (0) | green << PET_PIXEL_SHIFT (1) |
      blue << PET_PIXEL_SHIFT (2) | alpha << PET_PIXEL_SHIFT (3);
}

/* Are these 64 bytes all 0? */
static inline int
pet_block_is_zero (const uint8_t *bytes)
{
#if defined __AVX512F__
  __m512i block = _mm512_loadu_si512 (bytes);

  return _mm512_test_epi32_mask (block, block) == 0;
#elif defined __AVX2__
  __m256i block = _mm256_or_si256 (_mm256_loadu_si256 ((const __m256i *) bytes),
      _mm256_loadu_si256 ((const __m256i *) (bytes + 32)));

  return _mm256_testz_si256 (block, block);
#else
  uint64_t any = 0, part;

  for (int i = 0; i < 64; i += 8) {
    memcpy (&part, bytes + i, 8);
    any |= part;
  }
  return any == 0;
#endif
}

static inline int
pet_pixel_is_zero (const uint8_t *pixel)
{
  uint32_t value;

  memcpy (&value, pixel, 4);
  return value == 0;
}

/* The first pixel other than 0, 0, 0, 0 of `width` and the one behind the last;
 * both 0 if there is none. */
static inline void
pet_nonzero_span (const uint8_t *pixels, int width, int *start, int *end)
{
  int from = 0, to = width;

  while (from + 16 <= width && pet_block_is_zero (pixels + 4 * (size_t) from))
    from += 16;
  while (from < width && pet_pixel_is_zero (pixels + 4 * (size_t) from))
    from++;
  if (from == width) {
    *start = *end = 0;
    return;
  }
  while (to >= from + 16 && pet_block_is_zero (pixels + 4 * (size_t) to - 64))
    to -= 16;
  while (pet_pixel_is_zero (pixels + 4 * (size_t) to - 4))
    to--;
  *start = from;
  *end = to;
}
