/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shared by the files of the native back end: see docs/nn.md.
 *
 * Compiling walks the graph once and appends steps. A value has one or two
 * forms: blocked (native-kernels.h) and dense, each a place in a block of the
 * arena; the one its producer did not make is made by a step of its own when
 * a consumer wants it. Blocks get their offsets when all steps, and so all
 * lives, are known; then the places get their addresses. */

#pragma once

#include "nn/native/native-bf16.h"
#include "nn/native/native-kernels.h"
#include "nn/native/native-threads.h"
#include "nn/pet-backend.h"

/* Where something lies: in a block of the arena, or a constant. */
typedef struct {
  int block; /* -1: not in the arena */
  const void *constant;
  float *data; /* the address, when all is placed */
} PetNativePlace;

typedef struct {
  PetNativePlace blocked, dense;
  bool has_blocked, has_dense;
  bool deferred; /* never made: its reader makes parts of it in scratch */
  int n_uses;    /* places where it is read; being an output is one */
  int last_use;  /* number of the last node that reads it, or its parts */
} PetNativeValue;

typedef struct PetNativeStep PetNativeStep;

/* Does task `task` of the step. `scratch` holds the program's scratch_bytes. */
typedef void (*PetNativeRun) (
    const PetNativeStep *step, int task, void *scratch);

struct PetNativeStep {
  const PetNode *node;
  PetNativeRun run;
  int n_tasks;
  const PetNativeKernels *kernels;
  PetNativePlace in, other, out; /* `other`: residual or second operand */
  bool has_other;
  void *state; /* of the run function; freed with free() */
  /* More places; those of a node that the reference runs are its inputs,
   * outputs and residual, with the tensors that lie there. */
  int n_places;
  PetNativePlace *places;
  PetTensor *tensors; /* NULL: none */
};

typedef struct {
  void *data;
  size_t bytes;
} PetNativeConstant;

typedef struct {
  PetGraph *graph;
  PetBackendOptions options;
  const PetNativeKernels *kernels;
  const PetNativeBf16 *bf16; /* NULL: floats alone */
  int n_bf16;                /* steps that use it */
  PetNativeTeam *team;
  PetNativeValue *values; /* one per value of the graph */
  PetPlanNested *blocks;
  PetNativeStep *steps;
  PetNativeConstant *constants;
  int n_blocks, n_steps, n_constants;
  int max_blocks, max_steps, max_constants;
  PetTensor *inputs, *outputs; /* as the caller sees them */
  PetNativePlace *input_places, *output_places;
  bool *kept; /* values of the graph whose constant is read as it is */
  char *arena;
  size_t arena_bytes, constant_bytes;
  size_t scratch_bytes; /* per thread; behind the planned part of the arena */
  size_t planned_bytes;
  int node; /* the one that is compiled */
} PetNativeProgram;

/* A picture of batch 1 in the sizes that kernels use. */
typedef struct {
  int channels, blocks, height, width;
  ptrdiff_t plane; /* floats of a block of channels: height * width * 16 */
} PetNativePicture;

/* What a node's compiler says is PET_OK, or an error that ends compiling. */
typedef PetStatus (*PetNativeCompile) (
    PetNativeProgram *program, const PetNode *node, PetError *error);

PetStatus pet_native_compile_conv (
    PetNativeProgram *program, const PetNode *node, PetError *error);
PetStatus pet_native_compile_depthwise (
    PetNativeProgram *program, const PetNode *node, PetError *error);
PetStatus pet_native_compile_pool (
    PetNativeProgram *program, const PetNode *node, PetError *error);
PetStatus pet_native_compile_resize (
    PetNativeProgram *program, const PetNode *node, PetError *error);
PetStatus pet_native_compile_concat (
    PetNativeProgram *program, const PetNode *node, PetError *error);
PetStatus pet_native_compile_eltwise (
    PetNativeProgram *program, const PetNode *node, PetError *error);
PetStatus pet_native_compile_binary (
    PetNativeProgram *program, const PetNode *node, PetError *error);
PetStatus pet_native_compile_softmax (
    PetNativeProgram *program, const PetNode *node, PetError *error);
PetStatus pet_native_compile_ref (
    PetNativeProgram *program, const PetNode *node, PetError *error);

/* native-rules.c: what there is a kernel for, from the graph alone; NULL =
 * the reference. */
PetNativeCompile pet_native_compiler (
    const PetGraph *graph, const PetNode *node);

/* The window of a convolution or pooling over two dimensions, y and x;
 * `before` and `after` are padding. */
typedef struct {
  int kernel[2], stride[2], dilation[2], before[2], after[2];
} PetNativeWindow;

/* False where the sizes are beyond what kernels are made for. */
bool pet_native_window (const PetGraph *graph, const PetNode *node,
    const int64_t *kernel, PetNativeWindow *window);
bool pet_native_picture (const PetTensor *tensor, PetNativePicture *picture);

/* native-forms.c */
PetStatus pet_native_new_block (
    PetNativeProgram *program, size_t bytes, int *block, PetError *error);
PetStatus pet_native_get_blocked (PetNativeProgram *program, int value,
    PetNativePlace *place, PetError *error);
PetStatus pet_native_get_dense (PetNativeProgram *program, int value,
    PetNativePlace *place, PetError *error);
/* Memory for what a node makes. */
PetStatus pet_native_make_blocked (PetNativeProgram *program, int value,
    PetNativePlace *place, PetError *error);
PetStatus pet_native_make_dense (PetNativeProgram *program, int value,
    PetNativePlace *place, PetError *error);
/* The same, in the place of value `old` where the node is the last to read it
 * (pet_native_can_replace()). */
PetStatus pet_native_make_over (PetNativeProgram *program, int value, int old,
    PetNativePlace *place, PetError *error);
bool pet_native_can_replace (
    const PetNativeProgram *program, int value, int old);
/* Counts who reads what. */
void pet_native_find_uses (PetNativeProgram *program);
/* Whether the value is, or better would be, blocked. */
bool pet_native_prefers_blocked (const PetNativeProgram *program, int value);

/* native-steps.c: appends `step` (copied; owns `state`, `tensors`, `places`
 * even where it fails) and lets its places live until then. */
PetStatus pet_native_add_step (
    PetNativeProgram *program, const PetNativeStep *step, PetError *error);
void pet_native_clear_step (PetNativeStep *step);
/* A step of `node`, with a state of its own, of `bytes` (cleared). */
PetStatus pet_native_begin_step (PetNativeProgram *program, const PetNode *node,
    PetNativeRun run, size_t bytes, PetNativeStep *step, PetError *error);
/* Memory for packed weights and the like, cleared, until the end. */
PetStatus pet_native_new_constant (
    PetNativeProgram *program, size_t bytes, void *result, PetError *error);
/* A step needs so much scratch memory. */
void pet_native_want_scratch (PetNativeProgram *program, size_t bytes);

/* The residual of a node, if it has one, as the step's `other`; and what
 * comes after the sums. Activations other than clamps, and the residual behind
 * one, get a step of their own (`floats` numbers at `place`). */
bool pet_native_has_rest (const PetNode *node);
PetStatus pet_native_residual (PetNativeProgram *program, const PetNode *node,
    bool blocked, PetNativeStep *step, PetError *error);
void pet_native_finish (const PetNode *node, PetNativeFinish *finish);
PetStatus pet_native_add_rest (PetNativeProgram *program, const PetNode *node,
    const PetNativePlace *place, size_t floats, bool blocked, PetError *error);
