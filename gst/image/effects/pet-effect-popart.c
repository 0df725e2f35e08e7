/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loud colours, posterised: black and six others. Contrast, saturation and the
 * choice of one of three levels are exact integers: in units of 1/2 the contrast is
 * c = clamp (5 r - 384, 0, 510), and in units of 1/2000 the saturated channel
 * is 2000 c - (299 R + 587 G + 114 B). What is left are 27 colours, looked up
 * in a table. All pixels are treated alike, transparent or not; those that are
 * 0 throughout stay so, which is what the ends of most rows are. No scratch
 * memory. */

#include <stdint.h>
#include <string.h>

#include "base/pet-prefetch.h"
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

#if PET_VECTOR_BYTES
#define PIXELS (PET_VECTOR_BYTES / 4)
#define BLOCK (2 * PIXELS)

/* Bytes by which memory is fetched ahead: it is what takes longest here. */
#define AHEAD 2048

#define PAIR(low, high) PET_V (set1_epi32) ((low) | (high) << 16)

/* A channel of r exceeds a limit if 10000 r > luma + limit, hence if r exceeds
 * q = floor ((luma + limit) / 10000). That is a byte, the same for three
 * channels: one comparison of bytes serves all of them. (Where r is boosted
 * beyond an end, both say the same.)
 *
 * These sums are made in the mantissas of floats of 2^23 and more, where a
 * number's bits are the number: they begin as 2^23 + 1392 = 839 * 10000. One
 * multiply-add divides by 10000, takes 839 away and adds 2^23, so that rounding
 * leaves q in the lowest byte. Quotients are 1/10000 apart, and the float beside
 * 1/10000 moves them by half of that at most, up or down as it is chosen: what
 * is whole, or a tie, is known to fall on that side. */
#define MANTISSA 0x4b000000
#define NONE (MANTISSA + 1392)
#define LOWEST_BYTE (8388608.0f - 839.0f)
#define PART_ABOVE 0x1.a36e30p-14f
#define PART_BELOW 0x1.a36e2ep-14f

#if PET_VECTOR_BYTES == 64
static inline PetVector
add_products (PetVector sum, PetVector pairs, PetVector weights)
{
  return _mm512_dpwssd_epi32 (sum, pairs, weights);
}

/* The lowest byte of each number in all its bytes. */
static inline PetVector
spread_lowest (__m512 v)
{
  return _mm512_shuffle_epi8 (_mm512_castps_si512 (v),
      _mm512_set4_epi32 (0x0c0c0c0c, 0x08080808, 0x04040404, 0));
}

/* The limits are 25.4999 apart: q of the second one is 25 more than that of the
 * first, rounded to the nearest instead of down, ties down. */
#define FIRST_SUM (NONE + ABOVE_0)

static inline void
find_limits (PetVector sum, PetVector *first, PetVector *second)
{
  __m512 number = _mm512_castsi512_ps (sum);

  *first = spread_lowest (_mm512_fmadd_round_ps (number,
      _mm512_set1_ps (PART_ABOVE), _mm512_set1_ps (LOWEST_BYTE),
      _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
  *second = spread_lowest (_mm512_fmadd_ps (number, _mm512_set1_ps (PART_BELOW),
      _mm512_set1_ps (LOWEST_BYTE + 25.0f)));
}

static inline PetVector
index_of_levels (PetVector pixels, PetVector first, PetVector second)
{
  const PetVector weights = _mm512_set1_epi32 (9 | 3 << 8 | 1 << 16);
  PetVector parts =
      _mm512_maskz_mov_epi8 (_mm512_cmpgt_epu8_mask (pixels, first), weights);

  parts = _mm512_mask_add_epi8 (
      parts, _mm512_cmpgt_epu8_mask (pixels, second), parts, weights);
  return _mm512_dpbusd_epi32 (
      _mm512_setzero_si512 (), parts, _mm512_set1_epi8 (1));
}

/* The lower halves of the pixels of `a`, and of `b` in the upper halves. */
static inline PetVector
join_halves (PetVector a, PetVector b)
{
  return _mm512_mask_blend_epi16 (0xaaaaaaaa, a, _mm512_slli_epi32 (b, 16));
}
#else
static inline PetVector
add_products (PetVector sum, PetVector pairs, PetVector weights)
{
  return _mm256_add_epi32 (sum, _mm256_madd_epi16 (pairs, weights));
}

/* Rounded to the nearest, which is half of 10000 less, ties up; 128 more is for
 * comparisons with a sign. */
#define FIRST_SUM (NONE + ABOVE_0 - 5000)

static inline PetVector
find_limit (PetVector sum)
{
  __m256 q = _mm256_fmadd_ps (_mm256_castsi256_ps (sum),
      _mm256_set1_ps (PART_ABOVE), _mm256_set1_ps (LOWEST_BYTE + 128.0f));

  return _mm256_shuffle_epi8 (_mm256_castps_si256 (q),
      _mm256_setr_epi32 (0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404,
          0x08080808, 0x0c0c0c0c));
}

static inline void
find_limits (PetVector sum, PetVector *first, PetVector *second)
{
  *first = find_limit (sum);
  *second = find_limit (
      _mm256_add_epi32 (sum, _mm256_set1_epi32 (ABOVE_1 - ABOVE_0)));
}

static inline PetVector
index_of_levels (PetVector pixels, PetVector first, PetVector second)
{
  PetVector r = _mm256_xor_si256 (pixels, _mm256_set1_epi8 (-128));
  PetVector minus_levels = _mm256_add_epi8 (
      _mm256_cmpgt_epi8 (r, first), _mm256_cmpgt_epi8 (r, second));
  PetVector parts = _mm256_maddubs_epi16 (
      _mm256_set1_epi32 (9 | 3 << 8 | 1 << 16), minus_levels);

  return _mm256_madd_epi16 (parts, _mm256_set1_epi16 (-1));
}

static inline PetVector
join_halves (PetVector a, PetVector b)
{
  return _mm256_blend_epi16 (a, _mm256_slli_epi32 (b, 16), 0xaa);
}
#endif

static inline PetVector
boost_contrasts (PetVector pixels, int weights)
{
  PetVector v = PET_V (maddubs_epi16) (pixels, PET_V (set1_epi32) (weights));

  return PET_V (min_epi16) (PET_V (max_epi16) (v, PET_V (set1_epi16) (LEAST)),
      PET_V (set1_epi16) (MOST));
}

/* `greens` are boosted, and a pixel's is in the half that `green` weighs. */
static inline PetVector
find_indices (PetVector pixels, PetVector greens, PetVector green)
{
  PetVector red_blue = boost_contrasts (pixels, 5 | 5 << 16), first, second;
  PetVector sum =
      add_products (PET_V (set1_epi32) (FIRST_SUM), red_blue, PAIR (299, 114));

  find_limits (add_products (sum, greens, green), &first, &second);
  return index_of_levels (pixels, first, second);
}

static inline void
render_block (const uint8_t *src, uint8_t *dst, const PetPalette *palette)
{
  const PetVector alpha = PET_V (set1_epi32) ((int) PET_PIXEL_ALPHA);
  PetVector a = pet_vector_load (src);
  PetVector b = pet_vector_load (src + PET_VECTOR_BYTES);
  PetVector greens = boost_contrasts (join_halves (a, b), 5 << 8 | 5 << 24);
  PetVector of_a =
      pet_palette_look_up (palette, find_indices (a, greens, PAIR (587, 0)));
  PetVector of_b =
      pet_palette_look_up (palette, find_indices (b, greens, PAIR (0, 587)));

  pet_vector_store (dst, pet_vector_blend (of_a, a, alpha));
  pet_vector_store (dst + PET_VECTOR_BYTES, pet_vector_blend (of_b, b, alpha));
}

static void
render_row (const uint8_t *src, uint8_t *dst, int width, const uint32_t *table)
{
  const PetPalette palette = pet_palette_load (table);
  const PetAhead ahead = { src + AHEAD, dst + AHEAD };
  uint8_t rest[4 * BLOCK] = { 0 };
  int x = 0;

  for (; x + BLOCK <= width; x += BLOCK) {
    pet_prefetch_ahead (ahead, 4 * (size_t) x, 4 * BLOCK);
    render_block (src + 4 * (size_t) x, dst + 4 * (size_t) x, &palette);
  }
  if (x == width)
    return;
  memcpy (rest, src + 4 * (size_t) x, 4 * (size_t) (width - x));
  render_block (rest, rest, &palette);
  memcpy (dst + 4 * (size_t) x, rest, 4 * (size_t) (width - x));
}
#else
#define BLOCK 1

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

static void
render_row (const uint8_t *src, uint8_t *dst, int width, const uint32_t *table)
{
  for (int x = 0; x < width; x++)
    render_pixel (src + 4 * (size_t) x, dst + 4 * (size_t) x, table);
}
#endif

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
    start -= start % BLOCK;
    end = src->width - end < BLOCK
        ? src->width
        : end + BLOCK - 1 - (end + BLOCK - 1) % BLOCK;
    memset (out, 0, 4 * (size_t) start);
    render_row (
        in + 4 * (size_t) start, out + 4 * (size_t) start, end - start, table);
    memset (out + 4 * (size_t) end, 0, 4 * (size_t) (src->width - end));
  }
}

const PetEffect PET_VERSION (pet_effect_popart) = {
  .name = "popart",
  .blurb = "Loud colours, posterised",
  .keeps_outline = true,
  .render = render,
};
