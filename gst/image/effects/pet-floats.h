/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Floats side by side, as many as a register of the version holds; four in
 * plain C. Arithmetic is written with operators, as for one. Loops over rows
 * run in steps of PET_FLOATS: up to PET_FLOATS - 1 elements behind a row's end
 * are read and written. */

#pragma once

#include <stdint.h>
#include <string.h>

#define PET_FLOATS_MAX 16

#if defined __AVX512F__
#include <immintrin.h>

#define PET_FLOATS 16
typedef __m512 PetFloats;

static inline PetFloats
pet_floats_load (const float *from)
{
  return _mm512_loadu_ps (from);
}

static inline void
pet_floats_store (float *to, PetFloats v)
{
  _mm512_storeu_ps (to, v);
}

static inline PetFloats
pet_floats_spread (float value)
{
  return _mm512_set1_ps (value);
}

static inline PetFloats
pet_floats_clamp (PetFloats v, float low, float high)
{
  return _mm512_min_ps (
      _mm512_max_ps (v, _mm512_set1_ps (low)), _mm512_set1_ps (high));
}

/* Bit i: does number i exceed `limit`? */
static inline uint32_t
pet_floats_above (PetFloats v, float limit)
{
  return _mm512_cmp_ps_mask (v, _mm512_set1_ps (limit), _CMP_GT_OQ);
}

/* `high` where v exceeds `limit`, else `low`. */
static inline PetFloats
pet_floats_select (PetFloats v, float limit, PetFloats high, PetFloats low)
{
  return _mm512_mask_mov_ps (
      low, _mm512_cmp_ps_mask (v, _mm512_set1_ps (limit), _CMP_GT_OQ), high);
}
#elif defined __AVX2__
#include <immintrin.h>

#define PET_FLOATS 8
typedef __m256 PetFloats;

static inline PetFloats
pet_floats_load (const float *from)
{
  return _mm256_loadu_ps (from);
}

static inline void
pet_floats_store (float *to, PetFloats v)
{
  _mm256_storeu_ps (to, v);
}

static inline PetFloats
pet_floats_spread (float value)
{
  return _mm256_set1_ps (value);
}

static inline PetFloats
pet_floats_clamp (PetFloats v, float low, float high)
{
  return _mm256_min_ps (
      _mm256_max_ps (v, _mm256_set1_ps (low)), _mm256_set1_ps (high));
}

static inline uint32_t
pet_floats_above (PetFloats v, float limit)
{
  return (uint32_t) _mm256_movemask_ps (
      _mm256_cmp_ps (v, _mm256_set1_ps (limit), _CMP_GT_OQ));
}

static inline PetFloats
pet_floats_select (PetFloats v, float limit, PetFloats high, PetFloats low)
{
  return _mm256_blendv_ps (
      low, high, _mm256_cmp_ps (v, _mm256_set1_ps (limit), _CMP_GT_OQ));
}
#else
/* What every processor of today has, and what compilers lower elsewhere. */
#define PET_FLOATS 4
typedef float PetFloats __attribute__ ((vector_size (16)));
typedef int32_t PetFloatsMask __attribute__ ((vector_size (16)));

static inline PetFloats
pet_floats_load (const float *from)
{
  PetFloats v;

  memcpy (&v, from, sizeof v);
  return v;
}

static inline void
pet_floats_store (float *to, PetFloats v)
{
  memcpy (to, &v, sizeof v);
}

static inline PetFloats
pet_floats_spread (float value)
{
  return (PetFloats){ value, value, value, value };
}

static inline PetFloats
pet_floats_choose_ (PetFloatsMask mask, PetFloats yes, PetFloats no)
{
  return (
      PetFloats) (((PetFloatsMask) yes & mask) | ((PetFloatsMask) no & ~mask));
}

static inline PetFloats
pet_floats_clamp (PetFloats v, float low, float high)
{
  PetFloats least = pet_floats_spread (low), most = pet_floats_spread (high);

  v = pet_floats_choose_ (v < least, least, v);
  return pet_floats_choose_ (v > most, most, v);
}

static inline uint32_t
pet_floats_above (PetFloats v, float limit)
{
  uint32_t bits = 0;

  for (int i = 0; i < PET_FLOATS; i++)
    bits |= (uint32_t) (v[i] > limit) << i;
  return bits;
}

static inline PetFloats
pet_floats_select (PetFloats v, float limit, PetFloats high, PetFloats low)
{
  return pet_floats_choose_ (v > pet_floats_spread (limit), high, low);
}
#endif

/* to[i] = table[index[i]], one by one: that is faster than gathers, which the
 * compiler would make of the plain loop. */
static inline void
pet_floats_fetch (const float *table, const uint32_t *index, float *to, int n)
{
#pragma GCC unroll 8
  for (int i = 0; i < n; i++) {
    uint32_t bits;

    memcpy (&bits, table + index[i], 4);
    __asm__("" : "+r"(bits));
    memcpy (to + i, &bits, 4);
  }
}
