/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Add, Sub, Mul, Div, Max and Min of a picture and another, or a constant, that
 * is spread over it. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/ref/pet-op-util.h"
#include "pet-cuda-program.h"

typedef struct {
  int a, b; /* values: the picture of the result's size, and the other */
  PetCudaBinaryHow how;
} Pair;

static bool
find_operation (const char *type, PetCudaBinary *op)
{
  static const char *const names[] = { "Add", "Sub", "Mul", "Div", "Max",
    "Min" };

  for (int i = 0; i < (int) (sizeof names / sizeof *names); i++)
    if (strcmp (type, names[i]) == 0) {
      *op = (PetCudaBinary) i;
      return true;
    }
  return false;
}

static const PetTensor *
tensor_of (const PetCudaProgram *program, int value)
{
  return &program->graph->values[value].tensor;
}

/* Dimension `axis` of 4, as numpy aligns shapes: at the end. */
static int64_t
dim_of (const PetShape *shape, int axis)
{
  int at = axis - (4 - shape->rank);

  return at < 0 ? 1 : shape->dim[at];
}

static bool
is_operand (const PetCudaProgram *program, int value)
{
  const PetTensor *tensor = tensor_of (program, value);

  return program->values[value].picture ||
      (tensor->data != NULL && tensor->type == PET_TYPE_F32 &&
          tensor->shape.rank <= 4);
}

/* `b` has a's size or 1 along each axis. */
static bool
spreads_over (const PetShape *b, const PetShape *a)
{
  for (int axis = 0; axis < 4; axis++)
    if (dim_of (b, axis) != 1 && dim_of (b, axis) != dim_of (a, axis))
      return false;
  return true;
}

/* Fills `pair` but for the operation, if `a` is the picture. */
static bool
try_order (const PetCudaProgram *program, const PetNode *node, int a, int b,
    Pair *pair)
{
  const PetShape *result = &tensor_of (program, node->outputs[0])->shape;
  const PetShape *shape_a = &tensor_of (program, a)->shape;
  const PetShape *shape_b = &tensor_of (program, b)->shape;

  if (!program->values[a].picture || !is_operand (program, b) ||
      !pet_shape_equal (shape_a, result) || !spreads_over (shape_b, shape_a))
    return false;
  pair->a = a;
  pair->b = b;
  pair->how.channels = (int) shape_a->dim[1];
  pair->how.spread = dim_of (shape_b, 1) == 1 && program->values[b].picture;
  return true;
}

static bool
find_pair (const PetCudaProgram *program, const PetNode *node, Pair *pair)
{
  memset (pair, 0, sizeof *pair);
  if (!find_operation (node->type, &pair->how.op) || node->n_inputs != 2 ||
      node->n_outputs != 1 || node->inputs[0] < 0 || node->inputs[1] < 0 ||
      node->outputs[0] < 0 || !program->values[node->outputs[0]].picture)
    return false;
  if (try_order (program, node, node->inputs[0], node->inputs[1], pair))
    return true;
  pair->how.swapped = true;
  return try_order (program, node, node->inputs[1], node->inputs[0], pair);
}

bool
pet_cuda_binary_fits (const PetCudaProgram *program, const PetNode *node)
{
  Pair pair;

  return find_pair (program, node, &pair);
}

/* The constant as a float map of its own height and width (1 where it is
 * spread), in all channels of the picture. */
static float *
spread_constant (
    const PetTensor *tensor, int channels, PetCudaMap *map, size_t *bytes)
{
  const PetShape *shape = &tensor->shape;
  const float *from = tensor->data;
  size_t each = (size_t) dim_of (shape, 2) * (size_t) dim_of (shape, 3), count;
  bool one_channel = dim_of (shape, 1) == 1;
  float *to;

  *map = (PetCudaMap){ .type = PET_CUDA_FLOAT,
    .batch = 1,
    .height = (int) dim_of (shape, 2),
    .width = (int) dim_of (shape, 3),
    .channels = pet_cuda_pad8 (channels),
    .pitch = pet_cuda_pad8 (channels) };
  if (!pet_mul_size (each, (size_t) map->channels, &count) ||
      !pet_mul_size (count, sizeof *to, bytes))
    return NULL;
  to = calloc (count, sizeof *to);
  for (size_t p = 0; to != NULL && p < each; p++)
    for (size_t c = 0; c < (size_t) channels; c++)
      to[p * (size_t) map->channels + c] = from[one_channel ? p : c * each + p];
  return to;
}

static PetStatus
add_constant (PetCudaProgram *program, PetCudaStep *step, const Pair *pair,
    PetError *error)
{
  size_t bytes;
  float *spread = spread_constant (tensor_of (program, pair->b),
      pair->how.channels, &step->constant_map, &bytes);
  PetStatus status;

  if (spread == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a constant");
  status =
      pet_cuda_add_constant (program, spread, bytes, &step->constant[0], error);
  free (spread);
  return status;
}

PetStatus
pet_cuda_add_binary (
    PetCudaProgram *program, const PetNode *node, PetError *error)
{
  bool constant;
  PetCudaStep *step;
  Pair pair;

  (void) find_pair (program, node, &pair);
  constant = !program->values[pair.b].picture;
  PET_TRY (pet_cuda_need_card (program, pair.a, error));
  if (!constant)
    PET_TRY (pet_cuda_need_card (program, pair.b, error));
  PET_TRY (
      pet_cuda_new_step (program, PET_CUDA_STEP_BINARY, node, &step, error));
  step->x = pair.a;
  step->b = constant ? -1 : pair.b;
  step->y = node->outputs[0];
  step->binary = pair.how;
  if (constant)
    PET_TRY (add_constant (program, step, &pair, error));
  PET_TRY (pet_cuda_touch (program, step->x, false, error));
  if (!constant)
    PET_TRY (pet_cuda_touch (program, step->b, false, error));
  return pet_cuda_touch (program, step->y, false, error);
}
