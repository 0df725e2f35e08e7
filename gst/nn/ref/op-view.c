/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operators that give the same bytes another shape: Reshape, Flatten, Squeeze,
 * Unsqueeze, Identity, and Dropout, which at inference does nothing. */

#include "nn/ref/pet-op-util.h"

static void
view_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  if (outputs[0].data != inputs[0].data)
    memcpy (outputs[0].data, inputs[0].data,
        pet_elements (outputs) * pet_type_bytes (outputs[0].type));
}

static PetStatus
identity_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return PET_OK;
}

/* 0 copies the input's dimension (unless allowzero), one -1 is computed. */
static PetStatus
resolve_shape (const PetTensor *x, const PetInts *wanted, bool allow_zero,
    PetShape *shape, PetError *error)
{
  char text[PET_SHAPE_TEXT_SIZE], other[PET_SHAPE_TEXT_SIZE];
  size_t known, elements = pet_elements (x);
  int open = -1;

  shape->rank = wanted->count;
  for (int i = 0; i < wanted->count; i++) {
    shape->dim[i] = wanted->at[i];
    if (wanted->at[i] == 0 && !allow_zero && i < x->shape.rank)
      shape->dim[i] = x->shape.dim[i];
    if (wanted->at[i] == -1 && open < 0) {
      open = i;
      shape->dim[i] = 1;
    }
  }
  if (!pet_shape_elements (shape, &known))
    return pet_fail (
        error, PET_ERROR_CORRUPT, "the shape has invalid dimensions");
  if (open >= 0 && known > 0)
    shape->dim[open] = (int64_t) (elements / known);
  if (!pet_shape_elements (shape, &known) || known != elements)
    return pet_fail (error, PET_ERROR_CORRUPT, "%s cannot be reshaped to %s",
        pet_shape_text (&x->shape, text), pet_shape_text (shape, other));
  return PET_OK;
}

static PetStatus
reshape_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetInts wanted;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (
      pet_op_ints (pet_node_input (graph, node, 1), "shape", &wanted, error));
  if (wanted.count > PET_MAX_RANK)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "more than %d dimensions", PET_MAX_RANK);
  outputs[0].type = x->type;
  return resolve_shape (x, &wanted, pet_node_int (node, "allowzero", 0) != 0,
      &outputs[0].shape, error);
}

static PetStatus
flatten_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  int64_t axis = pet_node_int (node, "axis", 1);
  int at = x->shape.rank;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  if (axis != at)
    PET_TRY (pet_op_axis (axis, x->shape.rank, "axis", &at, error));
  outputs[0].type = x->type;
  outputs[0].shape.rank = 2;
  outputs[0].shape.dim[0] = (int64_t) pet_outer (&x->shape, at);
  outputs[0].shape.dim[1] = (int64_t) pet_inner (&x->shape, at);
  return PET_OK;
}

static PetStatus
squeeze_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetShape *shape = &outputs[0].shape;
  bool seen[PET_MAX_RANK];
  PetInts axes;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (pet_op_axes_of (graph, node, 13, 1, &axes, error));
  PET_TRY (
      pet_op_axes (axes.at, (size_t) axes.count, x->shape.rank, seen, error));
  outputs[0].type = x->type;
  for (int i = 0; i < x->shape.rank; i++) {
    int64_t dim = x->shape.dim[i];

    if (seen[i] && dim != 1)
      return pet_fail (error, PET_ERROR_CORRUPT, "dimension %d is %lld, not 1",
          i, (long long) dim);
    if (!seen[i] && (axes.count > 0 || dim != 1))
      shape->dim[shape->rank++] = dim;
  }
  return PET_OK;
}

static PetStatus
unsqueeze_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetShape *shape = &outputs[0].shape;
  bool seen[PET_MAX_RANK];
  PetInts axes;
  int from = 0;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (pet_op_axes_of (graph, node, 13, 1, &axes, error));
  if (x->shape.rank + axes.count > PET_MAX_RANK)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "more than %d dimensions", PET_MAX_RANK);
  shape->rank = x->shape.rank + axes.count;
  PET_TRY (
      pet_op_axes (axes.at, (size_t) axes.count, shape->rank, seen, error));
  outputs[0].type = x->type;
  for (int i = 0; i < shape->rank; i++)
    shape->dim[i] = seen[i] ? 1 : x->shape.dim[from++];
  return PET_OK;
}

static PetStatus
dropout_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *training = pet_node_input (graph, node, 2);

  if (training->type != PET_TYPE_NONE &&
      (training->type != PET_TYPE_BOOL || training->data == NULL ||
          pet_elements (training) != 1 || pet_get_int (training, 0) != 0))
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "training mode is not supported");
  return identity_infer (graph, node, outputs, error);
}

#define VIEW(name, op, low, high)                                              \
  const PetOp pet_op_##name = {                                                \
    .type = op,                                                                \
    .min_inputs = low,                                                         \
    .max_inputs = high,                                                        \
    .max_outputs = 1,                                                          \
    .infer = name##_infer,                                                     \
    .run = view_run,                                                           \
    .is_view = true,                                                           \
  }

VIEW (identity, "Identity", 1, 1);
VIEW (reshape, "Reshape", 2, 2);
VIEW (flatten, "Flatten", 1, 1);
VIEW (squeeze, "Squeeze", 1, 2);
VIEW (unsqueeze, "Unsqueeze", 1, 2);
VIEW (dropout, "Dropout", 1, 3);
