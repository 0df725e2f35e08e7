/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TensorProto and ValueInfoProto. */

#include <stdlib.h>
#include <string.h>

#include "nn/pet-onnx-private.h"

enum {
  TENSOR_DIMS = 1,
  TENSOR_TYPE = 2,
  TENSOR_SEGMENT = 3,
  TENSOR_FLOATS = 4,
  TENSOR_INT32S = 5,
  TENSOR_STRINGS = 6,
  TENSOR_INT64S = 7,
  TENSOR_NAME = 8,
  TENSOR_RAW = 9,
  TENSOR_DOUBLES = 10,
  TENSOR_UINT64S = 11,
  TENSOR_EXTERNAL = 13,
  TENSOR_LOCATION = 14,
};

static const PetOnnxMessage tensor_message = { "TensorProto",
  {
      [TENSOR_DIMS] = PET_ONNX_NUMBERS,
      [TENSOR_TYPE] = PET_ONNX_VARINT,
      [TENSOR_SEGMENT] = PET_ONNX_BYTES,
      [TENSOR_FLOATS] = PET_ONNX_NUMBERS,
      [TENSOR_INT32S] = PET_ONNX_NUMBERS,
      [TENSOR_STRINGS] = PET_ONNX_BYTES,
      [TENSOR_INT64S] = PET_ONNX_NUMBERS,
      [TENSOR_NAME] = PET_ONNX_BYTES,
      [TENSOR_RAW] = PET_ONNX_BYTES,
      [TENSOR_DOUBLES] = PET_ONNX_NUMBERS,
      [TENSOR_UINT64S] = PET_ONNX_NUMBERS,
      [TENSOR_EXTERNAL] = PET_ONNX_BYTES,
      [TENSOR_LOCATION] = PET_ONNX_VARINT,
  } };

/* What a first pass over a TensorProto learns. */
typedef struct {
  PetWire name;
  PetShape shape;
  uint64_t type;
  PetWire raw;
  bool has_raw;
  bool is_external, has_segment;
} Head;

static PetStatus
add_dim (const PetOnnx *onnx, PetShape *shape, uint64_t dim)
{
  if (shape->rank == PET_MAX_RANK)
    return pet_fail (onnx->error, PET_ERROR_UNSUPPORTED,
        "a tensor has more than %d dimensions", PET_MAX_RANK);
  if (dim > INT64_MAX)
    return pet_fail (
        onnx->error, PET_ERROR_CORRUPT, "a tensor has a negative dimension");
  shape->dim[shape->rank++] = (int64_t) dim;
  return PET_OK;
}

static PetStatus
add_dims (const PetOnnx *onnx, PetShape *shape, PetWireField *field)
{
  uint64_t dim;

  if (field->type == PET_WIRE_VARINT)
    return add_dim (onnx, shape, field->value);
  while (field->bytes.at < field->bytes.end) {
    if (!pet_wire_varint (&field->bytes, &dim))
      return pet_fail (
          onnx->error, PET_ERROR_CORRUPT, "TensorProto: broken dimensions");
    PET_TRY (add_dim (onnx, shape, dim));
  }
  return PET_OK;
}

static PetStatus
read_head (const PetOnnx *onnx, PetWire wire, Head *head)
{
  PetWireField field;

  memset (head, 0, sizeof *head);
  for (;;) {
    PET_TRY (pet_onnx_next (onnx, &tensor_message, &wire, &field));
    switch (field.number) {
      case 0:
        return PET_OK;
      case TENSOR_DIMS:
        PET_TRY (add_dims (onnx, &head->shape, &field));
        break;
      case TENSOR_TYPE:
        head->type = field.value;
        break;
      case TENSOR_SEGMENT:
        head->has_segment = true;
        break;
      case TENSOR_NAME:
        head->name = field.bytes;
        break;
      case TENSOR_RAW:
        head->raw = field.bytes;
        head->has_raw = true;
        break;
      case TENSOR_EXTERNAL:
        head->is_external = true;
        break;
      case TENSOR_LOCATION:
        head->is_external |= field.value != 0;
        break;
      default:
        break;
    }
  }
}

static PetStatus
check_head (
    const PetOnnx *onnx, const Head *head, const char *name, size_t *bytes)
{
  PetTensor tensor = { .type = (PetType) head->type, .shape = head->shape };

  if (head->type > PET_TYPE_F64 || pet_type_bytes (tensor.type) == 0)
    return pet_fail (onnx->error, PET_ERROR_UNSUPPORTED,
        "tensor '%.80s': ONNX data type %llu is not supported", name,
        (unsigned long long) head->type);
  if (head->is_external)
    return pet_fail (onnx->error, PET_ERROR_UNSUPPORTED,
        "tensor '%.80s' is kept outside the model file (external data); save "
        "the model with its weights inside",
        name);
  if (head->has_segment)
    return pet_fail (onnx->error, PET_ERROR_UNSUPPORTED,
        "tensor '%.80s' is stored in segments", name);
  if (!pet_tensor_bytes (&tensor, bytes) ||
      *bytes > onnx->limits->max_tensor_bytes)
    return pet_fail (onnx->error, PET_ERROR_LIMIT,
        "tensor '%.80s' is larger than %zu bytes", name,
        onnx->limits->max_tensor_bytes);
  if (head->has_raw && pet_wire_size (&head->raw) != *bytes)
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "tensor '%.80s' has %zu bytes of data where its shape needs %zu", name,
        pet_wire_size (&head->raw), *bytes);
  return PET_OK;
}

/* The field that holds a type's numbers where they are not raw. */
static uint32_t
data_field (PetType type)
{
  switch (type) {
    case PET_TYPE_F32:
      return TENSOR_FLOATS;
    case PET_TYPE_F64:
      return TENSOR_DOUBLES;
    case PET_TYPE_I64:
      return TENSOR_INT64S;
    default:
      return TENSOR_INT32S;
  }
}

static size_t
fixed_bytes (PetType type)
{
  return type == PET_TYPE_F32 ? 4 : type == PET_TYPE_F64 ? 8 : 0;
}

static size_t
count_numbers (const PetWireField *field, PetType type)
{
  size_t fixed = fixed_bytes (type);

  if (field->type != PET_WIRE_BYTES)
    return 1;
  if (fixed != 0)
    return pet_wire_size (&field->bytes) / fixed;
  return pet_wire_count_varints (&field->bytes);
}

static void
store_number (PetTensor *tensor, size_t at, uint64_t value)
{
  size_t bytes = pet_type_bytes (tensor->type);
  uint8_t *to = (uint8_t *) tensor->data + at * bytes;
  uint64_t u64 = value;
  uint32_t u32 = (uint32_t) value;
  uint16_t u16 = (uint16_t) value;

  if (tensor->type == PET_TYPE_BOOL)
    *to = value != 0;
  else if (bytes == 1)
    *to = (uint8_t) value;
  else if (bytes == 2)
    memcpy (to, &u16, 2);
  else if (bytes == 4)
    memcpy (to, &u32, 4);
  else
    memcpy (to, &u64, 8);
}

static bool
next_packed (PetWire *wire, size_t fixed, uint64_t *value)
{
  if (fixed == 0)
    return pet_wire_varint (wire, value);
  if (pet_wire_size (wire) < fixed)
    return false;
  *value = 0;
  for (size_t i = 0; i < fixed; i++)
    *value |= (uint64_t) *wire->at++ << (8 * i);
  return true;
}

/* `at` counts the numbers stored so far; there is room for `room`. */
static bool
store_numbers (PetTensor *tensor, PetWireField *field, size_t *at, size_t room)
{
  uint64_t value;

  if (field->type != PET_WIRE_BYTES) {
    if (*at == room)
      return false;
    store_number (tensor, (*at)++, field->value);
    return true;
  }
  while (field->bytes.at < field->bytes.end) {
    if (*at == room ||
        !next_packed (&field->bytes, fixed_bytes (tensor->type), &value))
      return false;
    store_number (tensor, (*at)++, value);
  }
  return true;
}

static PetStatus
read_numbers (const PetOnnx *onnx, PetWire wire, PetTensor *tensor,
    size_t elements, const char *name)
{
  uint32_t number = data_field (tensor->type);
  PetWireField field;
  size_t at = 0;

  do {
    PET_TRY (pet_onnx_next (onnx, &tensor_message, &wire, &field));
    if (field.number == number &&
        !store_numbers (tensor, &field, &at, elements))
      return pet_fail (onnx->error, PET_ERROR_CORRUPT,
          "tensor '%.80s' has broken data", name);
  } while (field.number != 0);
  if (at != elements)
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "tensor '%.80s' has %zu numbers where its shape needs %zu", name, at,
        elements);
  return PET_OK;
}

/* Before memory is taken: a few bytes of file must not claim a gigabyte. */
static PetStatus
check_count (const PetOnnx *onnx, PetWire wire, PetType type, size_t elements,
    const char *name)
{
  uint32_t number = data_field (type);
  PetWireField field;
  size_t count = 0;

  do {
    PET_TRY (pet_onnx_next (onnx, &tensor_message, &wire, &field));
    if (field.number == number)
      count += count_numbers (&field, type);
  } while (field.number != 0);
  if (count != elements)
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "tensor '%.80s' has %zu numbers where its shape needs %zu", name, count,
        elements);
  return PET_OK;
}

static void
copy_raw (PetTensor *tensor, const uint8_t *raw, size_t bytes)
{
  size_t size = pet_type_bytes (tensor->type);
  uint8_t *to = tensor->data;

  if (tensor->type == PET_TYPE_BOOL) {
    for (size_t i = 0; i < bytes; i++)
      to[i] = raw[i] != 0;
    return;
  }
  if (bytes > 0)
    memcpy (to, raw, bytes);
  if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    for (size_t i = 0; i < bytes; i++)
      to[i] = raw[i - i % size + (size - 1 - i % size)];
}

static PetStatus
read_contents (const PetOnnx *onnx, PetWire wire, const Head *head,
    const char *name, PetTensor *tensor)
{
  PetType type = (PetType) head->type;
  size_t bytes, elements;

  PET_TRY (check_head (onnx, head, name, &bytes));
  elements = bytes / pet_type_bytes (type);
  if (!head->has_raw)
    PET_TRY (check_count (onnx, wire, type, elements, name));
  PET_TRY (pet_tensor_alloc (tensor, type, &head->shape, onnx->error));
  if (!head->has_raw)
    return read_numbers (onnx, wire, tensor, elements, name);
  copy_raw (tensor, head->raw.at, bytes);
  return PET_OK;
}

PetStatus
pet_onnx_tensor (
    const PetOnnx *onnx, PetWire wire, PetTensor *tensor, char **name)
{
  PetTensor made = { .type = PET_TYPE_NONE };
  Head head;
  char *label;
  PetStatus status;

  PET_TRY (read_head (onnx, wire, &head));
  PET_TRY (pet_onnx_string (onnx, &head.name, &label));
  status = read_contents (onnx, wire, &head, label, &made);
  if (status != PET_OK) {
    pet_tensor_clear (&made);
    free (label);
    return status;
  }
  *tensor = made;
  *name = label;
  return PET_OK;
}

PetStatus
pet_onnx_read_tensor (const void *bytes, size_t size, PetTensor *tensor,
    char **name, PetError *error)
{
  PetModelLimits limits;
  PetOnnx onnx = { .start = bytes, .limits = &limits, .error = error };
  PetWire wire = { .at = bytes, .end = (const uint8_t *) bytes + size };

  pet_model_limits_init (&limits);
  return pet_onnx_tensor (&onnx, wire, tensor, name);
}

static const PetOnnxMessage value_info_message = { "ValueInfoProto",
  { [1] = PET_ONNX_BYTES, [2] = PET_ONNX_BYTES } };
static const PetOnnxMessage type_message = { "TypeProto",
  { [1] = PET_ONNX_BYTES } };
static const PetOnnxMessage tensor_type_message = { "TypeProto.Tensor",
  { [1] = PET_ONNX_VARINT, [2] = PET_ONNX_BYTES } };
static const PetOnnxMessage shape_message = { "TensorShapeProto",
  { [1] = PET_ONNX_BYTES } };
static const PetOnnxMessage dim_message = { "Dimension",
  { [1] = PET_ONNX_VARINT } };

/* A name, nothing or a negative number leaves the dimension open. */
static PetStatus
read_shape (const PetOnnx *onnx, PetWire wire, PetShape *shape)
{
  PetWireField field, dim;

  shape->rank = 0;
  for (;;) {
    int64_t *to;

    PET_TRY (pet_onnx_next (onnx, &shape_message, &wire, &field));
    if (field.number == 0)
      return PET_OK;
    if (field.number != 1)
      continue;
    PET_TRY (add_dim (onnx, shape, 0));
    to = &shape->dim[shape->rank - 1];
    *to = -1;
    do {
      PET_TRY (pet_onnx_next (onnx, &dim_message, &field.bytes, &dim));
      if (dim.number == 1 && (int64_t) dim.value >= 0)
        *to = (int64_t) dim.value;
    } while (dim.number != 0);
  }
}

static PetStatus
read_tensor_type (const PetOnnx *onnx, PetWire wire, PetTensor *tensor)
{
  PetWireField field;

  do {
    PET_TRY (pet_onnx_next (onnx, &tensor_type_message, &wire, &field));
    if (field.number == 1)
      tensor->type = field.value > PET_TYPE_F64 ||
              pet_type_bytes ((PetType) field.value) == 0
          ? PET_TYPE_NONE
          : (PetType) field.value;
    else if (field.number == 2)
      PET_TRY (read_shape (onnx, field.bytes, &tensor->shape));
  } while (field.number != 0);
  return PET_OK;
}

static PetStatus
read_type (const PetOnnx *onnx, PetWire wire, PetTensor *tensor)
{
  PetWireField field;

  do {
    PET_TRY (pet_onnx_next (onnx, &type_message, &wire, &field));
    if (field.number == 1)
      PET_TRY (read_tensor_type (onnx, field.bytes, tensor));
  } while (field.number != 0);
  return PET_OK;
}

PetStatus
pet_onnx_value_info (
    const PetOnnx *onnx, PetWire wire, PetTensor *tensor, char **name)
{
  PetWireField field;
  PetWire label = { NULL, NULL };

  tensor->type = PET_TYPE_NONE;
  tensor->shape.rank = -1;
  tensor->data = NULL;
  do {
    PET_TRY (pet_onnx_next (onnx, &value_info_message, &wire, &field));
    if (field.number == 1)
      label = field.bytes;
    else if (field.number == 2)
      PET_TRY (read_type (onnx, field.bytes, tensor));
  } while (field.number != 0);
  return pet_onnx_string (onnx, &label, name);
}
