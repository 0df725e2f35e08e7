/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rows of a picture with their padding, copied to scratch memory, so that
 * kernels meet no edges. */

#pragma once

#include "nn/native/native-private.h"

typedef struct {
  bool blocked;    /* else dense: one channel after the other */
  int rows, width; /* of the strip, padding included */
  int before;      /* pixels of padding on the left */
  ptrdiff_t row;   /* floats of a row */
  ptrdiff_t part;  /* floats of a block of channels, or of a channel */
  size_t bytes;    /* of all of it, and what kernels read behind it */
} PetNativeStrip;

void pet_native_strip_init (const PetNativePicture *picture, bool blocked,
    int rows, int width, int before, PetNativeStrip *strip);

/* Rows first..first+rows-1, of which those outside the picture are zero. */
void pet_native_strip_fill (const PetNativeStrip *strip,
    const PetNativePicture *picture, const float *data, int first, int rows,
    float *to);
