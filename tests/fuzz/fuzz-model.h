/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits under which any model file is through in a fraction of a second. */

#pragma once

#include <string.h>

#include "nn/pet-nn.h"

static inline PetModelLimits
fuzz_model_limits (void)
{
  return (PetModelLimits){ .max_file_bytes = 1 << 20,
    .max_nodes = 64,
    .max_tensor_bytes = 1 << 14,
    .max_activation_bytes = 1 << 20,
    .max_weight_bytes = 1 << 20 };
}

/* Small numbers, of which indices and floats are both made. */
static inline void
fuzz_model_fill (PetTensor *tensor)
{
  size_t n_elements = 0;

  if (tensor == NULL || tensor->data == NULL ||
      !pet_shape_elements (&tensor->shape, &n_elements))
    return;
  memset (tensor->data, 0, n_elements * pet_type_bytes (tensor->type));
  if (tensor->type == PET_TYPE_F32)
    for (size_t i = 0; i < n_elements; i++)
      ((float *) tensor->data)[i] = (float) (i % 17) - 8.0f;
}
