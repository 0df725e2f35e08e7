/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Black and white in the manner of 35 mm Tri-X film: film curve, edges,
 * halation, grain, highlights. Float arithmetic, the last step truncates. All
 * pixels are treated alike, transparent or not.
 *
 * A row of the result needs 10 rows of halation below it, and these need 2
 * rows of blur, so 12 rows are read ahead; what is kept are rings of rows: 270 bytes
 * of scratch memory per column and 66 KiB for tables, whatever the height. */

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/effects/pet-grain.h"
#include "image/pet-math.h"
#include "image/pet-plane.h"

enum { EDGE_RADIUS = 2, WIDE_RADIUS = 10, TIGHT_RADIUS = 4 };

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
  int n_grey, n_edge; /* rows made so far */
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

static float
film_curve (double g, double contrast)
{
  double shadows = 0.92 * pet_pow (1.1 * g, 1.25);
  double highlights = 1.0 - 0.95 * pet_pow (1.05 * (1.0 - g), 0.75);
  double m = (g - 0.25) / 0.3;
  double result;

  m = m < 0.0 ? 0.0 : m > 1.0 ? 1.0 : m;
  result = contrast * (shadows * (1.0 - m) + highlights * m);
  return (float) (result < 0.0 ? 0.0 : result > 1.0 ? 1.0 : result);
}

/* 0.18 R + 0.72 G + 0.10 B in units of 1/50: an exact table index. */
void
pet_film_curve (float curve[PET_FILM_CURVE_SIZE], double contrast)
{
  for (int i = 0; i < PET_FILM_CURVE_SIZE; i++)
    curve[i] = film_curve ((double) i / (PET_FILM_CURVE_SIZE - 1), contrast);
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
  pet_film_curve (film->curve, values[CONTRAST]);
  pet_gaussian_taps (film->edge_taps, EDGE_RADIUS, 1.2);
  pet_gaussian_taps (film->wide_taps, WIDE_RADIUS, 7.0);
  pet_gaussian_taps (film->tight_taps, TIGHT_RADIUS, 2.5);
  if (film->grain_strength > 0.0f)
    pet_grain_start (&film->grain, (uint32_t) values[SEED]);
}

static void
make_grey_row (Film *film, int y)
{
  const uint8_t *src = pet_image_row (film->src, y);
  float *grey = pet_ring_row (&film->grey, y);

  for (int x = 0; x < film->width; x++, src += 4)
    grey[x] = film->curve[9 * src[0] + 36 * src[1] + 5 * src[2]];
  pet_ring_mirror (&film->grey, y);
  pet_blur_row (pet_ring_row (&film->soft, y), grey, film->width,
      film->edge_taps, EDGE_RADIUS);
}

static void
make_edge_row (Film *film, int y)
{
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
  for (int x = 0; x < film->width; x++) {
    float g = grey[x];
    float sharp = g + strength * (g - soft[x]) * 4.0f * g * (1.0f - g);

    edge[x] = pet_clamp01 (sharp);
    bright[x] = edge[x] > 0.75f ? 1.0f : 0.0f;
  }
  pet_ring_mirror (&film->bright, y);
  pet_blur_row (pet_ring_row (&film->wide, y), bright, film->width,
      film->wide_taps, WIDE_RADIUS);
  pet_blur_row (pet_ring_row (&film->tight, y), bright, film->width,
      film->tight_taps, TIGHT_RADIUS);
}

/* Leaves the row in film->sum. */
static void
add_halation (Film *film, int y)
{
  const float *edge = pet_ring_row (&film->edge, y);
  float *sum = film->sum, *tight = film->sum2;

  pet_blur_column (
      sum, &film->wide, y, film->height, film->wide_taps, WIDE_RADIUS);
  pet_blur_column (
      tight, &film->tight, y, film->height, film->tight_taps, TIGHT_RADIUS);
  for (int x = 0; x < film->width; x++) {
    float g = edge[x];
    float halo = film->halation * (0.3f * sum[x] + 0.7f * tight[x]);

    sum[x] = pet_clamp01 (g + halo * (1.0f - g * g));
  }
}

static void
add_grain (Film *film, int y)
{
  float *sum = film->sum, *noise = film->sum2;

  pet_grain_row (&film->grain, y, noise);
  for (int x = 0; x < film->width; x++) {
    float g = sum[x], weight = 1.2f - g;

    weight = weight < 0.3f ? 0.3f : weight > 1.0f ? 1.0f : weight;
    sum[x] = pet_clamp01 (g + film->grain_strength * noise[x] * weight);
  }
}

static void
write_row (const Film *film, const uint8_t *src, uint8_t *dst)
{
  for (int x = 0; x < film->width; x++, src += 4, dst += 4) {
    float g = film->sum[x];

    g = g > 0.9f ? 0.95f * g + 0.05f : g;
    dst[0] = dst[1] = dst[2] = (uint8_t) (255.0f * g);
    dst[3] = src[3];
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
    if (film.grain_strength > 0.0f)
      add_grain (&film, y);
    write_row (&film, pet_image_row (src, y), pet_image_row (dst, y));
  }
}

const PetEffect pet_effect_enhancedblackwhite = {
  .name = "enhancedblackwhite",
  .blurb = "Black and white in the manner of 35 mm Tri-X film",
  .params = params,
  .n_params = sizeof params / sizeof *params,
  .scratch_bytes = scratch_bytes,
  .render = render,
};
