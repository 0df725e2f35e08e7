/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-film.h"

#include <string.h>

#include "image/effects/pet-floats.h"
#include "image/effects/pet-vector.h"
#include "image/pet-pixels.h"

#define CHUNK PET_FILM_CHUNK

/* Pixels whose places in the curve are found before it is read. */
#define BATCH 64

/* Rows that a halo comes from: the newest is at most WIDE_RADIUS ahead. */
#define NEAR_ROWS ((1u << (2 * PET_FILM_WIDE_RADIUS + 1)) - 1)

static void
find_places (const uint8_t *pixels, uint32_t *places, int n)
{
  int x = 0;

#if PET_VECTOR_BYTES
  const PetVector weights = PET_V (set1_epi32) (9 | 36 << 8 | 5 << 16);
  const PetVector ones = PET_V (set1_epi16) (1);

  for (; x + PET_VECTOR_BYTES / 4 <= n; x += PET_VECTOR_BYTES / 4) {
    PetVector v = pet_vector_load (pixels + 4 * (size_t) x);

    pet_vector_store (places + x,
        PET_V (madd_epi16) (PET_V (maddubs_epi16) (v, weights), ones));
  }
#endif
  for (; x < n; x++) {
    uint32_t pixel;

    memcpy (&pixel, pixels + 4 * (size_t) x, 4);
    places[x] = (uint32_t) (9 * pet_pixel_red (pixel) +
        36 * pet_pixel_green (pixel) + 5 * pet_pixel_blue (pixel));
  }
}

static bool
is_blank (const uint8_t *pixels)
{
  bool blank = true;

  for (int i = 0; i < 4 * BATCH && blank; i += 64)
    blank = pet_block_is_zero (pixels + i);
  return blank;
}

void
pet_film_tone (const float *curve, const uint8_t *pixels, ptrdiff_t next,
    float *grey, int width)
{
  uint32_t places[BATCH];
  int x = 0;

  for (; x + BATCH <= width; x += BATCH, pixels += 4 * BATCH) {
    for (int i = 0; i < 4 * BATCH; i += 64)
      __builtin_prefetch (pixels + i + next);
    if (is_blank (pixels)) {
      for (int i = x; i < x + BATCH; i += PET_FLOATS)
        pet_floats_store (grey + i, pet_floats_spread (curve[0]));
      continue;
    }
    find_places (pixels, places, BATCH);
    pet_floats_fetch (curve, places, grey + x, BATCH);
  }
  find_places (pixels, places, width - x);
  pet_floats_fetch (curve, places, grey + x, width - x);
}

static inline PetFloats
blur_along (const float *row, const float *taps, int radius)
{
  PetFloats sum = taps[0] * pet_floats_load (row);

#pragma GCC unroll 10
  for (int k = 1; k <= radius; k++)
    sum += taps[k] * (pet_floats_load (row - k) + pet_floats_load (row + k));
  return sum;
}

static inline PetFloats
blur_down (const float *const *rows, int x, const float *taps, int radius)
{
  PetFloats sum = taps[0] * pet_floats_load (rows[0] + x);

#pragma GCC unroll 10
  for (int k = 1; k <= radius; k++)
    sum += taps[k] *
        (pet_floats_load (rows[k] + x) + pet_floats_load (rows[-k] + x));
  return sum;
}

void
pet_film_soften (
    const float *grey, const PetFilmTaps *taps, float *soft, int width)
{
  for (int x = 0; x < width; x += PET_FLOATS)
    pet_floats_store (
        soft + x, blur_along (grey + x, taps->edge, PET_FILM_EDGE_RADIUS));
}

static inline PetFloats
sharpen (PetFloats g, PetFloats soft, float strength)
{
  return pet_floats_clamp (
      g + strength * (g - soft) * 4.0f * g * (1.0f - g), 0.0f, 1.0f);
}

bool
pet_film_edges (const float *grey, const float *const *soft,
    const PetFilmTaps *taps, float *edge, PetFilmLight *light, int width)
{
  const PetFloats zero = pet_floats_spread (0.0f);
  const PetFloats one = pet_floats_spread (1.0f);
  uint32_t any = 0;

  for (int x = 0; x < width; x += CHUNK) {
    uint32_t bits = 0;

    for (int i = x; i < x + CHUNK; i += PET_FLOATS) {
      PetFloats sharp = sharpen (pet_floats_load (grey + i),
          blur_down (soft, i, taps->edge, PET_FILM_EDGE_RADIUS),
          taps->strength);

      pet_floats_store (edge + i, sharp);
      pet_floats_store (
          light->bright + i, pet_floats_select (sharp, 0.75f, one, zero));
      bits |= pet_floats_above (sharp, 0.75f) << (i - x);
    }
    if (width - x < CHUNK)
      bits &= (1u << (width - x)) - 1;
    light->light[x / CHUNK] = (uint16_t) bits;
    any |= bits;
  }
  return any != 0;
}

/* What blurs give where there is light all around, and of these blurs. */
static float
blur_constant (float value, const float *taps, int radius)
{
  float sum = taps[0] * value;

  for (int k = 1; k <= radius; k++)
    sum += taps[k] * (value + value);
  return sum;
}

static void
fill_chunk (float *row, float value)
{
  for (int i = 0; i < CHUNK; i += PET_FLOATS)
    pet_floats_store (row + i, pet_floats_spread (value));
}

/* The light that chunk `x` sees, and in *all the bits that are inside the row:
 * what is mirrored into the row is among these. */
static inline uint64_t
seen_light (const uint16_t *light, int x, int width, uint64_t *all)
{
  const int margin = CHUNK - PET_FILM_WIDE_RADIUS;
  const uint64_t window =
      ((uint64_t) 1 << (CHUNK + 2 * PET_FILM_WIDE_RADIUS)) - 1;
  uint64_t inside = window;

  light += x / CHUNK;
  if (x == 0)
    inside &= window << PET_FILM_WIDE_RADIUS;
  if (width - x < CHUNK + PET_FILM_WIDE_RADIUS)
    inside &= ((uint64_t) 1 << (width - x + PET_FILM_WIDE_RADIUS)) - 1;
  *all = inside;
  return ((uint64_t) light[-1] | (uint64_t) light[0] << CHUNK |
             (uint64_t) light[1] << (2 * CHUNK)) >>
      margin &
      window;
}

void
pet_film_glow (const PetFilmTaps *taps, const PetFilmLight *light, float *wide,
    float *tight, int width)
{
  float full_wide = blur_constant (1.0f, taps->wide, PET_FILM_WIDE_RADIUS);
  float full_tight = blur_constant (1.0f, taps->tight, PET_FILM_TIGHT_RADIUS);

  for (int x = 0; x < width; x += CHUNK) {
    const float *bright = light->bright + x;
    uint64_t all, seen = seen_light (light->light, x, width, &all);
    uint32_t *lit = &light->lit[x / CHUNK], *shaded = &light->shaded[x / CHUNK];

    *lit = *lit << 1 | (seen != 0);
    *shaded = *shaded << 1 | (seen != all);
    if (seen == 0 || seen == all) {
      fill_chunk (wide + x, seen == 0 ? 0.0f : full_wide);
      fill_chunk (tight + x, seen == 0 ? 0.0f : full_tight);
      continue;
    }
    for (int i = 0; i < CHUNK; i += PET_FLOATS) {
      pet_floats_store (wide + x + i,
          blur_along (bright + i, taps->wide, PET_FILM_WIDE_RADIUS));
      pet_floats_store (tight + x + i,
          blur_along (bright + i, taps->tight, PET_FILM_TIGHT_RADIUS));
    }
  }
}

static inline PetFloats
add_halo (PetFloats g, PetFloats wide, PetFloats tight, float halation)
{
  PetFloats halo = halation * (0.3f * wide + 0.7f * tight);

  return pet_floats_clamp (g + halo * (1.0f - g * g), 0.0f, 1.0f);
}

/* No light near: what would be added is 0. */
void
pet_film_halation (const float *edge, const float *const *wide,
    const float *const *tight, const PetFilmTaps *taps,
    const PetFilmLight *light, float *row, int width)
{
  const PetFloats full_wide = pet_floats_spread (
      blur_constant (blur_constant (1.0f, taps->wide, PET_FILM_WIDE_RADIUS),
          taps->wide, PET_FILM_WIDE_RADIUS));
  const PetFloats full_tight = pet_floats_spread (
      blur_constant (blur_constant (1.0f, taps->tight, PET_FILM_TIGHT_RADIUS),
          taps->tight, PET_FILM_TIGHT_RADIUS));

  for (int x = 0; x < width; x += CHUNK) {
    bool dark = (light->lit[x / CHUNK] & NEAR_ROWS) == 0;
    bool full = (light->shaded[x / CHUNK] & NEAR_ROWS) == 0;

    for (int i = x; i < x + CHUNK; i += PET_FLOATS) {
      PetFloats g = pet_floats_load (edge + i);

      if (full)
        g = add_halo (g, full_wide, full_tight, taps->halation);
      else if (!dark)
        g = add_halo (g, blur_down (wide, i, taps->wide, PET_FILM_WIDE_RADIUS),
            blur_down (tight, i, taps->tight, PET_FILM_TIGHT_RADIUS),
            taps->halation);
      pet_floats_store (row + i, g);
    }
  }
}

void
pet_film_add_grain (float *row, const float *noise, float strength, int width)
{
  for (int x = 0; x < width; x += PET_FLOATS) {
    PetFloats g = pet_floats_load (row + x);
    PetFloats weight = pet_floats_clamp (1.2f - g, 0.3f, 1.0f);

    g = pet_floats_clamp (
        g + strength * pet_floats_load (noise + x) * weight, 0.0f, 1.0f);
    pet_floats_store (row + x, g);
  }
}

static inline PetFloats
lift_highlights (PetFloats g)
{
  return 255.0f * pet_floats_select (g, 0.9f, 0.95f * g + 0.05f, g);
}

static inline void
write_pixel (float g, const uint8_t *src, uint8_t *dst)
{
  uint32_t level, pixel;

  g = g > 0.9f ? 0.95f * g + 0.05f : g;
  level = (uint32_t) (int32_t) (255.0f * g);
  memcpy (&pixel, src, 4);
  pixel = (pixel & PET_PIXEL_ALPHA) | pet_pixel (level, level, level, 0);
  memcpy (dst, &pixel, 4);
}

void
pet_film_write (const float *row, const uint8_t *src, uint8_t *dst, int width)
{
  int x = 0;

#if PET_VECTOR_BYTES
  const PetVector alpha = PET_V (set1_epi32) ((int) PET_PIXEL_ALPHA);

  for (; x + PET_FLOATS <= width; x += PET_FLOATS) {
    PetVector level =
        PET_V (cvttps_epi32) (lift_highlights (pet_floats_load (row + x)));
    PetVector pixel =
        pet_vector_and (pet_vector_load (src + 4 * (size_t) x), alpha);

    /* Level times 0x10101, which no byte of overflows into the next. */
    level = PET_V (add_epi32) (level, PET_V (slli_epi32) (level, 8));
    level = PET_V (add_epi32) (
        PET_V (slli_epi32) (level, 8), PET_V (srli_epi32) (level, 8));
    pet_vector_store (dst + 4 * (size_t) x, PET_V (add_epi32) (pixel, level));
  }
#endif
  for (; x < width; x++)
    write_pixel (row[x], src + 4 * (size_t) x, dst + 4 * (size_t) x);
}
