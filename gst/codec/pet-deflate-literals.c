/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-deflate-literals.h"

/* Four tables, because equal neighbours would wait for each other. Zeros in
 * pairs are counted together. */
void
pet_literals_count (
    const uint8_t *literals, size_t n, bool in_pairs, uint32_t *counts)
{
  uint32_t tables[4][256] = { { 0 } };
  size_t i = 0, n_zeros = 0, turn = 0;

  while (i + 4 <= n) {
    PetFour four = in_pairs ? pet_literals_look (literals + i) : PET_FOUR_PLAIN;

    if (four == PET_FOUR_ZERO_FIRST) {
      n_zeros++;
      i++;
      continue;
    }
    if (four == PET_FOUR_PAIRS) {
      tables[turn][literals[i]]++;
      tables[turn + 1][literals[i + 2]]++;
      turn ^= 2;
      n_zeros += 2;
    } else {
      tables[0][literals[i]]++;
      tables[1][literals[i + 1]]++;
      tables[2][literals[i + 2]]++;
      tables[3][literals[i + 3]]++;
    }
    i += 4;
  }
  for (; i < n; i++)
    counts[literals[i]]++;
  for (i = 0; i < 256; i++)
    counts[i] += tables[0][i] + tables[1][i] + tables[2][i] + tables[3][i];
  counts[0] += (uint32_t) n_zeros;
}
