/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-draw-model.h"
#include "pet-draw-room.h"

#include <stdlib.h>

#define CELLS_HIGH 400 /* of a portrait picture */
#define MIN_STEP 0.5f  /* pixels; keeps small pictures cheap */
#define MAX_STEPS 48
#define FLOOR_REACH 2.4f

static const Vec sun_direction = { -0.56f, 0.66f, 0.50f };
static const Vec window_direction = { 0.80f, 0.42f, -0.42f };

/* How much of a light reaches `from`, 0 .. 1, with soft edges. */
static float
light_reaching (const Pose *pose, Vec from, Vec direction, float softness)
{
  float light = 1, t = 0.05f;

  for (int i = 0; i < 9 && t < 1.6f; i++) {
    float d = shape_distance (pose, vec_along (from, direction, t));

    light = min_f (light, 0.5f + 0.5f * d / (softness * t));
    if (light <= 0)
      return 0;
    t += clamp_f (d, 0.05f, 0.4f);
  }
  return light * light * (3 - 2 * light);
}

/* How open the surroundings of a point are, 0 .. 1. */
static float
openness (const Pose *pose, Vec p, Vec normal, float reach)
{
  float closed = 0, weight = 1;

  for (int i = 1; i <= 3; i++) {
    float away = reach * (float) i;

    closed +=
        weight * (away - shape_distance (pose, vec_along (p, normal, away)));
    weight *= 0.6f;
  }
  return clamp_f (1 - 0.75f * closed / reach, 0, 1);
}

static void
light_cell (const Pose *pose, Vec p, Vec normal, Vec toward, const Coat *coat,
    Cell *cell)
{
  Vec sun = vec_unit (sun_direction), window = vec_unit (window_direction);
  Vec half = vec_unit (vec_add (sun, toward));
  float open = (0.25f + 0.75f * openness (pose, p, normal, 0.07f)) *
      mix_f (0.55f, 1, ramp (0, 0.35f, p.y));
  float shadow = 0.12f +
      0.88f * light_reaching (pose, vec_along (p, normal, 0.03f), sun, 0.5f);
  float facing = clamp_f (0.12f + 0.88f * vec_dot (normal, sun), 0, 1);
  float edge = 1 - clamp_f (vec_dot (normal, toward), 0, 1);
  float across = vec_dot (coat->flow, half);
  float sheen = 1 - across * across;
  Vec light = vec_scale (vec (1.42f, 1.26f, 1.02f), facing * shadow);

  light = vec_along (
      light, vec (0.33f, 0.38f, 0.45f), open * (0.6f + 0.4f * normal.y));
  light = vec_along (
      light, vec (0.26f, 0.19f, 0.13f), open * (0.5f - 0.5f * normal.y));
  light = vec_along (light, vec (0.12f, 0.12f, 0.11f), open);
  cell->color = vec_mul (coat->color, light);
  cell->gloss = sheen * sheen * sheen * facing * shadow;
  cell->rim = edge * edge * edge * open *
      clamp_f (0.25f + vec_dot (normal, window), 0, 1);
}

/* Follows a ray to the cat. The closest miss, in cells, gives the cover. */
static bool
march (const Pose *pose, Vec eye, Vec ray, float cell_size, Cell *cell)
{
  float t = CAT_NEAREST, miss = 1e9f, miss_at = t;

  for (int i = 0; i < MAX_STEPS && t < CAT_FARTHEST; i++) {
    float d = shape_distance (pose, vec_along (eye, ray, t));
    float gap = d / (cell_size * t);

    if (gap < miss) {
      miss = gap;
      miss_at = t;
    }
    if (gap < 0.1f)
      break;
    t += d * 0.9f;
  }
  cell->cover = ramp (0.9f, 0.1f, miss);
  cell->depth = miss_at;
  return cell->cover > 0;
}

/* Far from the cat its shadow fades, and is not looked for. */
static float
floor_light (const Pose *pose, Vec eye, Vec ray)
{
  float t = ray.y < 0 ? -eye.y / ray.y : 0, light, far;
  Vec p = vec_along (eye, ray, t), up = vec (0, 1, 0);

  far = vec_length (vec (p.x, 0, p.z));
  if (t <= 0 || far > FLOOR_REACH)
    return 1;
  light = mix_f (0.42f, 1,
              light_reaching (pose, vec_along (p, up, 0.01f),
                  vec_unit (sun_direction), 0.5f)) *
      mix_f (0.30f, 1, openness (pose, p, up, 0.05f)) *
      mix_f (0.62f, 1, openness (pose, p, up, 0.16f));
  return mix_f (light, 1, ramp (1.0f, FLOOR_REACH, far));
}

static void
render_cell (const View *view, const Pose *pose, float x, float y,
    float cell_size, Cell *cell)
{
  Vec ray = view_ray (view, x, y), p, normal, tip;
  Place place;
  Coat coat;
  float tip_x, tip_y, root_x, root_y;

  cell->floor_light = floor_light (pose, view->eye, ray);
  cell->wall = room_wall (view, ray);
  if (!march (pose, view->eye, ray, cell_size, cell))
    return;
  p = vec_along (view->eye, ray, cell->depth);
  normal = shape_normal (pose, p);
  place = shape_place (pose, p, normal);
  coat = coat_at (pose, &place, p, normal);
  light_cell (pose, p, normal, vec_scale (ray, -1), &coat, cell);
  tip = vec_along (p, coat.flow, coat.length);
  view_project (view, p, &root_x, &root_y);
  view_project (view, tip, &tip_x, &tip_y);
  cell->flow_x = tip_x - root_x;
  cell->flow_y = tip_y - root_y;
  cell->inside = place.inside;
}

bool
grid_render (const View *view, const Pose *pose, Grid *grid)
{
  grid->step = max_f (view->unit * 2.95f / CELLS_HIGH, MIN_STEP);
  grid->columns = (int) ((float) view->width / grid->step) + 2;
  grid->rows = (int) ((float) view->height / grid->step) + 2;
  grid->cells = calloc (
      (size_t) grid->columns * (size_t) grid->rows, sizeof *grid->cells);
  if (grid->cells == NULL)
    return false;
  for (int row = 0; row < grid->rows; row++)
    for (int column = 0; column < grid->columns; column++)
      render_cell (view, pose, ((float) column + 0.5f) * grid->step,
          ((float) row + 0.5f) * grid->step, grid->step / view->focal,
          &grid->cells[row * grid->columns + column]);
  return true;
}

void
grid_clear (Grid *grid)
{
  free (grid->cells);
  *grid = (Grid){ 0 };
}

static int
nearest_index (float v, int count)
{
  return (int) clamp_f (v, 0, (float) (count - 1));
}

Sample
grid_sample (const Grid *grid, float x, float y)
{
  float u = max_f (x / grid->step - 0.5f, 0);
  float v = max_f (y / grid->step - 0.5f, 0);
  int column = nearest_index (u, grid->columns - 1);
  int row = nearest_index (v, grid->rows - 1);
  Sample sample = { 0 };

  u = min_f (u - (float) column, 1);
  v = min_f (v - (float) row, 1);
  for (int i = 0; i < 4; i++) {
    const Cell *cell =
        &grid->cells[(row + i / 2) * grid->columns + column + i % 2];
    float weight = (i % 2 ? u : 1 - u) * (i / 2 ? v : 1 - v);

    sample.coat = vec_along (sample.coat, cell->color, weight * cell->cover);
    sample.wall = vec_along (sample.wall, cell->wall, weight);
    sample.cover += weight * cell->cover;
    sample.floor_light += weight * cell->floor_light;
  }
  return sample;
}
