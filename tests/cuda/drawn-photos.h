/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos for networks: pet-draw's cats, of which every network of ours makes a
 * mask that is large and nearly everywhere sure of itself. (Of waves they make
 * a few pixels near the threshold, and one of those decides the IoU.) */

#pragma once

#include "pet-draw-scene.h"
#include "picture.h"

#define DRAWN_PHOTOS 4

/* Corners are transparent; a cat that was cut off would make networks unsure. */
static inline uint8_t
photo_alpha_ (int x, int y, int width, int height)
{
  return picture_clamp (
      1500 * (0.6 - hypot ((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5)));
}

/* RGB and RGBA in turn, with more noise each time. */
static inline Picture
draw_photo (int number)
{
  static const int sizes[DRAWN_PHOTOS][2] = { { 640, 480 }, { 503, 431 },
    { 406, 462 }, { 351, 353 } };
  int width = sizes[number][0], height = sizes[number][1], noise = 2 * number;
  Picture photo = picture_new (width, height, 3 + number % 2, 0);
  uint8_t *row = malloc ((size_t) width * 3);
  Scene scene;

  coat_choose (number % 2 == 0 ? COAT_GINGER : COAT_WHITE);
  if (row == NULL || !scene_draw (width, height, &scene))
    abort ();
  for (int y = 0; y < height; y++) {
    uint8_t *to = pet_image_row (&photo.image, y);

    scene_read_rgb (&scene, y, row);
    for (int i = 0; i < 3 * width; i++) {
      *to++ = picture_clamp (row[i] + tap_random_range (-noise, noise));
      if (i % 3 == 2 && photo.image.channels == 4)
        *to++ = photo_alpha_ (i / 3, y, width, height);
    }
  }
  scene_clear (&scene);
  free (row);
  return photo;
}
