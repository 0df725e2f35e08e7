/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Reduce family, ArgMax, ArgMin and CumSum, in double: of float32, and of
 * int32 and int64 where exporters use them on shapes. */

#include "nn/ref/pet-op-util.h"

/* A row: value to start from, how one more element changes the sum, and what
 * is made of the sum of `n` elements. */
typedef struct {
  double start;
  double (*add) (double sum, double x);
  double (*finish) (double sum, double n);
} Reduction;

static PetStatus
reduced_axes (const PetNode *node, const PetShape *shape, const PetTensor *axes,
    bool reduced[PET_MAX_RANK], PetError *error)
{
  /* ReduceSum takes its axes as an input since opset 13, the others since 18.
   */
  int since = strcmp (node->type, "ReduceSum") == 0 ? 13 : 18;
  PetInts list;

  list.count = 0;
  if (node->opset < since)
    PET_TRY (pet_op_attr_ints (node, "axes", &list, error));
  else if (axes->type != PET_TYPE_NONE)
    PET_TRY (pet_op_ints (axes, "axes", &list, error));
  PET_TRY (
      pet_op_axes (list.at, (size_t) list.count, shape->rank, reduced, error));
  if (list.count == 0 && pet_node_int (node, "noop_with_empty_axes", 0) == 0)
    for (int i = 0; i < shape->rank; i++)
      reduced[i] = true;
  return PET_OK;
}

static PetStatus
reduce_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  bool keep = pet_node_int (node, "keepdims", 1) != 0;
  bool reduced[PET_MAX_RANK];
  PetShape *shape = &outputs[0].shape;

  PET_TRY (pet_op_type (x,
      PET_MASK_FLOAT | PET_MASK (PET_TYPE_I32) | PET_MASK (PET_TYPE_I64),
      "data", error));
  PET_TRY (reduced_axes (
      node, &x->shape, pet_node_input (graph, node, 1), reduced, error));
  outputs[0].type = x->type;
  for (int i = 0; i < x->shape.rank; i++)
    if (!reduced[i])
      shape->dim[shape->rank++] = x->shape.dim[i];
    else if (keep)
      shape->dim[shape->rank++] = 1;
  return PET_OK;
}

/* Splits the shape into what stays and what is summed over, each with the
 * strides of the input. */
typedef struct {
  PetShape kept, summed;
  int64_t kept_stride[PET_MAX_RANK], summed_stride[PET_MAX_RANK];
} Parts;

static void
split_shape (
    const PetShape *shape, const bool reduced[PET_MAX_RANK], Parts *parts)
{
  int64_t stride[PET_MAX_RANK];

  memset (parts, 0, sizeof *parts);
  pet_dense_strides (shape, stride);
  for (int i = 0; i < shape->rank; i++) {
    PetShape *to = reduced[i] ? &parts->summed : &parts->kept;
    int64_t *steps = reduced[i] ? parts->summed_stride : parts->kept_stride;

    steps[to->rank] = stride[i];
    to->dim[to->rank++] = shape->dim[i];
  }
}

static double
sum_part (const Reduction *reduction, const PetTensor *x, int64_t base,
    const Parts *parts)
{
  double sum = reduction->start;
  PetLoop loop;

  pet_loop_init (&loop, &parts->summed, 1);
  pet_loop_operand (&loop, 0, parts->summed_stride);
  for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop))
    for (size_t i = 0; i < loop.row; i++)
      sum = reduction->add (sum,
          pet_get_double (
              x, (size_t) (base + loop.at[0] + (int64_t) i * loop.step[0])));
  return reduction->finish (sum, (double) pet_inner (&parts->summed, 0));
}

static void
reduce_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, const Reduction *reduction)
{
  static const PetTensor absent;
  const PetTensor *axes = node->n_inputs > 1 ? &inputs[1] : &absent;
  bool reduced[PET_MAX_RANK];
  size_t at = 0;
  PetLoop loop;
  Parts parts;

  if (reduced_axes (node, &inputs[0].shape, axes, reduced, NULL) != PET_OK)
    return;
  split_shape (&inputs[0].shape, reduced, &parts);
  pet_loop_init (&loop, &parts.kept, 1);
  pet_loop_operand (&loop, 0, parts.kept_stride);
  for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop))
    for (size_t i = 0; i < loop.row; i++)
      pet_put_double (outputs, at++,
          sum_part (reduction, inputs, loop.at[0] + (int64_t) i * loop.step[0],
              &parts));
}

static double
add_value (double sum, double x)
{
  return sum + x;
}

static double
add_absolute (double sum, double x)
{
  return sum + fabs (x);
}

static double
add_square (double sum, double x)
{
  return sum + x * x;
}

/* log (exp (sum) + exp (x)) without a number that is larger than both. */
static double
add_logarithm (double sum, double x)
{
  if (x == sum)
    return x + log (2);
  return x > sum ? x + log1p (exp (sum - x)) : sum + log1p (exp (x - sum));
}

static double
multiply (double product, double x)
{
  return product * x;
}

static double
larger (double best, double x)
{
  return x > best || isnan (x) ? x : best;
}

static double
smaller (double best, double x)
{
  return x < best || isnan (x) ? x : best;
}

static double
as_is (double sum, double n)
{
  return sum;
}

static double
divided (double sum, double n)
{
  return sum / n;
}

static double
root (double sum, double n)
{
  return sqrt (sum);
}

static double
logarithm (double sum, double n)
{
  return log (sum);
}

#define REDUCE(name, op, start, add, finish)                                   \
  static void name##_run (const PetNode *node, const PetTensor *inputs,        \
      const PetTensor *outputs, void *scratch)                                 \
  {                                                                            \
    static const Reduction reduction = { start, add, finish };                 \
    reduce_run (node, inputs, outputs, &reduction);                            \
  }                                                                            \
  const PetOp pet_op_##name = {                                                \
    .type = op,                                                                \
    .min_inputs = 1,                                                           \
    .max_inputs = 2,                                                           \
    .max_outputs = 1,                                                          \
    .infer = reduce_infer,                                                     \
    .run = name##_run,                                                         \
  };

REDUCE (reducel1, "ReduceL1", 0, add_absolute, as_is)
REDUCE (reducel2, "ReduceL2", 0, add_square, root)
REDUCE (reducelogsum, "ReduceLogSum", 0, add_value, logarithm)
REDUCE (reducelogsumexp, "ReduceLogSumExp", -INFINITY, add_logarithm, as_is)
REDUCE (reducemax, "ReduceMax", -INFINITY, larger, as_is)
REDUCE (reducemean, "ReduceMean", 0, add_value, divided)
REDUCE (reducemin, "ReduceMin", INFINITY, smaller, as_is)
REDUCE (reduceprod, "ReduceProd", 1, multiply, as_is)
REDUCE (reducesum, "ReduceSum", 0, add_value, as_is)
REDUCE (reducesumsquare, "ReduceSumSquare", 0, add_square, as_is)

static PetStatus
arg_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetShape *shape = &outputs[0].shape;
  int axis = 0;

  PET_TRY (pet_op_type (x, PET_MASK_NUMBERS, "data", error));
  PET_TRY (pet_op_axis (
      pet_node_int (node, "axis", 0), x->shape.rank, "axis", &axis, error));
  outputs[0].type = PET_TYPE_I64;
  for (int i = 0; i < x->shape.rank; i++)
    if (i != axis)
      shape->dim[shape->rank++] = x->shape.dim[i];
    else if (pet_node_int (node, "keepdims", 1) != 0)
      shape->dim[shape->rank++] = 1;
  return PET_OK;
}

/* The place of the largest (sign 1) or smallest (sign -1) of a line. */
static int64_t
arg_of_line (const PetTensor *x, size_t at, size_t count, size_t step,
    double sign, bool last)
{
  double best = -INFINITY;
  int64_t place = 0;

  for (size_t i = 0; i < count; i++) {
    double value = sign * pet_get_double (x, at + i * step);

    if (i == 0 || value > best || (last && value == best)) {
      best = value;
      place = (int64_t) i;
    }
  }
  return place;
}

static void
arg_run (const PetNode *node, const PetTensor *inputs, const PetTensor *outputs,
    double sign)
{
  const PetShape *shape = &inputs[0].shape;
  int64_t given = pet_node_int (node, "axis", 0);
  int axis = (int) (given < 0 ? given + shape->rank : given);
  size_t outer = pet_outer (shape, axis), inner = pet_inner (shape, axis + 1);
  size_t count = (size_t) shape->dim[axis];
  bool last = pet_node_int (node, "select_last_index", 0) != 0;
  int64_t *to = outputs[0].data;

  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < inner; i++)
      *to++ =
          arg_of_line (inputs, o * count * inner + i, count, inner, sign, last);
}

static void
argmax_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  arg_run (node, inputs, outputs, 1);
}

static void
argmin_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  arg_run (node, inputs, outputs, -1);
}

const PetOp pet_op_argmax = {
  .type = "ArgMax",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = arg_infer,
  .run = argmax_run,
};

const PetOp pet_op_argmin = {
  .type = "ArgMin",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = arg_infer,
  .run = argmin_run,
};

static PetStatus
cumsum_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetInts given;
  int axis;

  PET_TRY (pet_op_type (x, PET_MASK_NUMBERS, "data", error));
  PET_TRY (
      pet_op_ints (pet_node_input (graph, node, 1), "axis", &given, error));
  if (given.count != 1)
    return pet_fail (error, PET_ERROR_CORRUPT, "axis is no single number");
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return pet_op_axis (given.at[0], x->shape.rank, "axis", &axis, error);
}

static void
cumsum_line (const PetTensor *x, const PetTensor *to, size_t at, size_t count,
    size_t step, bool exclusive, bool reverse)
{
  double sum = 0;

  for (size_t i = 0; i < count; i++) {
    size_t place = at + (reverse ? count - 1 - i : i) * step;
    double value = pet_get_double (x, place);

    pet_put_double (to, place, exclusive ? sum : sum + value);
    sum += value;
  }
}

static void
cumsum_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  int64_t given = pet_get_int (&inputs[1], 0);
  int axis = (int) (given < 0 ? given + shape->rank : given);
  size_t outer = pet_outer (shape, axis), inner = pet_inner (shape, axis + 1);
  size_t count = (size_t) shape->dim[axis];
  bool exclusive = pet_node_int (node, "exclusive", 0) != 0;
  bool reverse = pet_node_int (node, "reverse", 0) != 0;

  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < inner; i++)
      cumsum_line (inputs, outputs, o * count * inner + i, count, inner,
          exclusive, reverse);
}

const PetOp pet_op_cumsum = {
  .type = "CumSum",
  .min_inputs = 2,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = cumsum_infer,
  .run = cumsum_run,
};
