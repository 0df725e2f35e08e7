/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-deflate-block.h"

#include <string.h>

#include "codec/pet-png-kernels.h"

#define MAX_CODE_BITS PET_LITERAL_MAX_BITS
#define MAX_PRECODE_BITS 7
#define N_PRECODE 19

/* Room in `out` for what is written between two looks at it. */
#define BATCH_LITERALS 4096
#define BATCH_BYTES (BATCH_LITERALS * MAX_CODE_BITS / 8 + 64)

#define MAX_STORED_BYTES 65535

/* The lengths of the two codes as a dynamic block's head has them: runs of
 * equal lengths in short (RFC 1951, 3.2.7). */
typedef struct {
  int n_litlen, n_distance, n_precode;
  int n_items;
  uint8_t symbols[PET_N_LITLEN + PET_N_DISTANCE];
  uint8_t extras[PET_N_LITLEN + PET_N_DISTANCE];
  uint32_t counts[N_PRECODE];
  uint8_t lengths[N_PRECODE];
  PetHuffmanCode codes[N_PRECODE];
} Head;

typedef struct {
  uint32_t litlen[PET_N_LITLEN];
  uint32_t distance[PET_N_DISTANCE];
} Counts;

static const uint8_t precode_order[N_PRECODE] = { 16, 17, 18, 0, 8, 7, 9, 6, 10,
  5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
static const uint8_t precode_extra_bits[N_PRECODE] = {
  [16] = 2, [17] = 3, [18] = 7
};

void
pet_block_init (PetBlock *block, size_t most_literals, size_t most_matches,
    PetDeflateWrite write, void *user)
{
  block->most_literals = most_literals;
  block->most_matches = most_matches;
  block->write = write;
  block->user = user;
  block->bits = 0;
  block->n_bits = 0;
  block->n_out = 0;
  block->n_literals = block->n_pending = block->n_matches = 0;
  block->ends_with_zero = false;
  memset (block->repeated, 0, sizeof block->repeated);
  block->has_repeats = false;
  block->coded_bits = 0;
  block->saved_bits = 0;
  memset (block->lengths, 0, sizeof block->lengths);
}

PetStatus
pet_block_flush (PetBlock *block, PetError *error)
{
  size_t size = block->n_out;

  block->n_out = 0;
  return size > 0 ? block->write (block->user, block->out, size, error)
                  : PET_OK;
}

static PetStatus
make_room (PetBlock *block, PetError *error)
{
  if (block->n_out + BATCH_BYTES > PET_BLOCK_OUT_BYTES)
    return pet_block_flush (block, error);
  return PET_OK;
}

/* Moves whole bytes to `out`, where there are at least 8 to spare. */
static inline void
spill (PetBlock *block)
{
  uint64_t bits = block->bits;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  bits = __builtin_bswap64 (bits);
#endif
  memcpy (block->out + block->n_out, &bits, 8);
  block->n_out += block->n_bits / 8;
  block->bits = block->n_bits >= 64 ? 0 : block->bits >> (block->n_bits & ~7u);
  block->n_bits &= 7;
}

static inline void
put_bits (PetBlock *block, uint32_t value, unsigned n_bits)
{
  block->bits |= (uint64_t) value << block->n_bits;
  block->n_bits += n_bits;
  spill (block);
}

static inline void
put_code (PetBlock *block, PetHuffmanCode code)
{
  put_bits (block, code >> 8, pet_huffman_length (code));
}

static void
align_to_byte (PetBlock *block)
{
  block->n_bits = (block->n_bits + 7) & ~7u;
  spill (block);
}

PetStatus
pet_block_put_bytes (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error)
{
  align_to_byte (block);
  while (size > 0) {
    size_t room = PET_BLOCK_OUT_BYTES - 8 - block->n_out;
    size_t part = size < room ? size : room;

    memcpy (block->out + block->n_out, bytes, part);
    block->n_out += part;
    bytes += part;
    size -= part;
    PET_TRY (make_room (block, error));
  }
  return PET_OK;
}

PetStatus
pet_block_add_literals (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error)
{
  while (size > 0) {
    size_t room = block->most_literals - block->n_literals;
    size_t part = size < room ? size : room;

    memcpy (block->literals + block->n_literals, bytes, part);
    block->n_literals += part;
    block->n_pending += part;
    bytes += part;
    size -= part;
    if (block->n_literals == block->most_literals)
      PET_TRY (pet_block_end (block, false, error));
  }
  return PET_OK;
}

PetStatus
pet_block_add_match (
    PetBlock *block, size_t length, unsigned distance, PetError *error)
{
  PetBlockMatch *match = block->matches + block->n_matches;

  if (block->n_pending == 0 && block->n_matches > 0 &&
      match[-1].distance_less_1 == distance - 1 &&
      length <= UINT32_MAX - match[-1].length) {
    match[-1].length += (uint32_t) length;
    return PET_OK;
  }
  *match = (PetBlockMatch){ (uint16_t) block->n_pending,
    (uint16_t) (distance - 1), (uint32_t) length };
  block->n_pending = 0;
  if (++block->n_matches == block->most_matches)
    return pet_block_end (block, false, error);
  return PET_OK;
}

PetStatus
pet_block_add_repeat (PetBlock *block, const uint8_t *bytes, size_t length,
    unsigned distance, PetError *error)
{
  if (distance == 1)
    return pet_block_add_match (block, length, 1, error);
  for (size_t i = 0; i < length; i++)
    block->repeated[bytes[i]]++;
  block->has_repeats = true;
  return pet_block_add_match (block, length, distance, error);
}

/* The next of the matches that one of any length is written as; none of them
 * leaves a rest below 3. */
static inline unsigned
next_length (uint32_t length)
{
  if (length <= PET_DEFLATE_MAX_LENGTH)
    return length;
  return length >= PET_DEFLATE_MAX_LENGTH + 3 ? PET_DEFLATE_MAX_LENGTH
                                              : length - 3;
}

static bool
has_many_zeros (const PetBlock *block)
{
  return block->lengths[0] == 1;
}

/* Of all distances, or of runs. */
static void
count_matches (const PetBlock *block, bool of_runs, Counts *counts)
{
  for (size_t i = 0; i < block->n_matches; i++) {
    uint32_t length = block->matches[i].length;
    unsigned distance = block->matches[i].distance_less_1 + 1u;
    unsigned symbol = pet_deflate_distance_symbol (distance).symbol;
    uint32_t whole = 0;

    if (of_runs && distance > 1)
      continue;
    if (length >= 2 * PET_DEFLATE_MAX_LENGTH + 3)
      whole = (length - 3) / PET_DEFLATE_MAX_LENGTH - 1;
    counts->litlen[285] += whole;
    counts->distance[symbol] += whole;
    length -= whole * PET_DEFLATE_MAX_LENGTH;
    while (length > 0) {
      unsigned next = next_length (length);

      counts->litlen[pet_deflate_length_symbol (next).symbol]++;
      counts->distance[symbol]++;
      length -= next;
    }
  }
}

/* Bits of all symbols at these code lengths, extra bits included. */
static uint64_t
count_bits (const Counts *counts, const uint8_t *litlen_lengths,
    const uint8_t *distance_lengths)
{
  uint64_t bits = 0;

  for (unsigned i = 0; i < PET_N_LITLEN; i++) {
    unsigned extra = i < 265 || i == 285 ? 0 : (i - 261) / 4;

    bits += (uint64_t) counts->litlen[i] * (litlen_lengths[i] + extra);
  }
  for (unsigned i = 0; i < PET_N_DISTANCE; i++)
    bits += (uint64_t) counts->distance[i] *
        (distance_lengths[i] + (i < 4 ? 0 : i / 2 - 1));
  return bits;
}

static void
add_item (Head *head, int symbol, int extra)
{
  head->symbols[head->n_items] = (uint8_t) symbol;
  head->extras[head->n_items++] = (uint8_t) extra;
  head->counts[symbol]++;
}

/* One run of `n` times the same length. */
static void
add_run (Head *head, int length, int n)
{
  while (length == 0 && n >= 3) {
    int part = n < 138 ? n : 138;

    add_item (head, part < 11 ? 17 : 18, part < 11 ? part - 3 : part - 11);
    n -= part;
  }
  if (length > 0 && n > 3) {
    add_item (head, length, 0);
    for (n--; n >= 3;) {
      int part = n < 6 ? n : 6;

      add_item (head, 16, part - 3);
      n -= part;
    }
  }
  for (; n > 0; n--)
    add_item (head, length, 0);
}

/* Returns the bits of the head. `lengths`: litlen, then distance. */
static uint64_t
make_head (Head *head, const uint8_t *lengths)
{
  uint8_t all[PET_N_LITLEN + PET_N_DISTANCE];
  uint64_t bits = 5 + 5 + 4;
  int n;

  memset (head, 0, sizeof *head);
  head->n_litlen = PET_N_LITLEN;
  head->n_distance = PET_N_DISTANCE;
  while (head->n_litlen > 257 && lengths[head->n_litlen - 1] == 0)
    head->n_litlen--;
  while (
      head->n_distance > 1 && lengths[PET_N_LITLEN + head->n_distance - 1] == 0)
    head->n_distance--;
  n = head->n_litlen + head->n_distance;
  memcpy (all, lengths, (size_t) head->n_litlen);
  memcpy (
      all + head->n_litlen, lengths + PET_N_LITLEN, (size_t) head->n_distance);
  for (int i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && all[end] == all[i];)
      end++;
    add_run (head, all[i], end - i);
  }
  pet_huffman_lengths (
      head->counts, N_PRECODE, MAX_PRECODE_BITS, head->lengths);
  pet_huffman_codes (head->lengths, N_PRECODE, head->codes);
  head->n_precode = N_PRECODE;
  while (head->n_precode > 4 &&
      head->lengths[precode_order[head->n_precode - 1]] == 0)
    head->n_precode--;
  bits += 3 * (uint64_t) head->n_precode;
  for (int i = 0; i < N_PRECODE; i++)
    bits += (uint64_t) head->counts[i] *
        (head->lengths[i] + (uint64_t) precode_extra_bits[i]);
  return bits;
}

static PetStatus
put_head (PetBlock *block, const Head *head, PetError *error)
{
  PET_TRY (make_room (block, error));
  put_bits (block, (uint32_t) head->n_litlen - 257, 5);
  put_bits (block, (uint32_t) head->n_distance - 1, 5);
  put_bits (block, (uint32_t) head->n_precode - 4, 4);
  for (int i = 0; i < head->n_precode; i++)
    put_bits (block, head->lengths[precode_order[i]], 3);
  for (int i = 0; i < head->n_items; i++) {
    put_code (block, head->codes[head->symbols[i]]);
    put_bits (block, head->extras[i], precode_extra_bits[head->symbols[i]]);
  }
  return PET_OK;
}

/* At most BATCH_LITERALS. */
static void
put_literals (PetBlock *block, const uint8_t *literals, size_t n)
{
  PetBits bits = { block->bits, block->n_bits };

  block->n_out += pet_png_kernels ()->put_literals (
      &block->literal_codes, literals, n, &bits, block->out + block->n_out);
  block->bits = bits.bits;
  block->n_bits = bits.n;
}

static PetStatus
put_match (PetBlock *block, const PetBlockMatch *match, PetError *error)
{
  PetDeflateSymbol distance =
      pet_deflate_distance_symbol (match->distance_less_1 + 1u);
  PetHuffmanCode code = block->distance_codes[distance.symbol];
  unsigned n_code = pet_huffman_length (code);
  uint32_t length = match->length;
  uint32_t tail = code >> 8 | distance.extra << n_code;

  while (length > 0) {
    unsigned next = next_length (length);
    PetDeflateSymbol symbol = pet_deflate_length_symbol (next);

    PET_TRY (make_room (block, error));
    put_code (block, block->litlen_codes[symbol.symbol]);
    block->bits |= (uint64_t) symbol.extra << block->n_bits;
    block->n_bits += symbol.n_extra;
    put_bits (block, tail, n_code + distance.n_extra);
    length -= next;
  }
  return PET_OK;
}

static PetStatus
put_symbols (PetBlock *block, PetError *error)
{
  const uint8_t *literals = block->literals;

  pet_literal_codes_set (
      &block->literal_codes, block->litlen_codes, has_many_zeros (block));
  for (size_t i = 0; i <= block->n_matches; i++) {
    const PetBlockMatch *match = block->matches + i;
    bool is_end = i == block->n_matches;
    size_t n = is_end ? block->n_pending : match->n_literals;

    while (n > 0) {
      size_t part = n < BATCH_LITERALS ? n : BATCH_LITERALS;

      PET_TRY (make_room (block, error));
      put_literals (block, literals, part);
      literals += part;
      n -= part;
    }
    if (!is_end)
      PET_TRY (put_match (block, match, error));
  }
  PET_TRY (make_room (block, error));
  put_code (block, block->litlen_codes[PET_END_OF_BLOCK]);
  return PET_OK;
}

static PetStatus
put_stored (PetBlock *block, bool last, PetError *error)
{
  size_t n = block->n_literals;
  uint8_t head[4] = { (uint8_t) n, (uint8_t) (n >> 8), (uint8_t) ~n,
    (uint8_t) (~n >> 8) };

  PET_TRY (make_room (block, error));
  put_bits (block, last, 3);
  PET_TRY (pet_block_put_bytes (block, head, 4, error));
  return pet_block_put_bytes (block, block->literals, n, error);
}

static void
fixed_lengths (uint8_t *litlen, uint8_t *distance)
{
  memset (litlen, 8, PET_HUFFMAN_MAX_SYMBOLS);
  memset (litlen + 144, 9, 112);
  memset (litlen + 256, 7, 24);
  memset (distance, 5, PET_N_DISTANCE);
}

static void
choose_lengths (const Counts *counts, uint8_t *lengths)
{
  pet_huffman_lengths (counts->litlen, PET_N_LITLEN, MAX_CODE_BITS, lengths);
  pet_huffman_lengths (
      counts->distance, PET_N_DISTANCE, MAX_CODE_BITS, lengths + PET_N_LITLEN);
}

/* What repeats save is less than what they seem to by the codes that they leave
 * over: without them their bytes would have shorter ones. */
static void
count_saved (PetBlock *block, const Counts *counts, uint64_t bits)
{
  Counts without = { { 0 }, { 0 } };
  uint8_t lengths[PET_N_LITLEN + PET_N_DISTANCE];

  for (int i = 0; i < 256; i++)
    without.litlen[i] = counts->litlen[i] + block->repeated[i];
  without.litlen[PET_END_OF_BLOCK] = 1;
  count_matches (block, true, &without);
  choose_lengths (&without, lengths);
  block->saved_bits +=
      (int64_t) count_bits (&without, lengths, lengths + PET_N_LITLEN) -
      (int64_t) bits;
}

static PetStatus
write_block (PetBlock *block, bool last, PetError *error)
{
  Counts counts = { { 0 }, { 0 } };
  uint8_t fixed[PET_HUFFMAN_MAX_SYMBOLS], fixed_distance[PET_N_DISTANCE];
  uint8_t *lengths = block->lengths;
  uint64_t dynamic_bits, fixed_bits;
  Head head;

  pet_png_kernels ()->count_literals (block->literals, block->n_literals,
      has_many_zeros (block), counts.litlen);
  count_matches (block, false, &counts);
  counts.litlen[PET_END_OF_BLOCK] = 1;
  choose_lengths (&counts, lengths);
  dynamic_bits = count_bits (&counts, lengths, lengths + PET_N_LITLEN);
  block->coded_bits += dynamic_bits;
  if (block->has_repeats)
    count_saved (block, &counts, dynamic_bits);
  dynamic_bits += make_head (&head, lengths);
  fixed_lengths (fixed, fixed_distance);
  fixed_bits = count_bits (&counts, fixed, fixed_distance);
  if (block->n_matches == 0 && block->n_literals <= MAX_STORED_BYTES &&
      8 * (uint64_t) block->n_literals + 7 + 32 <
          (dynamic_bits < fixed_bits ? dynamic_bits : fixed_bits))
    return put_stored (block, last, error);

  PET_TRY (make_room (block, error));
  put_bits (block, (uint32_t) last | (dynamic_bits < fixed_bits ? 4u : 2u), 3);
  if (dynamic_bits < fixed_bits) {
    PET_TRY (put_head (block, &head, error));
    pet_huffman_codes (lengths, PET_N_LITLEN, block->litlen_codes);
    pet_huffman_codes (
        lengths + PET_N_LITLEN, PET_N_DISTANCE, block->distance_codes);
  } else {
    pet_huffman_codes (fixed, PET_HUFFMAN_MAX_SYMBOLS, block->litlen_codes);
    pet_huffman_codes (fixed_distance, PET_N_DISTANCE, block->distance_codes);
  }
  return put_symbols (block, error);
}

static void
start_over (PetBlock *block)
{
  block->n_literals = block->n_pending = block->n_matches = 0;
  if (block->has_repeats)
    memset (block->repeated, 0, sizeof block->repeated);
  block->has_repeats = false;
}

PetStatus
pet_block_end (PetBlock *block, bool last, PetError *error)
{
  PET_TRY (write_block (block, last, error));
  start_over (block);
  return PET_OK;
}

PetStatus
pet_block_end_stored (PetBlock *block, bool last, PetError *error)
{
  PET_TRY (put_stored (block, last, error));
  start_over (block);
  return PET_OK;
}

PetStatus
pet_block_add_stored (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error)
{
  while (size > 0) {
    size_t room = PET_BLOCK_LITERALS - block->n_literals;
    size_t part = size < room ? size : room;

    memcpy (block->literals + block->n_literals, bytes, part);
    block->n_literals += part;
    bytes += part;
    size -= part;
    if (block->n_literals == PET_BLOCK_LITERALS)
      PET_TRY (pet_block_end_stored (block, false, error));
  }
  return PET_OK;
}
