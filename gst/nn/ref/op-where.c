/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where, Not, Expand: choosing, turning round and spreading, of any type. */

#include "nn/ref/pet-op-util.h"

static PetStatus
where_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *condition = pet_node_input (graph, node, 0);
  const PetTensor *x = pet_node_input (graph, node, 1);
  const PetTensor *y = pet_node_input (graph, node, 2);

  PET_TRY (
      pet_op_type (condition, PET_MASK (PET_TYPE_BOOL), "condition", error));
  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (pet_op_same_type (x, y, "the other data", error));
  outputs[0].type = x->type;
  outputs[0].shape = condition->shape;
  PET_TRY (pet_op_broadcast (&outputs[0].shape, &x->shape, error));
  return pet_op_broadcast (&outputs[0].shape, &y->shape, error);
}

static void
where_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  size_t bytes = pet_type_bytes (outputs[0].type);
  int64_t dense[PET_MAX_RANK];
  PetLoop loop;

  pet_dense_strides (&outputs[0].shape, dense);
  pet_loop_init (&loop, &outputs[0].shape, 4);
  pet_loop_operand (&loop, 0, dense);
  for (int i = 0; i < 3; i++)
    pet_loop_broadcast (&loop, i + 1, &inputs[i].shape);
  for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop))
    for (size_t i = 0; i < loop.row; i++) {
      int64_t at = (int64_t) i;
      const uint8_t *condition = inputs[0].data;
      bool is_x = condition[loop.at[1] + at * loop.step[1]] != 0;
      int from = is_x ? 2 : 3;
      size_t place = (size_t) (loop.at[from] + at * loop.step[from]);

      memcpy ((char *) outputs[0].data + (size_t) (loop.at[0] + at) * bytes,
          (const char *) inputs[from - 1].data + place * bytes, bytes);
    }
}

const PetOp pet_op_where = {
  .type = "Where",
  .min_inputs = 3,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = where_infer,
  .run = where_run,
};

static PetStatus
not_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);

  PET_TRY (pet_op_type (x, PET_MASK (PET_TYPE_BOOL), "data", error));
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return PET_OK;
}

static void
not_run (const PetNode *node, const PetTensor *inputs, const PetTensor *outputs,
    void *scratch)
{
  const uint8_t *from = inputs[0].data;
  uint8_t *to = outputs[0].data;
  size_t count = pet_elements (outputs);

  for (size_t i = 0; i < count; i++)
    to[i] = from[i] == 0;
}

const PetOp pet_op_not = {
  .type = "Not",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = not_infer,
  .run = not_run,
};

static PetStatus
expand_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetShape wanted;
  PetInts dims;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (
      pet_op_ints (pet_node_input (graph, node, 1), "shape", &dims, error));
  if (dims.count > PET_MAX_RANK)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "more than %d dimensions", PET_MAX_RANK);
  wanted.rank = dims.count;
  for (int i = 0; i < dims.count; i++) {
    wanted.dim[i] = dims.at[i];
    if (dims.at[i] < 0)
      return pet_fail (
          error, PET_ERROR_CORRUPT, "the shape has a negative dimension");
  }
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return pet_op_broadcast (&outputs[0].shape, &wanted, error);
}

static void
expand_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  int64_t dense[PET_MAX_RANK], own[PET_MAX_RANK];
  int64_t spread[PET_MAX_RANK] = { 0 };
  const PetShape *shape = &inputs[0].shape;
  int skip = outputs[0].shape.rank - shape->rank;

  pet_dense_strides (&outputs[0].shape, dense);
  pet_dense_strides (shape, own);
  for (int i = 0; i < shape->rank; i++)
    spread[skip + i] = shape->dim[i] == 1 ? 0 : own[i];
  pet_copy_strided (&outputs[0].shape, pet_type_bytes (outputs[0].type),
      outputs[0].data, dense, inputs[0].data, spread);
}

const PetOp pet_op_expand = {
  .type = "Expand",
  .min_inputs = 2,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = expand_infer,
  .run = expand_run,
};
