/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cast and CastLike, and numbers of any type one by one. Out of range becomes
 * the nearest integer that there is (NaN 0); integers wrap among themselves
 * as in C. */

#include "nn/ref/pet-op-util.h"

/* A half's exponent is 112 less than a float's of the same value, which makes it a
 * factor, for those without leading 1 too; infinities and what is no number keep all
 * bits of it. */
static inline float
widen (uint16_t half)
{
  uint32_t bits = (uint32_t) (half & 0x7fff) << 13;
  float value;

  memcpy (&value, &bits, sizeof value);
  value *= 0x1p112f;
  memcpy (&bits, &value, sizeof bits);
  bits |= (uint32_t) (half & 0x8000) << 16;
  bits |= (half & 0x7c00) == 0x7c00 ? 0x7f800000 : 0;
  memcpy (&value, &bits, sizeof value);
  return value;
}

float
pet_half_to_float (uint16_t half)
{
  return widen (half);
}

/* Round to nearest, ties to even. */
uint16_t
pet_float_to_half (float value)
{
  uint32_t bits, sign, rest, lost;
  int exponent;

  memcpy (&bits, &value, sizeof bits);
  sign = bits >> 16 & 0x8000;
  bits &= 0x7fffffff;
  if (bits >= 0x7f800000)
    return (uint16_t) (sign | 0x7c00 | (bits > 0x7f800000 ? 0x200 : 0));
  exponent = (int) (bits >> 23) - 112;
  if (exponent >= 31)
    return (uint16_t) (sign | 0x7c00);
  if (exponent < -10)
    return (uint16_t) sign;
  rest = (bits & 0x7fffff) | 0x800000;
  lost = exponent <= 0 ? (uint32_t) (14 - exponent) : 13;
  if (exponent > 0)
    rest += (uint32_t) (exponent - 1) << 23;
  bits = rest >> lost;
  rest &= (1u << lost) - 1;
  if (rest > 1u << (lost - 1) || (rest == 1u << (lost - 1) && (bits & 1)))
    bits++;
  return (uint16_t) (sign | bits);
}

double
pet_get_double (const PetTensor *tensor, size_t index)
{
  switch (tensor->type) {
    case PET_TYPE_F32:
      return (double) ((const float *) tensor->data)[index];
    case PET_TYPE_F64:
      return ((const double *) tensor->data)[index];
    case PET_TYPE_F16:
      return (double) pet_half_to_float (
          ((const uint16_t *) tensor->data)[index]);
    default:
      return (double) pet_get_int (tensor, index);
  }
}

static int64_t
saturate (double value, int64_t low, int64_t high)
{
  if (isnan (value))
    return 0;
  if (value <= (double) low)
    return low;
  if (value >= (double) high)
    return high;
  return (int64_t) value;
}

int64_t
pet_get_int (const PetTensor *tensor, size_t index)
{
  switch (tensor->type) {
    case PET_TYPE_U8:
    case PET_TYPE_BOOL:
      return ((const uint8_t *) tensor->data)[index];
    case PET_TYPE_I8:
      return ((const int8_t *) tensor->data)[index];
    case PET_TYPE_I32:
      return ((const int32_t *) tensor->data)[index];
    case PET_TYPE_I64:
      return ((const int64_t *) tensor->data)[index];
    default:
      return saturate (pet_get_double (tensor, index), INT64_MIN, INT64_MAX);
  }
}

void
pet_put_double (const PetTensor *tensor, size_t index, double value)
{
  switch (tensor->type) {
    case PET_TYPE_F32:
      ((float *) tensor->data)[index] = (float) value;
      break;
    case PET_TYPE_F64:
      ((double *) tensor->data)[index] = value;
      break;
    case PET_TYPE_F16:
      ((uint16_t *) tensor->data)[index] = pet_float_to_half ((float) value);
      break;
    case PET_TYPE_BOOL:
      ((uint8_t *) tensor->data)[index] = value != 0;
      break;
    case PET_TYPE_U8:
      pet_put_int (tensor, index, saturate (value, 0, UINT8_MAX));
      break;
    case PET_TYPE_I8:
      pet_put_int (tensor, index, saturate (value, INT8_MIN, INT8_MAX));
      break;
    case PET_TYPE_I32:
      pet_put_int (tensor, index, saturate (value, INT32_MIN, INT32_MAX));
      break;
    default:
      pet_put_int (tensor, index, saturate (value, INT64_MIN, INT64_MAX));
      break;
  }
}

void
pet_put_int (const PetTensor *tensor, size_t index, int64_t value)
{
  switch (tensor->type) {
    case PET_TYPE_U8:
      ((uint8_t *) tensor->data)[index] = (uint8_t) value;
      break;
    case PET_TYPE_BOOL:
      ((uint8_t *) tensor->data)[index] = value != 0;
      break;
    case PET_TYPE_I8:
      ((int8_t *) tensor->data)[index] = (int8_t) (uint8_t) value;
      break;
    case PET_TYPE_I32:
      ((int32_t *) tensor->data)[index] = (int32_t) (uint32_t) value;
      break;
    case PET_TYPE_I64:
      ((int64_t *) tensor->data)[index] = value;
      break;
    default:
      pet_put_double (tensor, index, (double) value);
      break;
  }
}

static bool
is_float (PetType type)
{
  return type == PET_TYPE_F32 || type == PET_TYPE_F64 || type == PET_TYPE_F16;
}

static PetStatus
infer_to (const PetTensor *x, int64_t type, PetTensor *output, PetError *error)
{
  if (type < 0 || type > PET_TYPE_F64 || pet_type_bytes ((PetType) type) == 0)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "ONNX data type %lld is not supported", (long long) type);
  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  output->type = (PetType) type;
  output->shape = x->shape;
  return PET_OK;
}

static PetStatus
cast_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  return infer_to (pet_node_input (graph, node, 0),
      pet_node_int (node, "to", 0), outputs, error);
}

static PetStatus
castlike_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  return infer_to (pet_node_input (graph, node, 0),
      (int64_t) pet_node_input (graph, node, 1)->type, outputs, error);
}

/* What weights are stored as to what they are used as. */
static void
widen_all (
    const uint16_t *restrict halves, float *restrict floats, size_t count)
{
  for (size_t i = 0; i < count; i++)
    floats[i] = widen (halves[i]);
}

static void
cast_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  size_t count = pet_elements (outputs);

  if (inputs->type == outputs->type)
    memcpy (
        outputs->data, inputs->data, count * pet_type_bytes (outputs->type));
  else if (inputs->type == PET_TYPE_F16 && outputs->type == PET_TYPE_F32)
    widen_all (inputs->data, outputs->data, count);
  else if (is_float (inputs->type))
    for (size_t i = 0; i < count; i++)
      pet_put_double (outputs, i, pet_get_double (inputs, i));
  else
    for (size_t i = 0; i < count; i++)
      pet_put_int (outputs, i, pet_get_int (inputs, i));
}

const PetOp pet_op_cast = {
  .type = "Cast",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = cast_infer,
  .run = cast_run,
};

const PetOp pet_op_castlike = {
  .type = "CastLike",
  .min_inputs = 2,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = castlike_infer,
  .run = cast_run,
};
