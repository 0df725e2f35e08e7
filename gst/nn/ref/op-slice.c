/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Slice, with attributes (opset < 10) or constant inputs, of any type. */

#include "nn/ref/pet-op-util.h"

typedef struct {
  PetShape shape;
  int64_t start[PET_MAX_RANK], step[PET_MAX_RANK];
} Slice;

static int64_t
clamp (int64_t x, int64_t low, int64_t high)
{
  return x < low ? low : x > high ? high : x;
}

/* One axis, as Python's slices. */
static void
slice_axis (int64_t dim, int64_t start, int64_t end, int64_t step,
    int64_t *first, int64_t *count)
{
  start += start < 0 ? dim : 0;
  end += end < 0 ? dim : 0;
  *first = 0;
  *count = 0;
  if (dim == 0)
    return;
  if (step > 0) {
    start = clamp (start, 0, dim);
    end = clamp (end, 0, dim);
    *count = end > start ? (end - start - 1) / step + 1 : 0;
  } else {
    start = clamp (start, 0, dim - 1);
    end = clamp (end, -1, dim - 1);
    *count = start > end ? (start - end - 1) / -step + 1 : 0;
  }
  *first = *count > 0 ? start : 0;
}

typedef struct {
  PetInts starts, ends, axes, steps;
} Bounds;

static PetStatus
bounds_from_inputs (
    const PetTensor *const inputs[4], Bounds *bounds, PetError *error)
{
  PET_TRY (pet_op_ints (inputs[0], "starts", &bounds->starts, error));
  PET_TRY (pet_op_ints (inputs[1], "ends", &bounds->ends, error));
  bounds->axes.count = bounds->steps.count = 0;
  if (inputs[2]->type != PET_TYPE_NONE)
    PET_TRY (pet_op_ints (inputs[2], "axes", &bounds->axes, error));
  if (inputs[3]->type != PET_TYPE_NONE)
    PET_TRY (pet_op_ints (inputs[3], "steps", &bounds->steps, error));
  return PET_OK;
}

static PetStatus
bounds_from_attrs (const PetNode *node, Bounds *bounds, PetError *error)
{
  PET_TRY (pet_op_attr_ints (node, "starts", &bounds->starts, error));
  PET_TRY (pet_op_attr_ints (node, "ends", &bounds->ends, error));
  PET_TRY (pet_op_attr_ints (node, "axes", &bounds->axes, error));
  bounds->steps.count = 0;
  return PET_OK;
}

static PetStatus
check_bounds (const PetShape *shape, Bounds *bounds, PetError *error)
{
  int n = bounds->starts.count;
  bool seen[PET_MAX_RANK];

  if (bounds->axes.count == 0 && n <= shape->rank)
    for (; bounds->axes.count < n; bounds->axes.count++)
      bounds->axes.at[bounds->axes.count] = bounds->axes.count;
  if (bounds->steps.count == 0)
    for (; bounds->steps.count < n; bounds->steps.count++)
      bounds->steps.at[bounds->steps.count] = 1;
  if (bounds->ends.count != n || bounds->axes.count != n ||
      bounds->steps.count != n)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "starts, ends, axes and steps are not equally many");
  for (int i = 0; i < n; i++)
    if (bounds->steps.at[i] == 0)
      return pet_fail (error, PET_ERROR_CORRUPT, "a step is 0");
  return pet_op_axes (bounds->axes.at, (size_t) n, shape->rank, seen, error);
}

static PetStatus
slice_resolve (const PetNode *node, const PetShape *shape,
    const PetTensor *const inputs[4], Slice *slice, PetError *error)
{
  const int64_t far = INT64_MAX / 2;
  Bounds bounds;

  if (node->opset < 10)
    PET_TRY (bounds_from_attrs (node, &bounds, error));
  else
    PET_TRY (bounds_from_inputs (inputs, &bounds, error));
  PET_TRY (check_bounds (shape, &bounds, error));
  slice->shape = *shape;
  for (int i = 0; i < shape->rank; i++) {
    slice->start[i] = 0;
    slice->step[i] = 1;
  }
  for (int i = 0; i < bounds.starts.count; i++) {
    int64_t axis = bounds.axes.at[i];

    axis += axis < 0 ? shape->rank : 0;
    slice->step[axis] = clamp (bounds.steps.at[i], -far, far);
    slice_axis (shape->dim[axis], bounds.starts.at[i], bounds.ends.at[i],
        slice->step[axis], &slice->start[axis], &slice->shape.dim[axis]);
  }
  return PET_OK;
}

static PetStatus
slice_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *const inputs[4] = { pet_node_input (graph, node, 1),
    pet_node_input (graph, node, 2), pet_node_input (graph, node, 3),
    pet_node_input (graph, node, 4) };
  Slice slice;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (slice_resolve (node, &x->shape, inputs, &slice, error));
  outputs[0].type = x->type;
  outputs[0].shape = slice.shape;
  return PET_OK;
}

static void
slice_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  static const PetTensor absent;
  const PetTensor *list[4];
  int64_t dense[PET_MAX_RANK], from[PET_MAX_RANK];
  size_t bytes = pet_type_bytes (outputs[0].type);
  int64_t first = 0;
  Slice slice;

  for (int i = 0; i < 4; i++)
    list[i] = i + 1 < node->n_inputs ? &inputs[i + 1] : &absent;
  if (slice_resolve (node, &inputs[0].shape, list, &slice, NULL) != PET_OK)
    return;
  pet_dense_strides (&outputs[0].shape, dense);
  pet_dense_strides (&inputs[0].shape, from);
  for (int i = 0; i < slice.shape.rank; i++) {
    first += slice.start[i] * from[i];
    from[i] = slice.shape.dim[i] > 1 ? from[i] * slice.step[i] : 0;
  }
  pet_copy_strided (&outputs[0].shape, bytes, outputs[0].data, dense,
      (const char *) inputs[0].data + first * (int64_t) bytes, from);
}

const PetOp pet_op_slice = {
  .type = "Slice",
  .min_inputs = 1,
  .max_inputs = 5,
  .max_outputs = 1,
  .infer = slice_infer,
  .run = slice_run,
};
