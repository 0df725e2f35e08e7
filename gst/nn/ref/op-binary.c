/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Elementwise functions of two tensors with broadcasting, and the sums and
 * extremes of many. A row of the table at the end is a name, a formula in a
 * and b for floats and one for integers; comparisons give bool. Integers wrap;
 * whole numbers divided by 0 give 0. */

#include "nn/ref/pet-op-util.h"

typedef void (*Row) (void *to, const void *from_a, int64_t step_a,
    const void *from_b, int64_t step_b, size_t count);

typedef struct {
  Row of[PET_TYPE_F64 + 1];
} Rows;

/* The two common pairs of steps are written out so that they vectorise. */
#define ROW(name, To, T, Wide, formula)                                        \
  static void name (void *to_data, const void *from_a, int64_t step_a,         \
      const void *from_b, int64_t step_b, size_t count)                        \
  {                                                                            \
    To *to = to_data;                                                          \
    const T *pa = from_a, *pb = from_b;                                        \
    if (step_a == 1 && step_b == 1)                                            \
      for (size_t i = 0; i < count; i++) {                                     \
        const Wide a = pa[i], b = pb[i];                                       \
        to[i] = (To) (formula);                                                \
      }                                                                        \
    else if (step_a == 1 && step_b == 0)                                       \
      for (size_t i = 0; i < count; i++) {                                     \
        const Wide a = pa[i], b = pb[0];                                       \
        to[i] = (To) (formula);                                                \
      }                                                                        \
    else                                                                       \
      for (size_t i = 0; i < count; i++) {                                     \
        const Wide a = pa[(int64_t) i * step_a];                               \
        const Wide b = pb[(int64_t) i * step_b];                               \
        to[i] = (To) (formula);                                                \
      }                                                                        \
  }

#define FLOAT_ROWS(name, To32, To64, formula)                                  \
  ROW (name##_f32, To32, float, float, formula)                                \
  ROW (name##_f64, To64, double, double, formula)
#define INT_ROWS(name, To32, To64, ToU8, ToI8, formula)                        \
  ROW (name##_i32, To32, int32_t, int64_t, formula)                            \
  ROW (name##_i64, To64, int64_t, int64_t, formula)                            \
  ROW (name##_u8, ToU8, uint8_t, int64_t, formula)                             \
  ROW (name##_i8, ToI8, int8_t, int64_t, formula)
#define ALL_ROWS(name)                                                         \
  static const Rows name##_rows = { {                                          \
      [PET_TYPE_F32] = name##_f32,                                             \
      [PET_TYPE_F64] = name##_f64,                                             \
      [PET_TYPE_I32] = name##_i32,                                             \
      [PET_TYPE_I64] = name##_i64,                                             \
      [PET_TYPE_U8] = name##_u8,                                               \
      [PET_TYPE_I8] = name##_i8,                                               \
      [PET_TYPE_BOOL] = name##_u8,                                             \
  } };

#define ARITHMETIC_ROWS(name, formula, whole)                                  \
  FLOAT_ROWS (name, float, double, formula)                                    \
  INT_ROWS (name, int32_t, int64_t, uint8_t, int8_t, whole)                    \
  ALL_ROWS (name)
#define COMPARISON_ROWS(name, formula)                                         \
  FLOAT_ROWS (name, uint8_t, uint8_t, formula)                                 \
  INT_ROWS (name, uint8_t, uint8_t, uint8_t, uint8_t, formula)                 \
  ALL_ROWS (name)

static void
run_rows (const Rows *rows, const PetTensor *x, const PetTensor *y,
    const PetTensor *output)
{
  Row row = rows->of[x->type];
  int64_t in_bytes = (int64_t) pet_type_bytes (x->type);
  int64_t out_bytes = (int64_t) pet_type_bytes (output->type);
  int64_t dense[PET_MAX_RANK];
  PetLoop loop;

  pet_dense_strides (&output->shape, dense);
  pet_loop_init (&loop, &output->shape, 3);
  pet_loop_operand (&loop, 0, dense);
  pet_loop_broadcast (&loop, 1, &x->shape);
  pet_loop_broadcast (&loop, 2, &y->shape);
  for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop))
    row ((char *) output->data + loop.at[0] * out_bytes,
        (const char *) x->data + loop.at[1] * in_bytes, loop.step[1],
        (const char *) y->data + loop.at[2] * in_bytes, loop.step[2], loop.row);
}

/* All inputs of one type out of `mask`, broadcast together. */
static PetStatus
infer_inputs (const PetGraph *graph, const PetNode *node, unsigned mask,
    PetTensor *output, PetError *error)
{
  const PetTensor *first = pet_node_input (graph, node, 0);

  PET_TRY (pet_op_type (first, mask, "data", error));
  output->type = first->type;
  output->shape = first->shape;
  for (int i = 1; i < node->n_inputs; i++) {
    const PetTensor *other = pet_node_input (graph, node, i);

    PET_TRY (pet_op_same_type (first, other, "another input", error));
    PET_TRY (pet_op_broadcast (&output->shape, &other->shape, error));
  }
  return PET_OK;
}

static PetStatus
arithmetic_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  return infer_inputs (graph, node, PET_MASK_NUMBERS, outputs, error);
}

static PetStatus
comparison_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  PET_TRY (infer_inputs (graph, node,
      PET_MASK_NUMBERS | PET_MASK (PET_TYPE_BOOL), outputs, error));
  outputs[0].type = PET_TYPE_BOOL;
  return PET_OK;
}

static PetStatus
logic_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  return infer_inputs (graph, node, PET_MASK (PET_TYPE_BOOL), outputs, error);
}

#define BINARY_OP(name, op, infer_function, low, high)                         \
  const PetOp pet_op_##name = {                                                \
    .type = op,                                                                \
    .min_inputs = low,                                                         \
    .max_inputs = high,                                                        \
    .max_outputs = 1,                                                          \
    .infer = infer_function,                                                   \
    .run = name##_run,                                                         \
  };

#define BINARY_RUN(name)                                                       \
  static void name##_run (const PetNode *node, const PetTensor *inputs,        \
      const PetTensor *outputs, void *scratch)                                 \
  {                                                                            \
    run_rows (&name##_rows, &inputs[0], &inputs[1], &outputs[0]);              \
  }

#define ARITHMETIC(name, op, formula, whole)                                   \
  ARITHMETIC_ROWS (name, formula, whole)                                       \
  BINARY_RUN (name)                                                            \
  BINARY_OP (name, op, arithmetic_infer, 2, 2)
#define COMPARISON(name, op, formula)                                          \
  COMPARISON_ROWS (name, formula)                                              \
  BINARY_RUN (name)                                                            \
  BINARY_OP (name, op, comparison_infer, 2, 2)
#define LOGIC(name, op, formula)                                               \
  COMPARISON_ROWS (name, formula)                                              \
  BINARY_RUN (name)                                                            \
  BINARY_OP (name, op, logic_infer, 2, 2)

static int64_t
wrap_add (int64_t a, int64_t b)
{
  return (int64_t) ((uint64_t) a + (uint64_t) b);
}

static int64_t
wrap_sub (int64_t a, int64_t b)
{
  return (int64_t) ((uint64_t) a - (uint64_t) b);
}

static int64_t
wrap_mul (int64_t a, int64_t b)
{
  return (int64_t) ((uint64_t) a * (uint64_t) b);
}

static int64_t
safe_div (int64_t a, int64_t b)
{
  return b == 0 ? 0 : b == -1 ? wrap_sub (0, a) : a / b;
}

/* The sign of C's % is that of a, Python's that of b. */
static int64_t
safe_rem (int64_t a, int64_t b)
{
  return b == 0 || b == -1 ? 0 : a % b;
}

static int64_t
safe_mod (int64_t a, int64_t b)
{
  int64_t rest = safe_rem (a, b);

  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

ARITHMETIC (add, "Add", a + b, wrap_add (a, b))
ARITHMETIC (sub, "Sub", a - b, wrap_sub (a, b))
ARITHMETIC (mul, "Mul", a *b, wrap_mul (a, b))
ARITHMETIC (div, "Div", a / b, safe_div (a, b))

COMPARISON (equal, "Equal", a == b)
COMPARISON (greater, "Greater", a > b)
COMPARISON (greaterorequal, "GreaterOrEqual", a >= b)
COMPARISON (less, "Less", a < b)
COMPARISON (lessorequal, "LessOrEqual", a <= b)

LOGIC (and, "And", a != 0 && b != 0)
LOGIC (or, "Or", a != 0 || b != 0)
LOGIC (xor, "Xor", (a != 0) != (b != 0))

ARITHMETIC_ROWS (mod, fmod ((double) a, (double) b), safe_mod (a, b))
ARITHMETIC_ROWS (rem, fmod ((double) a, (double) b), safe_rem (a, b))

static void
mod_run (const PetNode *node, const PetTensor *inputs, const PetTensor *outputs,
    void *scratch)
{
  run_rows (pet_node_int (node, "fmod", 0) != 0 ? &rem_rows : &mod_rows,
      &inputs[0], &inputs[1], &outputs[0]);
}

BINARY_OP (mod, "Mod", arithmetic_infer, 2, 2)

/* The exponent may be of another type. */
static PetStatus
pow_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *y = pet_node_input (graph, node, 1);

  PET_TRY (pet_op_type (x, PET_MASK_NUMBERS, "base", error));
  PET_TRY (pet_op_type (y, PET_MASK_NUMBERS, "exponent", error));
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return pet_op_broadcast (&outputs[0].shape, &y->shape, error);
}

static void
pow_run (const PetNode *node, const PetTensor *inputs, const PetTensor *outputs,
    void *scratch)
{
  int64_t dense[PET_MAX_RANK];
  PetLoop loop;

  pet_dense_strides (&outputs[0].shape, dense);
  pet_loop_init (&loop, &outputs[0].shape, 3);
  pet_loop_operand (&loop, 0, dense);
  pet_loop_broadcast (&loop, 1, &inputs[0].shape);
  pet_loop_broadcast (&loop, 2, &inputs[1].shape);
  for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop))
    for (size_t i = 0; i < loop.row; i++) {
      int64_t at = (int64_t) i;
      double x = pet_get_double (
          &inputs[0], (size_t) (loop.at[1] + at * loop.step[1]));
      double y = pet_get_double (
          &inputs[1], (size_t) (loop.at[2] + at * loop.step[2]));

      pet_put_double (&outputs[0], (size_t) (loop.at[0] + at), pow (x, y));
    }
}

BINARY_OP (pow, "Pow", pow_infer, 2, 2)

/* The first input is spread over the output, the others are added to it in
 * place: an element depends on its own place only. */
static void
run_many (const Rows *rows, const PetNode *node, const PetTensor *inputs,
    const PetTensor *output)
{
  size_t bytes = pet_type_bytes (output->type);
  int64_t dense[PET_MAX_RANK], spread[PET_MAX_RANK] = { 0 };
  int64_t own[PET_MAX_RANK];
  int skip = output->shape.rank - inputs[0].shape.rank;

  pet_dense_strides (&output->shape, dense);
  pet_dense_strides (&inputs[0].shape, own);
  for (int i = 0; i < inputs[0].shape.rank; i++)
    spread[skip + i] = inputs[0].shape.dim[i] == 1 ? 0 : own[i];
  pet_copy_strided (
      &output->shape, bytes, output->data, dense, inputs[0].data, spread);
  for (int i = 1; i < node->n_inputs; i++)
    run_rows (rows, output, &inputs[i], output);
}

#define MANY_RUN(name)                                                         \
  static void name##_run (const PetNode *node, const PetTensor *inputs,        \
      const PetTensor *outputs, void *scratch)                                 \
  {                                                                            \
    run_many (&name##_rows, node, inputs, &outputs[0]);                        \
  }

/* NaN wins, as in numpy. */
ARITHMETIC_ROWS (max, a > b || a != a ? a : b, a > b ? a : b)
ARITHMETIC_ROWS (min, a < b || a != a ? a : b, a < b ? a : b)
MANY_RUN (max)
MANY_RUN (min)
BINARY_OP (max, "Max", arithmetic_infer, 1, INT32_MAX)
BINARY_OP (min, "Min", arithmetic_infer, 1, INT32_MAX)

static PetStatus
sum_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  return infer_inputs (graph, node, PET_MASK_FLOAT, outputs, error);
}

static void
sum_run (const PetNode *node, const PetTensor *inputs, const PetTensor *outputs,
    void *scratch)
{
  run_many (&add_rows, node, inputs, &outputs[0]);
}

static void
mean_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  float *to = outputs[0].data;
  size_t count = pet_elements (outputs);

  run_many (&add_rows, node, inputs, &outputs[0]);
  for (size_t i = 0; i < count; i++)
    to[i] /= (float) node->n_inputs;
}

BINARY_OP (sum, "Sum", sum_infer, 1, INT32_MAX)
BINARY_OP (mean, "Mean", sum_infer, 1, INT32_MAX)

static float
prelu (float x, float slope)
{
  return x < 0 ? slope * x : x;
}

/* The slope is broadcast to the data, never the other way round. */
static PetStatus
prelu_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);

  PET_TRY (sum_infer (graph, node, outputs, error));
  if (!pet_shape_equal (&x->shape, &outputs[0].shape))
    return pet_fail (
        error, PET_ERROR_CORRUPT, "the slope is larger than the data");
  return PET_OK;
}

ROW (prelu_f32, float, float, float, prelu (a, b))

static void
prelu_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  static const Rows rows = { { [PET_TYPE_F32] = prelu_f32 } };

  run_rows (&rows, &inputs[0], &inputs[1], &outputs[0]);
}

BINARY_OP (prelu, "PRelu", prelu_infer, 2, 2)
