/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chunky pixels in a fixed palette of 32 coat colours. All integer: cells
 * overlap source pixels by whole multiples of 1/cells, sums are exact, means
 * are rounded to nearest, ties to even. The palette is searched once per cell,
 * not per pixel. Defined for visible pixels only: where alpha is 0 colours
 * come out as 0, 0, 0; means take hidden colours as they are.
 *
 * Cells are made as far ahead of the rows as their pixels reach (a byte each:
 * 0.14 bytes of scratch memory per pixel at the default size, 1.25 at size 1),
 * rows by a ring of 3 rows of luma and 3 of edges. About 47 bytes per column come
 * on top. */

#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/effects/pet-retro.h"
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

typedef struct {
  PetRetroGrid grid;
  uint8_t *indices; /* of the cells of row `spread` for each pixel column */
  int n_rows;       /* rows of cells made so far */
  int spread;       /* -1 = none yet */
} Layer;

typedef struct {
  const PetImage *src;
  int width, height;
  int threshold2; /* squared */
  uint32_t palette[32];
  PetRetroColor *colors;
  Layer coarse, fine;
  PetRetroSums sums;
  PetRing luma;
  PetRing edge;
  uint8_t *dilated;
  int n_luma, n_edge; /* rows made so far */
} Retro;

static PetRetroScale
reduce (int pixels, int cells)
{
  int a = pixels, b = cells;

  while (b != 0) {
    int rest = a % b;

    a = b;
    b = rest;
  }
  return (PetRetroScale){ cells / a, pixels / a };
}

/* A picture that has no room for one cell stays as it is. */
static void
take_layer (
    PetScratch *scratch, Layer *layer, int width, int height, int cell_size)
{
  PetRetroGrid *grid = &layer->grid;

  grid->columns = width / cell_size;
  grid->rows = height / cell_size;
  if (grid->columns == 0 || grid->rows == 0) {
    grid->columns = width;
    grid->rows = height;
  }
  grid->across = reduce (width, grid->columns);
  grid->down = reduce (height, grid->rows);
  grid->cells =
      pet_scratch_take (scratch, (size_t) grid->rows, (size_t) grid->columns);
  pet_scratch_take (scratch, PET_RETRO_PAD, 1);
  grid->column = pet_scratch_take (scratch, (size_t) width, sizeof (int32_t));
  grid->step = pet_scratch_take (scratch, (size_t) width, 1);
  layer->indices = pet_scratch_take (scratch, (size_t) width, 1);
  layer->n_rows = 0;
  layer->spread = -1;
}

/* Sums of a cell's rows or columns are numbers of 32 bits. */
#define MOST_SIDE (INT32_MAX / 255)

static void
take_scratch (PetScratch *scratch, Retro *retro, int width, int height,
    const double *values)
{
  int size = (int) values[PIXEL_SIZE];

  if (width > MOST_SIDE || height > MOST_SIDE)
    scratch->overflow = true;
  take_layer (scratch, &retro->coarse, width, height, size);
  take_layer (scratch, &retro->fine, width, height, size < 4 ? 2 : size / 2);
  retro->colors = pet_scratch_take (scratch, 32, sizeof (PetRetroColor));
  retro->sums.inner =
      pet_scratch_take (scratch, (size_t) width, 4 * sizeof (uint16_t));
  retro->sums.weighted =
      pet_scratch_take (scratch, (size_t) width, 4 * sizeof (uint32_t));
  pet_ring_take (
      scratch, &retro->luma, 3, width, PET_RETRO_PAD, sizeof (int16_t));
  pet_ring_take (scratch, &retro->edge, 3, width, PET_RETRO_PAD, 1);
  retro->dilated = pet_scratch_take (scratch, (size_t) width, 1);
  retro->n_luma = retro->n_edge = 0;
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Retro retro;

  take_scratch (&scratch, &retro, width, height, values);
  return pet_scratch_size (&scratch);
}

static void
start (Retro *retro, const PetImage *src, const double *values)
{
  Layer *layers[] = { &retro->coarse, &retro->fine };
  int threshold = (int) values[EDGE_THRESHOLD];

  retro->src = src;
  retro->width = src->width;
  retro->height = src->height;
  retro->threshold2 = threshold * threshold;
  for (int i = 0; i < 32; i++)
    retro->palette[i] = pet_pixel ((unsigned) pet_retro_palette[0][i],
        (unsigned) pet_retro_palette[1][i], (unsigned) pet_retro_palette[2][i],
        0);
  pet_retro_prepare (retro->colors);
  for (int i = 0; i < 2; i++) {
    PetRetroGrid *grid = &layers[i]->grid;

    grid->colors = retro->colors;
    for (int x = 0; x < src->width; x++) {
      grid->column[x] = (int32_t) ((int64_t) x * grid->columns / src->width);
      grid->step[x] = (uint8_t) (grid->column[x] - grid->column[x & ~15]);
    }
  }
}

/* The palette indices at row `y`. In place, all cells that this row has a part
 * in are made before it is written. */
static const uint8_t *
layer_row (Retro *retro, Layer *layer, int y)
{
  const PetRetroGrid *grid = &layer->grid;
  int last = (int) (((y + (int64_t) 1) * grid->rows - 1) / retro->height);
  int row = (int) ((int64_t) y * grid->rows / retro->height);

  for (; layer->n_rows <= last; layer->n_rows++)
    pet_retro_cells (retro->src, grid, layer->n_rows, &retro->sums);
  if (row != layer->spread)
    pet_retro_spread (grid, grid->cells + (size_t) row * (size_t) grid->columns,
        layer->indices, retro->width);
  layer->spread = row;
  return layer->indices;
}

static void
make_luma_row (Retro *retro, int y)
{
  int16_t *luma = pet_ring_row (&retro->luma, y);
  int width = retro->width;

  pet_retro_luma (pet_image_row (retro->src, y), luma, width);
  luma[-1] = luma[pet_mirror (-1, width)];
  luma[width] = luma[pet_mirror (width, width)];
}

static void
make_edge_row (Retro *retro, int y)
{
  uint8_t *edge = pet_ring_row (&retro->edge, y);

  for (; retro->n_luma < retro->height && retro->n_luma <= y + 1;
       retro->n_luma++)
    make_luma_row (retro, retro->n_luma);
  pet_retro_edges (
      pet_ring_row (&retro->luma, pet_mirror (y - 1, retro->height)),
      pet_ring_row (&retro->luma, y),
      pet_ring_row (&retro->luma, pet_mirror (y + 1, retro->height)), edge,
      retro->width, retro->threshold2);
  /* Beyond the border there are no edges to be dilated. */
  edge[-1] = edge[retro->width] = 0;
}

static void
dilate (Retro *retro, int y)
{
  int last = retro->height - 1;

  for (; retro->n_edge <= last && retro->n_edge <= y + 1; retro->n_edge++)
    make_edge_row (retro, retro->n_edge);
  pet_retro_dilate (pet_ring_row (&retro->edge, y > 0 ? y - 1 : 0),
      pet_ring_row (&retro->edge, y),
      pet_ring_row (&retro->edge, y < last ? y + 1 : last), retro->dilated,
      retro->width);
}

static void
render_row (Retro *retro, const PetImage *dst, int y)
{
  const uint8_t *fine = layer_row (retro, &retro->fine, y);
  const uint8_t *coarse = layer_row (retro, &retro->coarse, y);
  const uint8_t *src = pet_image_row (retro->src, y);
  uint8_t *out = pet_image_row (dst, y);
  int first, end;

  dilate (retro, y);
  pet_nonzero_span (src, retro->width, &first, &end);
  memset (out, 0, 4 * (size_t) first);
  pet_retro_paint (src + 4 * (size_t) first, out + 4 * (size_t) first,
      end - first, retro->dilated + first, fine + first, coarse + first,
      retro->palette);
  memset (out + 4 * (size_t) end, 0, 4 * (size_t) (retro->width - end));
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  Retro retro;

  take_scratch (&scratch, &retro, src->width, src->height, values);
  start (&retro, src, values);
  for (int y = 0; y < src->height; y++)
    render_row (&retro, dst, y);
}

const PetEffect PET_VERSION (pet_effect_retro8bit) = {
  .name = "retro8bit",
  .blurb = "Chunky pixels in a fixed palette of 32 coat colours",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .keeps_outline = true,
  .render = render,
};
