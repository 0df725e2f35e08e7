/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fast guided filter, after Kaiming He and Jian Sun, "Fast Guided Filter",
 * arXiv 1505.00996: with grey guide I and mask p, both averaged down by the
 * subsampling factor, and means over windows of (2 r + 1)^2, cut at the
 * border,
 *   a = (mean (I p) - mean (I) mean (p)) / (var (I) + epsilon)
 *   b = mean (p) - a mean (I)
 * and the result is mean (a) I + mean (b), both means scaled up bilinearly, at
 * full size. Means are running sums, so the radius costs nothing.
 *
 * 16 bytes per pixel of the small size (at subsample 4: one per full pixel),
 * and about 60 bytes per small column. */

#include <string.h>

#include "image/pet-plane.h"
#include "image/pet-matte.h"

typedef struct {
  int full_width, full_height;
  int width, height; /* of the planes */
  int step, radius;  /* subsampling, and the radius at the small size */
  float *guide, *mask;
  float *slope, *offset;
  double *columns[4]; /* running sums down the columns */
  float *line[2];     /* slope and offset of one full row, at small width */
} Guided;

static void
take_planes (PetScratch *scratch, Guided *g)
{
  float **planes[] = { &g->guide, &g->mask, &g->slope, &g->offset };

  for (int i = 0; i < 4; i++) {
    *planes[i] = pet_scratch_take (
        scratch, (size_t) g->height, (size_t) g->width * sizeof (float));
    g->columns[i] =
        pet_scratch_take (scratch, (size_t) g->width, sizeof (double));
  }
  for (int i = 0; i < 2; i++)
    g->line[i] = pet_scratch_take (scratch, (size_t) g->width, sizeof (float));
}

static float
grey_of (const uint8_t *pixel)
{
  return (float) (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2]) *
      (1.0f / 255000.0f);
}

/* Averages step x step pixels, fewer at the right and at the bottom. */
static void
shrink_row (
    const Guided *g, const PetImage *alpha, const PetImage *guide, int row)
{
  float *guide_out = g->guide + (size_t) row * (size_t) g->width;
  float *mask_out = g->mask + (size_t) row * (size_t) g->width;
  int top = row * g->step;
  int bottom = top + g->step < g->full_height ? top + g->step : g->full_height;

  memset (guide_out, 0, (size_t) g->width * sizeof (float));
  memset (mask_out, 0, (size_t) g->width * sizeof (float));
  for (int y = top; y < bottom; y++) {
    const uint8_t *pixel = pet_image_row (guide, y);
    const uint8_t *value = pet_image_row (alpha, y);

    for (int x = 0, i = 0; x < g->full_width; i++)
      for (int k = 0; k < g->step && x < g->full_width;
           k++, x++, pixel += guide->channels) {
        guide_out[i] += grey_of (pixel);
        mask_out[i] += (float) value[x];
      }
  }
  for (int i = 0; i < g->width; i++) {
    int left = i * g->step;
    int across =
        left + g->step < g->full_width ? g->step : g->full_width - left;
    float share = 1.0f / (float) (across * (bottom - top));

    guide_out[i] *= share;
    mask_out[i] *= share / 255.0f;
  }
}

/* The row's part in the running sums: sign +1 when it enters the window, -1
 * when it leaves. */
static void
add_statistics (const Guided *g, int y, double sign)
{
  const float *guide = g->guide + (size_t) y * (size_t) g->width;
  const float *mask = g->mask + (size_t) y * (size_t) g->width;

  for (int x = 0; x < g->width; x++) {
    double i = guide[x], p = mask[x];

    g->columns[0][x] += sign * i;
    g->columns[1][x] += sign * p;
    g->columns[2][x] += sign * (i * i);
    g->columns[3][x] += sign * (i * p);
  }
}

static void
add_coefficients (const Guided *g, int y, double sign)
{
  const float *slope = g->slope + (size_t) y * (size_t) g->width;
  const float *offset = g->offset + (size_t) y * (size_t) g->width;

  for (int x = 0; x < g->width; x++) {
    g->columns[0][x] += sign * slope[x];
    g->columns[1][x] += sign * offset[x];
  }
}

static void
solve_row (const Guided *g, int y, int rows, double epsilon)
{
  float *slope = g->slope + (size_t) y * (size_t) g->width;
  float *offset = g->offset + (size_t) y * (size_t) g->width;
  double sums[4] = { 0 };

  for (int x = -g->radius; x < g->width; x++) {
    int enters = x + g->radius, leaves = x - g->radius - 1;
    int left = leaves < 0 ? 0 : leaves + 1;
    int right = enters < g->width ? enters : g->width - 1;
    double count = (double) (right - left + 1) * rows;
    double i, p, a;

    for (int c = 0; c < 4; c++) {
      if (enters < g->width)
        sums[c] += g->columns[c][enters];
      if (leaves >= 0)
        sums[c] -= g->columns[c][leaves];
    }
    if (x < 0)
      continue;
    i = sums[0] / count;
    p = sums[1] / count;
    a = (sums[3] / count - i * p) / (sums[2] / count - i * i + epsilon);
    slope[x] = (float) a;
    offset[x] = (float) (p - a * i);
  }
}

/* Means of the coefficients; guide and mask are no longer needed and give
 * them their place. */
static void
average_row (const Guided *g, int y, int rows)
{
  float *out[2] = { g->guide + (size_t) y * (size_t) g->width,
    g->mask + (size_t) y * (size_t) g->width };
  double sums[2] = { 0 };

  for (int x = -g->radius; x < g->width; x++) {
    int enters = x + g->radius, leaves = x - g->radius - 1;
    int left = leaves < 0 ? 0 : leaves + 1;
    int right = enters < g->width ? enters : g->width - 1;

    for (int c = 0; c < 2; c++) {
      if (enters < g->width)
        sums[c] += g->columns[c][enters];
      if (leaves >= 0)
        sums[c] -= g->columns[c][leaves];
      if (x >= 0)
        out[c][x] = (float) (sums[c] / ((double) (right - left + 1) * rows));
    }
  }
}

static void
clear_columns (const Guided *g)
{
  for (int i = 0; i < 4; i++)
    memset (g->columns[i], 0, (size_t) g->width * sizeof (double));
}

/* Slides the window down: `second` false for the statistics, true for the
 * means of the coefficients. */
static void
slide (const Guided *g, bool second, double epsilon)
{
  void (*add) (const Guided *, int, double) =
      second ? add_coefficients : add_statistics;

  clear_columns (g);
  for (int y = -g->radius; y < g->height; y++) {
    int enters = y + g->radius, leaves = y - g->radius - 1;
    int top = leaves < 0 ? 0 : leaves + 1;
    int bottom = enters < g->height ? enters : g->height - 1;

    if (enters < g->height)
      add (g, enters, 1.0);
    if (leaves >= 0)
      add (g, leaves, -1.0);
    if (y >= 0 && second)
      average_row (g, y, bottom - top + 1);
    else if (y >= 0)
      solve_row (g, y, bottom - top + 1, epsilon);
  }
}

/* First of the two small positions around full position `i`. */
static int
small_position (int i, int step, int size, float *share)
{
  float at = ((float) i + 0.5f) / (float) step - 0.5f;
  int first = at > 0.0f ? (int) at : 0;

  *share = 0.0f;
  if (first >= size - 1)
    return size - 1;
  if (at > 0.0f)
    *share = at - (float) first;
  return first;
}

static void
refine_row (
    const Guided *g, const PetImage *alpha, const PetImage *guide, int y)
{
  const float *planes[2] = { g->guide, g->mask };
  const uint8_t *pixel = pet_image_row (guide, y);
  uint8_t *out = pet_image_row (alpha, y);
  float down, across;
  int top = small_position (y, g->step, g->height, &down);

  for (int c = 0; c < 2; c++) {
    const float *above = planes[c] + (size_t) top * (size_t) g->width;
    const float *below = down > 0.0f ? above + g->width : above;

    for (int x = 0; x < g->width; x++)
      g->line[c][x] = above[x] + (below[x] - above[x]) * down;
  }
  for (int x = 0; x < g->full_width; x++, pixel += guide->channels) {
    int left = small_position (x, g->step, g->width, &across);
    int right = left + (across > 0.0f);
    float a = g->line[0][left], b = g->line[1][left], value;

    a += (g->line[0][right] - a) * across;
    b += (g->line[1][right] - b) * across;
    value = pet_clamp01 (a * grey_of (pixel) + b);
    out[x] = (uint8_t) (value * 255.0f + 0.5f);
  }
}

static void
refine (const Guided *g, const PetImage *alpha, const PetImage *guide,
    double epsilon)
{
  for (int row = 0; row < g->height; row++)
    shrink_row (g, alpha, guide, row);
  slide (g, false, epsilon);
  slide (g, true, epsilon);
  for (int y = 0; y < g->full_height; y++)
    refine_row (g, alpha, guide, y);
}

static void
lay_out (Guided *g, int width, int height, int radius, int subsample)
{
  g->full_width = width;
  g->full_height = height;
  g->step = subsample;
  g->width = (width - 1) / subsample + 1;
  g->height = (height - 1) / subsample + 1;
  g->radius = (2 * radius + subsample) / (2 * subsample);
  g->radius = g->radius < 1 ? 1 : g->radius;
}

size_t
pet_mask_refine_guided_bytes (int width, int height, int radius, int subsample)
{
  PetScratch scratch = { 0 };
  Guided g = { 0 };

  lay_out (&g, width, height, radius, subsample);
  take_planes (&scratch, &g);
  return pet_scratch_size (&scratch);
}

PetStatus
pet_mask_refine_guided (const PetImage *alpha, const PetImage *guide,
    int radius, double epsilon, int subsample, const PetAllocator *allocator,
    PetError *error)
{
  PetScratch scratch = { 0 };
  Guided g = { 0 };
  size_t size;

  if (alpha->width < 1 || alpha->height < 1 || alpha->width != guide->width ||
      alpha->height != guide->height || alpha->channels != 1 ||
      guide->channels < 3 || radius < 1 || radius > 4096 || subsample < 1 ||
      subsample > 64 || !(epsilon > 0.0))
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "the guided filter got sizes or numbers that do not fit");
  lay_out (&g, alpha->width, alpha->height, radius, subsample);
  take_planes (&scratch, &g);
  size = pet_scratch_size (&scratch);
  if (scratch.overflow)
    return pet_fail (error, PET_ERROR_LIMIT,
        "a mask of %dx%d is too large to be refined", alpha->width,
        alpha->height);
  scratch = (PetScratch){ .base = pet_alloc (allocator, size) };
  if (scratch.base == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu bytes of the guided filter", size);
  take_planes (&scratch, &g);
  refine (&g, alpha, guide, epsilon);
  pet_free (allocator, scratch.base, size);
  return PET_OK;
}
