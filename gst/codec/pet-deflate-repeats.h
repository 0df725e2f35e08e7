/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds repeats in the last 32 KiB: candidates come from chains of positions
 * with the same hash of 4 bytes, and from the distance used last. One is taken
 * when it costs fewer bits than the bytes themselves, by the byte values'
 * frequencies and the code lengths of the last block. Thread-safety: one
 * thread at a time. */

#pragma once

#include "codec/pet-deflate-block.h"

#define PET_REPEATS_HASH_BITS 14
#define PET_REPEATS_FILL 65536
#define PET_REPEATS_WINDOW (PET_DEFLATE_MAX_DISTANCE + PET_REPEATS_FILL)

typedef struct {
  int depth; /* candidates looked at per position */
  bool lazy; /* look at the next position before taking one */
  unsigned
      patience; /* after 2^patience misses in a row, look at fewer places */
  bool may_rest;
  int n_resting; /* so many times more only runs are looked for */
  uint32_t base; /* of window[0] in the stream, modulo 2^32 */
  size_t n_window, n_done;
  unsigned distance;   /* of the last match; 0 = none */
  unsigned unhashed;   /* bits of 64 that are not hashed */
  uint16_t costs[256]; /* of literals, in 1/16 bit */
  uint32_t heads[1 << PET_REPEATS_HASH_BITS];
  uint32_t previous[PET_DEFLATE_MAX_DISTANCE];
  uint8_t window[PET_REPEATS_WINDOW + 8];
} PetRepeats;

void pet_repeats_init (PetRepeats *repeats, int level);

/* `bytes` NULL = zeros. */
PetStatus pet_repeats_add (PetRepeats *repeats, PetBlock *block,
    const uint8_t *bytes, size_t size, PetError *error);

PetStatus pet_repeats_finish (
    PetRepeats *repeats, PetBlock *block, PetError *error);
