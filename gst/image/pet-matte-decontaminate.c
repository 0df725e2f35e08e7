/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Blur fusion, after Marco Forte, "Approximate Fast Foreground Colour
 * Estimation", ICIP 2021. With box means of radius r, written <>:
 *   F^ = <F a> / <a>,  B^ = <B (1 - a)> / <1 - a>,  e = I - a F^ - (1 - a) B^
 *   F = clamp (F^ + a e),  B = clamp (B^ + (1 - a) e)
 * First F = B = I with the full radius, then F and B of the first pass with a
 * fifteenth of it; the F of that is the result.
 *
 * The wide means change slowly, so they are taken over cells of step x step
 * pixels (step about r / 6, 4 to 16) and scaled up bilinearly, numerators and
 * denominators apart. The narrow ones slide down the rows, with a ring of what
 * is to leave them. 64 / step^2 bytes per pixel (4 at worst, 0.28 at radius
 * 90), and 32 (2 r / 15 + 4) bytes per column. */

#include <string.h>

#include "image/pet-matte.h"
#include "image/pet-plane.h"

/* a, F a (3), 1 - a, B (1 - a) (3) */
enum { ALPHA, FORE, REST = 4, BACK, SUMS = 8 };

typedef struct {
  const PetImage *image;
  int pixels;        /* width of the image */
  int width, height; /* in cells */
  int step, radius;  /* of the wide means, in cells */
  int narrow;        /* radius of the narrow means, in pixels */
  float *cells;      /* SUMS per cell */
  float *wide;       /* SUMS per cell: box sums of the cells */
  double *column;    /* SUMS per cell column: sums down the columns */
  float *line;       /* SUMS per cell column: the wide sums at a row */
  PetRing parts;     /* SUMS per pixel: what a row adds to the narrow sums */
  double *sums;      /* SUMS per column: narrow sums down the columns */
  int n_parts;       /* rows made so far */
} Fusion;

static void
lay_out (Fusion *f, int width, int height, int radius)
{
  f->step = radius / 6 < 4 ? 4 : radius / 6 > 16 ? 16 : radius / 6;
  f->radius = (radius + f->step - 1) / f->step;
  f->narrow = radius < 15 ? 1 : radius / 15;
  f->width = (width - 1) / f->step + 1;
  f->height = (height - 1) / f->step + 1;
  f->pixels = width;
}

static void
take_scratch (PetScratch *scratch, Fusion *f)
{
  size_t cells = (size_t) f->width, pixels = (size_t) f->pixels;

  f->cells = pet_scratch_take (
      scratch, (size_t) f->height, cells * SUMS * sizeof (float));
  f->wide = pet_scratch_take (
      scratch, (size_t) f->height, cells * SUMS * sizeof (float));
  f->column = pet_scratch_take (scratch, cells, SUMS * sizeof (double));
  f->line = pet_scratch_take (scratch, cells, SUMS * sizeof (float));
  pet_ring_take (scratch, &f->parts, 2 * f->narrow + 2, f->pixels, 0,
      SUMS * sizeof (float));
  f->sums = pet_scratch_take (scratch, pixels, SUMS * sizeof (double));
}

static void
set_parts (float *parts, float alpha, const float *fore, const float *back)
{
  parts[ALPHA] = alpha;
  parts[REST] = 1.0f - alpha;
  for (int c = 0; c < 3; c++) {
    parts[FORE + c] = alpha * fore[c];
    parts[BACK + c] = (1.0f - alpha) * back[c];
  }
}

static void
read_color (const uint8_t *pixel, float *color)
{
  for (int c = 0; c < 3; c++)
    color[c] = pixel[c];
}

static void
fill_cells (const Fusion *f)
{
  const PetImage *image = f->image;

  memset (f->cells, 0,
      (size_t) f->height * (size_t) f->width * SUMS * sizeof (float));
  for (int y = 0; y < image->height; y++) {
    const uint8_t *pixel = pet_image_row (image, y);
    float *cell = f->cells + (size_t) (y / f->step) * (size_t) f->width * SUMS;

    for (int x = 0; x < image->width; cell += SUMS)
      for (int k = 0; k < f->step && x < image->width; k++, x++, pixel += 4) {
        float color[3], parts[SUMS];

        read_color (pixel, color);
        set_parts (parts, pixel[3] * (1.0f / 255.0f), color, color);
        for (int c = 0; c < SUMS; c++)
          cell[c] += parts[c];
      }
  }
}

/* Sums over 2 radius + 1 neighbours along a line of sums down the columns. */
static void
slide_cells (const Fusion *f, float *out)
{
  double sums[SUMS] = { 0 };

  for (int x = -f->radius; x < f->width; x++) {
    int enters = x + f->radius, leaves = x - f->radius - 1;

    for (int c = 0; c < SUMS; c++) {
      if (enters < f->width)
        sums[c] += f->column[(size_t) enters * SUMS + (size_t) c];
      if (leaves >= 0)
        sums[c] -= f->column[(size_t) leaves * SUMS + (size_t) c];
      if (x >= 0)
        out[(size_t) x * SUMS + (size_t) c] = (float) sums[c];
    }
  }
}

static void
sum_cells (const Fusion *f)
{
  size_t row = (size_t) f->width * SUMS;

  memset (f->column, 0, row * sizeof (double));
  for (int y = -f->radius; y < f->height; y++) {
    int enters = y + f->radius, leaves = y - f->radius - 1;

    for (size_t i = 0; i < row && enters < f->height; i++)
      f->column[i] += f->cells[(size_t) enters * row + i];
    for (size_t i = 0; i < row && leaves >= 0; i++)
      f->column[i] -= f->cells[(size_t) leaves * row + i];
    if (y >= 0)
      slide_cells (f, f->wide + (size_t) y * row);
  }
}

/* The two cells around pixel `i`: the first, and the share of the second. */
static int
cell_position (int i, int step, int size, float *share)
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

/* F^ + a e and B^ + (1 - a) e, clamped. */
static void
solve (const float *sums, float alpha, const float *color, float *fore,
    float *back)
{
  for (int c = 0; c < 3; c++) {
    float f = sums[FORE + c] / sums[ALPHA];
    float b = sums[BACK + c] / sums[REST];
    float error = color[c] - alpha * f - (1.0f - alpha) * b;

    fore[c] = 255.0f * pet_clamp01 ((f + alpha * error) / 255.0f);
    back[c] = 255.0f * pet_clamp01 ((b + (1.0f - alpha) * error) / 255.0f);
  }
}

static void
make_line (const Fusion *f, int y)
{
  size_t row = (size_t) f->width * SUMS;
  float down;
  int top = cell_position (y, f->step, f->height, &down);
  const float *above = f->wide + (size_t) top * row;
  const float *below = down > 0.0f ? above + row : above;

  for (size_t i = 0; i < row; i++)
    f->line[i] = above[i] + (below[i] - above[i]) * down;
}

static void
make_parts_row (const Fusion *f, int y)
{
  const uint8_t *pixel = pet_image_row (f->image, y);
  float *parts = pet_ring_row (&f->parts, y);

  make_line (f, y);
  for (int x = 0; x < f->image->width; x++, pixel += 4, parts += SUMS) {
    float alpha = pixel[3] * (1.0f / 255.0f);
    float color[3], fore[3], back[3], sums[SUMS], across;
    const float *left, *right;

    read_color (pixel, color);
    if (pixel[3] == 0 || pixel[3] == 255) {
      set_parts (parts, alpha, color, color);
      continue;
    }
    left =
        f->line + (size_t) cell_position (x, f->step, f->width, &across) * SUMS;
    right = across > 0.0f ? left + SUMS : left;
    for (int c = 0; c < SUMS; c++)
      sums[c] = left[c] + (right[c] - left[c]) * across;
    solve (sums, alpha, color, fore, back);
    set_parts (parts, alpha, fore, back);
  }
}

/* Brings the narrow sums down to row `y`. */
static void
slide_down (Fusion *f, int y)
{
  size_t row = (size_t) f->image->width * SUMS;

  for (; f->n_parts < f->image->height && f->n_parts <= y + f->narrow;
       f->n_parts++) {
    const float *parts = pet_ring_row (&f->parts, f->n_parts);

    make_parts_row (f, f->n_parts);
    for (size_t i = 0; i < row; i++)
      f->sums[i] += parts[i];
  }
  if (y > f->narrow) {
    const float *parts = pet_ring_row (&f->parts, y - f->narrow - 1);

    for (size_t i = 0; i < row; i++)
      f->sums[i] -= parts[i];
  }
}

static void
write_row (const Fusion *f, int y)
{
  uint8_t *row = pet_image_row (f->image, y);
  int width = f->image->width;
  double sums[SUMS] = { 0 };

  for (int x = -f->narrow; x < width; x++) {
    int enters = x + f->narrow, leaves = x - f->narrow - 1;
    float color[3], fore[3], back[3], window[SUMS];
    uint8_t *pixel;

    for (int c = 0; c < SUMS; c++) {
      if (enters < width)
        sums[c] += f->sums[(size_t) enters * SUMS + (size_t) c];
      if (leaves >= 0)
        sums[c] -= f->sums[(size_t) leaves * SUMS + (size_t) c];
    }
    if (x < 0 || row[4 * x + 3] == 0 || row[4 * x + 3] == 255)
      continue;
    pixel = row + 4 * (ptrdiff_t) x;
    for (int c = 0; c < SUMS; c++)
      window[c] = (float) sums[c];
    read_color (pixel, color);
    solve (window, pixel[3] * (1.0f / 255.0f), color, fore, back);
    for (int c = 0; c < 3; c++)
      pixel[c] = (uint8_t) (fore[c] + 0.5f);
  }
}

static void
decontaminate (Fusion *f)
{
  fill_cells (f);
  sum_cells (f);
  memset (f->sums, 0, (size_t) f->image->width * SUMS * sizeof (double));
  for (int y = 0; y < f->image->height; y++) {
    slide_down (f, y);
    write_row (f, y);
  }
}

size_t
pet_matte_decontaminate_bytes (int width, int height, int radius)
{
  PetScratch scratch = { 0 };
  Fusion f = { 0 };

  lay_out (&f, width, height, radius);
  take_scratch (&scratch, &f);
  return pet_scratch_size (&scratch);
}

PetStatus
pet_matte_decontaminate (const PetImage *image, int radius,
    const PetAllocator *allocator, PetError *error)
{
  PetScratch scratch = { 0 };
  Fusion f = { .image = image };
  size_t size;

  if (image->channels != 4 || image->width < 1 || image->height < 1 ||
      radius < 1 || radius > 4096)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "decontamination needs 4 channels and a radius of 1..4096");
  lay_out (&f, image->width, image->height, radius);
  take_scratch (&scratch, &f);
  size = pet_scratch_size (&scratch);
  if (scratch.overflow)
    return pet_fail (error, PET_ERROR_LIMIT,
        "a picture of %dx%d is too large to be decontaminated", image->width,
        image->height);
  scratch = (PetScratch){ .base = pet_alloc (allocator, size) };
  if (scratch.base == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu bytes of decontamination", size);
  take_scratch (&scratch, &f);
  decontaminate (&f);
  pet_free (allocator, scratch.base, size);
  return PET_OK;
}
