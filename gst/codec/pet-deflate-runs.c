/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-deflate-runs.h"

#include "codec/pet-png-kernels.h"

/* A run is written as a match when it is at least this long. Where zeros cost
 * one bit, which the last block tells, shorter ones are better off as such: up to
 * twice what a match costs they are as small, and faster. */
#define MIN_RUN 4
#define MATCH_BITS 15

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

PetStatus
pet_runs_add (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error)
{
  const PetPngKernels *kernels = pet_png_kernels ();
  size_t shortest = min_run (block), done = 0, start;

  while ((start = kernels->find_run (bytes, done, size, shortest)) < size) {
    size_t end = start + shortest;

    end += kernels->zeros_ahead (bytes + end, size - end);
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
