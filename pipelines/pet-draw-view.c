/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-draw-view.h"

#define EYE_DISTANCE 7.0f

View
view_for_size (int width, int height)
{
  float tall = min_f ((float) height, (float) width * 4 / 3);
  View view = { width, height, .focal = tall * EYE_DISTANCE / 2.95f };

  view.x = (float) width / 2;
  view.y = (float) height / 2 - 0.105f * tall;
  view.unit = view.focal / EYE_DISTANCE;
  view.eye = vec (0, 1.5f, EYE_DISTANCE);
  return view;
}

Vec
view_ray (const View *view, float x, float y)
{
  return vec_unit (
      vec ((x - view->x) / view->focal, (view->y - y) / view->focal, -1));
}

void
view_project (const View *view, Vec world, float *x, float *y)
{
  Vec p = vec_sub (world, view->eye);

  *x = view->x - view->focal * p.x / p.z;
  *y = view->y + view->focal * p.y / p.z;
}
