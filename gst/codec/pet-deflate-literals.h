/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Literals of a deflate block, four at a time. Thread-safety: safe. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Filtered pixels of which the alpha does not change are pairs of a byte and a
 * 0, or were before something was taken out between them. */
typedef enum { PET_FOUR_PLAIN, PET_FOUR_PAIRS, PET_FOUR_ZERO_FIRST } PetFour;

static inline PetFour
pet_literals_look (const uint8_t *literals)
{
  uint32_t four;

  memcpy (&four, literals, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  four = __builtin_bswap32 (four);
#endif
  if ((four & 0xff00ff00u) == 0)
    return PET_FOUR_PAIRS;
  return (four & 0x00ff00ffu) == 0 ? PET_FOUR_ZERO_FIRST : PET_FOUR_PLAIN;
}

/* Adds to counts[256] how often each byte occurs. `in_pairs`: many are 0. */
void pet_literals_count (
    const uint8_t *literals, size_t n, bool in_pairs, uint32_t *counts);
