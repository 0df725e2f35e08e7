/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Filters of planes of cells. What lies outside the grid or is hidden has no
 * weight. */

#include <math.h>
#include <string.h>

#include "image/effects/pet-fine.h"

#define MAX_RADIUS (PET_CELLS_PAD - 4)

static size_t
count_cells (const PetCells *cells)
{
  return (size_t) cells->columns * (size_t) cells->rows;
}

/* A row becomes the mean of its neighbours that have a weight or were given a
 * value in this pass; `step` is 1 downwards, -1 upwards. */
static void
fill_row (const PetCells *cells, float *plane, float *known, int row, int step)
{
  int columns = cells->columns, above = row - step;
  float *line = plane + (size_t) row * (size_t) columns;
  float *mark = known + (size_t) row * (size_t) columns;
  int has_above = above >= 0 && above < cells->rows;
  const float *up =
      plane + (size_t) (has_above ? above : row) * (size_t) columns;
  const float *up_mark =
      known + (size_t) (has_above ? above : row) * (size_t) columns;

  for (int n = 0; n < columns; n++) {
    int i = step > 0 ? n : columns - 1 - n;
    int before = i - step;
    float sum = 0.0f, count = 0.0f;

    if (mark[i] > 0.0f)
      continue;
    if (before >= 0 && before < columns && mark[before] > 0.0f) {
      sum += line[before];
      count += 1.0f;
    }
    if (has_above && up_mark[i] > 0.0f) {
      sum += up[i];
      count += 1.0f;
    }
    if (count > 0.0f) {
      line[i] = sum / count;
      mark[i] = 1.0f;
    }
  }
}

void
pet_cells_fill (const PetCells *cells, float *plane)
{
  float *known = cells->room[0];

  for (size_t i = 0; i < count_cells (cells); i++)
    known[i] = cells->weight[i] > 0.02f ? 1.0f : 0.0f;
  for (int row = 0; row < cells->rows; row++)
    fill_row (cells, plane, known, row, 1);
  for (int row = cells->rows - 1; row >= 0; row--)
    fill_row (cells, plane, known, row, -1);
}

static int
make_taps (float *taps, float sigma)
{
  int radius = (int) (2.0f * sigma + 0.5f);

  radius = radius < 1 ? 1 : radius > MAX_RADIUS ? MAX_RADIUS : radius;
  pet_gaussian_taps (taps, radius, (double) sigma);
  return radius;
}

/* BLOCK cells, whose sums stay in registers. */
#if defined __AVX512F__
#define WIDTH 16
#elif defined __AVX__
#define WIDTH 8
#else
#define WIDTH 4
#endif
#define BLOCK 32
#define N_VECTORS (BLOCK / WIDTH)

typedef float Vector
    __attribute__ ((vector_size (4 * WIDTH), aligned (4), may_alias));

/* BLOCK sums around `at`; `step` floats lie between neighbours, of which
 * `before` and `after` exist. */
static inline void
sum_block (float *dst, const float *at, size_t step, const float *taps,
    int radius, int before, int after)
{
  Vector sum[N_VECTORS];

  for (int i = 0; i < N_VECTORS; i++)
    sum[i] = taps[0] * ((const Vector *) at)[i];
  for (int k = 1; k <= radius; k++) {
    const Vector *up = (const Vector *) (at - (size_t) k * step);
    const Vector *down = (const Vector *) (at + (size_t) k * step);

    if (k <= before && k <= after)
      for (int i = 0; i < N_VECTORS; i++)
        sum[i] += taps[k] * (up[i] + down[i]);
    else if (k <= before)
      for (int i = 0; i < N_VECTORS; i++)
        sum[i] += taps[k] * up[i];
    else if (k <= after)
      for (int i = 0; i < N_VECTORS; i++)
        sum[i] += taps[k] * down[i];
  }
  for (int i = 0; i < N_VECTORS; i++)
    ((Vector *) dst)[i] = sum[i];
}

/* `line` has room on both sides. */
static void
blur_line (
    float *dst, const float *line, int columns, const float *taps, int radius)
{
  float last[BLOCK];
  int x = 0;

  for (; x + BLOCK <= columns; x += BLOCK)
    sum_block (dst + x, line + x, 1, taps, radius, radius, radius);
  if (x == columns)
    return;
  sum_block (last, line + x, 1, taps, radius, radius, radius);
  memcpy (dst + x, last, (size_t) (columns - x) * sizeof (float));
}

static void
blur_narrow (const PetCells *cells, float *dst, const float *src,
    const float *taps, int radius)
{
  int columns = cells->columns;

  for (int row = 0; row < cells->rows; row++)
    for (int x = 0; x < columns; x++) {
      const float *at = src + (size_t) row * (size_t) columns + x;
      float sum = taps[0] * *at;

      for (int k = 1; k <= radius; k++) {
        float near = 0.0f;

        if (k <= row)
          near += at[-(ptrdiff_t) k * columns];
        if (k < cells->rows - row)
          near += at[(ptrdiff_t) k * columns];
        sum += taps[k] * near;
      }
      dst[(size_t) row * (size_t) columns + (size_t) x] = sum;
    }
}

static void
blur_down (const PetCells *cells, float *dst, const float *src,
    const float *taps, int radius)
{
  int columns = cells->columns;

  if (columns < BLOCK) {
    blur_narrow (cells, dst, src, taps, radius);
    return;
  }
  for (int row = 0; row < cells->rows; row++)
    for (int x = 0; x < columns; x += BLOCK) {
      size_t at = (size_t) row * (size_t) columns;

      at += (size_t) (x + BLOCK <= columns ? x : columns - BLOCK);
      sum_block (dst + at, src + at, (size_t) columns, taps, radius, row,
          cells->rows - 1 - row);
    }
}

void
pet_cells_blur (
    const PetCells *cells, float *dst, const float *src, float sigma)
{
  size_t columns = (size_t) cells->columns;
  float taps[MAX_RADIUS + 1];
  int radius = make_taps (taps, sigma);
  float *line = cells->line + PET_CELLS_PAD;

  memset (
      cells->line, 0, (columns + 2 * PET_CELLS_PAD + BLOCK) * sizeof (float));
  for (int row = 0; row < cells->rows; row++) {
    memcpy (line, src + (size_t) row * columns, columns * sizeof (float));
    blur_line (cells->room[0] + (size_t) row * columns, line, cells->columns,
        taps, radius);
  }
  blur_down (cells, dst, cells->room[0], taps, radius);
}

void
pet_cells_smooth (
    const PetCells *cells, float *dst, const float *src, float sigma)
{
  float *restrict sum = cells->room[1], *restrict weight = cells->room[2];
  size_t n = count_cells (cells);

  for (size_t i = 0; i < n; i++)
    sum[i] = src[i] * cells->weight[i];
  pet_cells_blur (cells, sum, sum, sigma);
  pet_cells_blur (cells, weight, cells->weight, sigma);
  for (size_t i = 0; i < n; i++)
    dst[i] = sum[i] / (weight[i] + 1e-6f);
}

/* Sums of src and its square over windows become lines, weighted. */
static void
fit_lines (float *restrict sum, float *restrict square,
    const float *restrict total, const float *restrict weight, float epsilon,
    size_t n)
{
  for (size_t i = 0; i < n; i++) {
    float mean = sum[i] / (total[i] + 1e-6f);
    float variance = square[i] / (total[i] + 1e-6f) - mean * mean;
    float slope;

    variance = variance > 0.0f ? variance : 0.0f;
    slope = variance / (variance + epsilon);
    sum[i] = slope * weight[i];
    square[i] = (1.0f - slope) * mean * weight[i];
  }
}

/* `sum`, `square`: of what is in each cell; they become slope and offset.
 * Uses room[0] and `total`. */
static void
find_lines (const PetCells *cells, float *restrict sum, float *restrict square,
    float *restrict total, float sigma, float epsilon)
{
  size_t n = count_cells (cells);

  pet_cells_blur (cells, sum, sum, sigma);
  pet_cells_blur (cells, square, square, sigma);
  pet_cells_blur (cells, total, cells->weight, sigma);
  fit_lines (sum, square, total, cells->weight, epsilon, n);
  pet_cells_blur (cells, sum, sum, sigma);
  pet_cells_blur (cells, square, square, sigma);
  for (size_t i = 0; i < n; i++) {
    sum[i] /= total[i] + 1e-6f;
    square[i] /= total[i] + 1e-6f;
  }
}

/* Weight, and weighted sums of `src` and its square, of 2x2 cells. */
static void
halve (const PetCells *cells, const float *src, const PetCells *half,
    float *restrict sum, float *restrict square)
{
  size_t columns = (size_t) cells->columns, i = 0;

  for (int y = 0; y < half->rows; y++)
    for (int x = 0; x < half->columns; x++, i++) {
      size_t at = 2 * ((size_t) y * columns + (size_t) x);
      size_t right = 2 * x + 1 < cells->columns ? 1 : 0;
      size_t down = 2 * y + 1 < cells->rows ? columns : 0;
      size_t places[4] = { at, at + right, at + down, at + right + down };
      float total = 0.0f, first = 0.0f, second = 0.0f;

      for (int k = 0; k < 4; k++) {
        float weight = cells->weight[places[k]], value = src[places[k]];

        total += weight;
        first += weight * value;
        second += weight * value * value;
      }
      half->weight[i] = total;
      sum[i] = first;
      square[i] = second;
    }
}

/* Back to the size of `cells`, linearly between the centres. */
static void
double_size (
    const PetCells *cells, const PetCells *half, const float *src, float *dst)
{
  int last_row = half->rows - 1, last = half->columns - 1;
  float *line = cells->line;

  for (int y = 0; y < cells->rows; y++) {
    int near = y / 2, next = near + (y & 1 ? 1 : -1);
    float *restrict out = dst + (size_t) y * (size_t) cells->columns;
    const float *a, *b;

    next = next < 0 ? 0 : next > last_row ? last_row : next;
    a = src + (size_t) near * (size_t) half->columns;
    b = src + (size_t) next * (size_t) half->columns;
    for (int x = 0; x <= last; x++)
      line[1 + x] = 0.75f * a[x] + 0.25f * b[x];
    line[0] = line[1];
    line[last + 2] = line[last + 1];
    for (int x = 0; x < cells->columns / 2; x++) {
      out[2 * x] = 0.75f * line[1 + x] + 0.25f * line[x];
      out[2 * x + 1] = 0.75f * line[1 + x] + 0.25f * line[2 + x];
    }
    if (cells->columns % 2 == 1)
      out[cells->columns - 1] = line[last + 1];
  }
}

/* Wide windows are laid over cells of twice the size, for an eighth of the
 * work (He, Sun 2015). */
#define WIDE_SIGMA 6.0f
#define WIDE_CELLS 8

void
pet_cells_guide_lines (
    const PetCells *cells, const float *src, float sigma, float epsilon)
{
  float *restrict sum = cells->room[1], *restrict square = cells->room[3];
  PetCells half = *cells;
  size_t n = count_cells (cells);

  if (sigma < WIDE_SIGMA || cells->columns < WIDE_CELLS ||
      cells->rows < WIDE_CELLS) {
    for (size_t i = 0; i < n; i++) {
      sum[i] = src[i] * cells->weight[i];
      square[i] = src[i] * sum[i];
    }
    find_lines (cells, sum, square, cells->room[2], sigma, epsilon);
    return;
  }
  half.columns = (cells->columns + 1) / 2;
  half.rows = (cells->rows + 1) / 2;
  half.weight = cells->room[2];
  n = count_cells (&half);
  halve (cells, src, &half, half.weight + n, half.weight + 2 * n);
  find_lines (
      &half, half.weight + n, half.weight + 2 * n, sum, 0.5f * sigma, epsilon);
  double_size (cells, &half, half.weight + n, sum);
  double_size (cells, &half, half.weight + 2 * n, square);
}

void
pet_cells_guide (const PetCells *cells, float *dst, const float *src,
    float sigma, float epsilon)
{
  const float *slope = cells->room[1], *offset = cells->room[3];

  pet_cells_guide_lines (cells, src, sigma, epsilon);
  for (size_t i = 0; i < count_cells (cells); i++)
    dst[i] = slope[i] * src[i] + offset[i];
}

void
pet_cells_levels (const PetCells *cells, const float *plane,
    const float *shares, float *levels, int n)
{
  enum { BINS = 512 };
  double bins[BINS] = { 0 }, total = 0.0, sum = 0.0;
  int bin = -1;

  for (size_t i = 0; i < count_cells (cells); i++) {
    float at = pet_clamp01 (plane[i]) * (BINS - 1);

    bins[(int) at] += (double) cells->weight[i];
    total += (double) cells->weight[i];
  }
  for (int i = 0; i < n; i++) {
    while (bin < BINS - 1 && (bin < 0 || sum < (double) shares[i] * total))
      sum += bins[++bin];
    levels[i] = ((float) bin + 0.5f) / BINS;
  }
}
