/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Error-diffused black dots on white paper (Floyd-Steinberg on a lattice, with
 * a local threshold). Doubles throughout: diffusion turns a difference in the
 * last bit into other dots. Defined for visible pixels only: where alpha is 0
 * colours come out as 0, 0, 0.
 *
 * PET_DITHER_ROWS lattice rows are diffused at a time. Their last one looks at 3
 * rows of blur and 1 of sharpening below it, so 4 rows or more are read ahead of
 * it. */

#include <math.h>
#include <string.h>

#include "image/effects/pet-dither.h"
#include "image/effects/pet-effects.h"
#include "image/pet-pixels.h"
#include "image/pet-plane.h"

#define MAX_SPACING 5
#define MAX_DOT_SIZE 3

/* Lattice rows are blurred in pairs, rows sharpened likewise. */
#define SHARP_ROWS(spacing) ((2 * PET_DITHER_BLUR_RADIUS + 3 + (spacing)) & ~1)
#define MAX_SHARP_ROWS SHARP_ROWS (MAX_SPACING)

/* From the row above a pair of lattice rows to the last one that is read ahead of
 * them. */
#define GREY_ROWS(spacing) (PET_DITHER_BLUR_RADIUS + 4 + (spacing))
#define MAX_GREY_ROWS GREY_ROWS (MAX_SPACING)

/* Those above a band that its thresholds are made of, and those of it that were
 * printed with the band before. */
#define KEPT_ROWS (PET_DITHER_SEEN + MAX_DOT_SIZE - 1)

/* By how much printing is behind reading, at the usual spacing. */
#define PRINTED_BEHIND 8

/* Columns to spare, for vectors. */
#define SOFT_PAD 48

/* More than rows are made ahead of the lattice row that is at work, and of the
 * first row of a band at the usual spacing. */
#define KEPT_RANGES 32

enum { DOT_SPACING, DOT_SIZE, GAMMA, EDGE_STRENGTH, ADAPTIVE };

static const PetEffectParam params[] = {
  [DOT_SPACING] = { "dot-spacing", "Pixels from one dot to the next",
      PET_PARAM_INT, 1.0, MAX_SPACING, 2.0 },
  [DOT_SIZE] = { "dot-size", "Width and height of a dot in pixels",
      PET_PARAM_INT, 1.0, MAX_DOT_SIZE, 2.0 },
  [GAMMA] = { "gamma", "Exponent of the tone curve; below 1 brightens",
      PET_PARAM_FLOAT, 0.1, 3.0, 0.45 },
  [EDGE_STRENGTH] = { "edge-strength", "Strength of the edge enhancement",
      PET_PARAM_FLOAT, 0.0, 3.0, 0.3 },
  [ADAPTIVE] = { "adaptive", "Threshold by the surroundings, not at 128",
      PET_PARAM_BOOL, 0.0, 1.0, 1.0 },
};

typedef struct {
  int first, end;
} Range;

typedef struct {
  const PetImage *src, *dst;
  int width, height, spacing, dot_size;
  PetDitherTone *own_tone; /* where its gamma is not the usual one */
  PetDitherColors colors;
  PetRing grey; /* after the tone curve */
  PetRing soft_grey;
  /* Of the newest rows: from the first to the last pixel that is not 0. None
   * outside is visible, and greys there are 255. */
  Range visible[KEPT_RANGES];
  /* Where rows hold something else than 255 or not a number. */
  Range used_grey[MAX_GREY_ROWS], used_soft[4], used_sharp[MAX_SHARP_ROWS];
  Range used_points[PET_DITHER_ROWS];
  PetRing sharp;    /* after the edges */
  PetSoft *line[2]; /* blurred down the columns, with spare elements */
  PetDitherBand band;
  uint16_t *ink; /* of a row's pixels, two at a time: are they black? */
  int n_grey, n_sharp, n_paper; /* rows made so far */
} Dither;

static double *
take_padded (PetScratch *scratch, size_t rows, size_t pitch)
{
  double *block = pet_scratch_take (scratch, rows * pitch, sizeof (double));

  return block != NULL ? block + PET_DITHER_PAD : NULL;
}

static void
take_scratch (
    PetScratch *scratch, Dither *dither, int width, const double *values)
{
  int spacing = (int) values[DOT_SPACING];
  size_t columns = ((size_t) width + (size_t) spacing - 1) / (size_t) spacing;
  size_t pitch = columns + 2 * PET_DITHER_PAD;

  dither->own_tone = pet_dither_tone_is_kept (values[GAMMA])
      ? NULL
      : pet_scratch_take (scratch, 1, sizeof (PetDitherTone));
  pet_ring_take (
      scratch, &dither->grey, GREY_ROWS (spacing), width, 8, sizeof (double));
  pet_ring_take (scratch, &dither->colors.kept, KEPT_ROWS, width, 0, 4);
  pet_ring_take (
      scratch, &dither->soft_grey, 4, width, SOFT_PAD, sizeof (PetSoft));
  pet_ring_take (scratch, &dither->sharp, SHARP_ROWS (spacing), width, SOFT_PAD,
      sizeof (PetSoft));
  for (int i = 0; i < 2; i++) {
    PetSoft *line = pet_scratch_take (
        scratch, (size_t) width + 2 * SOFT_PAD, sizeof (PetSoft));

    dither->line[i] = line != NULL ? line + SOFT_PAD : NULL;
  }
  dither->band.pitch = pitch;
  dither->band.columns = (int) columns;
  dither->band.value = take_padded (scratch, PET_DITHER_ROWS, pitch);
  dither->band.threshold = take_padded (scratch, PET_DITHER_ROWS, pitch);
  dither->band.error = take_padded (scratch, 1, pitch);
  dither->band.dots = pet_scratch_take (scratch, columns + PET_DITHER_PAD, 1);
  dither->ink =
      pet_scratch_take (scratch, ((size_t) width + 1) / 2, sizeof (uint16_t));
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Dither dither;

  take_scratch (&scratch, &dither, width, values);
  return pet_scratch_size (&scratch);
}

static void
fill (double *row, Range range, double value)
{
  for (int x = range.first; x < range.end; x++)
    row[x] = value;
}

static void
fill_white (PetSoft *row, Range range)
{
  for (int x = range.first; x < range.end; x++)
    row[x] = (PetSoft) 255.0;
}

/* What is in `used` and not in `range`, in two pieces; *used becomes `range`. */
static void
leave (Range *used, Range range, Range *left, Range *right)
{
  *left = *right = *used;
  left->end = left->end < range.first ? left->end : range.first;
  right->first = right->first > range.end ? right->first : range.end;
  *used = range;
}

/* Restores what a row has in `used` and will not have in `range`. */
static void
refill (double *row, Range *used, Range range, double value)
{
  Range left, right;

  leave (used, range, &left, &right);
  fill (row, left, value);
  fill (row, right, value);
}

static void
refill_white (PetSoft *row, Range *used, Range range)
{
  Range left, right;

  leave (used, range, &left, &right);
  fill_white (row, left);
  fill_white (row, right);
}

static Range
join (Range a, Range b)
{
  if (a.first >= a.end || b.first >= b.end)
    return a.first >= a.end ? b : a;
  return (Range){ a.first < b.first ? a.first : b.first,
    a.end > b.end ? a.end : b.end };
}

static void
make_grey_row (Dither *dither, int y)
{
  const uint8_t *src = pet_image_row (dither->src, y);
  double *grey = pet_ring_row (&dither->grey, y);
  PetSoft *soft = pet_ring_row (&dither->soft_grey, y);
  int width = dither->width;
  int below = y + 1 < dither->height ? y + 1 : y;
  int printed = y > PRINTED_BEHIND ? y - PRINTED_BEHIND : 0;
  PetAhead ahead;
  Range range;

  pet_nonzero_span (src, width, &range.first, &range.end);
  refill (grey, &dither->used_grey[y % dither->grey.count], range, 255.0);
  refill_white (soft, &dither->used_soft[y % 4], range);
  ahead.read = pet_image_row (dither->src, below) + 4 * (size_t) range.first;
  ahead.write = pet_image_row (dither->dst, printed) + 4 * (size_t) range.first;
  pet_dither_tone (dither->colors.tone, src + 4 * (size_t) range.first, ahead,
      grey + range.first, soft + range.first, range.end - range.first);
  grey[-1] = grey[pet_mirror (-1, width)];
  grey[width] = grey[pet_mirror (width, width)];
  soft[-1] = soft[pet_mirror (-1, width)];
  soft[width] = soft[pet_mirror (width, width)];
  dither->visible[y % KEPT_RANGES] = range;
}

/* Rows `y` and `y` + 1. Where all greys around are 255 there is no edge. */
static void
make_sharp_rows (Dither *dither, int y)
{
  int width = dither->width, height = dither->height;
  const PetSoft *rows[4];
  Range range = { 0, 0 };

  for (; dither->n_grey < height && dither->n_grey <= y + 2; dither->n_grey++)
    make_grey_row (dither, dither->n_grey);
  for (int i = 0; i < 4; i++) {
    int row = pet_mirror (y - 1 + i, height);

    rows[i] = pet_ring_row (&dither->soft_grey, row);
    range = join (range, dither->visible[row % KEPT_RANGES]);
  }
  range.first = range.first > 16 ? (range.first - 1) & ~15 : 0;
  range.end = range.end + 16 < width ? (range.end + 16) & ~15 : width;
  for (int i = 0; i < 2; i++)
    refill_white (pet_ring_row (&dither->sharp, y + i),
        &dither->used_sharp[(y + i) % dither->sharp.count], range);
  pet_dither_sharpen (rows, dither->colors.strength,
      pet_ring_row (&dither->sharp, y), pet_ring_row (&dither->sharp, y + 1),
      range.first, range.end);
}

/* Where the blur along a row looks; all of a row that is near both borders. */
static Range
blurred_range (Range visible, int width)
{
  Range range = { visible.first - PET_DITHER_BLUR_RADIUS,
    visible.end + PET_DITHER_BLUR_RADIUS };

  if (range.first <= PET_DITHER_BLUR_RADIUS ||
      range.end >= width - PET_DITHER_BLUR_RADIUS)
    return (Range){ 0, width };
  return (Range){ range.first & ~15, range.end };
}

/* The blur down the columns of two lattice rows, with mirrored ends. */
static void
make_lines (Dither *dither, int y, Range visible)
{
  enum { RADIUS = PET_DITHER_BLUR_RADIUS };
  const PetSoft *rows[2 * RADIUS + 1 + MAX_SPACING];
  int width = dither->width;
  Range range = blurred_range (visible, width);

  for (int k = -RADIUS; k <= RADIUS + dither->spacing; k++)
    rows[RADIUS + k] =
        pet_ring_row (&dither->sharp, pet_mirror (y + k, dither->height));
  pet_dither_blur_columns (rows + RADIUS, dither->spacing, dither->line[0],
      dither->line[1], range.first, range.end);
  for (int i = 0; i < 2 && range.first == 0; i++)
    for (int k = 1; k <= RADIUS; k++) {
      PetSoft *line = dither->line[i];

      line[-k] = line[pet_mirror (-k, width)];
      line[width - 1 + k] = line[pet_mirror (width - 1 + k, width)];
    }
}

/* The lattice points of row `y` that may be visible. */
static Range
visible_points (const Dither *dither, int y)
{
  int spacing = dither->spacing;
  Range visible = { 0, 0 };

  if (y < dither->height)
    visible = dither->visible[y % KEPT_RANGES];
  return (
      Range){ visible.first / spacing, (visible.end + spacing - 1) / spacing };
}

static void
make_points (Dither *dither, int y, int row, Range points, bool adaptive)
{
  const PetDitherBand *band = &dither->band;
  double *value = band->value + (size_t) row * band->pitch;
  double *threshold = band->threshold + (size_t) row * band->pitch;
  int spacing = dither->spacing, x = points.first * spacing;
  int n = points.end - points.first;
  const double *rows[3];

  refill (threshold, &dither->used_points[row], points, NAN);
  if (n <= 0)
    return;
  if (adaptive)
    pet_dither_threshold (
        dither->line[row % 2] + x, spacing, threshold + points.first, n);
  else
    fill (threshold, points, 128.0);
  pet_dither_hide (pet_image_row (dither->src, y) + 4 * (size_t) x, spacing,
      threshold + points.first, n);
  for (int i = 0; i < 3; i++)
    rows[i] = (const double *) pet_ring_row (
                  &dither->grey, pet_mirror (y - 1 + i, dither->height)) +
        x;
  pet_dither_values (
      rows, dither->colors.strength, spacing, value + points.first, n);
}

/* Rows `row` and `row` + 1 of the band; returns which of their points may be
 * visible. */
static Range
make_band_rows (Dither *dither, int y, int row, bool adaptive)
{
  int spacing = dither->spacing, height = dither->height;
  Range points[2], both;

  for (; dither->n_sharp < height &&
       dither->n_sharp <= y + spacing + PET_DITHER_BLUR_RADIUS;
       dither->n_sharp += 2)
    make_sharp_rows (dither, dither->n_sharp);
  points[0] = visible_points (dither, y);
  points[1] = visible_points (dither, y + spacing);
  both = join (points[0], points[1]);
  if (adaptive && both.first < both.end)
    make_lines (dither, y,
        (Range){ both.first * spacing, (both.end - 1) * spacing + 1 });
  for (int i = 0; i < 2; i++)
    make_points (dither, y + i * spacing, row + i, points[i], adaptive);
  return both;
}

static void
draw_dot (const PetImage *dst, int x, int y, int size)
{
  int right = x + size < dst->width ? x + size : dst->width;
  int bottom = y + size < dst->height ? y + size : dst->height;

  for (int row = y; row < bottom; row++) {
    uint8_t *pixel = pet_image_row (dst, row) + 4 * (size_t) x;

    for (int column = x; column < right; column++, pixel += 4)
      pixel[0] = pixel[1] = pixel[2] = 0;
  }
}

/* White, and black where `ink` is not 0. */
static void
print_row (
    const uint8_t *src, uint8_t *dst, Range range, const uint8_t *restrict ink)
{
  for (int x = range.first; x < range.end; x++) {
    uint32_t pixel;

    memcpy (&pixel, src + 4 * (size_t) x, 4);
    pixel &= PET_PIXEL_ALPHA;
    pixel |= (pixel != 0) & (ink[x] == 0) ? ~PET_PIXEL_ALPHA : 0;
    memcpy (dst + 4 * (size_t) x, &pixel, 4);
  }
}

static void
print_squares (Dither *dither, const PetImage *dst, int y, int row)
{
  const PetDitherBand *band = &dither->band;
  const uint8_t *restrict dots = band->dots + PET_DITHER_SKEW * row;
  uint16_t *restrict ink = dither->ink;

  memset (ink, 0, (size_t) band->columns * sizeof *ink);
  for (int i = band->first; i < band->end; i++)
    ink[i] = dots[i] >> row & 1 ? 0xffff : 0;
  for (int k = 0; k < 2 && y + k < dst->height; k++) {
    Range range = dither->visible[(y + k) % KEPT_RANGES];
    uint8_t *out = pet_image_row (dst, y + k);

    memset (out, 0, 4 * (size_t) range.first);
    print_row (
        pet_image_row (dither->src, y + k), out, range, (const uint8_t *) ink);
    memset (
        out + 4 * (size_t) range.end, 0, 4 * (size_t) (dst->width - range.end));
  }
}

static void
print_dots (Dither *dither, const PetImage *dst, int y, int row)
{
  const PetDitherBand *band = &dither->band;
  const uint8_t *dots = band->dots + PET_DITHER_SKEW * row;

  for (int i = band->first; i < band->end; i++)
    if (dots[i] >> row & 1)
      draw_dot (dst, i * dither->spacing, y, dither->dot_size);
}

/* Of the rows that are to be printed, those that the next band's thresholds are
 * made of: in place they go. */
static void
keep_colors (Dither *dither, int next, int end)
{
  PetDitherColors *colors = &dither->colors;

  end = end < dither->height ? end : dither->height;
  for (int y = next - PET_DITHER_SEEN; y < end; y++)
    memcpy (pet_ring_row (&colors->kept, y), pet_image_row (dither->src, y),
        4 * (size_t) dither->width);
  colors->kept_end = end;
}

/* In place, no row may turn into paper before its colours were read: four rows
 * below the last one of the band are, and no dot or gap is larger than five. */
static void
print_band (Dither *dither, const PetImage *dst, int y)
{
  int spacing = dither->spacing, size = dither->dot_size;
  int end = y + (PET_DITHER_ROWS - 1) * spacing;

  end += spacing > size ? spacing : size;
  keep_colors (dither, y + PET_DITHER_ROWS * spacing, end);
  if (spacing == 2 && size == 2) {
    for (int row = 0; row < PET_DITHER_ROWS && y < dst->height; row++, y += 2)
      print_squares (dither, dst, y, row);
    return;
  }
  memset (dither->ink, 0, (size_t) dst->width);
  for (; dither->n_paper < dst->height && dither->n_paper < end;
       dither->n_paper++)
    print_row (pet_image_row (dither->src, dither->n_paper),
        pet_image_row (dst, dither->n_paper), (Range){ 0, dst->width },
        (const uint8_t *) dither->ink);
  for (int row = 0; row < PET_DITHER_ROWS && y < dst->height;
       row++, y += spacing)
    print_dots (dither, dst, y, row);
}

static void
render_band (Dither *dither, const PetImage *dst, int y, const double *values)
{
  Range points = { 0, 0 };

  for (int row = 0; row < PET_DITHER_ROWS; row += 2)
    points = join (points,
        make_band_rows (
            dither, y + row * dither->spacing, row, values[ADAPTIVE] != 0.0));
  dither->band.first = points.first;
  dither->band.end = points.end;
  dither->band.y = y;
  pet_dither_diffuse (&dither->band);
  print_band (dither, dst, y);
}

static void
start_rows (Dither *dither)
{
  PetDitherBand *band = &dither->band;
  Range points = { -PET_DITHER_PAD, band->columns + PET_DITHER_PAD };

  for (int i = 0; i < MAX_GREY_ROWS; i++)
    dither->used_grey[i] = (Range){ 0, dither->width };
  for (int i = 0; i < 4; i++)
    dither->used_soft[i] = (Range){ 0, dither->width };
  for (int i = 0; i < MAX_SHARP_ROWS; i++)
    dither->used_sharp[i] = (Range){ 0, dither->width };
  for (int i = 0; i < PET_DITHER_ROWS; i++)
    dither->used_points[i] = points;
  memset (band->value - PET_DITHER_PAD, 0,
      PET_DITHER_ROWS * band->pitch * sizeof (double));
  memset (band->error - PET_DITHER_PAD, 0, band->pitch * sizeof (double));
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  Dither dither = {
    .src = src, .dst = dst, .width = src->width, .height = src->height
  };

  dither.spacing = (int) values[DOT_SPACING];
  dither.dot_size = (int) values[DOT_SIZE];
  dither.colors.strength = values[EDGE_STRENGTH];
  dither.band.colors = &dither.colors;
  dither.band.spacing = dither.spacing;
  dither.band.slack = values[ADAPTIVE] != 0.0 ? 2.0 * PET_DITHER_SLACK : 0.0;
  take_scratch (&scratch, &dither, src->width, values);
  dither.colors.src = src;
  dither.colors.tone = pet_dither_tone_start (values[GAMMA], dither.own_tone);
  start_rows (&dither);
  for (int y = 0; y < src->height; y += PET_DITHER_ROWS * dither.spacing)
    render_band (&dither, dst, y, values);
}

const PetEffect PET_VERSION (pet_effect_dithering) = {
  .name = "dithering",
  .blurb = "Error-diffused black dots on white",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .keeps_outline = true,
  .render = render,
};
