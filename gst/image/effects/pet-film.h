/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inner loops of enhancedblackwhite. Floats, each sum in the order of the
 * plain C loops: all versions give the same bits. Rows have PET_FILM_PAD
 * elements to spare on both sides. Thread-safety: safe. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-prefetch.h"
#include "image/pet-version.h"

#define pet_film_tone PET_VERSION (pet_film_tone)
#define pet_film_soften PET_VERSION (pet_film_soften)
#define pet_film_edges PET_VERSION (pet_film_edges)
#define pet_film_glow PET_VERSION (pet_film_glow)
#define pet_film_halation PET_VERSION (pet_film_halation)
#define pet_film_add_grain PET_VERSION (pet_film_add_grain)
#define pet_film_write PET_VERSION (pet_film_write)

#define PET_FILM_PAD 48

#define PET_FILM_EDGE_RADIUS 2
#define PET_FILM_WIDE_RADIUS 10
#define PET_FILM_TIGHT_RADIUS 4

/* Rows are looked at in chunks of so many columns. */
#define PET_FILM_CHUNK 16

typedef struct {
  float edge[PET_FILM_EDGE_RADIUS + 1];
  float wide[PET_FILM_WIDE_RADIUS + 1];
  float tight[PET_FILM_TIGHT_RADIUS + 1];
  float strength; /* of the edges */
  float halation;
} PetFilmTaps;

/* Where there is light, and the newest rows of what it gives. */
typedef struct {
  float *bright;    /* a row: 1 where there is light, else 0 */
  uint16_t *light;  /* the same as bits, per chunk, a spare one at both ends */
  uint32_t *lit;    /* per chunk, bit k: is there light within WIDE_RADIUS in */
  uint32_t *shaded; /* the row k rows back, is there none somewhere? */
} PetFilmLight;

/* Greys of `width` pixels by the film curve. As many are fetched at `ahead`. */
void pet_film_tone (const float *curve, const uint8_t *pixels, PetAhead ahead,
    float *grey, int width);

/* The edges' blur along a row. */
void pet_film_soften (
    const float *grey, const PetFilmTaps *taps, float *soft, int width);

/* Edges; rows[k] and rows[-k] are k rows above and below. Returns whether there
 * is light in the row. */
bool pet_film_edges (const float *grey, const float *const *soft,
    const PetFilmTaps *taps, float *edge, PetFilmLight *light, int width);

/* Light blurred along the row, wide and tight; its bits join `lit` and
 * `shaded`. `bright` has WIDE_RADIUS valid elements on both sides. */
void pet_film_glow (const PetFilmTaps *taps, const PetFilmLight *light,
    float *wide, float *tight, int width);

/* What the halo of two rows is made of: their edges, and the rows of light, of
 * which wide[k] and wide[-k] are k rows above and below the first one. Above they
 * end WIDE_RADIUS or TIGHT_RADIUS rows from the first row, below as many from the
 * second one. */
typedef struct {
  const float *edge[2];
  const float *const *wide, *const *tight;
} PetFilmHalo;

/* Two rows with their halo. The newest row of light is the last of these, or the
 * picture's last one. */
void pet_film_halation (const PetFilmHalo *halo, const PetFilmTaps *taps,
    const PetFilmLight *light, float *row, float *row2, int width);

void pet_film_add_grain (
    float *row, const float *noise, float strength, int width);

/* Highlights, and the pixels: grey with the source's alpha. */
void pet_film_write (
    const float *row, const uint8_t *src, uint8_t *dst, int width);
