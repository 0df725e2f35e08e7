/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Doubles side by side, as many as a register of the version holds; one in
 * plain C. Arithmetic is written with operators, as for one. */

#pragma once

#if defined __AVX512F__
#include <immintrin.h>

#define PET_LANES 8
typedef __m512d PetLanes;

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

/* What is at from - 1 and at from + 1, from what is at `from`, before and
 * behind: cheaper than loads across two cache lines. */
static inline PetLanes
pet_lanes_left (PetLanes before, PetLanes here, const double *from)
{
  return _mm512_castsi512_pd (_mm512_alignr_epi64 (
      _mm512_castpd_si512 (here), _mm512_castpd_si512 (before), PET_LANES - 1));
}

static inline PetLanes
pet_lanes_right (PetLanes here, PetLanes behind, const double *from)
{
  return _mm512_castsi512_pd (_mm512_alignr_epi64 (
      _mm512_castpd_si512 (behind), _mm512_castpd_si512 (here), 1));
}

static inline PetLanes
pet_lanes_clamp (PetLanes v, double low, double high)
{
  return _mm512_min_pd (
      _mm512_max_pd (v, _mm512_set1_pd (low)), _mm512_set1_pd (high));
}
#elif defined __AVX2__
#include <immintrin.h>

#define PET_LANES 4
typedef __m256d PetLanes;

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

static inline PetLanes
pet_lanes_clamp (PetLanes v, double low, double high)
{
  return _mm256_min_pd (
      _mm256_max_pd (v, _mm256_set1_pd (low)), _mm256_set1_pd (high));
}
#else
#define PET_LANES 1
typedef double PetLanes;

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

static inline PetLanes
pet_lanes_clamp (PetLanes v, double low, double high)
{
  v = v < low ? low : v;
  return v > high ? high : v;
}
#endif

#if PET_LANES < 8
static inline PetLanes
pet_lanes_left (PetLanes before, PetLanes here, const double *from)
{
  return pet_lanes_load (from - 1);
}

static inline PetLanes
pet_lanes_right (PetLanes here, PetLanes behind, const double *from)
{
  return pet_lanes_load (from + 1);
}
#endif
