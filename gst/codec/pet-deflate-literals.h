/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Literals of a deflate block: how often each occurs, and their codes one after
 * the other. Thread-safety: safe. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/pet-huffman.h"

/* Four literals and what a byte boundary leaves fit the bit buffer. */
#define PET_LITERAL_MAX_BITS 14

/* The last bits, the first of them the lowest, that are no whole byte: n < 8. */
typedef struct {
  uint64_t bits;
  unsigned n;
} PetBits;

/* The codes of the 256 literals, as each version of
 * PetPngKernels.put_literals wants them. */
typedef struct {
  PetHuffmanCode codes[256];
  uint64_t pairs[256]; /* with a 0 behind: code in the upper 56 bits, length */
  bool in_pairs;       /* many are 0 */
  uint8_t low[256], high[256], lengths[256];
} PetLiteralCodes;

/* `codes`: of at least 256 symbols, none longer than PET_LITERAL_MAX_BITS. */
void pet_literal_codes_set (
    PetLiteralCodes *literals, const PetHuffmanCode *codes, bool in_pairs);

/* The plain version of PetPngKernels.put_literals. */
size_t pet_literals_put_c (const PetLiteralCodes *codes,
    const uint8_t *literals, size_t n, PetBits *bits, uint8_t *out);

/* The plain version of PetPngKernels.count_literals. */
void pet_literals_count_c (
    const uint8_t *literals, size_t n, bool in_pairs, uint32_t *counts);
