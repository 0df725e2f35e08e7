/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* After Gopal and others, "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ Instruction" (Intel, 2009), with bits in reversed order: 64 bytes are
 * folded into the next 64, what is left to 16, and these are reduced by
 * Barrett. */

#include "codec/pet-crc.h"

#include <zlib.h>

#ifdef PET_HAVE_X86
#include <immintrin.h>

#include "base/pet-cpu.h"

#define FOLDED 64
#define TARGET __attribute__ ((target ("sse4.1,pclmul")))

TARGET static inline __m128i
load (const uint8_t *bytes)
{
  return _mm_loadu_si128 ((const __m128i *) (const void *) bytes);
}

TARGET static inline __m128i
fold (__m128i x, __m128i powers, __m128i next)
{
  return _mm_xor_si128 (next,
      _mm_xor_si128 (_mm_clmulepi64_si128 (x, powers, 0x00),
          _mm_clmulepi64_si128 (x, powers, 0x11)));
}

/* 128 bits to 32. */
TARGET static uint32_t
reduce (__m128i x, __m128i powers)
{
  const __m128i fifth = _mm_set_epi64x (0, 0x163cd6124);
  const __m128i polynomial = _mm_set_epi64x (0x1f7011641, 0x1db710641);
  const __m128i low = _mm_setr_epi32 (-1, 0, -1, 0);
  __m128i y;

  x = _mm_xor_si128 (
      _mm_srli_si128 (x, 8), _mm_clmulepi64_si128 (x, powers, 0x10));
  y = _mm_srli_si128 (x, 4);
  x = _mm_clmulepi64_si128 (_mm_and_si128 (x, low), fifth, 0x00);
  x = _mm_xor_si128 (x, y);
  y = _mm_clmulepi64_si128 (_mm_and_si128 (x, low), polynomial, 0x10);
  y = _mm_clmulepi64_si128 (_mm_and_si128 (y, low), polynomial, 0x00);
  return (uint32_t) _mm_extract_epi32 (_mm_xor_si128 (x, y), 1);
}

/* `size` is a multiple of 16, at least FOLDED. */
TARGET static uint32_t
crc_folded (uint32_t crc, const uint8_t *bytes, size_t size)
{
  const __m128i far = _mm_set_epi64x (0x1c6e41596, 0x154442bd4);
  const __m128i near = _mm_set_epi64x (0x0ccaa009e, 0x1751997d0);
  __m128i x[4];

  for (int i = 0; i < 4; i++)
    x[i] = load (bytes + 16 * i);
  x[0] = _mm_xor_si128 (x[0], _mm_cvtsi32_si128 ((int) ~crc));
  for (bytes += FOLDED, size -= FOLDED; size >= FOLDED; size -= FOLDED) {
    for (int i = 0; i < 4; i++)
      x[i] = fold (x[i], far, load (bytes + 16 * i));
    bytes += FOLDED;
  }
  for (int i = 1; i < 4; i++)
    x[0] = fold (x[0], near, x[i]);
  for (; size >= 16; size -= 16, bytes += 16)
    x[0] = fold (x[0], near, load (bytes));
  return ~reduce (x[0], near);
}

static size_t
folded_bytes (size_t size)
{
  return size >= FOLDED && pet_cpu_isa_v4 () != PET_ISA_C &&
          __builtin_cpu_supports ("sse4.1") && __builtin_cpu_supports ("pclmul")
      ? size & ~(size_t) 15
      : 0;
}
#else
static uint32_t
crc_folded (uint32_t crc, const uint8_t *bytes, size_t size)
{
  return crc;
}

static size_t
folded_bytes (size_t size)
{
  return 0;
}
#endif

uint32_t
pet_crc (uint32_t crc, const uint8_t *bytes, size_t size)
{
  size_t folded = folded_bytes (size);

  if (folded > 0)
    crc = crc_folded (crc, bytes, folded);
  return (uint32_t) crc32_z (crc, bytes + folded, size - folded);
}
