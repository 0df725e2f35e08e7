/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the photo to the network's input, and from its output to the mask: the
 * steps of gst/nn/pet-segmenter.c, which says what is computed. A thread has one
 * pixel. */

#include "pet-kernel.h"

static inline __device__ const uint8_t *
pixel_at (const PetCudaImage &image, int x, int y)
{
  return image.data + (ptrdiff_t) y * image.stride_bytes +
      (ptrdiff_t) x * image.channels;
}

/* What is transparent shows white paper. */
static inline __device__ float
opaque (const uint8_t *pixel, int channels, int c)
{
  if (channels == 3)
    return (float) pixel[c];
  return (float) ((pixel[c] * pixel[3] + 255 * (255 - pixel[3]) + 127) / 255);
}

static __global__ void
scale_columns (PetCudaImage photo, PetCudaScale scale, int width, float *out)
{
  float sum[3] = { 0 };
  int x, y;

  if (!pet_find_pixel (width, &x, &y))
    return;
  for (int k = scale.first_weight[x]; k < scale.first_weight[x + 1]; k++) {
    int column = scale.first[x] + k - scale.first_weight[x];
    const uint8_t *pixel = pixel_at (photo, column, y);

    for (int c = 0; c < 3; c++)
      sum[c] += scale.weight[k] * opaque (pixel, photo.channels, c);
  }
  for (int c = 0; c < 3; c++)
    out[((size_t) y * (size_t) width + (size_t) x) * 3 + (size_t) c] = sum[c];
}

cudaError_t
pet_cuda_scale_columns (const PetCudaImage *photo, const PetCudaScale *scale,
    int width, float *out, cudaStream_t stream)
{
  return PET_LAUNCH (scale_columns, pet_pixel_blocks (width, photo->height),
      dim3 (PET_BLOCK), stream) (*photo, *scale, width, out);
}

static __global__ void
scale_rows (const float *in, int width, PetCudaScale scale, int height,
    float *out, uint32_t *largest)
{
  __shared__ uint32_t top;
  float sum[3] = { 0 };
  bool inside;
  int x, y;

  inside = pet_find_pixel (width, &x, &y);
  if (threadIdx.x == 0)
    top = 0;
  __syncthreads ();
  for (int k = inside ? scale.first_weight[y] : 0;
       inside && k < scale.first_weight[y + 1]; k++) {
    int row = scale.first[y] + k - scale.first_weight[y];
    const float *from = in + ((size_t) row * (size_t) width + (size_t) x) * 3;

    for (int c = 0; c < 3; c++)
      sum[c] += scale.weight[k] * from[c];
  }
  for (int c = 0; inside && c < 3; c++) {
    out[((size_t) y * (size_t) width + (size_t) x) * 3 + (size_t) c] = sum[c];
    /* Floats of 0 and more are ordered as their bits are. */
    atomicMax (&top, (uint32_t) __float_as_int (fmaxf (sum[c], 0.0f)));
  }
  __syncthreads ();
  if (threadIdx.x == 0)
    atomicMax (largest, top);
}

cudaError_t
pet_cuda_scale_rows (const float *in, int width, const PetCudaScale *scale,
    int height, float *out, uint32_t *largest, cudaStream_t stream)
{
  return PET_LAUNCH_SYNC (scale_rows, pet_pixel_blocks (width, height),
      dim3 (PET_BLOCK), stream) (in, width, *scale, height, out, largest);
}

static inline __device__ void
store_number (const PetCudaMap &to, size_t at, float value)
{
  if (to.type == PET_CUDA_FLOAT)
    ((float *) to.data)[at] = value;
  else
    ((uint16_t *) to.data)[at] = __half_raw (__float2half_rn (value)).x;
}

static inline __device__ float
load_number (const PetCudaMap &from, size_t at)
{
  __half_raw raw;

  if (from.type == PET_CUDA_FLOAT)
    return ((const float *) from.data)[at];
  raw.x = ((const uint16_t *) from.data)[at];
  return __half2float (__half (raw));
}

static __global__ void
normalise (const float *in, PetCudaNormal normal, const uint32_t *largest,
    PetCudaMap to, int index)
{
  float divisor = normal.divisor;
  size_t at;
  int x, y;

  if (!pet_find_pixel (to.width, &x, &y))
    return;
  if (divisor == 0.0f)
    divisor = fmaxf (__int_as_float ((int) *largest), 1e-6f);
  at = ((size_t) index * (size_t) to.height + (size_t) y) * (size_t) to.width +
      (size_t) x;
  in += ((size_t) y * (size_t) to.width + (size_t) x) * 3;
  for (int c = 0; c < to.channels; c++)
    store_number (to, at * (size_t) to.pitch + (size_t) c,
        c < 3 ? (in[c] / divisor - normal.mean[c]) / normal.std[c] : 0.0f);
}

cudaError_t
pet_cuda_normalise (const float *in, const PetCudaNormal *normal,
    const uint32_t *largest, const PetCudaMap *to, int index,
    cudaStream_t stream)
{
  return PET_LAUNCH (normalise, pet_pixel_blocks (to->width, to->height),
      dim3 (PET_BLOCK), stream) (in, *normal, largest, *to, index);
}

/* Bits that are ordered as the floats are, and back. */
static inline __device__ uint32_t
ordered_bits (float value)
{
  uint32_t bits = (uint32_t) __float_as_int (value);

  return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
}

static inline __device__ float
from_ordered (uint32_t bits)
{
  return __int_as_float (
      (int) (bits ^ (bits >> 31 ? 0x80000000u : 0xffffffffu)));
}

static inline __device__ float
output_at (const PetCudaMap &from, int index, int channel, int x, int y)
{
  size_t pixel = ((size_t) index * (size_t) from.height + (size_t) y) *
          (size_t) from.width +
      (size_t) x;

  return load_number (from, pixel * (size_t) from.pitch + (size_t) channel);
}

/* A block joins what it found before it touches the card's memory. */
static __global__ void
find_range (PetCudaMap from, int index, int channel, PetCudaRange *range)
{
  __shared__ PetCudaRange block;
  bool inside;
  int x, y;

  inside = pet_find_pixel (from.width, &x, &y);
  if (threadIdx.x == 0)
    block.low = block.high = block.nan = 0;
  __syncthreads ();
  if (inside) {
    float value = output_at (from, index, channel, x, y);

    if (isnan (value)) {
      atomicAdd (&block.nan, 1u);
    } else {
      atomicMax (&block.low, ~ordered_bits (value));
      atomicMax (&block.high, ordered_bits (value));
    }
  }
  __syncthreads ();
  if (threadIdx.x != 0)
    return;
  atomicAdd (&range->nan, block.nan);
  atomicMax (&range->low, block.low);
  atomicMax (&range->high, block.high);
}

cudaError_t
pet_cuda_find_range (const PetCudaMap *from, int index, int channel,
    PetCudaRange *range, cudaStream_t stream)
{
  return PET_LAUNCH_SYNC (find_range,
      pet_pixel_blocks (from->width, from->height), dim3 (PET_BLOCK),
      stream) (*from, index, channel, range);
}

static __global__ void
to_mask (PetCudaMap from, int index, int channel, PetCudaOutputRange kind,
    const PetCudaRange *range, uint8_t *mask)
{
  float value, low, high;
  int x, y;

  if (!pet_find_pixel (from.width, &x, &y))
    return;
  value = output_at (from, index, channel, x, y);
  if (kind == PET_CUDA_RANGE_LOGIT)
    value = 1.0f / (1.0f + expf (-value));
  low = from_ordered (~range->low);
  high = from_ordered (range->high);
  if (kind == PET_CUDA_RANGE_MINMAX && high >= 0.2f && high > low &&
      high - low < INFINITY) {
    float gain = 1.0f / (high - low);

    value = value * gain + -low * gain;
  }
  mask[(size_t) y * (size_t) from.width + (size_t) x] = value <= 0.0f ? 0
      : value >= 1.0f                                                 ? 255
                      : (uint8_t) (value * 255.0f + 0.5f);
}

cudaError_t
pet_cuda_to_mask (const PetCudaMap *from, int index, int channel,
    PetCudaOutputRange kind, const PetCudaRange *range, uint8_t *mask,
    cudaStream_t stream)
{
  return PET_LAUNCH (to_mask, pet_pixel_blocks (from->width, from->height),
      dim3 (PET_BLOCK), stream) (*from, index, channel, kind, range, mask);
}
