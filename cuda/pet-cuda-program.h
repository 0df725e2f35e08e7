/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A graph of gst/nn on the card. Values of rank 4 whose first dimension is 1
 * are pictures there: channels innermost, halves or floats, `batch` of them.
 * One walk over the nodes appends steps; blocks of memory live from the first to
 * the last step that touches them and are packed into one arena by
 * pet_plan_pack(). The whole list of steps is captured as a CUDA graph. What
 * has no kernel runs on the CPU in between (a host node of the graph). */

#pragma once

#include "nn/pet-backend.h"
#include "nn/ref/pet-op-window.h"
#include "pet-cuda-conv.h"

typedef enum {
  PET_CUDA_STEP_CONV, /* cuDNN, and what it left to pointwise */
  PET_CUDA_STEP_DEPTHWISE,
  PET_CUDA_STEP_CONVOLVE,
  PET_CUDA_STEP_TRANSPOSED,
  PET_CUDA_STEP_POOL,
  PET_CUDA_STEP_GLOBAL_POOL,
  PET_CUDA_STEP_RESIZE,
  PET_CUDA_STEP_POINTWISE,
  PET_CUDA_STEP_BINARY,
  PET_CUDA_STEP_SOFTMAX,
  PET_CUDA_STEP_COPY,     /* a part of a concat to its place */
  PET_CUDA_STEP_MARK,     /* nothing: keeps values until or from here */
  PET_CUDA_STEP_UPLOAD,   /* host's dense value to the card */
  PET_CUDA_STEP_DOWNLOAD, /* and back */
  PET_CUDA_STEP_HOST,     /* the node's reference, on the CPU */
} PetCudaStepKind;

typedef struct PetCudaProgram PetCudaProgram;

typedef struct {
  PetCudaStepKind kind;
  PetCudaProgram *program;
  const PetNode *node;
  int x, b, residual, y; /* values; -1: none */
  PetCudaEpilogue epilogue;
  PetCudaWindow window;
  PetCudaBinaryHow binary;
  PetCudaMap constant_map; /* BINARY: the constant operand, if b is -1 */
  bool average, last;
  int channels, at;    /* COPY, SOFTMAX: channels; COPY: first in the result */
  int in, out, groups; /* CONVOLVE: channels without padding */
  size_t constant[4];  /* weights, bias (offsets), the tables of RESIZE, or
                          the operand of BINARY */
  int scratch;         /* block: dense floats on their way */
  int host_scratch;    /* host block of op->scratch_bytes */
  int conv;            /* of the program's plans */
} PetCudaStep;

#define PET_CUDA_NONE SIZE_MAX

/* Where a value is. On the card: `block` (of the root, for a part of a concat)
 * and its first channel there. On the host: dense. */
typedef struct {
  bool picture;
  int channels; /* its own; padded to 8 on the card */
  int parent;   /* value that it is a part of, -1: none */
  int at;       /* its first channel in that */
  int block, host_block;
} PetCudaValue;

typedef struct {
  PetPlanBlock *blocks;
  int n, max;
} PetCudaBlocks;

struct PetCudaProgram {
  PetCuda *cuda;
  PetGraph *graph;
  PetCudaType type;
  int batch;
  bool on_card; /* inputs and outputs stay on the card */
  int half_variant;

  PetCudaValue *values;
  PetCudaStep *steps;
  int n_steps, max_steps;
  PetCudaConv *convs; /* one per different shape */
  int n_convs, max_convs;
  PetCudaBlocks card, host;

  char *constants; /* until they are on the card */
  size_t constant_bytes, max_constants;
  size_t arena_bytes, host_bytes, workspace_bytes;
  PetCudaBuffer arena, pinned, weights, workspace;

  PetTensor *tensors; /* of the host: one per value, `data` of picture 0 */
  int max_operands;
  PetTensor *operands; /* of the host step that runs */
  cudaGraphExec_t exec;
};

typedef struct {
  bool half;
  int batch;
  bool on_card;
  int half_variant; /* for tests: all that can be done by variant N - 1 of
                       pet_cuda_convolve_halves() is; 0: what is fastest */
} PetCudaProgramOptions;

/* `graph`: prepared (pet_graph_prepare()); taken over on success only. */
PetStatus pet_cuda_program_new (PetCuda *cuda, PetGraph *graph,
    const PetCudaProgramOptions *options, PetCudaProgram **program,
    PetError *error);
/* The first half of that, which needs cuDNN but no card: steps, plans and the
 * sizes of all memory. */
PetStatus pet_cuda_program_lower (PetCuda *cuda, PetGraph *graph,
    const PetCudaProgramOptions *options, PetCudaProgram **program,
    PetError *error);
void pet_cuda_program_free (PetCudaProgram **program);
/* Starts the work; it is done when the work stream is. */
PetStatus pet_cuda_program_run (PetCudaProgram *program, PetError *error);

/* A picture's place on the card; the arena must be there. */
PetCudaMap pet_cuda_value_map (const PetCudaProgram *program, int value);
/* Dense data of a value on the host, of picture `index` of the batch. */
void *pet_cuda_host_data (const PetCudaProgram *program, int value, int index);

/* ---- between the files of the program ---- */

static inline int
pet_cuda_pad8 (int64_t channels)
{
  return (int) ((channels + 7) / 8 * 8);
}

/* Appends the steps of all nodes. */
PetStatus pet_cuda_add_steps (PetCudaProgram *program, PetError *error);
/* Whether the card has a kernel for the node. */
bool pet_cuda_supports (const PetCudaProgram *program, const PetNode *node);
/* Rules and steps of one convolution; false: not for the card. */
bool pet_cuda_conv_fits (const PetCudaProgram *program, const PetNode *node);

/* What all convolutions have. */
typedef struct {
  PetWindow window;
  const PetTensor *weights, *bias; /* constants; bias->data NULL: none */
  int in, out, groups;             /* channels without padding */
} PetCudaConvNode;

/* All but the window; false: its operands are not for the card. */
bool pet_cuda_read_weights (
    const PetCudaProgram *program, const PetNode *node, PetCudaConvNode *conv);
/* A step of `kind` with everything but constants; then those, and the end.
 * `weights` are freed (NULL: there was no memory for them). */
PetStatus pet_cuda_begin_conv (PetCudaProgram *program, const PetNode *node,
    PetCudaStepKind kind, const PetCudaConvNode *conv, PetCudaStep **step,
    PetError *error);
PetStatus pet_cuda_add_weights (PetCudaProgram *program, PetCudaStep *step,
    const PetCudaConvNode *conv, float *weights, size_t count, bool half,
    PetError *error);
PetStatus pet_cuda_end_conv (
    PetCudaProgram *program, const PetCudaStep *step, PetError *error);
/* What was fused onto the node. */
PetCudaAct pet_cuda_act_of (const PetNode *node);
PetStatus pet_cuda_add_conv (
    PetCudaProgram *program, const PetNode *node, PetError *error);

/* pet-cuda-add-binary.c: of two pictures, or of one and a constant. */
bool pet_cuda_binary_fits (const PetCudaProgram *program, const PetNode *node);
PetStatus pet_cuda_add_binary (
    PetCudaProgram *program, const PetNode *node, PetError *error);
/* pet-cuda-add-transposed.c */
bool pet_cuda_transposed_fits (
    const PetCudaProgram *program, const PetNode *node);
PetStatus pet_cuda_add_transposed (
    PetCudaProgram *program, const PetNode *node, PetError *error);

PetStatus pet_cuda_new_step (PetCudaProgram *program, PetCudaStepKind kind,
    const PetNode *node, PetCudaStep **step, PetError *error);
/* Copies `bytes` to where the card's constants will be. */
PetStatus pet_cuda_add_constant (PetCudaProgram *program, const void *data,
    size_t bytes, size_t *offset, PetError *error);
/* The value is touched by the newest step; makes its block at the first. */
PetStatus pet_cuda_touch (
    PetCudaProgram *program, int value, bool host, PetError *error);
PetStatus pet_cuda_new_block (
    PetCudaBlocks *blocks, size_t bytes, int step, int *block, PetError *error);
/* Appends what it takes for a value to be on the card, or on the host. */
PetStatus pet_cuda_need_card (
    PetCudaProgram *program, int value, PetError *error);
PetStatus pet_cuda_need_host (
    PetCudaProgram *program, int value, PetError *error);

/* Starts one step on the work stream. */
PetStatus pet_cuda_run_step (PetCudaStep *step, PetError *error);
