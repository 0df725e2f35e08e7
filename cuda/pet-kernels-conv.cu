/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions of our own: one filter per channel, and dense ones of halves on
 * tensor cores, for the shapes for which cuDNN has slow plans or needs a kernel
 * more for what follows. docs/cuda.md has the bytes they move. */

#include "pet-kernel-halves.h"

static __global__ void
depthwise (PetCudaMap x, const float *weights, PetCudaWindow w,
    PetCudaEpilogue e, PetCudaMap y)
{
  float v[8] = { 0 }, u[8];
  Place place;

  if (!find_place (y, &place))
    return;
  for (int r = 0; r < w.kernel[0]; r++) {
    int row = place.y * w.stride[0] - w.pad[0] + r * w.dilation[0];

    if (row < 0 || row >= x.height)
      continue;
    for (int s = 0; s < w.kernel[1]; s++) {
      int column = place.x * w.stride[1] - w.pad[1] + s * w.dilation[1];
      const float *tap = weights +
          (size_t) (r * w.kernel[1] + s) * (size_t) y.channels +
          (size_t) place.c;

      if (column < 0 || column >= x.width)
        continue;
      load8 (x, offset_of (x, place.n, row, column, place.c), u);
      for (int i = 0; i < 8; i++)
        v[i] = fmaf (tap[i], u[i], v[i]);
    }
  }
  finish8 (v, e, y, place);
}

/* The same of halves and KERNEL x KERNEL weights with a dilation of 1, for STRIP
 * pixels side by side: what one reads the next one has, weights are read once, and
 * all of a row is on its way before the first of it is used. */
template <int KERNEL, int STRIDE, int STRIP>
static __global__ void
depthwise_strip (PetCudaMap x, const float *weights, PetCudaWindow w,
    PetCudaEpilogue e, PetCudaMap y)
{
  constexpr int SEEN = (STRIP - 1) * STRIDE + KERNEL;
  PetCudaMap strips = y;
  float sums[STRIP][8];
  Place place;
  int first;

  strips.width = (y.width + STRIP - 1) / STRIP;
  if (!find_place (strips, &place))
    return;
  place.x *= STRIP;
  first = place.x * STRIDE - w.pad[1];
#pragma unroll
  for (int p = 0; p < STRIP; p++)
#pragma unroll
    for (int i = 0; i < 8; i++)
      sums[p][i] = 0.0f;
#pragma unroll
  for (int r = 0; r < KERNEL; r++) {
    int row = place.y * STRIDE - w.pad[0] + r;
    bool is_inside = row >= 0 && row < x.height;
    const uint4 *from = (const uint4 *) ((const uint16_t *) x.data +
        offset_of (x, place.n, is_inside ? row : 0, 0, place.c));
    const float4 *tap = (const float4 *) (weights +
        (size_t) (r * KERNEL) * (size_t) y.channels + (size_t) place.c);
    uint4 seen[SEEN];

#pragma unroll
    for (int k = 0; k < SEEN; k++) {
      int column = first + k;

      seen[k] = is_inside && column >= 0 && column < x.width
          ? from[(ptrdiff_t) column * (x.pitch / 8)]
          : make_uint4 (0, 0, 0, 0);
    }
#pragma unroll
    for (int s = 0; s < KERNEL; s++) {
      float4 low = tap[s * (y.channels / 4)];
      float4 high = tap[s * (y.channels / 4) + 1];
      float taps[8] = { low.x, low.y, low.z, low.w, high.x, high.y, high.z,
        high.w };

#pragma unroll
      for (int p = 0; p < STRIP; p++) {
        float u[8];

        widen8 (seen[p * STRIDE + s], u);
#pragma unroll
        for (int i = 0; i < 8; i++)
          sums[p][i] = fmaf (taps[i], u[i], sums[p][i]);
      }
    }
  }
#pragma unroll
  for (int p = 0; p < STRIP; p++, place.x++)
    if (place.x < y.width)
      finish8 (sums[p], e, y, place);
}

typedef void (*Depthwise) (PetCudaMap x, const float *weights, PetCudaWindow w,
    PetCudaEpilogue e, PetCudaMap y);

template <int KERNEL, int STRIDE>
static Depthwise
strip_kernel (int strip)
{
  return strip == 4 ? depthwise_strip<KERNEL, STRIDE, 4>
      : strip == 2  ? depthwise_strip<KERNEL, STRIDE, 2>
                    : depthwise_strip<KERNEL, STRIDE, 1>;
}

/* Pixels by 8 channels below which strips would leave processors idle. */
#define FEW_PLACES ((size_t) 1 << 17)

static int
strip_for (const PetCudaMap *y)
{
  size_t places = (size_t) y->batch * (size_t) y->height * (size_t) y->width *
      ((size_t) y->channels / 8);

  return places >= 4 * FEW_PLACES ? 4 : places >= 2 * FEW_PLACES ? 2 : 1;
}

cudaError_t
pet_cuda_depthwise (const PetCudaMap *x, const float *weights,
    const PetCudaWindow *window, const PetCudaEpilogue *epilogue,
    const PetCudaMap *y, cudaStream_t stream)
{
  int kernel = window->kernel[0], stride = window->stride[0];
  bool regular = x->type == PET_CUDA_HALF && window->kernel[1] == kernel &&
      window->stride[1] == stride && window->dilation[0] == 1 &&
      window->dilation[1] == 1 && (kernel == 3 || kernel == 5) &&
      (stride == 1 || stride == 2);
  PetCudaMap strips = *y;
  Depthwise run = depthwise;
  int strip = strip_for (y);

  if (regular) {
    strips.width = (y->width + strip - 1) / strip;
    run = kernel == 3
        ? stride == 1 ? strip_kernel<3, 1> (strip) : strip_kernel<3, 2> (strip)
        : stride == 1 ? strip_kernel<5, 1> (strip)
                      : strip_kernel<5, 2> (strip);
  }
  return PET_LAUNCH (run, blocks_for (&strips), dim3 (PET_BLOCK), stream) (
      *x, weights, *window, *epilogue, *y);
}

/* Dense ones are products of two matrices: a row of the first is what the
 * window sees at one pixel, a row of the second one filter, both in the same order, 8
 * channels of 16 bytes after the other. A block makes ROWS pixels by COLUMNS
 * channels, in steps of DEPTH such chunks, of which STAGES - 1 are on their way while
 * one is multiplied. In shared memory a row is DEPTH chunks; where
 * they lie depends on the row, so that 8 rows' chunks are in different banks. */
#define DEPTH 4
#define STAGES 4

template <int ROWS, int COLUMNS> union Tiles {
  uint4 chunks[STAGES][(ROWS + COLUMNS) * DEPTH];
  uint32_t words[STAGES][(ROWS + COLUMNS) * DEPTH * 4];
  float sums[ROWS][COLUMNS + 4];
};

static inline __device__ int
chunk_at (int row, int chunk)
{
  return row * DEPTH + (chunk ^ (row / 2 % DEPTH));
}

/* Where a chunk of all filters is in the window, and in the picture. */
typedef struct {
  int row, column, chunk;
} Tap;

static inline __device__ void
find_tap (Tap *tap, int chunks, const PetCudaWindow &w)
{
  while (tap->chunk >= chunks) {
    tap->chunk -= chunks;
    if (++tap->column == w.kernel[1]) {
      tap->column = 0;
      tap->row++;
    }
  }
}

/* The upper left corner of a pixel's window. */
typedef struct {
  ptrdiff_t offset;
  int y, x;
} Corner;

#define OUTSIDE (-(1 << 24))

static inline __device__ Corner
find_corner (
    const PetCudaMap &x, const PetCudaMap &y, const PetCudaWindow &w, int pixel)
{
  int plane = y.height * y.width, n = pixel / plane, rest = pixel % plane;
  Corner corner;

  corner.y = rest / y.width * w.stride[0] - w.pad[0];
  corner.x = rest % y.width * w.stride[1] - w.pad[1];
  corner.offset =
      (((ptrdiff_t) n * x.height + corner.y) * x.width + corner.x) * x.pitch;
  if (n >= y.batch)
    corner.y = OUTSIDE;
  return corner;
}

static inline __device__ void
fetch_seen (uint4 *to, const PetCudaMap &x, const PetCudaWindow &w,
    const Corner &corner, const Tap &tap)
{
  int down = tap.row * w.dilation[0], right = tap.column * w.dilation[1];
  int row = corner.y + down, column = corner.x + right;
  bool is_inside = tap.row < w.kernel[0] && row >= 0 && row < x.height &&
      column >= 0 && column < x.width;
  ptrdiff_t offset = corner.offset +
      ((ptrdiff_t) down * x.width + right) * x.pitch + tap.chunk * 8;

  pet_fetch_chunk (
      to, (const uint16_t *) x.data + (is_inside ? offset : 0), is_inside);
}

/* A step's products, by one warp: DOWN x ACROSS tiles of 16 pixels by 8 channels from
 * `down` and `across` on. */
template <int ROWS, int DOWN, int ACROSS>
static inline __device__ void
multiply (const uint32_t *words, int pairs, int down, int across, int lane,
    float sums[DOWN][ACROSS][4])
{
  for (int pair = 0; pair < pairs; pair++) {
    uint32_t a[DOWN][4], b[ACROSS][2];

#pragma unroll
    for (int i = 0; i < DOWN; i++)
#pragma unroll
      for (int n = 0; n < 4; n++)
        a[i][n] =
            words[4 * chunk_at (down + i * 16 + n % 2 * 8, 2 * pair + n / 2) +
                lane % 4];
#pragma unroll
    for (int k = 0; k < ACROSS; k++)
#pragma unroll
      for (int n = 0; n < 2; n++)
        b[k][n] = words[4 * chunk_at (ROWS + across + k * 8, 2 * pair + n) +
            lane % 4];
#pragma unroll
    for (int i = 0; i < DOWN; i++)
#pragma unroll
      for (int k = 0; k < ACROSS; k++)
        pet_multiply_halves (a[i], b[k], sums[i][k]);
  }
}

/* A thread's part of what is fetched: chunk after chunk of pixels and filters that
 * are STEP rows apart. */
template <int ROWS, int COLUMNS, int STEP> struct Fetcher {
  static constexpr int SEEN = (ROWS + STEP - 1) / STEP;
  static constexpr int FILTERS = (COLUMNS + STEP - 1) / STEP;
  int row, chunk, place; /* place: of a filter's chunks */
  Corner corners[SEEN];
  Tap tap;

  inline __device__ void
  begin (const PetCudaMap &x, const PetCudaHalfConv &conv, const PetCudaMap &y,
      int thread)
  {
    row = thread / DEPTH;
    place = chunk = thread % DEPTH;
    tap = { 0, 0, chunk };
#pragma unroll
    for (int i = 0; i < SEEN; i++)
      corners[i] = find_corner (
          x, y, conv.window, (int) blockIdx.x * ROWS + row + i * STEP);
  }

  inline __device__ void
  fetch (uint4 *stage, const PetCudaMap &x, const PetCudaHalfConv &conv,
      int chunks, int n_chunks)
  {
    find_tap (&tap, chunks, conv.window);
#pragma unroll
    for (int i = 0; i < SEEN; i++)
      if (ROWS % STEP == 0 || row + i * STEP < ROWS)
        fetch_seen (stage + chunk_at (row + i * STEP, chunk), x, conv.window,
            corners[i], tap);
#pragma unroll
    for (int i = 0; i < FILTERS; i++) {
      int channel = (int) blockIdx.y * COLUMNS + row + i * STEP;
      bool is_inside = place < n_chunks && channel < conv.out;
      size_t offset = (size_t) channel * (size_t) n_chunks + (size_t) place;

      if (COLUMNS % STEP == 0 || row + i * STEP < COLUMNS)
        pet_fetch_chunk (stage + chunk_at (ROWS + row + i * STEP, chunk),
            (const uint4 *) conv.weights + (is_inside ? offset : 0), is_inside);
    }
    tap.chunk += DEPTH;
    place += DEPTH;
  }
};

template <int ROWS, int COLUMNS, int WARPS_DOWN, int WARPS_ACROSS>
static __global__ void
convolve_halves (PetCudaMap x, PetCudaHalfConv conv, PetCudaMap y)
{
  constexpr int THREADS = 32 * WARPS_DOWN * WARPS_ACROSS;
  constexpr int DOWN = ROWS / WARPS_DOWN / 16;
  constexpr int ACROSS = COLUMNS / WARPS_ACROSS / 8;
  __shared__ Tiles<ROWS, COLUMNS> tiles;
  int thread = (int) threadIdx.x, lane = thread % 32, warp = thread / 32;
  int down = warp / WARPS_ACROSS * DOWN * 16 + lane / 4;
  int across = warp % WARPS_ACROSS * ACROSS * 8 + lane / 4;
  int chunks = conv.in / 8;
  int n_chunks = conv.window.kernel[0] * conv.window.kernel[1] * chunks;
  Fetcher<ROWS, COLUMNS, THREADS / DEPTH> fetcher;
  float sums[DOWN][ACROSS][4] = {};

  fetcher.begin (x, conv, y, thread);
  /* What is multiplied is STAGES - 1 steps behind what is fetched. */
  for (int step = 0, at = -(STAGES - 1) * DEPTH; at < n_chunks;
       step++, at += DEPTH) {
    if (at >= 0) {
      pet_wait_for_chunks<STAGES - 2> ();
      __syncthreads ();
    }
    if (at + (STAGES - 1) * DEPTH < n_chunks)
      fetcher.fetch (tiles.chunks[step % STAGES], x, conv, chunks, n_chunks);
    pet_commit_chunks ();
    if (at >= 0)
      multiply<ROWS, DOWN, ACROSS> (tiles.words[(step + 1) % STAGES],
          n_chunks - at < DEPTH ? (n_chunks - at + 1) / 2 : DEPTH / 2, down,
          across, lane, sums);
  }
  pet_wait_for_chunks<0> ();
  __syncthreads ();

#pragma unroll
  for (int i = 0; i < DOWN * ACROSS * 4; i++) {
    int n = i % 4, k = i / 4 % ACROSS, m = i / 4 / ACROSS;

    tiles.sums[down + m * 16 + n / 2 * 8][across - lane / 4 + k * 8 +
        lane % 4 * 2 + n % 2] = sums[m][k][n];
  }
  __syncthreads ();
  for (int i = thread; i < ROWS * COLUMNS / 8; i += THREADS) {
    int pixel = (int) blockIdx.x * ROWS + i / (COLUMNS / 8);
    int column = i % (COLUMNS / 8) * 8;
    int channel = (int) blockIdx.y * COLUMNS + column;

    if (pixel < y.batch * y.height * y.width && channel < y.channels)
      finish_sums (
          tiles.sums[i / (COLUMNS / 8)] + column, conv, y, pixel, channel);
  }
}

typedef void (*HalfConv) (PetCudaMap x, PetCudaHalfConv conv, PetCudaMap y);

static const struct {
  int rows, columns, threads;
  HalfConv run;
} variants[] = {
  { 128, 64, 128, convolve_halves<128, 64, 4, 1> },
  { 128, 32, 128, convolve_halves<128, 32, 4, 1> },
  { 128, 16, 128, convolve_halves<128, 16, 4, 1> },
  { 64, 64, 128, convolve_halves<64, 64, 2, 2> },
  { 32, 64, 128, convolve_halves<32, 64, 2, 2> },
  { 32, 32, 128, convolve_halves<32, 32, 2, 2> },
};

#define ANY_VARIANTS ((int) (sizeof variants / sizeof *variants))

static_assert (ANY_VARIANTS + PET_POINT_VARIANTS + PET_NEAR_VARIANTS ==
        PET_CUDA_HALF_CONVS,
    "variants");

static bool
has_side (const PetCudaWindow *window, int side)
{
  for (int i = 0; i < 2; i++)
    if (window->kernel[i] != side || window->stride[i] != 1 ||
        window->dilation[i] != 1 || (side == 1 && window->pad[i] != 0))
      return false;
  return true;
}

bool
pet_cuda_half_conv_suits (const PetCudaWindow *window, int variant)
{
  return variant < ANY_VARIANTS ||
      has_side (window, variant < ANY_VARIANTS + PET_POINT_VARIANTS ? 1 : 3);
}

static cudaError_t
convolve_any (const PetCudaMap *x, const PetCudaHalfConv *conv,
    const PetCudaMap *y, int variant, cudaStream_t stream)
{
  int rows = variants[variant].rows, columns = variants[variant].columns;
  int pixels = y->batch * y->height * y->width;
  dim3 grid ((unsigned) ((pixels + rows - 1) / rows),
      (unsigned) ((conv->out + columns - 1) / columns), 1);

  return PET_LAUNCH_SYNC (variants[variant].run, grid,
      dim3 ((unsigned) variants[variant].threads), stream) (*x, *conv, *y);
}

cudaError_t
pet_cuda_convolve_halves (const PetCudaMap *x, const PetCudaHalfConv *conv,
    const PetCudaMap *y, int variant, cudaStream_t stream)
{
  if (variant < ANY_VARIANTS)
    return convolve_any (x, conv, y, variant, stream);
  variant -= ANY_VARIANTS;
  if (variant < PET_POINT_VARIANTS)
    return pet_convolve_points (x, conv, y, variant, stream);
  return pet_convolve_near (x, conv, y, variant - PET_POINT_VARIANTS, stream);
}
