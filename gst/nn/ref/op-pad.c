/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pad (constant, reflect, edge, wrap; negative pads cut), Tile and Trilu, of
 * any type. */

#include "nn/ref/pet-op-util.h"

typedef enum { CONSTANT, REFLECT, EDGE, WRAP } Mode;

typedef struct {
  Mode mode;
  int64_t front[PET_MAX_RANK], back[PET_MAX_RANK];
} Pad;

static PetStatus
read_mode (const PetNode *node, Mode *mode, PetError *error)
{
  static const char *const names[] = { "constant", "reflect", "edge", "wrap" };
  const char *given = pet_node_string (node, "mode", names[0]);

  for (int i = 0; i < 4; i++)
    if (strcmp (given, names[i]) == 0) {
      *mode = (Mode) i;
      return PET_OK;
    }
  return pet_fail (
      error, PET_ERROR_UNSUPPORTED, "mode '%.20s' is not supported", given);
}

static PetStatus
pad_resolve (const PetNode *node, const PetShape *shape,
    const PetTensor *pads_input, const PetTensor *axes_input, Pad *pad,
    PetError *error)
{
  bool seen[PET_MAX_RANK];
  PetInts pads, axes;

  memset (pad, 0, sizeof *pad);
  PET_TRY (read_mode (node, &pad->mode, error));
  axes.count = 0;
  if (node->opset < 11)
    PET_TRY (pet_op_attr_ints (node, "pads", &pads, error));
  else
    PET_TRY (pet_op_ints (pads_input, "pads", &pads, error));
  if (axes_input->type != PET_TYPE_NONE)
    PET_TRY (pet_op_ints (axes_input, "axes", &axes, error));
  else
    for (; axes.count < shape->rank; axes.count++)
      axes.at[axes.count] = axes.count;
  PET_TRY (
      pet_op_axes (axes.at, (size_t) axes.count, shape->rank, seen, error));
  if (pads.count != 2 * axes.count)
    return pet_fail (error, PET_ERROR_CORRUPT, "pads has %d numbers, not %d",
        pads.count, 2 * axes.count);
  for (int i = 0; i < pads.count; i++) {
    int64_t axis = axes.at[i % axes.count];

    axis += axis < 0 ? shape->rank : 0;
    if (pads.at[i] < -INT32_MAX || pads.at[i] > INT32_MAX)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "a padding of %lld is not valid", (long long) pads.at[i]);
    if (i < axes.count)
      pad->front[axis] = pads.at[i];
    else
      pad->back[axis] = pads.at[i];
  }
  return PET_OK;
}

static PetStatus
padded_dim (const Pad *pad, int axis, int64_t dim, int64_t *to, PetError *error)
{
  int64_t front = pad->front[axis], back = pad->back[axis];
  bool valid =
      dim <= INT32_MAX * (int64_t) INT32_MAX && dim + front + back >= 0;

  if (valid && pad->mode == REFLECT)
    valid = front < (dim > 0 ? dim : 1) && back < (dim > 0 ? dim : 1);
  if (valid && pad->mode != CONSTANT)
    valid = dim > 0 || (front <= 0 && back <= 0);
  if (!valid)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "padding a dimension of %lld by %lld and %lld is not possible",
        (long long) dim, (long long) front, (long long) back);
  *to = dim + front + back;
  return PET_OK;
}

static PetStatus
pad_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *value = pet_node_input (graph, node, 2);
  Pad pad;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (pad_resolve (node, &x->shape, pet_node_input (graph, node, 1),
      pet_node_input (graph, node, 3), &pad, error));
  if (value->type != PET_TYPE_NONE) {
    PET_TRY (pet_op_same_type (x, value, "the value", error));
    if (pet_elements (value) != 1)
      return pet_fail (
          error, PET_ERROR_CORRUPT, "the value is no single number");
  }
  outputs[0].type = x->type;
  outputs[0].shape.rank = x->shape.rank;
  for (int i = 0; i < x->shape.rank; i++)
    PET_TRY (
        padded_dim (&pad, i, x->shape.dim[i], &outputs[0].shape.dim[i], error));
  return PET_OK;
}

/* Place of the source that place `at` of the output shows; -1: the value. */
static int64_t
source_of (Mode mode, int64_t at, int64_t dim)
{
  if (at >= 0 && at < dim)
    return at;
  switch (mode) {
    case REFLECT:
      at = at < 0 ? -at : 2 * (dim - 1) - at;
      return at < 0 || at >= dim ? 0 : at;
    case EDGE:
      return at < 0 ? 0 : dim - 1;
    case WRAP:
      at %= dim;
      return at < 0 ? at + dim : at;
    case CONSTANT:
      break;
  }
  return -1;
}

static void
pad_value (const PetNode *node, const PetTensor *inputs,
    const PetTensor *output, uint64_t *bits)
{
  PetTensor one = { .type = output->type, .data = bits };

  *bits = 0;
  if (node->n_inputs > 2 && inputs[2].type != PET_TYPE_NONE)
    memcpy (bits, inputs[2].data, pet_type_bytes (one.type));
  else if (node->opset < 11)
    pet_put_double (&one, 0, (double) pet_node_float (node, "value", 0.0f));
}

/* Element by element; `index` counts through the output. */
static void
pad_elements (const Pad *pad, const PetTensor *x, const PetTensor *output,
    const void *value)
{
  size_t bytes = pet_type_bytes (x->type), count = pet_elements (output);
  int64_t index[PET_MAX_RANK] = { 0 }, stride[PET_MAX_RANK];
  char *to = output->data;

  pet_dense_strides (&x->shape, stride);
  for (size_t i = 0; i < count; i++, to += bytes) {
    const char *from = x->data;

    for (int k = 0; k < x->shape.rank && from != NULL; k++) {
      int64_t at =
          source_of (pad->mode, index[k] - pad->front[k], x->shape.dim[k]);

      from = at < 0 ? NULL : from + at * stride[k] * (int64_t) bytes;
    }
    memcpy (to, from != NULL ? from : value, bytes);
    for (int k = x->shape.rank - 1; k >= 0; k--) {
      if (++index[k] < output->shape.dim[k])
        break;
      index[k] = 0;
    }
  }
}

static void
pad_run (const PetNode *node, const PetTensor *inputs, const PetTensor *outputs,
    void *scratch)
{
  static const PetTensor absent;
  int n = node->n_inputs;
  uint64_t value;
  Pad pad;

  if (pad_resolve (node, &inputs[0].shape, n > 1 ? &inputs[1] : &absent,
          n > 3 ? &inputs[3] : &absent, &pad, NULL) != PET_OK)
    return;
  pad_value (node, inputs, outputs, &value);
  pad_elements (&pad, &inputs[0], &outputs[0], &value);
}

const PetOp pet_op_pad = {
  .type = "Pad",
  .min_inputs = 1,
  .max_inputs = 4,
  .max_outputs = 1,
  .infer = pad_infer,
  .run = pad_run,
};

static PetStatus
tile_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetInts repeats;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (pet_op_ints (
      pet_node_input (graph, node, 1), "repeats", &repeats, error));
  if (repeats.count != x->shape.rank)
    return pet_fail (error, PET_ERROR_CORRUPT, "repeats has %d numbers, not %d",
        repeats.count, x->shape.rank);
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  for (int i = 0; i < repeats.count; i++)
    if (repeats.at[i] < 0 ||
        __builtin_mul_overflow (
            x->shape.dim[i], repeats.at[i], &outputs[0].shape.dim[i]))
      return pet_fail (error, PET_ERROR_CORRUPT,
          "%lld repeats are not possible", (long long) repeats.at[i]);
  return PET_OK;
}

/* Wrapping the output's coordinates round the input's. */
static void
tile_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  Pad pad = { .mode = WRAP };

  pad_elements (&pad, &inputs[0], &outputs[0], NULL);
}

const PetOp pet_op_tile = {
  .type = "Tile",
  .min_inputs = 2,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = tile_infer,
  .run = tile_run,
};

static PetStatus
trilu_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *k = pet_node_input (graph, node, 1);
  PetInts shift;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  if (x->shape.rank < 2)
    return pet_fail (error, PET_ERROR_CORRUPT, "the data is no matrix");
  if (k->type != PET_TYPE_NONE) {
    PET_TRY (pet_op_ints (k, "k", &shift, error));
    if (shift.count != 1 || shift.at[0] < -INT32_MAX || shift.at[0] > INT32_MAX)
      return pet_fail (error, PET_ERROR_CORRUPT, "k is not valid");
  }
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return PET_OK;
}

static void
trilu_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  bool upper = pet_node_int (node, "upper", 1) != 0;
  int64_t k = 0, columns = shape->dim[shape->rank - 1];
  int64_t rows = shape->dim[shape->rank - 2];
  size_t bytes = pet_type_bytes (inputs[0].type);
  size_t count = pet_elements (outputs);

  if (node->n_inputs > 1 && inputs[1].type != PET_TYPE_NONE)
    k = pet_get_int (&inputs[1], 0);
  memcpy (outputs[0].data, inputs[0].data, count * bytes);
  for (size_t i = 0; i < count; i++) {
    int64_t column = (int64_t) i % columns;
    int64_t row = (int64_t) i / columns % rows;

    if (upper ? column < row + k : column > row + k)
      memset ((char *) outputs[0].data + i * bytes, 0, bytes);
  }
}

const PetOp pet_op_trilu = {
  .type = "Trilu",
  .min_inputs = 1,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = trilu_infer,
  .run = trilu_run,
};
