/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One deflate block in the making: literals and matches are collected, then
 * written as a stored, fixed or dynamic block, whichever is the shortest.
 * Thread-safety: one thread at a time. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-status.h"
#include "codec/pet-deflate-literals.h"
#include "codec/pet-deflate.h"
#include "codec/pet-huffman.h"

#define PET_BLOCK_LITERALS 65472
#define PET_BLOCK_MATCHES 4096
#define PET_BLOCK_OUT_BYTES 32768
#define PET_DEFLATE_MAX_DISTANCE 32768
#define PET_DEFLATE_MAX_LENGTH 258

#define PET_END_OF_BLOCK 256
#define PET_N_LITLEN 286
#define PET_N_DISTANCE 30

/* `n_literals` literals, then a match of any length from 3 up. */
typedef struct {
  uint16_t n_literals;
  uint16_t distance_less_1;
  uint32_t length;
} PetBlockMatch;

typedef struct {
  PetDeflateWrite write;
  void *user;

  uint64_t bits; /* not yet in `out` */
  unsigned n_bits;
  size_t n_out;

  /* It is ended with; at most PET_BLOCK_LITERALS and PET_BLOCK_MATCHES. */
  size_t most_literals, most_matches;
  size_t n_literals, n_pending; /* pending: behind the last match */
  size_t n_matches;
  bool ends_with_zero; /* of pet-deflate-runs.h: the last byte was one */

  /* Bytes of this block's repeats, by value; bits of all blocks, and how many
   * fewer these are than they would be with no match but runs. */
  uint32_t repeated[256];
  bool has_repeats;
  uint64_t coded_bits;
  int64_t saved_bits;

  /* Lengths of the codes of the last dynamic block: what things cost. */
  uint8_t lengths[PET_N_LITLEN + PET_N_DISTANCE];
  PetHuffmanCode litlen_codes[PET_HUFFMAN_MAX_SYMBOLS];
  PetHuffmanCode distance_codes[PET_N_DISTANCE];
  PetLiteralCodes literal_codes;

  PetBlockMatch matches[PET_BLOCK_MATCHES];
  uint8_t literals[PET_BLOCK_LITERALS];
  uint8_t out[PET_BLOCK_OUT_BYTES];
} PetBlock;

void pet_block_init (PetBlock *block, size_t most_literals, size_t most_matches,
    PetDeflateWrite write, void *user);

/* Writes out a block when there is no more room in it. */
PetStatus pet_block_add_literals (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error);
PetStatus pet_block_add_match (
    PetBlock *block, size_t length, unsigned distance, PetError *error);

/* The same of a match that was searched for: `bytes` are what it stands for, and
 * what that saves is counted, unless it is a run. */
PetStatus pet_block_add_repeat (PetBlock *block, const uint8_t *bytes,
    size_t length, unsigned distance, PetError *error);

/* Writes what was collected as one block, `last` of the stream or not. */
PetStatus pet_block_end (PetBlock *block, bool last, PetError *error);

/* The same without compression; no match may have been added. */
PetStatus pet_block_add_stored (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error);
PetStatus pet_block_end_stored (PetBlock *block, bool last, PetError *error);

/* Whole bytes that are not part of a block. To the next byte boundary first. */
PetStatus pet_block_put_bytes (
    PetBlock *block, const uint8_t *bytes, size_t size, PetError *error);

/* Hands everything to `write`. */
PetStatus pet_block_flush (PetBlock *block, PetError *error);

/* Symbol, and number and value of the extra bits, of a length 3..258 and of a
 * distance 1..32768. */
typedef struct {
  unsigned symbol, n_extra, extra;
} PetDeflateSymbol;

static inline unsigned
pet_top_bit (unsigned value)
{
  return 31u - (unsigned) __builtin_clz (value);
}

static inline PetDeflateSymbol
pet_deflate_length_symbol (unsigned length)
{
  unsigned rest = length - 3, n_extra;

  if (length == PET_DEFLATE_MAX_LENGTH)
    return (PetDeflateSymbol){ 285, 0, 0 };
  if (rest < 8)
    return (PetDeflateSymbol){ 257 + rest, 0, 0 };
  n_extra = pet_top_bit (rest) - 2;
  return (PetDeflateSymbol){ 257 + 4 * n_extra + (rest >> n_extra), n_extra,
    rest & ((1u << n_extra) - 1) };
}

static inline PetDeflateSymbol
pet_deflate_distance_symbol (unsigned distance)
{
  unsigned rest = distance - 1, n_extra;

  if (rest < 4)
    return (PetDeflateSymbol){ rest, 0, 0 };
  n_extra = pet_top_bit (rest) - 1;
  return (PetDeflateSymbol){ 2 * n_extra + (rest >> n_extra), n_extra,
    rest & ((1u << n_extra) - 1) };
}
