/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gather, GatherElements, GatherND, ScatterElements and ScatterND, data of any
 * type. Negative indices count from the end. An index out of range is an error
 * where the indices are constant; at run time it reads as 0 and writes
 * nothing. */

#include "nn/ref/pet-op-util.h"

static PetStatus
check_indices (const PetTensor *indices, int64_t dim, PetError *error)
{
  size_t count = pet_elements (indices);

  if (indices->data == NULL)
    return PET_OK;
  for (size_t i = 0; i < count; i++) {
    int64_t index = pet_get_int (indices, i);

    if (index < -dim || index >= dim)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "index %lld is out of range for %lld", (long long) index,
          (long long) dim);
  }
  return PET_OK;
}

static PetStatus
check_types (const PetTensor *x, const PetTensor *indices, PetError *error)
{
  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  return pet_op_type (indices,
      PET_MASK (PET_TYPE_I64) | PET_MASK (PET_TYPE_I32), "indices", error);
}

/* Whether `index` is in range; then *place is it, from 0. */
static bool
resolve (int64_t index, int64_t dim, size_t *place)
{
  if (index < -dim || index >= dim)
    return false;
  *place = (size_t) (index < 0 ? index + dim : index);
  return true;
}

static PetStatus
gather_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *indices = pet_node_input (graph, node, 1);
  PetShape *shape = &outputs[0].shape;
  int axis;

  PET_TRY (check_types (x, indices, error));
  PET_TRY (pet_op_axis (
      pet_node_int (node, "axis", 0), x->shape.rank, "axis", &axis, error));
  PET_TRY (check_indices (indices, x->shape.dim[axis], error));
  if (x->shape.rank - 1 + indices->shape.rank > PET_MAX_RANK)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "more than %d dimensions", PET_MAX_RANK);
  outputs[0].type = x->type;
  for (int i = 0; i < axis; i++)
    shape->dim[shape->rank++] = x->shape.dim[i];
  for (int i = 0; i < indices->shape.rank; i++)
    shape->dim[shape->rank++] = indices->shape.dim[i];
  for (int i = axis + 1; i < x->shape.rank; i++)
    shape->dim[shape->rank++] = x->shape.dim[i];
  return PET_OK;
}

static int
axis_of (const PetNode *node, const PetShape *shape)
{
  int64_t axis = pet_node_int (node, "axis", 0);

  return (int) (axis < 0 ? axis + shape->rank : axis);
}

static void
gather_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  int axis = axis_of (node, shape);
  size_t inner = pet_inner (shape, axis + 1) * pet_type_bytes (inputs[0].type);
  size_t dim = (size_t) shape->dim[axis], outer = pet_outer (shape, axis);
  size_t count = pet_elements (&inputs[1]), place;
  const char *from = inputs[0].data;
  char *to = outputs[0].data;

  if (inner == 0)
    return;
  for (size_t o = 0; o < outer; o++, from += dim * inner)
    for (size_t i = 0; i < count; i++, to += inner)
      if (resolve (pet_get_int (&inputs[1], i), (int64_t) dim, &place))
        memcpy (to, from + place * inner, inner);
      else
        memset (to, 0, inner);
}

const PetOp pet_op_gather = {
  .type = "Gather",
  .min_inputs = 2,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = gather_infer,
  .run = gather_run,
};

/* The indices' shape may not be larger than the data's beside the axis. */
static PetStatus
check_element_shapes (
    const PetShape *x, const PetShape *indices, int axis, PetError *error)
{
  bool fits = x->rank == indices->rank;

  for (int i = 0; fits && i < x->rank; i++)
    fits = i == axis || indices->dim[i] <= x->dim[i];
  if (!fits)
    return pet_fail (
        error, PET_ERROR_CORRUPT, "the indices' shape does not fit the data's");
  return PET_OK;
}

static PetStatus
gatherelements_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *indices = pet_node_input (graph, node, 1);
  int axis;

  PET_TRY (check_types (x, indices, error));
  PET_TRY (pet_op_axis (
      pet_node_int (node, "axis", 0), x->shape.rank, "axis", &axis, error));
  PET_TRY (check_element_shapes (&x->shape, &indices->shape, axis, error));
  PET_TRY (check_indices (indices, x->shape.dim[axis], error));
  outputs[0].type = x->type;
  outputs[0].shape = indices->shape;
  return PET_OK;
}

/* Walks the elements of the indices together with the places of data that lie
 * at the same coordinates, but for the axis. */
static void
element_loop (
    PetLoop *loop, const PetShape *indices, const PetShape *x, int axis)
{
  int64_t dense[PET_MAX_RANK], stride[PET_MAX_RANK];

  pet_dense_strides (indices, dense);
  pet_dense_strides (x, stride);
  stride[axis] = 0;
  pet_loop_init (loop, indices, 2);
  pet_loop_operand (loop, 0, dense);
  pet_loop_operand (loop, 1, stride);
  pet_loop_start (loop);
}

static void
gatherelements_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  int axis = axis_of (node, shape);
  size_t bytes = pet_type_bytes (inputs[0].type), place;
  size_t stride = pet_inner (shape, axis + 1);
  PetLoop loop;

  for (element_loop (&loop, &inputs[1].shape, shape, axis); loop.more;
       pet_loop_next (&loop))
    for (size_t i = 0; i < loop.row; i++) {
      size_t at = (size_t) loop.at[0] + i;
      int64_t base = loop.at[1] + (int64_t) i * loop.step[1];
      char *to = (char *) outputs[0].data + at * bytes;

      if (resolve (pet_get_int (&inputs[1], at), shape->dim[axis], &place))
        memcpy (to,
            (const char *) inputs[0].data +
                ((size_t) base + place * stride) * bytes,
            bytes);
      else
        memset (to, 0, bytes);
    }
}

const PetOp pet_op_gatherelements = {
  .type = "GatherElements",
  .min_inputs = 2,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = gatherelements_infer,
  .run = gatherelements_run,
};

static PetStatus
check_updates (const PetGraph *graph, const PetNode *node, PetTensor *output,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *indices = pet_node_input (graph, node, 1);
  const char *reduction = pet_node_string (node, "reduction", "none");

  PET_TRY (check_types (x, indices, error));
  PET_TRY (
      pet_op_same_type (x, pet_node_input (graph, node, 2), "updates", error));
  if (strcmp (reduction, "none") != 0)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "reduction '%.20s' is not supported", reduction);
  output->type = x->type;
  output->shape = x->shape;
  return PET_OK;
}

static PetStatus
scatterelements_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *indices = pet_node_input (graph, node, 1);
  int axis;

  PET_TRY (check_updates (graph, node, &outputs[0], error));
  PET_TRY (pet_op_axis (
      pet_node_int (node, "axis", 0), x->shape.rank, "axis", &axis, error));
  PET_TRY (check_element_shapes (&x->shape, &indices->shape, axis, error));
  if (!pet_shape_equal (
          &indices->shape, &pet_node_input (graph, node, 2)->shape))
    return pet_fail (
        error, PET_ERROR_CORRUPT, "the updates' shape is not the indices'");
  return check_indices (indices, x->shape.dim[axis], error);
}

static void
scatterelements_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  int axis = axis_of (node, shape);
  size_t bytes = pet_type_bytes (inputs[0].type), place;
  size_t stride = pet_inner (shape, axis + 1);
  PetLoop loop;

  memcpy (outputs[0].data, inputs[0].data, pet_elements (outputs) * bytes);
  for (element_loop (&loop, &inputs[1].shape, shape, axis); loop.more;
       pet_loop_next (&loop))
    for (size_t i = 0; i < loop.row; i++) {
      size_t at = (size_t) loop.at[0] + i;
      int64_t base = loop.at[1] + (int64_t) i * loop.step[1];

      if (resolve (pet_get_int (&inputs[1], at), shape->dim[axis], &place))
        memcpy (
            (char *) outputs[0].data + ((size_t) base + place * stride) * bytes,
            (const char *) inputs[2].data + at * bytes, bytes);
    }
}

const PetOp pet_op_scatterelements = {
  .type = "ScatterElements",
  .min_inputs = 3,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = scatterelements_infer,
  .run = scatterelements_run,
};

/* The last dimension of the indices holds tuples into the dimensions of the
 * data from `batch` on. */
static PetStatus
check_tuples (
    const PetTensor *x, const PetTensor *indices, int batch, PetError *error)
{
  int rank = indices->shape.rank;
  int64_t length = rank > 0 ? indices->shape.dim[rank - 1] : 0;
  size_t count = pet_elements (indices);

  if (batch < 0 || batch >= rank || length < 1 ||
      length > x->shape.rank - batch)
    return pet_fail (
        error, PET_ERROR_CORRUPT, "the indices' shape does not fit the data's");
  for (size_t i = 0; indices->data != NULL && i < count; i++) {
    int64_t index = pet_get_int (indices, i);
    int64_t dim = x->shape.dim[batch + (int) (i % (size_t) length)];

    if (index < -dim || index >= dim)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "index %lld is out of range for %lld", (long long) index,
          (long long) dim);
  }
  return PET_OK;
}

/* Element offset that tuple `at` of length `length` means; false when out of
 * range. */
static bool
resolve_tuple (const PetTensor *indices, size_t at, int length,
    const PetShape *x, int batch, size_t *offset)
{
  *offset = 0;
  for (int i = 0; i < length; i++) {
    size_t place;

    if (!resolve (pet_get_int (indices, at * (size_t) length + (size_t) i),
            x->dim[batch + i], &place))
      return false;
    *offset += place * pet_inner (x, batch + i + 1);
  }
  return true;
}

static PetStatus
gathernd_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *indices = pet_node_input (graph, node, 1);
  int64_t batch = pet_node_int (node, "batch_dims", 0);
  PetShape *shape = &outputs[0].shape;
  int length;

  PET_TRY (check_types (x, indices, error));
  if (batch < 0 || batch > PET_MAX_RANK)
    batch = -1;
  PET_TRY (check_tuples (x, indices, (int) batch, error));
  length = (int) indices->shape.dim[indices->shape.rank - 1];
  outputs[0].type = x->type;
  for (int i = 0; i < batch; i++)
    if (x->shape.dim[i] != indices->shape.dim[i])
      return pet_fail (error, PET_ERROR_CORRUPT,
          "data and indices are batches of different sizes");
  if (indices->shape.rank - 1 + x->shape.rank - batch - length > PET_MAX_RANK)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "more than %d dimensions", PET_MAX_RANK);
  for (int i = 0; i < indices->shape.rank - 1; i++)
    shape->dim[shape->rank++] = indices->shape.dim[i];
  for (int i = (int) batch + length; i < x->shape.rank; i++)
    shape->dim[shape->rank++] = x->shape.dim[i];
  return PET_OK;
}

static void
gathernd_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *x = &inputs[0].shape, *shape = &inputs[1].shape;
  int batch = (int) pet_node_int (node, "batch_dims", 0);
  int length = (int) shape->dim[shape->rank - 1];
  size_t bytes = pet_type_bytes (inputs[0].type);
  size_t part = pet_inner (x, batch + length) * bytes;
  size_t batches = pet_outer (x, batch), offset;
  size_t tuples = pet_elements (&inputs[1]) / (size_t) length;
  char *to = outputs[0].data;

  for (size_t i = 0; i < tuples && part > 0; i++, to += part) {
    size_t base = i / (tuples / batches) * pet_inner (x, batch);

    if (resolve_tuple (&inputs[1], i, length, x, batch, &offset))
      memcpy (
          to, (const char *) inputs[0].data + (base + offset) * bytes, part);
    else
      memset (to, 0, part);
  }
}

const PetOp pet_op_gathernd = {
  .type = "GatherND",
  .min_inputs = 2,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = gathernd_infer,
  .run = gathernd_run,
};

static PetStatus
scatternd_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *indices = pet_node_input (graph, node, 1);
  const PetTensor *updates = pet_node_input (graph, node, 2);
  size_t part;
  int length;

  PET_TRY (check_updates (graph, node, &outputs[0], error));
  PET_TRY (check_tuples (x, indices, 0, error));
  length = (int) indices->shape.dim[indices->shape.rank - 1];
  part = pet_inner (&x->shape, length);
  if (pet_elements (updates) !=
      pet_outer (&indices->shape, indices->shape.rank - 1) * part)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "the updates' shape does not fit the indices'");
  return PET_OK;
}

static void
scatternd_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *x = &inputs[0].shape, *shape = &inputs[1].shape;
  int length = (int) shape->dim[shape->rank - 1];
  size_t bytes = pet_type_bytes (inputs[0].type);
  size_t part = pet_inner (x, length) * bytes, offset;
  size_t tuples = pet_outer (shape, shape->rank - 1);
  const char *from = inputs[2].data;

  memcpy (outputs[0].data, inputs[0].data, pet_elements (outputs) * bytes);
  for (size_t i = 0; i < tuples && part > 0; i++, from += part)
    if (resolve_tuple (&inputs[1], i, length, x, 0, &offset))
      memcpy ((char *) outputs[0].data + offset * bytes, from, part);
}

const PetOp pet_op_scatternd = {
  .type = "ScatterND",
  .min_inputs = 3,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = scatternd_infer,
  .run = scatternd_run,
};
