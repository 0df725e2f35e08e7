/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tables that take milliseconds to make and that every picture wants are made
 * once and kept: the film curve at its usual contrast and the normal values. */

#include "image/effects/pet-effect-tables.h"

#include <string.h>
#include <threads.h>

#include "image/pet-math.h"

#define USUAL_CONTRAST 1.12
#define NORMAL_COUNT (1 << PET_GRAIN_BITS)
#define REST_BITS (PET_DITHER_TOP_BIT - PET_DITHER_PIECE_BITS)

static float usual_curve[PET_FILM_CURVE_SIZE];
static float normal_values[NORMAL_COUNT];

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

static void
make_film_curve (float *curve, double contrast)
{
  for (int i = 0; i < PET_FILM_CURVE_SIZE; i++)
    curve[i] = film_curve ((double) i / (PET_FILM_CURVE_SIZE - 1), contrast);
}

static void
make_usual_curve (void)
{
  make_film_curve (usual_curve, USUAL_CONTRAST);
}

bool
pet_film_curve_is_kept (double contrast)
{
  return contrast == USUAL_CONTRAST;
}

/* 0.18 R + 0.72 G + 0.10 B in units of 1/50: an exact table index. */
const float *
pet_film_curve (double contrast, float own[PET_FILM_CURVE_SIZE])
{
  static once_flag once = ONCE_FLAG_INIT;

  if (pet_film_curve_is_kept (contrast)) {
    call_once (&once, make_usual_curve);
    return usual_curve;
  }
  make_film_curve (own, contrast);
  return own;
}

/* With |d| <= h, d^5 is never further than h^5 / 16 from 5/4 h^2 d^3 - 5/16 h^4 d
 * (Chebyshev), and d^4 never further than 0.172 h^4 from 2 (sqrt (2) - 1) h^2 d^2,
 * which leaves 0 at 0. */
static void
make_series (double series[PET_DITHER_TERMS], double gamma)
{
  const double h2 = 1.0 / (4.0 * (1 << 2 * PET_DITHER_PIECE_BITS));
  double term[6] = { 1.0 };

  for (int i = 0; i < 5; i++)
    term[i + 1] = term[i] * (gamma - i) / (i + 1);
  series[0] = term[0];
  series[1] = term[1] - 5.0 / 16.0 * h2 * h2 * term[5];
  series[2] = term[2] + 0.82842712474619 * h2 * term[4];
  series[3] = term[3] + 5.0 / 4.0 * h2 * term[5];
}

void
pet_dither_curve (PetDitherCurve *curve, double gamma)
{
  for (int i = 0; i <= PET_DITHER_TOP_BIT; i++)
    curve->octave[i] = 255.0 *
        pet_pow (
            1.0 / ((double) (1 << (PET_DITHER_TOP_BIT - i)) * 255000.0), gamma);
  for (int i = 0; i < 1 << PET_DITHER_PIECE_BITS; i++) {
    double middle =
        (double) ((((1 << PET_DITHER_PIECE_BITS) + i) << REST_BITS) +
            (1 << (REST_BITS - 1)));

    curve->power[i] = pet_pow (middle, gamma);
    curve->inverse[i] = 1.0 / middle;
  }
  make_series (curve->series, gamma);
}

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

/* Reds, greens, blues. */
const int32_t pet_retro_palette[3][32] = {
  { 0, 25, 50, 75, 100, 130, 160, 190, 220, 255, 45, 62, 85, 101, 120, 139, 160,
      180, 200, 255, 255, 240, 205, 160, 139, 70, 100, 40, 60, 150, 34, 50 },
  { 0, 25, 50, 75, 100, 130, 160, 190, 220, 255, 30, 39, 55, 67, 80, 90, 110,
      130, 150, 180, 200, 220, 133, 82, 69, 50, 70, 60, 80, 200, 70, 100 },
  { 0, 25, 50, 75, 100, 130, 160, 190, 220, 255, 15, 20, 30, 33, 45, 50, 70, 90,
      110, 120, 160, 200, 63, 45, 19, 30, 40, 80, 120, 255, 34, 50 }
};

static void
make_normal (void)
{
  for (int i = 0; i < NORMAL_COUNT; i++)
    normal_values[i] = (float) pet_normal_quantile ((i + 0.5) / NORMAL_COUNT);
}

const float *
pet_grain_normal (void)
{
  static once_flag once = ONCE_FLAG_INIT;

  call_once (&once, make_normal);
  return normal_values;
}
