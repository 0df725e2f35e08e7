/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the kernels of alpha and fringe share: pixels, windows over cells. */

#pragma once

#include "pet-kernel.h"

/* Rows that a thread slides over before it begins anew. */
#define SLIDE 16

static inline __device__ int
first_of (int i, int radius)
{
  return i > radius ? i - radius : 0;
}

static inline __device__ int
last_of (int i, int radius, int count)
{
  return i + radius < count ? i + radius : count - 1;
}

static inline __device__ const uint8_t *
pixel_of (const PetCudaImage &image, int x, int y)
{
  return image.data + (ptrdiff_t) y * image.stride_bytes +
      (ptrdiff_t) x * image.channels;
}

/* The last pixels of a row, where they are no whole group: what is behind them
 * was perhaps never written. */
static inline __device__ void
load_last (const PetCudaImage &image, int x, int y, uint32_t *pixels)
{
  const uint8_t *from = pixel_of (image, x, y);

  for (int k = 0; k < PET_QUAD; k++) {
    pixels[k] = 0;
    for (int c = 0; c < image.channels && x + k < image.width; c++)
      pixels[k] |= (uint32_t) *from++ << (8 * c);
  }
}

/* PET_QUAD pixels as R | G << 8 | B << 16 | A << 24; without alpha A is of no
 * meaning, nor are pixels behind the end of the row. */
static inline __device__ void
load_quad (const PetCudaImage &image, int x, int y, uint32_t *pixels)
{
  const uint32_t *from = (const uint32_t *) pixel_of (image, x, y);

  if (x + PET_QUAD > image.width) {
    load_last (image, x, y, pixels);
  } else if (image.channels == 4) {
    uint4 quad = *(const uint4 *) from;

    pixels[0] = quad.x, pixels[1] = quad.y;
    pixels[2] = quad.z, pixels[3] = quad.w;
  } else {
    uint32_t a = from[0], b = from[1], c = from[2];

    pixels[0] = a;
    pixels[1] = a >> 24 | b << 8;
    pixels[2] = b >> 16 | c << 16;
    pixels[3] = c >> 8;
  }
}

static inline __device__ uint8_t
round_level (float value)
{
  value = value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value;
  return (uint8_t) (int) (value + 0.5f);
}

/* Between two rows of the mask, value `i` of the line; as mask_line(). */

static inline __device__ float
between (float a, float b, float share)
{
  return a + (b - a) * share;
}

/* Slope and offset of value `i` of the line at row `y` of the photo. */

static inline __device__ void
add4 (uint4 *sum, uint4 more)
{
  sum->x += more.x;
  sum->y += more.y;
  sum->z += more.z;
  sum->w += more.w;
}

static inline __device__ void
take4 (uint4 *sum, uint4 less)
{
  sum->x -= less.x;
  sum->y -= less.y;
  sum->z -= less.z;
  sum->w -= less.w;
}

/* Sums of row - radius..row + radius down each column, cut at the border. The
 * grid's rows are groups of SLIDE rows. */
static __global__ void
matte_sum_down (const uint4 *in, int width, int height, int radius, uint4 *out)
{
  size_t pitch = (size_t) width;
  uint4 sum = make_uint4 (0, 0, 0, 0);
  int x, group, begin, end;

  if (!pet_find_pixel (width, &x, &group))
    return;
  in += x;
  out += x;
  begin = group * SLIDE;
  end = min (begin + SLIDE, height);
  for (int y = first_of (begin, radius); y <= last_of (begin, radius, height);
       y++)
    add4 (&sum, in[(size_t) y * pitch]);
  out[(size_t) begin * pitch] = sum;
  for (int y = begin + 1; y < end; y++) {
    if (y + radius < height)
      add4 (&sum, in[(size_t) (y + radius) * pitch]);
    if (y - radius - 1 >= 0)
      take4 (&sum, in[(size_t) (y - radius - 1) * pitch]);
    out[(size_t) y * pitch] = sum;
  }
}

static cudaError_t
sum_down (const uint4 *in, int width, int height, int radius, uint4 *out,
    cudaStream_t stream)
{
  return PET_LAUNCH (matte_sum_down,
      pet_pixel_blocks (width, (height + SLIDE - 1) / SLIDE), dim3 (PET_BLOCK),
      stream) (in, width, height, radius, out);
}

/* Cells in the window around a cell. */
