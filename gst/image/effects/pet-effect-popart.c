/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Eight loud colours, posterised. Contrast, saturation and the choice of one
 * of three levels are exact integers: in units of 1/2 the contrast is
 * c = clamp (5 r - 384, 0, 510), and in units of 1/2000 the saturated channel
 * is 2000 c - (299 R + 587 G + 114 B). What is left are 27 colours, looked up
 * in a table. All pixels are treated alike, transparent or not; those that are
 * 0 throughout stay so, which is what the ends of most rows are. No scratch
 * memory. */

#include <stdint.h>
#include <string.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"
#include "image/effects/pet-palette.h"
#include "image/effects/pet-vector.h"
#include "image/pet-pixels.h"

/* c + 384 */
#define LEAST 384
#define MOST (LEAST + 510)

/* Rounds x / 127.5 to the nearest of 0, 1, 2, ties to even, for x in units of
 * 1/2000: ties are at 0.5 -> 0 and 1.5 -> 2. Saturated channels are less than
 * they seem by LEAST of each channel, 1000 of which remain. */
#define ABOVE_0 (127500 + 1000 * LEAST)
#define ABOVE_1 (382499 + 1000 * LEAST)

static inline int
boost_contrast (int value)
{
  int boosted = 5 * value > LEAST ? 5 * value : LEAST;

  return boosted < MOST ? boosted : MOST;
}

static inline int
level (int saturated)
{
  return (saturated > ABOVE_0) + (saturated > ABOVE_1);
}

static inline void
render_pixel (const uint8_t *src, uint8_t *dst, const uint32_t *table)
{
  uint32_t pixel;
  int r, g, b, luma, index;

  memcpy (&pixel, src, 4);
  r = boost_contrast (pet_pixel_red (pixel));
  g = boost_contrast (pet_pixel_green (pixel));
  b = boost_contrast (pet_pixel_blue (pixel));
  luma = 299 * r + 587 * g + 114 * b;
  index = level (2000 * r - luma) * 9 + level (2000 * g - luma) * 3 +
      level (2000 * b - luma);
  pixel = table[index] | (pixel & PET_PIXEL_ALPHA);
  memcpy (dst, &pixel, 4);
}

#if PET_VECTOR_BYTES
#define PIXELS (PET_VECTOR_BYTES / 4)

/* Words of two numbers each: weights of red and blue, or of green and alpha. */
#define PAIR(low, high) PET_V (set1_epi32) ((low) | (high) << 16)

static inline PetVector
boost_contrasts (PetVector pixels, int weights)
{
  PetVector v = PET_V (maddubs_epi16) (pixels, PET_V (set1_epi32) (weights));

  return PET_V (min_epi16) (PET_V (max_epi16) (v, PET_V (set1_epi16) (LEAST)),
      PET_V (set1_epi16) (MOST));
}

/* `index` plus `step` for each of the two limits that `saturated` exceeds. */
static inline PetVector
add_level (
    PetVector index, PetVector saturated, const PetVector limits[2], int step)
{
  const PetVector steps = PET_V (set1_epi32) (step);

  for (int i = 0; i < 2; i++)
#if PET_VECTOR_BYTES == 64
    index = _mm512_mask_add_epi32 (
        index, _mm512_cmpgt_epi32_mask (saturated, limits[i]), index, steps);
#else
    index = _mm256_add_epi32 (index,
        _mm256_and_si256 (_mm256_cmpgt_epi32 (saturated, limits[i]), steps));
#endif
  return index;
}

static inline PetVector
find_indices (PetVector pixels)
{
  PetVector red_blue = boost_contrasts (pixels, 5 | 5 << 16);
  PetVector green = boost_contrasts (pixels, 5 << 8);
  PetVector luma =
      PET_V (add_epi32) (PET_V (madd_epi16) (red_blue, PAIR (299, 114)),
          PET_V (madd_epi16) (green, PAIR (587, 0)));
  const PetVector limits[2] = {
    PET_V (add_epi32) (luma, PET_V (set1_epi32) (ABOVE_0)),
    PET_V (add_epi32) (luma, PET_V (set1_epi32) (ABOVE_1)),
  };
  PetVector index = PET_V (set1_epi32) (0);

  index = add_level (
      index, PET_V (madd_epi16) (red_blue, PAIR (2000, 0)), limits, 9);
  index =
      add_level (index, PET_V (madd_epi16) (green, PAIR (2000, 0)), limits, 3);
  return add_level (
      index, PET_V (madd_epi16) (red_blue, PAIR (0, 2000)), limits, 1);
}

static int
render_vectors (
    const uint8_t *src, uint8_t *dst, int width, const uint32_t *table)
{
  const PetVector alpha = PET_V (set1_epi32) ((int) PET_PIXEL_ALPHA);
  PetPalette palette = pet_palette_load (table);
  int x = 0;

  for (; x + PIXELS <= width; x += PIXELS) {
    PetVector pixels = pet_vector_load (src + 4 * (size_t) x);
    PetVector color = pet_palette_look_up (&palette, find_indices (pixels));

    pet_vector_store (
        dst + 4 * (size_t) x, pet_vector_blend (color, pixels, alpha));
  }
  return x;
}
#else
static int
render_vectors (
    const uint8_t *src, uint8_t *dst, int width, const uint32_t *table)
{
  return 0;
}
#endif

static void
render_row (const uint8_t *src, uint8_t *dst, int width, const uint32_t *table)
{
  for (int x = render_vectors (src, dst, width, table); x < width; x++)
    render_pixel (src + 4 * (size_t) x, dst + 4 * (size_t) x, table);
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *scratch)
{
  uint8_t colors[27][3];
  uint32_t table[32] = { 0 };

  pet_popart_colors (colors);
  for (int i = 0; i < 27; i++)
    table[i] = pet_pixel (colors[i][0], colors[i][1], colors[i][2], 0);
  for (int y = 0; y < src->height; y++) {
    const uint8_t *in = pet_image_row (src, y);
    uint8_t *out = pet_image_row (dst, y);
    int start, end;

    pet_nonzero_span (in, src->width, &start, &end);
    memset (out, 0, 4 * (size_t) start);
    render_row (
        in + 4 * (size_t) start, out + 4 * (size_t) start, end - start, table);
    memset (out + 4 * (size_t) end, 0, 4 * (size_t) (src->width - end));
  }
}

const PetEffect PET_VERSION (pet_effect_popart) = {
  .name = "popart",
  .blurb = "Eight loud colours, posterised",
  .render = render,
};
