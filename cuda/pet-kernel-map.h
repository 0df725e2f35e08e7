/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures of a network for .cu files. A thread makes 8 channels of one pixel: 16
 * bytes of halves, so a warp reads and writes whole lines. */

#pragma once

#include "pet-kernel.h"

static inline __device__ float2
widen2 (uint32_t halves)
{
  __half2_raw raw;

  raw.x = (uint16_t) halves;
  raw.y = (uint16_t) (halves >> 16);
  return __half22float2 (__half2 (raw));
}

static inline __device__ void
widen8 (uint4 halves, float *v)
{
  float2 a = widen2 (halves.x), b = widen2 (halves.y);
  float2 c = widen2 (halves.z), d = widen2 (halves.w);

  v[0] = a.x, v[1] = a.y, v[2] = b.x, v[3] = b.y;
  v[4] = c.x, v[5] = c.y, v[6] = d.x, v[7] = d.y;
}

static inline __device__ uint32_t
narrow2 (float low, float high)
{
  __half2_raw raw = __half2_raw (__floats2half2_rn (low, high));

  return raw.x | (uint32_t) raw.y << 16;
}

/* Element `at` (a multiple of 8) of a map's memory and the 7 after it. */
static inline __device__ void
load8 (const PetCudaMap &map, size_t at, float *v)
{
  if (map.type == PET_CUDA_FLOAT) {
    const float4 *from = (const float4 *) ((const float *) map.data + at);
    float4 a = from[0], b = from[1];

    v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
    v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
  } else {
    widen8 (*(const uint4 *) ((const uint16_t *) map.data + at), v);
  }
}

static inline __device__ void
store8 (const PetCudaMap &map, size_t at, const float *v)
{
  if (map.type == PET_CUDA_FLOAT) {
    float4 *to = (float4 *) ((float *) map.data + at);

    to[0] = make_float4 (v[0], v[1], v[2], v[3]);
    to[1] = make_float4 (v[4], v[5], v[6], v[7]);
  } else {
    *(uint4 *) ((uint16_t *) map.data + at) = make_uint4 (narrow2 (v[0], v[1]),
        narrow2 (v[2], v[3]), narrow2 (v[4], v[5]), narrow2 (v[6], v[7]));
  }
}

static inline __device__ float
load1 (const PetCudaMap &map, size_t at)
{
  __half_raw raw;

  if (map.type == PET_CUDA_FLOAT)
    return ((const float *) map.data)[at];
  raw.x = ((const uint16_t *) map.data)[at];
  return __half2float (__half (raw));
}

static inline __device__ void
store1 (const PetCudaMap &map, size_t at, float v)
{
  if (map.type == PET_CUDA_FLOAT)
    ((float *) map.data)[at] = v;
  else
    ((uint16_t *) map.data)[at] = __half_raw (__float2half_rn (v)).x;
}

/* Place of a thread that has 8 channels of one pixel; a batch has fewer than
 * 2^30 of them (allocate_tables() of pet-cuda-program.c). */
typedef struct {
  int n, y, x, c;
} Place;

static inline __device__ bool
find_place (const PetCudaMap &map, Place *place)
{
  unsigned i = (unsigned) pet_index (), groups = (unsigned) map.channels / 8;

  place->c = (int) (i % groups) * 8;
  i /= groups;
  place->x = (int) (i % (unsigned) map.width);
  i /= (unsigned) map.width;
  place->y = (int) (i % (unsigned) map.height);
  i /= (unsigned) map.height;
  place->n = (int) i;
  return i < (unsigned) map.batch;
}

static inline __device__ size_t
offset_of (const PetCudaMap &map, int n, int y, int x, int c)
{
  return (((size_t) n * (size_t) map.height + (size_t) y) * (size_t) map.width +
             (size_t) x) *
      (size_t) map.pitch +
      (size_t) c;
}

static inline dim3
blocks_for (const PetCudaMap *map)
{
  return pet_blocks ((size_t) map->batch * (size_t) map->height *
      (size_t) map->width * ((size_t) map->channels / 8));
}

template <PetCudaAct ACT>
static inline __device__ float
activate (float x, const PetCudaEpilogue &e)
{
  switch (ACT) {
    case PET_CUDA_ACT_RELU:
      return x < 0.0f ? 0.0f : x;
    case PET_CUDA_ACT_CLIP:
      x = x < e.low ? e.low : x;
      return x > e.high ? e.high : x;
    case PET_CUDA_ACT_SIGMOID:
      return 1.0f / (1.0f + expf (-x));
    case PET_CUDA_ACT_HARDSWISH:
      return x * fminf (fmaxf (fmaf (x, 1.0f / 6.0f, 0.5f), 0.0f), 1.0f);
    case PET_CUDA_ACT_TANH:
      return tanhf (x);
    case PET_CUDA_ACT_LEAKY:
      return x < 0.0f ? e.low * x : x;
    default:
      return x;
  }
}

template <PetCudaAct ACT>
static inline __device__ void
activate_all (float *v, const PetCudaEpilogue &e)
{
#pragma unroll
  for (int i = 0; i < 8; i++)
    v[i] = activate<ACT> (v[i], e);
}

/* Asked once for all 8. */
static inline __device__ void
activate8 (float *v, const PetCudaEpilogue &e)
{
  switch (e.act) {
    case PET_CUDA_ACT_RELU:
      return activate_all<PET_CUDA_ACT_RELU> (v, e);
    case PET_CUDA_ACT_CLIP:
      return activate_all<PET_CUDA_ACT_CLIP> (v, e);
    case PET_CUDA_ACT_SIGMOID:
      return activate_all<PET_CUDA_ACT_SIGMOID> (v, e);
    case PET_CUDA_ACT_HARDSWISH:
      return activate_all<PET_CUDA_ACT_HARDSWISH> (v, e);
    case PET_CUDA_ACT_TANH:
      return activate_all<PET_CUDA_ACT_TANH> (v, e);
    case PET_CUDA_ACT_LEAKY:
      return activate_all<PET_CUDA_ACT_LEAKY> (v, e);
    default:
      return;
  }
}

static inline __device__ void
add8 (float *v, const PetCudaMap &map, const Place &place)
{
  float u[8];

  load8 (map, offset_of (map, place.n, place.y, place.x, place.c), u);
#pragma unroll
  for (int i = 0; i < 8; i++)
    v[i] += u[i];
}

/* Bias, residual and activation of 8 channels, and out with them. */
static inline __device__ void
finish8 (
    float *v, const PetCudaEpilogue &e, const PetCudaMap &y, const Place &place)
{
  if (e.bias != NULL) {
#pragma unroll
    for (int i = 0; i < 8; i++)
      v[i] += e.bias[place.c + i];
  }
  if (e.residual.data != NULL && !e.residual_last)
    add8 (v, e.residual, place);
  activate8 (v, e);
  if (e.residual.data != NULL && e.residual_last)
    add8 (v, e.residual, place);
  store8 (y, offset_of (y, place.n, place.y, place.x, place.c), v);
}
