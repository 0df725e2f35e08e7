/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The subject, and the grid of alpha-weighted means over it. A row of pixels
 * is made linear once and added to the one or two rows of cells that it
 * touches; a row of cells is then cut into columns. */

#include <math.h>
#include <string.h>

#include "image/effects/pet-fine.h"
#include "image/effects/pet-oklab.h"
#include "image/pet-pixels.h"

#define VISIBLE 8

static inline uint32_t
alpha_at (const uint8_t *row, int x)
{
  return row[4 * (size_t) x + 3];
}

static uint32_t
sum_alpha (const uint8_t *row, int width)
{
  uint32_t sum = 0;

  for (int x = 0; x < width; x++) {
    uint32_t pixel;

    memcpy (&pixel, row + 4 * (size_t) x, 4);
    sum += pixel >> PET_PIXEL_SHIFT (3) & 255;
  }
  return sum;
}

#define RUN 32

/* Alphas of RUN pixels, or'ed: below a power of two where all are. */
static inline uint32_t
join_alphas (const uint8_t *row, int x)
{
  uint32_t sum = 0;

  for (int i = 0; i < RUN; i++) {
    uint32_t pixel;

    memcpy (&pixel, row + 4 * (size_t) (x + i), 4);
    sum |= pixel;
  }
  return sum >> PET_PIXEL_SHIFT (3) & 255;
}

/* Narrows from..to to the columns between the first and the last whose alpha
 * is at least `least`, a power of two. Empty: both are `to`. */
static void
narrow (const uint8_t *row, uint32_t least, int *from, int *to)
{
  while (*to - *from >= RUN && join_alphas (row, *from) < least)
    *from += RUN;
  while (*from < *to && alpha_at (row, *from) < least)
    ++*from;
  while (*to - *from >= RUN && join_alphas (row, *to - RUN) < least)
    *to -= RUN;
  while (*to > *from && alpha_at (row, *to - 1) < least)
    --*to;
}

/* Widens the subject by what is visible of a row. */
static void
add_row (PetSubject *subject, const uint8_t *row, int width, int y)
{
  int first = 0, end = width;

  narrow (row, VISIBLE, &first, &end);
  if (first == end)
    return;
  subject->left = first < subject->left ? first : subject->left;
  subject->right = end > subject->right ? end : subject->right;
  subject->top = subject->top < 0 ? y : subject->top;
  subject->bottom = y + 1;
}

void
pet_subject_find (const PetImage *src, PetSubject *subject)
{
  uint64_t total = 0;
  uint32_t hash = 2166136261u;

  *subject = (PetSubject){ .left = src->width, .top = -1 };
  for (int y = 0; y < src->height; y++) {
    uint32_t sum = sum_alpha (pet_image_row (src, y), src->width);

    hash = (hash ^ sum) * 16777619u;
    if (sum > 0)
      add_row (subject, pet_image_row (src, y), src->width, y);
    total += sum;
  }
  if (subject->top < 0) {
    *subject = (PetSubject){ 0, 0, src->width, src->height, 0.0f, 0 };
    total = 255 * (uint64_t) src->width * (uint64_t) src->height;
  }
  subject->side = (float) sqrt ((double) total / 255.0);
  subject->seed = hash;
}

void
pet_cells_take (PetScratch *scratch, PetCells *cells, int width, int height,
    size_t most, int margin)
{
  size_t pixels = ((size_t) width + 2 * (size_t) margin + 1) *
      ((size_t) height + 2 * (size_t) margin + 1);

  cells->max_cells = pixels < most ? pixels : most;
  cells->weight = pet_scratch_take (scratch, cells->max_cells, sizeof (float));
  for (int i = 0; i < 3; i++)
    cells->color[i] =
        pet_scratch_take (scratch, cells->max_cells, sizeof (float));
  for (int i = 0; i < 4; i++)
    cells->room[i] =
        pet_scratch_take (scratch, cells->max_cells, sizeof (float));
  cells->cuts = pet_scratch_take (
      scratch, (size_t) width + 2 * (size_t) margin, sizeof *cells->cuts);
  cells->sums = pet_scratch_take (scratch, (size_t) width, 12 * sizeof (float));
  cells->line = pet_scratch_take (
      scratch, cells->max_cells + 2 * PET_CELLS_PAD + 32, sizeof (float));
}

void
pet_cells_lay (
    PetCells *cells, const PetSubject *subject, float per_side, int margin)
{
  float width = (float) (subject->right - subject->left);
  float height = (float) (subject->bottom - subject->top);
  float pitch = subject->side / per_side;

  pitch = pitch > 1.0f ? pitch : 1.0f;
  for (;; pitch *= 1.03125f) {
    double columns = ceil ((double) (width / pitch)) + 2 * margin;
    double rows = ceil ((double) (height / pitch)) + 2 * margin;

    if (columns * rows > (double) cells->max_cells)
      continue;
    cells->columns = (int) columns;
    cells->rows = (int) rows;
    break;
  }
  cells->pitch = pitch;
  cells->left =
      (float) subject->left - 0.5f * ((float) cells->columns * pitch - width);
  cells->top =
      (float) subject->top - 0.5f * ((float) cells->rows * pitch - height);
}

/* Alpha, and linear R, G, B times alpha, `pitch` floats apart. */
static void
make_linear (const uint8_t *restrict pixels, float *restrict sums, size_t pitch,
    int width)
{
  float *restrict red = sums + pitch, *restrict green = red + pitch;
  float *restrict blue = green + pitch;

  for (int x = 0; x < width; x++) {
    uint32_t pixel;
    float alpha;

    memcpy (&pixel, pixels + 4 * (size_t) x, 4);
    alpha = (float) (int32_t) (pixel >> PET_PIXEL_SHIFT (3) & 255) / 255.0f;
    sums[x] = alpha;
    red[x] = alpha * pet_linear ((float) pet_pixel_red (pixel) / 255.0f);
    green[x] = alpha * pet_linear ((float) pet_pixel_green (pixel) / 255.0f);
    blue[x] = alpha * pet_linear ((float) pet_pixel_blue (pixel) / 255.0f);
  }
}

static void
accumulate (
    float *restrict sums, const float *restrict row, float weight, int n)
{
  for (int i = 0; i < n; i++)
    sums[i] += weight * row[i];
}

/* The pixels from `from` to `to`, which are not whole numbers. */
static PetCut
cut (int width, float from, float to)
{
  PetCut cut = { 0 };

  from = from > 0.0f ? from : 0.0f;
  to = to < (float) width ? to : (float) width;
  cut.first = cut.last = from < (float) width ? (int) from : width - 1;
  if (to <= from)
    return cut;
  cut.last = (int) to;
  cut.head = (float) (cut.first + 1) - from;
  cut.tail = to - (float) cut.last;
  if (cut.last == width) {
    cut.last--;
    cut.tail = 1.0f;
  }
  if (cut.last == cut.first) {
    cut.head = to - from;
    cut.tail = 0.0f;
  }
  return cut;
}

static void
make_cuts (PetCells *cells, int width)
{
  for (int i = 0; i < cells->columns; i++)
    cells->cuts[i] = cut (width, cells->left + (float) i * cells->pitch,
        cells->left + (float) (i + 1) * cells->pitch);
}

/* A pixel's four numbers. */
typedef float Four __attribute__ ((vector_size (16)));

static inline Four
four_at (const float *row, int x)
{
  Four four;

  memcpy (&four, row + 4 * (size_t) x, sizeof four);
  return four;
}

static inline Four
sum_cut (const float *row, const PetCut *cut)
{
  Four sum = cut->head * four_at (row, cut->first);

  for (int x = cut->first + 1; x < cut->last; x++)
    sum += four_at (row, x);
  return sum + cut->tail * four_at (row, cut->last);
}

/* Puts the numbers of each pixel side by side. */
static void
join_sums (const float *restrict sums, size_t width, int left, int right,
    float *restrict joined)
{
  for (int x = left; x < right; x++)
    for (size_t c = 0; c < 4; c++)
      joined[4 * (size_t) x + c] = sums[c * width + (size_t) x];
}

static void
finish_row (PetCells *cells, const float *joined, int row)
{
  float area = 1.0f / (cells->pitch * cells->pitch);
  size_t at = (size_t) row * (size_t) cells->columns;

  for (int i = 0; i < cells->columns; i++, at++) {
    Four sum = sum_cut (joined, cells->cuts + i);
    Four mean = sum[0] > 0.0f ? sum / sum[0] : (Four){ 0.0f };

    cells->weight[at] = sum[0] * area;
    for (int c = 0; c < 3; c++)
      cells->color[c][at] = mean[c + 1];
  }
}

/* The columns of pixels under the grid. */
static void
find_columns (const PetCells *cells, int width, int *from, int *to)
{
  float right = cells->left + (float) cells->columns * cells->pitch + 1.0f;

  *from = cells->left > 0.0f ? (int) cells->left : 0;
  *to = right < (float) width ? (int) right : width;
}

/* The rows of pixels that reach into a row of cells, summed. One that reaches
 * into the next as well is made once. */
static void
sum_rows (PetCells *cells, const PetImage *src, int row, int left, int right)
{
  float from = cells->top + (float) row * cells->pitch;
  float to = cells->top + (float) (row + 1) * cells->pitch;
  size_t width = (size_t) src->width;
  float *line = cells->sums + 4 * width;
  int first = from > 0.0f ? (int) from : 0;

  for (size_t c = 0; c < 4; c++)
    memset (cells->sums + c * width + left, 0,
        (size_t) (right - left) * sizeof (float));
  for (int y = first; y < src->height && (float) y < to; y++) {
    float top = (float) y > from ? (float) y : from;
    float bottom = (float) (y + 1) < to ? (float) (y + 1) : to;
    const uint8_t *pixels = pet_image_row (src, y);

    if (cells->made != y) {
      cells->made_from = left;
      cells->made_to = right;
      pet_visible_span (pixels, &cells->made_from, &cells->made_to);
      make_linear (pixels + 4 * (size_t) cells->made_from,
          line + cells->made_from, width, cells->made_to - cells->made_from);
    }
    cells->made = y;
    for (size_t c = 0; c < 4; c++) {
      size_t at = c * width + (size_t) cells->made_from;

      accumulate (cells->sums + at, line + at, bottom - top,
          cells->made_to - cells->made_from);
    }
  }
}

void
pet_cells_mean (PetCells *cells, const PetImage *src)
{
  float *joined = cells->sums + 8 * (size_t) src->width;
  int left, right;

  find_columns (cells, src->width, &left, &right);
  make_cuts (cells, src->width);
  cells->made = -1;
  for (int row = 0; row < cells->rows; row++) {
    sum_rows (cells, src, row, left, right);
    join_sums (cells->sums, (size_t) src->width, left, right, joined);
    finish_row (cells, joined, row);
  }
}

void
pet_visible_span (const uint8_t *row, int *from, int *to)
{
  narrow (row, 1, from, to);
}

void
pet_cells_lightness (const PetCells *cells, float *plane)
{
  size_t n = (size_t) cells->columns * (size_t) cells->rows;
  const float *red = cells->color[0], *green = cells->color[1];
  const float *blue = cells->color[2];

  for (size_t i = 0; i < n; i++)
    plane[i] =
        pet_cbrt (0.2126f * red[i] + 0.7152f * green[i] + 0.0722f * blue[i]);
}

void
pet_cells_oklab (PetCells *cells)
{
  size_t n = (size_t) cells->columns * (size_t) cells->rows;
  float *red = cells->color[0], *green = cells->color[1];
  float *blue = cells->color[2];

  for (size_t i = 0; i < n; i++) {
    float lab[3];

    pet_oklab (red[i], green[i], blue[i], lab);
    red[i] = lab[0];
    green[i] = lab[1];
    blue[i] = lab[2];
  }
}
