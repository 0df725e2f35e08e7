/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-dither.h"

#include <string.h>

enum {
  RADIUS = PET_DITHER_BLUR_RADIUS,
  TAPS = 2 * RADIUS + 1,
  SEEN = 2 * PET_DITHER_SEEN + 1
};

/* Greys around a pixel, of the part that is in the picture. */
typedef struct {
  double grey[SEEN][SEEN];
  int first_x, first_y;
  int width, height; /* of the picture */
  double strength;
} Around;

static const uint8_t *
colors_of_row (const PetDitherColors *colors, int y)
{
  return y < colors->kept_end ? pet_ring_row (&colors->kept, y)
                              : pet_image_row (colors->src, y);
}

static int
first_seen (int at)
{
  return at > PET_DITHER_SEEN ? at - PET_DITHER_SEEN : 0;
}

static int
n_seen (int at, int length)
{
  int end = length - at > PET_DITHER_SEEN ? at + PET_DITHER_SEEN + 1 : length;

  return end - first_seen (at);
}

static void
look_around (Around *around, const PetDitherColors *colors, int x, int y)
{
  const PetImage *src = colors->src;
  int columns = n_seen (x, src->width), rows = n_seen (y, src->height);
  uint8_t pixels[4 * SEEN * SEEN] = { 0 };
  double greys[SEEN * SEEN];
  PetSoft soft[SEEN * SEEN];
  PetAhead ahead = { pixels, pixels };

  around->first_x = first_seen (x);
  around->first_y = first_seen (y);
  around->width = src->width;
  around->height = src->height;
  around->strength = colors->strength;
  for (int i = 0; i < rows; i++)
    memcpy (pixels + 4 * (size_t) (i * columns),
        colors_of_row (colors, around->first_y + i) +
            4 * (size_t) around->first_x,
        4 * (size_t) columns);
  pet_dither_tone (colors->tone, pixels, ahead, greys, soft, rows * columns);
  for (int i = 0; i < rows; i++)
    memcpy (around->grey[i], greys + i * columns,
        (size_t) columns * sizeof (double));
}

/* As pet_dither_values() does, with mirrored ends. */
static double
edge_at (const Around *around, int x, int y)
{
  double rows[3][3];

  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 3; k++)
      rows[i][k] =
          around->grey[pet_mirror (y - 1 + i, around->height) - around->first_y]
                      [pet_mirror (x - 1 + k, around->width) - around->first_x];
  return pet_dither_edge (
      rows[0] + 1, rows[1] + 1, rows[2] + 1, around->strength);
}

/* The blur's sum, in plain C's order. */
static double
sum_up (const double *at)
{
  return 9.0 / 32.0 * at[0] + 7.0 / 32.0 * (at[-1] + at[1]) +
      3.5 / 32.0 * (at[-2] + at[2]) + 1.0 / 32.0 * (at[-3] + at[3]);
}

double
pet_dither_exact_threshold (const PetDitherColors *colors, int x, int y)
{
  double line[TAPS];
  Around around;

  look_around (&around, colors, x, y);
  for (int i = 0; i < TAPS; i++) {
    int column = pet_mirror (x - RADIUS + i, around.width);
    double sharp[TAPS];

    for (int k = 0; k < TAPS; k++)
      sharp[k] =
          edge_at (&around, column, pet_mirror (y - RADIUS + k, around.height));
    line[i] = sum_up (sharp + RADIUS);
  }
  return 0.7 * sum_up (line + RADIUS) + 0.3 * 128.0;
}
