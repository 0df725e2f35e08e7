/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Huffman codes as deflate wants them (RFC 1951, 3.2.2): canonical, limited in
 * length, written with the lowest bit first. Thread-safety: safe. */

#pragma once

#include <stdint.h>

#define PET_HUFFMAN_MAX_SYMBOLS 288

/* Code and length of a symbol: bits, reversed for the bit writer, in the upper
 * 24 bits, length (0: the symbol does not occur) in the lower 8. */
typedef uint32_t PetHuffmanCode;

static inline unsigned
pet_huffman_length (PetHuffmanCode code)
{
  return code & 0xff;
}

/* Lengths of the codes for symbols that occur `counts[i]` times, each at most
 * `limit` <= 15 bits and 2^limit >= n. A single symbol gets one bit. */
void pet_huffman_lengths (
    const uint32_t *counts, int n, unsigned limit, uint8_t *lengths);

/* The canonical codes of these lengths. */
void pet_huffman_codes (const uint8_t *lengths, int n, PetHuffmanCode *codes);
