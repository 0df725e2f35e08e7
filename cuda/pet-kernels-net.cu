/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What of a network is not left to cuDNN. A thread makes 8 channels of one
 * pixel: 16 bytes of halves, so a warp reads and writes whole lines. All
 * arithmetic is float32. docs/cuda.md has the bytes each kernel moves. */

#include "pet-kernel-map.h"

static __global__ void
from_dense (const float *dense, int channels, PetCudaMap to)
{
  size_t plane = (size_t) to.height * (size_t) to.width;
  Place place;
  float v[8];

  if (!find_place (to, &place))
    return;
  for (int i = 0; i < 8; i++) {
    int c = place.c + i;
    size_t at = ((size_t) place.n * (size_t) channels + (size_t) c) * plane +
        (size_t) place.y * (size_t) to.width + (size_t) place.x;

    v[i] = c < channels ? dense[at] : 0.0f;
  }
  store8 (to, offset_of (to, place.n, place.y, place.x, place.c), v);
}

cudaError_t
pet_cuda_from_dense (
    const float *dense, int channels, const PetCudaMap *to, cudaStream_t stream)
{
  return PET_LAUNCH (from_dense, blocks_for (to), dim3 (PET_BLOCK), stream) (
      dense, channels, *to);
}

static __global__ void
to_dense (PetCudaMap from, int channels, float *dense)
{
  size_t i = pet_index ();
  size_t plane = (size_t) from.height * (size_t) from.width;
  size_t pixel = i % plane, rest = i / plane;
  size_t c = rest % (size_t) channels, n = rest / (size_t) channels;

  if (n < (size_t) from.batch)
    dense[i] = load1 (from, (n * plane + pixel) * (size_t) from.pitch + c);
}

cudaError_t
pet_cuda_to_dense (
    const PetCudaMap *from, int channels, float *dense, cudaStream_t stream)
{
  size_t count = (size_t) from->batch * (size_t) channels *
      (size_t) from->height * (size_t) from->width;

  return PET_LAUNCH (to_dense, pet_blocks (count), dim3 (PET_BLOCK), stream) (
      *from, channels, dense);
}

/* `count` channels of each pixel are written, zeros behind the source's. */
static __global__ void
copy_channels (PetCudaMap from, int channels, PetCudaMap to, int at, int count)
{
  size_t i = pet_index (), c = i % (size_t) count, pixel = i / (size_t) count;
  size_t pixels = (size_t) to.batch * (size_t) to.height * (size_t) to.width;

  if (pixel >= pixels)
    return;
  store1 (to, pixel * (size_t) to.pitch + (size_t) at + c,
      c < (size_t) channels ? load1 (from, pixel * (size_t) from.pitch + c)
                            : 0.0f);
}

cudaError_t
pet_cuda_copy_channels (const PetCudaMap *from, int channels,
    const PetCudaMap *to, int at, bool last, cudaStream_t stream)
{
  int count = last ? to->channels - at : channels;
  size_t pixels = (size_t) to->batch * (size_t) to->height * (size_t) to->width;

  return PET_LAUNCH (copy_channels, pet_blocks (pixels * (size_t) count),
      dim3 (PET_BLOCK), stream) (*from, channels, *to, at, count);
}

static __global__ void
pointwise (PetCudaMap x, PetCudaEpilogue e, PetCudaMap y)
{
  Place place;
  float v[8];

  if (!find_place (y, &place))
    return;
  load8 (x, offset_of (x, place.n, place.y, place.x, place.c), v);
  finish8 (v, e, y, place);
}

cudaError_t
pet_cuda_pointwise (const PetCudaMap *x, const PetCudaEpilogue *epilogue,
    const PetCudaMap *y, cudaStream_t stream)
{
  return PET_LAUNCH (pointwise, blocks_for (y), dim3 (PET_BLOCK), stream) (
      *x, *epilogue, *y);
}

/* Of two, what is no number wins, as on the CPU: in halves it may be all that is left
 * to tell of an overflow. */
static inline __device__ float
larger (float a, float b)
{
  return a > b || isnan (a) ? a : b;
}

static inline __device__ float
combine (float a, float b, PetCudaBinary op)
{
  switch (op) {
    case PET_CUDA_ADD:
      return a + b;
    case PET_CUDA_SUB:
      return a - b;
    case PET_CUDA_MUL:
      return a * b;
    case PET_CUDA_DIV:
      return a / b;
    case PET_CUDA_MAX:
      return larger (a, b);
    default:
      return a < b || isnan (a) ? a : b;
  }
}

static __global__ void
binary (PetCudaMap a, PetCudaMap b, PetCudaBinaryHow how, PetCudaMap y)
{
  Place place;
  float u[8], v[8];
  size_t at;

  if (!find_place (y, &place))
    return;
  load8 (a, offset_of (a, place.n, place.y, place.x, place.c), u);
  at = offset_of (b, b.batch == 1 ? 0 : place.n, b.height == 1 ? 0 : place.y,
      b.width == 1 ? 0 : place.x, how.spread ? 0 : place.c);
  load8 (b, at, v);
  for (int i = 0; i < 8; i++) {
    float other = v[how.spread ? 0 : i];
    float value = how.swapped ? combine (other, u[i], how.op)
                              : combine (u[i], other, how.op);

    u[i] = place.c + i < how.channels ? value : 0.0f;
  }
  store8 (y, offset_of (y, place.n, place.y, place.x, place.c), u);
}

cudaError_t
pet_cuda_binary (const PetCudaMap *a, const PetCudaMap *b,
    const PetCudaBinaryHow *how, const PetCudaMap *y, cudaStream_t stream)
{
  return PET_LAUNCH (binary, blocks_for (y), dim3 (PET_BLOCK), stream) (
      *a, *b, *how, *y);
}

static inline __device__ float
convolve_one (const PetCudaMap &x, int group_in, int first,
    const float *weights, const PetCudaWindow &w, const Place &place)
{
  float sum = 0.0f;

  for (int r = 0; r < w.kernel[0]; r++)
    for (int s = 0; s < w.kernel[1]; s++, weights += group_in) {
      int row = place.y * w.stride[0] - w.pad[0] + r * w.dilation[0];
      int column = place.x * w.stride[1] - w.pad[1] + s * w.dilation[1];
      size_t at;

      if (row < 0 || row >= x.height || column < 0 || column >= x.width)
        continue;
      at = offset_of (x, place.n, row, column, first);
      for (int i = 0; i < group_in; i++)
        sum += weights[i] * load1 (x, at + (size_t) i);
    }
  return sum;
}

static __global__ void
convolve (PetCudaMap x, int in, int out, int groups, const float *weights,
    PetCudaWindow w, PetCudaEpilogue e, PetCudaMap y)
{
  int group_in = in / groups, group_out = out / groups;
  size_t filter =
      (size_t) w.kernel[0] * (size_t) w.kernel[1] * (size_t) group_in;
  Place place;
  float v[8];

  if (!find_place (y, &place))
    return;
  for (int i = 0; i < 8; i++) {
    int k = place.c + i;

    v[i] = k < out ? convolve_one (x, group_in, k / group_out * group_in,
                         weights + (size_t) k * filter, w, place)
                   : 0.0f;
  }
  finish8 (v, e, y, place);
}

cudaError_t
pet_cuda_convolve (const PetCudaMap *x, int in, int out, int groups,
    const float *weights, const PetCudaWindow *window,
    const PetCudaEpilogue *epilogue, const PetCudaMap *y, cudaStream_t stream)
{
  return PET_LAUNCH (convolve, blocks_for (y), dim3 (PET_BLOCK), stream) (
      *x, in, out, groups, weights, *window, *epilogue, *y);
}

/* The input's row or column that reaches position `at` through a tap; false:
 * none. */
static inline __device__ bool
source_of (
    const PetCudaWindow &w, int axis, int at, int tap, int size, int *from)
{
  int moved = at + w.pad[axis] - tap * w.dilation[axis];

  *from = moved / w.stride[axis];
  return moved >= 0 && *from < size && moved % w.stride[axis] == 0;
}

/* What goes through one tap to 8 channels. Neighbouring threads have the next 8
 * and the same pixel: weights are read as lines. */
static inline __device__ void
add_tap (const PetCudaMap &x, size_t pixel, int group_in, int group_out,
    int out, const float *weights, const PetCudaMap &y, int c, float *v)
{
  for (int i = 0; i < group_in; i++, weights += y.channels)
    for (int k = 0; k < 8; k++)
      if (c + k < out)
        v[k] += weights[c + k] *
            load1 (x, pixel + (size_t) ((c + k) / group_out * group_in + i));
}

static __global__ void
convolve_transposed (PetCudaMap x, int in, int out, int groups,
    const float *weights, PetCudaWindow w, PetCudaEpilogue e, PetCudaMap y)
{
  int group_in = in / groups;
  float v[8] = { 0 };
  Place place;

  if (!find_place (y, &place))
    return;
  for (int r = 0; r < w.kernel[0]; r++)
    for (int s = 0; s < w.kernel[1]; s++) {
      size_t tap = (size_t) (r * w.kernel[1] + s) * (size_t) group_in *
          (size_t) y.channels;
      int row, column;

      if (source_of (w, 0, place.y, r, x.height, &row) &&
          source_of (w, 1, place.x, s, x.width, &column))
        add_tap (x, offset_of (x, place.n, row, column, 0), group_in,
            out / groups, out, weights + tap, y, place.c, v);
    }
  finish8 (v, e, y, place);
}

cudaError_t
pet_cuda_convolve_transposed (const PetCudaMap *x, int in, int out, int groups,
    const float *weights, const PetCudaWindow *window,
    const PetCudaEpilogue *epilogue, const PetCudaMap *y, cudaStream_t stream)
{
  return PET_LAUNCH (convolve_transposed, blocks_for (y), dim3 (PET_BLOCK),
      stream) (*x, in, out, groups, weights, *window, *epilogue, *y);
}

static __global__ void
pool (PetCudaMap x, PetCudaWindow w, bool average, PetCudaMap y)
{
  float v[8], u[8];
  int count = 0;
  Place place;

  if (!find_place (y, &place))
    return;
  for (int i = 0; i < 8; i++)
    v[i] = average ? 0.0f : -INFINITY;
  for (int r = 0; r < w.kernel[0]; r++)
    for (int s = 0; s < w.kernel[1]; s++) {
      int row = place.y * w.stride[0] - w.pad[0] + r * w.dilation[0];
      int column = place.x * w.stride[1] - w.pad[1] + s * w.dilation[1];

      if (row < 0 || row >= x.height || column < 0 || column >= x.width)
        continue;
      count++;
      load8 (x, offset_of (x, place.n, row, column, place.c), u);
      for (int i = 0; i < 8; i++)
        v[i] = average ? v[i] + u[i] : larger (u[i], v[i]);
    }
  for (int i = 0; average && i < 8; i++)
    v[i] /= (float) count;
  store8 (y, offset_of (y, place.n, place.y, place.x, place.c), v);
}

cudaError_t
pet_cuda_pool (const PetCudaMap *x, const PetCudaWindow *window, bool average,
    const PetCudaMap *y, cudaStream_t stream)
{
  return PET_LAUNCH (pool, blocks_for (y), dim3 (PET_BLOCK), stream) (
      *x, *window, average, *y);
}

/* A block has 8 channels of one picture: every thread walks over its share of
 * the pixels, then halves are joined. */
static __global__ void
global_pool (PetCudaMap x, bool average, PetCudaMap y)
{
  __shared__ float part[PET_BLOCK][8];
  int n = (int) blockIdx.y, c = (int) blockIdx.x * 8;
  int pixels = x.height * x.width, thread = (int) threadIdx.x;
  float v[8], u[8];

  for (int i = 0; i < 8; i++)
    v[i] = average ? 0.0f : -INFINITY;
  for (int p = thread; p < pixels; p += PET_BLOCK) {
    load8 (x, offset_of (x, n, 0, p, c), u);
    for (int i = 0; i < 8; i++)
      v[i] = average ? v[i] + u[i] : larger (u[i], v[i]);
  }
  for (int i = 0; i < 8; i++)
    part[thread][i] = v[i];
  for (int half = PET_BLOCK / 2; half > 0; half /= 2) {
    __syncthreads ();
    for (int i = 0; i < 8 && thread < half; i++) {
      float other = part[thread + half][i];

      part[thread][i] =
          average ? part[thread][i] + other : larger (other, part[thread][i]);
    }
  }
  if (thread != 0)
    return;
  for (int i = 0; i < 8; i++)
    v[i] = average ? part[0][i] / (float) pixels : part[0][i];
  store8 (y, offset_of (y, n, 0, 0, c), v);
}

cudaError_t
pet_cuda_global_pool (
    const PetCudaMap *x, bool average, const PetCudaMap *y, cudaStream_t stream)
{
  dim3 grid ((unsigned) x->channels / 8, (unsigned) x->batch);

  return PET_LAUNCH_SYNC (global_pool, grid, dim3 (PET_BLOCK), stream) (
      *x, average, *y);
}

static __global__ void
resize (PetCudaMap x, PetCudaTaps taps, PetCudaMap y)
{
  Place place;
  float v[8] = { 0 }, u[8];

  if (!find_place (y, &place))
    return;
  for (int r = 0; r < 2; r++) {
    float down = taps.row_weight[2 * place.y + r];
    int row = taps.row[2 * place.y + r];

    for (int s = 0; s < 2; s++) {
      float weight = down * taps.column_weight[2 * place.x + s];

      if (weight == 0.0f)
        continue;
      load8 (x,
          offset_of (x, place.n, row, taps.column[2 * place.x + s], place.c),
          u);
      for (int i = 0; i < 8; i++)
        v[i] += weight * u[i];
    }
  }
  store8 (y, offset_of (y, place.n, place.y, place.x, place.c), v);
}

cudaError_t
pet_cuda_resize (const PetCudaMap *x, const PetCudaTaps *taps,
    const PetCudaMap *y, cudaStream_t stream)
{
  return PET_LAUNCH (resize, blocks_for (y), dim3 (PET_BLOCK), stream) (
      *x, *taps, *y);
}

static __global__ void
softmax (PetCudaMap x, int channels, PetCudaMap y)
{
  size_t pixel = pet_index ();
  size_t pixels = (size_t) x.batch * (size_t) x.height * (size_t) x.width;
  size_t from = pixel * (size_t) x.pitch, to = pixel * (size_t) y.pitch;
  float largest = -INFINITY, sum = 0.0f;

  if (pixel >= pixels)
    return;
  for (int c = 0; c < channels; c++)
    largest = fmaxf (largest, load1 (x, from + (size_t) c));
  for (int c = 0; c < channels; c++)
    sum += expf (load1 (x, from + (size_t) c) - largest);
  for (int c = 0; c < y.channels; c++)
    store1 (y, to + (size_t) c,
        c < channels ? expf (load1 (x, from + (size_t) c) - largest) / sum
                     : 0.0f);
}

cudaError_t
pet_cuda_softmax (
    const PetCudaMap *x, int channels, const PetCudaMap *y, cudaStream_t stream)
{
  size_t pixels = (size_t) x->batch * (size_t) x->height * (size_t) x->width;

  return PET_LAUNCH (softmax, pet_blocks (pixels), dim3 (PET_BLOCK), stream) (
      *x, channels, *y);
}
