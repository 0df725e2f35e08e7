/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Concat and Split, of any type. */

#include "nn/ref/pet-op-util.h"

static PetStatus
add_input (const PetTensor *first, const PetTensor *other, int axis,
    PetShape *shape, PetError *error)
{
  char a[PET_SHAPE_TEXT_SIZE], b[PET_SHAPE_TEXT_SIZE];
  bool fits = other->shape.rank == shape->rank;

  PET_TRY (pet_op_same_type (first, other, "another input", error));
  for (int i = 0; fits && i < shape->rank; i++)
    fits = i == axis || other->shape.dim[i] == shape->dim[i];
  if (!fits)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "shapes %s and %s do not join along axis %d",
        pet_shape_text (&first->shape, a), pet_shape_text (&other->shape, b),
        axis);
  if (__builtin_add_overflow (
          shape->dim[axis], other->shape.dim[axis], &shape->dim[axis]))
    return pet_fail (error, PET_ERROR_LIMIT, "the result is too large");
  return PET_OK;
}

static PetStatus
concat_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *first = pet_node_input (graph, node, 0);
  int axis;

  PET_TRY (pet_op_type (first, PET_MASK_ANY, "data", error));
  PET_TRY (pet_op_axis (
      pet_node_int (node, "axis", 1), first->shape.rank, "axis", &axis, error));
  outputs[0].type = first->type;
  outputs[0].shape = first->shape;
  for (int i = 1; i < node->n_inputs; i++)
    PET_TRY (add_input (first, pet_node_input (graph, node, i), axis,
        &outputs[0].shape, error));
  return PET_OK;
}

/* Copies the part of `whole` that starts `offset` bytes into each of its
 * blocks from or to the dense `part`. */
static void
copy_part (char *to, size_t to_step, const char *from, size_t from_step,
    size_t bytes, size_t blocks)
{
  for (size_t i = 0; i < blocks && bytes > 0; i++)
    memcpy (to + i * to_step, from + i * from_step, bytes);
}

static int
axis_of (const PetNode *node, int64_t fallback, const PetShape *shape)
{
  int64_t axis = pet_node_int (node, "axis", fallback);

  return (int) (axis < 0 ? axis + shape->rank : axis);
}

static void
concat_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &outputs[0].shape;
  int axis = axis_of (node, 1, shape);
  size_t size = pet_type_bytes (outputs[0].type);
  size_t whole = pet_inner (shape, axis) * size, at = 0;

  for (int i = 0; i < node->n_inputs; i++) {
    size_t part = pet_inner (&inputs[i].shape, axis) * size;

    if (part > 0)
      copy_part ((char *) outputs[0].data + at, whole, inputs[i].data, part,
          part, pet_outer (shape, axis));
    at += part;
  }
}

const PetOp pet_op_concat = {
  .type = "Concat",
  .min_inputs = 1,
  .max_inputs = INT32_MAX,
  .max_outputs = 1,
  .infer = concat_infer,
  .run = concat_run,
};

/* Sizes as input (opset 13 on) or attribute; without them equal parts, the
 * last one smaller where num_outputs does not divide (opset 18). */
static PetStatus
split_sizes (const PetNode *node, const PetTensor *input, int64_t dim,
    PetInts *sizes, PetError *error)
{
  int64_t n = node->n_outputs, each = (dim + n - 1) / n, sum = 0;

  sizes->count = 0;
  if (node->opset < 13)
    PET_TRY (pet_op_attr_ints (node, "split", sizes, error));
  else if (input->type != PET_TYPE_NONE)
    PET_TRY (pet_op_ints (input, "split", sizes, error));
  if (sizes->count == 0) {
    if (n > PET_OP_MAX_INTS)
      return pet_fail (
          error, PET_ERROR_UNSUPPORTED, "more than %d parts", PET_OP_MAX_INTS);
    if (pet_node_int (node, "num_outputs", n) != n ||
        (node->opset < 18 && dim % n != 0) || each * (n - 1) > dim)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "%lld does not split into %lld parts", (long long) dim,
          (long long) n);
    for (; sizes->count < n; sizes->count++)
      sizes->at[sizes->count] =
          sizes->count < n - 1 ? each : dim - each * (n - 1);
  }
  for (int i = 0; i < sizes->count; i++) {
    if (sizes->at[i] < 0 || sizes->at[i] > dim - sum)
      return pet_fail (
          error, PET_ERROR_CORRUPT, "the parts do not add up to the whole");
    sum += sizes->at[i];
  }
  if (sum != dim || sizes->count != n)
    return pet_fail (
        error, PET_ERROR_CORRUPT, "the parts do not add up to the whole");
  return PET_OK;
}

static PetStatus
split_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetInts sizes;
  int axis;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (pet_op_axis (
      pet_node_int (node, "axis", 0), x->shape.rank, "axis", &axis, error));
  PET_TRY (split_sizes (node, pet_node_input (graph, node, 1),
      x->shape.dim[axis], &sizes, error));
  for (int i = 0; i < node->n_outputs; i++) {
    outputs[i].type = x->type;
    outputs[i].shape = x->shape;
    outputs[i].shape.dim[axis] = sizes.at[i];
  }
  return PET_OK;
}

/* Parts that nobody wants have neither data nor shape. */
static void
split_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  static const PetTensor absent;
  const PetShape *shape = &inputs[0].shape;
  int axis = axis_of (node, 0, shape);
  size_t each = pet_inner (shape, axis + 1) * pet_type_bytes (inputs[0].type);
  size_t whole = (size_t) shape->dim[axis] * each, at = 0;
  PetInts sizes;

  if (split_sizes (node, node->n_inputs > 1 ? &inputs[1] : &absent,
          shape->dim[axis], &sizes, NULL) != PET_OK)
    return;
  for (int i = 0; i < node->n_outputs; i++) {
    size_t part = (size_t) sizes.at[i] * each;

    if (outputs[i].data != NULL)
      copy_part (outputs[i].data, part, (const char *) inputs[0].data + at,
          whole, part, pet_outer (shape, axis));
    at += part;
  }
}

const PetOp pet_op_split = {
  .type = "Split",
  .min_inputs = 1,
  .max_inputs = 2,
  .max_outputs = PET_OP_MAX_INTS,
  .infer = split_infer,
  .run = split_run,
};
