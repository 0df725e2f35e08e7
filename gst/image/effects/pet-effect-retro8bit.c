/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chunky pixels in a fixed palette of 32 coat colours. All integer: cells
 * overlap source pixels by whole multiples of 1/cells, sums are exact, means
 * are rounded to nearest, ties to even. The palette is searched once per cell,
 * not per pixel. Defined for visible pixels only: where alpha is 0 colours
 * come out as 0, 0, 0; means take hidden colours as they are.
 *
 * Two passes: first all cells (a byte each: 0.14 bytes of scratch memory per
 * pixel at the default size, 1.25 at size 1), then rows, by a ring of 3 rows
 * of luma and 3 of edges. About 45 bytes per column come on top. */

#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/pet-plane.h"

enum { PIXEL_SIZE, EDGE_THRESHOLD };

static const PetEffectParam params[] = {
  [PIXEL_SIZE] = { "pixel-size", "Width and height of a chunky pixel",
      PET_PARAM_INT, 1.0, 16.0, 6.0 },
  [EDGE_THRESHOLD] = { "edge-threshold",
      "Gradient above which pixels are half as large", PET_PARAM_INT, 0.0,
      1443.0, 40.0 },
};

/* Reds, greens, blues. */
const int32_t pet_retro_palette[3][32] = {
  { 0, 25, 50, 75, 100, 130, 160, 190, 220, 255, 45, 62, 85, 101, 120, 139, 160,
      180, 200, 255, 255, 240, 205, 160, 139, 70, 100, 40, 60, 150, 34, 50 },
  { 0, 25, 50, 75, 100, 130, 160, 190, 220, 255, 30, 39, 55, 67, 80, 90, 110,
      130, 150, 180, 200, 220, 133, 82, 69, 50, 70, 60, 80, 200, 70, 100 },
  { 0, 25, 50, 75, 100, 130, 160, 190, 220, 255, 15, 20, 30, 33, 45, 50, 70, 90,
      110, 120, 160, 200, 63, 45, 19, 30, 40, 80, 120, 255, 34, 50 }
};

/* The picture at one cell size. */
typedef struct {
  int columns, rows;
  uint8_t *cells;  /* palette indices */
  int32_t *column; /* cell column of each pixel column */
} Grid;

typedef struct {
  const PetImage *src;
  int width, height;
  int threshold2; /* squared */
  Grid coarse, fine;
  uint64_t *sums; /* of one row of cells, 3 channels */
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
}

static void
take_scratch (PetScratch *scratch, Retro *retro, int width, int height,
    const double *values)
{
  int size = (int) values[PIXEL_SIZE];

  take_grid (scratch, &retro->coarse, width, height, size);
  take_grid (scratch, &retro->fine, width, height, size < 4 ? 2 : size / 2);
  retro->sums =
      pet_scratch_take (scratch, (size_t) width, 3 * sizeof (uint64_t));
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

/* Index of the nearest colour, (3, 12, 5) / 20 being the channels' weights.
 * The index in the lowest bits makes the first of equals win. */
static uint8_t
nearest_color (const int *color)
{
  int best = INT32_MAX;

  for (int i = 0; i < 32; i++) {
    int r = 3 * (color[0] - pet_retro_palette[0][i]);
    int g = 12 * (color[1] - pet_retro_palette[1][i]);
    int b = 5 * (color[2] - pet_retro_palette[2][i]);
    int key = (r * r + g * g + b * b) * 32 + i;

    best = key < best ? key : best;
  }
  return best & 31;
}

/* Adds `weight` times a row of pixels to the cells' sums. In units of
 * 1 / columns of a pixel a cell is `width` wide: what the cell before left of
 * a pixel, some whole ones, and a part of the next. */
static void
add_row (const Grid *grid, const uint8_t *src, int width, uint64_t weight,
    uint64_t *sums)
{
  const int columns = grid->columns;
  int left = columns;

  for (int i = 0; i < columns; i++, sums += 3) {
    int wanted = width - left;
    uint64_t part[3];
    uint32_t whole[3] = { 0 };

    for (int c = 0; c < 3; c++)
      part[c] = (uint64_t) left * src[c];
    src += 4;
    for (; wanted >= columns; wanted -= columns, src += 4)
      for (int c = 0; c < 3; c++)
        whole[c] += src[c];
    for (int c = 0; c < 3 && wanted > 0; c++)
      part[c] += (uint64_t) wanted * src[c];
    left = columns - wanted;
    for (int c = 0; c < 3; c++)
      sums[c] += weight * (part[c] + (uint64_t) columns * whole[c]);
  }
}

static int
divide_half_even (uint64_t sum, uint64_t divisor)
{
  uint64_t quotient = sum / divisor, twice = 2 * (sum % divisor);

  return (int) (quotient +
      (twice > divisor || (twice == divisor && (quotient & 1))));
}

static void
make_cell_row (const Retro *retro, const Grid *grid, int row)
{
  int64_t height = retro->height, rows = grid->rows;
  int64_t top = row * height, bottom = top + height;
  uint64_t area = (uint64_t) retro->width * (uint64_t) retro->height;
  uint8_t *cell = grid->cells + (size_t) row * (size_t) grid->columns;

  memset (retro->sums, 0, (size_t) grid->columns * 3 * sizeof (uint64_t));
  for (int64_t y = top / rows; y * rows < bottom; y++) {
    int64_t start = y * rows > top ? y * rows : top;
    int64_t end = (y + 1) * rows < bottom ? (y + 1) * rows : bottom;

    add_row (grid, pet_image_row (retro->src, (int) y), retro->width,
        (uint64_t) (end - start), retro->sums);
  }
  for (int i = 0; i < grid->columns; i++) {
    int color[3];

    for (int c = 0; c < 3; c++)
      color[c] = divide_half_even (retro->sums[3 * i + c], area);
    cell[i] = nearest_color (color);
  }
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

  for (int x = 0; x < retro->width; x++, src += 4)
    luma[x] =
        (int16_t) ((299u * src[0] + 587u * src[1] + 114u * src[2] + 500u) /
            1000u);
  pet_ring_mirror (&retro->luma, y);
}

static void
make_edge_row (Retro *retro, int y)
{
  const int16_t *above, *luma, *below;
  uint8_t *restrict edge = pet_ring_row (&retro->edge, y);

  for (; retro->n_luma < retro->height && retro->n_luma <= y + 1;
       retro->n_luma++)
    make_luma_row (retro, retro->n_luma);
  above = pet_ring_row (&retro->luma, pet_mirror (y - 1, retro->height));
  luma = pet_ring_row (&retro->luma, y);
  below = pet_ring_row (&retro->luma, pet_mirror (y + 1, retro->height));
  for (int x = 0; x < retro->width; x++) {
    int right = above[x + 1] + 2 * luma[x + 1] + below[x + 1];
    int left = above[x - 1] + 2 * luma[x - 1] + below[x - 1];
    int down = below[x - 1] + 2 * below[x] + below[x + 1];
    int up = above[x - 1] + 2 * above[x] + above[x + 1];
    int gx = right - left, gy = down - up;

    edge[x] = gx * gx + gy * gy > retro->threshold2;
  }
  /* Beyond the border there are no edges to be dilated. */
  edge[-1] = edge[retro->width] = 0;
}

static void
dilate (Retro *retro, int y)
{
  const uint8_t *above, *edge, *below;
  uint8_t *restrict dilated = retro->dilated;

  for (; retro->n_edge < retro->height && retro->n_edge <= y + 1;
       retro->n_edge++)
    make_edge_row (retro, retro->n_edge);
  edge = pet_ring_row (&retro->edge, y);
  above = y > 0 ? pet_ring_row (&retro->edge, y - 1) : edge;
  below = y + 1 < retro->height ? pet_ring_row (&retro->edge, y + 1) : edge;
  for (int x = 0; x < retro->width; x++)
    dilated[x] = above[x - 1] | above[x] | above[x + 1] | edge[x - 1] |
        edge[x] | edge[x + 1] | below[x - 1] | below[x] | below[x + 1];
}

static const uint8_t *
cell_row (const Retro *retro, const Grid *grid, int y)
{
  int64_t row = (int64_t) y * grid->rows / retro->height;

  return grid->cells + (size_t) row * (size_t) grid->columns;
}

static void
write_row (const Retro *retro, const PetImage *dst, int y)
{
  const uint8_t *src = pet_image_row (retro->src, y);
  const uint8_t *coarse = cell_row (retro, &retro->coarse, y);
  const uint8_t *fine = cell_row (retro, &retro->fine, y);
  uint8_t *out = pet_image_row (dst, y);

  for (int x = 0; x < retro->width; x++, src += 4, out += 4) {
    int index = retro->dilated[x] ? fine[retro->fine.column[x]]
                                  : coarse[retro->coarse.column[x]];
    uint8_t alpha = src[3];

    if (alpha == 0)
      index = 0;
    for (int c = 0; c < 3; c++)
      out[c] = (uint8_t) pet_retro_palette[c][index];
    out[3] = alpha;
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
  take_scratch (&scratch, &retro, src->width, src->height, values);
  make_grid (&retro, &retro.coarse);
  make_grid (&retro, &retro.fine);
  for (int y = 0; y < src->height; y++) {
    dilate (&retro, y);
    write_row (&retro, dst, y);
  }
}

const PetEffect pet_effect_retro8bit = {
  .name = "retro8bit",
  .blurb = "Chunky pixels in a fixed palette of 32 coat colours",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
