/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pixels of R, G, B, A as 32-bit numbers, which is how vectors of any width
 * take them. Bytes keep their order in memory on every machine. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static inline int
pet_bytes_are_zero_64_ (const uint8_t *bytes)
{
  uint64_t any = 0, part;

  for (int i = 0; i < 64; i += 8) {
    memcpy (&part, bytes + i, 8);
    any |= part;
  }
  return any == 0;
}

/* The first byte other than 0 and the one behind the last; both 0 if there is
 * none. */
static inline void
pet_nonzero_span (const uint8_t *bytes, size_t size, size_t *start, size_t *end)
{
  size_t from = 0, to = size;

  while (from + 64 <= size && pet_bytes_are_zero_64_ (bytes + from))
    from += 64;
  while (from < size && bytes[from] == 0)
    from++;
  if (from == size) {
    *start = *end = 0;
    return;
  }
  while (to >= from + 64 && pet_bytes_are_zero_64_ (bytes + to - 64))
    to -= 64;
  while (bytes[to - 1] == 0)
    to--;
  *start = from;
  *end = to;
}
