/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The camera: upright, looking along -z. */
#pragma once

#include "pet-draw-math.h"

/* Where the world lies in a picture of width x height pixels. */
typedef struct {
  int width, height;
  float focal; /* pixels per unit at distance 1 */
  float x, y;  /* pixel straight ahead of the eye */
  float unit;  /* pixels per unit where the cat sits */
  Vec eye;
} View;

View view_for_size (int width, int height);

/* Unit direction from the eye through a pixel. */
Vec view_ray (const View *view, float x, float y);

/* The pixel where a place in the world is seen. */
void view_project (const View *view, Vec world, float *x, float *y);
