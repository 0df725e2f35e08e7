/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks whose pixels depend on a neighbourhood of fixed size; dithering
 * has a file of its own. Same arithmetic in the same order as
 * gst/image/effects, hence the same bytes. Tiles of TILE_W x TILE_H pixels with
 * their surroundings live in shared memory. */

#include "pet-kernel.h"

#define TILE_W 32
#define TILE_H 16

static inline __device__ uchar4
load_pixel (const PetCudaImage &image, int x, int y)
{
  return (
      (const uchar4 *) (image.data + (ptrdiff_t) y * image.stride_bytes))[x];
}

static inline __device__ void
store_pixel (const PetCudaImage &image, int x, int y, uchar4 pixel)
{
  ((uchar4 *) (image.data + (ptrdiff_t) y * image.stride_bytes))[x] = pixel;
}

static inline dim3
tiles_of (const PetCudaImage *image)
{
  return dim3 ((unsigned) ((image->height + TILE_H - 1) / TILE_H),
      (unsigned) ((image->width + TILE_W - 1) / TILE_W), 1);
}

/* For all places of a w x h tile, shared among the threads of the block. */
#define FOR_TILE(w, h, i, j)                                                   \
  for (int t_ = (int) threadIdx.x, i = t_ % (w), j = t_ / (w); t_ < (w) * (h); \
       t_ += PET_BLOCK, i = t_ % (w), j = t_ / (w))

static inline __device__ int
popart_level (int saturated)
{
  return (saturated > 127500) + (saturated >= 382500);
}

static inline __device__ uint32_t
popart_pixel (uint32_t pixel, const uint32_t *colors)
{
  int r = pet_clamp (5 * (int) (pixel & 255) - 384, 0, 510);
  int g = pet_clamp (5 * (int) (pixel >> 8 & 255) - 384, 0, 510);
  int b = pet_clamp (5 * (int) (pixel >> 16 & 255) - 384, 0, 510);
  int luma = 299 * r + 587 * g + 114 * b;

  return colors[9 * popart_level (2000 * r - luma) +
             3 * popart_level (2000 * g - luma) +
             popart_level (2000 * b - luma)] |
      (pixel & 0xff000000u);
}

/* Behind the end of the row `src` was perhaps never written. */
static inline __device__ uint4
load_quad (const PetCudaImage &src, int x, int y)
{
  const uint4 *from = pet_quad_at (src, x, y);
  const uint32_t *pixels = (const uint32_t *) from;

  if (x + PET_QUAD <= src.width)
    return *from;
  return make_uint4 (pixels[0], x + 1 < src.width ? pixels[1] : 0,
      x + 2 < src.width ? pixels[2] : 0, 0);
}

/* A thread has PET_QUAD pixels: 16 bytes in, 16 out. */
static __global__ void
popart (PetCudaImage src, const uint32_t *colors, PetCudaImage dst)
{
  uint4 quad;
  int i, y;

  if (!pet_find_pixel ((src.width + PET_QUAD - 1) / PET_QUAD, &i, &y))
    return;
  quad = load_quad (src, PET_QUAD * i, y);
  quad.x = popart_pixel (quad.x, colors);
  quad.y = popart_pixel (quad.y, colors);
  quad.z = popart_pixel (quad.z, colors);
  quad.w = popart_pixel (quad.w, colors);
  *pet_quad_at (dst, PET_QUAD * i, y) = quad;
}

cudaError_t
pet_cuda_popart (const PetCudaImage *src, const uint32_t *colors,
    const PetCudaImage *dst, cudaStream_t stream)
{
  dim3 grid =
      pet_pixel_blocks ((src->width + PET_QUAD - 1) / PET_QUAD, src->height);

  return PET_LAUNCH (popart, grid, dim3 (PET_BLOCK), stream) (
      *src, colors, *dst);
}

/* ---- enhancedblackwhite ---- */

enum { EDGE_RADIUS = 2, WIDE_RADIUS = 10, TIGHT_RADIUS = 4 };

/* Curve and edges: 4 bytes read and 4 written per pixel. */
static __global__ void
film_edges (PetCudaImage src, PetCudaFilm film)
{
  enum { W = TILE_W + 2 * EDGE_RADIUS, H = TILE_H + 2 * EDGE_RADIUS };
  __shared__ float grey[H][W], soft[H][TILE_W];
  int left = (int) blockIdx.y * TILE_W, top = (int) blockIdx.x * TILE_H;
  const float *taps = film.edge_taps;

  FOR_TILE (W, H, i, j)
  {
    uchar4 p =
        load_pixel (src, pet_mirror_at (left + i - EDGE_RADIUS, src.width),
            pet_mirror_at (top + j - EDGE_RADIUS, src.height));

    grey[j][i] = film.curve[9 * p.x + 36 * p.y + 5 * p.z];
  }
  __syncthreads ();
  FOR_TILE (TILE_W, H, i, j)
  {
    float sum = taps[0] * grey[j][i + EDGE_RADIUS];

    for (int k = 1; k <= EDGE_RADIUS; k++)
      sum += taps[k] *
          (grey[j][i + EDGE_RADIUS - k] + grey[j][i + EDGE_RADIUS + k]);
    soft[j][i] = sum;
  }
  __syncthreads ();
  FOR_TILE (TILE_W, TILE_H, i, j)
  {
    float g = grey[j + EDGE_RADIUS][i + EDGE_RADIUS];
    float sum = taps[0] * soft[j + EDGE_RADIUS][i];
    int x = left + i, y = top + j;

    for (int k = 1; k <= EDGE_RADIUS; k++)
      sum += taps[k] *
          (soft[j + EDGE_RADIUS - k][i] + soft[j + EDGE_RADIUS + k][i]);
    if (x < src.width && y < src.height)
      film.edge[(size_t) y * (size_t) src.width + (size_t) x] = pet_clamp_unit (
          g + film.edge_strength * (g - sum) * 4.0f * g * (1.0f - g));
  }
}

static inline __host__ __device__ uint32_t
mix (uint32_t x)
{
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

uint32_t
pet_cuda_film_seed (uint32_t seed)
{
  return mix (seed ^ 0x243f6a88u);
}

enum { LAYER_FINE, LAYER_COARSE };

static inline __device__ float
normal_at (const PetCudaFilm &film, int layer, int x, int y)
{
  uint32_t key =
      mix (film.seed + ((uint32_t) y * 2 + (uint32_t) layer) * 0x9e3779b1u);

  return film.normal[mix (key + (uint32_t) x * 0x9e3779b1u) >> 20];
}

static inline __device__ int
coarse_position (int i, int size, int coarse_size, float *share)
{
  double at = (i + 0.5) * coarse_size / size - 0.5;
  int left;

  if (at < 0.0)
    at = 0.0;
  left = (int) at;
  *share = left < coarse_size - 1 ? (float) (at - left) : 0.0f;
  return left < coarse_size - 1 ? left : coarse_size - 1;
}

static inline __device__ float
coarse_at (const PetCudaFilm &film, int x, int top, float down)
{
  float above = normal_at (film, LAYER_COARSE, x, top);
  float below =
      down > 0.0f ? normal_at (film, LAYER_COARSE, x, top + 1) : above;

  return above + (below - above) * down;
}

static inline __device__ float
noise_at (const PetCudaFilm &film, int x, int y, int width, int height)
{
  float down, across, a, b;
  int top = coarse_position (y, height, film.coarse_height, &down);
  int left = coarse_position (x, width, film.coarse_width, &across);

  a = coarse_at (film, left, top, down);
  b = across > 0.0f ? coarse_at (film, left + 1, top, down) : a;
  return 0.7f * 0.4f * normal_at (film, LAYER_FINE, x, y) +
      0.3f * 0.6f * (a + (b - a) * across);
}

/* The noise of a tile and the pixel around it, blurred down the columns. */
static inline __device__ void
make_noise (const PetCudaFilm &film, int left, int top, int width, int height,
    float (*noise)[TILE_W + 2], float (*column)[TILE_W + 2])
{
  const float *taps = film.grain_taps;

  FOR_TILE (TILE_W + 2, TILE_H + 2, i, j)
  {
    noise[j][i] = noise_at (film, pet_mirror_at (left + i - 1, width),
        pet_mirror_at (top + j - 1, height), width, height);
  }
  __syncthreads ();
  FOR_TILE (TILE_W + 2, TILE_H, i, j)
  {
    column[j][i] =
        taps[0] * noise[j + 1][i] + taps[1] * (noise[j][i] + noise[j + 2][i]);
  }
}

static inline __device__ float
add_grain (const PetCudaFilm &film, float g, const float *column)
{
  const float *taps = film.grain_taps;
  float noise = taps[0] * column[1] + taps[1] * (column[0] + column[2]);
  float weight = 1.2f - g;

  weight = weight < 0.3f ? 0.3f : weight > 1.0f ? 1.0f : weight;
  return pet_clamp_unit (g + film.grain * noise * weight);
}

enum {
  BRIGHT_W = TILE_W + 2 * WIDE_RADIUS,
  BRIGHT_H = TILE_H + 2 * WIDE_RADIUS
};

/* Where the edges are bright, blurred along the rows, wide and tight. */
static inline __device__ void
blur_rows (const PetCudaFilm &film, const uint8_t (*bright)[BRIGHT_W],
    float (*wide)[TILE_W], float (*tight)[TILE_W])
{
  FOR_TILE (TILE_W, BRIGHT_H, i, j)
  {
    const uint8_t *at = &bright[j][i + WIDE_RADIUS];
    float w = film.wide_taps[0] * (float) at[0];
    float t = film.tight_taps[0] * (float) at[0];

    for (int k = 1; k <= WIDE_RADIUS; k++)
      w += film.wide_taps[k] * (float) (at[-k] + at[k]);
    for (int k = 1; k <= TIGHT_RADIUS; k++)
      t += film.tight_taps[k] * (float) (at[-k] + at[k]);
    wide[j][i] = w;
    tight[j][i] = t;
  }
}

static inline __device__ float
add_halation (const PetCudaFilm &film, float g, const float (*wide)[TILE_W],
    const float (*tight)[TILE_W], int i, int j)
{
  float w = film.wide_taps[0] * wide[j][i];
  float t = film.tight_taps[0] * tight[j][i], halo;

  for (int k = 1; k <= WIDE_RADIUS; k++)
    w += film.wide_taps[k] * (wide[j - k][i] + wide[j + k][i]);
  for (int k = 1; k <= TIGHT_RADIUS; k++)
    t += film.tight_taps[k] * (tight[j - k][i] + tight[j + k][i]);
  halo = film.halation * (0.3f * w + 0.7f * t);
  return pet_clamp_unit (g + halo * (1.0f - g * g));
}

/* Halation, grain, highlights: 8 bytes read and 4 written per pixel, beside
 * the surroundings of the tiles. */
static __global__ void
film_develop (PetCudaImage src, PetCudaFilm film, PetCudaImage dst)
{
  __shared__ uint8_t bright[BRIGHT_H][BRIGHT_W];
  __shared__ float wide[BRIGHT_H][TILE_W], tight[BRIGHT_H][TILE_W];
  __shared__ float noise[TILE_H + 2][TILE_W + 2], column[TILE_H][TILE_W + 2];
  int left = (int) blockIdx.y * TILE_W, top = (int) blockIdx.x * TILE_H;

  FOR_TILE (BRIGHT_W, BRIGHT_H, i, j)
  {
    int x = pet_mirror_at (left + i - WIDE_RADIUS, src.width);
    int y = pet_mirror_at (top + j - WIDE_RADIUS, src.height);

    bright[j][i] =
        film.edge[(size_t) y * (size_t) src.width + (size_t) x] > 0.75f;
  }
  __syncthreads ();
  blur_rows (film, bright, wide, tight);
  if (film.grain > 0.0f)
    make_noise (film, left, top, src.width, src.height, noise, column);
  __syncthreads ();
  FOR_TILE (TILE_W, TILE_H, i, j)
  {
    int x = left + i, y = top + j;
    uint8_t level;
    float g;

    if (x >= src.width || y >= src.height)
      continue;
    g = film.edge[(size_t) y * (size_t) src.width + (size_t) x];
    g = add_halation (film, g, wide, tight, i, j + WIDE_RADIUS);
    if (film.grain > 0.0f)
      g = add_grain (film, g, &column[j][i]);
    g = g > 0.9f ? 0.95f * g + 0.05f : g;
    level = (uint8_t) (255.0f * g);
    store_pixel (
        dst, x, y, make_uchar4 (level, level, level, load_pixel (src, x, y).w));
  }
}

cudaError_t
pet_cuda_film (const PetCudaImage *src, const PetCudaFilm *film,
    const PetCudaImage *dst, cudaStream_t stream)
{
  cudaError_t result = PET_LAUNCH_SYNC (
      film_edges, tiles_of (src), dim3 (PET_BLOCK), stream) (*src, *film);

  if (result == cudaSuccess)
    result = PET_LAUNCH_SYNC (film_develop, tiles_of (src), dim3 (PET_BLOCK),
        stream) (*src, *film, *dst);
  return result;
}

/* ---- retro8bit ---- */

static inline __device__ uint8_t
nearest_color (const int32_t *palette, const int *color)
{
  int best = INT32_MAX;

  for (int i = 0; i < 32; i++) {
    int r = 3 * (color[0] - palette[i]);
    int g = 12 * (color[1] - palette[32 + i]);
    int b = 5 * (color[2] - palette[64 + i]);
    int key = (r * r + g * g + b * b) * 32 + i;

    best = key < best ? key : best;
  }
  return (uint8_t) (best & 31);
}

static inline __device__ int
divide_half_even (unsigned long long sum, unsigned long long divisor)
{
  unsigned long long quotient = sum / divisor, twice = 2 * (sum % divisor);

  return (int) (quotient +
      (twice > divisor || (twice == divisor && (quotient & 1))));
}

/* How much of pixel `i` lies in [start, end), in parts of 1 / cells. */
static inline __device__ unsigned long long
overlap (long long i, long long cells, long long start, long long end)
{
  long long from = i * cells > start ? i * cells : start;
  long long to = (i + 1) * cells < end ? (i + 1) * cells : end;

  return (unsigned long long) (to - from);
}

/* A thread has one cell: exact sums over the pixels that it overlaps. */
static __global__ void
retro_cells (PetCudaImage src, const int32_t *palette, int columns, int rows,
    uint8_t *out)
{
  unsigned long long sums[3] = { 0 };
  long long left, right, top, bottom;
  int color[3], x, y;

  if (!pet_find_pixel (columns, &x, &y))
    return;
  left = (long long) x * src.width;
  right = left + src.width;
  top = (long long) y * src.height;
  bottom = top + src.height;
  for (long long row = top / rows; row * rows < bottom; row++) {
    unsigned long long down = overlap (row, rows, top, bottom);

    for (long long column = left / columns; column * columns < right;
         column++) {
      unsigned long long share = down * overlap (column, columns, left, right);
      uchar4 pixel = load_pixel (src, (int) column, (int) row);

      sums[0] += share * pixel.x;
      sums[1] += share * pixel.y;
      sums[2] += share * pixel.z;
    }
  }
  for (int c = 0; c < 3; c++)
    color[c] = divide_half_even (sums[c],
        (unsigned long long) src.width * (unsigned long long) src.height);
  out[(size_t) y * (size_t) columns + (size_t) x] =
      nearest_color (palette, color);
}

static inline __device__ bool
is_edge (const int16_t (*luma)[TILE_W + 4], int i, int j, int threshold2)
{
  const int16_t *above = &luma[j - 1][i], *at = &luma[j][i];
  const int16_t *below = &luma[j + 1][i];
  int gx = above[1] + 2 * at[1] + below[1] - above[-1] - 2 * at[-1] - below[-1];
  int gy =
      below[-1] + 2 * below[0] + below[1] - above[-1] - 2 * above[0] - above[1];

  return gx * gx + gy * gy > threshold2;
}

/* The luma of a tile and two pixels around it, then its edges with one. */
static inline __device__ void
find_edges (const PetCudaImage &src, int left, int top, int threshold2,
    int16_t (*luma)[TILE_W + 4], uint8_t (*edge)[TILE_W + 2])
{
  FOR_TILE (TILE_W + 4, TILE_H + 4, i, j)
  {
    uchar4 p = load_pixel (src, pet_mirror_at (left + i - 2, src.width),
        pet_mirror_at (top + j - 2, src.height));

    luma[j][i] =
        (int16_t) ((299u * p.x + 587u * p.y + 114u * p.z + 500u) / 1000u);
  }
  __syncthreads ();
  FOR_TILE (TILE_W + 2, TILE_H + 2, i, j)
  {
    int x = left + i - 1, y = top + j - 1;
    bool inside = x >= 0 && x < src.width && y >= 0 && y < src.height;

    edge[j][i] = inside && is_edge (luma, i + 1, j + 1, threshold2);
  }
}

/* i * cells / size */
static inline __device__ unsigned
cell_of (int i, int cells, int size)
{
  return size < 65536 ? (unsigned) i * (unsigned) cells / (unsigned) size
                      : (unsigned) ((unsigned long long) i * (unsigned) cells /
                            (unsigned) size);
}

static __global__ void
retro_paint (PetCudaImage src, PetCudaRetro retro, PetCudaImage dst)
{
  __shared__ int16_t luma[TILE_H + 4][TILE_W + 4];
  __shared__ uint8_t edge[TILE_H + 2][TILE_W + 2];
  int left = (int) blockIdx.y * TILE_W, top = (int) blockIdx.x * TILE_H;

  find_edges (src, left, top, retro.threshold2, luma, edge);
  __syncthreads ();
  FOR_TILE (TILE_W, TILE_H, i, j)
  {
    int x = left + i, y = top + j, fine = 0, index = 0;
    uint8_t alpha;

    if (x >= src.width || y >= src.height)
      continue;
    for (int k = 0; k < 9; k++)
      fine |= edge[j + k / 3][i + k % 3];
    alpha = load_pixel (src, x, y).w;
    if (alpha != 0) {
      int columns = fine ? retro.columns[1] : retro.columns[0];
      int rows = fine ? retro.rows[1] : retro.rows[0];
      const uint8_t *cells = fine ? retro.cells[1] : retro.cells[0];

      index = cells[(size_t) cell_of (y, rows, src.height) * (size_t) columns +
          cell_of (x, columns, src.width)];
    }
    store_pixel (dst, x, y,
        make_uchar4 ((uint8_t) retro.palette[index],
            (uint8_t) retro.palette[32 + index],
            (uint8_t) retro.palette[64 + index], alpha));
  }
}

cudaError_t
pet_cuda_retro (const PetCudaImage *src, const PetCudaRetro *retro,
    const PetCudaImage *dst, cudaStream_t stream)
{
  cudaError_t result = cudaSuccess;

  for (int i = 0; i < 2 && result == cudaSuccess; i++)
    result = PET_LAUNCH (retro_cells,
        pet_pixel_blocks (retro->columns[i], retro->rows[i]), dim3 (PET_BLOCK),
        stream) (*src, retro->palette, retro->columns[i], retro->rows[i],
        retro->cells[i]);
  if (result == cudaSuccess)
    result = PET_LAUNCH_SYNC (retro_paint, tiles_of (src), dim3 (PET_BLOCK),
        stream) (*src, *retro, *dst);
  return result;
}
