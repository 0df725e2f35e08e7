/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-deflate-runs.h"

#include <string.h>

/* A run is written as a match when it is at least this long. Where zeros cost
 * one bit, which the last block tells, shorter ones are better off as such. */
#define MIN_RUN 4
#define MATCH_BITS 10

PetStatus
pet_runs_add_zeros (PetBlock *block, size_t size, PetError *error)
{
  static const uint8_t zero;

  if (!block->ends_with_zero) {
    PET_TRY (pet_block_add_literals (block, &zero, 1, error));
    block->ends_with_zero = true;
    size--;
  }
  if (size >= 3)
    return pet_block_add_match (block, size, 1, error);
  for (; size > 0; size--)
    PET_TRY (pet_block_add_literals (block, &zero, 1, error));
  return PET_OK;
}

static size_t
min_run (const PetBlock *block)
{
  unsigned n_bits = block->lengths[0] > 0 ? block->lengths[0] : 2;
  size_t run = 1 + MATCH_BITS / n_bits;

  return run < MIN_RUN ? MIN_RUN : run;
}

/* The next four zeros in a row that begin at a multiple of four from `i`, or
 * `size`. */
static size_t
find_zeros (const uint8_t *bytes, size_t i, size_t size)
{
  for (; i + 8 <= size; i += 8) {
    uint32_t two[2];

    memcpy (two, bytes + i, 8);
    if (two[0] == 0)
      return i;
    if (two[1] == 0)
      return i + 4;
  }
  return size;
}

PetStatus
pet_runs_add (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error)
{
  size_t shortest = min_run (block), done = 0, i = 0;

  while ((i = find_zeros (bytes, i, size)) < size) {
    size_t start = i, end = i + 4;

    while (start > done && bytes[start - 1] == 0)
      start--;
    while (end < size && bytes[end] == 0)
      end++;
    i = end;
    if (end - start < shortest)
      continue;
    if (start > done) {
      PET_TRY (
          pet_block_add_literals (block, bytes + done, start - done, error));
      block->ends_with_zero = false;
    }
    PET_TRY (pet_runs_add_zeros (block, end - start, error));
    done = end;
  }
  if (size > done) {
    PET_TRY (pet_block_add_literals (block, bytes + done, size - done, error));
    block->ends_with_zero = bytes[size - 1] == 0;
  }
  return PET_OK;
}
