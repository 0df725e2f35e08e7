/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From cells to pixels by cubic kernels, separable: rows of cells are widened
 * once, then every row of pixels is a sum of four of them. Cells beyond the
 * grid repeat its border. Planes are floats; of inks, which are there or not,
 * whole numbers below 64 across and of 15 bits in all do. */

#include <math.h>
#include <string.h>

#include "image/effects/pet-fine.h"
#include "image/effects/pet-floats.h"

/* Beside a row of cells: three on either side, and what is loaded with them. */
#define LINE_SPARE 40

void
pet_rise_map_take (
    PetScratch *scratch, PetRiseMap *map, int width, size_t max_cells)
{
  map->index = pet_scratch_take (scratch, (size_t) width, sizeof (int32_t));
  for (int k = 0; k < 4; k++)
    map->taps[k] = pet_scratch_take (scratch, (size_t) width, sizeof (float));
  map->line =
      pet_scratch_take (scratch, max_cells + LINE_SPARE, sizeof (float));
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

#if defined __AVX512F__
/* 16 pixels have their cells within 32, since none is smaller than a pixel. Returns
 * where it ends. */
static int
widen_many (const PetRiseMap *map, const float *line, float *out)
{
  int x = map->first;

  for (; x + 16 <= map->end; x += 16) {
    const float *from = line + map->index[x];
    __m512 low = _mm512_loadu_ps (from), high = _mm512_loadu_ps (from + 16);
    __m512i at = _mm512_sub_epi32 (
        _mm512_loadu_si512 (map->index + x), _mm512_set1_epi32 (map->index[x]));
    __m512 sum = _mm512_mul_ps (_mm512_loadu_ps (map->taps[0] + x),
        _mm512_permutex2var_ps (low, at, high));

    for (int k = 1; k < 4; k++) {
      at = _mm512_add_epi32 (at, _mm512_set1_epi32 (1));
      sum = _mm512_add_ps (sum,
          _mm512_mul_ps (_mm512_loadu_ps (map->taps[k] + x),
              _mm512_permutex2var_ps (low, at, high)));
    }
    _mm512_storeu_ps (out + x, sum);
  }
  return x;
}
#else
static int
widen_many (const PetRiseMap *map, const float *line, float *out)
{
  (void) line;
  (void) out;
  return map->first;
}
#endif

static void
widen (const PetRiseMap *map, const float *line, float *restrict out)
{
  const int32_t *restrict index = map->index;
  const float *restrict t0 = map->taps[0], *restrict t1 = map->taps[1];
  const float *restrict t2 = map->taps[2], *restrict t3 = map->taps[3];

  for (int x = widen_many (map, line, out); x < map->end; x++) {
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

void
pet_inks_take (PetScratch *scratch, PetInks *inks, int width, size_t max_cells)
{
  size_t n = (size_t) width;

  inks->width = n;
  inks->index = pet_scratch_take (scratch, n, sizeof (int32_t));
  inks->line = pet_scratch_take (scratch, max_cells + 8, 1);
  for (int k = 0; k < 4; k++) {
    inks->taps[k] = pet_scratch_take (scratch, n, 1);
    inks->near[k] = pet_scratch_take (scratch, n, 1);
    inks->rows[k] = pet_scratch_take (scratch, n, PET_INKS);
  }
}

/* Whole numbers with the sum `all`: what rounding leaves goes to the larger of
 * the two in the middle. */
static void
make_whole_taps (float t, int all, int taps[4])
{
  float exact[4];
  int sum = 0;

  make_taps (PET_RISE_SPLINE, t, exact);
  for (int k = 0; k < 4; k++) {
    taps[k] = (int) (exact[k] * (float) all + 0.5f);
    sum += taps[k];
  }
  taps[t < 0.5f ? 1 : 2] += all - sum;
}

#define INKS_ACROSS 63
#define INKS_DOWN (PET_INKS_ALL / INKS_ACROSS)

void
pet_inks_start (PetInks *inks, const PetCells *cells, const PetSubject *subject,
    const uint8_t *ink, int n)
{
  inks->cells = cells;
  inks->ink = ink;
  inks->n = n;
  inks->first = subject->left;
  inks->end = subject->right;
  for (int x = inks->first; x < inks->end; x++) {
    int taps[4];
    float t;

    inks->index[x] =
        locate ((float) x, cells->left, cells->pitch, cells->columns, &t) - 1;
    make_whole_taps (t, INKS_ACROSS, taps);
    for (int k = 0; k < 4; k++)
      inks->taps[k][x] = (uint8_t) taps[k];
  }
  for (int i = 0; i < 4; i++)
    inks->row[i] = -1;
}

/* `weight` where two inks are the same, else 0; without a branch. */
static inline uint8_t
weigh (uint8_t ink, uint8_t other, uint8_t weight)
{
  return (uint8_t) (-(ink == other) & weight);
}

/* The share of one ink in a row of cells. */
static void
widen_ink (const PetInks *inks, uint8_t ink, uint8_t *restrict out)
{
  const uint8_t *restrict a = inks->near[0], *restrict b = inks->near[1];
  const uint8_t *restrict c = inks->near[2], *restrict d = inks->near[3];
  const uint8_t *restrict t0 = inks->taps[0], *restrict t1 = inks->taps[1];
  const uint8_t *restrict t2 = inks->taps[2], *restrict t3 = inks->taps[3];

  for (int x = inks->first; x < inks->end; x++) {
    uint8_t share = weigh (a[x], ink, t0[x]);

    share = (uint8_t) (share + weigh (b[x], ink, t1[x]));
    share = (uint8_t) (share + weigh (c[x], ink, t2[x]));
    out[x] = (uint8_t) (share + weigh (d[x], ink, t3[x]));
  }
}

/* The inks of the four cells around each pixel. */
static void
find_near (const PetInks *inks, const uint8_t *line)
{
  const int32_t *restrict index = inks->index;
  uint8_t *restrict a = inks->near[0], *restrict b = inks->near[1];
  uint8_t *restrict c = inks->near[2], *restrict d = inks->near[3];

  for (int x = inks->first; x < inks->end; x++) {
    const uint8_t *at = line + index[x];

    a[x] = at[0];
    b[x] = at[1];
    c[x] = at[2];
    d[x] = at[3];
  }
}

static const uint8_t *
wide_inks (PetInks *inks, int row)
{
  int columns = inks->cells->columns, last = inks->cells->rows - 1;
  uint8_t *line = inks->line + 3, *out;

  row = row < 0 ? 0 : row > last ? last : row;
  out = inks->rows[row & 3];
  if (inks->row[row & 3] == row)
    return out;
  memcpy (line, inks->ink + (size_t) row * (size_t) columns, (size_t) columns);
  for (int i = 1; i <= 3; i++) {
    line[-i] = line[0];
    line[columns - 1 + i] = line[columns - 1];
  }
  find_near (inks, line);
  for (int k = 0; k < inks->n; k++)
    widen_ink (inks, (uint8_t) k, out + (size_t) k * inks->width);
  inks->row[row & 3] = row;
  return out;
}

void
pet_inks_part (PetInks *inks, int y, int from, int to, int16_t *restrict best,
    int16_t *restrict behind)
{
  const PetCells *cells = inks->cells;
  const uint8_t *rows[4];
  float t;
  int taps[4], n = to - from;
  int row = locate ((float) y, cells->top, cells->pitch, cells->rows, &t) - 1;

  make_whole_taps (t, INKS_DOWN, taps);
  for (int k = 0; k < 4; k++)
    rows[k] = wide_inks (inks, row + k) + from;
  for (int x = 0; x < n; x++)
    best[x] = behind[x] = -1;
  for (int k = 0; k < inks->n; k++) {
    size_t at = (size_t) k * inks->width;
    const uint8_t *restrict a = rows[0] + at, *restrict b = rows[1] + at;
    const uint8_t *restrict c = rows[2] + at, *restrict d = rows[3] + at;
    const int16_t t0 = (int16_t) (8 * taps[0]), t1 = (int16_t) (8 * taps[1]);
    const int16_t t2 = (int16_t) (8 * taps[2]), t3 = (int16_t) (8 * taps[3]);

    for (int x = 0; x < n; x++) {
      int16_t share =
          (int16_t) (t0 * a[x] + t1 * b[x] + t2 * c[x] + t3 * d[x] + k);
      int16_t less = share < best[x] ? share : best[x];

      behind[x] = less > behind[x] ? less : behind[x];
      best[x] = share > best[x] ? share : best[x];
    }
  }
}
