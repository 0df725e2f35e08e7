/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-shapes.h"

#include <math.h>

/* Steps of the shortest side. */
static int
least_steps (const PetModelInfo *info)
{
  return (info->shape_sum / info->shape_step + 2) / 3;
}

int
pet_shapes_count (const PetModelInfo *info)
{
  return info->shape_sum > 0
      ? info->shape_sum / info->shape_step - 2 * least_steps (info) + 1
      : 0;
}

void
pet_shapes_at (const PetModelInfo *info, int index, int *width, int *height)
{
  *width = (least_steps (info) + index) * info->shape_step;
  *height = info->shape_sum - *width;
}

void
pet_shapes_nearest (const PetModelInfo *info, int photo_width, int photo_height,
    int *width, int *height)
{
  double wanted = log ((double) photo_width / photo_height), least = INFINITY;

  for (int i = 0; i < pet_shapes_count (info); i++) {
    int across, down;
    double away;

    pet_shapes_at (info, i, &across, &down);
    away = fabs (log ((double) across / down) - wanted);
    if (away < least) {
      least = away;
      *width = across;
      *height = down;
    }
  }
}

bool
pet_shapes_has (const PetModelInfo *info, int width, int height)
{
  for (int i = 0; i < pet_shapes_count (info); i++) {
    int across, down;

    pet_shapes_at (info, i, &across, &down);
    if (across == width && down == height)
      return true;
  }
  return false;
}
