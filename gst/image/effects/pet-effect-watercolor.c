/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Watercolour. On a grid over the subject, in OKLab: washes (each cell takes
 * the mean of the quietest of eight places around it, twice, after Kuwahara),
 * wobbled by smooth noise, as wet paint runs; pigment that gathers on the dark
 * side of edges and at the silhouette; blooms of slow noise; fine dark detail
 * laid over it so that eyes stay eyes; the lightest parts are left to the
 * paper. At the picture's size the tooth of the paper is added, and the
 * silhouette is cut like a brush's edge: alpha is never more than it was.
 *
 * Scratch: 44 bytes per cell, 160000 cells at most, and 202 per column. */

#include <string.h>

#include "image/effects/pet-effects.h"
#include "image/effects/pet-fine-print.h"
#include "image/effects/pet-fine.h"

#define MAX_CELLS 160000

enum { BLEED, GRAIN, PAPER, SEED };

static const PetEffectParam params[] = {
  [BLEED] = { "bleed", "How far wet paint runs", PET_PARAM_FLOAT, 0.0, 2.0, 1.0,
      NULL },
  [GRAIN] = { "grain", "Strength of the paper's grain", PET_PARAM_FLOAT, 0.0,
      1.0, 0.08, NULL },
  [PAPER] = { "paper", "Colour of the paper", PET_PARAM_COLOR, 0.0, 0xffffff,
      0xffffff, NULL },
  [SEED] = { "seed", "Seed of what is random: one seed, one picture",
      PET_PARAM_INT, 0.0, 2147483647.0, 0.0, NULL },
};

enum { LIGHT, GREEN_RED, BLUE_YELLOW, COVER, TOOTH, FIELDS };

typedef struct {
  PetCells cells, teeth;
  float *fine; /* lightness before the washes */
  float *cover;
  float *noise[2];
  PetRiseMap map, tooth_map;
  PetRise rise[FIELDS];
  float *row[FIELDS];
  uint32_t seed;
} Paint;

static void
take_scratch (PetScratch *scratch, Paint *paint, int width, int height)
{
  size_t n;

  pet_cells_take (scratch, &paint->cells, width, height, MAX_CELLS, 0);
  n = paint->cells.max_cells;
  paint->fine = pet_scratch_take (scratch, n, sizeof (float));
  paint->cover = pet_scratch_take (scratch, n, sizeof (float));
  for (int i = 0; i < 2; i++)
    paint->noise[i] = pet_scratch_take (scratch, n, sizeof (float));
  pet_rise_map_take (scratch, &paint->map, width, n);
  pet_rise_map_take (scratch, &paint->tooth_map, width, (size_t) width);
  for (int i = 0; i < FIELDS; i++) {
    pet_rise_take (scratch, &paint->rise[i], width);
    paint->row[i] = pet_scratch_take (scratch, (size_t) width, sizeof (float));
  }
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Paint paint;

  take_scratch (&scratch, &paint, width, height);
  return pet_scratch_size (&scratch);
}

static size_t
count_cells (const PetCells *cells)
{
  return (size_t) cells->columns * (size_t) cells->rows;
}

static int
clamp_to (int value, int most)
{
  return value < 0 ? 0 : value > most ? most : value;
}

/* Adds what lies `dx`, `dy` away to the sums of a row: `calm` weighs. */
static void
add_place (const PetCells *cells, const float *calm, float *const *planes,
    float *const *sums, int row, int dx, int dy)
{
  int columns = cells->columns;
  size_t from =
      (size_t) clamp_to (row + dy, cells->rows - 1) * (size_t) columns;
  int first = dx < 0 ? -dx : 0, end = dx > 0 ? columns - dx : columns;
  const float *weight = calm + from;

  for (int c = 0; c < 3; c++) {
    const float *value = planes[c] + from;
    float *restrict sum = sums[c];

    for (int x = first; x < end; x++)
      sum[x] += weight[x + dx] * value[x + dx];
  }
  for (int x = first; x < end; x++)
    sums[3][x] += weight[x + dx];
}

/* One wash over color[], with the surroundings' means in `means` and their
 * calm in `calm`. `sums` are four rows. */
static void
lay_wash (PetCells *cells, float *const *means, const float *calm,
    float *const *sums, int reach)
{
  int near = (reach * 7 + 5) / 10;
  const int places[8][2] = { { reach, 0 }, { -reach, 0 }, { 0, reach },
    { 0, -reach }, { near, near }, { -near, near }, { near, -near },
    { -near, -near } };

  for (int row = 0; row < cells->rows; row++) {
    size_t at = (size_t) row * (size_t) cells->columns;

    for (int c = 0; c < 4; c++)
      memset (sums[c], 0, (size_t) cells->columns * sizeof (float));
    for (int k = 0; k < 8; k++)
      add_place (cells, calm, means, sums, row, places[k][0], places[k][1]);
    for (int c = 0; c < 3; c++)
      for (int x = 0; x < cells->columns; x++)
        cells->color[c][at + (size_t) x] = sums[c][x] / (sums[3][x] + 1e-9f);
  }
}

/* Means into noise[0], noise[1], cover; calm into room[3]. */
static void
wash (Paint *paint, float sigma, int reach)
{
  PetCells *cells = &paint->cells;
  float *means[3] = { paint->noise[0], paint->noise[1], paint->cover };
  float *calm = cells->room[3], *square = cells->room[1];
  float *sums[4];
  size_t n = count_cells (cells);

  for (int c = 0; c < 3; c++)
    pet_cells_smooth (cells, means[c], cells->color[c], sigma);
  for (size_t i = 0; i < n; i++)
    calm[i] = cells->color[0][i] * cells->color[0][i];
  pet_cells_smooth (cells, square, calm, sigma);
  for (size_t i = 0; i < n; i++) {
    float variance = square[i] - means[0][i] * means[0][i];

    variance = variance > 0.0f ? variance + 0.0002f : 0.0002f;
    calm[i] = (cells->weight[i] + 1e-4f) / (variance * variance) * 1e-8f;
  }
  for (int k = 0; k < 4; k++)
    sums[k] = cells->sums + (size_t) k * (size_t) cells->columns;
  lay_wash (cells, means, calm, sums, reach);
}

/* Noise with grains of `size` cells. */
static void
make_noise (Paint *paint, float *plane, float size, uint32_t seed)
{
  const PetCells *cells = &paint->cells;
  PetCells grains = { .pitch = size };
  PetSubject all = { .right = cells->columns };
  PetRise rise = paint->rise[0];

  grains.columns = (int) ((float) cells->columns / size) + 1;
  grains.rows = (int) ((float) cells->rows / size) + 1;
  pet_rise_map_start (&paint->map, &grains, &all, PET_RISE_SPLINE);
  pet_rise_start (&rise, &paint->map, &grains, NULL, PET_RISE_SPLINE);
  rise.seed = seed;
  for (int y = 0; y < cells->rows; y++)
    pet_rise_row (&rise, y, plane + (size_t) y * (size_t) cells->columns);
}

/* Moves color[] by up to a few cells along two noises: bilinear. */
static void
run_wet (Paint *paint, float reach)
{
  PetCells *cells = &paint->cells;
  int columns = cells->columns, rows = cells->rows;
  size_t i = 0;

  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++, i++) {
      float at_x = (float) x + reach * paint->noise[0][i];
      float at_y = (float) y + reach * paint->noise[1][i];
      float whole_x = floorf (at_x), whole_y = floorf (at_y);
      float tx = at_x - whole_x, ty = at_y - whole_y;
      int x0 = clamp_to ((int) whole_x, columns - 1);
      int x1 = clamp_to ((int) whole_x + 1, columns - 1);
      size_t y0 =
          (size_t) clamp_to ((int) whole_y, rows - 1) * (size_t) columns;
      size_t y1 =
          (size_t) clamp_to ((int) whole_y + 1, rows - 1) * (size_t) columns;

      for (int c = 0; c < 3; c++) {
        const float *plane = cells->color[c];
        float above = plane[y0 + (size_t) x0] +
            tx * (plane[y0 + (size_t) x1] - plane[y0 + (size_t) x0]);
        float below = plane[y1 + (size_t) x0] +
            tx * (plane[y1 + (size_t) x1] - plane[y1 + (size_t) x0]);

        cells->room[c + 1][i] = above + ty * (below - above);
      }
    }
  for (int c = 0; c < 3; c++)
    memcpy (cells->color[c], cells->room[c + 1], i * sizeof (float));
}

/* High key: the lightest become paper, the darkest stay colourful. */
static void
level (PetCells *cells)
{
  static const float shares[3] = { 0.02f, 0.5f, 0.98f };
  float *light = cells->color[0], at[3], low, high, gain, lift;

  pet_cells_levels (cells, light, shares, at, 3);
  low = 0.12f + 0.42f * at[0];
  high = 0.62f + 0.37f * at[2];
  gain = (high - low) / (at[2] - at[0] + 0.04f);
  gain = gain > 1.6f ? 1.6f : gain;
  low = 0.5f * (low + high) - 0.5f * gain * (at[2] - at[0]);
  lift = 0.55f * (0.68f - (low + gain * (at[1] - at[0])));
  lift = lift < 0.0f ? 0.0f : lift > 0.09f ? 0.09f : lift;
  for (size_t i = 0; i < count_cells (cells); i++) {
    float tone = pet_clamp01 (low + gain * (light[i] - at[0]));

    light[i] = tone + lift * 4.0f * tone * (1.0f - tone);
  }
}

/* Layers of paint: lightness gathers at eight levels. */
static void
layer (PetCells *cells)
{
  float *light = cells->color[0];

  for (size_t i = 0; i < count_cells (cells); i++) {
    float at = 8.0f * light[i], whole = floorf (at), t = at - whole;

    t = pet_clamp01 (2.2f * (t - 0.5f) + 0.5f);
    t = t * t * (3.0f - 2.0f * t);
    light[i] += 0.65f * ((whole + t) / 8.0f - light[i]);
  }
}

/* How much of the brush reached each cell: `cover`, soft around 1/2. */
static void
cut_silhouette (Paint *paint)
{
  PetCells *cells = &paint->cells;
  size_t n = count_cells (cells);

  pet_cells_blur (cells, paint->cover, cells->weight, 1.2f);
  make_noise (paint, cells->room[3], 3.5f, paint->seed ^ 3);
  for (size_t i = 0; i < n; i++)
    paint->cover[i] += 0.13f * cells->room[3][i];
}

/* Pigment: gathered at edges and silhouette, blooming, with fine detail. */
static void
lay_pigment (Paint *paint)
{
  PetCells *cells = &paint->cells;
  float *light = cells->color[0], *soft = cells->room[3];
  float *bloom = paint->noise[0], *speck = paint->noise[1];
  size_t n = count_cells (cells);

  pet_cells_smooth (cells, soft, paint->fine, 2.4f);
  for (size_t i = 0; i < n; i++)
    paint->fine[i] -= soft[i];
  pet_cells_smooth (cells, soft, light, 2.6f);
  make_noise (paint, bloom, 17.0f, paint->seed ^ 1);
  make_noise (paint, speck, 5.0f, paint->seed ^ 2);
  for (size_t i = 0; i < n; i++) {
    float gathered = soft[i] - light[i], tone = light[i];
    float rim = 1.0f - 3.0f * fabsf (paint->cover[i] - 0.68f);
    float detail = paint->fine[i];
    float colorful;

    detail = detail < -0.012f ? 1.5f * (detail + 0.012f)
        : detail > 0.03f      ? 0.5f * (detail - 0.03f)
                              : 0.0f;
    tone += detail;
    tone -= gathered > 0.0f ? 1.5f * gathered : 0.2f * gathered;
    tone += (0.085f * bloom[i] + 0.02f * speck[i]) * (1.05f - tone);
    tone -= rim > 0.0f ? 0.16f * rim * tone : 0.0f;
    tone += tone > 0.84f ? 0.8f * (tone - 0.84f) : 0.0f;
    tone = tone < 0.10f ? 0.10f : tone > 1.0f ? 1.0f : tone;
    colorful = tone > 0.85f ? 1.4f * (1.0f - tone) / 0.15f : 1.4f;
    light[i] = tone;
    cells->color[1][i] *= colorful;
    cells->color[2][i] *= colorful;
  }
}

static void
prepare (Paint *paint, const PetImage *src, float bleed)
{
  PetCells *cells = &paint->cells;

  pet_cells_mean (cells, src);
  pet_cells_oklab (cells);
  for (int c = 0; c < 3; c++)
    pet_cells_fill (cells, cells->color[c]);
  level (cells);
  memcpy (paint->fine, cells->color[0], count_cells (cells) * sizeof (float));
  wash (paint, 1.2f, 2);
  wash (paint, 1.5f, 3);
  make_noise (paint, paint->noise[0], 9.0f, paint->seed ^ 4);
  make_noise (paint, paint->noise[1], 9.0f, paint->seed ^ 5);
  layer (cells);
  run_wet (paint, 1.6f * bleed);
  cut_silhouette (paint);
  lay_pigment (paint);
}

static void
start_rows (Paint *paint, const PetSubject *subject, int width, int height)
{
  const float *planes[] = { paint->cells.color[0], paint->cells.color[1],
    paint->cells.color[2], paint->cover };
  float pitch = subject->side / 360.0f;

  paint->teeth = (PetCells){ .pitch = pitch > 1.0f ? pitch : 1.0f };
  paint->teeth.columns = (int) ((float) width / paint->teeth.pitch) + 1;
  if (paint->teeth.columns > width)
    paint->teeth.columns = width;
  paint->teeth.rows = (int) ((float) height / paint->teeth.pitch) + 1;
  pet_rise_map_start (&paint->map, &paint->cells, subject, PET_RISE_SPLINE);
  pet_rise_map_start (
      &paint->tooth_map, &paint->teeth, subject, PET_RISE_SPLINE);
  for (int i = LIGHT; i <= COVER; i++)
    pet_rise_start (&paint->rise[i], &paint->map, &paint->cells, planes[i],
        PET_RISE_SPLINE);
  pet_rise_start (&paint->rise[TOOTH], &paint->tooth_map, &paint->teeth, NULL,
      PET_RISE_SPLINE);
  paint->rise[TOOTH].seed = paint->seed;
}

static void
paint_row (const Paint *paint, const float *paper, float grain,
    const uint8_t *src, uint8_t *dst, int first, int n)
{
  const float *restrict light = paint->row[LIGHT] + first;
  const float *restrict a = paint->row[GREEN_RED] + first;
  const float *restrict b = paint->row[BLUE_YELLOW] + first;
  const float *restrict cover = paint->row[COVER] + first;
  const float *restrict tooth = paint->row[TOOTH] + first;

  for (int x = 0; x < n; x++) {
    uint32_t pixel, alpha;
    float rgb[3], there = pet_clamp01 (6.0f * (cover[x] - 0.36f));
    float tone = light[x] + grain * tooth[x] * (1.25f - light[x]);

    memcpy (&pixel, src + 4 * (size_t) x, 4);
    alpha = pixel >> PET_PIXEL_SHIFT (3) & 255;
    alpha = (uint32_t) (int32_t) ((float) (int32_t) alpha * there + 0.5f);
    pet_oklab_linear (tone, a[x], b[x], rgb);
    pixel = pet_pixel (pet_srgb_level (rgb[0] * paper[0]),
        pet_srgb_level (rgb[1] * paper[1]), pet_srgb_level (rgb[2] * paper[2]),
        alpha);
    pixel = alpha > 0 ? pixel : 0;
    memcpy (dst + 4 * (size_t) x, &pixel, 4);
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  size_t row_bytes = 4 * (size_t) src->width;
  float paper[3], grain = 0.42f * (float) values[GRAIN];
  uint32_t seed = (uint32_t) values[SEED];
  PetSubject subject;
  Paint paint;

  take_scratch (&scratch, &paint, src->width, src->height);
  pet_subject_find (src, &subject);
  paint.seed = subject.seed ^ (seed << 8 | seed >> 24);
  pet_print_linear ((uint32_t) values[PAPER], paper);
  pet_cells_lay (&paint.cells, &subject, 320.0f, 0);
  prepare (&paint, src, (float) values[BLEED]);
  start_rows (&paint, &subject, src->width, src->height);
  for (int y = 0; y < src->height; y++) {
    const uint8_t *in = pet_image_row (src, y);
    uint8_t *out = pet_image_row (dst, y);
    int left = subject.left, right = subject.right;

    if (y < subject.top || y >= subject.bottom) {
      memset (out, 0, row_bytes);
      continue;
    }
    pet_visible_span (in, &left, &right);
    for (int i = 0; i < FIELDS; i++)
      pet_rise_part (&paint.rise[i], y, left, right, paint.row[i]);
    paint_row (&paint, paper, grain, in + 4 * (size_t) left,
        out + 4 * (size_t) left, left, right - left);
    memset (out, 0, 4 * (size_t) left);
    memset (out + 4 * (size_t) right, 0, row_bytes - 4 * (size_t) right);
  }
}

const PetEffect PET_VERSION (pet_effect_watercolor) = {
  .name = "watercolor",
  .blurb = "Watercolour: washes, pigment at the edges, grain of the paper",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
