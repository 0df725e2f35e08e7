/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/pet-sha256.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK_BYTES PET_SHA256_BLOCK_BYTES

typedef PetSha256Compress Compress;

static const uint32_t round_constants[64] = { 0x428a2f98, 0x71374491,
  0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
  0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
  0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
  0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb,
  0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
  0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
  0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb,
  0xbef9a3f7, 0xc67178f2 };

static inline uint32_t
turn (uint32_t x, int n)
{
  return x >> n | x << (32 - n);
}

static uint32_t
load_big_endian (const uint8_t *bytes)
{
  return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 |
      (uint32_t) bytes[2] << 8 | bytes[3];
}

static void
compress_block (uint32_t *state, const uint8_t *block)
{
  uint32_t w[64], v[8];

  for (int i = 0; i < 16; i++)
    w[i] = load_big_endian (block + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];

    w[i] = w[i - 16] + (turn (a, 7) ^ turn (a, 18) ^ a >> 3) + w[i - 7] +
        (turn (b, 17) ^ turn (b, 19) ^ b >> 10);
  }
  memcpy (v, state, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t e = v[4], a = v[0];
    uint32_t t = v[7] + (turn (e, 6) ^ turn (e, 11) ^ turn (e, 25)) +
        ((e & v[5]) ^ (~e & v[6])) + round_constants[i] + w[i];
    uint32_t u = (turn (a, 2) ^ turn (a, 13) ^ turn (a, 22)) +
        ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

    memmove (v + 1, v, 7 * sizeof *v);
    v[4] += t;
    v[0] = t + u;
  }
  for (int i = 0; i < 8; i++)
    state[i] += v[i];
}

static void
compress_plain (uint32_t *state, const uint8_t *blocks, size_t n_blocks)
{
  for (; n_blocks > 0; n_blocks--, blocks += BLOCK_BYTES)
    compress_block (state, blocks);
}

#ifdef PET_HAVE_X86
#include <cpuid.h>
#include <immintrin.h>

#define SHA_TARGET __attribute__ ((target ("sha,sse4.1")))

static bool
has_sha (void)
{
  unsigned a, b, c, d;

  return __get_cpuid_count (7, 0, &a, &b, &c, &d) && (b >> 29 & 1) != 0;
}

/* Four rounds; words: the schedule's for them. */
SHA_TARGET static inline void
four_rounds (__m128i *abef, __m128i *cdgh, __m128i words, int round)
{
  __m128i sum = _mm_add_epi32 (
      words, _mm_loadu_si128 ((const __m128i *) (round_constants + round)));

  *cdgh = _mm_sha256rnds2_epu32 (*cdgh, *abef, sum);
  *abef = _mm_sha256rnds2_epu32 (*abef, *cdgh, _mm_shuffle_epi32 (sum, 0x0e));
}

/* The instructions keep the state as A B E F and C D G H, highest word
 * first. */
SHA_TARGET static void
compress_sha (uint32_t *state, const uint8_t *blocks, size_t n_blocks)
{
  const __m128i swap =
      _mm_setr_epi8 (3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  __m128i abcd = _mm_loadu_si128 ((const __m128i *) state);
  __m128i efgh = _mm_loadu_si128 ((const __m128i *) (state + 4));
  __m128i badc = _mm_shuffle_epi32 (abcd, 0xb1);
  __m128i hgfe = _mm_shuffle_epi32 (efgh, 0x1b);
  __m128i abef = _mm_alignr_epi8 (badc, hgfe, 8);
  __m128i cdgh = _mm_blend_epi16 (hgfe, badc, 0xf0);

  for (; n_blocks > 0; n_blocks--, blocks += BLOCK_BYTES) {
    __m128i old_abef = abef, old_cdgh = cdgh, w[4];

    for (int i = 0; i < 4; i++) {
      w[i] = _mm_shuffle_epi8 (
          _mm_loadu_si128 ((const __m128i *) (blocks + 16 * i)), swap);
      four_rounds (&abef, &cdgh, w[i], 4 * i);
    }
    for (int i = 4; i < 16; i++) {
      __m128i last = w[(i + 3) % 4], before = w[(i + 2) % 4];
      __m128i next = _mm_sha256msg1_epu32 (w[i % 4], w[(i + 1) % 4]);

      next = _mm_add_epi32 (next, _mm_alignr_epi8 (last, before, 4));
      w[i % 4] = _mm_sha256msg2_epu32 (next, last);
      four_rounds (&abef, &cdgh, w[i % 4], 4 * i);
    }
    abef = _mm_add_epi32 (abef, old_abef);
    cdgh = _mm_add_epi32 (cdgh, old_cdgh);
  }
  hgfe = _mm_shuffle_epi32 (abef, 0x1b);
  badc = _mm_shuffle_epi32 (cdgh, 0xb1);
  _mm_storeu_si128 ((__m128i *) state, _mm_blend_epi16 (hgfe, badc, 0xf0));
  _mm_storeu_si128 ((__m128i *) (state + 4), _mm_alignr_epi8 (badc, hgfe, 8));
}

static Compress
best_compress (void)
{
  return has_sha () ? compress_sha : compress_plain;
}
#else
static Compress
best_compress (void)
{
  return compress_plain;
}
#endif

static void
begin (PetSha256 *sum, Compress compress)
{
  *sum = (PetSha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 },
    .compress = compress };
}

void
pet_sha256_begin (PetSha256 *sum)
{
  begin (sum, best_compress ());
}

void
pet_sha256_begin_plain (PetSha256 *sum)
{
  begin (sum, compress_plain);
}

void
pet_sha256_add (PetSha256 *sum, const void *bytes, size_t size)
{
  const uint8_t *next = bytes;
  size_t filled = (size_t) (sum->n_bytes % BLOCK_BYTES), n;

  sum->n_bytes += size;
  if (filled > 0 && size > 0) {
    n = size < BLOCK_BYTES - filled ? size : BLOCK_BYTES - filled;
    memcpy (sum->block + filled, next, n);
    if (filled + n < BLOCK_BYTES)
      return;
    sum->compress (sum->state, sum->block, 1);
    next += n;
    size -= n;
  }
  sum->compress (sum->state, next, size / BLOCK_BYTES);
  n = size % BLOCK_BYTES;
  if (n > 0)
    memcpy (sum->block, next + (size - n), n);
}

/* Behind the last bytes: a bit, zeros, and the number of bits. */
void
pet_sha256_end (PetSha256 *sum, uint8_t digest[PET_SHA256_BYTES])
{
  size_t rest = (size_t) (sum->n_bytes % BLOCK_BYTES);
  uint8_t tail[2 * BLOCK_BYTES] = { 0 };
  size_t n_tail = rest + 9 > BLOCK_BYTES ? 2 : 1;

  memcpy (tail, sum->block, rest);
  tail[rest] = 0x80;
  for (size_t i = 0; i < 8; i++)
    tail[n_tail * BLOCK_BYTES - 1 - i] =
        (uint8_t) (sum->n_bytes * 8 >> (8 * i));
  sum->compress (sum->state, tail, n_tail);
  for (size_t i = 0; i < PET_SHA256_BYTES; i++)
    digest[i] = (uint8_t) (sum->state[i / 4] >> (24 - 8 * (i % 4)));
}

void
pet_sha256 (const void *bytes, size_t size, uint8_t digest[PET_SHA256_BYTES])
{
  PetSha256 sum;

  pet_sha256_begin (&sum);
  pet_sha256_add (&sum, bytes, size);
  pet_sha256_end (&sum, digest);
}
