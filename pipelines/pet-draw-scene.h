/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture of a sitting cat in a room. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pet-draw-model.h"

/* One pixel: linear light, and how much of it is cat. */
typedef struct {
  float red, green, blue, pet;
} Pixel;

typedef struct {
  View view;
  Pose pose;
  Grid grid;
  Pixel *pixels; /* view.width x view.height */
} Scene;

/* Draws. False without memory; scene_clear() is due only if true. */
bool scene_draw (int width, int height, Scene *scene);
void scene_clear (Scene *scene);

/* Row `y` as 8-bit RGB, or as 8-bit mask (0 room, 255 cat). */
void scene_read_rgb (const Scene *scene, int y, uint8_t *rgb);
void scene_read_mask (const Scene *scene, int y, uint8_t *mask);

/* Layers over the room and the cat's ground coat. */
/* fur_draw() is false without memory. */
bool fur_draw (Scene *scene);
void face_draw (Scene *scene);
void whiskers_draw (Scene *scene);

/* Covers a pixel with `color`, as cat. */
static inline void
pixel_cover (Pixel *pixel, Vec color, float opacity)
{
  pixel->red += (color.x - pixel->red) * opacity;
  pixel->green += (color.y - pixel->green) * opacity;
  pixel->blue += (color.z - pixel->blue) * opacity;
  pixel->pet += (1 - pixel->pet) * opacity;
}

/* A hair: a curve from `x`, `y` by `dx`, `dy`, bent sideways by `bend` of its
 * length, thinning from `width` pixels to a point. */
typedef struct {
  float x, y, dx, dy, bend, width, opacity;
  Vec root, tip; /* colours */
} Hair;

void hair_draw (Scene *scene, const Hair *hair);
