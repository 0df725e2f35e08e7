/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From cells to pixels by cubic kernels, separable: rows of cells are widened
 * once, then every row of pixels is a sum of four of them. Cells beyond the
 * grid repeat its border. */

#include <math.h>
#include <string.h>

#include "image/effects/pet-fine.h"

void
pet_rise_map_take (
    PetScratch *scratch, PetRiseMap *map, int width, size_t max_cells)
{
  map->index = pet_scratch_take (scratch, (size_t) width, sizeof (int32_t));
  for (int k = 0; k < 4; k++)
    map->taps[k] = pet_scratch_take (scratch, (size_t) width, sizeof (float));
  map->line = pet_scratch_take (scratch, max_cells + 8, sizeof (float));
}

/* Weights of the cells -1, 0, 1, 2 at 0 <= t < 1 between 0 and 1. */
static void
make_taps (PetRiseKind kind, float t, float taps[4])
{
  float t2 = t * t, t3 = t2 * t, u = 1.0f - t;

  if (kind == PET_RISE_SPLINE) {
    taps[0] = u * u * u / 6.0f;
    taps[1] = (3.0f * t3 - 6.0f * t2 + 4.0f) / 6.0f;
    taps[2] = (-3.0f * t3 + 3.0f * t2 + 3.0f * t + 1.0f) / 6.0f;
    taps[3] = t3 / 6.0f;
  } else {
    taps[0] = 0.5f * (-t3 + 2.0f * t2 - t);
    taps[1] = 0.5f * (3.0f * t3 - 5.0f * t2 + 2.0f);
    taps[2] = 0.5f * (-3.0f * t3 + 4.0f * t2 + t);
    taps[3] = 0.5f * (t3 - t2);
  }
}

/* The cell whose centre is at or before a pixel's, and the way to the next. */
static int
locate (float pixel, float start, float pitch, int n, float *t)
{
  float at = (pixel + 0.5f - start) / pitch - 0.5f;
  float whole = floorf (at);

  if (whole < -1.0f || whole > (float) n) {
    *t = 0.0f;
    return whole < 0.0f ? -1 : n - 1;
  }
  *t = at - whole;
  return whole > (float) (n - 1) ? n - 1 : (int) whole;
}

void
pet_rise_map_start (PetRiseMap *map, const PetCells *cells,
    const PetSubject *subject, PetRiseKind kind)
{
  map->first = subject->left;
  map->end = subject->right;
  for (int x = map->first; x < map->end; x++) {
    float t, taps[4];

    map->index[x] =
        locate ((float) x, cells->left, cells->pitch, cells->columns, &t) - 1;
    make_taps (kind, t, taps);
    for (int k = 0; k < 4; k++)
      map->taps[k][x] = taps[k];
  }
}

void
pet_rise_take (PetScratch *scratch, PetRise *rise, int width)
{
  for (int i = 0; i < 4; i++)
    rise->rows[i] = pet_scratch_take (scratch, (size_t) width, sizeof (float));
}

void
pet_rise_start (PetRise *rise, const PetRiseMap *map, const PetCells *cells,
    const float *plane, PetRiseKind kind)
{
  rise->cells = cells;
  rise->map = map;
  rise->plane = plane;
  rise->kind = kind;
  rise->seed = 0;
  for (int i = 0; i < 4; i++)
    rise->row[i] = -1;
}

static void
widen (const PetRiseMap *map, const float *line, float *restrict out)
{
  const int32_t *restrict index = map->index;
  const float *restrict t0 = map->taps[0], *restrict t1 = map->taps[1];
  const float *restrict t2 = map->taps[2], *restrict t3 = map->taps[3];

  for (int x = map->first; x < map->end; x++) {
    const float *from = line + index[x];

    out[x] =
        t0[x] * from[0] + t1[x] * from[1] + t2[x] * from[2] + t3[x] * from[3];
  }
}

/* Four bytes of a hash, summed: close to normal. */
static void
make_noise (float *line, int n, uint32_t row, uint32_t seed)
{
  for (int i = 0; i < n; i++) {
    uint32_t hash = (uint32_t) i * 0x9e3779b1u ^ row * 0x85ebca77u ^ seed;
    uint32_t sum;

    hash = (hash ^ hash >> 15) * 0x2c1b3c6du;
    hash = (hash ^ hash >> 12) * 0x297a2d39u;
    hash ^= hash >> 15;
    sum = (hash & 255) + (hash >> 8 & 255) + (hash >> 16 & 255) + (hash >> 24);
    line[i] = ((float) (int32_t) sum - 510.0f) / 147.8f;
  }
}

static const float *
wide_row (PetRise *rise, int row)
{
  int columns = rise->cells->columns, last = rise->cells->rows - 1;
  float *line = rise->map->line + 3;

  row = row < 0 ? 0 : row > last ? last : row;
  if (rise->row[row & 3] != row) {
    if (rise->plane != NULL)
      memcpy (line, rise->plane + (size_t) row * (size_t) columns,
          (size_t) columns * sizeof (float));
    else
      make_noise (line, columns, (uint32_t) row, rise->seed);
    for (int i = 1; i <= 3; i++) {
      line[-i] = line[0];
      line[columns - 1 + i] = line[columns - 1];
    }
    widen (rise->map, line, rise->rows[row & 3]);
    rise->row[row & 3] = row;
  }
  return rise->rows[row & 3];
}

static void
add_up (float *restrict out, const float *restrict a, const float *restrict b,
    const float *restrict c, const float *restrict d, const float taps[4],
    int n)
{
  float t0 = taps[0], t1 = taps[1], t2 = taps[2], t3 = taps[3];

  for (int x = 0; x < n; x++)
    out[x] = t0 * a[x] + t1 * b[x] + t2 * c[x] + t3 * d[x];
}

void
pet_rise_part (PetRise *rise, int y, int from, int to, float *out)
{
  const PetCells *cells = rise->cells;
  const float *rows[4];
  float t, taps[4];
  int row = locate ((float) y, cells->top, cells->pitch, cells->rows, &t) - 1;

  make_taps (rise->kind, t, taps);
  for (int k = 0; k < 4; k++)
    rows[k] = wide_row (rise, row + k) + from;
  add_up (out + from, rows[0], rows[1], rows[2], rows[3], taps, to - from);
}

void
pet_rise_row (PetRise *rise, int y, float *out)
{
  pet_rise_part (rise, y, rise->map->first, rise->map->end, out);
}
