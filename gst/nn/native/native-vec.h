/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A vector of the widest kind that the file is compiled for: 16, 8 or 4
 * floats. */

#pragma once

#include <stdint.h>
#include <string.h>

#include "nn/native/native-kernels.h"

#if defined __AVX512F__
#include <immintrin.h>
#define VEC_FLOATS 16
#elif defined __AVX2__ && defined __FMA__
#include <immintrin.h>
#define VEC_FLOATS 8
#else
#define VEC_FLOATS 4
#endif

/* Vectors per block of channels. */
#define VEC_BLOCK (PET_BLOCK / VEC_FLOATS)

typedef float Vec __attribute__ ((vector_size (4 * VEC_FLOATS)));
typedef int32_t VecInt __attribute__ ((vector_size (4 * VEC_FLOATS)));

#define VEC_INLINE static inline __attribute__ ((always_inline))

VEC_INLINE Vec
vec_load (const float *from)
{
  Vec v;

  memcpy (&v, from, sizeof v);
  return v;
}

VEC_INLINE void
vec_store (float *to, Vec v)
{
  memcpy (to, &v, sizeof v);
}

VEC_INLINE Vec
vec_set (float value)
{
#if VEC_FLOATS == 16
  return (Vec) _mm512_set1_ps (value);
#elif VEC_FLOATS == 8
  return (Vec) _mm256_set1_ps (value);
#else
  return (Vec){ value, value, value, value };
#endif
}

/* a * b + c */
VEC_INLINE Vec
vec_fma (Vec a, Vec b, Vec c)
{
#if VEC_FLOATS == 16
  return (Vec) _mm512_fmadd_ps ((__m512) a, (__m512) b, (__m512) c);
#elif VEC_FLOATS == 8
  return (Vec) _mm256_fmadd_ps ((__m256) a, (__m256) b, (__m256) c);
#else
  return a * b + c;
#endif
}

VEC_INLINE Vec
vec_select (VecInt mask, Vec a, Vec b)
{
  return (Vec) ((mask & (VecInt) a) | (~mask & (VecInt) b));
}

/* The larger one; where b is not a number, b. */
VEC_INLINE Vec
vec_max (Vec a, Vec b)
{
#if VEC_FLOATS == 16
  return (Vec) _mm512_max_ps ((__m512) a, (__m512) b);
#elif VEC_FLOATS == 8
  return (Vec) _mm256_max_ps ((__m256) a, (__m256) b);
#else
  return vec_select (a > b, a, b);
#endif
}

VEC_INLINE Vec
vec_min (Vec a, Vec b)
{
#if VEC_FLOATS == 16
  return (Vec) _mm512_min_ps ((__m512) a, (__m512) b);
#elif VEC_FLOATS == 8
  return (Vec) _mm256_min_ps ((__m256) a, (__m256) b);
#else
  return vec_select (a < b, a, b);
#endif
}

VEC_INLINE float
vec_sum (Vec v)
{
  float sum[VEC_FLOATS];

  vec_store (sum, v);
  for (int half = VEC_FLOATS / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++)
      sum[i] += sum[i + half];
  return sum[0];
}

/* e to the x; relative error below 2e-7, 0 far below and infinity far above.
 * x = n ln 2 + r with |r| <= ln 2 / 2, and Taylor's series of e^r. */
VEC_INLINE Vec
vec_exp (Vec x)
{
  const Vec magic = vec_set (12582912.0f); /* 1.5 * 2^23: rounds to integers */
  Vec n, r, p;

  x = vec_max (vec_set (-87.3f), vec_min (vec_set (88.7f), x));
  n = vec_fma (x, vec_set (1.44269504f), magic);
  r = n - magic;
  p = vec_fma (r, vec_set (-0.693359375f), x);
  r = vec_fma (r, vec_set (2.12194440e-4f), p);
  p = vec_fma (r, vec_set (1.0f / 5040), vec_set (1.0f / 720));
  p = vec_fma (p, r, vec_set (1.0f / 120));
  p = vec_fma (p, r, vec_set (1.0f / 24));
  p = vec_fma (p, r, vec_set (1.0f / 6));
  p = vec_fma (p, r, vec_set (0.5f));
  p = vec_fma (p, r, vec_set (1.0f));
  p = vec_fma (p, r, vec_set (1.0f));
  /* The low bits of n + magic are n: they go to the exponent, in two halves,
   * so that 2^n itself needs not be a number. */
  return (Vec) ((VecInt) p + (((VecInt) n) << 23));
}
