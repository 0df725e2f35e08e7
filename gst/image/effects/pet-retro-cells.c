/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-retro.h"

#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-vector.h"
#include "image/pet-pixels.h"

/* Cells whose colours are searched together. */
#define BATCH 64

/* With whole pixels only, sums of so many fit 16 bits. */
#define WHOLE_AREA 257

typedef struct {
  int first, end;
} Range;

static int32_t
two_words (int low, int high)
{
  return (int32_t) ((uint32_t) low & 0xffffu) |
      (int32_t) ((uint32_t) high << 16);
}

/* Of the distance w (m - c)^2, w being (9, 144, 25), w m^2 is alike for all
 * colours: the nearest has the least w c^2 - 2 w m c, which is made of products
 * of 16 bits when m and c are counted from 128. */
void
pet_retro_prepare (PetRetroColor colors[32])
{
  for (int i = 0; i < 32; i++) {
    int r = pet_retro_palette[0][i] - 128, g = pet_retro_palette[1][i] - 128;
    int b = pet_retro_palette[2][i] - 128;

    colors[i].red_green = two_words (-9 * r, -144 * g);
    colors[i].blue = two_words (-25 * b, 0);
    colors[i].constant = (9 * r * r + 144 * g * g + 25 * b * b) * 32 + i;
  }
}

/* Palette indices of `n` cells by their means, (3, 12, 5) / 20 being the
 * channels' weights. The index in the lowest bits of what is compared makes the
 * first of equals win. */
#if PET_VECTOR_BYTES
#define CELLS (PET_VECTOR_BYTES / 4)

/* Reds and greens of CELLS cells, and blues and alphas, times 64. */
static inline void
load_means (const int16_t *means, PetVector *red_green, PetVector *blue)
{
  const PetVector middle = PET_V (set1_epi16) (128);
  PetVector a = pet_vector_load (means);
  PetVector b = pet_vector_load (means + PET_VECTOR_BYTES / 2);

  a = PET_V (slli_epi16) (PET_V (sub_epi16) (a, middle), 6);
  b = PET_V (slli_epi16) (PET_V (sub_epi16) (b, middle), 6);
#if PET_VECTOR_BYTES == 64
  *red_green = _mm512_permutex2var_epi32 (a,
      _mm512_setr_epi32 (
          0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
      b);
  *blue = _mm512_permutex2var_epi32 (a,
      _mm512_setr_epi32 (
          1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31),
      b);
#else
  *red_green = pet_vector_unzip (_mm256_castps_si256 (_mm256_shuffle_ps (
      _mm256_castsi256_ps (a), _mm256_castsi256_ps (b), 0x88)));
  *blue = pet_vector_unzip (_mm256_castps_si256 (_mm256_shuffle_ps (
      _mm256_castsi256_ps (a), _mm256_castsi256_ps (b), 0xdd)));
#endif
}

static void
find_nearest (const PetRetroColor colors[32], const int16_t means[4 * BATCH],
    uint8_t *cells, int n)
{
  enum { ABREAST = 2 };
  int32_t keys[BATCH];

  for (int k = 0; k < BATCH; k += ABREAST * CELLS) {
    PetVector red_green[ABREAST], blue[ABREAST], best[ABREAST];

    for (int j = 0; j < ABREAST; j++) {
      load_means (means + 4 * (k + j * CELLS), &red_green[j], &blue[j]);
      best[j] = PET_V (set1_epi32) (INT32_MAX);
    }
    for (int i = 0; i < 32; i++)
      for (int j = 0; j < ABREAST; j++) {
        PetVector key = PET_V (add_epi32) (
            PET_V (madd_epi16) (
                red_green[j], PET_V (set1_epi32) (colors[i].red_green)),
            PET_V (madd_epi16) (blue[j], PET_V (set1_epi32) (colors[i].blue)));

        best[j] = PET_V (min_epi32) (best[j],
            PET_V (add_epi32) (key, PET_V (set1_epi32) (colors[i].constant)));
      }
    for (int j = 0; j < ABREAST; j++)
      pet_vector_store (keys + k + j * CELLS, best[j]);
  }
  for (int k = 0; k < n; k++)
    cells[k] = keys[k] & 31;
}
#else
static void
find_nearest (const PetRetroColor colors[32], const int16_t means[4 * BATCH],
    uint8_t *cells, int n)
{
  int32_t best[BATCH];

  for (int k = 0; k < BATCH; k++)
    best[k] = INT32_MAX;
  for (int i = 0; i < 32; i++)
    for (int k = 0; k < BATCH; k++) {
      int32_t r = 3 * (means[4 * k] - pet_retro_palette[0][i]);
      int32_t g = 12 * (means[4 * k + 1] - pet_retro_palette[1][i]);
      int32_t b = 5 * (means[4 * k + 2] - pet_retro_palette[2][i]);
      int32_t key = (r * r + g * g + b * b) * 32 + i;

      best[k] = key < best[k] ? key : best[k];
    }
  for (int k = 0; k < n; k++)
    cells[k] = best[k] & 31;
}
#endif

/* The sums of `n_rows` rows of bytes. */
#if PET_VECTOR_BYTES
static size_t
sum_vectors (
    const uint8_t *row, ptrdiff_t stride, int n_rows, uint16_t *sums, size_t n)
{
  size_t i = 0;

  for (; i + PET_VECTOR_BYTES <= n; i += PET_VECTOR_BYTES) {
    const uint8_t *p = row + i;
    PetVector low = pet_vector_widen (p);
    PetVector high = pet_vector_widen (p + PET_VECTOR_BYTES / 2);

    for (int y = 1; y < n_rows; y++) {
      p += stride;
      low = PET_V (add_epi16) (low, pet_vector_widen (p));
      high =
          PET_V (add_epi16) (high, pet_vector_widen (p + PET_VECTOR_BYTES / 2));
    }
    pet_vector_store (sums + i, low);
    pet_vector_store (sums + i + PET_VECTOR_BYTES / 2, high);
  }
  return i;
}
#else
static size_t
sum_vectors (
    const uint8_t *row, ptrdiff_t stride, int n_rows, uint16_t *sums, size_t n)
{
  return 0;
}
#endif

static void
sum_rows (
    const uint8_t *row, ptrdiff_t stride, int n_rows, uint16_t *sums, size_t n)
{
  size_t first = n_rows > 0 ? sum_vectors (row, stride, n_rows, sums, n) : 0;

  memset (sums + first, 0, (n - first) * sizeof *sums);
  for (int y = 0; y < n_rows; y++, row += stride)
    for (size_t i = first; i < n; i++)
      sums[i] += row[i];
}

/* Cells of whole pixels: four sums of 16 bits are one number of 64, none of
 * which carries over. */
static inline void
sum_whole (const uint16_t *sums, int width, uint16_t *cells, int n)
{
  for (int k = 0; k < n; k++, cells += 4) {
    uint64_t sum = 0, part;

    for (int i = 0; i < width; i++, sums += 4) {
      memcpy (&part, sums, 8);
      sum += part;
    }
    memcpy (cells, &sum, 8);
  }
}

/* The nearest whole number, ties to even, which adding and taking away 1.5 *
 * 2^23 rounds to. A quotient that is no tie is at least 1 / (2 * WHOLE_AREA) away
 * from one, far more than a float's error. */
static void
divide_whole (
    const uint16_t *restrict sums, float area, int16_t *restrict means)
{
  const float round = 12582912.0f;

  for (int k = 0; k < 4 * BATCH; k++) {
    float quotient = (float) sums[k] / area;

    means[k] = (int16_t) (int32_t) ((quotient + round) - round);
  }
}

static void
find_whole (
    const PetRetroGrid *grid, const uint16_t *sums, uint8_t *cells, int n_cells)
{
  int width = grid->across.cell;
  float area = (float) (width * grid->down.cell);

  for (int k = 0; k < n_cells; k += BATCH) {
    int n = n_cells - k < BATCH ? n_cells - k : BATCH;
    uint16_t cell_sums[4 * BATCH] = { 0 };
    int16_t means[4 * BATCH];

    switch (width) {
      case 3:
        sum_whole (sums, 3, cell_sums, n);
        break;
      case 6:
        sum_whole (sums, 6, cell_sums, n);
        break;
      default:
        sum_whole (sums, width, cell_sums, n);
        break;
    }
    sums += 4 * (size_t) (n * width);
    divide_whole (cell_sums, area, means);
    find_nearest (grid->colors, means, cells + k, n);
  }
}

/* Sums of cells with parts of pixels: what the cell before left of a pixel, some
 * whole ones, and a part of the next. */
typedef struct {
  const uint32_t *column; /* sums of pixel columns, 4 channels */
  int left;               /* of its width */
} Parts;

static void
sum_parts (Parts *parts, PetRetroScale scale, double *sums, int n)
{
  const uint32_t *column = parts->column;
  int left = parts->left;

  for (int k = 0; k < n; k++, sums += 4) {
    int wanted = scale.cell - left;
    double whole[4] = { 0 };

    for (int c = 0; c < 4; c++)
      sums[c] = (double) left * (int32_t) column[c];
    for (column += 4; wanted >= scale.pixel; wanted -= scale.pixel, column += 4)
      for (int c = 0; c < 4; c++)
        whole[c] += (int32_t) column[c];
    for (int c = 0; c < 4; c++)
      sums[c] += (double) scale.pixel * whole[c];
    if (wanted > 0)
      for (int c = 0; c < 4; c++)
        sums[c] += (double) wanted * (int32_t) column[c];
    left = scale.pixel - wanted;
  }
  parts->column = column;
  parts->left = left;
}

/* The nearest whole number, ties to even. Sums and areas are whole numbers
 * below 2^53, so that remainders are exact; the quotient by the inverse is off
 * by one at most. */
static inline int16_t
divide (double sum, double area, double inverse)
{
  int32_t quotient = (int32_t) (sum * inverse);
  double rest = sum - (double) quotient * area;
  int32_t less = rest < 0.0, more = rest >= area, up;

  quotient += more - less;
  rest += (double) less * area - (double) more * area;
  up = (rest + rest > area) | ((rest + rest == area) & quotient);
  return (int16_t) (quotient + (up & 1));
}

static void
find_parts (const PetRetroGrid *grid, Parts parts, uint8_t *cells, int n_cells)
{
  double area = (double) grid->across.cell * (double) grid->down.cell;
  double inverse = 1.0 / area;

  for (int k = 0; k < n_cells; k += BATCH) {
    int n = n_cells - k < BATCH ? n_cells - k : BATCH;
    double sums[4 * BATCH] = { 0 };
    int16_t means[4 * BATCH];

    sum_parts (&parts, grid->across, sums, n);
    for (int i = 0; i < 4 * BATCH; i++)
      means[i] = divide (sums[i], area, inverse);
    find_nearest (grid->colors, means, cells + k, n);
  }
}

/* What has a part in `range`, each of which is `from` units wide, of those that
 * are `to` units wide: pixels of cells, or cells of pixels. */
static Range
covered (Range range, int from, int to)
{
  return (Range){ (int) ((int64_t) range.first * from / to),
    (int) (((int64_t) range.end * from + to - 1) / to) };
}

/* The columns of rows `rows` that are not 0. */
static Range
visible_columns (const PetImage *src, Range rows)
{
  Range range = { src->width, 0 };

  for (int y = rows.first; y < rows.end; y++) {
    int first, end;

    pet_nonzero_span (pet_image_row (src, y), src->width, &first, &end);
    if (first < end) {
      range.first = first < range.first ? first : range.first;
      range.end = end > range.end ? end : range.end;
    }
  }
  return range;
}

/* Sums of `n` bytes over the rows, the first and the last with the part of them
 * that is in the cells, whose top is at `top`. */
static void
weigh_rows (const PetImage *src, Range rows, int64_t top, PetRetroScale scale,
    size_t offset, size_t n, uint16_t *restrict inner, uint32_t *restrict sums)
{
  const uint8_t *restrict first = pet_image_row (src, rows.first) + offset;
  const uint8_t *restrict last = pet_image_row (src, rows.end - 1) + offset;
  int64_t bottom = top + scale.cell, pixel = scale.pixel;
  uint32_t whole = (uint32_t) pixel;
  uint32_t above = (uint32_t) ((rows.first + 1) * pixel - top);
  uint32_t below = (uint32_t) (bottom - (rows.end - 1) * pixel);

  if (rows.end - rows.first == 1) {
    for (size_t i = 0; i < n; i++)
      sums[i] = (uint32_t) scale.cell * first[i];
    return;
  }
  sum_rows (first + src->stride_bytes, src->stride_bytes,
      rows.end - rows.first - 2, inner, n);
  for (size_t i = 0; i < n; i++)
    sums[i] = whole * inner[i] + above * first[i] + below * last[i];
}

void
pet_retro_cells (
    const PetImage *src, const PetRetroGrid *grid, int row, PetRetroSums *sums)
{
  PetRetroScale across = grid->across, down = grid->down;
  Range rows = covered ((Range){ row, row + 1 }, down.cell, down.pixel);
  Range visible = visible_columns (src, rows), cells, pixels;
  uint8_t *out = grid->cells + (size_t) row * (size_t) grid->columns;
  size_t offset, n;

  if (visible.first >= visible.end) {
    memset (out, 0, (size_t) grid->columns);
    return;
  }
  cells = covered (visible, across.pixel, across.cell);
  pixels = covered (cells, across.cell, across.pixel);
  memset (out, 0, (size_t) cells.first);
  memset (out + cells.end, 0, (size_t) (grid->columns - cells.end));
  offset = 4 * (size_t) pixels.first;
  n = 4 * (size_t) (pixels.end - pixels.first);
  if (across.pixel == 1 && down.pixel == 1 &&
      across.cell * down.cell <= WHOLE_AREA) {
    sum_rows (pet_image_row (src, rows.first) + offset, src->stride_bytes,
        rows.end - rows.first, sums->inner, n);
    find_whole (grid, sums->inner, out + cells.first, cells.end - cells.first);
  } else {
    Parts parts = { sums->weighted,
      (int) ((pixels.first + (int64_t) 1) * across.pixel -
          (int64_t) cells.first * across.cell) };

    weigh_rows (src, rows, (int64_t) row * down.cell, down, offset, n,
        sums->inner, sums->weighted);
    find_parts (grid, parts, out + cells.first, cells.end - cells.first);
  }
}
