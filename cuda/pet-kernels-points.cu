/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions of halves whose window is one pixel: a matrix product of pixels and
 * filters that is bound by memory. Which channels make a product's sum does not
 * matter as long as pixels and filters agree: a lane takes 8 that follow each other,
 * so it reads 16 bytes of a row and no shared memory is needed. */

#include "pet-kernel-halves.h"

#define WARPS 4

/* Of a lane's row: chunk `chunk` of 8 channels. */
static inline __device__ uint4
load_chunk (const uint4 *row, int chunk, bool is_inside)
{
  return is_inside ? row[chunk] : make_uint4 (0, 0, 0, 0);
}

/* What a lane has of 32 channels: of DOWN times 2 pixels and of 4 filters per group of
 * 32. Words 0 and 1 are for one product, 2 and 3 for the next. */
template <int DOWN, int GROUPS> struct Operands {
  uint4 seen[DOWN][2], filters[GROUPS][4];

  inline __device__ void
  load (const uint4 *const (*rows)[2], const uint4 *const (*weights)[4],
      int chunk, int chunks)
  {
    bool is_inside = chunk < chunks;

#pragma unroll
    for (int i = 0; i < DOWN; i++)
#pragma unroll
      for (int h = 0; h < 2; h++)
        seen[i][h] = load_chunk (rows[i][h], chunk, is_inside);
#pragma unroll
    for (int k = 0; k < GROUPS; k++)
#pragma unroll
      for (int n = 0; n < 4; n++)
        filters[k][n] = load_chunk (weights[k][n], chunk, is_inside);
  }

  inline __device__ void
  multiply (float sums[DOWN][GROUPS][4][4]) const
  {
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
      const uint32_t low[4] = { seen[i][0].x, seen[i][1].x, seen[i][0].y,
        seen[i][1].y };
      const uint32_t high[4] = { seen[i][0].z, seen[i][1].z, seen[i][0].w,
        seen[i][1].w };

#pragma unroll
      for (int k = 0; k < GROUPS; k++)
#pragma unroll
        for (int n = 0; n < 4; n++) {
          const uint32_t first[2] = { filters[k][n].x, filters[k][n].y };
          const uint32_t second[2] = { filters[k][n].z, filters[k][n].w };

          pet_multiply_halves (low, first, sums[i][k][n]);
          pet_multiply_halves (high, second, sums[i][k][n]);
        }
    }
  }
};

/* A warp makes DOWN times 16 pixels by GROUPS times 32 channels. With SPLIT > 1 so many
 * warps make the same ones, each of every SPLIT-th 32 input channels: where pictures
 * are small, that is what there is to do at once. */
template <int DOWN, int GROUPS, int SPLIT>
static __global__ void
convolve_points (PetCudaMap x, PetCudaHalfConv conv, PetCudaMap y)
{
  constexpr int SUMS = DOWN * GROUPS * 16;
  __shared__ float parts[SPLIT][SPLIT > 1 ? SUMS : 1][32];
  int lane = (int) threadIdx.x % 32, warp = (int) threadIdx.x / 32;
  int pixels = y.batch * y.height * y.width, chunks = conv.in / 8;
  int part = SPLIT > 1 ? warp : 0;
  int tile = SPLIT > 1 ? (int) blockIdx.x : (int) blockIdx.x * WARPS + warp;
  int first = tile * DOWN * 16 + lane / 4;
  int channel = (int) blockIdx.y * GROUPS * 32;
  const uint4 *rows[DOWN][2], *weights[GROUPS][4];
  Operands<DOWN, GROUPS> now, next;
  float sums[DOWN][GROUPS][4][4] = {};

#pragma unroll
  for (int i = 0; i < DOWN * 2; i++) {
    int pixel = first + i * 8;

    rows[i / 2][i % 2] = (const uint4 *) ((const uint16_t *) x.data +
        (size_t) (pixel < pixels ? pixel : 0) * (size_t) x.pitch);
  }
#pragma unroll
  for (int i = 0; i < GROUPS * 4; i++) {
    int filter = channel + i / 4 * 32 + lane / 8 * 8 + i % 4 * 2 + lane / 4 % 2;

    weights[i / 4][i % 4] = (const uint4 *) conv.weights +
        (size_t) (filter < conv.out ? filter : 0) * (size_t) chunks;
  }
  /* As often in all warps: those behind the end multiply zeros. */
  now.load (rows, weights, part * 4 + lane % 4, chunks);
  for (int at = part * 4; at < chunks + part * 4; at += SPLIT * 4) {
    next.load (rows, weights, at + SPLIT * 4 + lane % 4, chunks);
    now.multiply (sums);
    now = next;
  }

  if (SPLIT > 1) {
#pragma unroll
    for (int i = 0; i < SUMS; i++)
      parts[part][i][lane] = (&sums[0][0][0][0])[i];
    __syncthreads ();
  }
#pragma unroll
  for (int i = 0; i < DOWN * GROUPS * 2; i++) {
    int m = i / 2 / GROUPS, k = i / 2 % GROUPS, half = i % 2;
    int pixel = first + m * 16 + half * 8;
    int at = channel + k * 32 + lane % 4 * 8;

    if (SPLIT > 1 && i % SPLIT != part)
      continue;
    for (int p = 0; p < SPLIT - 1; p++)
#pragma unroll
      for (int n = 0; n < 8; n++)
        sums[m][k][n / 2][half * 2 + n % 2] += parts[(part + 1 + p) %
            SPLIT][(m * GROUPS + k) * 16 + n / 2 * 4 + half * 2 + n % 2][lane];
    if (pixel < pixels && at < y.channels)
      finish_products (sums[m][k], half, conv, y, pixel, at);
  }
}

typedef void (*Points) (PetCudaMap x, PetCudaHalfConv conv, PetCudaMap y);

static const struct {
  int pixels, channels, warps;
  Points run;
} variants[PET_POINT_VARIANTS] = {
  { 32 * WARPS, 32, WARPS, convolve_points<2, 1, 1> },
  { 32 * WARPS, 64, WARPS, convolve_points<2, 2, 1> },
  { 64 * WARPS, 32, WARPS, convolve_points<4, 1, 1> },
  { 16 * WARPS, 32, WARPS, convolve_points<1, 1, 1> },
  { 16, 32, 4, convolve_points<1, 1, 4> },
  { 16, 32, 8, convolve_points<1, 1, 8> },
};

cudaError_t
pet_convolve_points (const PetCudaMap *x, const PetCudaHalfConv *conv,
    const PetCudaMap *y, int variant, cudaStream_t stream)
{
  int pixels = y->batch * y->height * y->width;
  int down = variants[variant].pixels, across = variants[variant].channels;
  dim3 grid ((unsigned) ((pixels + down - 1) / down),
      (unsigned) ((conv->out + across - 1) / across), 1);

  return PET_LAUNCH_SYNC (variants[variant].run, grid,
      dim3 ((unsigned) variants[variant].warps * 32), stream) (*x, *conv, *y);
}
