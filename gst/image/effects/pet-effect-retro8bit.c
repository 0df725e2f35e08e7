/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chunky pixels in a fixed palette of 32 coat colours. All integer: cells
 * overlap source pixels by whole multiples of 1/cells, sums are exact, means
 * are rounded to nearest, ties to even. The palette is searched once per cell,
 * not per pixel. Defined for visible pixels only: where alpha is 0 colours
 * come out as 0, 0, 0; means take hidden colours as they are.
 *
 * Two passes: first all cells (a byte each: 0.14 bytes of scratch memory per
 * pixel at the default size, 1.25 at size 1), then rows, by a ring of 3 rows
 * of luma and 3 of edges. About 65 bytes per column come on top. */

#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/pet-pixels.h"
#include "image/pet-plane.h"

enum { PIXEL_SIZE, EDGE_THRESHOLD };

static const PetEffectParam params[] = {
  [PIXEL_SIZE] = { "pixel-size", "Width and height of a chunky pixel",
      PET_PARAM_INT, 1.0, 16.0, 6.0 },
  [EDGE_THRESHOLD] = { "edge-threshold",
      "Gradient above which pixels are half as large", PET_PARAM_INT, 0.0,
      1443.0, 40.0 },
};

/* Cells whose colours are searched together. */
#define BATCH 64

/* The picture at one cell size. */
typedef struct {
  int columns, rows;
  uint8_t *cells;   /* palette indices */
  int32_t *column;  /* cell column of each pixel column */
  uint32_t *colors; /* of the cells of `row`, for each pixel column */
  int row;          /* -1 = none yet */
} Grid;

typedef struct {
  const PetImage *src;
  int width, height;
  int threshold2; /* squared */
  uint32_t palette[32];
  Grid coarse, fine;
  uint32_t *column_sums; /* of one row of cells, 4 channels */
  double *sums;          /* the same per cell, 3 channels */
  PetRing luma;
  PetRing edge;
  uint8_t *dilated;
  int n_luma, n_edge; /* rows made so far */
} Retro;

/* A picture that has no room for one cell stays as it is. */
static void
take_grid (
    PetScratch *scratch, Grid *grid, int width, int height, int cell_size)
{
  grid->columns = width / cell_size;
  grid->rows = height / cell_size;
  if (grid->columns == 0 || grid->rows == 0) {
    grid->columns = width;
    grid->rows = height;
  }
  grid->cells =
      pet_scratch_take (scratch, (size_t) grid->rows, (size_t) grid->columns);
  grid->column = pet_scratch_take (scratch, (size_t) width, sizeof (int32_t));
  grid->colors = pet_scratch_take (scratch, (size_t) width, sizeof (uint32_t));
  grid->row = -1;
}

static void
take_scratch (PetScratch *scratch, Retro *retro, int width, int height,
    const double *values)
{
  int size = (int) values[PIXEL_SIZE];

  take_grid (scratch, &retro->coarse, width, height, size);
  take_grid (scratch, &retro->fine, width, height, size < 4 ? 2 : size / 2);
  retro->column_sums =
      pet_scratch_take (scratch, (size_t) width, 4 * sizeof (uint32_t));
  retro->sums = pet_scratch_take (scratch, (size_t) width, 3 * sizeof (double));
  pet_ring_take (scratch, &retro->luma, 3, width, 1, sizeof (int16_t));
  pet_ring_take (scratch, &retro->edge, 3, width, 1, 1);
  retro->dilated = pet_scratch_take (scratch, (size_t) width, 1);
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Retro retro;

  take_scratch (&scratch, &retro, width, height, values);
  return pet_scratch_size (&scratch);
}

/* Indices of the nearest colours, (3, 12, 5) / 20 being the channels' weights.
 * The index in the lowest bits makes the first of equals win. */
static void
find_nearest (int32_t (*restrict means)[BATCH], uint8_t *cells, int n)
{
  int32_t best[BATCH];

  for (int k = 0; k < BATCH; k++)
    best[k] = INT32_MAX;
  for (int i = 0; i < 32; i++) {
    int32_t red = pet_retro_palette[0][i], green = pet_retro_palette[1][i];
    int32_t blue = pet_retro_palette[2][i];

    for (int k = 0; k < BATCH; k++) {
      int32_t r = 3 * (means[0][k] - red);
      int32_t g = 12 * (means[1][k] - green);
      int32_t b = 5 * (means[2][k] - blue);
      int32_t key = (r * r + g * g + b * b) * 32 + i;

      best[k] = key < best[k] ? key : best[k];
    }
  }
  for (int k = 0; k < n; k++)
    cells[k] = best[k] & 31;
}

/* Adds `weight` times a row of pixels to the sums of the columns: at most 255
 * times the picture's height for a cell, below 2^28. */
static void
add_row (const uint8_t *restrict src, int width, uint32_t weight,
    uint32_t *restrict sums)
{
  for (int i = 0; i < 4 * width; i++)
    sums[i] += weight * src[i];
}

/* Sums of cell columns, from those of pixel columns. In units of 1 / columns
 * of a pixel a cell is `width` wide: what the cell before left of a pixel,
 * some whole ones, and a part of the next. */
static void
add_columns (const Grid *grid, const uint32_t *column, int width, double *sums)
{
  const int columns = grid->columns;
  int left = columns;

  for (int i = 0; i < columns; i++, sums += 3) {
    int wanted = width - left;
    uint64_t part[3], whole[3] = { 0 };

    for (int c = 0; c < 3; c++)
      part[c] = (uint64_t) left * column[c];
    column += 4;
    for (; wanted >= columns; wanted -= columns, column += 4)
      for (int c = 0; c < 3; c++)
        whole[c] += column[c];
    for (int c = 0; c < 3 && wanted > 0; c++)
      part[c] += (uint64_t) wanted * column[c];
    left = columns - wanted;
    for (int c = 0; c < 3; c++)
      sums[c] = (double) (part[c] + (uint64_t) columns * whole[c]);
  }
}

/* The nearest whole number, ties to even. Sums and areas are whole numbers
 * below 2^53, so that remainders are exact; the quotient by the inverse is off
 * by one at most. */
static inline int32_t
divide (double sum, double area, double inverse)
{
  int32_t quotient = (int32_t) (sum * inverse);
  double rest = sum - (double) quotient * area;
  int32_t less = rest < 0.0, more = rest >= area, up;

  quotient += more - less;
  rest += (double) less * area - (double) more * area;
  up = (rest + rest > area) | ((rest + rest == area) & quotient);
  return quotient + (up & 1);
}

static void
find_cells (const Retro *retro, const Grid *grid, uint8_t *cell)
{
  double area = (double) retro->width * (double) retro->height;
  double inverse = 1.0 / area;

  for (int first = 0; first < grid->columns; first += BATCH) {
    int n = grid->columns - first < BATCH ? grid->columns - first : BATCH;
    int32_t means[3][BATCH] = { { 0 } };

    for (int c = 0; c < 3; c++)
      for (int k = 0; k < n; k++)
        means[c][k] = divide (retro->sums[3 * (first + k) + c], area, inverse);
    find_nearest (means, cell + first, n);
  }
}

static void
make_cell_row (const Retro *retro, const Grid *grid, int row)
{
  int64_t height = retro->height, rows = grid->rows;
  int64_t top = row * height, bottom = top + height;
  uint8_t *cell = grid->cells + (size_t) row * (size_t) grid->columns;

  memset (retro->column_sums, 0, (size_t) retro->width * 4 * sizeof (uint32_t));
  for (int64_t y = top / rows; y * rows < bottom; y++) {
    int64_t start = y * rows > top ? y * rows : top;
    int64_t end = (y + 1) * rows < bottom ? (y + 1) * rows : bottom;

    add_row (pet_image_row (retro->src, (int) y), retro->width,
        (uint32_t) (end - start), retro->column_sums);
  }
  add_columns (grid, retro->column_sums, retro->width, retro->sums);
  find_cells (retro, grid, cell);
}

static void
make_grid (const Retro *retro, const Grid *grid)
{
  for (int x = 0; x < retro->width; x++)
    grid->column[x] = (int32_t) ((int64_t) x * grid->columns / retro->width);
  for (int row = 0; row < grid->rows; row++)
    make_cell_row (retro, grid, row);
}

static void
make_luma_row (Retro *retro, int y)
{
  const uint8_t *src = pet_image_row (retro->src, y);
  int16_t *luma = pet_ring_row (&retro->luma, y);

  /* n / 1000 = (n / 8) / 125, and n / 8 is below 2^15. */
  for (int x = 0; x < retro->width; x++) {
    uint32_t pixel, n;

    memcpy (&pixel, src + 4 * (size_t) x, 4);
    n = 299u * (uint32_t) pet_pixel_red (pixel) +
        587u * (uint32_t) pet_pixel_green (pixel) +
        114u * (uint32_t) pet_pixel_blue (pixel) + 500u;
    luma[x] = (int16_t) ((n >> 3) * 33555u >> 22);
  }
  pet_ring_mirror (&retro->luma, y);
}

static void
find_edges (const int16_t *restrict above, const int16_t *restrict luma,
    const int16_t *restrict below, uint8_t *restrict edge, int width,
    int32_t threshold2)
{
  for (int x = 0; x < width; x++) {
    int right = above[x + 1] + 2 * luma[x + 1] + below[x + 1];
    int left = above[x - 1] + 2 * luma[x - 1] + below[x - 1];
    int down = below[x - 1] + 2 * below[x] + below[x + 1];
    int up = above[x - 1] + 2 * above[x] + above[x + 1];
    int gx = right - left, gy = down - up;

    edge[x] = gx * gx + gy * gy > threshold2;
  }
}

static void
make_edge_row (Retro *retro, int y)
{
  uint8_t *edge = pet_ring_row (&retro->edge, y);

  for (; retro->n_luma < retro->height && retro->n_luma <= y + 1;
       retro->n_luma++)
    make_luma_row (retro, retro->n_luma);
  find_edges (pet_ring_row (&retro->luma, pet_mirror (y - 1, retro->height)),
      pet_ring_row (&retro->luma, y),
      pet_ring_row (&retro->luma, pet_mirror (y + 1, retro->height)), edge,
      retro->width, retro->threshold2);
  /* Beyond the border there are no edges to be dilated. */
  edge[-1] = edge[retro->width] = 0;
}

static void
join_edges (const uint8_t *restrict above, const uint8_t *restrict edge,
    const uint8_t *restrict below, uint8_t *restrict dilated, int width)
{
  for (int x = 0; x < width; x++)
    dilated[x] = above[x - 1] | above[x] | above[x + 1] | edge[x - 1] |
        edge[x] | edge[x + 1] | below[x - 1] | below[x] | below[x + 1];
}

static void
dilate (Retro *retro, int y)
{
  int last = retro->height - 1;

  for (; retro->n_edge <= last && retro->n_edge <= y + 1; retro->n_edge++)
    make_edge_row (retro, retro->n_edge);
  join_edges (pet_ring_row (&retro->edge, y > 0 ? y - 1 : 0),
      pet_ring_row (&retro->edge, y),
      pet_ring_row (&retro->edge, y < last ? y + 1 : last), retro->dilated,
      retro->width);
}

/* The colours of the cells at row `y`, spread over the pixels. */
static const uint32_t *
cell_colors (const Retro *retro, Grid *grid, int y)
{
  int row = (int) ((int64_t) y * grid->rows / retro->height);
  const uint8_t *cell = grid->cells + (size_t) row * (size_t) grid->columns;

  if (row == grid->row)
    return grid->colors;
  grid->row = row;
  for (int x = 0; x < retro->width; x++)
    grid->colors[x] = retro->palette[cell[grid->column[x]]];
  return grid->colors;
}

static void
write_pixels (const uint8_t *src, uint8_t *dst, int width,
    const uint8_t *restrict is_edge, const uint32_t *restrict coarse,
    const uint32_t *restrict fine)
{
  for (int x = 0; x < width; x++) {
    uint32_t pixel, color = is_edge[x] ? fine[x] : coarse[x];

    memcpy (&pixel, src + 4 * (size_t) x, 4);
    pixel &= PET_PIXEL_ALPHA;
    pixel = pixel == 0 ? 0 : pixel | color;
    memcpy (dst + 4 * (size_t) x, &pixel, 4);
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  Retro retro = { .src = src, .width = src->width, .height = src->height };
  int threshold = (int) values[EDGE_THRESHOLD];

  retro.threshold2 = threshold * threshold;
  for (int i = 0; i < 32; i++)
    retro.palette[i] = pet_pixel ((unsigned) pet_retro_palette[0][i],
        (unsigned) pet_retro_palette[1][i], (unsigned) pet_retro_palette[2][i],
        0);
  take_scratch (&scratch, &retro, src->width, src->height, values);
  make_grid (&retro, &retro.coarse);
  make_grid (&retro, &retro.fine);
  for (int y = 0; y < src->height; y++) {
    dilate (&retro, y);
    write_pixels (pet_image_row (src, y), pet_image_row (dst, y), src->width,
        retro.dilated, cell_colors (&retro, &retro.coarse, y),
        cell_colors (&retro, &retro.fine, y));
  }
}

const PetEffect PET_VERSION (pet_effect_retro8bit) = {
  .name = "retro8bit",
  .blurb = "Chunky pixels in a fixed palette of 32 coat colours",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
