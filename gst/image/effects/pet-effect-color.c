/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The cut-out itself: every byte as it came. No scratch memory. */

#include <string.h>

#include "image/effects/pet-effects.h"

static void
render (const PetImage *src, const PetImage *dst, const double *values,
    void *scratch)
{
  if (src->data == dst->data)
    return;
  for (int y = 0; y < src->height; y++)
    memcpy (pet_image_row (dst, y), pet_image_row (src, y),
        (size_t) src->width * 4);
}

const PetEffect PET_VERSION (pet_effect_color) = {
  .name = "color",
  .blurb = "The cut-out itself, colours untouched",
  .is_identity = true,
  .render = render,
};
