/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For .cu files: one source, two compilers. nvcc makes the kernels of the
 * card; any C++ compiler with -DPET_EMULATE makes functions of the same names
 * that run the same blocks and threads on the host (tests/cuda/pet-emulate.h),
 * so that index arithmetic, borders and synchronisation are tested without a
 * card.
 *
 *   PET_LAUNCH (kernel, grid, block, stream) (arguments)       no barriers
 *   PET_LAUNCH_SYNC (kernel, grid, block, stream) (arguments)  __syncthreads()
 *
 * On the card both are the same. Kernels use shared memory of fixed size, and
 * neither warp functions nor dynamic shared memory: nothing that the emulation
 * lacks. -fmad=false everywhere: a looks' picture is the plain C version's, bit
 * by bit. */

#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <math.h>
#include <stdint.h>

#include "pet-cuda-kernels.h"

#ifdef PET_EMULATE
#include "pet-emulate.h"
#else
/* clang-format off */
#define PET_LAUNCH(kernel, grid, block, stream)                                \
  pet_launch_ (kernel, grid, block, stream)
#define PET_LAUNCH_SYNC PET_LAUNCH

template <typename... Parameters> struct PetLaunch_ {
  void (*kernel) (Parameters...);
  dim3 grid, block;
  cudaStream_t stream;

  template <typename... Arguments>
  cudaError_t
  operator() (Arguments... arguments) const
  {
    kernel<<<grid, block, 0, stream>>> (arguments...);
    return cudaGetLastError ();
  }
};

template <typename... Parameters>
static PetLaunch_<Parameters...>
pet_launch_ (
    void (*kernel) (Parameters...), dim3 grid, dim3 block, cudaStream_t stream)
{
  return PetLaunch_<Parameters...>{ kernel, grid, block, stream };
}
/* clang-format on */
#endif

/* Threads of a block for kernels that walk over a line of elements. */
#define PET_BLOCK 256

/* Blocks for `count` elements, one thread each. */
static inline dim3
pet_blocks (size_t count)
{
  return dim3 ((unsigned) ((count + PET_BLOCK - 1) / PET_BLOCK), 1, 1);
}

/* This thread's element of such a line. */
static inline __device__ size_t
pet_index (void)
{
  return (size_t) blockIdx.x * PET_BLOCK + threadIdx.x;
}

/* Pictures: a block has PET_BLOCK pixels of one row, so that no thread divides.
 * Rows are the grid's x, which has 2^31 of them; y has 65535. */
static inline dim3
pet_pixel_blocks (int width, int height)
{
  return dim3 (
      (unsigned) height, (unsigned) ((width + PET_BLOCK - 1) / PET_BLOCK), 1);
}

/* This thread's pixel; false: behind the end of the row. */
static inline __device__ bool
pet_find_pixel (int width, int *x, int *y)
{
  *x = (int) (blockIdx.y * PET_BLOCK + threadIdx.x);
  *y = (int) blockIdx.x;
  return *x < width;
}

/* Rows of pictures are aligned to 16 bytes and have room for whole groups of
 * PET_QUAD pixels (pet_cuda_layout()): what is behind the end of a row may be
 * written, but not read. */
#define PET_QUAD 4

static inline __device__ uint4 *
pet_quad_at (const PetCudaImage &image, int x, int y)
{
  return (uint4 *) (image.data + (ptrdiff_t) y * image.stride_bytes) +
      x / PET_QUAD;
}

static inline __device__ int
pet_clamp (int value, int low, int high)
{
  return value < low ? low : value > high ? high : value;
}

static inline __device__ float
pet_clamp_unit (float value)
{
  return value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
}

/* dcb|abcd|cba, as pet_mirror() of image/pet-plane.h. */
static inline __device__ int
pet_mirror_at (int i, int n)
{
  int period = 2 * (n - 1);

  if (i >= 0 && i < n)
    return i;
  if (n == 1)
    return 0;
  i %= period;
  if (i < 0)
    i += period;
  return i < n ? i : period - i;
}
