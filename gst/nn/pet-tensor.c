/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Types, shapes, and counted contents of tensors. */

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/pet-graph.h"

/* Sits PET_ALIGNMENT bytes before the contents. */
typedef struct {
  atomic_int references;
  size_t bytes; /* of the whole allocation */
} Contents;

static const struct {
  const char *name;
  size_t bytes;
} types[] = {
  [PET_TYPE_NONE] = { "none", 0 },
  [PET_TYPE_F32] = { "float32", 4 },
  [PET_TYPE_U8] = { "uint8", 1 },
  [PET_TYPE_I8] = { "int8", 1 },
  [PET_TYPE_I32] = { "int32", 4 },
  [PET_TYPE_I64] = { "int64", 8 },
  [PET_TYPE_BOOL] = { "bool", 1 },
  [PET_TYPE_F16] = { "float16", 2 },
  [PET_TYPE_F64] = { "float64", 8 },
};

size_t
pet_type_bytes (PetType type)
{
  if ((unsigned) type >= sizeof types / sizeof *types)
    return 0;
  return types[type].bytes;
}

const char *
pet_type_name (PetType type)
{
  if ((unsigned) type >= sizeof types / sizeof *types ||
      types[type].name == NULL)
    return "unknown";
  return types[type].name;
}

/* Dimensions of 0 do not excuse the others: their product must fit too, so
 * that strides can be computed without a thought. */
bool
pet_shape_elements (const PetShape *shape, size_t *elements)
{
  size_t product = 1;
  bool is_empty = false;

  if (shape->rank < 0 || shape->rank > PET_MAX_RANK)
    return false;
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dim[i] < 0)
      return false;
    if (shape->dim[i] == 0)
      is_empty = true;
    else if (!pet_mul_size (product, (size_t) shape->dim[i], &product))
      return false;
  }
  *elements = is_empty ? 0 : product;
  return product <= PTRDIFF_MAX / 16;
}

bool
pet_shape_equal (const PetShape *a, const PetShape *b)
{
  if (a->rank != b->rank)
    return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i])
      return false;
  return true;
}

const char *
pet_shape_text (const PetShape *shape, char text[PET_SHAPE_TEXT_SIZE])
{
  size_t at = 0;

  if (shape->rank <= 0)
    return shape->rank == 0 ? "scalar" : "unknown";
  for (int i = 0; i < shape->rank && at < PET_SHAPE_TEXT_SIZE; i++) {
    const char *x = i == 0 ? "" : "x";

    if (shape->dim[i] < 0)
      at += (size_t) snprintf (text + at, PET_SHAPE_TEXT_SIZE - at, "%s?", x);
    else
      at += (size_t) snprintf (text + at, PET_SHAPE_TEXT_SIZE - at, "%s%lld", x,
          (long long) shape->dim[i]);
  }
  return text;
}

bool
pet_tensor_bytes (const PetTensor *tensor, size_t *bytes)
{
  size_t elements;

  return pet_shape_elements (&tensor->shape, &elements) &&
      pet_mul_size (elements, pet_type_bytes (tensor->type), bytes);
}

PetStatus
pet_tensor_alloc (
    PetTensor *tensor, PetType type, const PetShape *shape, PetError *error)
{
  PetTensor made = { .type = type, .shape = *shape };
  size_t bytes, total;
  Contents *contents;
  void *memory;

  if (!pet_tensor_bytes (&made, &bytes) ||
      !pet_add_size (bytes, PET_ALIGNMENT, &total))
    return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
  memory = pet_alloc (NULL, total);
  if (memory == NULL)
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory for a tensor of %zu bytes", bytes);
  contents = memory;
  atomic_init (&contents->references, 1);
  contents->bytes = total;
  made.data = (char *) memory + PET_ALIGNMENT;
  *tensor = made;
  return PET_OK;
}

static Contents *
contents_of (const PetTensor *tensor)
{
  return (void *) ((char *) tensor->data - PET_ALIGNMENT);
}

void
pet_tensor_share (PetTensor *to, const PetTensor *from)
{
  *to = *from;
  if (from->data != NULL)
    atomic_fetch_add (&contents_of (from)->references, 1);
}

void
pet_tensor_clear (PetTensor *tensor)
{
  if (tensor->data != NULL) {
    Contents *contents = contents_of (tensor);

    if (atomic_fetch_sub (&contents->references, 1) == 1)
      pet_free (NULL, contents, contents->bytes);
  }
  memset (tensor, 0, sizeof *tensor);
}
