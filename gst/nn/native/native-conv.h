/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the kinds of convolution share. */

#pragma once

#include "nn/native/native-private.h"

/* The node's bias, zeros where it has none, filled to whole blocks. */
PetStatus pet_native_pack_bias (PetNativeProgram *program, const PetNode *node,
    int channels, float **bias, PetError *error);

/* The step's `out`, blocked: over the residual where that is not read again, by
 * this step neither. `in` and `other` are set before. */
PetStatus pet_native_make_result (PetNativeProgram *program,
    const PetNode *node, PetNativeStep *step, PetError *error);

/* `blocks` output blocks are made in groups of about the same size: returns
 * that of group `index`. */
int pet_native_group_size (int blocks, int max_group, int index, int *n_groups);

/* An expansion: a 1x1 convolution that a depthwise one alone reads, and so much of
 * it that it would leave the second level cache in between. It is never made; the
 * depthwise one makes rows of it, some blocks of channels at a time, in scratch
 * memory. */
typedef struct PetNativeExpansion PetNativeExpansion;

/* Rows of a depthwise convolution's result that it makes at a time from an
 * expansion, which has picture `in`; 0: not worth it. */
int pet_native_expanded_rows (const PetNativePicture *in,
    const PetNativePicture *out, const PetNativeWindow *window);

/* That of the node, packed; it lives as long as the program. At most `pixels` at a
 * time; *scratch_bytes is what they need. */
PetStatus pet_native_expansion_new (PetNativeProgram *program,
    const PetNode *node, int pixels, PetNativeExpansion **expansion,
    size_t *scratch_bytes, PetError *error);
/* Before the groups: `in` are the first block's pixels. */
void pet_native_expansion_begin (const PetNativeExpansion *expansion,
    const float *in, int pixels, void *scratch);
/* Group `group` of output blocks, of all pixels; *blocks is its number of them, and
 * they are *plane floats apart. NULL: there is no such group. */
const float *pet_native_expansion_make (const PetNativeExpansion *expansion,
    const PetNativeKernels *kernels, int group, const float *in, int pixels,
    void *scratch, int *blocks, ptrdiff_t *plane);

/* Whether the node, a convolution, is done by tiles of 4x4 pixels. */
bool pet_native_is_tiled (const PetGraph *graph, const PetNode *node);
PetStatus pet_native_compile_tiled (
    PetNativeProgram *program, const PetNode *node, PetError *error);
