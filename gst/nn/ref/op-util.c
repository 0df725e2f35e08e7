/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/pet-checked.h"
#include "nn/ref/pet-op-util.h"

PetStatus
pet_op_axis (
    int64_t axis, int rank, const char *what, int *result, PetError *error)
{
  if (axis < -rank || axis >= rank)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "%s %lld is out of range for %d dimensions", what, (long long) axis,
        rank);
  *result = (int) (axis < 0 ? axis + rank : axis);
  return PET_OK;
}

PetStatus
pet_op_axes (const int64_t *axes, size_t count, int rank,
    bool seen[PET_MAX_RANK], PetError *error)
{
  memset (seen, 0, PET_MAX_RANK * sizeof *seen);
  for (size_t i = 0; i < count; i++) {
    int axis = 0;

    PET_TRY (pet_op_axis (axes[i], rank, "axis", &axis, error));
    if (seen[axis])
      return pet_fail (
          error, PET_ERROR_CORRUPT, "axis %d is given twice", axis);
    seen[axis] = true;
  }
  return PET_OK;
}

PetStatus
pet_op_type (
    const PetTensor *tensor, unsigned mask, const char *what, PetError *error)
{
  if (tensor->type == PET_TYPE_NONE || !(mask & PET_MASK (tensor->type)))
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "%s of type %s is not supported", what, pet_type_name (tensor->type));
  return PET_OK;
}

PetStatus
pet_op_same_type (
    const PetTensor *a, const PetTensor *b, const char *what, PetError *error)
{
  if (a->type != b->type)
    return pet_fail (error, PET_ERROR_CORRUPT, "%s is %s, the data is %s", what,
        pet_type_name (b->type), pet_type_name (a->type));
  return PET_OK;
}

PetStatus
pet_op_ints (
    const PetTensor *tensor, const char *what, PetInts *ints, PetError *error)
{
  size_t count;

  ints->count = 0;
  if (tensor->type != PET_TYPE_I64 && tensor->type != PET_TYPE_I32)
    return pet_fail (error, PET_ERROR_CORRUPT, "%s is %s, not int64", what,
        pet_type_name (tensor->type));
  if (tensor->shape.rank > 1)
    return pet_fail (error, PET_ERROR_CORRUPT, "%s is no list", what);
  count = pet_elements (tensor);
  if (count > PET_OP_MAX_INTS)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "%s has more than %d numbers", what, PET_OP_MAX_INTS);
  if (tensor->data == NULL)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "%s depends on the input data; only constants are supported", what);
  for (size_t i = 0; i < count; i++)
    ints->at[i] = pet_get_int (tensor, i);
  ints->count = (int) count;
  return PET_OK;
}

PetStatus
pet_op_attr_ints (
    const PetNode *node, const char *name, PetInts *ints, PetError *error)
{
  size_t count;
  const int64_t *values = pet_node_ints (node, name, &count);

  ints->count = 0;
  if (count > PET_OP_MAX_INTS)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "%s has more than %d numbers", name, PET_OP_MAX_INTS);
  for (size_t i = 0; i < count; i++)
    ints->at[i] = values[i];
  ints->count = (int) count;
  return PET_OK;
}

PetStatus
pet_op_axes_of (const PetGraph *graph, const PetNode *node, int since,
    int index, PetInts *axes, PetError *error)
{
  const PetTensor *input = pet_node_input (graph, node, index);

  axes->count = 0;
  if (node->opset < since)
    return pet_op_attr_ints (node, "axes", axes, error);
  if (input->type == PET_TYPE_NONE)
    return PET_OK;
  return pet_op_ints (input, "axes", axes, error);
}

PetStatus
pet_op_broadcast (PetShape *shape, const PetShape *from, PetError *error)
{
  char a[PET_SHAPE_TEXT_SIZE], b[PET_SHAPE_TEXT_SIZE];
  int rank = shape->rank > from->rank ? shape->rank : from->rank;
  PetShape result = { .rank = rank };

  for (int i = 1; i <= rank; i++) {
    int64_t x = i <= shape->rank ? shape->dim[shape->rank - i] : 1;
    int64_t y = i <= from->rank ? from->dim[from->rank - i] : 1;

    if (x != y && x != 1 && y != 1)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "shapes %s and %s do not go together", pet_shape_text (shape, a),
          pet_shape_text (from, b));
    result.dim[rank - i] = x == 1 ? y : x;
  }
  *shape = result;
  return PET_OK;
}

size_t
pet_elements (const PetTensor *tensor)
{
  return pet_inner (&tensor->shape, 0);
}

size_t
pet_outer (const PetShape *shape, int axis)
{
  size_t product = 1;

  for (int i = 0; i < axis; i++)
    product *= (size_t) shape->dim[i];
  return product;
}

size_t
pet_inner (const PetShape *shape, int axis)
{
  size_t product = 1;

  for (int i = axis; i < shape->rank; i++)
    product *= (size_t) shape->dim[i];
  return product;
}

size_t
pet_op_product (size_t a, size_t b)
{
  size_t product;

  return pet_mul_size (a, b, &product) ? product : SIZE_MAX;
}

void
pet_dense_strides (const PetShape *shape, int64_t stride[PET_MAX_RANK])
{
  int64_t step = 1;

  for (int i = shape->rank - 1; i >= 0; i--) {
    stride[i] = step;
    step *= shape->dim[i];
  }
}

void
pet_loop_init (PetLoop *loop, const PetShape *shape, int n)
{
  memset (loop, 0, sizeof *loop);
  loop->n = n;
  loop->rank = shape->rank;
  for (int i = 0; i < shape->rank; i++)
    loop->dim[i] = shape->dim[i];
}

void
pet_loop_operand (
    PetLoop *loop, int operand, const int64_t stride[PET_MAX_RANK])
{
  for (int i = 0; i < loop->rank; i++)
    loop->stride[operand][i] = loop->dim[i] == 1 ? 0 : stride[i];
}

void
pet_loop_broadcast (PetLoop *loop, int operand, const PetShape *from)
{
  int64_t dense[PET_MAX_RANK], stride[PET_MAX_RANK] = { 0 };
  int skip = loop->rank - from->rank;

  pet_dense_strides (from, dense);
  for (int i = 0; i < from->rank; i++)
    stride[skip + i] = from->dim[i] == 1 ? 0 : dense[i];
  pet_loop_operand (loop, operand, stride);
}

/* Dimension `i` continues in `i + 1` for every operand. */
static bool
can_join (const PetLoop *loop, int i)
{
  for (int k = 0; k < loop->n; k++)
    if (loop->stride[k][i] != loop->stride[k][i + 1] * loop->dim[i + 1])
      return false;
  return true;
}

static void
remove_dim (PetLoop *loop, int at)
{
  loop->rank--;
  for (int i = at; i < loop->rank; i++) {
    loop->dim[i] = loop->dim[i + 1];
    for (int k = 0; k < loop->n; k++)
      loop->stride[k][i] = loop->stride[k][i + 1];
  }
}

static void
join_dims (PetLoop *loop)
{
  for (int i = loop->rank - 1; i >= 0; i--)
    if (loop->dim[i] == 1)
      remove_dim (loop, i);
  for (int i = loop->rank - 2; i >= 0; i--)
    if (can_join (loop, i)) {
      loop->dim[i + 1] *= loop->dim[i];
      remove_dim (loop, i);
    }
}

void
pet_loop_start (PetLoop *loop)
{
  loop->more = true;
  for (int i = 0; i < loop->rank; i++)
    if (loop->dim[i] == 0)
      loop->more = false;
  if (loop->more)
    join_dims (loop);
  loop->row = 1;
  if (loop->rank == 0)
    return;
  loop->rank--;
  loop->row = (size_t) loop->dim[loop->rank];
  for (int k = 0; k < loop->n; k++)
    loop->step[k] = loop->stride[k][loop->rank];
}

void
pet_loop_next (PetLoop *loop)
{
  for (int i = loop->rank - 1; i >= 0; i--) {
    for (int k = 0; k < loop->n; k++)
      loop->at[k] += loop->stride[k][i];
    if (++loop->index[i] < loop->dim[i])
      return;
    loop->index[i] = 0;
    for (int k = 0; k < loop->n; k++)
      loop->at[k] -= loop->stride[k][i] * loop->dim[i];
  }
  loop->more = false;
}

static void
copy_row (char *to, int64_t to_step, const char *from, int64_t from_step,
    size_t count, size_t bytes)
{
  if (to_step == 1 && from_step == 1) {
    memcpy (to, from, count * bytes);
    return;
  }
  to_step *= (int64_t) bytes;
  from_step *= (int64_t) bytes;
  for (size_t i = 0; i < count; i++, to += to_step, from += from_step)
    if (bytes == 4)
      memcpy (to, from, 4);
    else
      memcpy (to, from, bytes);
}

void
pet_copy_strided (const PetShape *shape, size_t bytes, void *to,
    const int64_t to_stride[PET_MAX_RANK], const void *from,
    const int64_t from_stride[PET_MAX_RANK])
{
  PetLoop loop;

  pet_loop_init (&loop, shape, 2);
  pet_loop_operand (&loop, 0, to_stride);
  pet_loop_operand (&loop, 1, from_stride);
  for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop))
    copy_row ((char *) to + loop.at[0] * (int64_t) bytes, loop.step[0],
        (const char *) from + loop.at[1] * (int64_t) bytes, loop.step[1],
        loop.row, bytes);
}

PetStatus
pet_op_infer_same (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);

  PET_TRY (pet_op_type (x, PET_MASK_FLOAT, "data", error));
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return PET_OK;
}
