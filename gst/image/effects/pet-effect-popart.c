/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Eight loud colours, posterised. Contrast, saturation and the choice of one
 * of three levels are exact integers: in units of 1/2 the contrast is
 * c = clamp (5 r - 384, 0, 510), and in units of 1/2000 the saturated channel
 * is 2000 c - (299 R + 587 G + 114 B). What is left are 27 colours, looked up
 * in a table. All pixels are treated alike, transparent or not. No scratch
 * memory. */

#include <stdint.h>

#include "image/effects/pet-effect-tables.h"
#include "image/effects/pet-effects.h"

typedef struct {
  uint8_t r, g, b;
} Color;

static const Color black = { 0, 0, 0 };
static const Color hot_pink = { 255, 20, 147 };
static const Color spring_green = { 0, 255, 127 };
static const Color blue_violet = { 138, 43, 226 };
static const Color deep_sky_blue = { 0, 191, 255 };
static const Color red_orange = { 255, 69, 0 };
static const Color lime_green = { 50, 205, 50 };

static Color
color_of_luma (double luma)
{
  if (luma < 40.0)
    return black;
  if (luma <= 70.0)
    return blue_violet;
  if (luma <= 100.0)
    return deep_sky_blue;
  if (luma <= 130.0)
    return hot_pink;
  if (luma <= 160.0)
    return lime_green;
  if (luma <= 190.0)
    return spring_green;
  if (luma <= 210.0)
    return lime_green;
  return luma <= 240.0 ? hot_pink : deep_sky_blue;
}

/* Levels 0, 1, 2 stand for 0, 127.5, 255: a channel that leads the other two
 * leads by at least 127.5, hence by more than the 60 and the 30 of the rule;
 * and the sum of the channels is even (0 or 510) only for sums of levels that
 * are a multiple of 4. */
static Color
color_of_levels (int r, int g, int b)
{
  int even = (r + g + b) % 4 == 0;

  if (r > g && r > b)
    return even ? red_orange : hot_pink;
  if (g > r && g > b)
    return even ? lime_green : spring_green;
  if (b > r && b > g)
    return even ? deep_sky_blue : blue_violet;
  return color_of_luma (127.5 * (0.2126 * r + 0.7152 * g + 0.0722 * b));
}

void
pet_popart_colors (uint8_t colors[27][3])
{
  for (int i = 0; i < 27; i++) {
    Color color = color_of_levels (i / 9, i / 3 % 3, i % 3);

    colors[i][0] = color.r;
    colors[i][1] = color.g;
    colors[i][2] = color.b;
  }
}

static int
boost_contrast (int value)
{
  int boosted = 5 * value - 384;

  return boosted < 0 ? 0 : boosted > 510 ? 510 : boosted;
}

/* Rounds x / 127.5 to the nearest of 0, 1, 2, ties to even, for x in units of
 * 1/2000: ties are at 0.5 -> 0 and 1.5 -> 2. */
static int
level (int saturated)
{
  return (saturated > 127500) + (saturated >= 382500);
}

static void
render_row (const uint8_t *src, uint8_t *dst, int width, const Color *table)
{
  for (int x = 0; x < width; x++, src += 4, dst += 4) {
    int r = boost_contrast (src[0]);
    int g = boost_contrast (src[1]);
    int b = boost_contrast (src[2]);
    int luma = 299 * r + 587 * g + 114 * b;
    int index = level (2000 * r - luma) * 9 + level (2000 * g - luma) * 3 +
        level (2000 * b - luma);
    Color color = table[index];

    dst[0] = color.r;
    dst[1] = color.g;
    dst[2] = color.b;
    dst[3] = src[3];
  }
}

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *scratch)
{
  Color table[27];

  for (int i = 0; i < 27; i++)
    table[i] = color_of_levels (i / 9, i / 3 % 3, i % 3);
  for (int y = 0; y < src->height; y++)
    render_row (
        pet_image_row (src, y), pet_image_row (dst, y), src->width, table);
}

const PetEffect pet_effect_popart = {
  .name = "popart",
  .blurb = "Eight loud colours, posterised",
  .render = render,
};
