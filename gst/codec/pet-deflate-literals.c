/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-deflate-literals.h"

#include <string.h>

/* Filtered pixels of which the alpha does not change are pairs of a byte and a
 * 0, or were before something was taken out between them. */
typedef enum { FOUR_PLAIN, FOUR_PAIRS, FOUR_ZERO_FIRST } Four;

static inline Four
look_at_four (const uint8_t *literals)
{
  uint32_t four;

  memcpy (&four, literals, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  four = __builtin_bswap32 (four);
#endif
  if ((four & 0xff00ff00u) == 0)
    return FOUR_PAIRS;
  return (four & 0x00ff00ffu) == 0 ? FOUR_ZERO_FIRST : FOUR_PLAIN;
}

/* Four tables, because equal neighbours would wait for each other. Zeros in
 * pairs are counted together. */
void
pet_literals_count_c (
    const uint8_t *literals, size_t n, bool in_pairs, uint32_t *counts)
{
  uint32_t tables[4][256] = { { 0 } };
  size_t i = 0, n_zeros = 0, turn = 0;

  while (i + 4 <= n) {
    Four four = in_pairs ? look_at_four (literals + i) : FOUR_PLAIN;

    if (four == FOUR_ZERO_FIRST) {
      n_zeros++;
      i++;
      continue;
    }
    if (four == FOUR_PAIRS) {
      tables[turn][literals[i]]++;
      tables[turn + 1][literals[i + 2]]++;
      turn ^= 2;
      n_zeros += 2;
    } else {
      tables[0][literals[i]]++;
      tables[1][literals[i + 1]]++;
      tables[2][literals[i + 2]]++;
      tables[3][literals[i + 3]]++;
    }
    i += 4;
  }
  for (; i < n; i++)
    counts[literals[i]]++;
  for (i = 0; i < 256; i++)
    counts[i] += tables[0][i] + tables[1][i] + tables[2][i] + tables[3][i];
  counts[0] += (uint32_t) n_zeros;
}

static inline PetBits
join (PetBits a, PetBits b)
{
  return (PetBits){ a.bits | b.bits << a.n, a.n + b.n };
}

static inline PetBits
code_bits (PetHuffmanCode code)
{
  return (PetBits){ code >> 8, pet_huffman_length (code) };
}

static inline PetBits
pair_bits (uint64_t pair)
{
  return (PetBits){ pair >> 8, pair & 0xff };
}

void
pet_literal_codes_set (
    PetLiteralCodes *literals, const PetHuffmanCode *codes, bool in_pairs)
{
  literals->in_pairs = in_pairs;
  memcpy (literals->codes, codes, sizeof literals->codes);
  for (int i = 0; i < 256; i++) {
    PetBits pair = join (code_bits (codes[i]), code_bits (codes[0]));

    literals->pairs[i] = pair.bits << 8 | pair.n;
    literals->lengths[i] = (uint8_t) pet_huffman_length (codes[i]);
    literals->low[i] = (uint8_t) (codes[i] >> 8);
    literals->high[i] = (uint8_t) (codes[i] >> 16);
  }
}

static inline PetBits
four_bits (const PetLiteralCodes *literals, const uint8_t *bytes, Four four)
{
  const PetHuffmanCode *codes = literals->codes;

  if (four == FOUR_PAIRS)
    return join (pair_bits (literals->pairs[bytes[0]]),
        pair_bits (literals->pairs[bytes[2]]));
  return join (join (code_bits (codes[bytes[0]]), code_bits (codes[bytes[1]])),
      join (code_bits (codes[bytes[2]]), code_bits (codes[bytes[3]])));
}

/* Writes 8 bytes, of which the whole ones count. */
static inline uint8_t *
spill (PetBits *bits, uint8_t *out)
{
  uint64_t stored = bits->bits;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  stored = __builtin_bswap64 (stored);
#endif
  memcpy (out, &stored, 8);
  out += bits->n / 8;
  bits->bits >>= bits->n & ~7u;
  bits->n &= 7;
  return out;
}

static inline size_t
put_fours (const PetLiteralCodes *literals, const uint8_t *bytes, size_t n,
    PetBits *last, uint8_t *out, const bool in_pairs)
{
  uint8_t *start = out;
  PetBits bits = *last;
  size_t i = 0;

  while (i + 4 <= n) {
    Four four = in_pairs ? look_at_four (bytes + i) : FOUR_PLAIN;

    if (four == FOUR_ZERO_FIRST) {
      bits = join (bits, code_bits (literals->codes[0]));
      i++;
    } else {
      bits = join (bits, four_bits (literals, bytes + i, four));
      i += 4;
    }
    out = spill (&bits, out);
  }
  for (; i < n; i++) {
    bits = join (bits, code_bits (literals->codes[bytes[i]]));
    out = spill (&bits, out);
  }
  *last = bits;
  return (size_t) (out - start);
}

size_t
pet_literals_put_c (const PetLiteralCodes *codes, const uint8_t *literals,
    size_t n, PetBits *bits, uint8_t *out)
{
  return codes->in_pairs ? put_fours (codes, literals, n, bits, out, true)
                         : put_fours (codes, literals, n, bits, out, false);
}
