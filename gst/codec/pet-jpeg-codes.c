/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-jpeg-codes.h"

#include <string.h>

/* Of a code of `length` bits before `rest`, what follows it in
 * PET_JPEG_LOOK_BITS. `ac` is the table that a block goes on with. */
static uint32_t
entry_of (int symbol, int length, int rest, bool is_ac, const PetJpegCodes *ac)
{
  int n = is_ac ? symbol & 15 : symbol, run = is_ac ? symbol >> 4 : 0;
  int left = PET_JPEG_LOOK_BITS - length - n, more;
  uint32_t entry = (uint32_t) (run + 1) << 8;

  if (is_ac && n == 0 && run != 15)
    return PET_JPEG_UNFINISHED | (uint32_t) length | PET_JPEG_END_OF_BLOCK << 8;
  if (left < 0)
    return PET_JPEG_UNFINISHED | (uint32_t) length | entry | (uint32_t) n << 16;
  entry |= (uint32_t) pet_jpeg_extend (rest >> left, n) << 16;
  more = left - ac->end_bits;
  if (ac->end_bits > 0 && more >= 0 &&
      (rest & ((1 << left) - 1)) >> more == ac->end_code)
    return entry | PET_JPEG_WITH_END | (uint32_t) (length + n + ac->end_bits);
  return entry | (uint32_t) (length + n);
}

void
pet_jpeg_codes_set_look (PetJpegCodes *codes, const JHUFF_TBL *from, bool is_ac,
    const PetJpegCodes *ac)
{
  int code = 0, index = 0;

  for (int i = 0; i < 1 << PET_JPEG_LOOK_BITS; i++)
    codes->look[i] = PET_JPEG_UNFINISHED;
  for (int length = 1; length <= PET_JPEG_LOOK_BITS; length++, code *= 2)
    for (int i = 0; i < from->bits[length]; i++, code++, index++) {
      int free_bits = PET_JPEG_LOOK_BITS - length;

      for (int rest = 0; rest < 1 << free_bits; rest++)
        codes->look[code << free_bits | rest] =
            entry_of (codes->symbols[index], length, rest, is_ac, ac);
    }
}

void
pet_jpeg_codes_set (PetJpegCodes *codes, const JHUFF_TBL *from)
{
  int code = 0, index = 0;

  memcpy (codes->symbols, from->huffval, sizeof codes->symbols);
  for (int length = 1; length <= PET_JPEG_MAX_CODE_BITS; length++, code *= 2) {
    codes->offset[length] = index - code;
    for (int i = 0; i < from->bits[length]; i++, code++, index++)
      if (codes->symbols[index] == 0 && length <= PET_JPEG_LOOK_BITS) {
        codes->end_code = code;
        codes->end_bits = length;
      }
    codes->max_code[length] = from->bits[length] > 0 ? code - 1 : -1;
  }
  codes->max_code[PET_JPEG_MAX_CODE_BITS + 1] = INT32_MAX;
}
