/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fast guided filter, after Kaiming He and Jian Sun, "Fast Guided Filter",
 * arXiv 1505.00996: with grey guide I and mask p per cell, and means over
 * windows of (2 r + 1)^2 cells, cut at the border,
 *   a = (mean (I p) - mean (I) mean (p)) / (var (I) + epsilon)
 *   b = mean (p) - a mean (I)
 * and the result is mean (a) I + mean (b), both means enlarged bilinearly, at
 * full size. I is in 0..2040, p in 0..1. Where the mask is all pet or all
 * background around a pixel, so is the result, and nothing is computed. */

#include "image/pet-matte-private.h"

#include <string.h>

/* Rows of alpha that are still asked for after they were made. */
static int
alpha_rows (const PetMatte *m)
{
  return (m->options->decontaminate ? (m->reach + 4) * m->step : 1) +
      (m->two_threads ? PET_MATTE_LEAD : 0);
}

/* The same of rows of cells. Two threads are the furthest apart at first, when
 * one has filled the ring of alpha and the other has not begun. */
static int
color_rows (const PetMatte *m)
{
  return 2 * m->radius + 6 +
      (m->two_threads ? alpha_rows (m) / m->step + 1 : 0);
}

static void
take_table (PetScratch *scratch, PetMatteTable *table, int width, int cells)
{
  size_t count = (size_t) width + PET_MATTE_SPARE;

  table->left = pet_scratch_take (scratch, count, sizeof (int32_t));
  table->share = pet_scratch_take (scratch, count, sizeof (float));
  table->start =
      pet_scratch_take (scratch, (size_t) cells + 1, sizeof (int32_t));
  table->places = (PetMattePlaces){ .width = width,
    .cells = cells,
    .left = table->left,
    .share = table->share,
    .start = table->start };
}

static void
take_refinement (PetScratch *scratch, PetMatte *m)
{
  size_t padded = (size_t) m->width + 2 * (size_t) m->radius;

  for (int c = 0; c < 4; c++) {
    pet_ring_take (scratch, &m->cells[c], 2 * m->radius + 2, m->width,
        m->radius, sizeof (uint32_t));
    m->columns[c] = pet_scratch_take (scratch, padded, sizeof (uint32_t));
  }
  for (int c = 0; c < 2; c++) {
    pet_ring_take (scratch, &m->coefficients[c], 2 * m->radius + 2, m->width,
        m->radius, sizeof (float));
    pet_ring_take (scratch, &m->means[c], 3, m->width + 1, 0, sizeof (float));
  }
  m->column = pet_scratch_take (scratch, padded, sizeof (float));
  m->across = pet_scratch_take (scratch, (size_t) m->width, sizeof (float));
  m->pixels = pet_scratch_take (scratch, (size_t) m->width, sizeof (float));
}

void
pet_matte_take_alpha (PetScratch *scratch, PetMatte *m)
{
  int most = m->width > m->mask->width ? m->width : m->mask->width;
  size_t line = (size_t) most + 1 + PET_MATTE_SPARE;

  m->bytes = pet_scratch_take (scratch,
      (size_t) m->photo->width * (size_t) m->photo->channels,
      sizeof (uint16_t));
  pet_ring_take (
      scratch, &m->colors, color_rows (m), 3 * m->width, 0, sizeof (uint32_t));
  if (m->options->refine)
    take_refinement (scratch, m);
  for (int c = 0; c < 2; c++)
    m->line[c] = pet_scratch_take (scratch, line, sizeof (float));
  m->kinds = pet_scratch_take (scratch, line, 1);
  take_table (scratch, &m->table, m->photo->width, m->width);
  take_table (scratch, &m->mask_table,
      m->options->refine ? m->width : m->photo->width, m->mask->width);
  pet_ring_take (scratch, &m->alpha, alpha_rows (m), m->photo->width, 0, 1);
}

/* Positions i of `places->width`, at ((i + 0.5) * step - from) * scale - 0.5 on
 * the line. */
static void
fill_table (PetMatteTable *table, double step, int from, double scale)
{
  int next = 0;

  for (int i = 0; i < table->places.width; i++) {
    table->left[i] = pet_matte_place (((i + 0.5) * step - from) * scale - 0.5,
        table->places.cells, &table->share[i]);
    while (next <= table->left[i])
      table->start[next++] = i;
  }
  while (next <= table->places.cells)
    table->start[next++] = table->places.width;
}

static void
clear_rows (const PetRing *ring)
{
  memset (ring->rows, 0, (size_t) ring->count * ring->pitch_bytes);
}

void
pet_matte_begin_alpha (PetMatte *m)
{
  size_t padded = (size_t) m->width + 2 * (size_t) m->radius;

  fill_table (&m->table, 1.0, 0, 1.0 / m->step);
  fill_table (&m->mask_table, m->options->refine ? m->step : 1, m->part.x,
      (double) m->mask->width / m->part.width);
  if (!m->options->refine)
    return;
  for (int c = 0; c < 4; c++) {
    clear_rows (&m->cells[c]);
    memset (m->columns[c], 0, padded * sizeof (uint32_t));
  }
  for (int c = 0; c < 2; c++)
    clear_rows (&m->coefficients[c]);
  for (int i = 0; i < m->width; i++) {
    int first = i - m->radius > 0 ? i - m->radius : 0;
    int last = i + m->radius < m->width ? i + m->radius : m->width - 1;

    m->across[i] = (float) (last - first + 1);
  }
}

/* Sums of R, G and B over each cell of row `row`. */
static void
add_colors (PetMatte *m, int row)
{
  const PetImage *photo = m->photo;
  int channels = photo->channels, count = photo->width * channels;
  int top = row * m->step, bottom = top + m->step;
  uint32_t *colors = pet_ring_row (&m->colors, row);

  memset (m->bytes, 0, (size_t) count * sizeof *m->bytes);
  for (int y = top; y < bottom && y < photo->height; y++)
    m->rows->add_bytes (m->bytes, pet_image_row (photo, y), count);
  for (int i = 0, x = 0; i < m->width; i++) {
    int end = x + m->step < photo->width ? x + m->step : photo->width;
    uint32_t red = 0, green = 0, blue = 0;

    for (; x < end; x++) {
      const uint16_t *sum = m->bytes + (ptrdiff_t) x * channels;

      red += sum[0];
      green += sum[1];
      blue += sum[2];
    }
    colors[3 * i] = red;
    colors[3 * i + 1] = green;
    colors[3 * i + 2] = blue;
  }
}

/* The mask at `y` of the photo, as a line of values 0..255. */
static void
mask_line (PetMatte *m, double y, float *line)
{
  const PetImage *mask = m->mask;
  double at = (y - m->part.y) * mask->height / m->part.height - 0.5;
  float down;
  int top = pet_matte_place (at, mask->height, &down);
  const uint8_t *above = pet_image_row (mask, top);
  const uint8_t *below = down > 0.0f ? pet_image_row (mask, top + 1) : above;

  for (int i = 0; i < mask->width; i++)
    line[i] = (float) above[i] + (float) (below[i] - above[i]) * down;
  line[mask->width] = line[mask->width - 1];
}

static void
add_statistics (PetMatte *m, int row)
{
  const PetImage *photo = m->photo;
  const uint32_t *colors = pet_ring_row (&m->colors, row);
  uint32_t *cells[4];
  int rows = photo->height - row * m->step;

  rows = rows < m->step ? rows : m->step;
  for (int c = 0; c < 4; c++)
    cells[c] = pet_ring_row (&m->cells[c], row);
  mask_line (m, (row + 0.5) * m->step, m->line[0]);
  for (int i = 0; i < m->width; i++) {
    int columns = photo->width - i * m->step;
    const float *value = m->line[0] + m->mask_table.left[i];
    float share;
    uint32_t guide, p;

    columns = columns < m->step ? columns : m->step;
    share = 0.008f / (float) (rows * columns);
    guide = (uint32_t) (int) ((float) (299 * colors[3 * i] +
                                  587 * colors[3 * i + 1] +
                                  114 * colors[3 * i + 2]) *
            share +
        0.5f);
    p = (uint32_t) (int) (value[0] +
        (value[1] - value[0]) * m->mask_table.share[i] + 0.5f);
    cells[PET_CELL_GUIDE][i] = guide;
    cells[PET_CELL_MASK][i] = p;
    cells[PET_CELL_SQUARE][i] = guide * guide;
    cells[PET_CELL_PRODUCT][i] = guide * p;
  }
}

static void
need_cells (PetMatte *m, int row)
{
  for (; m->n_cells <= row && m->n_cells < m->height; m->n_cells++) {
    add_colors (m, m->n_cells);
    if (m->options->refine)
      add_statistics (m, m->n_cells);
  }
}

/* Rows of cells in the window around `row`. */
static float
rows_in_window (const PetMatte *m, int row)
{
  int top = row - m->radius > 0 ? row - m->radius : 0;
  int bottom = row + m->radius < m->height ? row + m->radius : m->height - 1;

  return (float) (bottom - top + 1);
}

static void
count_window (PetMatte *m, int row)
{
  float rows = rows_in_window (m, row);

  for (int i = 0; i < m->width; i++)
    m->pixels[i] = m->across[i] * rows;
}

/* Start of row `row` with its zeros. */
static void *
padded_row (const PetMatte *m, const PetRing *ring, int row)
{
  return (char *) pet_ring_row (ring, row) -
      (size_t) m->radius * ring->element_bytes;
}

static void
make_coefficients (PetMatte *m, int row)
{
  int padded = m->width + 2 * m->radius, leaves = row - m->radius - 1;
  /* Before the first row its whole window enters. */
  int enters = row == 0 ? 0 : row + m->radius;
  const uint32_t *columns[4];

  need_cells (m, row + m->radius);
  for (int c = 0; c < 4; c++) {
    for (int y = enters; y <= row + m->radius && y < m->height; y++)
      m->rows->slide (
          m->columns[c], padded_row (m, &m->cells[c], y), NULL, padded);
    if (leaves >= 0)
      m->rows->slide (
          m->columns[c], NULL, padded_row (m, &m->cells[c], leaves), padded);
    columns[c] = m->columns[c];
  }
  count_window (m, row);
  m->rows->solve (pet_ring_row (&m->coefficients[0], row),
      pet_ring_row (&m->coefficients[1], row), columns, m->pixels,
      PET_MATTE_EPSILON, m->radius, m->width);
}

static void
make_means (PetMatte *m, int row)
{
  int padded = m->width + 2 * m->radius;

  for (; m->n_coefficients <= row + m->radius && m->n_coefficients < m->height;
       m->n_coefficients++)
    make_coefficients (m, m->n_coefficients);
  count_window (m, row);
  for (int c = 0; c < 2; c++) {
    float *out = pet_ring_row (&m->means[c], row);

    memset (m->column, 0, (size_t) padded * sizeof *m->column);
    for (int y = row - m->radius; y <= row + m->radius; y++)
      if (y >= 0 && y < m->height)
        m->rows->add_floats (
            m->column, padded_row (m, &m->coefficients[c], y), padded);
    m->rows->average (out, m->column, m->pixels, m->radius, m->width);
    out[m->width] = out[m->width - 1];
  }
}

static void
refined_line (PetMatte *m, int y)
{
  float down;
  int top = pet_matte_place ((y + 0.5) / m->step - 0.5, m->height, &down);
  int below = down > 0.0f ? top + 1 : top;

  for (; m->n_means <= below; m->n_means++)
    make_means (m, m->n_means);
  for (int c = 0; c < 2; c++)
    m->rows->mix (m->line[c], pet_ring_row (&m->means[c], top),
        pet_ring_row (&m->means[c], below), down, m->width + 1);
}

static void
plain_line (PetMatte *m, int y)
{
  const PetImage *mask = m->mask;

  mask_line (m, y + 0.5, m->line[1]);
  for (int i = 0; i <= mask->width; i++) {
    m->line[0][i] = 0.0f;
    m->line[1][i] *= 1.0f / 255.0f;
  }
}

/* Whether the mask alone decides between values `i` and i + 1. */
static bool
is_flat (const uint8_t *kinds, int i)
{
  return kinds[i] != 2 && kinds[i] == kinds[i + 1];
}

/* First interval from `i` on that is flat, of value `kind`, or is not. */
static int
end_of_run (const uint8_t *kinds, int i, int count, bool flat)
{
  while (i < count && is_flat (kinds, i) == flat &&
      (!flat || kinds[i] == kinds[i - 1]))
    i++;
  return i;
}

/* Runs of intervals of one kind at a time. */
static void
expand_row (PetMatte *m, const PetMattePlaces *places, const uint8_t *pixels,
    uint8_t *alpha)
{
  const PetMatteOptions *options = m->options;
  float range = (float) (options->high - options->low);
  float gain = 65025.0f / range;
  float bias = -255.0f * (float) options->low / range;

  m->rows->classify (m->kinds, m->line[0], m->line[1], places->cells + 1);
  for (int i = 0, next; i < places->cells; i = next) {
    bool flat = is_flat (m->kinds, i);

    next = end_of_run (m->kinds, i + 1, places->cells, flat);
    if (flat)
      memset (alpha + places->start[i], m->kinds[i] ? 255 : 0,
          (size_t) (places->start[next] - places->start[i]));
    else
      m->rows->expand (alpha, m->line[0], m->line[1], places, pixels,
          m->photo->channels, gain, bias, places->start[i],
          places->start[next]);
  }
}

static void
multiply_alpha (const uint8_t *pixels, uint8_t *alpha, int width)
{
  for (int x = 0; x < width; x++)
    alpha[x] = (uint8_t) ((alpha[x] * pixels[4 * x + 3] + 127) / 255);
}

void
pet_matte_make_alpha (PetMatte *m)
{
  int y = m->n_alpha;
  const uint8_t *pixels = pet_image_row (m->photo, y);
  uint8_t *alpha = pet_ring_row (&m->alpha, y);

  if (m->options->decontaminate)
    need_cells (m, y / m->step);
  if (m->options->refine) {
    refined_line (m, y);
    expand_row (m, &m->table.places, pixels, alpha);
  } else {
    plain_line (m, y);
    expand_row (m, &m->mask_table.places, pixels, alpha);
  }
  if (m->photo->channels == 4)
    multiply_alpha (pixels, alpha, m->photo->width);
  m->n_alpha++;
}
