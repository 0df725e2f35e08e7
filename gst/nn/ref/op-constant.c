/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Constant, ConstantOfShape, Range, and the shapes of tensors as tensors:
 * Shape and Size. All of them are folded. */

#include "nn/ref/pet-op-util.h"

/* The attribute that holds a Constant's value. */
static const PetAttr *
value_of (const PetNode *node)
{
  static const char *const names[] = { "value", "value_float", "value_floats",
    "value_int", "value_ints" };

  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const PetAttr *attr = pet_node_attr (node, names[i]);

    if (attr != NULL)
      return attr;
  }
  return NULL;
}

static PetStatus
constant_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetAttr *attr = value_of (node);
  bool is_list;

  if (attr == NULL || attr->kind == PET_ATTR_STRING ||
      attr->kind == PET_ATTR_STRINGS)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "its value is of no supported kind");
  if (attr->kind == PET_ATTR_TENSOR) {
    outputs[0].type = attr->tensor.type;
    outputs[0].shape = attr->tensor.shape;
    return PET_OK;
  }
  is_list = attr->kind == PET_ATTR_FLOATS || attr->kind == PET_ATTR_INTS;
  outputs[0].type =
      attr->kind == PET_ATTR_FLOAT || attr->kind == PET_ATTR_FLOATS
      ? PET_TYPE_F32
      : PET_TYPE_I64;
  outputs[0].shape.rank = is_list ? 1 : 0;
  outputs[0].shape.dim[0] = is_list ? (int64_t) attr->count : 0;
  return PET_OK;
}

static void
constant_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetAttr *attr = value_of (node);
  const void *from = attr->kind == PET_ATTR_TENSOR ? attr->tensor.data
      : attr->kind == PET_ATTR_FLOAT               ? &attr->f
      : attr->kind == PET_ATTR_FLOATS              ? attr->floats
      : attr->kind == PET_ATTR_INT                 ? (const void *) &attr->i
                                                   : attr->ints;

  memcpy (outputs[0].data, from,
      pet_elements (outputs) * pet_type_bytes (outputs[0].type));
}

const PetOp pet_op_constant = {
  .type = "Constant",
  .min_inputs = 0,
  .max_inputs = 0,
  .max_outputs = 1,
  .infer = constant_infer,
  .run = constant_run,
};

static PetStatus
constantofshape_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  const PetAttr *value = pet_node_attr (node, "value");
  PetInts dims;

  PET_TRY (
      pet_op_ints (pet_node_input (graph, node, 0), "shape", &dims, error));
  if (dims.count > PET_MAX_RANK)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "more than %d dimensions", PET_MAX_RANK);
  if (value != NULL &&
      (value->kind != PET_ATTR_TENSOR || pet_elements (&value->tensor) != 1))
    return pet_fail (error, PET_ERROR_CORRUPT, "its value is no single number");
  outputs[0].type = value != NULL ? value->tensor.type : PET_TYPE_F32;
  outputs[0].shape.rank = dims.count;
  for (int i = 0; i < dims.count; i++) {
    outputs[0].shape.dim[i] = dims.at[i];
    if (dims.at[i] < 0)
      return pet_fail (
          error, PET_ERROR_CORRUPT, "the shape has a negative dimension");
  }
  return PET_OK;
}

static void
constantofshape_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetAttr *value = pet_node_attr (node, "value");
  size_t bytes = pet_type_bytes (outputs[0].type);
  size_t count = pet_elements (outputs);

  if (value == NULL)
    memset (outputs[0].data, 0, count * bytes);
  else
    for (size_t i = 0; i < count; i++)
      memcpy ((char *) outputs[0].data + i * bytes, value->tensor.data, bytes);
}

const PetOp pet_op_constantofshape = {
  .type = "ConstantOfShape",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = constantofshape_infer,
  .run = constantofshape_run,
};

static int
clamp_axis (int64_t axis, int rank)
{
  axis += axis < 0 ? rank : 0;
  return axis < 0 ? 0 : axis > rank ? rank : (int) axis;
}

static int
shape_start (const PetNode *node, int rank)
{
  return clamp_axis (pet_node_int (node, "start", 0), rank);
}

static PetStatus
shape_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  int rank = pet_node_input (graph, node, 0)->shape.rank;
  int start = shape_start (node, rank);
  int end = clamp_axis (pet_node_int (node, "end", rank), rank);

  outputs[0].type = PET_TYPE_I64;
  outputs[0].shape.rank = 1;
  outputs[0].shape.dim[0] = end > start ? end - start : 0;
  return PET_OK;
}

static void
shape_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  int start = shape_start (node, inputs[0].shape.rank);
  int64_t *to = outputs[0].data;

  for (int64_t i = 0; i < outputs[0].shape.dim[0]; i++)
    to[i] = inputs[0].shape.dim[start + i];
}

const PetOp pet_op_shape = {
  .type = "Shape",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = shape_infer,
  .run = shape_run,
  .from_shapes = true,
};

static PetStatus
size_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  outputs[0].type = PET_TYPE_I64;
  outputs[0].shape.rank = 0;
  return PET_OK;
}

static void
size_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  *(int64_t *) outputs[0].data = (int64_t) pet_elements (&inputs[0]);
}

const PetOp pet_op_size = {
  .type = "Size",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = size_infer,
  .run = size_run,
  .from_shapes = true,
};

static PetStatus
range_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *first = pet_node_input (graph, node, 0);
  double bound[3], count;

  PET_TRY (pet_op_type (first, PET_MASK_NUMBERS, "start", error));
  for (int i = 0; i < 3; i++) {
    const PetTensor *input = pet_node_input (graph, node, i);

    PET_TRY (pet_op_same_type (first, input, "another input", error));
    if (pet_elements (input) != 1 || input->data == NULL)
      return pet_fail (
          error, PET_ERROR_UNSUPPORTED, "only constant numbers are supported");
    bound[i] = pet_get_double (input, 0);
  }
  count = ceil ((bound[1] - bound[0]) / bound[2]);
  if (isnan (count) || count > (double) INT32_MAX)
    return pet_fail (error, PET_ERROR_CORRUPT, "the range has no end");
  outputs[0].type = first->type;
  outputs[0].shape.rank = 1;
  outputs[0].shape.dim[0] = count > 0 ? (int64_t) count : 0;
  return PET_OK;
}

static void
range_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  double start = pet_get_double (&inputs[0], 0);
  double step = pet_get_double (&inputs[2], 0);
  size_t count = pet_elements (outputs);

  for (size_t i = 0; i < count; i++)
    pet_put_double (outputs, i, start + (double) i * step);
}

const PetOp pet_op_range = {
  .type = "Range",
  .min_inputs = 3,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = range_infer,
  .run = range_run,
};
