/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions of halves with windows of 3x3 that move by one pixel. A block makes a
 * part of a picture, and has what that sees in shared memory: each pixel comes from
 * the card's memory once, not once per place in the window. */

#include "pet-kernel-halves.h"

#define SIDE 3
#define TAPS (SIDE * SIDE)

/* Columns of a part, one product's pixels, and what they see. */
#define WIDTH 16
#define SEEN_WIDTH (WIDTH + SIDE - 1)

/* Of 16 channels, 2 chunks of 16 bytes: what one step multiplies. */
#define CHUNKS 2

/* Chunks of pixels and of filters, which are CHUNKS apart: 8 that follow each other
 * are in different banks. */
static inline __device__ int
chunk_at (int row, int chunk)
{
  return row * CHUNKS + (chunk ^ (row / 4 % 2));
}

/* A part of a picture. */
typedef struct {
  int n, y, x;
} Part;

static inline __device__ Part
find_part (const PetCudaMap &y, int height)
{
  int across = (y.width + WIDTH - 1) / WIDTH;
  int down = (y.height + height - 1) / height;
  int at = (int) blockIdx.x;
  Part part;

  part.x = at % across * WIDTH;
  at /= across;
  part.y = at % down * height;
  part.n = at / down;
  return part;
}

/* Of CHANNELS filters, the place of one: as pet-kernel-halves.h says, in groups of
 * 32 or of 16. */
template <int CHANNELS>
static inline __device__ int
place_of_filter (int filter)
{
  constexpr int EACH = CHANNELS == 16 ? 4 : 8;

  return filter / (4 * EACH) * (4 * EACH) + filter % EACH / 2 * 8 +
      filter / EACH % 4 * 2 + filter % 2;
}

template <int CHANNELS, int HEIGHT, int THREADS> struct Stage {
  static constexpr int SEEN = (HEIGHT + SIDE - 1) * SEEN_WIDTH;
  static constexpr int SIZE = (SEEN + TAPS * CHANNELS) * CHUNKS;

  /* What the part sees of `slice`, which are 16 input channels, and its filters. */
  static inline __device__ void
  fetch (uint4 *stage, const PetCudaMap &x, const PetCudaHalfConv &conv,
      const Part &part, int slice)
  {
    int chunks = conv.in / 8;

    for (int i = (int) threadIdx.x; i < SEEN * CHUNKS; i += THREADS) {
      int place = i / CHUNKS, chunk = slice * CHUNKS + i % CHUNKS;
      int row = part.y + place / SEEN_WIDTH - conv.window.pad[0];
      int column = part.x + place % SEEN_WIDTH - conv.window.pad[1];
      bool is_inside = row >= 0 && row < x.height && column >= 0 &&
          column < x.width && chunk < chunks;
      size_t at = is_inside ? offset_of (x, part.n, row, column, chunk * 8) : 0;

      pet_fetch_chunk (stage + chunk_at (place, i % CHUNKS),
          (const uint16_t *) x.data + at, is_inside);
    }
    for (int i = (int) threadIdx.x; i < TAPS * CHANNELS * CHUNKS;
         i += THREADS) {
      int filter = i / CHUNKS % CHANNELS, tap = i / CHUNKS / CHANNELS;
      int channel = (int) blockIdx.y * CHANNELS + filter;
      int chunk = slice * CHUNKS + i % CHUNKS;
      bool is_inside = channel < conv.out && chunk < chunks;
      size_t at = ((size_t) channel * TAPS + (size_t) tap) * (size_t) chunks +
          (size_t) chunk;

      pet_fetch_chunk (stage + SEEN * CHUNKS +
              chunk_at (tap * CHANNELS + place_of_filter<CHANNELS> (filter),
                  i % CHUNKS),
          (const uint4 *) conv.weights + (is_inside ? at : 0), is_inside);
    }
  }

  /* 16 pixels that follow each other, from `place` on. */
  static inline __device__ void
  load_seen (const uint4 *stage, int place, int lane, uint32_t a[4])
  {
    pet_load_tiles (stage + chunk_at (place + lane % 16, lane / 16), a);
  }

  /* The filters of a tap. */
  static inline __device__ void
  load_filters (
      const uint4 *stage, int tap, int lane, uint32_t b[CHANNELS / 8][2])
  {
#pragma unroll
    for (int k = 0; k < CHANNELS / 16; k++)
      pet_load_tiles (stage + SEEN * CHUNKS +
              chunk_at (tap * CHANNELS + k * 16 + lane / 16 * 8 + lane % 8,
                  lane / 8 % 2),
          &b[k * 2][0]);
  }
};

/* A step's products of a warp: DOWN rows of 16 pixels. A row of what is seen is
 * loaded once for all three rows of the window that meet it. */
template <int CHANNELS, int DOWN, typename Stage>
static inline __device__ void
multiply (
    const uint4 *stage, int top, int lane, float sums[DOWN][CHANNELS / 8][4])
{
#pragma unroll
  for (int s = 0; s < SIDE; s++) {
    uint32_t b[SIDE][CHANNELS / 8][2];

#pragma unroll
    for (int r = 0; r < SIDE; r++)
      Stage::load_filters (stage, r * SIDE + s, lane, b[r]);
#pragma unroll
    for (int row = 0; row < DOWN + SIDE - 1; row++) {
      uint32_t a[4];

      Stage::load_seen (stage, (top + row) * SEEN_WIDTH + s, lane, a);
#pragma unroll
      for (int r = 0; r < SIDE; r++)
        if (row >= r && row - r < DOWN)
#pragma unroll
          for (int k = 0; k < CHANNELS / 8; k++)
            pet_multiply_halves (a, b[r][k], sums[row - r][k]);
    }
  }
}

static inline __device__ void
load4 (const void *halves, size_t at, float *v)
{
  uint2 four = *(const uint2 *) ((const uint16_t *) halves + at);
  float2 low = widen2 (four.x), high = widen2 (four.y);

  v[0] = low.x, v[1] = low.y, v[2] = high.x, v[3] = high.y;
}

/* finish8() of 4 channels of a pixel, which are 2 products' of a lane; the other 4
 * are nobody's. */
static inline __device__ void
finish_four (const float (*products)[4], int half, const PetCudaHalfConv &conv,
    const PetCudaMap &y, size_t pixel, int channel)
{
  const PetCudaEpilogue &e = conv.epilogue;
  float v[8] = {}, bias[4], other[4] = {};

  load4 (conv.bias, (size_t) channel, bias);
  if (e.residual.data != NULL)
    load4 (e.residual.data,
        pixel * (size_t) e.residual.pitch + (size_t) channel, other);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    v[i] = products[i / 2][half * 2 + i % 2] + bias[i];
    if (!e.residual_last)
      v[i] += other[i];
  }
  activate8 (v, e);
#pragma unroll
  for (int i = 0; i < 4; i++)
    if (e.residual_last)
      v[i] += other[i];
  *(uint2 *) ((uint16_t *) y.data + pixel * (size_t) y.pitch +
      (size_t) channel) =
      make_uint2 (narrow2 (v[0], v[1]), narrow2 (v[2], v[3]));
}

template <int CHANNELS>
static inline __device__ void
finish_pixel (const float (*sums)[4], int half, int lane,
    const PetCudaHalfConv &conv, const PetCudaMap &y, int pixel)
{
  constexpr int EACH = CHANNELS == 16 ? 4 : 8;
  int channel = (int) blockIdx.y * CHANNELS + lane % 4 * EACH;

#pragma unroll
  for (int k = 0; k < CHANNELS; k += 4 * EACH) {
    if (channel + k >= y.channels)
      continue;
    if (EACH == 4)
      finish_four (sums, half, conv, y, (size_t) pixel, channel);
    else
      finish_products (sums + k / 8, half, conv, y, pixel, channel + k);
  }
}

/* WARPS times DOWN rows of 16 pixels, by CHANNELS. While a slice is multiplied the
 * next one is on its way. */
template <int CHANNELS, int DOWN, int WARPS>
static __global__ void
__launch_bounds__ (WARPS * 32)
    convolve_near (PetCudaMap x, PetCudaHalfConv conv, PetCudaMap y)
{
  using Both = Stage<CHANNELS, DOWN * WARPS, WARPS * 32>;
  PET_SHARED (stages);
  int lane = (int) threadIdx.x % 32, warp = (int) threadIdx.x / 32;
  Part part = find_part (y, DOWN * WARPS);
  int slices = (conv.in / 8 + CHUNKS - 1) / CHUNKS;
  float sums[DOWN][CHANNELS / 8][4] = {};

  Both::fetch (stages, x, conv, part, 0);
  pet_commit_chunks ();
  for (int slice = 0; slice < slices; slice++) {
    if (slice + 1 < slices)
      Both::fetch (
          stages + (slice + 1) % 2 * Both::SIZE, x, conv, part, slice + 1);
    pet_commit_chunks ();
    pet_wait_for_chunks<1> ();
    __syncthreads ();
    multiply<CHANNELS, DOWN, Both> (
        stages + slice % 2 * Both::SIZE, warp * DOWN, lane, sums);
    __syncthreads ();
  }

#pragma unroll
  for (int i = 0; i < DOWN * 2; i++) {
    int row = part.y + warp * DOWN + i / 2;
    int column = part.x + lane / 4 + i % 2 * 8;

    if (row < y.height && column < y.width)
      finish_pixel<CHANNELS> (sums[i / 2], i % 2, lane, conv, y,
          (part.n * y.height + row) * y.width + column);
  }
}

typedef void (*Near) (PetCudaMap x, PetCudaHalfConv conv, PetCudaMap y);

#define VARIANT(channels, down, warps)                                         \
  {                                                                            \
    channels, (down) * (warps), (warps) *32,                                   \
        2 * 16 * Stage<channels, (down) * (warps), (warps) *32>::SIZE,         \
        convolve_near<channels, down, warps>                                   \
  }

static const struct {
  int channels, height, threads, shared;
  Near run;
} variants[PET_NEAR_VARIANTS] = {
  VARIANT (64, 2, 8),
  VARIANT (64, 1, 8),
  VARIANT (32, 2, 8),
  VARIANT (16, 4, 4),
  VARIANT (16, 2, 4),
};

cudaError_t
pet_convolve_near (const PetCudaMap *x, const PetCudaHalfConv *conv,
    const PetCudaMap *y, int variant, cudaStream_t stream)
{
  int height = variants[variant].height, channels = variants[variant].channels;
  int parts = y->batch * ((y->height + height - 1) / height) *
      ((y->width + WIDTH - 1) / WIDTH);
  dim3 grid (
      (unsigned) parts, (unsigned) ((conv->out + channels - 1) / channels), 1);

  return PET_LAUNCH_SHARED (variants[variant].run, grid,
      dim3 ((unsigned) variants[variant].threads),
      (size_t) variants[variant].shared, stream) (*x, *conv, *y);
}
