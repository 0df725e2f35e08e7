/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/native/native-bf16.h"

#include <math.h>

#include "nn/native/native-vec.h"

#include "nn/native/native-kernels-tile.inc"

static void
narrow (const float *in, int lanes, uint16_t *out, int pixels)
{
  __mmask16 kept = (__mmask16) ((1u << lanes) - 1);

  for (int i = 0; i < pixels * PET_BLOCK; i += PET_BLOCK) {
    __m256bh narrowed =
        _mm512_cvtneps_pbh (_mm512_maskz_loadu_ps (kept, in + i));

    memcpy (out + i, &narrowed, sizeof narrowed);
  }
}

/* Two lanes of each pixel at a time. */
VEC_INLINE void
conv_tile (const PetNativeConv *conv, const uint16_t *in, const float *residual,
    float *out, int valid, const int P, const int B)
{
  const uint16_t *weights = conv->narrow_weights;
  Vec sum[MAX_TILE][PET_NATIVE_MAX_GROUP];

#pragma GCC unroll 16
  for (int v = 0; v < B; v++)
#pragma GCC unroll 16
    for (int p = 0; p < P; p++)
      sum[p][v] = vec_load (conv->bias + v * PET_BLOCK);

  for (int s = 0; s < conv->n_segments; s++) {
    const uint16_t *lane = in + conv->segments[s].offset;
    const uint16_t *end = lane + conv->segments[s].lanes;

    for (; lane < end; lane += 2, weights += 2 * B * PET_BLOCK) {
      __m512bh w[PET_NATIVE_MAX_GROUP];

#pragma GCC unroll 16
      for (int v = 0; v < B; v++)
        memcpy (&w[v], weights + 2 * v * PET_BLOCK, sizeof w[v]);
#pragma GCC unroll 16
      for (int p = 0; p < P; p++) {
        int32_t two;
        __m512bh x;

        memcpy (&two, lane + p * PET_BLOCK, sizeof two);
        x = (__m512bh) _mm512_set1_epi32 (two);
#pragma GCC unroll 16
        for (int v = 0; v < B; v++)
          sum[p][v] = (Vec) _mm512_dpbf16_ps ((__m512) sum[p][v], w[v], x);
      }
    }
  }

  conv_end (conv, sum, residual, out, valid, P, B);
}

VEC_INLINE void
conv_row (const PetNativeConv *conv, const uint16_t *in, const float *residual,
    float *out, int pixels, const int P, const int B)
{
  for (int x = 0; x < pixels;) {
    ptrdiff_t at = (ptrdiff_t) x * PET_BLOCK;
    const float *r = residual != NULL ? residual + at : NULL;
    int left = pixels - x;

    if (left > TAIL) {
      conv_tile (conv, in + at, r, out + at, left < P ? left : P, P, B);
      x += P;
    } else {
      conv_tile (conv, in + at, r, out + at, left, TAIL, B);
      x += TAIL;
    }
  }
}

static void
conv (const PetNativeConv *conv, const uint16_t *in, const float *residual,
    float *out, int pixels)
{
  switch (conv->group) {
    case 1:
      conv_row (conv, in, residual, out, pixels, TILE_1, 1);
      break;
    case 2:
      conv_row (conv, in, residual, out, pixels, TILE_2, 2);
      break;
    case 3:
      conv_row (conv, in, residual, out, pixels, TILE_3, 3);
      break;
    case 4:
      conv_row (conv, in, residual, out, pixels, TILE_4, 4);
      break;
    default:
      break;
  }
}

const PetNativeBf16 pet_native_bf16_avx512 = {
  .name = "avx512", .max_group = MAX_GROUP, .narrow = narrow, .conv = conv
};
