/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/pet-matte.h"

#include <string.h>

void
pet_matte_scrub (const PetImage *image)
{
  for (int y = 0; y < image->height; y++) {
    uint8_t *pixel = pet_image_row (image, y);

    for (int x = 0; x < image->width; x++, pixel += 4) {
      /* Without a branch: outlines are hard to predict. */
      uint8_t keep = (uint8_t) - (pixel[3] != 0);

      pixel[0] &= keep;
      pixel[1] &= keep;
      pixel[2] &= keep;
    }
  }
}
