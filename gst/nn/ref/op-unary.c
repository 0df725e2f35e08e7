/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Elementwise functions of one tensor, float32: a row of the table at the end
 * is a name, up to two attributes (a, b) with their defaults, and a formula
 * in x. */

#include "nn/ref/pet-op-util.h"

static float
sigmoid (float x)
{
  return 1.0f / (1.0f + expf (-x));
}

static float
softplus (float x)
{
  return x > 0 ? x + log1pf (expf (-x)) : log1pf (expf (x));
}

static float
sign (float x)
{
  return x > 0 ? 1.0f : x < 0 ? -1.0f : x;
}

static float
clamp01 (float x)
{
  return x < 0 ? 0.0f : x > 1 ? 1.0f : x;
}

static float
shrink (float x, float lambda, float bias)
{
  return x < -lambda ? x + bias : x > lambda ? x - bias : 0.0f;
}

#define UNARY_RUN(name, a_name, a_default, b_name, b_default, formula)         \
  static void name##_run (const PetNode *node, const PetTensor *inputs,        \
      const PetTensor *outputs, void *scratch)                                 \
  {                                                                            \
    const float a = pet_node_float (node, a_name, a_default);                  \
    const float b = pet_node_float (node, b_name, b_default);                  \
    const float *from = inputs[0].data;                                        \
    float *to = outputs[0].data;                                               \
    size_t count = pet_elements (outputs);                                     \
    (void) a;                                                                  \
    (void) b;                                                                  \
    for (size_t i = 0; i < count; i++) {                                       \
      const float x = from[i];                                                 \
      to[i] = formula;                                                         \
    }                                                                          \
  }

#define UNARY_OP(name, op, infer_function, run_function)                       \
  const PetOp pet_op_##name = {                                                \
    .type = op,                                                                \
    .min_inputs = 1,                                                           \
    .max_inputs = 1,                                                           \
    .max_outputs = 1,                                                          \
    .infer = infer_function,                                                   \
    .run = run_function,                                                       \
  };

#define UNARY2(name, op, a_name, a_default, b_name, b_default, formula)        \
  UNARY_RUN (name, a_name, a_default, b_name, b_default, formula)              \
  UNARY_OP (name, op, pet_op_infer_same, name##_run)

#define UNARY1(name, op, a_name, a_default, formula)                           \
  UNARY2 (name, op, a_name, a_default, "", 0.0f, formula)

#define UNARY(name, op, formula) UNARY1 (name, op, "", 0.0f, formula)

/* Those that exporters use on shapes too: `whole` is the formula for int64. */
#define UNARY_INT(name, op, formula, whole)                                    \
  UNARY_RUN (name##_float, "", 0.0f, "", 0.0f, formula)                        \
  static void name##_run (const PetNode *node, const PetTensor *inputs,        \
      const PetTensor *outputs, void *scratch)                                 \
  {                                                                            \
    size_t count = pet_elements (outputs);                                     \
    if (outputs[0].type == PET_TYPE_F32) {                                     \
      name##_float_run (node, inputs, outputs, scratch);                       \
      return;                                                                  \
    }                                                                          \
    for (size_t i = 0; i < count; i++) {                                       \
      int64_t x = pet_get_int (inputs, i);                                     \
      pet_put_int (outputs, i, whole);                                         \
    }                                                                          \
  }                                                                            \
  UNARY_OP (name, op, infer_number, name##_run)

static PetStatus
infer_number (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);

  PET_TRY (pet_op_type (x,
      PET_MASK_FLOAT | PET_MASK (PET_TYPE_I32) | PET_MASK (PET_TYPE_I64),
      "data", error));
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  return PET_OK;
}

static int64_t
negate (int64_t x)
{
  return (int64_t) (0 - (uint64_t) x);
}

UNARY_INT (abs, "Abs", fabsf (x), x < 0 ? negate (x) : x)
UNARY_INT (neg, "Neg", -x, negate (x))
UNARY_INT (relu, "Relu", x < 0 ? 0.0f : x, x < 0 ? 0 : x)
UNARY_INT (sign, "Sign", sign (x), (x > 0) - (x < 0))

UNARY (acos, "Acos", acosf (x))
UNARY (acosh, "Acosh", acoshf (x))
UNARY (asin, "Asin", asinf (x))
UNARY (asinh, "Asinh", asinhf (x))
UNARY (atan, "Atan", atanf (x))
UNARY (atanh, "Atanh", atanhf (x))
UNARY (ceil, "Ceil", ceilf (x))
UNARY (cos, "Cos", cosf (x))
UNARY (cosh, "Cosh", coshf (x))
UNARY (erf, "Erf", erff (x))
UNARY (exp, "Exp", expf (x))
UNARY (floor, "Floor", floorf (x))
UNARY (hardswish, "HardSwish", x *clamp01 (x / 6.0f + 0.5f))
UNARY (log, "Log", logf (x))
UNARY (mish, "Mish", x *tanhf (softplus (x)))
UNARY (reciprocal, "Reciprocal", 1.0f / x)
UNARY (round, "Round", rintf (x))
UNARY (sigmoid, "Sigmoid", sigmoid (x))
UNARY (sin, "Sin", sinf (x))
UNARY (sinh, "Sinh", sinhf (x))
UNARY (softplus, "Softplus", softplus (x))
UNARY (softsign, "Softsign", x / (1.0f + fabsf (x)))
UNARY (sqrt, "Sqrt", sqrtf (x))
UNARY (tan, "Tan", tanf (x))
UNARY (tanh, "Tanh", tanhf (x))

UNARY1 (celu, "Celu", "alpha", 1.0f, x > 0 ? x : a * expm1f (x / a))
UNARY1 (elu, "Elu", "alpha", 1.0f, x < 0 ? a * expm1f (x) : x)
UNARY1 (leakyrelu, "LeakyRelu", "alpha", 0.01f, x < 0 ? a * x : x)
UNARY1 (swish, "Swish", "alpha", 1.0f, x *sigmoid (a *x))
UNARY1 (thresholdedrelu, "ThresholdedRelu", "alpha", 1.0f, x > a ? x : 0.0f)

UNARY2 (
    hardsigmoid, "HardSigmoid", "alpha", 0.2f, "beta", 0.5f, clamp01 (a *x + b))
UNARY2 (selu, "Selu", "alpha", 1.67326319217681884765625f, "gamma",
    1.05070102214813232421875f, b *(x > 0 ? x : a * expm1f (x)))
UNARY2 (shrink, "Shrink", "lambd", 0.5f, "bias", 0.0f, shrink (x, a, b))

static float
gelu_erf (float x)
{
  return 0.5f * x * (1.0f + erff (x * 0.70710678118654752f));
}

static float
gelu_tanh (float x)
{
  return 0.5f * x *
      (1.0f + tanhf (0.79788456080286536f * (x + 0.044715f * x * x * x)));
}

static void
gelu_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  bool is_tanh =
      strcmp (pet_node_string (node, "approximate", "none"), "tanh") == 0;
  const float *from = inputs[0].data;
  float *to = outputs[0].data;
  size_t count = pet_elements (outputs);

  for (size_t i = 0; i < count; i++)
    to[i] = is_tanh ? gelu_tanh (from[i]) : gelu_erf (from[i]);
}

UNARY_OP (gelu, "Gelu", pet_op_infer_same, gelu_run)
