/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Black and white in the manner of 35 mm Tri-X film: film curve, edges,
 * halation, grain, highlights. Float arithmetic, the last step truncates. All
 * pixels are treated alike, transparent or not.
 *
 * Two rows of the result, made together, need 10 rows of halation below them, and
 * these need 2 rows of blur, so 12 rows are read ahead; what is kept are rings of
 * rows: 279 bytes of scratch memory per column and 24 KiB for spare elements, whatever
 * the height, and 50 KiB more for a film curve that is not the usual one. */

#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/effects/pet-film.h"
#include "image/effects/pet-grain.h"
#include "image/pet-plane.h"

enum {
  EDGE_RADIUS = PET_FILM_EDGE_RADIUS,
  WIDE_RADIUS = PET_FILM_WIDE_RADIUS,
  TIGHT_RADIUS = PET_FILM_TIGHT_RADIUS
};

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
  const PetImage *src, *dst;
  int width, height;
  float grain_strength;
  PetFilmTaps taps;
  const float *curve;
  float *own_curve; /* where its contrast is not the usual one */
  PetRing grey;     /* after the curve */
  PetRing soft;     /* the same, blurred along the row */
  PetRing edge;     /* after the edges */
  PetRing bright;   /* one row: 1 where the edge row exceeds 0.75 */
  PetRing wide;     /* bright, blurred along the row */
  PetRing tight;
  PetRing rows; /* two rows in their making, and the grain of one */
  PetFilmLight light;
  PetGrain grain;
  int n_grey, n_edge; /* rows made so far */
} Film;

static void
take_ring (PetScratch *scratch, PetRing *ring, int count, int width)
{
  pet_ring_take (scratch, ring, count, width, PET_FILM_PAD, sizeof (float));
}

static void
take_scratch (PetScratch *scratch, Film *film, int width, int height,
    const double *values)
{
  size_t chunks = ((size_t) width + PET_FILM_CHUNK - 1) / PET_FILM_CHUNK;
  PetFilmLight *light = &film->light;

  film->own_curve = pet_film_curve_is_kept (values[CONTRAST])
      ? NULL
      : pet_scratch_take (scratch, PET_FILM_CURVE_SIZE, sizeof (float));
  take_ring (scratch, &film->grey, EDGE_RADIUS + 1, width);
  take_ring (scratch, &film->soft, 2 * EDGE_RADIUS + 1, width);
  take_ring (scratch, &film->edge, WIDE_RADIUS + 2, width);
  take_ring (scratch, &film->bright, 1, width);
  take_ring (scratch, &film->wide, 2 * WIDE_RADIUS + 2, width);
  /* Rows of `tight` are made as far ahead as those of `wide`. */
  take_ring (scratch, &film->tight, TIGHT_RADIUS + 2 + WIDE_RADIUS, width);
  take_ring (scratch, &film->rows, 3, width);
  light->light = pet_scratch_take (scratch, chunks + 2, sizeof (uint16_t));
  light->lit = pet_scratch_take (scratch, chunks, sizeof (uint32_t));
  light->shaded = pet_scratch_take (scratch, chunks, sizeof (uint32_t));
  pet_grain_take (scratch, &film->grain, width, height);
}

static size_t
scratch_bytes (int width, int height, const double *values)
{
  PetScratch scratch = { 0 };
  Film film;

  take_scratch (&scratch, &film, width, height, values);
  return pet_scratch_size (&scratch);
}

static void
start_light (Film *film)
{
  size_t chunks = ((size_t) film->width + PET_FILM_CHUNK - 1) / PET_FILM_CHUNK;
  PetFilmLight *light = &film->light;

  light->bright = pet_ring_row (&film->bright, 0);
  memset (light->light, 0, (chunks + 2) * sizeof (uint16_t));
  memset (light->lit, 0, chunks * sizeof (uint32_t));
  memset (light->shaded, 0, chunks * sizeof (uint32_t));
  light->light++;
}

static void
start (
    Film *film, const PetImage *src, const PetImage *dst, const double *values)
{
  film->src = src;
  film->dst = dst;
  film->width = src->width;
  film->height = src->height;
  film->taps.strength = (float) values[EDGE_STRENGTH];
  film->taps.halation = (float) values[HALATION];
  film->grain_strength = (float) values[GRAIN];
  film->n_grey = film->n_edge = 0;
  film->curve = pet_film_curve (values[CONTRAST], film->own_curve);
  pet_gaussian_taps (film->taps.edge, EDGE_RADIUS, 1.2);
  pet_gaussian_taps (film->taps.wide, WIDE_RADIUS, 7.0);
  pet_gaussian_taps (film->taps.tight, TIGHT_RADIUS, 2.5);
  start_light (film);
  if (film->grain_strength > 0.0f)
    pet_grain_start (&film->grain, (uint32_t) values[SEED]);
}

/* Points rows[k] and rows[-k] to what is k rows above and below row `y`, from
 * `below` rows below it to `above` rows above it. */
static void
find_rows (const float **rows, const PetRing *ring, int y, int height,
    int below, int above)
{
  for (int k = -below; k <= above; k++)
    rows[k] = pet_ring_row (ring, pet_mirror (y - k, height));
}

static void
make_grey_row (Film *film, int y)
{
  float *grey = pet_ring_row (&film->grey, y);
  int below = y + 1 < film->height ? y + 1 : y;
  int written = y > WIDE_RADIUS ? y - WIDE_RADIUS : 0;
  PetAhead ahead = { pet_image_row (film->src, below),
    pet_image_row (film->dst, written) };

  pet_film_tone (
      film->curve, pet_image_row (film->src, y), ahead, grey, film->width);
  pet_mirror_ends (grey, film->width, EDGE_RADIUS);
  pet_film_soften (
      grey, &film->taps, pet_ring_row (&film->soft, y), film->width);
}

static void
make_edge_row (Film *film, int y)
{
  const float *soft[2 * EDGE_RADIUS + 1];

  for (; film->n_grey < film->height && film->n_grey <= y + EDGE_RADIUS;
       film->n_grey++)
    make_grey_row (film, film->n_grey);
  find_rows (soft + EDGE_RADIUS, &film->soft, y, film->height, EDGE_RADIUS,
      EDGE_RADIUS);
  if (pet_film_edges (pet_ring_row (&film->grey, y), soft + EDGE_RADIUS,
          &film->taps, pet_ring_row (&film->edge, y), &film->light,
          film->width))
    pet_mirror_ends (film->light.bright, film->width, WIDE_RADIUS);
  pet_film_glow (&film->taps, &film->light, pet_ring_row (&film->wide, y),
      pet_ring_row (&film->tight, y), film->width);
}

/* Rows `y` and `y` + 1; what the second one has behind the last is thrown away. */
static void
add_halation (Film *film, int y, float *row, float *row2)
{
  const float *wide[2 * WIDE_RADIUS + 2], *tight[2 * TIGHT_RADIUS + 2];
  int height = film->height;
  PetFilmHalo halo = { .edge = { pet_ring_row (&film->edge, y),
                           pet_ring_row (
                               &film->edge, pet_mirror (y + 1, height)) },
    .wide = wide + WIDE_RADIUS + 1,
    .tight = tight + TIGHT_RADIUS + 1 };

  find_rows (wide + WIDE_RADIUS + 1, &film->wide, y, height, WIDE_RADIUS + 1,
      WIDE_RADIUS);
  find_rows (tight + TIGHT_RADIUS + 1, &film->tight, y, height,
      TIGHT_RADIUS + 1, TIGHT_RADIUS);
  pet_film_halation (&halo, &film->taps, &film->light, row, row2, film->width);
}

static void
finish_row (Film *film, int y, float *row)
{
  float *noise = pet_ring_row (&film->rows, 2);

  if (film->grain_strength > 0.0f) {
    pet_grain_row (&film->grain, y, noise);
    pet_film_add_grain (row, noise, film->grain_strength, film->width);
  }
  pet_film_write (row, pet_image_row (film->src, y),
      pet_image_row (film->dst, y), film->width);
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *memory)
{
  PetScratch scratch = { .base = memory };
  Film film;

  take_scratch (&scratch, &film, src->width, src->height, values);
  start (&film, src, dst, values);
  for (int y = 0; y < film.height; y += 2) {
    float *row = pet_ring_row (&film.rows, 0);
    float *row2 = pet_ring_row (&film.rows, 1);

    for (; film.n_edge < film.height && film.n_edge <= y + 1 + WIDE_RADIUS;
         film.n_edge++)
      make_edge_row (&film, film.n_edge);
    add_halation (&film, y, row, row2);
    finish_row (&film, y, row);
    if (y + 1 < film.height)
      finish_row (&film, y + 1, row2);
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
