/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the kinds of convolution share. */

#pragma once

#include "nn/native/native-private.h"

/* The node's bias, zeros where it has none, filled to whole blocks. */
PetStatus pet_native_pack_bias (PetNativeProgram *program, const PetNode *node,
    int channels, float **bias, PetError *error);

/* The step's `out`, blocked: over the residual where that is not read again. */
PetStatus pet_native_make_result (PetNativeProgram *program,
    const PetNode *node, PetNativeStep *step, PetError *error);

/* `blocks` output blocks are made in groups of about the same size: returns
 * that of group `index`. */
int pet_native_group_size (int blocks, int max_group, int index, int *n_groups);

/* Whether the node, a convolution, is done by tiles of 4x4 pixels. */
bool pet_native_is_tiled (const PetGraph *graph, const PetNode *node);
PetStatus pet_native_compile_tiled (
    PetNativeProgram *program, const PetNode *node, PetError *error);
