/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guided filter of gst/image/pet-mask-guided.c and the blur fusion of
 * gst/image/pet-matte-decontaminate.c; their headers have the formulas. Where
 * the C versions slide sums along, a thread here adds up its own window: the
 * windows are small (2 to 31 wide at the sizes of photos), and nothing has to
 * wait. */

#include "pet-kernel.h"

static inline __device__ const uint8_t *
pixel_at (const PetCudaImage &image, int x, int y)
{
  return image.data + (ptrdiff_t) y * image.stride_bytes +
      (ptrdiff_t) x * image.channels;
}

static inline __device__ bool
find_pixel (int width, int height, int *x, int *y)
{
  size_t i = pet_index ();

  *x = (int) (i % (size_t) width);
  *y = (int) (i / (size_t) width);
  return i < (size_t) width * (size_t) height;
}

static inline dim3
blocks_of (int width, int height)
{
  return pet_blocks ((size_t) width * (size_t) height);
}

static inline __device__ float
grey_of (const uint8_t *pixel)
{
  return (float) (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2]) *
      (1.0f / 255000.0f);
}

static __global__ void
shrink (PetCudaGuided g, PetCudaImage alpha, PetCudaImage photo)
{
  float guide = 0.0f, mask = 0.0f, share;
  int x, y, right, bottom;
  size_t at;

  if (!find_pixel (g.width, g.height, &x, &y))
    return;
  right = min ((x + 1) * g.step, g.full_width);
  bottom = min ((y + 1) * g.step, g.full_height);
  for (int row = y * g.step; row < bottom; row++)
    for (int column = x * g.step; column < right; column++) {
      guide += grey_of (pixel_at (photo, column, row));
      mask += (float) *pixel_at (alpha, column, row);
    }
  share = 1.0f / (float) ((right - x * g.step) * (bottom - y * g.step));
  at = (size_t) y * (size_t) g.width + (size_t) x;
  g.guide[at] = guide * share;
  g.mask[at] = mask * (share / 255.0f);
}

/* Sums down the columns: of guide, mask and their products, or of slope and
 * offset. */
static __global__ void
sum_down (PetCudaGuided g, bool second)
{
  double sums[4] = { 0 };
  int x, y;

  if (!find_pixel (g.width, g.height, &x, &y))
    return;
  for (int row = max (y - g.radius, 0); row <= min (y + g.radius, g.height - 1);
       row++) {
    size_t at = (size_t) row * (size_t) g.width + (size_t) x;

    if (second) {
      sums[0] += g.slope[at];
      sums[1] += g.offset[at];
    } else {
      double i = g.guide[at], p = g.mask[at];

      sums[0] += i;
      sums[1] += p;
      sums[2] += i * i;
      sums[3] += i * p;
    }
  }
  for (int c = 0; c < 4; c++)
    g.sums[((size_t) y * (size_t) g.width + (size_t) x) * 4 + (size_t) c] =
        sums[c];
}

/* Sums across, divided by how many there were; the means of the coefficients
 * take the place of guide and mask. */
static __global__ void
sum_across (PetCudaGuided g, bool second)
{
  double sums[4] = { 0 }, count, i, p, a;
  int x, y, left, right, rows;
  size_t at;

  if (!find_pixel (g.width, g.height, &x, &y))
    return;
  left = max (x - g.radius, 0);
  right = min (x + g.radius, g.width - 1);
  rows = min (y + g.radius, g.height - 1) - max (y - g.radius, 0) + 1;
  at = (size_t) y * (size_t) g.width;
  for (int column = left; column <= right; column++)
    for (int c = 0; c < 4; c++)
      sums[c] += g.sums[(at + (size_t) column) * 4 + (size_t) c];
  count = (double) (right - left + 1) * rows;
  at += (size_t) x;
  if (second) {
    g.guide[at] = (float) (sums[0] / count);
    g.mask[at] = (float) (sums[1] / count);
    return;
  }
  i = sums[0] / count;
  p = sums[1] / count;
  a = (sums[3] / count - i * p) / (sums[2] / count - i * i + g.epsilon);
  g.slope[at] = (float) a;
  g.offset[at] = (float) (p - a * i);
}

/* First of the two small places around full place `i`. */
static inline __device__ int
small_position (int i, int step, int size, float *share)
{
  float at = ((float) i + 0.5f) / (float) step - 0.5f;
  int first = at > 0.0f ? (int) at : 0;

  *share = 0.0f;
  if (first >= size - 1)
    return size - 1;
  if (at > 0.0f)
    *share = at - (float) first;
  return first;
}

static inline __device__ float
interpolate (
    const float *plane, int width, int top, int left, float down, float across)
{
  const float *above = plane + (size_t) top * (size_t) width;
  const float *below = down > 0.0f ? above + width : above;
  int right = left + (across > 0.0f);
  float a = above[left] + (below[left] - above[left]) * down;
  float b = above[right] + (below[right] - above[right]) * down;

  return a + (b - a) * across;
}

static __global__ void
refine (PetCudaGuided g, PetCudaImage alpha, PetCudaImage photo)
{
  float down, across, slope, offset, value;
  int x, y, top, left;

  if (!find_pixel (g.full_width, g.full_height, &x, &y))
    return;
  top = small_position (y, g.step, g.height, &down);
  left = small_position (x, g.step, g.width, &across);
  slope = interpolate (g.guide, g.width, top, left, down, across);
  offset = interpolate (g.mask, g.width, top, left, down, across);
  value = pet_clamp_unit (slope * grey_of (pixel_at (photo, x, y)) + offset);
  alpha.data[(ptrdiff_t) y * alpha.stride_bytes + x] =
      (uint8_t) (value * 255.0f + 0.5f);
}

cudaError_t
pet_cuda_guided (const PetCudaGuided *guided, const PetCudaImage *alpha,
    const PetCudaImage *photo, cudaStream_t stream)
{
  dim3 small = blocks_of (guided->width, guided->height), block (PET_BLOCK);
  cudaError_t result =
      PET_LAUNCH (shrink, small, block, stream) (*guided, *alpha, *photo);

  for (int pass = 0; pass < 2; pass++) {
    bool second = pass == 1;

    if (result == cudaSuccess)
      result = PET_LAUNCH (sum_down, small, block, stream) (*guided, second);
    if (result == cudaSuccess)
      result = PET_LAUNCH (sum_across, small, block, stream) (*guided, second);
  }
  if (result == cudaSuccess)
    result =
        PET_LAUNCH (refine, blocks_of (guided->full_width, guided->full_height),
            block, stream) (*guided, *alpha, *photo);
  return result;
}

/* a, F a (3), 1 - a, B (1 - a) (3) */
enum { ALPHA, FORE, REST = 4, BACK, SUMS = 8 };

static inline __device__ void
set_parts (float *parts, float alpha, const float *fore, const float *back)
{
  parts[ALPHA] = alpha;
  parts[REST] = 1.0f - alpha;
  for (int c = 0; c < 3; c++) {
    parts[FORE + c] = alpha * fore[c];
    parts[BACK + c] = (1.0f - alpha) * back[c];
  }
}

static inline __device__ void
read_color (const uint8_t *pixel, float *color)
{
  for (int c = 0; c < 3; c++)
    color[c] = (float) pixel[c];
}

static __global__ void
fill_cells (PetCudaFusion f, PetCudaImage photo, PetCudaImage alpha)
{
  float sums[SUMS] = { 0 }, color[3], parts[SUMS];
  int x, y;

  if (!find_pixel (f.width, f.height, &x, &y))
    return;
  for (int row = y * f.step; row < min ((y + 1) * f.step, photo.height); row++)
    for (int column = x * f.step; column < min ((x + 1) * f.step, photo.width);
         column++) {
      read_color (pixel_at (photo, column, row), color);
      set_parts (parts,
          (float) *pixel_at (alpha, column, row) * (1.0f / 255.0f), color,
          color);
      for (int c = 0; c < SUMS; c++)
        sums[c] += parts[c];
    }
  for (int c = 0; c < SUMS; c++)
    f.cells[((size_t) y * (size_t) f.width + (size_t) x) * SUMS + (size_t) c] =
        sums[c];
}

static __global__ void
sum_cells_down (PetCudaFusion f)
{
  double sums[SUMS] = { 0 };
  int x, y;

  if (!find_pixel (f.width, f.height, &x, &y))
    return;
  for (int row = max (y - f.radius, 0); row <= min (y + f.radius, f.height - 1);
       row++)
    for (int c = 0; c < SUMS; c++)
      sums[c] += f.cells[((size_t) row * (size_t) f.width + (size_t) x) * SUMS +
          (size_t) c];
  for (int c = 0; c < SUMS; c++)
    f.down[((size_t) y * (size_t) f.width + (size_t) x) * SUMS + (size_t) c] =
        sums[c];
}

static __global__ void
sum_cells_across (PetCudaFusion f)
{
  double sums[SUMS] = { 0 };
  int x, y;

  if (!find_pixel (f.width, f.height, &x, &y))
    return;
  for (int column = max (x - f.radius, 0);
       column <= min (x + f.radius, f.width - 1); column++)
    for (int c = 0; c < SUMS; c++)
      sums[c] +=
          f.down[((size_t) y * (size_t) f.width + (size_t) column) * SUMS +
              (size_t) c];
  for (int c = 0; c < SUMS; c++)
    f.wide[((size_t) y * (size_t) f.width + (size_t) x) * SUMS + (size_t) c] =
        (float) sums[c];
}

static inline __device__ void
solve (const float *sums, float alpha, const float *color, float *fore,
    float *back)
{
  for (int c = 0; c < 3; c++) {
    float f = sums[FORE + c] / sums[ALPHA];
    float b = sums[BACK + c] / sums[REST];
    float error = color[c] - alpha * f - (1.0f - alpha) * b;

    fore[c] = 255.0f * pet_clamp_unit ((f + alpha * error) / 255.0f);
    back[c] = 255.0f * pet_clamp_unit ((b + (1.0f - alpha) * error) / 255.0f);
  }
}

/* What the first pass leaves of a pixel for the second. */
static inline __device__ void
first_pass (const PetCudaFusion &f, const uint8_t *pixel, int a, int x, int y,
    float *parts)
{
  float alpha = (float) a * (1.0f / 255.0f), down, across;
  float color[3], fore[3], back[3], sums[SUMS];
  int top, left, right;
  const float *above, *below;

  read_color (pixel, color);
  if (a == 0 || a == 255) {
    set_parts (parts, alpha, color, color);
    return;
  }
  top = small_position (y, f.step, f.height, &down);
  left = small_position (x, f.step, f.width, &across);
  right = left + (across > 0.0f);
  above = f.wide + (size_t) top * (size_t) f.width * SUMS;
  below = down > 0.0f ? above + (size_t) f.width * SUMS : above;
  for (int c = 0; c < SUMS; c++) {
    float u = above[left * SUMS + c], v = above[right * SUMS + c];

    u += (below[left * SUMS + c] - u) * down;
    v += (below[right * SUMS + c] - v) * down;
    sums[c] = u + (v - u) * across;
  }
  solve (sums, alpha, color, fore, back);
  set_parts (parts, alpha, fore, back);
}

/* The colour of a half-transparent pixel. Such pixels are few, so each adds
 * up its window by itself and no picture of parts is kept. */
static inline __device__ void
second_pass (const PetCudaFusion &f, const PetCudaImage &photo,
    const PetCudaImage &alpha, int x, int y, uint8_t *color)
{
  int a = *pixel_at (alpha, x, y);
  float own[3], fore[3], back[3], window[SUMS], parts[SUMS];
  double sums[SUMS] = { 0 };

  for (int column = max (x - f.narrow, 0);
       column <= min (x + f.narrow, photo.width - 1); column++)
    for (int row = max (y - f.narrow, 0);
         row <= min (y + f.narrow, photo.height - 1); row++) {
      first_pass (f, pixel_at (photo, column, row),
          *pixel_at (alpha, column, row), column, row, parts);
      for (int c = 0; c < SUMS; c++)
        sums[c] += parts[c];
    }
  for (int c = 0; c < SUMS; c++)
    window[c] = (float) sums[c];
  read_color (pixel_at (photo, x, y), own);
  solve (window, (float) a * (1.0f / 255.0f), own, fore, back);
  for (int c = 0; c < 3; c++)
    color[c] = (uint8_t) (fore[c] + 0.5f);
}

static __global__ void
cutout (PetCudaImage photo, PetCudaImage alpha, PetCudaFusion f, bool fuse,
    bool scrub, PetCudaImage out)
{
  uint8_t color[3];
  uchar4 pixel;
  int x, y, a;

  if (!find_pixel (photo.width, photo.height, &x, &y))
    return;
  a = *pixel_at (alpha, x, y);
  for (int c = 0; c < 3; c++)
    color[c] = scrub && a == 0 ? 0 : pixel_at (photo, x, y)[c];
  if (fuse && a > 0 && a < 255)
    second_pass (f, photo, alpha, x, y, color);
  pixel = make_uchar4 (color[0], color[1], color[2], (uint8_t) a);
  *(uchar4 *) pixel_at (out, x, y) = pixel;
}

cudaError_t
pet_cuda_cutout (const PetCudaImage *photo, const PetCudaImage *alpha,
    const PetCudaFusion *fusion, bool scrub, const PetCudaImage *out,
    cudaStream_t stream)
{
  PetCudaFusion none = { 0, 0, 0, 0, 0, NULL, NULL, NULL };
  const PetCudaFusion *f = fusion != NULL ? fusion : &none;
  dim3 cells = blocks_of (f->width, f->height), block (PET_BLOCK);
  cudaError_t result = cudaSuccess;

  if (fusion != NULL) {
    result = PET_LAUNCH (fill_cells, cells, block, stream) (*f, *photo, *alpha);
    if (result == cudaSuccess)
      result = PET_LAUNCH (sum_cells_down, cells, block, stream) (*f);
    if (result == cudaSuccess)
      result = PET_LAUNCH (sum_cells_across, cells, block, stream) (*f);
  }
  if (result == cudaSuccess)
    result = PET_LAUNCH (cutout, blocks_of (photo->width, photo->height), block,
        stream) (*photo, *alpha, *f, fusion != NULL, scrub, *out);
  return result;
}
