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
  int radius = (int) (2.5f * sigma + 0.5f);

  radius = radius < 1 ? 1 : radius > MAX_RADIUS ? MAX_RADIUS : radius;
  pet_gaussian_taps (taps, radius, (double) sigma);
  return radius;
}

static void
blur_line (float *restrict dst, const float *restrict line, int columns,
    const float *taps, int radius)
{
  for (int x = 0; x < columns; x++)
    dst[x] = taps[0] * line[x];
  for (int k = 1; k <= radius; k++)
    for (int x = 0; x < columns; x++)
      dst[x] += taps[k] * (line[x - k] + line[x + k]);
}

static void
add_scaled (float *restrict dst, const float *restrict src, float scale, int n)
{
  for (int x = 0; x < n; x++)
    dst[x] += scale * src[x];
}

static void
blur_down (const PetCells *cells, float *dst, const float *src,
    const float *taps, int radius)
{
  size_t columns = (size_t) cells->columns;

  memset (dst, 0, count_cells (cells) * sizeof (float));
  for (int row = 0; row < cells->rows; row++)
    for (int k = -radius; k <= radius; k++)
      if (row + k >= 0 && row + k < cells->rows)
        add_scaled (dst + (size_t) row * columns,
            src + (size_t) (row + k) * columns, taps[k < 0 ? -k : k],
            cells->columns);
}

void
pet_cells_blur (
    const PetCells *cells, float *dst, const float *src, float sigma)
{
  size_t columns = (size_t) cells->columns;
  float taps[MAX_RADIUS + 1];
  int radius = make_taps (taps, sigma);
  float *line = cells->line + PET_CELLS_PAD;

  memset (cells->line, 0, (columns + 2 * PET_CELLS_PAD) * sizeof (float));
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

void
pet_cells_guide (const PetCells *cells, float *dst, const float *src,
    float sigma, float epsilon)
{
  float *sum = cells->room[1], *weight = cells->room[2];
  float *square = cells->room[3];
  size_t n = count_cells (cells);

  for (size_t i = 0; i < n; i++) {
    sum[i] = src[i] * cells->weight[i];
    square[i] = src[i] * sum[i];
  }
  pet_cells_blur (cells, sum, sum, sigma);
  pet_cells_blur (cells, square, square, sigma);
  pet_cells_blur (cells, weight, cells->weight, sigma);
  for (size_t i = 0; i < n; i++) {
    float mean = sum[i] / (weight[i] + 1e-6f);
    float variance = square[i] / (weight[i] + 1e-6f) - mean * mean;
    float slope;

    variance = variance > 0.0f ? variance : 0.0f;
    slope = variance / (variance + epsilon);
    sum[i] = slope * cells->weight[i];
    square[i] = (1.0f - slope) * mean * cells->weight[i];
  }
  pet_cells_blur (cells, sum, sum, sigma);
  pet_cells_blur (cells, square, square, sigma);
  for (size_t i = 0; i < n; i++)
    dst[i] = (sum[i] * src[i] + square[i]) / (weight[i] + 1e-6f);
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
