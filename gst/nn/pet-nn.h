/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Neural networks: an ONNX file is read and checked whole (PetModel), then
 * compiled for one back end (PetNet) and run as often as wanted.
 *
 * A model file is untrusted: operators, shapes and sizes are verified before
 * anything runs; every error names the node and says what is supported. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-status.h"

#define PET_MAX_RANK 8

/* Numbers as in ONNX's TensorProto.DataType. */
typedef enum {
  PET_TYPE_NONE = 0,
  PET_TYPE_F32 = 1,
  PET_TYPE_U8 = 2,
  PET_TYPE_I8 = 3,
  PET_TYPE_I32 = 6,
  PET_TYPE_I64 = 7,
  PET_TYPE_BOOL = 9,
  PET_TYPE_F16 = 10,
  PET_TYPE_F64 = 11,
} PetType;

/* Row-major (the last dimension varies fastest), e.g. N, C, H, W. rank 0 is
 * a scalar. Before shape inference a dimension may be -1: not known; rank -1:
 * the file says nothing about the shape. A dimension may be 0. */
typedef struct {
  int rank;
  int64_t dim[PET_MAX_RANK];
} PetShape;

typedef struct {
  PetType type;
  PetShape shape;
  void *data; /* dense; NULL when the contents are not known */
} PetTensor;

size_t pet_type_bytes (PetType type); /* 0 for NONE */
const char *pet_type_name (PetType type);
/* Number of elements; false on overflow or an unknown dimension. */
bool pet_shape_elements (const PetShape *shape, size_t *elements);
bool pet_shape_equal (const PetShape *a, const PetShape *b);

/* A checked ONNX graph. Immutable once loaded. Thread-safety: safe. */
typedef struct PetModel PetModel;

/* Start from pet_model_limits_init(). */
typedef struct {
  size_t max_file_bytes;       /* 512 MiB */
  size_t max_nodes;            /* 20,000 */
  size_t max_tensor_bytes;     /* one tensor of the graph, or what a node
                              works with: 1 GiB */
  size_t max_activation_bytes; /* all that live at a time: 2 GiB */
  size_t max_weight_bytes;     /* what a net makes of the file's constants,
                              fused and packed: 1 GiB */
} PetModelLimits;

void pet_model_limits_init (PetModelLimits *limits);

/* `bytes` are copied where needed and may be freed afterwards. `limits` NULL =
 * defaults. Errors: FORMAT, TRUNCATED, CORRUPT, UNSUPPORTED, LIMIT, MEMORY. */
PetStatus pet_model_load (const void *bytes, size_t size,
    const PetModelLimits *limits, PetModel **model, PetError *error);
/* The same from a file; IO when it cannot be read. */
PetStatus pet_model_load_file (const char *path, const PetModelLimits *limits,
    PetModel **model, PetError *error);
void pet_model_free (PetModel **model);

int pet_model_n_inputs (const PetModel *model);
int pet_model_n_outputs (const PetModel *model);
/* Name, type and shape (dimensions may be -1); owned by the model. NULL out
 * of range. */
const char *pet_model_input (
    const PetModel *model, int index, PetType *type, PetShape *shape);
const char *pet_model_output (
    const PetModel *model, int index, PetType *type, PetShape *shape);
/* metadata_props entry; NULL if there is none. Owned by the model. */
const char *pet_model_metadata (const PetModel *model, const char *key);

/* Start from pet_net_options_init(). */
typedef struct {
  const char *backend; /* "ref", "onednn"; NULL = the fastest there is */
  int threads;         /* 0 = pet_cpu_count() */
  const char *output;  /* only this output is computed; NULL = all of them */
  const PetShape *input_shapes; /* one per input, for models whose shapes
                                   are open; NULL = as in the file */
  bool reshape; /* input_shapes count where the file says otherwise, too */
  const PetAllocator *allocator; /* activations and packed weights; NULL =
                                    malloc; must outlive the net */
  bool bf16; /* where the processor multiplies bfloat16 numbers at once
                (pet_net_has_bf16 ()), 1x1 convolutions are made of these:
                sums of products that are right to 8 bits each */
} PetNetOptions;

/* A network ready to run: constants folded, operators fused, activation
 * memory planned. Thread-safety: one thread at a time. */
typedef struct PetNet PetNet;

typedef struct {
  const char *backend;     /* static string */
  size_t activation_bytes; /* planned arena */
  size_t weight_bytes;     /* packed constants */
  int nodes;               /* run per inference, after fusion */
  int bf16_nodes;          /* of these, made of bfloat16 numbers */
} PetNetInfo;

void pet_net_options_init (PetNetOptions *options);

/* Thread-safety: safe. */
bool pet_net_has_bf16 (void);

/* `model` may be freed afterwards. */
PetStatus pet_net_new (const PetModel *model, const PetNetOptions *options,
    PetNet **net, PetError *error);
/* For making nets of several shapes: the model becomes what every net is made of,
 * `options`' output alone, constants folded, operators fused; nets then share its
 * weights until they have packed them, and are made in little time and memory. One that
 * computes with its own shapes stays as it is. On failure, too. */
PetStatus pet_model_settle (
    PetModel **model, const PetNetOptions *options, PetError *error);
/* As pet_net_new(), and frees the model, on failure too: its weights then go
 * before the packed ones come. */
PetStatus pet_net_new_from (PetModel **model, const PetNetOptions *options,
    PetNet **net, PetError *error);
void pet_net_free (PetNet **net);
void pet_net_info (const PetNet *net, PetNetInfo *info);

/* The tensors of the net: write the inputs' data, run, read the outputs'
 * data. Owned by the net; outputs are valid until the next run, which may
 * overwrite the inputs. */
PetTensor *pet_net_input (PetNet *net, int index);
const PetTensor *pet_net_output (const PetNet *net, int index);

/* Runs once. Allocates nothing. */
PetStatus pet_net_run (PetNet *net, PetError *error);

/* At most `threads` (at least 1) take part from the next run on, and never more
 * than the net was made with; results are the same. A back end may have one
 * way of running only. Not during a run. */
void pet_net_limit_threads (PetNet *net, int threads);

/* Gives the activations' memory back to the system until the next run, which is
 * slower for it: 0.2 ms per MB, 0.5 where there are no pages of 2 MB. Inputs and outputs are lost. A back end may do
 * nothing. */
void pet_net_rest (PetNet *net);

/* Names of the back ends that were compiled in, best first, NULL-ended. */
const char *const *pet_backend_names (void);
