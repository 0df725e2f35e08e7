/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Puts rows as they are stored into a picture that is upright. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-image.h"
#include "base/pet-status.h"

/* Rows that are collected before they become columns. */
#define PET_PLACE_STRIP_ROWS 32

/* Thread-safety: one thread at a time. */
typedef struct {
  const PetAllocator *allocator;
  PetImage image;
  int orientation;
  int width, height; /* as stored */
  uint8_t *strip;    /* orientations 5..8 only */
  size_t strip_bytes;
} PetPlacer;

/* Bytes pet_placer_init takes from the allocator. */
size_t pet_placer_bytes (int orientation, int width, int channels);

/* `width` and `height` are the stored picture's; `image` is upright, so turned
 * by a quarter for orientations 5..8. */
PetStatus pet_placer_init (PetPlacer *placer, const PetAllocator *allocator,
    const PetImage *image, int orientation, int width, int height,
    PetError *error);

/* Where the caller writes stored row `y`; rows come in order. */
uint8_t *pet_placer_begin_row (PetPlacer *placer, int y);

/* The row is written. */
void pet_placer_end_row (PetPlacer *placer, int y);

void pet_placer_clear (PetPlacer *placer);
