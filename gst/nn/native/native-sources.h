/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values that are never made. A Concat that a single tiled convolution reads,
 * and a Resize that such a Concat reads, are deferred: the convolution takes
 * the parts where they are and enlarges rows of them in scratch memory. So are
 * large expansions, of which a depthwise convolution makes rows. */

#pragma once

#include "nn/native/native-private.h"

/* Linear interpolation per output row and column: the place, the distance to
 * the second place, and that one's weight. */
typedef struct {
  int32_t *row, *next_row, *column, *next_column;
  float *row_weight, *column_weight;
} PetNativeTaps;

/* Tables among the program's constants. */
PetStatus pet_native_resize_taps (PetNativeProgram *program,
    const PetNode *node, PetNativeTaps *taps, PetError *error);

/* Channels that a convolution reads, in whole blocks. */
typedef struct {
  int value; /* that is read: of the Resize, its input */
  PetNativePicture picture;
  bool resized;
  PetNativeTaps taps;
} PetNativeSource;

/* Whether the value of the node shall be deferred; it is marked so then. */
bool pet_native_defer_concat (PetNativeProgram *program, const PetNode *node);
bool pet_native_defer_resize (PetNativeProgram *program, const PetNode *node);
/* An expansion (native-conv.h). */
bool pet_native_defer_expansion (
    PetNativeProgram *program, const PetNode *node);
/* Of a deferred value. */
const PetNode *pet_native_producer (const PetNativeProgram *program, int value);

/* What value `value` consists of; a single source where it is not deferred. */
int pet_native_count_sources (const PetNativeProgram *program, int value);
PetStatus pet_native_get_sources (PetNativeProgram *program, int value,
    PetNativeSource *sources, PetError *error);

/* Rows first..first+rows-1 and columns left..left+columns-1 of block `block`
 * of the source at its enlarged size of `height` x `width`; zeros outside.
 * `row_buffer` holds a row of the source, and 16 floats more. */
void pet_native_fill_resized (const PetNativeKernels *kernels,
    const PetNativeSource *source, const float *plane, int height, int width,
    int first, int rows, int left, int columns, float *row_buffer, float *to);
