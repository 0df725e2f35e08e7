/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* NodeProto and AttributeProto. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/pet-onnx-private.h"

#define MAX_ATTRS 64
#define MAX_NUMBERS 65536 /* in one attribute */

enum {
  NODE_INPUT = PET_ONNX_NODE_INPUT,
  NODE_OUTPUT = PET_ONNX_NODE_OUTPUT,
  NODE_NAME = 3,
  NODE_TYPE = 4,
  NODE_ATTRIBUTE = 5,
  NODE_DOMAIN = 7,
};

static const PetOnnxMessage node_message = { "NodeProto",
  {
      [NODE_INPUT] = PET_ONNX_BYTES,
      [NODE_OUTPUT] = PET_ONNX_BYTES,
      [NODE_NAME] = PET_ONNX_BYTES,
      [NODE_TYPE] = PET_ONNX_BYTES,
      [NODE_ATTRIBUTE] = PET_ONNX_BYTES,
      [NODE_DOMAIN] = PET_ONNX_BYTES,
  } };

enum {
  ATTR_NAME = 1,
  ATTR_F = 2,
  ATTR_I = 3,
  ATTR_S = 4,
  ATTR_T = 5,
  ATTR_FLOATS = 7,
  ATTR_INTS = 8,
  ATTR_STRINGS = 9,
  ATTR_TYPE = 20,
  ATTR_REFERENCE = 21,
};

static const PetOnnxMessage attr_message = { "AttributeProto",
  {
      [ATTR_NAME] = PET_ONNX_BYTES,
      [ATTR_F] = PET_ONNX_FIXED32,
      [ATTR_I] = PET_ONNX_VARINT,
      [ATTR_S] = PET_ONNX_BYTES,
      [ATTR_T] = PET_ONNX_BYTES,
      [6] = PET_ONNX_BYTES,
      [ATTR_FLOATS] = PET_ONNX_NUMBERS,
      [ATTR_INTS] = PET_ONNX_NUMBERS,
      [ATTR_STRINGS] = PET_ONNX_BYTES,
      [10] = PET_ONNX_BYTES,
      [11] = PET_ONNX_BYTES,
      [14] = PET_ONNX_BYTES,
      [15] = PET_ONNX_BYTES,
      [ATTR_TYPE] = PET_ONNX_VARINT,
      [ATTR_REFERENCE] = PET_ONNX_BYTES,
      [22] = PET_ONNX_BYTES,
      [23] = PET_ONNX_BYTES,
  } };

/* AttributeType of the file, by the field that holds the value. */
static const struct {
  uint32_t field;
  int type; /* AttributeProto.AttributeType */
  int kind; /* PetAttrKind, -1: refused */
  const char *what;
} kinds[] = {
  { ATTR_F, 1, PET_ATTR_FLOAT, NULL },
  { ATTR_I, 2, PET_ATTR_INT, NULL },
  { ATTR_S, 3, PET_ATTR_STRING, NULL },
  { ATTR_T, 4, PET_ATTR_TENSOR, NULL },
  { 6, 5, -1, "a subgraph" },
  { ATTR_FLOATS, 6, PET_ATTR_FLOATS, NULL },
  { ATTR_INTS, 7, PET_ATTR_INTS, NULL },
  { ATTR_STRINGS, 8, PET_ATTR_STRINGS, NULL },
  { 10, 9, -1, "a list of tensors" },
  { 11, 10, -1, "subgraphs" },
  { 22, 11, -1, "a sparse tensor" },
  { 23, 12, -1, "sparse tensors" },
  { 14, 13, -1, "a type" },
  { 15, 14, -1, "types" },
};

#define N_KINDS (sizeof kinds / sizeof *kinds)

/* What a first pass over an AttributeProto learns. */
typedef struct {
  PetWire name;
  uint64_t type; /* 0: not given (files before IR version 2) */
  uint32_t field;
  bool is_reference;
  size_t count; /* of floats, ints or strings */
} AttrHead;

static size_t
attr_count (const PetWireField *field)
{
  if (field->type != PET_WIRE_BYTES || field->number == ATTR_STRINGS)
    return 1;
  return field->number == ATTR_FLOATS
      ? pet_wire_size (&field->bytes) / sizeof (float)
      : pet_wire_count_varints (&field->bytes);
}

static bool
is_list (uint32_t number)
{
  return number == ATTR_FLOATS || number == ATTR_INTS || number == ATTR_STRINGS;
}

static PetStatus
read_attr_head (const PetOnnx *onnx, PetWire wire, AttrHead *head)
{
  PetWireField field;

  memset (head, 0, sizeof *head);
  for (;;) {
    PET_TRY (pet_onnx_next (onnx, &attr_message, &wire, &field));
    if (field.number == 0)
      return PET_OK;
    if (field.number == ATTR_NAME)
      head->name = field.bytes;
    else if (field.number == ATTR_TYPE)
      head->type = field.value;
    else if (field.number == ATTR_REFERENCE)
      head->is_reference = true;
    else if (field.number != PET_ONNX_UNKNOWN) {
      head->field = field.number;
      if (is_list (field.number))
        head->count += attr_count (&field);
    }
  }
}

static PetStatus
attr_kind (const PetOnnx *onnx, const AttrHead *head, PetAttr *attr)
{
  for (size_t i = 0; i < N_KINDS && !head->is_reference; i++) {
    if (head->type != 0 ? head->type != (uint64_t) kinds[i].type
                        : head->field != kinds[i].field)
      continue;
    if (kinds[i].kind < 0)
      return pet_fail (onnx->error, PET_ERROR_UNSUPPORTED,
          "attribute '%.60s' holds %s, which is not supported", attr->name,
          kinds[i].what);
    if (head->field != 0 && head->field != kinds[i].field)
      break;
    attr->kind = (PetAttrKind) kinds[i].kind;
    return PET_OK;
  }
  return pet_fail (onnx->error, PET_ERROR_CORRUPT,
      "attribute '%.60s' is of no valid kind", attr->name);
}

static PetStatus
attr_alloc (const PetOnnx *onnx, const AttrHead *head, PetAttr *attr)
{
  size_t n = head->count > 0 ? head->count : 1;

  if (head->count > MAX_NUMBERS)
    return pet_fail (onnx->error, PET_ERROR_LIMIT,
        "attribute '%.60s' has more than %d values", attr->name, MAX_NUMBERS);
  if (attr->kind == PET_ATTR_FLOATS)
    attr->floats = calloc (n, sizeof *attr->floats);
  else if (attr->kind == PET_ATTR_INTS)
    attr->ints = calloc (n, sizeof *attr->ints);
  else if (attr->kind == PET_ATTR_STRINGS)
    attr->strings = calloc (n, sizeof *attr->strings);
  else
    return PET_OK;
  if (attr->floats == NULL && attr->ints == NULL && attr->strings == NULL)
    return pet_fail (onnx->error, PET_ERROR_MEMORY, "no memory for the model");
  return PET_OK;
}

static float
float_from_bits (uint32_t bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

static PetStatus
attr_floats (const PetOnnx *onnx, PetWireField *field, PetAttr *attr)
{
  PetWireField part;

  if (field->type == PET_WIRE_FIXED32) {
    attr->floats[attr->count++] = float_from_bits ((uint32_t) field->value);
    return PET_OK;
  }
  if (field->type != PET_WIRE_BYTES || pet_wire_size (&field->bytes) % 4 != 0)
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "attribute '%.60s' has broken numbers", attr->name);
  for (; field->bytes.at < field->bytes.end; field->bytes.at += 4) {
    const uint8_t *b = field->bytes.at;

    part.value = b[0] | (uint32_t) b[1] << 8 | (uint32_t) b[2] << 16 |
        (uint32_t) b[3] << 24;
    attr->floats[attr->count++] = float_from_bits ((uint32_t) part.value);
  }
  return PET_OK;
}

static PetStatus
attr_ints (const PetOnnx *onnx, PetWireField *field, PetAttr *attr)
{
  uint64_t value;

  if (field->type != PET_WIRE_BYTES) {
    attr->ints[attr->count++] = (int64_t) field->value;
    return PET_OK;
  }
  while (field->bytes.at < field->bytes.end) {
    if (!pet_wire_varint (&field->bytes, &value))
      return pet_fail (onnx->error, PET_ERROR_CORRUPT,
          "attribute '%.60s' has broken numbers", attr->name);
    attr->ints[attr->count++] = (int64_t) value;
  }
  return PET_OK;
}

static PetStatus
attr_tensor (const PetOnnx *onnx, const PetWireField *field, PetAttr *attr)
{
  PetTensor tensor;
  char *name;

  PET_TRY (pet_onnx_tensor (onnx, field->bytes, &tensor, &name));
  free (name);
  pet_tensor_clear (&attr->tensor);
  attr->tensor = tensor;
  return PET_OK;
}

static PetStatus
attr_value (const PetOnnx *onnx, PetWireField *field, PetAttr *attr)
{
  switch (field->number) {
    case ATTR_F:
      attr->f = float_from_bits ((uint32_t) field->value);
      return PET_OK;
    case ATTR_I:
      attr->i = (int64_t) field->value;
      return PET_OK;
    case ATTR_S:
      free (attr->s);
      attr->s = NULL;
      return pet_onnx_string (onnx, &field->bytes, &attr->s);
    case ATTR_T:
      return attr_tensor (onnx, field, attr);
    case ATTR_FLOATS:
      return attr_floats (onnx, field, attr);
    case ATTR_INTS:
      return attr_ints (onnx, field, attr);
    default:
      return pet_onnx_string (
          onnx, &field->bytes, &attr->strings[attr->count++]);
  }
}

/* Leaves what was read so far in `attr` also on failure. */
static PetStatus
read_attr (const PetOnnx *onnx, PetWire wire, PetAttr *attr)
{
  AttrHead head;
  PetWireField field;

  PET_TRY (read_attr_head (onnx, wire, &head));
  PET_TRY (pet_onnx_string (onnx, &head.name, &attr->name));
  PET_TRY (attr_kind (onnx, &head, attr));
  PET_TRY (attr_alloc (onnx, &head, attr));
  do {
    PET_TRY (pet_onnx_next (onnx, &attr_message, &wire, &field));
    if (field.number != 0 && field.number == head.field)
      PET_TRY (attr_value (onnx, &field, attr));
    else if (is_list (field.number))
      return pet_fail (onnx->error, PET_ERROR_CORRUPT,
          "attribute '%.60s' has values of two kinds", attr->name);
  } while (field.number != 0);
  if (attr->kind == PET_ATTR_TENSOR && attr->tensor.data == NULL)
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "attribute '%.60s' has no tensor", attr->name);
  if (attr->kind == PET_ATTR_STRING && attr->s == NULL)
    return pet_onnx_string (onnx, &(PetWire){ NULL, NULL }, &attr->s);
  return PET_OK;
}

static PetStatus
replace_string (const PetOnnx *onnx, const PetWireField *field, char **string)
{
  free (*string);
  *string = NULL;
  return pet_onnx_string (onnx, &field->bytes, string);
}

static PetStatus
read_labels (const PetOnnx *onnx, PetWire wire, PetNode *node, char **domain,
    size_t *n_attrs)
{
  PetWireField field;

  *n_attrs = 0;
  do {
    PET_TRY (pet_onnx_next (onnx, &node_message, &wire, &field));
    if (field.number == NODE_NAME)
      PET_TRY (replace_string (onnx, &field, &node->name));
    else if (field.number == NODE_TYPE)
      PET_TRY (replace_string (onnx, &field, &node->type));
    else if (field.number == NODE_DOMAIN)
      PET_TRY (replace_string (onnx, &field, domain));
    else if (field.number == NODE_ATTRIBUTE)
      ++*n_attrs;
  } while (field.number != 0);
  return PET_OK;
}

static PetStatus
read_attrs (const PetOnnx *onnx, PetWire wire, size_t n_attrs, PetNode *node)
{
  PetWireField field;

  if (n_attrs > MAX_ATTRS)
    return pet_fail (
        onnx->error, PET_ERROR_LIMIT, "more than %d attributes", MAX_ATTRS);
  node->attrs = calloc (n_attrs + 1, sizeof *node->attrs);
  if (node->attrs == NULL)
    return pet_fail (onnx->error, PET_ERROR_MEMORY, "no memory for the model");
  do {
    PET_TRY (pet_onnx_next (onnx, &node_message, &wire, &field));
    if (field.number == NODE_ATTRIBUTE)
      PET_TRY (read_attr (onnx, field.bytes, &node->attrs[node->n_attrs++]));
  } while (field.number != 0);
  return PET_OK;
}

static PetStatus
name_node (const PetOnnx *onnx, int index, PetNode *node)
{
  char text[24];

  if (node->name != NULL && node->name[0] != '\0')
    return PET_OK;
  snprintf (text, sizeof text, "#%d", index);
  free (node->name);
  node->name = strdup (text);
  if (node->name == NULL)
    return pet_fail (onnx->error, PET_ERROR_MEMORY, "no memory for the model");
  return PET_OK;
}

static PetStatus
check_labels (const PetOnnx *onnx, const PetNode *node, const char *domain)
{
  if (node->type == NULL || node->type[0] == '\0')
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "node '%.80s' has no operator", node->name);
  if (domain != NULL && domain[0] != '\0' && strcmp (domain, "ai.onnx") != 0)
    return pet_fail (onnx->error, PET_ERROR_UNSUPPORTED,
        "node '%.80s' (%.40s of domain %.60s): operator not supported; only "
        "those of ONNX itself are",
        node->name, node->type, domain);
  return PET_OK;
}

PetStatus
pet_onnx_node (const PetOnnx *onnx, PetWire wire, int index, PetNode *node)
{
  char *domain = NULL;
  size_t n_attrs;
  PetStatus status = read_labels (onnx, wire, node, &domain, &n_attrs);
  PetError inner = { .status = PET_OK };
  PetOnnx attrs_onnx = *onnx;

  if (status == PET_OK)
    status = name_node (onnx, index, node);
  if (status == PET_OK)
    status = check_labels (onnx, node, domain);
  free (domain);
  PET_TRY (status);

  node->opset = onnx->opset;
  node->residual = -1;
  attrs_onnx.error = &inner;
  status = read_attrs (&attrs_onnx, wire, n_attrs, node);
  if (status != PET_OK)
    return pet_fail (onnx->error, status, "node '%.80s' (%.40s): %s",
        node->name, node->type, inner.message);
  return PET_OK;
}

PetStatus
pet_onnx_node_names (const PetOnnx *onnx, PetWire wire, int number,
    PetOnnxUseName use, void *user)
{
  PetWireField field;

  do {
    PET_TRY (pet_onnx_next (onnx, &node_message, &wire, &field));
    if (field.number == (uint32_t) number)
      PET_TRY (use (user, &field.bytes));
  } while (field.number != 0);
  return PET_OK;
}
