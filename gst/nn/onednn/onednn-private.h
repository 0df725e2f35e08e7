/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shared by the files of the oneDNN back end.
 *
 * Compiling walks the graph once and appends steps: primitives, reorders, and
 * nodes that the reference runs. Every value has one or more forms: a layout
 * (oneDNN memory descriptor) in a block of the arena. The first form is the
 * one its producer made; others are made by reorders where a consumer wants
 * another layout, and are shared by all consumers that want the same. Scratch
 * of a step is a block too. Blocks get their offsets when all steps, and so
 * all lives, are known. */

#pragma once

#include "nn/onednn/onednn-library.h"
#include "nn/pet-backend.h"

/* Arguments of a primitive: sources, weights, bias, residual, destination. */
#define PET_DNN_MAX_ARGS 8
#define PET_DNN_MAX_SPATIAL 3

/* Where the bytes of an argument or a form are. */
typedef struct {
  dnnl_memory_desc_t md;
  int block;  /* of the arena; -1: a constant */
  void *data; /* of a constant */
} PetDnnForm;

typedef struct {
  PetDnnForm *forms;
  int n_forms;
} PetDnnValue;

typedef struct {
  int id; /* DNNL_ARG_... */
  PetDnnForm form;
} PetDnnArg;

typedef struct {
  const char *name; /* of the node */
  /* A primitive: */
  dnnl_primitive_t primitive;
  PetDnnArg args[PET_DNN_MAX_ARGS];
  dnnl_exec_arg_t exec[PET_DNN_MAX_ARGS + 1];
  int n_args;
  /* A node run by the reference: */
  const PetNode *node;
  PetTensor *tensors; /* inputs, then outputs, then the residual */
  int *blocks;        /* of the tensors; -1: constant or absent */
  int scratch_block;
  void *scratch;
} PetDnnStep;

typedef struct {
  PetTensor tensor;
  int block; /* -1: a constant */
} PetDnnPort;

/* Weights in the layout of their primitive, and other constants. */
typedef struct {
  void *data;
  size_t bytes;
} PetDnnConstant;

typedef struct {
  PetGraph *graph;
  PetBackendOptions options;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  int n_values;
  PetDnnValue *values; /* one per value of the graph */
  PetPlanNested *blocks;
  PetDnnStep *steps;
  PetDnnConstant *constants;
  int n_blocks, n_steps, n_constants;
  int max_blocks, max_steps, max_constants;
  PetDnnPort *inputs, *outputs;
  bool *kept; /* values of the graph whose constant is read as it is */
  void *arena;
  size_t arena_bytes, constant_bytes;
} PetDnnProgram;

/* What a node's compiler says: PET_OK with *done false means that oneDNN has
 * nothing (fast) for it and the reference shall run the node; nothing was
 * added to the program then but, perhaps, reorders. */
typedef PetStatus (*PetDnnCompile) (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);

PetStatus pet_dnn_compile_conv (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_deconv (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_pool (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_resize (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_concat (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_eltwise (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_binary (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_softmax (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_gemm (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_matmul (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_view (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error);
PetStatus pet_dnn_compile_ref (
    PetDnnProgram *program, const PetNode *node, PetError *error);

/* onednn-rules.c: what can be done, from the graph alone. */
PetDnnCompile pet_dnn_compiler (const PetGraph *graph, const PetNode *node);

/* The window of a convolution or pooling, in oneDNN's words: dilation 0 =
 * dense, `after` is what makes the output's size come out. False where the
 * attributes do not fit oneDNN (negative padding). */
typedef struct {
  int n; /* spatial dimensions */
  dnnl_dims_t kernel, strides, dilations, before, after;
} PetDnnWindow;

bool pet_dnn_window (const PetGraph *graph, const PetNode *node,
    const int64_t *kernel, bool transposed, PetDnnWindow *window);

/* onednn-forms.c: layouts, blocks, reorders. */

/* f32, row-major; a scalar is {1}. */
void pet_dnn_dense (const PetShape *shape, dnnl_memory_desc_t *md);
void pet_dnn_any (const PetShape *shape, dnnl_memory_desc_t *md);
/* False where the tag is for another rank. */
bool pet_dnn_tagged (
    const PetShape *shape, dnnl_format_tag_t tag, dnnl_memory_desc_t *md);
/* Channels in blocks of `width` (4, 8 or 16; 1: dense), as nChw16c is; false
 * where the rank has no such layout. */
bool pet_dnn_blocked (const PetShape *shape, int width, dnnl_memory_desc_t *md);

/* The form in which the value was made (dense for inputs and constants). */
PetStatus pet_dnn_main_form (
    PetDnnProgram *program, int value, PetDnnForm *form, PetError *error);
/* The value in the layout `md`, by a new reorder if need be. */
PetStatus pet_dnn_form (PetDnnProgram *program, int value,
    const dnnl_memory_desc_t *md, PetDnnForm *form, PetError *error);
/* Row-major, of any type. */
PetStatus pet_dnn_dense_form (
    PetDnnProgram *program, int value, PetDnnForm *form, PetError *error);

/* A new block for the first form of a value, written by the next step. */
PetStatus pet_dnn_new_form (PetDnnProgram *program, int value,
    const dnnl_memory_desc_t *md, PetDnnForm *form, PetError *error);
PetStatus pet_dnn_add_form (
    PetDnnProgram *program, int value, const PetDnnForm *form, PetError *error);
PetStatus pet_dnn_new_block (
    PetDnnProgram *program, size_t bytes, int *block, PetError *error);
/* The block is in use at the step that is added next. */
void pet_dnn_touch (PetDnnProgram *program, int block);

/* A constant, dense in `from`, repacked into `to` once, at compile time. */
PetStatus pet_dnn_pack (PetDnnProgram *program, const void *data,
    const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
    PetDnnForm *form, PetError *error);

/* onednn-steps.c. */

/* pet_fail with the primitive's and the node's name; PET_OK on success. */
PetStatus pet_dnn_check (
    dnnl_status_t status, const char *what, const char *node, PetError *error);

/* Makes a primitive descriptor; *pd NULL when oneDNN has no implementation
 * whose name starts with `wanted` (NULL: any but its plain reference). `attr`
 * may be NULL. */
PetStatus pet_dnn_describe (PetDnnProgram *program, const_dnnl_op_desc_t desc,
    const_dnnl_primitive_attr_t attr, const char *wanted, const char *what,
    const char *node, dnnl_primitive_desc_t *pd, PetError *error);
/* User-managed scratchpad; `post_ops` NULL = none. */
PetStatus pet_dnn_new_attr (const_dnnl_post_ops_t post_ops, const char *node,
    dnnl_primitive_attr_t *attr, PetError *error);
/* Appends the primitive (pd is destroyed, whatever happens). */
PetStatus pet_dnn_add_step (PetDnnProgram *program, dnnl_primitive_desc_t pd,
    const char *node, const PetDnnArg *args, int n_args, PetError *error);
PetStatus pet_dnn_add_reorder (PetDnnProgram *program, const char *node,
    const PetDnnForm *from, const PetDnnForm *to, PetError *error);
PetStatus pet_dnn_append_step (
    PetDnnProgram *program, PetDnnStep **step, PetError *error);
PetStatus pet_dnn_run_step (
    PetDnnProgram *program, PetDnnStep *step, PetError *error);
void pet_dnn_clear_step (PetDnnStep *step);

/* What is fused onto a node, as post-ops. `residual`: the form of the
 * residual, used if the node has one; its argument is then appended. */
PetStatus pet_dnn_post_ops (const PetNode *node, const PetDnnForm *residual,
    dnnl_post_ops_t *post_ops, PetError *error);
/* `a` + `b`, of one layout, and the node's activation. */
PetStatus pet_dnn_add_sum (PetDnnProgram *program, const PetNode *node,
    const PetDnnForm *a, const PetDnnForm *b, bool *done, PetError *error);
#define PET_DNN_ARG_RESIDUAL(index)                                            \
  (DNNL_ARG_ATTR_MULTIPLE_POST_OP (index) | DNNL_ARG_SRC_1)

/* onednn-threads.c: oneDNN takes the number of threads from the OpenMP
 * settings of the calling thread. Returns the number to give back to the
 * second call. */
int pet_dnn_threads_enter (int threads);
void pet_dnn_threads_leave (int previous);
