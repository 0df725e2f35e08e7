/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small separable blurs of rows of floats. Thread-safety: safe. */

#pragma once

#include "image/pet-plane.h"
#include "image/pet-version.h"

#define pet_blur_row PET_VERSION (pet_blur_row)
#define pet_blur_column PET_VERSION (pet_blur_column)

/* `radius` is 1, 2, 4 or 10.
 *
 * dst[x] = sum of taps[|k|] * src[x + k] for k = -radius..radius. `src` has
 * `radius` valid elements on both sides; `dst` is apart from it. */
void pet_blur_row (float *restrict dst, const float *restrict src, int width,
    const float *taps, int radius);

/* The same down the columns, around row `y` of a plane of `height` rows,
 * mirrored. The ring (of floats) holds the rows y - radius..y + radius as far
 * as they exist. */
void pet_blur_column (float *restrict dst, const PetRing *ring, int y,
    int height, const float *taps, int radius);
