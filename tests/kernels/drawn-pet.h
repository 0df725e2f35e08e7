/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A striped cat of ellipses, the same at every size: what fine looks are tried
 * on. What is hidden behind alpha 0 is given by a seed. */

#pragma once

#include "picture.h"

static inline double
drawn_ellipse_ (double u, double v, double x, double y, double a, double b)
{
  return 1.0 - hypot ((u - x) / a, (v - y) / b);
}

/* Grey 0..1, -1 outside, of the face and body at u, v in 0..1. */
static inline double
drawn_grey_ (double u, double v)
{
  double head = drawn_ellipse_ (u, v, 0.5, 0.33, 0.24, 0.2);
  double body = drawn_ellipse_ (u, v, 0.5, 0.7, 0.3, 0.27);
  double ears = fmax (drawn_ellipse_ (u, v, 0.33, 0.17, 0.08, 0.13),
      drawn_ellipse_ (u, v, 0.67, 0.17, 0.08, 0.13));
  double eyes = fmax (drawn_ellipse_ (u, v, 0.41, 0.31, 0.045, 0.04),
      drawn_ellipse_ (u, v, 0.59, 0.31, 0.045, 0.04));
  double nose = drawn_ellipse_ (u, v, 0.5, 0.4, 0.035, 0.022);

  if (eyes > 0.0)
    return eyes > 0.45 ? 0.06 : 0.75;
  if (nose > 0.0)
    return 0.15;
  if (head > 0.0 || body > 0.0 || ears > 0.0)
    return 0.35 + 0.3 * v + 0.13 * sin (60.0 * u + 9.0 * sin (11.0 * v)) +
        0.05 * sin (230.0 * v + 40.0 * u);
  return -1.0;
}

static inline void
drawn_pet (const PetImage *image, double side, uint32_t hidden)
{
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++) {
      uint8_t *pixel = pet_image_row (image, y) + 4 * x;
      double sum = 0.0, cover = 0.0;

      for (int k = 0; k < 4; k++) {
        double grey = drawn_grey_ ((x + 0.25 + 0.5 * (k % 2)) / side,
            (y + 0.25 + 0.5 * (k / 2)) / side);

        sum += grey >= 0.0 ? grey : 0.0;
        cover += grey >= 0.0 ? 1.0 : 0.0;
      }
      for (int c = 0; c < 3; c++)
        pixel[c] = cover > 0.0
            ? picture_clamp (255.0 * sum / cover * (1.1 - 0.17 * c))
            : (uint8_t) ((hidden = hidden * 1664525u + 1013904223u) >> 24);
      pixel[3] = picture_clamp (255.0 * cover / 4.0);
    }
}
