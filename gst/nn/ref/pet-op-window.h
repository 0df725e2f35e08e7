/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Windows that move over the last one to three dimensions of a tensor, for
 * convolutions and pooling; fewer dimensions are taken as three with leading
 * ones. */

#pragma once

#include "nn/pet-graph.h"

typedef struct {
  int rank; /* spatial dimensions of the tensor */
  int64_t in[3], out[3];
  int64_t kernel[3], stride[3], dilation[3];
  int64_t pad[3];     /* in front of the first element */
  int64_t pad_end[3]; /* after the last */
} PetWindow;

/* `kernel` holds x->rank - 2 sizes. Checks the attributes and computes `out`:
 * every tap of a window lies within 0..in-1 or the padding. */
PetStatus pet_window_init (const PetNode *node, const PetShape *x,
    const int64_t *kernel, PetWindow *window, PetError *error);
/* The same for ConvTranspose, where `in` is the smaller side. */
PetStatus pet_window_init_transposed (const PetNode *node, const PetShape *x,
    const int64_t *kernel, PetWindow *window, PetError *error);

/* N, C and the spatial sizes of the output. */
void pet_window_shape (
    const PetWindow *window, int64_t batch, int64_t channels, PetShape *shape);

/* Positions first..end-1 of the output for which tap number `tap` along the
 * axis is inside the input. */
void pet_window_span (const PetWindow *window, int axis, int64_t tap,
    int64_t *first, int64_t *end);
