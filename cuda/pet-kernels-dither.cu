/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dithering. Tone curve, edges and thresholds are pictures like any other;
 * error diffusion is a wavefront: lattice point (i, row) needs its left
 * neighbour and three points of the row above, the last of them (i + 1, row -
 * 1). So a thread has a row and works two points behind the thread above; all
 * that are due at the same time are independent. One block, because a barrier
 * is needed after every point. The order in which errors are added is the C
 * version's, so the dots are the same ones. Doubles, as there. */

#include "image/effects/pet-effect-tables.h"
#include "pet-kernel.h"

#define WAVE 1024

static inline __device__ uchar4
load_pixel (const PetCudaImage &image, int x, int y)
{
  return (
      (const uchar4 *) (image.data + (ptrdiff_t) y * image.stride_bytes))[x];
}

static inline __device__ double
apply_curve (const PetDitherCurve *curve, int n)
{
  const int rest = PET_DITHER_TOP_BIT - PET_DITHER_PIECE_BITS;
  int octave, scaled, piece;
  double r, sum;

  if (n == 0)
    return 0.0;
  octave = 31 - __clz (n);
  scaled = n << (PET_DITHER_TOP_BIT - octave);
  piece = (scaled >> rest) & ((1 << PET_DITHER_PIECE_BITS) - 1);
  r = ((scaled & ((1 << rest) - 1)) - (1 << (rest - 1))) *
      curve->inverse[piece];
  sum = curve->series[PET_DITHER_TERMS - 1];
  for (int i = PET_DITHER_TERMS - 2; i >= 0; i--)
    sum = sum * r + curve->series[i];
  return curve->octave[octave] * curve->power[piece] * sum;
}

static __global__ void
dither_grey (PetCudaImage src, PetCudaDither d)
{
  uchar4 p;
  int x, y;

  if (!pet_find_pixel (src.width, &x, &y))
    return;
  p = load_pixel (src, x, y);
  d.grey[(size_t) y * (size_t) src.width + (size_t) x] = p.w == 0
      ? 255.0
      : apply_curve ((const PetDitherCurve *) d.curve,
            299 * p.x + 587 * p.y + 114 * p.z);
}

static __global__ void
dither_sharpen (PetCudaDither d, int width, int height)
{
  const double *above, *grey, *below;
  double around, value;
  int x, y, l, r;

  if (!pet_find_pixel (width, &x, &y))
    return;
  above = d.grey + (size_t) pet_mirror_at (y - 1, height) * (size_t) width;
  grey = d.grey + (size_t) y * (size_t) width;
  below = d.grey + (size_t) pet_mirror_at (y + 1, height) * (size_t) width;
  l = pet_mirror_at (x - 1, width);
  r = pet_mirror_at (x + 1, width);
  around = above[l] + above[x] + above[r] + grey[l] + grey[r] + below[l] +
      below[x] + below[r];
  value = grey[x] + d.edge_strength * ((8.0 * grey[x] - around) / 8.0);
  d.sharp[(size_t) y * (size_t) width + (size_t) x] = value < 0.0 ? 0.0
      : value > 255.0                                             ? 255.0
                                                                  : value;
}

/* The blur down one column, around row `y`. */
static inline __device__ double
blur_column (const double *sharp, int x, int y, int width, int height)
{
  const double taps[4] = { 9.0 / 32.0, 7.0 / 32.0, 3.5 / 32.0, 1.0 / 32.0 };
  double sum = taps[0] * sharp[(size_t) y * (size_t) width + (size_t) x];

  for (int k = 1; k <= 3; k++) {
    size_t above = (size_t) pet_mirror_at (y - k, height);
    size_t below = (size_t) pet_mirror_at (y + k, height);

    sum += taps[k] *
        (sharp[above * (size_t) width + (size_t) x] +
            sharp[below * (size_t) width + (size_t) x]);
  }
  return sum;
}

static __global__ void
dither_threshold (PetCudaDither d, int width, int height)
{
  const double taps[4] = { 9.0 / 32.0, 7.0 / 32.0, 3.5 / 32.0, 1.0 / 32.0 };
  double line[7];
  int i, row, x;

  if (!pet_find_pixel (d.columns, &i, &row))
    return;
  x = i * d.spacing;
  for (int k = -3; k <= 3; k++)
    line[k + 3] = blur_column (
        d.sharp, pet_mirror_at (x + k, width), row * d.spacing, width, height);
  d.threshold[(size_t) row * (size_t) d.columns + (size_t) i] = !d.adaptive
      ? 128.0
      : 0.7 *
              (taps[0] * line[3] + taps[1] * (line[2] + line[4]) +
                  taps[2] * (line[1] + line[5]) +
                  taps[3] * (line[0] + line[6])) +
          0.3 * 128.0;
}

/* What arrives from the row above, in the order of the C version: from the
 * left, from above, from the right. */
static inline __device__ double
from_above (const PetCudaDither &d, int i, int row)
{
  const double *error = d.error + (size_t) (row - 1) * (size_t) d.columns;
  double sum = 0.0;

  if (row == 0)
    return 0.0;
  if (i > 0)
    sum += error[i - 1] * (1.0 / 16.0);
  sum += error[i] * (5.0 / 16.0);
  if (i + 1 < d.columns)
    sum += error[i + 1] * (3.0 / 16.0);
  return sum;
}

static inline __device__ double
diffuse_point (const PetCudaImage &src, const PetCudaDither &d, int i, int row,
    double from_left)
{
  int x = i * d.spacing, y = row * d.spacing;
  size_t at = (size_t) row * (size_t) d.columns + (size_t) i;
  double error = 0.0, value;
  bool black = false;

  if (load_pixel (src, x, y).w != 0) {
    value = d.sharp[(size_t) y * (size_t) src.width + (size_t) x] +
        from_above (d, i, row) + from_left;
    black = value < d.threshold[at];
    error = value - (black ? 0.0 : 255.0);
  }
  d.black[at] = black;
  d.error[at] = error;
  return error * (7.0 / 16.0);
}

static __global__ void
dither_diffuse (PetCudaImage src, PetCudaDither d)
{
  int thread = (int) threadIdx.x;

  for (int band = 0; band < d.rows; band += WAVE) {
    int last = min (d.rows - band, WAVE) - 1;
    double from_left = 0.0;

    for (int step = 0; step < d.columns + 2 * last; step++) {
      int i = step - 2 * thread;

      if (thread <= last && i >= 0 && i < d.columns)
        from_left = diffuse_point (src, d, i, band + thread, from_left);
      __syncthreads ();
    }
  }
}

static inline __device__ bool
is_black (const PetCudaDither &d, int x, int y)
{
  for (int row = (y - d.dot_size + d.spacing) / d.spacing; row * d.spacing <= y;
       row++)
    for (int i = (x - d.dot_size + d.spacing) / d.spacing; i * d.spacing <= x;
         i++)
      if (row >= 0 && i >= 0 &&
          d.black[(size_t) row * (size_t) d.columns + (size_t) i])
        return true;
  return false;
}

static __global__ void
dither_paint (PetCudaImage src, PetCudaDither d, PetCudaImage dst)
{
  uint8_t alpha, level;
  int x, y;

  if (!pet_find_pixel (src.width, &x, &y))
    return;
  alpha = load_pixel (src, x, y).w;
  level = alpha != 0 && !is_black (d, x, y) ? 255 : 0;
  ((uchar4 *) (dst.data + (ptrdiff_t) y * dst.stride_bytes))[x] =
      make_uchar4 (level, level, level, alpha);
}

cudaError_t
pet_cuda_dither (const PetCudaImage *src, const PetCudaDither *d,
    const PetCudaImage *dst, cudaStream_t stream)
{
  dim3 pixels = pet_pixel_blocks (src->width, src->height);
  dim3 points = pet_pixel_blocks (d->columns, d->rows);
  dim3 block (PET_BLOCK);
  cudaError_t result =
      PET_LAUNCH (dither_grey, pixels, block, stream) (*src, *d);

  if (result == cudaSuccess)
    result = PET_LAUNCH (dither_sharpen, pixels, block, stream) (
        *d, src->width, src->height);
  if (result == cudaSuccess)
    result = PET_LAUNCH (dither_threshold, points, block, stream) (
        *d, src->width, src->height);
  if (result == cudaSuccess)
    result = PET_LAUNCH_SYNC (dither_diffuse, dim3 (1),
        dim3 ((unsigned) (d->rows < WAVE ? d->rows : WAVE)), stream) (*src, *d);
  if (result == cudaSuccess)
    result = PET_LAUNCH (dither_paint, pixels, block, stream) (*src, *d, *dst);
  return result;
}
