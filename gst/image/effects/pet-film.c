/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-film.h"

#include <string.h>

#include "image/effects/pet-floats.h"
#include "image/effects/pet-vector.h"
#include "image/pet-pixels.h"

#define CHUNK PET_FILM_CHUNK

/* Pixels whose places in the curve are found before it is read. */
#define BATCH 64

/* Rows that the halo of two rows comes from: the newest is at most WIDE_RADIUS
 * ahead of the second one. */
#define NEAR_ROWS ((1u << (2 * PET_FILM_WIDE_RADIUS + 2)) - 1)

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
pet_film_tone (const float *curve, const uint8_t *pixels, PetAhead ahead,
    float *grey, int width)
{
  uint32_t places[BATCH];
  int x = 0;

  for (; x + BATCH <= width; x += BATCH, pixels += 4 * BATCH) {
    pet_prefetch_ahead (ahead, 4 * (size_t) x, 4 * BATCH);
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

/* What a chunk sees: its own columns and WIDE_RADIUS on both sides. */
#define WINDOW (((uint64_t) 1 << (CHUNK + 2 * PET_FILM_WIDE_RADIUS)) - 1)

/* The light that chunk `x` sees, and in *all the bits that are inside the row:
 * what is mirrored into the row is among these. */
static inline uint64_t
seen_light (const uint16_t *light, int x, int width, uint64_t *all)
{
  const int margin = CHUNK - PET_FILM_WIDE_RADIUS;
  uint64_t inside = WINDOW;

  light += x / CHUNK;
  if (x == 0)
    inside &= WINDOW << PET_FILM_WIDE_RADIUS;
  if (width - x < CHUNK + PET_FILM_WIDE_RADIUS)
    inside &= ((uint64_t) 1 << (width - x + PET_FILM_WIDE_RADIUS)) - 1;
  *all = inside;
  return ((uint64_t) light[-1] | (uint64_t) light[0] << CHUNK |
             (uint64_t) light[1] << (2 * CHUNK)) >>
      margin &
      WINDOW;
}

/* Products with 0, 1 and 2 are exact: fused or not, sums are the same. */
static inline PetFloats
add_exact_product (PetFloats sum, float a, PetFloats b)
{
#if PET_FLOATS == 16
  return _mm512_fmadd_ps (_mm512_set1_ps (a), b, sum);
#elif PET_FLOATS == 8
  return _mm256_fmadd_ps (_mm256_set1_ps (a), b, sum);
#else
  return sum + a * b;
#endif
}

/* Both blurs of 0s and 1s. */
static inline void
glow_at (const float *bright, const PetFilmTaps *taps, PetFloats *wide,
    PetFloats *tight)
{
  PetFloats here = pet_floats_load (bright);

  *wide = taps->wide[0] * here;
  *tight = taps->tight[0] * here;
#pragma GCC unroll 10
  for (int k = 1; k <= PET_FILM_WIDE_RADIUS; k++) {
    PetFloats both =
        pet_floats_load (bright - k) + pet_floats_load (bright + k);

    *wide = add_exact_product (*wide, taps->wide[k], both);
    if (k <= PET_FILM_TIGHT_RADIUS)
      *tight = add_exact_product (*tight, taps->tight[k], both);
  }
}

#if PET_FLOATS == CHUNK
/* The same of a chunk inside a row, from the bits of `seen`: no loads across
 * lines of the cache. */
static inline void
glow_of_bits (
    uint64_t seen, const PetFilmTaps *taps, PetFloats *wide, PetFloats *tight)
{
  const __m512 one = _mm512_set1_ps (1.0f);
  const int middle = PET_FILM_WIDE_RADIUS;
  PetFloats here = _mm512_maskz_mov_ps ((__mmask16) (seen >> middle), one);

  *wide = taps->wide[0] * here;
  *tight = taps->tight[0] * here;
#pragma GCC unroll 10
  for (int k = 1; k <= PET_FILM_WIDE_RADIUS; k++) {
    PetFloats both =
        _mm512_maskz_mov_ps ((__mmask16) (seen >> (middle - k)), one);

    both = _mm512_mask_add_ps (
        both, (__mmask16) (seen >> (middle + k)), both, one);
    *wide = add_exact_product (*wide, taps->wide[k], both);
    if (k <= PET_FILM_TIGHT_RADIUS)
      *tight = add_exact_product (*tight, taps->tight[k], both);
  }
}
#endif

/* `inside`: nothing of what the chunk sees is mirrored. */
static inline void
glow_chunk (const float *bright, uint64_t seen, bool inside,
    const PetFilmTaps *taps, float *wide, float *tight)
{
  PetFloats wide_here, tight_here;

#if PET_FLOATS == CHUNK
  if (inside) {
    glow_of_bits (seen, taps, &wide_here, &tight_here);
    pet_floats_store (wide, wide_here);
    pet_floats_store (tight, tight_here);
    return;
  }
#endif
  for (int i = 0; i < CHUNK; i += PET_FLOATS) {
    glow_at (bright + i, taps, &wide_here, &tight_here);
    pet_floats_store (wide + i, wide_here);
    pet_floats_store (tight + i, tight_here);
  }
}

void
pet_film_glow (const PetFilmTaps *taps, const PetFilmLight *light, float *wide,
    float *tight, int width)
{
  float full_wide = blur_constant (1.0f, taps->wide, PET_FILM_WIDE_RADIUS);
  float full_tight = blur_constant (1.0f, taps->tight, PET_FILM_TIGHT_RADIUS);

  for (int x = 0; x < width; x += CHUNK) {
    uint64_t all, seen = seen_light (light->light, x, width, &all);
    uint32_t *lit = &light->lit[x / CHUNK], *shaded = &light->shaded[x / CHUNK];

    *lit = *lit << 1 | (seen != 0);
    *shaded = *shaded << 1 | (seen != all);
    if (seen == 0 || seen == all) {
      fill_chunk (wide + x, seen == 0 ? 0.0f : full_wide);
      fill_chunk (tight + x, seen == 0 ? 0.0f : full_tight);
      continue;
    }
    glow_chunk (
        light->bright + x, seen, all == WINDOW, taps, wide + x, tight + x);
  }
}

static inline PetFloats
add_halo (PetFloats g, PetFloats wide, PetFloats tight, float halation)
{
  PetFloats halo = halation * (0.3f * wide + 0.7f * tight);

  return pet_floats_clamp (g + halo * (1.0f - g * g), 0.0f, 1.0f);
}

/* Of PET_FLOATS columns of two rows, which share most of what they read. */
static inline void
add_halos (const PetFilmHalo *halo, int x, const PetFilmTaps *taps,
    PetFloats *one, PetFloats *two)
{
  const float *const *wide = halo->wide, *const *tight = halo->tight;
  PetFloats wide_one = blur_down (wide, x, taps->wide, PET_FILM_WIDE_RADIUS);
  PetFloats wide_two =
      blur_down (wide - 1, x, taps->wide, PET_FILM_WIDE_RADIUS);
  PetFloats tight_one =
      blur_down (tight, x, taps->tight, PET_FILM_TIGHT_RADIUS);
  PetFloats tight_two =
      blur_down (tight - 1, x, taps->tight, PET_FILM_TIGHT_RADIUS);

  *one = add_halo (*one, wide_one, tight_one, taps->halation);
  *two = add_halo (*two, wide_two, tight_two, taps->halation);
}

/* No light near: what would be added is 0. */
void
pet_film_halation (const PetFilmHalo *halo, const PetFilmTaps *taps,
    const PetFilmLight *light, float *row, float *row2, int width)
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
      PetFloats one = pet_floats_load (halo->edge[0] + i);
      PetFloats two = pet_floats_load (halo->edge[1] + i);

      if (full) {
        one = add_halo (one, full_wide, full_tight, taps->halation);
        two = add_halo (two, full_wide, full_tight, taps->halation);
      } else if (!dark) {
        add_halos (halo, i, taps, &one, &two);
      }
      pet_floats_store (row + i, one);
      pet_floats_store (row2 + i, two);
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
