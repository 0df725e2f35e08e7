/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What convolutions of halves on tensor cores share, for .cu files. A lane is a thread
 * of a warp; with g = lane / 4 and t = lane % 4 it holds of a product's 16 pixels by 8
 * channels those of pixels g and g + 8 and channels 2 t and 2 t + 1
 * (pet_multiply_halves()). Filters lie in another order, so that what a lane has of
 * four products side by side are 8 channels that follow each other: 16 bytes. */

#pragma once

#include "pet-kernel-map.h"

/* 8 channels of a pixel, from sums, and out. */
static inline __device__ void
finish_sums (const float *sums, const PetCudaHalfConv &conv,
    const PetCudaMap &y, int pixel, int channel)
{
  Place place = { 0, 0, pixel, channel };
  PetCudaMap line = y;
  float v[8], bias[8];

  line.data = (void *) conv.bias;
  load8 (line, (size_t) channel, bias);
#pragma unroll
  for (int i = 0; i < 8; i++)
    v[i] = sums[i] + bias[i];
  finish8 (v, conv.epilogue, y, place);
}

/* Those that a lane has in `half` (0: pixel g, 1: pixel g + 8) of 4 products. */
static inline __device__ void
finish_products (const float (*products)[4], int half,
    const PetCudaHalfConv &conv, const PetCudaMap &y, int pixel, int channel)
{
  float sums[8];

#pragma unroll
  for (int i = 0; i < 8; i++)
    sums[i] = products[i / 2][half * 2 + i % 2];
  finish_sums (sums, conv, y, pixel, channel);
}

/* The parts of `variant` of pet_cuda_convolve_halves(), from 0 on: windows of one
 * pixel, and of 3x3 that move by one. */
#define PET_POINT_VARIANTS 6
#define PET_NEAR_VARIANTS 5

cudaError_t pet_convolve_points (const PetCudaMap *x,
    const PetCudaHalfConv *conv, const PetCudaMap *y, int variant,
    cudaStream_t stream);
cudaError_t pet_convolve_near (const PetCudaMap *x, const PetCudaHalfConv *conv,
    const PetCudaMap *y, int variant, cudaStream_t stream);
