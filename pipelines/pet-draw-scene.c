/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-draw-scene.h"

#include <stdlib.h>

#include "pet-draw-room.h"

#define GRAIN 0.018f

/* The room, and the cat's coat as a soft ground below the hairs. */
static void
draw_ground (Scene *scene)
{
  const View *view = &scene->view;
  Pixel *pixel = scene->pixels;

  for (int y = 0; y < view->height; y++)
    for (int x = 0; x < view->width; x++, pixel++) {
      float px = (float) x + 0.5f, py = (float) y + 0.5f;
      Sample sample = grid_sample (&scene->grid, px, py);
      Vec room = sample.wall;

      if (py > view->y && sample.cover < 1)
        room = room_floor (
            view, view_ray (view, px, py), room, sample.floor_light);
      *pixel = (Pixel){ room.x, room.y, room.z, 0 };
      if (sample.cover > 0)
        pixel_cover (
            pixel, vec_scale (sample.coat, 0.8f / sample.cover), sample.cover);
    }
}

bool
scene_draw (int width, int height, Scene *scene)
{
  *scene =
      (Scene){ .view = view_for_size (width, height), .pose = shape_pose () };
  scene->pixels =
      malloc ((size_t) width * (size_t) height * sizeof *scene->pixels);
  if (scene->pixels == NULL)
    return false;
  if (!grid_render (&scene->view, &scene->pose, &scene->grid)) {
    free (scene->pixels);
    return false;
  }
  draw_ground (scene);
  if (!fur_draw (scene)) {
    scene_clear (scene);
    return false;
  }
  face_draw (scene);
  whiskers_draw (scene);
  return true;
}

void
scene_clear (Scene *scene)
{
  free (scene->pixels);
  grid_clear (&scene->grid);
  *scene = (Scene){ 0 };
}

static uint8_t
to_byte (float v)
{
  return (uint8_t) (255 * clamp_f (v, 0, 1) + 0.5f);
}

/* Bright light fades out instead of clipping. */
static float
film (float light)
{
  float v = light * 1.20f;

  return sqrtf (v < 0.6f ? v : 0.6f + (v - 0.6f) / (1 + (v - 0.6f) * 1.4f));
}

void
scene_read_rgb (const Scene *scene, int y, uint8_t *rgb)
{
  const View *view = &scene->view;
  const Pixel *row = scene->pixels + (size_t) y * (size_t) view->width;
  float v = ((float) y + 0.5f) / (float) view->height - 0.5f;

  for (int x = 0; x < view->width; x++) {
    float u = ((float) x + 0.5f) / (float) view->width - 0.5f;
    float light = 1 - 0.60f * ramp (0.12f, 0.6f, u * u + v * v);
    float grain = hash_unit (x, y, 31) + hash_unit (x, y, 32) - 1;

    *rgb++ = to_byte (film (row[x].red * light) + GRAIN * grain);
    *rgb++ = to_byte (film (row[x].green * light) + GRAIN * grain);
    *rgb++ = to_byte (film (row[x].blue * light) + GRAIN * grain);
  }
}

void
scene_read_mask (const Scene *scene, int y, uint8_t *mask)
{
  const Pixel *row = scene->pixels + (size_t) y * (size_t) scene->view.width;

  for (int x = 0; x < scene->view.width; x++)
    *mask++ = to_byte (row[x].pet);
}
