/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-deflate-repeats.h"

#include <string.h>

#include "codec/pet-deflate-runs.h"
#include "codec/pet-png-kernels.h"

#define UNIT PET_REPEATS_UNIT

#define NO_WAY PET_REPEATS_NO_WAY

#define HASHED_BYTES 5

/* Of the four numbers of 16 bits in one of 64. */
#define LOW_BITS 0x0001000100010001u
#define TOP_BITS 0x8000800080008000u

/* So many bytes before its turn a bucket is fetched. */
#define AHEAD 6

/* Positions inside a match taken at once whose hashes are kept. */
#define KEPT_POSITIONS 16

/* Below one part in so many that repeats save, and half of that at high levels,
 * they are left alone for a while, unless what was looked at is too little to
 * tell. */
#define MIN_SHARE 128
#define RESTING_FILLS 3
#define MOST_RESTING_FILLS 7
#define FEW_BITS (3 * PET_REPEATS_FILL)

/* The same of far repeats, in a picture of few colours. */
#define MIN_FAR_SHARE 20
#define FAR_RESTING_FILLS 8
#define FEW_FAR_BITS PET_REPEATS_FILL

/* The best of the candidates of one position. */
typedef struct {
  size_t length;
  unsigned distance;
} Match;

/* n positions that are looked at together; matches of theirs end at `limit` or
 * before, where zeros begin that are cheaper by themselves. */
typedef struct {
  size_t start, n, limit;
} Stretch;

/* One of them: where it is, how far a match goes at most, its node and how many
 * there are behind it. */
typedef struct {
  const uint8_t *here;
  uint64_t eight, stop; /* the next ones; the bit behind the last of them */
  uint32_t cost;        /* of the way to it */
  size_t most;
  PetRepeatsNode *node;
  size_t n_nodes;
} Place;

void
pet_repeats_init (PetRepeats *self, int level, size_t pitch, bool packed)
{
  static const int depths[10] = { [8] = 12, [9] = 64 };
  int n_tried = level < 6 ? 1 : level == 6 ? 2 : PET_REPEATS_BUCKET;

  self->pitch = pitch <= PET_DEFLATE_MAX_DISTANCE ? (unsigned) pitch : 0;
  self->near_until = 0;
  self->may_rest_far = self->pitch > 0 && level < 5;
  /* Bytes of several pixels repeat where these happen to lie alike. */
  self->n_near_only = self->pitch > 0 && packed && level < 7 ? -1 : 0;
  self->near_cost = self->far_saved = 0;
  self->depth = depths[level];
  self->tried = TOP_BITS >> 16 * (PET_REPEATS_BUCKET - n_tried);
  self->min_share = level <= 6 ? MIN_SHARE : 2 * MIN_SHARE;
  self->n_resting = 0;
  self->n_next_rest = RESTING_FILLS;
  self->long_enough = level < 5 ? 24 : PET_REPEATS_LONG;
  self->base = 0;
  self->n_window = self->n_done = 0;
  memset (self->buckets, 0, sizeof self->buckets);
  memset (self->previous, 0, sizeof self->previous);
  memset (self->window, 0, sizeof self->window);
}

/* The first byte is the lowest. */
static inline uint64_t
load_64 (const uint8_t *bytes)
{
  uint64_t eight;

  memcpy (&eight, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  eight = __builtin_bswap64 (eight);
#endif
  return eight;
}

static inline size_t
common_length (const uint8_t *a, const uint8_t *b, size_t max)
{
  size_t i = 0;

  for (; i + 8 <= max; i += 8) {
    uint64_t differ = load_64 (a + i) ^ load_64 (b + i);

    if (differ != 0)
      return i + (size_t) __builtin_ctzll (differ) / 8;
  }
  while (i < max && a[i] == b[i])
    i++;
  return i;
}

static inline void
take_cheaper (PetRepeatsNode *node, PetRepeatsNode other)
{
  uint64_t is_cheaper = -(
      uint64_t) (pet_repeats_node_cost (other) < pet_repeats_node_cost (*node));

  *node ^= (*node ^ other) & is_cheaper;
}

/* Reaches the node `length` behind the place by a match if that is cheaper than before:
 * never where the length is none of a match. */
static inline void
reach (const PetRepeats *self, const Place *place, size_t length,
    unsigned distance)
{
  unsigned symbol = pet_deflate_distance_symbol (distance).symbol;
  uint32_t cost =
      place->cost + self->length_costs[length] + self->distance_costs[symbol];

  /* Of a chain's most are not, which can be foreseen. */
  if (self->depth > 0 && cost >= pet_repeats_node_cost (place->node[length]))
    return;
  take_cheaper (
      place->node + length, pet_repeats_node (cost, length, distance - 1));
}

/* Eight and more equal bytes. */
static size_t
try_long (const PetRepeats *self, const Place *place, unsigned distance)
{
  size_t length =
      common_length (place->here, place->here - distance, place->most);

  if (length < self->long_enough)
    reach (self, place, length < place->n_nodes ? length : place->n_nodes,
        distance);
  return length;
}

/* A candidate is a way on from the place, by all its bytes or, `less`, one less, or
 * the end of the search if it is long. Returns its length if it is 8 at least. */
static inline size_t
try_distance (
    const PetRepeats *self, const Place *place, unsigned distance, bool less)
{
  uint64_t differ =
      (place->eight ^ load_64 (place->here - distance)) | place->stop;
  size_t length;

  if (differ == 0)
    return try_long (self, place, distance);
  length = (size_t) __builtin_ctzll (differ) / 8;
  reach (self, place, length, distance);
  if (less)
    reach (self, place, length - (length > 0), distance);
  return 0;
}

/* The byte before may begin a run, which is as good one byte further. */
static inline size_t
try_run (const PetRepeats *self, const Place *place)
{
  uint64_t differ = (place->eight ^ load_64 (place->here - 1)) | place->stop;

  return (differ & 0xffffff) == 0 ? try_distance (self, place, 1, false) : 0;
}

static inline uint64_t
hash (uint64_t eight)
{
  return (eight << (64 - 8 * HASHED_BYTES)) * 0x9e3779b97f4a7c15u;
}

static inline PetRepeatsBucket *
bucket_of (PetRepeats *self, uint64_t hashed)
{
  return self->buckets + (hashed >> (64 - PET_REPEATS_HASH_BITS));
}

/* The bits of a hash behind those that choose the bucket. */
static inline uint64_t
tag_of (uint64_t hashed)
{
  return hashed >> (48 - PET_REPEATS_HASH_BITS) & 0xffff;
}

/* Puts a position in front of the others of its bucket. */
static inline void
keep (PetRepeats *self, uint64_t hashed, uint16_t position)
{
  PetRepeatsBucket *bucket = bucket_of (self, hashed);

  if (self->depth > 0)
    self->previous[position % PET_DEFLATE_MAX_DISTANCE] =
        (uint16_t) bucket->positions;
  bucket->positions = bucket->positions << 16 | position;
  bucket->tags = bucket->tags << 16 | tag_of (hashed);
}

/* A chain leads ever further back; where it does not, it is an old one whose
 * places have been taken. Returns the length of the longest if that is 8 at
 * least. */
static Match
follow_chain (const PetRepeats *self, const Place *place, uint16_t position,
    uint16_t reach_back)
{
  uint16_t last = 0, candidate = position;
  Match best = { 0 };

  for (int k = 0; k < self->depth && best.length < self->long_enough; k++) {
    uint16_t distance;
    size_t length;

    candidate = self->previous[candidate % PET_DEFLATE_MAX_DISTANCE];
    distance = (uint16_t) (position - candidate);
    if (distance <= last || distance > reach_back)
      break;
    length = try_distance (self, place, distance, true);
    if (length > best.length)
      best = (Match){ length, distance };
    last = distance;
  }
  return best;
}

/* The top bit of each of the four that has the tag; there may be more bits, above
 * one that has it. */
static inline uint64_t
find_tag (uint64_t tags, uint64_t tag)
{
  uint64_t differ = tags ^ tag * LOW_BITS;

  return (differ - LOW_BITS) & ~differ & TOP_BITS;
}

/* What has another tag is not even looked at: few places of a photo repeat. Returns
 * the longest match if that is 8 at least. */
static inline Match
try_bucket (const PetRepeats *self, const Place *place, PetRepeatsBucket bucket,
    uint64_t tag, uint16_t position, uint16_t reach_back)
{
  uint64_t found = find_tag (bucket.tags, tag) & self->tried;
  Match best = { 0 };

  for (; found != 0; found &= found - 1) {
    unsigned shift = (unsigned) __builtin_ctzll (found) - 15;
    uint16_t distance = (uint16_t) (position - (bucket.positions >> shift));
    size_t length;

    if (distance == 0 || distance > reach_back)
      continue;
    length = try_distance (self, place, distance, true);
    if (length > best.length)
      best = (Match){ length, distance };
  }
  return best;
}

/* The byte before and, in a picture of few colours, the row above: where these go on
 * for 8 bytes and more nothing else is looked for until they end. */
static inline Match
try_near (const PetRepeats *self, const Place *place, uint16_t reach_back)
{
  Match best = { try_run (self, place), 1 };
  size_t length;

  if (self->pitch == 0 || self->pitch > reach_back)
    return best;
  length = try_distance (self, place, self->pitch, false);
  return length > best.length ? (Match){ length, self->pitch } : best;
}

/* Returns the longest match if that is to be taken. */
static inline Match
find_matches (PetRepeats *self, const Place *place, size_t at)
{
  uint16_t position = (uint16_t) (self->base + at);
  uint16_t reach_back =
      at < PET_DEFLATE_MAX_DISTANCE ? (uint16_t) at : PET_DEFLATE_MAX_DISTANCE;
  Match near = try_near (self, place, reach_back), best;
  PetRepeatsBucket bucket;
  uint64_t hashed;

  if (self->n_near_only != 0)
    return near;
  hashed = hash (place->eight);
  bucket = *bucket_of (self, hashed);
  keep (self, hashed, position);
  __builtin_prefetch (
      bucket_of (self, hash (load_64 (place->here + AHEAD))), 1);
  if (at < self->near_until)
    return near;
  if (self->pitch > 0 && self->depth == 0)
    self->near_until = at + near.length;
  best = self->depth > 0
      ? follow_chain (self, place, position, reach_back)
      : try_bucket (self, place, bucket, tag_of (hashed), position, reach_back);
  return near.length >= best.length ? near : best;
}

/* Inside of runs, of the row and of the one above, no match begins that would not
 * have begun before. */
static inline bool
is_inside (const PetRepeats *self, const uint8_t *here, size_t at)
{
  const uint8_t *above = here - self->pitch;

  return self->pitch > 0 && self->depth == 0 && at > self->pitch &&
      here[0] == here[-1] && here[-1] == here[-2] && above[0] == above[-1];
}

/* Finds the cheapest ways to all positions of a stretch. Ends early, with the
 * position returned, where a long match begins. */
static size_t
find_ways (PetRepeats *self, const Stretch *stretch, Match *taken)
{
  PetRepeatsNode *nodes = self->nodes;
  const uint8_t *bytes = self->window + stretch->start;
  size_t n = stretch->n, most = stretch->limit - stretch->start;
  unsigned n_literals = 0;
  uint32_t cost = 1;

  for (size_t i = 1; i < PET_REPEATS_LONG; i++)
    nodes[i] = NO_WAY;
  nodes[0] = cost;
  for (size_t i = 0; i < n; i++) {
    PetRepeatsNode *node = nodes + i;
    Place place = { bytes + i, load_64 (bytes + i),
      most - i < 8 ? (uint64_t) 1 << 8 * (most - i) : 0, cost, most - i, node,
      n - i };
    Match best;

    node[PET_REPEATS_LONG] = NO_WAY;
    cost += self->literal_costs[bytes[i]];
    n_literals++;
    take_cheaper (node + 1, pet_repeats_node (cost, 0, n_literals));
    cost = pet_repeats_node_cost (node[1]);
    n_literals = pet_repeats_node_length (node[1]) == 0 ? n_literals : 0;
    if (stretch->start + i == 0 ||
        (i > 0 && is_inside (self, bytes + i, stretch->start + i)))
      continue;
    best = find_matches (self, &place, stretch->start + i);
    if (best.length >= self->long_enough) {
      *taken = best;
      return i;
    }
  }
  taken->length = 0;
  return n;
}

static inline size_t
way_length (PetRepeatsNode node)
{
  return pet_repeats_node_length (node) > 0 ? pet_repeats_node_length (node)
                                            : pet_repeats_node_rest (node);
}

/* What a match from afar saves, whatever it does to the codes of the others. */
static void
add_gain (
    PetRepeats *self, const uint8_t *bytes, size_t length, unsigned distance)
{
  unsigned symbol = pet_deflate_distance_symbol (distance).symbol;
  uint32_t match = self->length_costs[length] + self->distance_costs[symbol] +
      PET_REPEATS_MATCH_BONUS + UNIT;
  uint32_t literals = 0;

  if (!self->may_rest_far || distance == 1 || distance == self->pitch)
    return;
  for (size_t i = 0; i < length; i++)
    literals += self->literal_costs[bytes[i]];
  if (literals > match)
    self->far_saved += literals - match;
}

static PetStatus
put_match (PetRepeats *self, PetBlock *block, const uint8_t *bytes,
    PetRepeatsNode node, PetError *error)
{
  unsigned distance = (unsigned) pet_repeats_node_rest (node) + 1;

  add_gain (self, bytes, pet_repeats_node_length (node), distance);
  return pet_block_add_repeat (
      block, bytes, pet_repeats_node_length (node), distance, error);
}

/* Adds the way to node `end`: it is known from its end only, so that each stop
 * on it is first told the next one, in the place of its cost. */
static PetStatus
put_way (
    PetRepeats *self, PetBlock *block, size_t at, size_t end, PetError *error)
{
  PetRepeatsNode *nodes = self->nodes;
  const uint8_t *bytes = self->window + at;

  self->cost += pet_repeats_node_cost (nodes[end]);
  for (size_t i = end; i > 0;) {
    size_t before = i - way_length (nodes[i]);

    nodes[before] =
        pet_repeats_node ((uint32_t) i, pet_repeats_node_length (nodes[before]),
            pet_repeats_node_rest (nodes[before]));
    i = before;
  }
  for (size_t i = 0, next; i < end; i = next) {
    next = pet_repeats_node_cost (nodes[i]);
    if (pet_repeats_node_length (nodes[next]) == 0) {
      PET_TRY (pet_block_add_literals (block, bytes + i, next - i, error));
      continue;
    }
    PET_TRY (put_match (self, block, bytes + i, nodes[next], error));
  }
  return PET_OK;
}

static void
keep_positions (PetRepeats *self, size_t from, size_t to)
{
  for (size_t i = from; i < to; i++) {
    if (i == from + KEPT_POSITIONS && to > i + KEPT_POSITIONS)
      i = to - KEPT_POSITIONS;
    keep (self, hash (load_64 (self->window + i)), (uint16_t) (self->base + i));
  }
}

/* Moves *at towards `limit`, at most to it. */
static PetStatus
parse_stretch (PetRepeats *self, PetBlock *block, size_t *at, size_t limit,
    PetError *error)
{
  Stretch stretch = { *at, limit - *at, limit };
  size_t reached;
  Match taken;

  if (stretch.n > PET_REPEATS_STRETCH)
    stretch.n = PET_REPEATS_STRETCH;
  reached = find_ways (self, &stretch, &taken);
  PET_TRY (put_way (self, block, stretch.start, reached, error));
  *at = stretch.start + reached;
  if (taken.length == 0)
    return PET_OK;
  if (taken.distance != 1 && taken.distance != self->pitch)
    self->far_saved += UNIT * taken.length;
  PET_TRY (pet_block_add_repeat (
      block, self->window + *at, taken.length, taken.distance, error));
  if (self->n_near_only == 0)
    keep_positions (self, *at + 1, *at + taken.length);
  *at += taken.length;
  return PET_OK;
}

/* The same of far ones, over more than one fill of the window. */
static void
judge_far (PetRepeats *self)
{
  if (self->n_near_only != 0) {
    self->n_near_only -= self->n_near_only > 0;
    return;
  }
  if (!self->may_rest_far)
    return;
  self->near_cost += self->cost;
  if (self->near_cost < FEW_FAR_BITS * UNIT)
    return;
  if (self->far_saved * MIN_FAR_SHARE < self->near_cost)
    self->n_near_only = FAR_RESTING_FILLS;
  self->near_cost = self->far_saved = 0;
}

/* What repeats saved decides whether it is worth looking for them again soon. */
static void
judge (PetRepeats *self, PetBlock *block)
{
  int64_t coded = (int64_t) block->coded_bits;

  if (coded > FEW_BITS) {
    if (block->saved_bits * self->min_share < coded) {
      self->n_resting = self->n_next_rest;
      self->n_next_rest = MOST_RESTING_FILLS;
    } else {
      self->n_next_rest = RESTING_FILLS;
    }
    block->coded_bits = 0;
    block->saved_bits = 0;
  }
  judge_far (self);
}

static PetStatus
parse_repeats (PetRepeats *self, PetBlock *block, PetError *error)
{
  size_t at = self->n_done;

  self->cost = 0;
  pet_repeats_update_costs (self, block);
  while (at < self->n_window) {
    size_t end, run = pet_repeats_find_long_run (self, at, &end);

    while (at < run)
      PET_TRY (parse_stretch (self, block, &at, run, error));
    if (run == end)
      break;
    block->ends_with_zero = at > 0 && self->window[at - 1] == 0;
    PET_TRY (pet_runs_add_zeros (block, end - at, error));
    at = end;
  }
  judge (self, block);
  return PET_OK;
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
    block->coded_bits = 0;
    block->saved_bits = 0;
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
  self->base = (uint16_t) (self->base + shift);
  self->n_window -= shift;
  self->n_done -= shift;
  self->near_until = 0;
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
