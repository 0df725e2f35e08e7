/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The shapes in which a network that says so is shown photos (`shape_sum` and
 * `shape_step` of PetModelInfo): about the photo's own, so that the pets in it are
 * not stretched. Both sides are multiples of the step, together they are the sum,
 * and neither is less than a third of it. */

#pragma once

#include "nn/pet-segmenter.h"

/* 0: the network has one shape. */
int pet_shapes_count (const PetModelInfo *info);
/* 0 <= index < count, from the narrowest to the widest. */
void pet_shapes_at (
    const PetModelInfo *info, int index, int *width, int *height);
/* That of the nearest ratio, on a logarithmic scale; the count must not be 0. */
void pet_shapes_nearest (const PetModelInfo *info, int photo_width,
    int photo_height, int *width, int *height);
bool pet_shapes_has (const PetModelInfo *info, int width, int height);
