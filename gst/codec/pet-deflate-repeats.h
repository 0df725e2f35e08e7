/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds repeats in the last 32 KiB and writes each stretch of bytes as the
 * literals and matches that cost the fewest bits together, as far as the code
 * lengths of the last block tell: the shortest path over its positions.
 * Candidates are the byte before and the last places with the same hash of 5
 * bytes. Thread-safety: one thread at a time. */

#pragma once

#include "codec/pet-deflate-block.h"

#define PET_REPEATS_HASH_BITS 13
#define PET_REPEATS_FILL 65536
#define PET_REPEATS_WINDOW (PET_DEFLATE_MAX_DISTANCE + PET_REPEATS_FILL)

/* Positions of one shortest path. */
#define PET_REPEATS_STRETCH 8192

/* A match of so many bytes is taken as soon as it is found, at any level. */
#define PET_REPEATS_LONG 64

/* Of all costs, per bit. */
#define PET_REPEATS_UNIT 16u

/* More than any way costs; together with another cost, more than this. */
#define PET_REPEATS_NO_WAY INT32_MAX

/* A match takes symbols out of the block that were worth more: where it costs the
 * same as its bytes, it is the better way. */
#define PET_REPEATS_MATCH_BONUS (PET_REPEATS_UNIT / 2)

/* How a position is reached with the fewest bits: their number, in the lower 32; above
 * them 16 for the length of a match, and its distance less 1; or 0, and so many
 * literals from the last match on. As one number the cheaper of two is chosen
 * without a branch, which nothing could foresee. */
typedef uint64_t PetRepeatsNode;

static inline PetRepeatsNode
pet_repeats_node (uint32_t cost, size_t length, size_t rest)
{
  return cost | (uint64_t) length << 32 | (uint64_t) rest << 48;
}

static inline uint32_t
pet_repeats_node_cost (PetRepeatsNode node)
{
  return (uint32_t) node;
}

static inline size_t
pet_repeats_node_length (PetRepeatsNode node)
{
  return node >> 32 & 0xffff;
}

/* The distance less 1, or the number of literals. */
static inline size_t
pet_repeats_node_rest (PetRepeatsNode node)
{
  return node >> 48;
}

/* Places that a bucket has room for. */
#define PET_REPEATS_BUCKET 4

/* The last places of one hash, 16 bits each, the last of them in the lowest, and
 * more of the hash of each. */
typedef struct {
  uint64_t positions, tags;
} PetRepeatsBucket;

typedef struct {
  int depth;      /* places of a chain looked at; 0: those of the bucket are, */
  uint64_t tried; /* the bits of these that are */
  int min_share;
  unsigned pitch;    /* of rows that may repeat; 0: not looked for */
  size_t near_until; /* position in the window */
  /* Near are the byte before and the row above, far are all others. */
  bool may_rest_far;
  int n_near_only; /* so many times more only near ones are; -1: always */
  uint64_t near_cost, far_saved; /* since that was last thought over */
  int n_resting;      /* so many times more only runs are looked for, */
  int n_next_rest;    /* and the next time */
  uint64_t cost;      /* since the last time */
  size_t long_enough; /* matches of that many bytes are taken at once */
  uint16_t base; /* of window[0] in the stream, as all positions modulo 2^16 */
  size_t n_window, n_done;
  uint16_t literal_costs[256]; /* all in 1/16 bit */
  uint32_t length_costs[PET_REPEATS_LONG];
  uint16_t distance_costs[PET_N_DISTANCE];
  PetRepeatsBucket buckets[1 << PET_REPEATS_HASH_BITS];
  uint16_t previous[PET_DEFLATE_MAX_DISTANCE];
  PetRepeatsNode nodes[PET_REPEATS_STRETCH + PET_REPEATS_LONG];
  uint8_t window[PET_REPEATS_WINDOW + 16];
} PetRepeats;

void pet_repeats_init (
    PetRepeats *repeats, int level, size_t pitch, bool packed);

/* `bytes` NULL = zeros. */
PetStatus pet_repeats_add (PetRepeats *repeats, PetBlock *block,
    const uint8_t *bytes, size_t size, PetError *error);

PetStatus pet_repeats_finish (
    PetRepeats *repeats, PetBlock *block, PetError *error);

/* Internal (pet-deflate-costs.c): costs for what is not done yet, and the next long
 * run of zeros at or behind `at`, where the window ends if there is none. */
void pet_repeats_update_costs (PetRepeats *repeats, const PetBlock *block);
size_t pet_repeats_find_long_run (
    const PetRepeats *repeats, size_t at, size_t *end);
