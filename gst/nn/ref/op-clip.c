/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Clip: limits as attributes (opset < 11) or as scalar inputs. Where min is
 * above max, max wins. */

#include "nn/ref/pet-op-util.h"

static PetStatus
check_limit (const PetTensor *x, const PetTensor *limit, const char *what,
    PetError *error)
{
  if (limit->type == PET_TYPE_NONE)
    return PET_OK;
  PET_TRY (pet_op_same_type (x, limit, what, error));
  if (pet_elements (limit) != 1)
    return pet_fail (error, PET_ERROR_CORRUPT, "%s is no single number", what);
  return PET_OK;
}

static PetStatus
clip_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);

  PET_TRY (pet_op_type (x, PET_MASK_NUMBERS, "data", error));
  PET_TRY (check_limit (x, pet_node_input (graph, node, 1), "min", error));
  PET_TRY (check_limit (x, pet_node_input (graph, node, 2), "max", error));
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return PET_OK;
}

static bool
has_input (const PetNode *node, int index)
{
  return index < node->n_inputs && node->inputs[index] >= 0;
}

static void
clip_floats (
    const PetNode *node, const PetTensor *inputs, const PetTensor *outputs)
{
  float low = pet_node_float (node, "min", -INFINITY);
  float high = pet_node_float (node, "max", INFINITY);
  const float *from = inputs[0].data;
  float *to = outputs[0].data;
  size_t count = pet_elements (outputs);

  if (has_input (node, 1))
    low = *(const float *) inputs[1].data;
  if (has_input (node, 2))
    high = *(const float *) inputs[2].data;
  for (size_t i = 0; i < count; i++) {
    float x = from[i];

    x = x < low ? low : x;
    to[i] = x > high ? high : x;
  }
}

static void
clip_doubles (
    const PetNode *node, const PetTensor *inputs, const PetTensor *outputs)
{
  double low = -INFINITY, high = INFINITY;
  size_t count = pet_elements (outputs);

  if (has_input (node, 1))
    low = pet_get_double (&inputs[1], 0);
  if (has_input (node, 2))
    high = pet_get_double (&inputs[2], 0);
  for (size_t i = 0; i < count; i++) {
    double x = pet_get_double (inputs, i);

    x = x < low ? low : x;
    pet_put_double (outputs, i, x > high ? high : x);
  }
}

static void
clip_ints (
    const PetNode *node, const PetTensor *inputs, const PetTensor *outputs)
{
  int64_t low = INT64_MIN, high = INT64_MAX;
  size_t count = pet_elements (outputs);

  if (has_input (node, 1))
    low = pet_get_int (&inputs[1], 0);
  if (has_input (node, 2))
    high = pet_get_int (&inputs[2], 0);
  for (size_t i = 0; i < count; i++) {
    int64_t x = pet_get_int (inputs, i);

    x = x < low ? low : x;
    pet_put_int (outputs, i, x > high ? high : x);
  }
}

static void
clip_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  if (outputs[0].type == PET_TYPE_F32)
    clip_floats (node, inputs, outputs);
  else if (outputs[0].type == PET_TYPE_F64)
    clip_doubles (node, inputs, outputs);
  else
    clip_ints (node, inputs, outputs);
}

const PetOp pet_op_clip = {
  .type = "Clip",
  .min_inputs = 1,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = clip_infer,
  .run = clip_run,
};
