/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A black and white print. Lightness (cube root of luminance) is split into
 * base and detail by a guided filter whose lines were found on a grid over the
 * subject; the base is levelled and bent like film, the detail comes back
 * stronger, bright parts glow a little, and grain of the print's own size is
 * added, strongest in the middle tones. Alpha is copied.
 *
 * Scratch: 37 bytes per cell, 100000 cells at most, and 162 per column. */

#include <string.h>

#include "image/effects/pet-effects.h"
#include "image/effects/pet-fine-print.h"
#include "image/effects/pet-fine.h"

#define MAX_CELLS 100000
#define GRAINS 560.0f /* along the subject's side */

enum { CONTRAST, EDGE_STRENGTH, HALATION, GRAIN, SEED };

static const PetEffectParam params[] = {
  [CONTRAST] = { "contrast", "Contrast of the film curve", PET_PARAM_FLOAT, 0.5,
      2.0, 1.12, NULL },
  [EDGE_STRENGTH] = { "edge-strength", "Strength of the edge enhancement",
      PET_PARAM_FLOAT, 0.0, 3.0, 0.9, NULL },
  [HALATION] = { "halation", "Strength of the glow around highlights",
      PET_PARAM_FLOAT, 0.0, 1.0, 0.12, NULL },
  [GRAIN] = { "grain", "Strength of the film grain", PET_PARAM_FLOAT, 0.0, 1.0,
      0.08, NULL },
  [SEED] = { "seed", "Seed of the grain: one seed, one picture", PET_PARAM_INT,
      0.0, 2147483647.0, 0.0, NULL },
};

enum { SLOPE, OFFSET, GLOW, NOISE, FIELDS };

typedef struct {
  PetCells cells, grains;
  PetRiseMap map, grain_map;
  PetRise rise[FIELDS];
  float *row[FIELDS];
  float low, gain, lift; /* of the levels */
  float bend, detail, glow, grain;
} Film;

static void
take_scratch (PetScratch *scratch, Film *film, int width, int height)
{
  pet_cells_take (scratch, &film->cells, width, height, MAX_CELLS, 0);
  pet_rise_map_take (scratch, &film->map, width, film->cells.max_cells);
  pet_rise_map_take (scratch, &film->grain_map, width, (size_t) width);
  for (int i = 0; i < FIELDS; i++) {
    pet_rise_take (scratch, &film->rise[i], width);
    film->row[i] = pet_scratch_take (scratch, (size_t) width, sizeof (float));
  }
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Film film;

  take_scratch (&scratch, &film, width, height);
  return pet_scratch_size (&scratch);
}

static inline float
lift_and_bend (float tone, float lift, float bend)
{
  tone = pet_clamp01 (tone);
  tone += lift * 4.0f * tone * (1.0f - tone);
  return tone + bend * (tone * tone * (3.0f - 2.0f * tone) - tone);
}

/* Dark pets stay dark and light ones light, but both get black and white. */
static void
make_levels (Film *film, const float *light)
{
  static const float shares[3] = { 0.01f, 0.5f, 0.99f };
  float at[3], low, high;

  pet_cells_levels (&film->cells, light, shares, at, 3);
  low = 0.08f + 0.30f * at[0];
  high = 0.60f + 0.38f * at[2];
  film->gain = (high - low) / (at[2] - at[0] + 0.05f);
  film->gain = film->gain > 1.7f ? 1.7f : film->gain;
  film->low = 0.5f * (low + high) - 0.5f * film->gain * (at[0] + at[2]);
  film->lift = 0.45f * (0.56f - (film->low + film->gain * at[1]));
  film->lift = film->lift < -0.05f ? -0.05f : film->lift;
}

/* Light above three quarters, spread: color[2]. */
static void
make_glow (Film *film, const float *light)
{
  PetCells *cells = &film->cells;
  size_t n = (size_t) cells->columns * (size_t) cells->rows;
  float *glow = cells->color[2];

  for (size_t i = 0; i < n; i++) {
    float tone = lift_and_bend (
        film->low + film->gain * light[i], film->lift, film->bend);
    float over = tone > 0.72f ? tone - 0.72f : 0.0f;

    glow[i] = cells->weight[i] * over;
  }
  pet_cells_blur (cells, glow, glow, 5.0f);
}

static void
prepare (Film *film, const PetSubject *subject, const PetImage *src,
    const double *values)
{
  PetCells *cells = &film->cells;

  pet_cells_mean (cells, src);
  pet_cells_lightness (cells, cells->color[0]);
  pet_cells_fill (cells, cells->color[0]);
  make_levels (film, cells->color[0]);
  film->bend = 0.36f + ((float) values[CONTRAST] - 1.12f) * 1.2f;
  film->detail = 0.8f + 0.7f * (float) values[EDGE_STRENGTH];
  film->glow = 6.0f * (float) values[HALATION];
  /* Grains are not smaller than pixels: of those that would be, the mean. */
  film->grain = 1.1f * (float) values[GRAIN] *
      (subject->side < GRAINS ? subject->side / GRAINS : 1.0f);
  make_glow (film, cells->color[0]);
  pet_cells_guide_lines (cells, cells->color[0], 7.0f, 0.01f);
  memcpy (cells->color[0], cells->room[1],
      (size_t) cells->columns * (size_t) cells->rows * sizeof (float));
  memcpy (cells->color[1], cells->room[3],
      (size_t) cells->columns * (size_t) cells->rows * sizeof (float));
}

/* Grains are cells of which only the size counts: their values are drawn as
 * rows are made. */
static void
lay_grain (Film *film, const PetSubject *subject, int width, int height)
{
  float pitch = subject->side / GRAINS;

  film->grains = (PetCells){ .pitch = pitch > 1.0f ? pitch : 1.0f };
  film->grains.columns = (int) ((float) width / film->grains.pitch) + 1;
  film->grains.columns =
      film->grains.columns > width ? width : film->grains.columns;
  film->grains.rows = (int) ((float) height / film->grains.pitch) + 1;
}

static void
start_rows (Film *film, const PetSubject *subject, uint32_t seed)
{
  for (int i = SLOPE; i <= GLOW; i++)
    pet_rise_start (&film->rise[i], &film->map, &film->cells,
        film->cells.color[i], PET_RISE_SPLINE);
  pet_rise_map_start (&film->map, &film->cells, subject, PET_RISE_SPLINE);
  pet_rise_map_start (
      &film->grain_map, &film->grains, subject, PET_RISE_SPLINE);
  pet_rise_start (&film->rise[NOISE], &film->grain_map, &film->grains, NULL,
      PET_RISE_SPLINE);
  film->rise[NOISE].seed = seed;
}

static void
develop (const Film *film, const uint8_t *src, uint8_t *dst, int first, int n)
{
  const float *restrict slope = film->row[SLOPE] + first;
  const float *restrict offset = film->row[OFFSET] + first;
  const float *restrict glow = film->row[GLOW] + first;
  const float *restrict noise = film->row[NOISE] + first;

  for (int x = 0; x < n; x++) {
    uint32_t pixel, level, alpha;
    float light, base, tone, spread;

    memcpy (&pixel, src + 4 * (size_t) x, 4);
    alpha = pixel & PET_PIXEL_ALPHA;
    light = pet_cbrt (
        0.2126f * pet_linear ((float) pet_pixel_red (pixel) / 255.0f) +
        0.7152f * pet_linear ((float) pet_pixel_green (pixel) / 255.0f) +
        0.0722f * pet_linear ((float) pet_pixel_blue (pixel) / 255.0f));
    base = slope[x] * light + offset[x];
    tone =
        lift_and_bend (film->low + film->gain * base, film->lift, film->bend);
    tone += film->detail * (light - base);
    tone += film->glow * glow[x] * (1.0f - tone);
    spread = tone * (1.0f - tone);
    spread = spread > 0.0f ? spread : 0.0f;
    tone += film->grain * noise[x] * (0.25f + 3.0f * spread);
    tone = pet_clamp01 (tone);
    level = pet_srgb_level (tone * tone * tone);
    pixel = alpha | pet_pixel (level, level, level, 0);
    pixel = alpha != 0 ? pixel : 0;
    memcpy (dst + 4 * (size_t) x, &pixel, 4);
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  size_t row_bytes = 4 * (size_t) src->width;
  PetSubject subject;
  Film film;

  take_scratch (&scratch, &film, src->width, src->height);
  pet_subject_find (src, &subject);
  pet_cells_lay (&film.cells, &subject, 220.0f, 0);
  prepare (&film, &subject, src, values);
  lay_grain (&film, &subject, src->width, src->height);
  start_rows (&film, &subject, subject.seed ^ (uint32_t) values[SEED]);
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
      pet_rise_part (&film.rise[i], y, left, right, film.row[i]);
    develop (&film, in + 4 * (size_t) left, out + 4 * (size_t) left, left,
        right - left);
    memset (out, 0, 4 * (size_t) left);
    memset (out + 4 * (size_t) right, 0, row_bytes - 4 * (size_t) right);
  }
}

const PetEffect PET_VERSION (pet_fine_enhancedblackwhite) = {
  .name = "enhancedblackwhite",
  .blurb = "A black and white print with film curve, glow and grain",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
