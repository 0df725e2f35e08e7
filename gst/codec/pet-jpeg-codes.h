/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Huffman codes of a JPEG, as tables to look bits up in. Only pet-jpeg-entropy.c
 * uses them. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

#define PET_JPEG_LOOK_BITS 10
#define PET_JPEG_MAX_CODE_BITS 16

/* An entry of a look-up: how many bits it takes (5 bits), whether the code that
 * ends a block is among them (WITH_END) or the value is not (UNFINISHED), by how
 * much the place moves on (7 bits), and the value (16 bits). Of a code whose value
 * does not fit, the value is its length in bits; a code of more than
 * PET_JPEG_LOOK_BITS takes none. */
#define PET_JPEG_WITH_END 0x40u
#define PET_JPEG_UNFINISHED 0x80u
#define PET_JPEG_END_OF_BLOCK 64u
#define PET_JPEG_LENGTH(entry) ((entry) &31)
#define PET_JPEG_ADVANCE(entry) ((entry) >> 8 & 127)
#define PET_JPEG_VALUE(entry) ((int) (int16_t) ((entry) >> 16))

typedef struct {
  uint32_t look[1 << PET_JPEG_LOOK_BITS];
  /* By a code's length: the last one (-1: there is none), and what leads from it
   * to its symbol's index. */
  int32_t max_code[PET_JPEG_MAX_CODE_BITS + 2];
  int32_t offset[PET_JPEG_MAX_CODE_BITS + 1];
  uint8_t symbols[256];
  /* The code that ends a block; 0 bits: none, or more than PET_JPEG_LOOK_BITS. */
  int end_code, end_bits;
} PetJpegCodes;

/* All but `look`, of what the library has checked to be a tree. `codes` is
 * zeroed. */
void pet_jpeg_codes_set (PetJpegCodes *codes, const JHUFF_TBL *from);

/* Then `look`. `ac`: the codes that a block goes on with, which are set. */
void pet_jpeg_codes_set_look (PetJpegCodes *codes, const JHUFF_TBL *from,
    bool is_ac, const PetJpegCodes *ac);

/* The value that `n` bits stand for, the first of which is its sign. */
static inline int
pet_jpeg_extend (int bits, int n)
{
  return n > 0 && bits < 1 << (n - 1) ? bits - (1 << n) + 1 : bits;
}
