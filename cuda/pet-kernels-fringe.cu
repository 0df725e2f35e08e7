/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The colours of a cut-out: gst/image/pet-matte-fringe.c and -far.c, which have
 * the formulas, in the same order of operations. */

#include "pet-kernel-matte.h"

/* Weighted colours of a cell with soft pixels. */
static inline __device__ void
sum_mixed (const PetCudaMatteData &m, int left, int top, int right, int bottom,
    uint4 *fore, uint4 *back)
{
  for (int y = top; y < bottom; y++)
    for (int x = left; x < right; x++) {
      const uint8_t *pixel = pixel_of (m.photo, x, y);
      uint2 weight = m.tables.weights[*pixel_of (m.alpha, x, y)];

      add4 (fore,
          make_uint4 (weight.x, weight.x * pixel[0], weight.x * pixel[1],
              weight.x * pixel[2]));
      add4 (back,
          make_uint4 (weight.y, weight.y * pixel[0], weight.y * pixel[1],
              weight.y * pixel[2]));
    }
}

static __global__ void
matte_fringe (PetCudaMatteData m)
{
  uint4 fore = make_uint4 (0, 0, 0, 0), back = fore;
  int i, row, left, top, right, bottom;
  uint8_t low = 255, high = 0;
  size_t at;
  bool soft;

  if (!pet_find_pixel (m.width, &i, &row))
    return;
  at = (size_t) row * (size_t) m.width + (size_t) i;
  left = i * m.step;
  top = row * m.step;
  right = min (left + m.step, m.photo.width);
  bottom = min (top + m.step, m.photo.height);
  for (int y = top; y < bottom; y++)
    for (int x = left; x < right; x++) {
      uint8_t alpha = *pixel_of (m.alpha, x, y);

      low = alpha < low ? alpha : low;
      high = alpha > high ? alpha : high;
    }
  soft = high > 0 && low < 255;
  if (soft) {
    sum_mixed (m, left, top, right, bottom, &fore, &back);
  } else {
    uint32_t weight = m.sure_weight;
    uint4 sums = m.colors[at];
    uint4 flat =
        make_uint4 ((uint32_t) ((bottom - top) * (right - left)) * weight,
            sums.x * weight, sums.y * weight, sums.z * weight);

    *(high > 0 ? &fore : &back) = flat;
  }
  m.soft[at] = soft;
  m.fringe[2 * at] = fore;
  m.fringe[2 * at + 1] = back;
}

#define TILES PET_CUDA_FAR_TILES
#define ALL_TILES (TILES * TILES)
#define IN_TILE (PET_CUDA_FAR_SAMPLES / TILES)

static inline __device__ int
sample_at (int k, int side)
{
  return (int) ((2 * (long long) k + 1) * side / (2 * PET_CUDA_FAR_SAMPLES));
}

static inline __device__ void
add_sample (const PetCudaMatteData &m, int column, int row, uint4 sums[2])
{
  const uint8_t *pixel =
      pixel_of (m.photo, m.part_x + sample_at (column, m.part_width),
          m.part_y + sample_at (row, m.part_height));
  int value = *pixel_of (
      m.mask, sample_at (column, m.mask.width), sample_at (row, m.mask.height));

  if (m.photo.channels == 4)
    value = (value * pixel[3] + 127) / 255;
  if (value <= m.low || value >= m.high)
    add4 (&sums[value <= m.low], make_uint4 (1, pixel[0], pixel[1], pixel[2]));
}

static inline __device__ float4
spread (const uint4 *tiles, int at)
{
  float n = 0.0f, red = 0.0f, green = 0.0f, blue = 0.0f;

  for (int i = 0; i < ALL_TILES; i++) {
    int down = i / TILES - at / TILES, across = i % TILES - at % TILES;
    int squared = 1 + down * down + across * across;
    float weight = 1.0f / (float) (squared * squared);

    n += (float) (int) tiles[i].x * weight;
    red += (float) (int) tiles[i].y * weight;
    green += (float) (int) tiles[i].z * weight;
    blue += (float) (int) tiles[i].w * weight;
  }
  if (n == 0.0f)
    return make_float4 (0.0f, 0.0f, 0.0f, 0.0f);
  return make_float4 (red / n, green / n, blue / n, 1.0f);
}

/* One block; a thread has one row of one tile's samples, then the colour of one
 * tile. */
static __global__ void
matte_far (PetCudaMatteData m)
{
  __shared__ uint4 rows[2][ALL_TILES][IN_TILE], tiles[2][ALL_TILES];
  int at = (int) threadIdx.x, tile = at / IN_TILE, line = at % IN_TILE;
  int part = at / ALL_TILES;
  uint4 sums[2] = { make_uint4 (0, 0, 0, 0), make_uint4 (0, 0, 0, 0) };

  for (int k = 0; k < IN_TILE; k++)
    add_sample (
        m, tile % TILES * IN_TILE + k, tile / TILES * IN_TILE + line, sums);
  rows[0][tile][line] = sums[0];
  rows[1][tile][line] = sums[1];
  __syncthreads ();
  if (part < 2) {
    uint4 sum = rows[part][at % ALL_TILES][0];

    for (int k = 1; k < IN_TILE; k++)
      add4 (&sum, rows[part][at % ALL_TILES][k]);
    tiles[part][at % ALL_TILES] = sum;
  }
  __syncthreads ();
  if (part < 2)
    m.far[at] = spread (tiles[part], at % ALL_TILES);
}

static inline __device__ bool
is_soft_around (const PetCudaMatteData &m, int i, int row)
{
  for (int y = first_of (row, 1); y <= last_of (row, 1, m.height); y++)
    for (int x = first_of (i, 1); x <= last_of (i, 1, m.width); x++)
      if (m.soft[(size_t) y * (size_t) m.width + (size_t) x])
        return true;
  return false;
}

static inline __device__ float4
mean_color (uint4 sum)
{
  float share = sum.x > 0 ? 1.0f / (float) (int) sum.x : 0.0f;

  return make_float4 ((float) (int) sum.y * share, (float) (int) sum.z * share,
      (float) (int) sum.w * share, 0.0f);
}

static inline __device__ float4
between4 (float4 a, float4 b, float share)
{
  return make_float4 (between (a.x, b.x, share), between (a.y, b.y, share),
      between (a.z, b.z, share), 0.0f);
}

static inline __device__ int
far_place (int cell, int step, int from, float scale, float *share)
{
  float at =
      (((float) cell + 0.5f) * (float) step - (float) from) * scale - 0.5f;

  at = at < 0.0f ? 0.0f : at > (float) (TILES - 1) ? (float) (TILES - 1) : at;
  *share = at - (float) (int) at;
  return (int) at;
}

static inline __device__ float4
far_color (const PetCudaMatteData &m, int part, int column, int row)
{
  float across, down;
  int left = far_place (column, m.step, m.part_x, m.far_scale_x, &across);
  int top = far_place (row, m.step, m.part_y, m.far_scale_y, &down);
  int right = left + (left < TILES - 1);
  const float4 *above = m.far + part * ALL_TILES + top * TILES;
  const float4 *below = above + (top < TILES - 1 ? TILES : 0);

  return between4 (between4 (above[left], below[left], down),
      between4 (above[right], below[right], down), across);
}

/* The mean colour, or what is far where it cannot be trusted. */
static inline __device__ float4
pure_color (const PetCudaMatteData &m, int part, int column, int row, uint4 sum)
{
  float trust = (float) (int) sum.x * m.trust_scale - 0.25f;
  float4 near = mean_color (sum);

  trust = pet_clamp_unit (trust);
  if (trust == 1.0f || m.far[part * ALL_TILES].w == 0.0f)
    return near;
  return between4 (far_color (m, part, column, row), near, trust);
}

/* Only what soft pixels may look at. */
static __global__ void
matte_pure (PetCudaMatteData m)
{
  uint4 fore = make_uint4 (0, 0, 0, 0), back = fore;
  const uint4 *columns;
  int i, row;
  size_t at;

  if (!pet_find_pixel (m.width, &i, &row))
    return;
  at = (size_t) row * (size_t) m.width + (size_t) i;
  columns = m.fringe_columns + 2 * (size_t) row * (size_t) m.width;
  if (is_soft_around (m, i, row))
    for (int k = first_of (i, m.reach); k <= last_of (i, m.reach, m.width);
         k++) {
      add4 (&fore, columns[2 * k]);
      add4 (&back, columns[2 * k + 1]);
    }
  m.pure[2 * at] = pure_color (m, 0, i, row, fore);
  m.pure[2 * at + 1] = pure_color (m, 1, i, row, back);
}

/* Pure colour `part` (0: pet, 1: background) at a pixel: down, then across. */
static inline __device__ float4
pure_at (const PetCudaMatteData &m, int x, int y, int part)
{
  int left = m.tables.x.first[x], right = min (left + 1, m.width - 1);
  float down = m.tables.y.share[y];
  const float4 *above = m.pure +
      2 * (size_t) m.tables.y.first[y] * (size_t) m.width + (size_t) part;
  const float4 *below = down > 0.0f ? above + 2 * (size_t) m.width : above;

  return between4 (between4 (above[2 * left], below[2 * left], down),
      between4 (above[2 * right], below[2 * right], down), m.tables.x.share[x]);
}

/* As clean_pixel() of pet-matte-rows-plain.h. */
static inline __device__ uint32_t
clean_pixel (const PetCudaMatteData &m, int x, int y, uint32_t pixel)
{
  float4 f = pure_at (m, x, y, 0), b = pure_at (m, x, y, 1);
  const float fore[3] = { f.x, f.y, f.z }, back[3] = { b.x, b.y, b.z };
  float alpha = (float) (int) (pixel >> 24) * (1.0f / 255.0f);
  float rest = 1.0f - alpha, along = 0.0f, distance = 100.0f;
  float size = 0.0f, leak, kept;
  float error[3], away[3];
  uint32_t result = pixel & 0xff000000u;

  for (int c = 0; c < 3; c++) {
    error[c] = (float) (int) (pixel >> (8 * c) & 255) - alpha * fore[c] -
        rest * back[c];
    away[c] = back[c] - fore[c];
    along += error[c] * away[c];
    distance += away[c] * away[c];
    size += error[c] * error[c];
  }
  leak = along / distance;
  leak = leak < 0.0f ? 0.0f : leak;
  leak = leak > m.leak_margin * rest ? m.leak_margin * rest : leak;
  kept = alpha + rest * size / (size + m.keep * distance);
  for (int c = 0; c < 3; c++) {
    float value = fore[c] + kept * (error[c] - leak * away[c]);

    result |= (uint32_t) round_level (value) << (8 * c);
  }
  return result;
}

static inline __device__ uint32_t
cut_pixel (
    const PetCudaMatteData &m, int x, int y, uint32_t color, uint32_t alpha)
{
  uint32_t pixel = (color & 0xffffffu) | alpha << 24;

  if (alpha == 0)
    return m.scrub ? 0 : pixel;
  return m.decontaminate && alpha != 255 ? clean_pixel (m, x, y, pixel) : pixel;
}

static __global__ void
matte_compose (PetCudaMatteData m, PetCudaImage cutout)
{
  uint32_t pixels[PET_QUAD], alpha;
  int i, x, y;

  if (!pet_find_pixel ((m.photo.width + PET_QUAD - 1) / PET_QUAD, &i, &y))
    return;
  x = i * PET_QUAD;
  load_quad (m.photo, x, y, pixels);
  alpha = *(const uint32_t *) pixel_of (m.alpha, x, y);
  for (int k = 0; k < PET_QUAD; k++)
    pixels[k] = x + k < m.photo.width
        ? cut_pixel (m, x + k, y, pixels[k], alpha >> (8 * k) & 255)
        : 0;
  *pet_quad_at (cutout, x, y) =
      make_uint4 (pixels[0], pixels[1], pixels[2], pixels[3]);
}

cudaError_t
pet_cuda_matte_compose (
    const PetCudaMatteData *m, const PetCudaImage *cutout, cudaStream_t stream)
{
  dim3 cells = pet_pixel_blocks (m->width, m->height), block (PET_BLOCK);
  dim3 quads = pet_pixel_blocks (
      (m->photo.width + PET_QUAD - 1) / PET_QUAD, m->photo.height);
  cudaError_t result = cudaSuccess;

  if (m->decontaminate)
    result = PET_LAUNCH (matte_fringe, cells, block, stream) (*m);
  if (result == cudaSuccess && m->decontaminate)
    result = sum_down (m->fringe, 2 * m->width, m->height, m->reach,
        m->fringe_columns, stream);
  if (result == cudaSuccess && m->decontaminate)
    result = PET_LAUNCH_SYNC (
        matte_far, dim3 (1), dim3 (ALL_TILES * IN_TILE), stream) (*m);
  if (result == cudaSuccess && m->decontaminate)
    result = PET_LAUNCH (matte_pure, cells, block, stream) (*m);
  if (result == cudaSuccess)
    result = PET_LAUNCH (matte_compose, quads, block, stream) (*m, *cutout);
  return result;
}
