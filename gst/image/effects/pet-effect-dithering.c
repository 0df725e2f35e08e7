/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Error-diffused black dots on white paper (Floyd-Steinberg on a lattice, with
 * a local threshold). Doubles throughout: diffusion turns a difference in the
 * last bit into other dots. Defined for visible pixels only: where alpha is 0
 * colours come out as 0, 0, 0.
 *
 * A lattice row looks at 3 rows of blur and 1 of sharpening below it, so 4
 * rows are read ahead; rings of rows take 104 bytes of scratch memory per
 * column (at dot spacing 1; 96 at 2), whatever the height. */

#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/pet-math.h"
#include "image/pet-pixels.h"
#include "image/pet-plane.h"

enum { BLUR_RADIUS = 3 };

enum { DOT_SPACING, DOT_SIZE, GAMMA, EDGE_STRENGTH, ADAPTIVE };

static const PetEffectParam params[] = {
  [DOT_SPACING] = { "dot-spacing", "Pixels from one dot to the next",
      PET_PARAM_INT, 1.0, 5.0, 2.0 },
  [DOT_SIZE] = { "dot-size", "Width and height of a dot in pixels",
      PET_PARAM_INT, 1.0, 3.0, 2.0 },
  [GAMMA] = { "gamma", "Exponent of the tone curve; below 1 brightens",
      PET_PARAM_FLOAT, 0.1, 3.0, 0.45 },
  [EDGE_STRENGTH] = { "edge-strength", "Strength of the edge enhancement",
      PET_PARAM_FLOAT, 0.0, 3.0, 0.3 },
  [ADAPTIVE] = { "adaptive", "Threshold by the surroundings, not at 128",
      PET_PARAM_BOOL, 0.0, 1.0, 1.0 },
};

#define REST_BITS (PET_DITHER_TOP_BIT - PET_DITHER_PIECE_BITS)

typedef struct {
  int first, end;
} Range;

typedef struct {
  const PetImage *src;
  int width, height, spacing;
  double edge_strength;
  PetDitherCurve *curve;
  PetRing grey;     /* after the tone curve */
  PetRing sharp;    /* after the edges */
  double *line;     /* threshold of a lattice row, in its making */
  double *error[2]; /* per lattice column, with one to spare at both ends */
  int n_grey, n_sharp, n_paper; /* rows made so far */
} Dither;

static void
take_scratch (PetScratch *scratch, Dither *dither, int width, int spacing)
{
  size_t columns = ((size_t) width + (size_t) spacing - 1) / (size_t) spacing;

  dither->curve = pet_scratch_take (scratch, 1, sizeof (PetDitherCurve));
  pet_ring_take (scratch, &dither->grey, 3, width, 1, sizeof (double));
  pet_ring_take (
      scratch, &dither->sharp, 2 * BLUR_RADIUS + 1, width, 0, sizeof (double));
  dither->line = pet_scratch_take (
      scratch, (size_t) width + 2 * BLUR_RADIUS, sizeof (double));
  for (int i = 0; i < 2; i++)
    dither->error[i] = pet_scratch_take (scratch, columns + 2, sizeof (double));
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Dither dither;

  take_scratch (&scratch, &dither, width, (int) values[DOT_SPACING]);
  return pet_scratch_size (&scratch);
}

/* All steps are exact up to the series, so that vectors of doubles can take
 * octave, piece and rest from the bits of one. n of 0 gives 0. */
static void
apply_curve (const PetDitherCurve *restrict curve,
    const uint8_t *restrict pixels, double *restrict grey, int n)
{
  for (int x = 0; x < n; x++) {
    uint32_t pixel;
    int32_t luma;
    double number, r, sum;
    uint64_t bits, piece;

    memcpy (&pixel, pixels + 4 * (size_t) x, 4);
    luma = 299 * pet_pixel_red (pixel) + 587 * pet_pixel_green (pixel) +
        114 * pet_pixel_blue (pixel);
    number = (double) (luma > 1 ? luma : 1);
    memcpy (&bits, &number, 8);
    piece = bits >> (52 - PET_DITHER_PIECE_BITS) &
        ((1 << PET_DITHER_PIECE_BITS) - 1);
    r = (double) ((int32_t) (bits >> (52 - PET_DITHER_TOP_BIT) &
                      ((1 << REST_BITS) - 1)) -
            (1 << (REST_BITS - 1))) *
        curve->inverse[piece];
    sum = curve->series[5];
    sum = sum * r + curve->series[4];
    sum = sum * r + curve->series[3];
    sum = sum * r + curve->series[2];
    sum = sum * r + curve->series[1];
    sum = sum * r + curve->series[0];
    sum = curve->octave[(bits >> 52) - 1023] * curve->power[piece] * sum;
    sum = luma > 0 ? sum : 0.0;
    grey[x] = (pixel & PET_PIXEL_ALPHA) != 0 ? sum : 255.0;
  }
}

static void
make_grey_row (Dither *dither, int y)
{
  const uint8_t *src = pet_image_row (dither->src, y);
  double *grey = pet_ring_row (&dither->grey, y);
  size_t start, end;
  int first, n;

  pet_nonzero_span (src, 4 * (size_t) dither->width, &start, &end);
  first = (int) (start / 4);
  n = (int) ((end + 3) / 4) - first;
  for (int x = 0; x < first; x++)
    grey[x] = 255.0;
  apply_curve (dither->curve, src + 4 * (size_t) first, grey + first, n);
  for (int x = first + n; x < dither->width; x++)
    grey[x] = 255.0;
  pet_ring_mirror (&dither->grey, y);
}

static void
make_sharp_row (Dither *dither, int y)
{
  double *restrict sharp = pet_ring_row (&dither->sharp, y);
  const double *above, *grey, *below;
  double strength = dither->edge_strength;
  int width = dither->width;

  for (; dither->n_grey < dither->height && dither->n_grey <= y + 1;
       dither->n_grey++)
    make_grey_row (dither, dither->n_grey);
  above = pet_ring_row (&dither->grey, pet_mirror (y - 1, dither->height));
  grey = pet_ring_row (&dither->grey, y);
  below = pet_ring_row (&dither->grey, pet_mirror (y + 1, dither->height));
  for (int x = 0; x < width; x++) {
    double around = above[x - 1] + above[x] + above[x + 1] + grey[x - 1] +
        grey[x + 1] + below[x - 1] + below[x] + below[x + 1];
    double value = grey[x] + strength * ((8.0 * grey[x] - around) / 8.0);

    sharp[x] = value < 0.0 ? 0.0 : value > 255.0 ? 255.0 : value;
  }
}

/* The columns of a row between its first and its last visible pixel, which is
 * where lattice points count. */
static Range
visible_range (const Dither *dither, int y)
{
  size_t start, end;
  Range range;

  pet_nonzero_span (
      pet_image_row (dither->src, y), 4 * (size_t) dither->width, &start, &end);
  range.first = (int) (start / 4) / dither->spacing * dither->spacing;
  range.end = (int) ((end + 3) / 4);
  return range;
}

/* Where the blur along a row looks; all of a row that is near both borders. */
static Range
blurred_range (Range visible, int width)
{
  Range range = { visible.first - BLUR_RADIUS, visible.end + BLUR_RADIUS };

  if (range.first <= BLUR_RADIUS || range.end >= width - BLUR_RADIUS)
    return (Range){ 0, width };
  return range;
}

/* T = 0.7 blur (g) + 0.3 * 128 for the lattice points of row `y`, packed. */
static void
make_threshold (Dither *dither, int y, Range visible)
{
  static const double taps[BLUR_RADIUS + 1] = { 9.0 / 32.0, 7.0 / 32.0,
    3.5 / 32.0, 1.0 / 32.0 };
  double *restrict line = dither->line + BLUR_RADIUS;
  const double *row = pet_ring_row (&dither->sharp, y);
  int width = dither->width;
  Range range = blurred_range (visible, width);

  for (int x = range.first; x < range.end; x++)
    line[x] = taps[0] * row[x];
  for (int k = 1; k <= BLUR_RADIUS; k++) {
    const double *above =
        pet_ring_row (&dither->sharp, pet_mirror (y - k, dither->height));
    const double *below =
        pet_ring_row (&dither->sharp, pet_mirror (y + k, dither->height));

    for (int x = range.first; x < range.end; x++)
      line[x] += taps[k] * (above[x] + below[x]);
  }
  for (int k = 1; k <= BLUR_RADIUS && range.first == 0; k++) {
    line[-k] = line[pet_mirror (-k, width)];
    line[width - 1 + k] = line[pet_mirror (width - 1 + k, width)];
  }
  /* The packed result trails the window that it is read from. */
  for (int x = visible.first, i = x / dither->spacing; x < visible.end;
       x += dither->spacing, i++)
    dither->line[i] = 0.7 *
            (taps[0] * line[x] + taps[1] * (line[x - 1] + line[x + 1]) +
                taps[2] * (line[x - 2] + line[x + 2]) +
                taps[3] * (line[x - 3] + line[x + 3])) +
        0.3 * 128.0;
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

/* One lattice row: thresholds are in dither->line, the error that the row
 * above left is in error[0]; what goes to the row below is put in error[1]. */
static void
diffuse (
    Dither *dither, const PetImage *dst, int y, int dot_size, Range visible)
{
  const double *grey = pet_ring_row (&dither->sharp, y);
  const uint8_t *alpha = pet_image_row (dst, y) + 3;
  const double *from_above = dither->error[0] + 1;
  double *below = dither->error[1] + 1, from_left = 0.0;
  int columns = (dither->width + dither->spacing - 1) / dither->spacing;

  memset (dither->error[1], 0, ((size_t) columns + 2) * sizeof (double));
  for (int x = visible.first, i = x / dither->spacing; x < visible.end;
       i++, x += dither->spacing) {
    double value = grey[x] + from_above[i] + from_left, error;
    int black = value < dither->line[i];

    from_left = 0.0;
    if (alpha[4 * (size_t) x] == 0)
      continue;
    if (black)
      draw_dot (dst, x, y, dot_size);
    error = value - (black ? 0.0 : 255.0);
    from_left = error * (7.0 / 16.0);
    below[i - 1] += error * (3.0 / 16.0);
    below[i] += error * (5.0 / 16.0);
    below[i + 1] += error * (1.0 / 16.0);
  }
}

static void
lay_paper (const PetImage *src, const PetImage *dst, int y)
{
  const uint8_t *in = pet_image_row (src, y);
  uint8_t *out = pet_image_row (dst, y);

  for (int x = 0; x < src->width; x++, in += 4, out += 4) {
    uint8_t alpha = in[3], paper = alpha != 0 ? 255 : 0;

    out[0] = out[1] = out[2] = paper;
    out[3] = alpha;
  }
}

static void
render_lattice_row (
    Dither *dither, const PetImage *dst, int y, const double *values)
{
  double *error = dither->error[0];
  Range visible = visible_range (dither, y);
  int dot_size = (int) values[DOT_SIZE];
  int reach = dither->spacing > dot_size ? dither->spacing : dot_size;

  for (; dither->n_sharp < dither->height && dither->n_sharp <= y + BLUR_RADIUS;
       dither->n_sharp++)
    make_sharp_row (dither, dither->n_sharp);
  if (values[ADAPTIVE] != 0.0)
    make_threshold (dither, y, visible);
  else
    for (int i = 0; i < dither->width; i++)
      dither->line[i] = 128.0;
  /* In place, no row may turn into paper before its colours were read: five
   * rows from here are, and no dot or gap is larger than that. */
  for (; dither->n_paper < dither->height && dither->n_paper < y + reach;
       dither->n_paper++)
    lay_paper (dither->src, dst, dither->n_paper);
  diffuse (dither, dst, y, dot_size, visible);
  dither->error[0] = dither->error[1];
  dither->error[1] = error;
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  Dither dither = { .src = src, .width = src->width, .height = src->height };

  dither.spacing = (int) values[DOT_SPACING];
  dither.edge_strength = values[EDGE_STRENGTH];
  take_scratch (&scratch, &dither, src->width, dither.spacing);
  pet_dither_curve (dither.curve, values[GAMMA]);
  memset (dither.error[0], 0,
      (((size_t) src->width - 1) / (size_t) dither.spacing + 3) *
          sizeof (double));
  for (int y = 0; y < src->height; y += dither.spacing)
    render_lattice_row (&dither, dst, y, values);
}

const PetEffect PET_VERSION (pet_effect_dithering) = {
  .name = "dithering",
  .blurb = "Error-diffused black dots on white",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
