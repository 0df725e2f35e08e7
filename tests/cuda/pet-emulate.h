/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kernels on the host: blocks one after the other, the threads of a block one
 * after the other too, or, for kernels with barriers, as fibers that take turns
 * at every __syncthreads(). Launches go through the fake runtime
 * (fake-cuda.c), so that they fail, and are captured, where those of a card
 * would. Included by cuda/pet-kernel.h with -DPET_EMULATE. */

#pragma once

#include <cmath>
#include <functional>
#include <stdint.h>
#include <string.h>
#include <vector_functions.h>

#include "fake-cuda.h"

using std::isnan;

#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(threads)

extern uint3 threadIdx, blockIdx;

void pet_emulate_barrier (void);
#define __syncthreads() pet_emulate_barrier ()

/* As in cuda/pet-kernel.h. */
void pet_multiply_halves (const uint32_t *a, const uint32_t *b, float *sums);

void pet_load_tiles (const uint4 *row, uint32_t *tile);

/* As much as a block may have on all cards that it is for (8.0 and more). */
#define PET_MOST_SHARED ((size_t) 99 << 10)
extern uint4 pet_emulate_shared[PET_MOST_SHARED / sizeof (uint4)];
#define PET_SHARED(name) uint4 *name = pet_emulate_shared

/* Late: what is read before it was waited for is what was there before. */
void pet_fetch_chunk (uint4 *to, const void *from, bool inside);
void pet_commit_chunks (void);
void pet_emulate_wait (unsigned commits);

template <int N>
static inline void
pet_wait_for_chunks (void)
{
  pet_emulate_wait (N);
}

/* Runs `thread` for every thread of every block. */
void pet_emulate_grid (
    dim3 grid, dim3 block, bool sync, const std::function<void ()> &thread);
cudaError_t pet_emulate_launch (
    cudaStream_t stream, std::function<void ()> run);

template <typename... Parameters> struct PetEmulated {
  void (*kernel) (Parameters...);
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
  bool sync;

  template <typename... Arguments>
  cudaError_t
  operator() (Arguments... arguments) const
  {
    PetEmulated self = *this;

    if (grid.x == 0 || grid.y == 0 || grid.y > 65535 || block.x > 1024 ||
        shared > PET_MOST_SHARED)
      return fake_cuda_fail (cudaErrorInvalidConfiguration);
    return pet_emulate_launch (stream, [=] () {
      /* Halves that are not a number. */
      memset (pet_emulate_shared, 0xff, self.shared);
      pet_emulate_grid (self.grid, self.block, self.sync,
          [=] () { self.kernel (arguments...); });
    });
  }
};

template <typename... Parameters>
static PetEmulated<Parameters...>
pet_emulated (void (*kernel) (Parameters...), dim3 grid, dim3 block,
    size_t shared, cudaStream_t stream, bool sync)
{
  return PetEmulated<Parameters...>{ kernel, grid, block, shared, stream,
    sync };
}

#define PET_LAUNCH(kernel, grid, block, stream)                                \
  pet_emulated (kernel, grid, block, 0, stream, false)
#define PET_LAUNCH_SYNC(kernel, grid, block, stream)                           \
  pet_emulated (kernel, grid, block, 0, stream, true)
#define PET_LAUNCH_SHARED(kernel, grid, block, bytes, stream)                  \
  pet_emulated (kernel, grid, block, bytes, stream, true)

template <typename T>
static inline void
atomicMax (T *at, T value)
{
  *at = *at < value ? value : *at;
}

template <typename T>
static inline void
atomicAdd (T *at, T value)
{
  *at += value;
}

template <typename T>
static inline T
min (T a, T b)
{
  return a < b ? a : b;
}

template <typename T>
static inline T
max (T a, T b)
{
  return a > b ? a : b;
}

static inline int
__float_as_int (float value)
{
  union {
    float f;
    int i;
  } bits;

  bits.f = value;
  return bits.i;
}

static inline float
__int_as_float (int value)
{
  union {
    float f;
    int i;
  } bits;

  bits.i = value;
  return bits.f;
}

static inline int
__clz (int value)
{
  return value == 0 ? 32 : __builtin_clz ((unsigned) value);
}
