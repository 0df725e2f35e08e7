/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "pet-draw-scene.h"

#define DEPTH_LAYERS 2048

/* One dot of a hair: the pixels across it. `steep` hairs run down the rows, so
 * that across means along a row. */
static void
hair_dot (Scene *scene, bool steep, int major, float minor, float half,
    Vec color, float opacity)
{
  int width = scene->view.width;
  int count = steep ? width : scene->view.height;
  int first = (int) floorf (minor - half), last = (int) (minor + half);

  if (major < 0 || major >= (steep ? scene->view.height : width))
    return;
  for (int i = first < 0 ? 0 : first; i <= last && i < count; i++) {
    float inside = half + 0.5f - fabsf ((float) i + 0.5f - minor);
    size_t at = steep ? (size_t) major * (size_t) width + (size_t) i
                      : (size_t) i * (size_t) width + (size_t) major;

    if (inside > 0)
      pixel_cover (&scene->pixels[at], color,
          opacity * min_f (inside, min_f (2 * half, 1)));
  }
}

void
hair_draw (Scene *scene, const Hair *hair)
{
  bool steep = fabsf (hair->dy) > fabsf (hair->dx);
  float span = steep ? hair->dy : hair->dx;
  float drift = steep ? hair->dx : hair->dy;
  float start = steep ? hair->y : hair->x;
  float side = steep ? hair->x : hair->y;
  int steps = (int) fabsf (span) + 1;
  float sign = span < 0 ? -1 : 1;

  for (int i = 0; i < steps; i++) {
    float t = ((float) i + 0.5f) / (float) steps;
    float curve = 4 * hair->bend * t * (1 - t) * fabsf (span);
    float fade = min_f (1, 3 * (1 - t)) * min_f (1, 0.35f + 4 * t);

    hair_dot (scene, steep, (int) floorf (start + sign * (float) i),
        side + drift * t + curve, hair->width * 0.5f * (1 - 0.7f * t),
        vec_mix (hair->root, hair->tip, t), hair->opacity * fade);
  }
}

/* A hair that roots at a place in `cell`, shaded like it. */
static void
grow_hair (Scene *scene, const Cell *cell, float x, float y, Random *random)
{
  float thick = scene->view.unit * 0.0030f;
  float clump =
      noise2 (x / scene->grid.step * 0.30f, y / scene->grid.step * 0.30f, 11);
  float shade = 0.62f + 0.46f * random_unit (random) + 0.34f * clump;
  float length = 0.65f + 0.6f * random_unit (random);
  float turn = (random_unit (random) - 0.5f) * 0.45f + (clump - 0.5f) * 0.5f;
  float shine = 0.10f * cell->gloss * random_unit (random) + 0.50f * cell->rim;
  float pale = 0.35f * ramp (0.72f, 1.0f, random_unit (random));
  float gray = vec_dot (cell->color, vec (0.3f, 0.5f, 0.2f));
  Vec hue = vec_mix (
      cell->color, vec_scale (vec (1.15f, 1.0f, 0.82f), gray), 0.12f + pale);
  Vec root = vec_scale (hue, 0.76f * shade);
  Vec tip = vec_along (vec_scale (hue, (1.12f + 0.5f * pale) * shade),
      vec (1.0f, 0.93f, 0.82f), shine);
  Hair hair = { .x = x, .y = y, .root = root, .tip = tip };

  hair.dx = (cell->flow_x - cell->flow_y * turn) * length;
  hair.dy = (cell->flow_y + cell->flow_x * turn) * length;
  hair.bend = (random_unit (random) - 0.5f) * 0.2f;
  hair.width = max_f (thick * (0.6f + 0.7f * random_unit (random)), 0.5f);
  hair.opacity = 0.55f + 0.35f * random_unit (random);
  hair_draw (scene, &hair);
}

static int
depth_layer (const Cell *cell)
{
  float t = (CAT_FARTHEST - cell->depth) / (CAT_FARTHEST - CAT_NEAREST);

  return (int) (clamp_f (t, 0, 0.9999f) * DEPTH_LAYERS);
}

/* Indices of the cells with fur, the farthest first. NULL without memory. */
static uint32_t *
sort_cells (const Grid *grid, uint32_t *count)
{
  uint32_t starts[DEPTH_LAYERS + 1] = { 0 };
  uint32_t total = (uint32_t) (grid->columns * grid->rows);
  uint32_t *order = malloc (total * sizeof *order);

  if (order == NULL)
    return NULL;
  for (uint32_t i = 0; i < total; i++)
    if (grid->cells[i].cover > 0.5f)
      starts[depth_layer (&grid->cells[i]) + 1]++;
  for (int layer = 0; layer < DEPTH_LAYERS; layer++)
    starts[layer + 1] += starts[layer];
  *count = starts[DEPTH_LAYERS];
  for (uint32_t i = 0; i < total; i++)
    if (grid->cells[i].cover > 0.5f)
      order[starts[depth_layer (&grid->cells[i])]++] = i;
  return order;
}

static void
grow_cell (Scene *scene, uint32_t index)
{
  const Grid *grid = &scene->grid;
  const Cell *cell = &grid->cells[index];
  uint32_t columns = (uint32_t) grid->columns;
  Random random = hash_u32 (index) | 1;
  int hairs = cell->inside > 0.5f ? 1 : 4;

  for (int i = 0; i < hairs; i++) {
    float x = (float) (index % columns) + random_unit (&random);
    float y = (float) (index / columns) + random_unit (&random);

    grow_hair (scene, cell, x * grid->step, y * grid->step, &random);
  }
}

bool
fur_draw (Scene *scene)
{
  uint32_t count, *order = sort_cells (&scene->grid, &count);

  if (order == NULL)
    return false;
  for (uint32_t i = 0; i < count; i++)
    grow_cell (scene, order[i]);
  free (order);
  return true;
}
