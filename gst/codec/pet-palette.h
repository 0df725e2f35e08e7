/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The colours of a picture, as far as they decide how small a PNG can be. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pet-image.h"

#define PET_PALETTE_MAX 256
#define PET_PALETTE_SLOTS 1024

/* Thread-safety: reading is safe from several threads. */
typedef struct {
  int n_colors;      /* 0 when there are more than PET_PALETTE_MAX */
  int n_translucent; /* of them, alpha below 255: they come first */
  bool grey;         /* R = G = B in all pixels */
  bool opaque;       /* alpha 255 in all pixels */
  uint8_t colors[PET_PALETTE_MAX][4]; /* R, G, B, A, in a fixed order */
  uint32_t slot_keys[PET_PALETTE_SLOTS];
  int16_t slots[PET_PALETTE_SLOTS]; /* index into colors, -1 = free */
} PetPalette;

/* Looks at every pixel of `image` once at most; what a file can no longer
 * profit from is not counted further. */
void pet_palette_init (PetPalette *palette, const PetImage *image);

/* Index of a colour that occurs in the image. `pixel` has `channels` bytes. */
int pet_palette_find (
    const PetPalette *palette, const uint8_t *pixel, int channels);
