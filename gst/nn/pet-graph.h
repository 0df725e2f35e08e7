/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal to gst/nn: the graph between the ONNX reader and the back ends.
 *
 * Life of a graph: pet_onnx_read() makes it from bytes -> pet_graph_check()
 * orders it topologically and verifies names and operators -> (per PetNet, on
 * a copy) pet_graph_infer() gives every value a type and a concrete shape and
 * folds what is constant -> pet_graph_optimize() removes what is not needed
 * and fuses -> pet_plan_memory() assigns offsets in one arena by lifetime ->
 * a back end compiles and runs it. */

#pragma once

#include "nn/pet-nn.h"

typedef struct PetGraph PetGraph;
typedef struct PetNode PetNode;
typedef struct PetOp PetOp;

typedef enum {
  PET_ATTR_FLOAT,
  PET_ATTR_INT,
  PET_ATTR_STRING,
  PET_ATTR_FLOATS,
  PET_ATTR_INTS,
  PET_ATTR_STRINGS,
  PET_ATTR_TENSOR,
} PetAttrKind;

typedef struct {
  char *name;
  PetAttrKind kind;
  float f;
  int64_t i;
  char *s; /* NUL-terminated */
  float *floats;
  int64_t *ints;
  char **strings;
  size_t count; /* of floats, ints or strings */
  PetTensor tensor;
} PetAttr;

/* One edge of the graph: a graph input, a constant or a node's output. */
typedef struct {
  char *name;
  PetTensor tensor; /* data != NULL: constant (initializer or folded) */
  int producer;     /* index of the node; -1: input or constant */
  bool is_input, is_output;
} PetValue;

/* What was fused onto a node's result: residual (elementwise add of value
 * `residual`, of the result's shape), then activation; the other way round
 * where the node says `residual_last`. */
typedef enum {
  PET_ACT_NONE,
  PET_ACT_RELU,
  PET_ACT_CLIP, /* to [act_min, act_max] */
  PET_ACT_SIGMOID,
  PET_ACT_HARDSWISH,
} PetActivation;

struct PetNode {
  char *name; /* for messages; "#12" where the file gives none */
  char *type; /* ONNX op_type */
  const PetOp *op;
  int opset;   /* of the default domain */
  int *inputs; /* value indices, -1 = optional input left out */
  int n_inputs;
  int *outputs; /* value indices, -1 = output not wanted */
  int n_outputs;
  PetAttr *attrs;
  int n_attrs;
  PetActivation act;
  float act_min, act_max;
  int residual;       /* value index, -1 = none */
  bool residual_last; /* relu (conv (x)) + y, as the U-Net family has it */
};

struct PetGraph {
  PetValue *values;
  int n_values;
  PetNode *nodes; /* topological order after pet_graph_check() */
  int n_nodes;
  int *inputs; /* value indices, initializers not among them */
  int n_inputs;
  int *outputs;
  int n_outputs;
  char **meta_keys, **meta_values;
  int n_meta;
  PetModelLimits limits;
  size_t weight_bytes; /* what pet_graph_count_weights() was told */
};

/* An operator: one file gst/nn/ref/op-<name>.c, one row of the table in
 * gst/nn/pet-ops.c. */
struct PetOp {
  const char *type; /* ONNX op_type */
  int min_inputs, max_inputs, max_outputs;

  /* Sets type and shape of the node's outputs from those (and, where an input
   * is a shape or the like, the constant contents) of its inputs. Verifies
   * attributes, ranks and types: after it succeeded, `run` cannot read or
   * write out of bounds. Errors need not name the node; the caller adds it. */
  PetStatus (*infer) (const PetGraph *graph, const PetNode *node,
      PetTensor *outputs, PetError *error);

  /* Scratch bytes `run` wants; NULL = none. */
  size_t (*scratch_bytes) (const PetGraph *graph, const PetNode *node);

  /* The plain C reference: inputs[i].data / outputs[i].data are dense; absent
   * optional inputs have type NONE; at least one output has elements. Ignores
   * fused parts (the caller applies pet_ref_apply_fused). Cannot fail.
   * Thread-safety: safe. */
  void (*run) (const PetNode *node, const PetTensor *inputs,
      const PetTensor *outputs, void *scratch);

  /* Multiplications and the like that `run` takes, SIZE_MAX where they are too
   * many to count; NULL = one per input for each number that comes out. For
   * folding, with `outputs` as `infer` set them. */
  size_t (*work) (
      const PetGraph *graph, const PetNode *node, const PetTensor *outputs);

  /* The operator only rearranges bytes of its first input without moving any
   * (Reshape, Flatten, Squeeze, Unsqueeze, Identity): the planner may alias. */
  bool is_view;

  /* The result follows from the inputs' shapes alone (Shape, Size): always
   * folded; `run` does not look at the inputs' data. */
  bool from_shapes;
};

/* NULL for an unknown operator. pet_ops is NULL-ended. */
const PetOp *pet_op_find (const char *type);
extern const PetOp *const pet_ops[];

const PetAttr *pet_node_attr (const PetNode *node, const char *name);
int64_t pet_node_int (const PetNode *node, const char *name, int64_t fallback);
float pet_node_float (const PetNode *node, const char *name, float fallback);
const char *pet_node_string (
    const PetNode *node, const char *name, const char *fallback);
/* count 0 and NULL when absent. */
const int64_t *pet_node_ints (
    const PetNode *node, const char *name, size_t *count);

PetStatus pet_onnx_read (const void *bytes, size_t size,
    const PetModelLimits *limits, PetGraph **graph, PetError *error);
/* A serialised TensorProto, as in ONNX's test data; free with
 * pet_tensor_clear(). */
PetStatus pet_onnx_read_tensor (const void *bytes, size_t size,
    PetTensor *tensor, char **name, PetError *error);

/* The contents of constants are counted references, so that copies of a graph
 * share its weights: whoever puts `data` into a graph gets it from
 * pet_tensor_alloc() (contents undefined) or pet_tensor_share(), and gives it
 * back with pet_tensor_clear(). Do not write to contents that a graph already
 * held: alloc new ones. Thread-safety: safe. */
PetStatus pet_tensor_alloc (
    PetTensor *tensor, PetType type, const PetShape *shape, PetError *error);
void pet_tensor_share (PetTensor *to, const PetTensor *from);
void pet_tensor_clear (PetTensor *tensor);
/* Bytes of the dense contents; false on overflow or an unknown dimension. */
bool pet_tensor_bytes (const PetTensor *tensor, size_t *bytes);

/* "1x3x?x320" for messages; "scalar" for rank 0. */
#define PET_SHAPE_TEXT_SIZE 96
const char *pet_shape_text (
    const PetShape *shape, char text[PET_SHAPE_TEXT_SIZE]);

/* Input `index` of a node; a tensor of type NONE where it is left out. */
const PetTensor *pet_node_input (
    const PetGraph *graph, const PetNode *node, int index);

PetStatus pet_graph_check (PetGraph *graph, PetError *error);
/* The graph of a model, and a model of a checked graph (takes it over; NULL:
 * no memory, `graph` is freed). */
const PetGraph *pet_model_graph (const PetModel *model);
PetModel *pet_model_new_from_graph (PetGraph *graph);
/* Adds `bytes` that are made of constants and stay as long as the net: fused and
 * packed weights, tables. LIMIT where all of them would be above the model's
 * limit; to be asked before they are allocated. */
PetStatus pet_graph_count_weights (
    PetGraph *graph, size_t bytes, PetError *error);
/* Index of the value called `name`, -1 if there is none. */
int pet_graph_find_value (const PetGraph *graph, const char *name);
PetGraph *pet_graph_copy (const PetGraph *graph); /* NULL: no memory */
void pet_graph_free (PetGraph **graph);
/* Frees what a node holds, for whoever removes it from a graph. */
void pet_node_clear (PetNode *node);
/* Values that folding made constant lose their producer; nodes all of whose
 * outputs are constant are removed. */
PetStatus pet_graph_infer (
    PetGraph *graph, const PetShape *input_shapes, PetError *error);
/* Turns graph input `index` into a constant with the contents of `tensor`
 * (copied). Before pet_graph_infer(). */
PetStatus pet_graph_bind_input (
    PetGraph *graph, int index, const PetTensor *tensor, PetError *error);
/* From now on the value `name` (an output or any other value of a node) is
 * the only output; what is not needed for it stays until optimize. */
PetStatus pet_graph_keep_output (
    PetGraph *graph, const char *name, PetError *error);
/* Removes dead nodes, folds BatchNormalization into Conv, fuses activations
 * and residual adds that have one consumer. `fuse` false: only the removal
 * (the reference back end's tests run both ways). */
PetStatus pet_graph_optimize (PetGraph *graph, bool fuse, PetError *error);
/* All of that in the order in which a back end wants it: only `output` is kept
 * (NULL = all), then optimize, infer, fuse. */
PetStatus pet_graph_prepare (PetGraph *graph, const char *output,
    const PetShape *input_shapes, PetError *error);
/* The limits of a Clip node; false where they are not constant. */
bool pet_clip_limits (
    const PetGraph *graph, const PetNode *node, float *low, float *high);
