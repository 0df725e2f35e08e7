/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Colours of the fringe. F and B are the mean colours of what is surely pet
 * and surely background within a window of cells. Where there is little that
 * is sure, colours from farther away (pet-matte-far.c) stand in, and where the
 * photo has nothing of the kind soft pixels do, at a weight that is too small to
 * matter otherwise.
 * For a pixel of colour I and alpha a the error of the mixture is
 *   e = I - a F - (1 - a) B
 * Forte ("Approximate Fast Foreground Colour Estimation", ICIP 2021) gives it
 * the colour F + a e. That is exact if alpha is, and alpha is not: where it is
 * too high, e points from F towards B, and a fringe of the background's
 * colour stays. So that part of e is taken away first:
 *   t = min (max (e (B - F) / |B - F|^2, 0), 4 (1 - a))
 *   colour = F + k (e - t (B - F)),  k = a + (1 - a) |e|^2 / (|e|^2 + |B - F|^2 / 2)
 * The bound keeps the coat's texture where the pixel is nearly opaque; k in
 * place of a keeps it where e is larger than what the background can have done,
 * as where both have one colour. */

#include "image/pet-matte-private.h"

#include <string.h>

/* Of alpha: as good as pet. */
#define SURE 243

void
pet_matte_take_fringe (PetScratch *scratch, PetMatte *m)
{
  size_t width = (size_t) m->photo->width, cells = (size_t) m->width;

  pet_ring_take (scratch, &m->fringe, 2 * m->reach + 2,
      m->width * PET_FRINGE_SUMS, 0, sizeof (uint32_t));
  pet_ring_take (scratch, &m->soft, 2 * m->reach + 3, m->width, 1, 1);
  m->pure_stride = m->width + 1 + PET_MATTE_SPARE;
  pet_ring_take (
      scratch, &m->pure, 3, m->pure_stride * PET_PURE_LINES, 0, sizeof (float));
  m->fringe_columns =
      pet_scratch_take (scratch, cells, PET_FRINGE_SUMS * sizeof (uint32_t));
  m->pure_lines = pet_scratch_take (
      scratch, (size_t) m->pure_stride * PET_PURE_LINES, sizeof (float));
  m->low = pet_scratch_take (scratch, width, 1);
  m->high = pet_scratch_take (scratch, width, 1);
}

void
pet_matte_fill_weights (uint32_t weights[256][2])
{
  for (int alpha = 0; alpha < 256; alpha++) {
    int rest = 255 - alpha;
    bool is_pet = alpha >= SURE, is_background = rest >= SURE;

    weights[alpha][0] = is_pet ? PET_MATTE_SURE_WEIGHT
        : is_background        ? 0
                               : 1 + (uint32_t) (alpha * alpha) / 32768;
    weights[alpha][1] = is_background ? PET_MATTE_SURE_WEIGHT
        : is_pet                      ? 0
                                      : 1 + (uint32_t) (rest * rest) / 32768;
  }
}

void
pet_matte_begin_fringe (PetMatte *m)
{
  memset (m->fringe_columns, 0,
      (size_t) m->width * PET_FRINGE_SUMS * sizeof (uint32_t));
  memset (m->soft.rows, 0, (size_t) m->soft.count * m->soft.pitch_bytes);
  pet_matte_fill_weights (m->weights);
  pet_matte_find_far (m);
}

/* Rows of one row of cells. */
typedef struct {
  const uint8_t *alpha[PET_MATTE_MAX_STEP], *pixels[PET_MATTE_MAX_STEP];
  int count;
} CellRows;

static CellRows
find_rows (const PetMatte *m, int row)
{
  CellRows rows = { .count = m->photo->height - row * m->step };

  rows.count = rows.count < m->step ? rows.count : m->step;
  for (int k = 0; k < rows.count; k++) {
    rows.alpha[k] = pet_ring_row (&m->alpha, row * m->step + k);
    rows.pixels[k] = pet_image_row (m->photo, row * m->step + k);
  }
  return rows;
}

/* A cell with soft pixels, left..right - 1, one by one. */
static void
add_mixed_cell (const PetMatte *m, const CellRows *rows, int left, int right,
    uint32_t *restrict sums)
{
  int channels = m->photo->channels;
  uint32_t total[PET_FRINGE_SUMS] = { 0 };

  for (int k = 0; k < rows->count; k++) {
    const uint8_t *pixel = rows->pixels[k] + (ptrdiff_t) left * channels;

    for (int x = left; x < right; x++, pixel += channels) {
      const uint32_t *weights = m->weights[rows->alpha[k][x]];
      const uint32_t color[4] = { 1, pixel[0], pixel[1], pixel[2] };

      for (int c = 0; c < 4; c++) {
        total[PET_FRINGE_FORE + c] += weights[0] * color[c];
        total[PET_FRINGE_BACK + c] += weights[1] * color[c];
      }
    }
  }
  memcpy (sums, total, sizeof total);
}

static void
find_extremes (const PetMatte *m, const CellRows *rows)
{
  int width = m->photo->width;

  memset (m->low, 255, (size_t) width);
  memset (m->high, 0, (size_t) width);
  for (int k = 0; k < rows->count; k++)
    m->rows->extremes (m->low, m->high, rows->alpha[k], width);
}

static void
make_fringe_row (PetMatte *m, int row)
{
  const uint32_t *colors = pet_ring_row (&m->colors, row);
  uint32_t *sums = pet_ring_row (&m->fringe, row);
  uint8_t *soft = pet_ring_row (&m->soft, row);
  CellRows rows = find_rows (m, row);
  int width = m->photo->width;

  find_extremes (m, &rows);
  memset (sums, 0, (size_t) m->width * PET_FRINGE_SUMS * sizeof *sums);
  for (int i = 0, x = 0; i < m->width;
       i++, sums += PET_FRINGE_SUMS, colors += 3) {
    int end = x + m->step < width ? x + m->step : width, begin = x;
    uint8_t low = 255, high = 0;
    uint32_t *flat;

    for (; x < end; x++) {
      low = m->low[x] < low ? m->low[x] : low;
      high = m->high[x] > high ? m->high[x] : high;
    }
    soft[i] = high > 0 && low < 255;
    if (soft[i]) {
      add_mixed_cell (m, &rows, begin, end, sums);
      continue;
    }
    flat = sums + (high > 0 ? PET_FRINGE_FORE : PET_FRINGE_BACK);
    flat[0] = (uint32_t) (rows.count * (end - begin)) * PET_MATTE_SURE_WEIGHT;
    for (int c = 0; c < 3; c++)
      flat[1 + c] = colors[c] * PET_MATTE_SURE_WEIGHT;
  }
}

static void
need_fringe (PetMatte *m, int row)
{
  for (; m->n_fringe <= row && m->n_fringe < m->height; m->n_fringe++) {
    pet_matte_need_alpha (m, (m->n_fringe + 1) * m->step - 1);
    make_fringe_row (m, m->n_fringe);
  }
}

/* The row's flags of soft pixels, and its neighbours' added: what soft pixels
 * may look at. */
static bool
add_flags (PetMatte *m, int row)
{
  unsigned any = 0;

  memset (m->high, 0, (size_t) m->width);
  for (int y = row > 0 ? row - 1 : 0; y <= row + 1 && y < m->height; y++) {
    const uint8_t *soft = pet_ring_row (&m->soft, y);

    for (int i = 0; i < m->width; i++)
      m->high[i] |= (uint8_t) (soft[i - 1] | soft[i] | soft[i + 1]);
  }
  for (int i = 0; i < m->width; i++)
    any |= m->high[i];
  return any != 0;
}

/* The means `near` where they can be trusted, else what is far. */
static void
mix_far (
    const PetMatte *m, int part, int i, int row, uint32_t weight, float near[3])
{
  float trust = pet_matte_trust (m, weight), far[4];

  if (trust == 1.0f || m->far[part][0][3] == 0.0f)
    return;
  pet_matte_far_color (m, part, i, row, far);
  for (int c = 0; c < 3; c++)
    near[c] = far[c] + (near[c] - far[c]) * trust;
}

static void
set_pure (const PetMatte *m, int i, int row, float *pure)
{
  int left = i - m->reach > 0 ? i - m->reach : 0;
  int right = i + m->reach < m->width ? i + m->reach : m->width - 1;
  uint32_t sums[PET_FRINGE_SUMS];

  m->rows->window (sums, m->fringe_columns + (ptrdiff_t) left * PET_FRINGE_SUMS,
      right - left + 1);
  for (int part = 0; part < 2; part++) {
    const uint32_t *sum = sums + 4 * part;
    /* Nothing of this kind: any colour will do. */
    float share = sum[0] > 0 ? 1.0f / (float) (int32_t) sum[0] : 0.0f;
    float color[3];

    for (int c = 0; c < 3; c++)
      color[c] = (float) (int32_t) sum[1 + c] * share;
    mix_far (m, part, i, row, sum[0], color);
    for (int c = 0; c < 3; c++, pure += m->pure_stride)
      *pure = color[c];
  }
}

static void
fill_colors (PetMatte *m, int row, float *pure)
{
  for (int i = 0; i < m->width; i++)
    if (m->high[i])
      set_pure (m, i, row, pure + i);
  for (int line = 0; line < PET_PURE_LINES; line++, pure += m->pure_stride)
    pure[m->width] = pure[m->width - 1];
}

static void
make_colors (PetMatte *m, int row)
{
  int count = m->width * PET_FRINGE_SUMS, leaves = row - m->reach - 1;
  float *pure = pet_ring_row (&m->pure, row);

  need_fringe (m, row + m->reach);
  for (int y = row == 0 ? 0 : row + m->reach;
       y <= row + m->reach && y < m->height; y++)
    m->rows->slide (
        m->fringe_columns, pet_ring_row (&m->fringe, y), NULL, count);
  if (leaves >= 0)
    m->rows->slide (
        m->fringe_columns, NULL, pet_ring_row (&m->fringe, leaves), count);
  memset (pure, 0, (size_t) m->pure_stride * PET_PURE_LINES * sizeof *pure);
  if (add_flags (m, row))
    fill_colors (m, row, pure);
}

void
pet_matte_need_colors (PetMatte *m, int y)
{
  float down;
  int top = pet_matte_place ((y + 0.5) / m->step - 0.5, m->height, &down);
  int below = down > 0.0f ? top + 1 : top;

  for (; m->n_colors <= below; m->n_colors++)
    make_colors (m, m->n_colors);
}

static void
mix_colors (PetMatte *m, int y)
{
  float down;
  int top = pet_matte_place ((y + 0.5) / m->step - 0.5, m->height, &down);
  int below = down > 0.0f ? top + 1 : top;

  m->rows->mix (m->pure_lines, pet_ring_row (&m->pure, top),
      pet_ring_row (&m->pure, below), down, m->pure_stride * PET_PURE_LINES);
}

static bool
is_soft (uint8_t alpha)
{
  return alpha != 0 && alpha != 255;
}

/* First soft pixel at or after `x`, eight at a time where there is none. */
static int
next_soft (const uint8_t *alpha, int x, int width)
{
  while (x < width && !is_soft (alpha[x])) {
    uint64_t eight;

    if (width - x < 8) {
      x++;
      continue;
    }
    memcpy (&eight, alpha + x, 8);
    x += eight == 0 || eight == UINT64_MAX ? 8 : 1;
  }
  return x;
}

void
pet_matte_clean_row (PetMatte *m, int y)
{
  const uint8_t *alpha = pet_ring_row (&m->alpha, y);
  uint8_t *row = pet_image_row (m->target, y);
  int width = m->photo->width;
  int from = next_soft (alpha, 0, width);

  if (from < width)
    mix_colors (m, y);
  while (from < width) {
    int to = from;

    while (to < width && is_soft (alpha[to]))
      to++;
    m->rows->clean (
        row, m->pure_lines, m->pure_stride, &m->table.places, from, to);
    from = next_soft (alpha, to, width);
  }
}
