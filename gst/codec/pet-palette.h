/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The colours of a picture, as far as they decide how small a PNG can be. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pet-image.h"
#include "base/pet-outline.h"
#include "codec/pet-color-map.h"

#define PET_PALETTE_MAX 256
#define PET_PALETTE_SLOTS 1024

/* Thread-safety: reading is safe from several threads. */
typedef struct {
  int n_colors;      /* 0 when there are more than PET_PALETTE_MAX */
  int n_translucent; /* of them, alpha below 255: they come first */
  bool grey;         /* R = G = B in all pixels */
  bool opaque;       /* alpha 255 in all pixels */
  uint8_t colors[PET_PALETTE_MAX][4]; /* R, G, B, A, in a fixed order */
  bool greys[256];                    /* opaque ones that are not counted yet */
  PetColorMap map; /* the same if they are few, as they were found; whoever
                      has the palette sets the values */
  uint32_t slot_keys[PET_PALETTE_SLOTS];
  int16_t slots[PET_PALETTE_SLOTS]; /* index into colors, -1 = free */
} PetPalette;

/* Looks at every pixel of `image` inside its outline (NULL: unknown) once at
 * most; what a file can no longer profit from is not counted further. */
void pet_palette_init (
    PetPalette *palette, const PetImage *image, const PetOutline *outline);

/* Whether row `y` is the one above once more. Outside the outline nothing is read. */
bool pet_palette_row_repeats (
    const PetImage *image, const PetOutline *outline, int y);

/* A pixel of `channels` bytes as one number: R in the lowest byte, alpha in the
 * highest. */
static inline uint32_t
pet_palette_key (const uint8_t *pixel, int channels)
{
  if (channels == 1)
    return pixel[0] * 0x010101u | 0xff000000u;
  if (channels == 3)
    return pixel[0] | (uint32_t) pixel[1] << 8 | (uint32_t) pixel[2] << 16 |
        0xff000000u;
  return pixel[0] | (uint32_t) pixel[1] << 8 | (uint32_t) pixel[2] << 16 |
      (uint32_t) pixel[3] << 24;
}

static inline bool
pet_palette_is_small (const PetPalette *palette)
{
  return palette->map.n_keys == palette->n_colors;
}

/* Index of a colour that occurs in the image. */
int pet_palette_find (const PetPalette *palette, uint32_t key);
