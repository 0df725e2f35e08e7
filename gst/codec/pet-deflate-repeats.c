/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-deflate-repeats.h"

#include <string.h>

#include "codec/pet-deflate-runs.h"

#define MIN_LENGTH 3
#define MAX_HASHED_BYTES 8
#define FIRST_3_BYTES 0xffffffu
#define UNIT 16u /* of all costs, per bit */

/* From here on, what a match saves is its length at one bit per byte. */
#define COUNTED_LENGTH 32

/* Positions inside a match whose hashes are kept. */
#define KEPT_POSITIONS 16

/* Repeats that short cost about this much, so that looking for those of cheap
 * bytes is in vain. */
#define REPEAT_BITS 24

/* What a symbol costs that the last block had no use for. */
#define UNSEEN_BITS 9

/* What a match must save to be worth a symbol of its own. */
#define MIN_GAIN (int) (2 * UNIT)

/* Below one part in so many that repeats save, they are left alone for a
 * while. */
#define MIN_SHARE 14
#define RESTING_FILLS 7

/* Of a stretch that has too little in it to tell. */
#define FEW_BITS (2 * PET_REPEATS_FILL)

typedef struct {
  size_t length;
  unsigned distance;
  int gain;
} Match;

void
pet_repeats_init (PetRepeats *self, int level)
{
  static const int depths[10] = { 0, 0, 1, 1, 1, 2, 2, 8, 24, 48 };
  static const unsigned patience[10] = { 0, 0, 3, 4, 4, 4, 4, 6, 8, 31 };

  self->depth = depths[level];
  self->patience = patience[level];
  self->lazy = level >= 7;
  self->may_rest = level <= 6;
  self->n_resting = 0;
  self->base = 0x80000000u;
  self->n_window = self->n_done = 0;
  self->distance = 0;
  memset (self->heads, 0, sizeof self->heads);
  memset (self->window, 0, sizeof self->window);
}

/* 16 log2 (value), value >= 1, within 1: the fraction is near linear. */
static unsigned
log2_16 (uint32_t value)
{
  unsigned top = pet_top_bit (value);
  unsigned mantissa = (unsigned) (((uint64_t) value << 8 >> top) & 0xff);
  unsigned bulge = mantissa * (256 - mantissa) * 22 / 65536;

  return UNIT * top + (mantissa + bulge / 2) / 16;
}

/* Returns what all bytes cost as literals. */
static uint64_t
estimate_costs (PetRepeats *self)
{
  uint32_t counts[256] = { 0 };
  size_t n = self->n_window - self->n_done;
  unsigned all = log2_16 ((uint32_t) n + 256), hashed;
  uint64_t sum = 0, all_costs = 0;

  for (size_t i = self->n_done; i < self->n_window; i++)
    counts[self->window[i]]++;
  for (int i = 0; i < 256; i++) {
    unsigned cost = all - log2_16 (counts[i] + 1);

    self->costs[i] = (uint16_t) (cost < UNIT ? UNIT : cost);
    all_costs += (uint64_t) counts[i] * self->costs[i];
    if (i == 0)
      sum = all_costs;
  }
  sum = all_costs - sum;
  n -= counts[0];
  hashed = sum > 0 ? (unsigned) (REPEAT_BITS * UNIT * n / sum) + 1 : 4;
  hashed = hashed < 4 ? 4 : hashed > 8 ? 8 : hashed;
  self->unhashed = 8 * (MAX_HASHED_BYTES - hashed);
  return all_costs;
}

static int
match_cost (const PetBlock *block, size_t length, unsigned distance)
{
  PetDeflateSymbol d = pet_deflate_distance_symbol (distance);
  PetDeflateSymbol l = pet_deflate_length_symbol (
      length < PET_DEFLATE_MAX_LENGTH ? (unsigned) length
                                      : PET_DEFLATE_MAX_LENGTH);
  unsigned l_bits = block->lengths[l.symbol];
  unsigned d_bits = block->lengths[PET_N_LITLEN + d.symbol];

  l_bits = l_bits > 0 ? l_bits : UNSEEN_BITS;
  d_bits = d_bits > 0 ? d_bits : UNSEEN_BITS;
  return (int) (UNIT * (l_bits + l.n_extra + d_bits + d.n_extra));
}

static uint32_t
load_32 (const uint8_t *bytes)
{
  return bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 |
      (uint32_t) bytes[3] << 24;
}

static size_t
common_length (const uint8_t *a, const uint8_t *b, size_t max)
{
  size_t i = 0;

  for (; i + 8 <= max; i += 8) {
    uint64_t x, y;

    memcpy (&x, a + i, 8);
    memcpy (&y, b + i, 8);
    if (x != y)
      break;
  }
  while (i < max && a[i] == b[i])
    i++;
  return i;
}

static void
try_distance (const PetRepeats *self, const PetBlock *block, size_t at,
    unsigned distance, Match *best)
{
  const uint8_t *here = self->window + at;
  size_t length, counted;
  int gain = 0;

  if (((load_32 (here) ^ load_32 (here - distance)) & FIRST_3_BYTES) != 0 ||
      here[best->length] != *(here + best->length - distance))
    return;
  length = common_length (here, here - distance, self->n_window - at);
  if (length < MIN_LENGTH)
    return;
  counted = length < COUNTED_LENGTH ? length : COUNTED_LENGTH;
  for (size_t i = 0; i < counted; i++)
    gain += self->costs[here[i]];
  if (length > counted)
    gain += (int) (UNIT * (length - counted));
  gain -= match_cost (block, length, distance);
  if (gain > best->gain)
    *best = (Match){ length, distance, gain };
}

static uint32_t *
head_of (PetRepeats *self, size_t at)
{
  const uint8_t *bytes = self->window + at;
  uint64_t key = (load_32 (bytes) | (uint64_t) load_32 (bytes + 4) << 32)
      << self->unhashed;

  return self->heads +
      (key * 0x9e3779b97f4a7c15u >> (64 - PET_REPEATS_HASH_BITS));
}

static void
keep_position (PetRepeats *self, size_t at)
{
  uint32_t position = self->base + (uint32_t) at;
  uint32_t *head = head_of (self, at);

  self->previous[position % PET_DEFLATE_MAX_DISTANCE] = *head;
  *head = position;
}

static Match
find_match (PetRepeats *self, const PetBlock *block, size_t at)
{
  uint32_t position = self->base + (uint32_t) at, candidate;
  size_t reach = at < PET_DEFLATE_MAX_DISTANCE ? at : PET_DEFLATE_MAX_DISTANCE;
  uint32_t last = 0;
  Match best = { 0 };

  if (at > 0)
    try_distance (self, block, at, 1, &best);
  if (self->distance > 1 && self->distance <= reach)
    try_distance (self, block, at, self->distance, &best);
  if (at + MAX_HASHED_BYTES > self->n_window || best.length > COUNTED_LENGTH)
    return best;
  candidate = *head_of (self, at);
  for (int i = 0; i < self->depth; i++) {
    uint32_t distance = position - candidate;

    /* A chain leads ever further back; where it does not, it is an old one
     * whose places have been taken. */
    if (distance <= last || distance > reach)
      break;
    try_distance (self, block, at, distance, &best);
    last = distance;
    candidate = self->previous[candidate % PET_DEFLATE_MAX_DISTANCE];
  }
  return best;
}

static void
keep_positions (PetRepeats *self, size_t from, size_t to)
{
  if (to + MAX_HASHED_BYTES > self->n_window)
    to = self->n_window < MAX_HASHED_BYTES ? 0
                                           : self->n_window - MAX_HASHED_BYTES;
  for (size_t i = from; i < to; i++) {
    if (i == from + KEPT_POSITIONS && to > i + KEPT_POSITIONS)
      i = to - KEPT_POSITIONS;
    keep_position (self, i);
  }
}

/* What repeats other than runs saved decides whether it is worth looking for
 * them again soon. */
static void
judge (PetRepeats *self, uint64_t cost, uint64_t saved)
{
  if (self->may_rest && cost > FEW_BITS * UNIT && saved * MIN_SHARE < cost)
    self->n_resting = RESTING_FILLS;
}

static PetStatus
parse_repeats (PetRepeats *self, PetBlock *block, PetError *error)
{
  size_t at = self->n_done, literals = at, n_misses = 0;
  uint64_t cost = estimate_costs (self), saved = 0;

  while (at < self->n_window) {
    Match match = find_match (self, block, at);

    keep_positions (self, at, at + 1);
    if (match.gain > MIN_GAIN && self->lazy && match.length < COUNTED_LENGTH &&
        at + 1 < self->n_window) {
      Match next = find_match (self, block, at + 1);

      if (next.gain > match.gain)
        match.gain = 0;
    }
    if (match.gain <= MIN_GAIN) {
      at += 1 + (n_misses++ >> self->patience);
      continue;
    }
    n_misses = 0;
    PET_TRY (pet_block_add_literals (
        block, self->window + literals, at - literals, error));
    PET_TRY (pet_block_add_match (block, match.length, match.distance, error));
    self->distance = match.distance;
    saved += match.distance > 1 ? (uint64_t) match.gain : 0;
    keep_positions (self, at + 1, at + match.length);
    at += match.length;
    literals = at;
  }
  judge (self, cost, saved);
  return pet_block_add_literals (
      block, self->window + literals, self->n_window - literals, error);
}

/* Turns all of the window that is not done yet into literals and matches. */
static PetStatus
parse (PetRepeats *self, PetBlock *block, PetError *error)
{
  size_t start = self->n_done, size = self->n_window - start;

  if (self->n_resting > 0) {
    self->n_resting--;
    block->ends_with_zero = start > 0 && self->window[start - 1] == 0;
    PET_TRY (pet_runs_add (block, self->window + start, size, error));
  } else {
    PET_TRY (parse_repeats (self, block, error));
  }
  self->n_done = self->n_window;
  return PET_OK;
}

static void
slide (PetRepeats *self)
{
  size_t shift = self->n_window > PET_DEFLATE_MAX_DISTANCE
      ? self->n_window - PET_DEFLATE_MAX_DISTANCE
      : 0;

  memmove (self->window, self->window + shift, self->n_window - shift);
  self->base += (uint32_t) shift;
  self->n_window -= shift;
  self->n_done -= shift;
}

PetStatus
pet_repeats_add (PetRepeats *self, PetBlock *block, const uint8_t *bytes,
    size_t size, PetError *error)
{
  while (size > 0) {
    size_t room = PET_REPEATS_WINDOW - self->n_window;
    size_t part = size < room ? size : room;

    if (bytes != NULL) {
      memcpy (self->window + self->n_window, bytes, part);
      bytes += part;
    } else {
      memset (self->window + self->n_window, 0, part);
    }
    self->n_window += part;
    size -= part;
    if (self->n_window == PET_REPEATS_WINDOW) {
      PET_TRY (parse (self, block, error));
      slide (self);
    }
  }
  return PET_OK;
}

PetStatus
pet_repeats_finish (PetRepeats *self, PetBlock *block, PetError *error)
{
  return parse (self, block, error);
}
