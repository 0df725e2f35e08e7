/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The matte of gst/image/pet-matte*.c, which has formulas and sources: the same
 * arithmetic in the same order, hence the same bytes. What is one pass over
 * rows there is a kernel per stage here. Cells are few (a 16th of the pixels of
 * a photo of 1536), so their stages live in the cache; pixels are taken
 * PET_QUAD at a time. Sums over windows are whole numbers where they may be
 * added in any order, and those slide; sums of floats do not. */

#include "pet-kernel-matte.h"

/* Between two rows of the mask, value `i` of the line; as mask_line(). */
static inline __device__ float
mask_at (const PetCudaImage &mask, const PetCudaPlaces &rows, int row, int i)
{
  float down = rows.share[row];
  const uint8_t *above = mask.data + rows.first[row] * mask.stride_bytes;
  const uint8_t *below = down > 0.0f ? above + mask.stride_bytes : above;

  return (float) above[i] + (float) (below[i] - above[i]) * down;
}

/* ---- cells ---- */

static inline __device__ uint4
sum_cell (const PetCudaImage &photo, int left, int top, int right, int bottom)
{
  uint4 sums = make_uint4 (0, 0, 0, 0);

  for (int y = top; y < bottom; y++) {
    const uint8_t *pixel = pixel_of (photo, left, y);

    for (int x = left; x < right; x++, pixel += photo.channels) {
      sums.x += pixel[0];
      sums.y += pixel[1];
      sums.z += pixel[2];
    }
  }
  return sums;
}

static __global__ void
matte_cells (PetCudaMatteData m)
{
  int i, row, left, top, right, bottom, first;
  uint32_t guide, p;
  size_t at;
  uint4 sums;
  float share, value, next;

  if (!pet_find_pixel (m.width, &i, &row))
    return;
  at = (size_t) row * (size_t) m.width + (size_t) i;
  left = i * m.step;
  top = row * m.step;
  right = min (left + m.step, m.photo.width);
  bottom = min (top + m.step, m.photo.height);
  sums = sum_cell (m.photo, left, top, right, bottom);
  m.colors[at] = sums;
  if (!m.refine)
    return;
  share = 0.008f / (float) ((bottom - top) * (right - left));
  guide =
      (uint32_t) (int) ((float) (299 * sums.x + 587 * sums.y + 114 * sums.z) *
              share +
          0.5f);
  first = m.tables.mask_x.first[i];
  value = mask_at (m.mask, m.tables.mask_y, row, first);
  next =
      mask_at (m.mask, m.tables.mask_y, row, min (first + 1, m.mask.width - 1));
  p = (uint32_t) (int) (value + (next - value) * m.tables.mask_x.share[i] +
      0.5f);
  m.cells[at] = make_uint4 (guide, p, guide * guide, guide * p);
}

/* ---- windows ---- */

/* Cells in the window around a cell. */
static inline __device__ float
window_cells (const PetCudaMatteData &m, int i, int row)
{
  float across =
      (float) (last_of (i, m.radius, m.width) - first_of (i, m.radius) + 1);
  float down = (float) (last_of (row, m.radius, m.height) -
      first_of (row, m.radius) + 1);

  return across * down;
}

/* As solve() of pet-matte-rows.c. */
static __global__ void
matte_solve (PetCudaMatteData m)
{
  uint4 sums = make_uint4 (0, 0, 0, 0);
  float pixels, share, guide, mask, variance, covariance, a;
  const uint4 *columns;
  int i, row;

  if (!pet_find_pixel (m.width, &i, &row))
    return;
  columns = m.columns + (size_t) row * (size_t) m.width;
  for (int k = first_of (i, m.radius); k <= last_of (i, m.radius, m.width); k++)
    add4 (&sums, columns[k]);
  pixels = window_cells (m, i, row);
  share = 1.0f / pixels;
  guide = (float) (int) sums.x * share;
  mask = (float) (int) sums.y / (255.0f * pixels);
  variance = (float) (int) sums.z * share - guide * guide;
  covariance = (float) (int) sums.w * share * (1.0f / 255.0f) - guide * mask;
  a = covariance / (variance + m.epsilon);
  a = mask == 0.0f || mask == 1.0f ? 0.0f : a;
  m.coefficients[(size_t) row * (size_t) m.width + (size_t) i] =
      make_float2 (a, mask - a * guide);
}

/* Floats are added from the top down, then from left to right. */
static __global__ void
matte_mean_down (PetCudaMatteData m)
{
  float2 sum = make_float2 (0.0f, 0.0f);
  int i, row;

  if (!pet_find_pixel (m.width, &i, &row))
    return;
  for (int k = first_of (row, m.radius); k <= last_of (row, m.radius, m.height);
       k++) {
    float2 c = m.coefficients[(size_t) k * (size_t) m.width + (size_t) i];

    sum.x += c.x;
    sum.y += c.y;
  }
  m.down[(size_t) row * (size_t) m.width + (size_t) i] = sum;
}

static __global__ void
matte_mean_across (PetCudaMatteData m)
{
  float2 sum = make_float2 (0.0f, 0.0f);
  const float2 *down;
  float pixels;
  int i, row;

  if (!pet_find_pixel (m.width, &i, &row))
    return;
  down = m.down + (size_t) row * (size_t) m.width;
  for (int k = first_of (i, m.radius); k <= last_of (i, m.radius, m.width);
       k++) {
    sum.x += down[k].x;
    sum.y += down[k].y;
  }
  pixels = window_cells (m, i, row);
  m.means[(size_t) row * (size_t) m.width + (size_t) i] =
      make_float2 (sum.x / pixels, sum.y / pixels);
}

/* ---- alpha ---- */

/* Slope and offset of value `i` of the line at row `y` of the photo. */
static inline __device__ float2
line_at (const PetCudaMatteData &m, int y, int i)
{
  const float2 *above;
  float2 a, b;
  float down;

  if (!m.refine)
    return make_float2 (
        0.0f, mask_at (m.mask, m.tables.mask_y, y, i) * (1.0f / 255.0f));
  down = m.tables.y.share[y];
  above = m.means + (size_t) m.tables.y.first[y] * (size_t) m.width;
  a = above[i];
  b = down > 0.0f ? above[(size_t) m.width + (size_t) i] : a;
  return make_float2 (between (a.x, b.x, down), between (a.y, b.y, down));
}

/* 0 and 1: all background, all pet; 2: look at the photo. */
static inline __device__ int
kind_of (float2 line)
{
  if (line.x != 0.0f)
    return 2;
  return line.y == 0.0f ? 0 : line.y > 0.9999f ? 1 : 2;
}

static inline __device__ uint8_t
alpha_of (const PetCudaMatteData &m, int x, int y, uint32_t pixel)
{
  const PetCudaPlaces &places = m.refine ? m.tables.x : m.tables.mask_x;
  int cells = m.refine ? m.width : m.mask.width, i = places.first[x];
  float2 left = line_at (m, y, i);
  float2 right = line_at (m, y, min (i + 1, cells - 1));
  float share = places.share[x], a, b, grey;
  int kind = kind_of (left);

  if (kind != 2 && kind == kind_of (right))
    return kind == 1 ? 255 : 0;
  a = between (left.x, right.x, share);
  b = between (left.y, right.y, share);
  grey = (float) (int) (299 * (pixel & 255) + 587 * (pixel >> 8 & 255) +
             114 * (pixel >> 16 & 255)) *
      0.008f;
  return round_level ((a * grey + b) * m.gain + m.bias);
}

static __global__ void
matte_alpha (PetCudaMatteData m)
{
  uint32_t pixels[PET_QUAD], result = 0;
  int i, x, y;

  if (!pet_find_pixel ((m.photo.width + PET_QUAD - 1) / PET_QUAD, &i, &y))
    return;
  x = i * PET_QUAD;
  load_quad (m.photo, x, y, pixels);
  for (int k = 0; k < PET_QUAD && x + k < m.photo.width; k++) {
    uint32_t alpha = alpha_of (m, x + k, y, pixels[k]);

    if (m.photo.channels == 4)
      alpha = (alpha * (pixels[k] >> 24) + 127) / 255;
    result |= alpha << (8 * k);
  }
  *(uint32_t *) (m.alpha.data + (ptrdiff_t) y * m.alpha.stride_bytes + x) =
      result;
}

/* A thread has 16 pixels of a row; what a block found goes out together. */
#define MEASURE 16

typedef union {
  uint4 words;
  uint32_t quads[MEASURE / PET_QUAD];
  uint8_t alpha[MEASURE];
} Run;

/* Of the last run of a row only the groups that matte_alpha() wrote. */
static inline __device__ void
load_run (const PetCudaImage &alpha, int x, int y, int count, Run *run)
{
  const uint8_t *from = pixel_of (alpha, x, y);

  if (count == MEASURE) {
    run->words = *(const uint4 *) from;
    return;
  }
  for (int k = 0; k < MEASURE / PET_QUAD; k++)
    run->quads[k] = PET_QUAD * k < count ? ((const uint32_t *) from)[k] : 0;
}

static inline __device__ uint32_t
measure_run (const uint8_t *alpha, int x, int count, PetCudaExtent *found)
{
  uint32_t sum = 0;

  for (int k = 0; k < MEASURE; k++) {
    if (k >= count)
      continue;
    sum += alpha[k];
    if (alpha[k] < 128)
      continue;
    found->left = max (found->left, ~(uint32_t) (x + k));
    found->right = (uint32_t) (x + k + 1);
  }
  return sum;
}

static __global__ void
matte_measure (PetCudaMatteData m, int runs, unsigned count)
{
  __shared__ uint32_t sum, left, top, right, bottom;
  unsigned at = (unsigned) pet_index ();
  int y = (int) (at / (unsigned) runs);
  int x = (int) (at % (unsigned) runs) * MEASURE;

  if (threadIdx.x == 0)
    sum = left = top = right = bottom = 0;
  __syncthreads ();
  if (at < count) {
    PetCudaExtent found = { 0, 0, 0, 0, 0 };
    int here = min (MEASURE, m.alpha.width - x);
    uint32_t part;
    Run run;

    load_run (m.alpha, x, y, here, &run);
    part = measure_run (run.alpha, x, here, &found);
    if (part > 0)
      atomicAdd (&sum, part);
    if (found.right > 0) {
      atomicMax (&left, found.left);
      atomicMax (&right, found.right);
      atomicMax (&top, ~(uint32_t) y);
      atomicMax (&bottom, (uint32_t) (y + 1));
    }
  }
  __syncthreads ();
  if (threadIdx.x != 0 || sum == 0)
    return;
  atomicAdd (&m.extent->sum, (unsigned long long) sum);
  atomicMax (&m.extent->left, left);
  atomicMax (&m.extent->top, top);
  atomicMax (&m.extent->right, right);
  atomicMax (&m.extent->bottom, bottom);
}

static cudaError_t
measure (const PetCudaMatteData *m, cudaStream_t stream)
{
  int runs = (m->alpha.width + MEASURE - 1) / MEASURE;
  size_t count = (size_t) runs * (size_t) m->alpha.height;

  return PET_LAUNCH_SYNC (matte_measure, pet_blocks (count), dim3 (PET_BLOCK),
      stream) (*m, runs, (unsigned) count);
}

cudaError_t
pet_cuda_matte_alpha (const PetCudaMatteData *m, cudaStream_t stream)
{
  dim3 cells = pet_pixel_blocks (m->width, m->height), block (PET_BLOCK);
  dim3 quads = pet_pixel_blocks (
      (m->photo.width + PET_QUAD - 1) / PET_QUAD, m->photo.height);
  cudaError_t result = cudaSuccess;

  if (m->refine || m->decontaminate)
    result = PET_LAUNCH (matte_cells, cells, block, stream) (*m);
  if (result == cudaSuccess && m->refine)
    result =
        sum_down (m->cells, m->width, m->height, m->radius, m->columns, stream);
  if (result == cudaSuccess && m->refine)
    result = PET_LAUNCH (matte_solve, cells, block, stream) (*m);
  if (result == cudaSuccess && m->refine)
    result = PET_LAUNCH (matte_mean_down, cells, block, stream) (*m);
  if (result == cudaSuccess && m->refine)
    result = PET_LAUNCH (matte_mean_across, cells, block, stream) (*m);
  if (result == cudaSuccess)
    result = PET_LAUNCH (matte_alpha, quads, block, stream) (*m);
  return result == cudaSuccess ? measure (m, stream) : result;
}
