/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Black and white in the manner of 35 mm Tri-X film: film curve, edges,
 * halation, grain, highlights. Float arithmetic, the last step truncates. All
 * pixels are treated alike, transparent or not.
 *
 * A row of the result needs 10 rows of halation below it, and these need 2
 * rows of blur, so 12 rows are read ahead; what is kept are rings of rows: 270 bytes
 * of scratch memory per column and 66 KiB for tables, whatever the height. */

#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/effects/pet-grain.h"
#include "image/pet-pixels.h"
#include "image/pet-plane.h"

enum { EDGE_RADIUS = 2, WIDE_RADIUS = 10, TIGHT_RADIUS = 4 };

/* Of the rows made last those that a halo can come from: the newest is at most
 * WIDE_RADIUS ahead. */
#define NEAR_ROWS ((1u << (2 * WIDE_RADIUS + 1)) - 1)

enum { CONTRAST, EDGE_STRENGTH, HALATION, GRAIN, SEED };

static const PetEffectParam params[] = {
  [CONTRAST] = { "contrast", "Contrast of the film curve", PET_PARAM_FLOAT, 0.5,
      2.0, 1.12 },
  [EDGE_STRENGTH] = { "edge-strength", "Strength of the edge enhancement",
      PET_PARAM_FLOAT, 0.0, 3.0, 0.9 },
  [HALATION] = { "halation", "Strength of the glow around highlights",
      PET_PARAM_FLOAT, 0.0, 1.0, 0.12 },
  [GRAIN] = { "grain", "Strength of the film grain", PET_PARAM_FLOAT, 0.0, 1.0,
      0.08 },
  [SEED] = { "seed", "Seed of the grain: one seed, one picture", PET_PARAM_INT,
      0.0, 2147483647.0, 0.0 },
};

typedef struct {
  const PetImage *src;
  int width, height;
  float edge_strength, halation, grain_strength;
  float *curve;
  PetRing grey;   /* after the curve */
  PetRing soft;   /* the same, blurred along the row */
  PetRing edge;   /* after the edges */
  PetRing bright; /* one row: 1 where the edge row exceeds 0.75 */
  PetRing wide;   /* bright, blurred along the row */
  PetRing tight;
  float *sum, *sum2;
  PetGrain grain;
  int n_grey, n_edge;   /* rows made so far */
  uint32_t bright_rows; /* bit 0: is there light in the newest edge row? */
  float edge_taps[EDGE_RADIUS + 1];
  float wide_taps[WIDE_RADIUS + 1];
  float tight_taps[TIGHT_RADIUS + 1];
} Film;

static void
take_scratch (PetScratch *scratch, Film *film, int width, int height)
{
  /* Rows of `tight` are made as far ahead as those of `wide`. */
  const int tight_rows = TIGHT_RADIUS + 1 + WIDE_RADIUS;

  film->curve = pet_scratch_take (scratch, PET_FILM_CURVE_SIZE, sizeof (float));
  pet_ring_take (scratch, &film->grey, 2 * EDGE_RADIUS + 1, width, EDGE_RADIUS,
      sizeof (float));
  pet_ring_take (
      scratch, &film->soft, 2 * EDGE_RADIUS + 1, width, 0, sizeof (float));
  pet_ring_take (
      scratch, &film->edge, WIDE_RADIUS + 1, width, 0, sizeof (float));
  pet_ring_take (scratch, &film->bright, 1, width, WIDE_RADIUS, sizeof (float));
  pet_ring_take (
      scratch, &film->wide, 2 * WIDE_RADIUS + 1, width, 0, sizeof (float));
  pet_ring_take (scratch, &film->tight, tight_rows, width, 0, sizeof (float));
  film->sum = pet_scratch_take (scratch, (size_t) width, sizeof (float));
  film->sum2 = pet_scratch_take (scratch, (size_t) width, sizeof (float));
  pet_grain_take (scratch, &film->grain, width, height);
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Film film;

  take_scratch (&scratch, &film, width, height);
  return pet_scratch_size (&scratch);
}

static void
start (Film *film, const PetImage *src, const double *values)
{
  film->src = src;
  film->width = src->width;
  film->height = src->height;
  film->edge_strength = (float) values[EDGE_STRENGTH];
  film->halation = (float) values[HALATION];
  film->grain_strength = (float) values[GRAIN];
  film->n_grey = film->n_edge = 0;
  film->bright_rows = 0;
  pet_film_curve (film->curve, values[CONTRAST]);
  pet_gaussian_taps (film->edge_taps, EDGE_RADIUS, 1.2);
  pet_gaussian_taps (film->wide_taps, WIDE_RADIUS, 7.0);
  pet_gaussian_taps (film->tight_taps, TIGHT_RADIUS, 2.5);
  if (film->grain_strength > 0.0f)
    pet_grain_start (&film->grain, (uint32_t) values[SEED]);
}

static void
apply_curve (const float *restrict curve, const uint8_t *restrict pixels,
    float *restrict grey, int width)
{
  for (int x = 0; x < width; x++) {
    uint32_t pixel;

    memcpy (&pixel, pixels + 4 * (size_t) x, 4);
    grey[x] = curve[9 * pet_pixel_red (pixel) + 36 * pet_pixel_green (pixel) +
        5 * pet_pixel_blue (pixel)];
  }
}

static void
make_grey_row (Film *film, int y)
{
  const uint8_t *src = pet_image_row (film->src, y);
  float *grey = pet_ring_row (&film->grey, y);

  apply_curve (film->curve, src, grey, film->width);
  pet_ring_mirror (&film->grey, y);
  pet_blur_row (pet_ring_row (&film->soft, y), grey, film->width,
      film->edge_taps, EDGE_RADIUS);
}

static void
sharpen (const float *restrict grey, const float *restrict soft, float strength,
    float *restrict edge, float *restrict bright, int width)
{
  for (int x = 0; x < width; x++) {
    float g = grey[x];
    float sharp = g + strength * (g - soft[x]) * 4.0f * g * (1.0f - g);

    edge[x] = pet_clamp01 (sharp);
    bright[x] = edge[x] > 0.75f ? 1.0f : 0.0f;
  }
}

static uint32_t
has_light (const float *bright, int width)
{
  float sum = 0.0f;

  for (int x = 0; x < width && sum == 0.0f; x += 64)
    for (int i = x; i < x + 64 && i < width; i++)
      sum += bright[i];
  return sum > 0.0f;
}

static void
make_edge_row (Film *film, int y)
{
  size_t row_bytes = (size_t) film->width * sizeof (float);
  float *edge = pet_ring_row (&film->edge, y);
  float *bright = pet_ring_row (&film->bright, y);
  const float *grey, *soft = film->sum;
  float strength = film->edge_strength;

  for (; film->n_grey < film->height && film->n_grey <= y + EDGE_RADIUS;
       film->n_grey++)
    make_grey_row (film, film->n_grey);
  grey = pet_ring_row (&film->grey, y);
  pet_blur_column (
      film->sum, &film->soft, y, film->height, film->edge_taps, EDGE_RADIUS);
  sharpen (grey, soft, strength, edge, bright, film->width);
  film->bright_rows = film->bright_rows << 1 | has_light (bright, film->width);
  if ((film->bright_rows & 1) == 0) {
    memset (pet_ring_row (&film->wide, y), 0, row_bytes);
    memset (pet_ring_row (&film->tight, y), 0, row_bytes);
    return;
  }
  pet_ring_mirror (&film->bright, y);
  pet_blur_row (pet_ring_row (&film->wide, y), bright, film->width,
      film->wide_taps, WIDE_RADIUS);
  pet_blur_row (pet_ring_row (&film->tight, y), bright, film->width,
      film->tight_taps, TIGHT_RADIUS);
}

static void
add_light (const float *restrict edge, float *restrict sum,
    const float *restrict tight, float halation, int width)
{
  for (int x = 0; x < width; x++) {
    float g = edge[x];
    float halo = halation * (0.3f * sum[x] + 0.7f * tight[x]);

    sum[x] = pet_clamp01 (g + halo * (1.0f - g * g));
  }
}

/* Leaves the row in film->sum. */
static void
add_halation (Film *film, int y)
{
  const float *edge = pet_ring_row (&film->edge, y);
  float *sum = film->sum, *tight = film->sum2;

  /* No light near: what would be added is 0. */
  if ((film->bright_rows & NEAR_ROWS) == 0) {
    memcpy (sum, edge, (size_t) film->width * sizeof (float));
    return;
  }
  pet_blur_column (
      sum, &film->wide, y, film->height, film->wide_taps, WIDE_RADIUS);
  pet_blur_column (
      tight, &film->tight, y, film->height, film->tight_taps, TIGHT_RADIUS);
  add_light (edge, sum, tight, film->halation, film->width);
}

static void
add_noise (
    float *restrict sum, const float *restrict noise, float strength, int width)
{
  for (int x = 0; x < width; x++) {
    float g = sum[x], weight = 1.2f - g;

    weight = weight < 0.3f ? 0.3f : weight > 1.0f ? 1.0f : weight;
    sum[x] = pet_clamp01 (g + strength * noise[x] * weight);
  }
}

static void
write_row (
    const float *restrict sum, const uint8_t *src, uint8_t *dst, int width)
{
  for (int x = 0; x < width; x++) {
    float g = sum[x];
    uint32_t pixel, level;

    g = g > 0.9f ? 0.95f * g + 0.05f : g;
    level = (uint32_t) (int32_t) (255.0f * g);
    memcpy (&pixel, src + 4 * (size_t) x, 4);
    pixel = (pixel & PET_PIXEL_ALPHA) | pet_pixel (level, level, level, 0);
    memcpy (dst + 4 * (size_t) x, &pixel, 4);
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  Film film;

  take_scratch (&scratch, &film, src->width, src->height);
  start (&film, src, values);
  for (int y = 0; y < film.height; y++) {
    for (; film.n_edge < film.height && film.n_edge <= y + WIDE_RADIUS;
         film.n_edge++)
      make_edge_row (&film, film.n_edge);
    add_halation (&film, y);
    if (film.grain_strength > 0.0f) {
      pet_grain_row (&film.grain, y, film.sum2);
      add_noise (film.sum, film.sum2, film.grain_strength, film.width);
    }
    write_row (
        film.sum, pet_image_row (src, y), pet_image_row (dst, y), film.width);
  }
}

const PetEffect PET_VERSION (pet_effect_enhancedblackwhite) = {
  .name = "enhancedblackwhite",
  .blurb = "Black and white in the manner of 35 mm Tri-X film",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
