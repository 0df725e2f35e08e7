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
 *   PET_LAUNCH_SHARED (kernel, grid, block, bytes, stream) (arguments)
 *                                                    barriers, and PET_SHARED (name):
 *                                                    uint4 *name is so many bytes
 *
 * On the card the first two are the same. Of what is the card's own kernels use what
 * has a function here: nothing that the emulation lacks. -fmad=false everywhere: a looks' picture is the plain C version's, bit
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
  pet_launch_ (kernel, grid, block, 0, stream)
#define PET_LAUNCH_SYNC PET_LAUNCH
#define PET_LAUNCH_SHARED(kernel, grid, block, bytes, stream)                  \
  pet_launch_ (kernel, grid, block, bytes, stream)
#define PET_SHARED(name) extern __shared__ uint4 name[]

/* What a kernel may have of shared memory without asking. */
#define PET_SHARED_UNASKED ((size_t) 48 << 10)

template <typename... Parameters> struct PetLaunch_ {
  void (*kernel) (Parameters...);
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;

  template <typename... Arguments>
  cudaError_t
  operator() (Arguments... arguments) const
  {
    if (shared > PET_SHARED_UNASKED) {
      cudaError_t error = cudaFuncSetAttribute ((const void *) kernel,
          cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared);

      if (error != cudaSuccess)
        return error;
    }
    kernel<<<grid, block, shared, stream>>> (arguments...);
    return cudaGetLastError ();
  }
};

template <typename... Parameters>
static PetLaunch_<Parameters...>
pet_launch_ (void (*kernel) (Parameters...), dim3 grid, dim3 block,
    size_t shared, cudaStream_t stream)
{
  return PetLaunch_<Parameters...>{ kernel, grid, block, shared, stream };
}
/* clang-format on */
#endif

/* sums += a * b by the 32 threads of a warp, for a of 16 rows by 16 halves and b of 16 by 8
 * columns; each thread holds a part (PTX: mma.m16n8k16). With g = lane / 4 and t =
 * lane % 4: a[0] and a[2] are row g, halves 2 t, 2 t + 1 and 8 more; a[1] and a[3] row
 * g + 8; b[0] and b[1] the same halves of column g; sums[0], [1] row g, columns
 * 2 t and 2 t + 1, sums[2], [3] row g + 8. All threads of the block come here as
 * often. */
#ifndef PET_EMULATE
static inline __device__ void
pet_multiply_halves (const uint32_t *a, const uint32_t *b, float *sums)
{
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}
#endif

/* Four tiles of 8 rows of 16 bytes out of shared memory by a warp: lane 8 i + k says
 * where row k of tile i is; tile[i] becomes word lane % 4 of row lane / 4 of it (PTX:
 * ldmatrix). All threads of the block come here as often. */
#ifndef PET_EMULATE
static inline __device__ void
pet_load_tiles (const uint4 *row, uint32_t *tile)
{
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(tile[0]), "=r"(tile[1]), "=r"(tile[2]), "=r"(tile[3])
               : "r"((unsigned) __cvta_generic_to_shared (row))
               : "memory");
}
#endif

/* 16 bytes to shared memory, or zeros where `from` is not `inside`, while the thread
 * goes on: those before the last N commits are there when it has waited for N. Other
 * threads' are behind a barrier. */
#ifndef PET_EMULATE
static inline __device__ void
pet_fetch_chunk (uint4 *to, const void *from, bool inside)
{
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"((unsigned) __cvta_generic_to_shared (to)), "l"(from),
               "r"(inside ? 16 : 0)
               : "memory");
#endif
}

static inline __device__ void
pet_commit_chunks (void)
{
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}

template <int N>
static inline __device__ void
pet_wait_for_chunks (void)
{
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" : : "n"(N) : "memory");
#endif
}
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
