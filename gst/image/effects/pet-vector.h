/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Integers side by side, for loops that a compiler does not turn into vectors
 * by itself: PET_V (add_epi16) (a, b) is the instruction for the version's
 * width. PET_VECTOR_BYTES is 0 in plain C, which has loops of its own. */

#pragma once

#if defined __AVX512F__
#include <immintrin.h>

#define PET_VECTOR_BYTES 64
#define PET_V(operation) _mm512_##operation
typedef __m512i PetVector;

static inline PetVector
pet_vector_load (const void *from)
{
  return _mm512_loadu_si512 (from);
}

static inline void
pet_vector_store (void *to, PetVector v)
{
  _mm512_storeu_si512 (to, v);
}

static inline PetVector
pet_vector_and (PetVector a, PetVector b)
{
  return _mm512_and_si512 (a, b);
}

/* `a`, and what `b` has in `mask`, where `a` has nothing. */
static inline PetVector
pet_vector_blend (PetVector a, PetVector b, PetVector mask)
{
  return _mm512_ternarylogic_epi32 (a, b, mask, 0xf8);
}

/* 32 or 16 bytes as numbers of 16 bits. */
static inline PetVector
pet_vector_widen (const void *from)
{
  return _mm512_cvtepu8_epi16 (_mm256_loadu_si256 ((const __m256i *) from));
}

/* What packs made of two vectors, in the order of these. */
static inline PetVector
pet_vector_unzip (PetVector packed)
{
  return _mm512_permutexvar_epi64 (
      _mm512_setr_epi64 (0, 2, 4, 6, 1, 3, 5, 7), packed);
}
#elif defined __AVX2__
#include <immintrin.h>

#define PET_VECTOR_BYTES 32
#define PET_V(operation) _mm256_##operation
typedef __m256i PetVector;

static inline PetVector
pet_vector_load (const void *from)
{
  return _mm256_loadu_si256 ((const __m256i *) from);
}

static inline void
pet_vector_store (void *to, PetVector v)
{
  _mm256_storeu_si256 ((__m256i *) to, v);
}

static inline PetVector
pet_vector_and (PetVector a, PetVector b)
{
  return _mm256_and_si256 (a, b);
}

static inline PetVector
pet_vector_blend (PetVector a, PetVector b, PetVector mask)
{
  return _mm256_or_si256 (a, _mm256_and_si256 (b, mask));
}

static inline PetVector
pet_vector_widen (const void *from)
{
  return _mm256_cvtepu8_epi16 (_mm_loadu_si128 ((const __m128i *) from));
}

static inline PetVector
pet_vector_unzip (PetVector packed)
{
  return _mm256_permute4x64_epi64 (packed, 0xd8);
}
#else
#define PET_VECTOR_BYTES 0
#endif
