/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Numbers side by side, as many as a register of the version holds; one in plain
 * C. Arithmetic is written with operators, as for one. Doubles are for what must
 * be exact. What only has to be close are floats, but in plain C, where they are
 * doubles as well and so exact (PET_SOFT_IS_EXACT). */

#pragma once

#if defined __AVX512F__
#include <immintrin.h>

#define PET_LANES 8
typedef __m512d PetLanes;

#define PET_SOFT_IS_EXACT 0
#define PET_SOFT_LANES 16
typedef float PetSoft;
typedef __m512 PetSoftLanes;

static inline PetLanes
pet_lanes_load (const double *from)
{
  return _mm512_loadu_pd (from);
}

static inline void
pet_lanes_store (double *to, PetLanes v)
{
  _mm512_storeu_pd (to, v);
}

/* Every second number of two vectors, from the first one on and from the next. */
static inline void
pet_lanes_split (PetLanes a, PetLanes b, PetLanes *even, PetLanes *odd)
{
  *even = _mm512_permutex2var_pd (
      a, _mm512_setr_epi64 (0, 2, 4, 6, 8, 10, 12, 14), b);
  *odd = _mm512_permutex2var_pd (
      a, _mm512_setr_epi64 (1, 3, 5, 7, 9, 11, 13, 15), b);
}

/* What is one to the left of `here`. */
static inline PetLanes
pet_lanes_left (PetLanes before, PetLanes here)
{
  return _mm512_castsi512_pd (_mm512_alignr_epi64 (
      _mm512_castpd_si512 (here), _mm512_castpd_si512 (before), PET_LANES - 1));
}

static inline PetLanes
pet_lanes_clamp (PetLanes v, double low, double high)
{
  return _mm512_min_pd (
      _mm512_max_pd (v, _mm512_set1_pd (low)), _mm512_set1_pd (high));
}

static inline void
pet_lanes_soften (PetSoft *to, PetLanes v)
{
  _mm256_storeu_ps (to, _mm512_cvtpd_ps (v));
}

static inline PetSoftLanes
pet_soft_load (const PetSoft *from)
{
  return _mm512_loadu_ps (from);
}

static inline void
pet_soft_store (PetSoft *to, PetSoftLanes v)
{
  _mm512_storeu_ps (to, v);
}

static inline void
pet_soft_split (
    PetSoftLanes a, PetSoftLanes b, PetSoftLanes *even, PetSoftLanes *odd)
{
  *even = _mm512_permutex2var_ps (a,
      _mm512_setr_epi32 (
          0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
      b);
  *odd = _mm512_permutex2var_ps (a,
      _mm512_setr_epi32 (
          1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31),
      b);
}

/* As doubles. */
static inline void
pet_soft_widen (double *to, PetSoftLanes v)
{
  _mm512_storeu_pd (to, _mm512_cvtps_pd (_mm512_castps512_ps256 (v)));
  _mm512_storeu_pd (
      to + PET_LANES, _mm512_cvtps_pd (_mm512_extractf32x8_ps (v, 1)));
}

/* What is one to the left and one to the right of `here`. */
static inline PetSoftLanes
pet_soft_left (PetSoftLanes before, PetSoftLanes here)
{
  return _mm512_castsi512_ps (_mm512_alignr_epi32 (_mm512_castps_si512 (here),
      _mm512_castps_si512 (before), PET_SOFT_LANES - 1));
}

static inline PetSoftLanes
pet_soft_right (PetSoftLanes here, PetSoftLanes behind)
{
  return _mm512_castsi512_ps (_mm512_alignr_epi32 (
      _mm512_castps_si512 (behind), _mm512_castps_si512 (here), 1));
}

static inline PetSoftLanes
pet_soft_clamp (PetSoftLanes v, PetSoft low, PetSoft high)
{
  return _mm512_min_ps (
      _mm512_max_ps (v, _mm512_set1_ps (low)), _mm512_set1_ps (high));
}
#elif defined __AVX2__
#include <immintrin.h>

#define PET_LANES 4
typedef __m256d PetLanes;

#define PET_SOFT_IS_EXACT 0
#define PET_SOFT_LANES 8
typedef float PetSoft;
typedef __m256 PetSoftLanes;

static inline PetLanes
pet_lanes_load (const double *from)
{
  return _mm256_loadu_pd (from);
}

static inline void
pet_lanes_store (double *to, PetLanes v)
{
  _mm256_storeu_pd (to, v);
}

static inline void
pet_lanes_split (PetLanes a, PetLanes b, PetLanes *even, PetLanes *odd)
{
  *even = _mm256_permute4x64_pd (_mm256_unpacklo_pd (a, b), 0xd8);
  *odd = _mm256_permute4x64_pd (_mm256_unpackhi_pd (a, b), 0xd8);
}

static inline PetLanes
pet_lanes_left (PetLanes before, PetLanes here)
{
  return _mm256_shuffle_pd (
      _mm256_permute2f128_pd (before, here, 0x21), here, 0x5);
}

static inline PetLanes
pet_lanes_clamp (PetLanes v, double low, double high)
{
  return _mm256_min_pd (
      _mm256_max_pd (v, _mm256_set1_pd (low)), _mm256_set1_pd (high));
}

static inline void
pet_lanes_soften (PetSoft *to, PetLanes v)
{
  _mm_storeu_ps (to, _mm256_cvtpd_ps (v));
}

static inline PetSoftLanes
pet_soft_load (const PetSoft *from)
{
  return _mm256_loadu_ps (from);
}

static inline void
pet_soft_store (PetSoft *to, PetSoftLanes v)
{
  _mm256_storeu_ps (to, v);
}

static inline void
pet_soft_split (
    PetSoftLanes a, PetSoftLanes b, PetSoftLanes *even, PetSoftLanes *odd)
{
  __m256d evens = _mm256_castps_pd (_mm256_shuffle_ps (a, b, 0x88));
  __m256d odds = _mm256_castps_pd (_mm256_shuffle_ps (a, b, 0xdd));

  *even = _mm256_castpd_ps (_mm256_permute4x64_pd (evens, 0xd8));
  *odd = _mm256_castpd_ps (_mm256_permute4x64_pd (odds, 0xd8));
}

static inline void
pet_soft_widen (double *to, PetSoftLanes v)
{
  _mm256_storeu_pd (to, _mm256_cvtps_pd (_mm256_castps256_ps128 (v)));
  _mm256_storeu_pd (
      to + PET_LANES, _mm256_cvtps_pd (_mm256_extractf128_ps (v, 1)));
}

static inline PetSoftLanes
pet_soft_left (PetSoftLanes before, PetSoftLanes here)
{
  __m256i a = _mm256_castps_si256 (before), b = _mm256_castps_si256 (here);

  return _mm256_castsi256_ps (
      _mm256_alignr_epi8 (b, _mm256_permute2x128_si256 (a, b, 0x21), 12));
}

static inline PetSoftLanes
pet_soft_right (PetSoftLanes here, PetSoftLanes behind)
{
  __m256i a = _mm256_castps_si256 (here), b = _mm256_castps_si256 (behind);

  return _mm256_castsi256_ps (
      _mm256_alignr_epi8 (_mm256_permute2x128_si256 (a, b, 0x21), a, 4));
}

static inline PetSoftLanes
pet_soft_clamp (PetSoftLanes v, PetSoft low, PetSoft high)
{
  return _mm256_min_ps (
      _mm256_max_ps (v, _mm256_set1_ps (low)), _mm256_set1_ps (high));
}
#else
#define PET_LANES 1
typedef double PetLanes;

#define PET_SOFT_IS_EXACT 1
#define PET_SOFT_LANES 1
typedef double PetSoft;
typedef double PetSoftLanes;

static inline PetLanes
pet_lanes_load (const double *from)
{
  return *from;
}

static inline void
pet_lanes_store (double *to, PetLanes v)
{
  *to = v;
}

static inline void
pet_lanes_soften (PetSoft *to, PetLanes v)
{
  *to = v;
}

static inline PetSoftLanes
pet_soft_load (const PetSoft *from)
{
  return *from;
}

static inline void
pet_soft_store (PetSoft *to, PetSoftLanes v)
{
  *to = v;
}
#endif
