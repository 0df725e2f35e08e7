/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Batch normalisation at inference is y = a x + b per channel, which a
 * convolution in front of it can do by itself: w' = a w, bias' = a bias + b
 * with a = scale / sqrt (var + epsilon), b = shift - a mean. Computed in
 * double. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/pet-optimize-private.h"

/* NULL unless the value is a constant float vector of `count`. */
static const float *
constant_vector (const PetGraph *graph, int value, int64_t count)
{
  const PetTensor *tensor;

  if (value < 0)
    return NULL;
  tensor = &graph->values[value].tensor;
  if (tensor->data == NULL || tensor->type != PET_TYPE_F32 ||
      tensor->shape.rank != 1 || tensor->shape.dim[0] != count)
    return NULL;
  return tensor->data;
}

typedef struct {
  const float *scale, *shift, *mean, *variance;
  double epsilon;
} Norm;

static bool
read_norm (
    const PetGraph *graph, const PetNode *node, int64_t channels, Norm *norm)
{
  if (node->n_inputs != 5 || node->n_outputs != 1 ||
      pet_node_int (node, "training_mode", 0) != 0)
    return false;
  norm->scale = constant_vector (graph, node->inputs[1], channels);
  norm->shift = constant_vector (graph, node->inputs[2], channels);
  norm->mean = constant_vector (graph, node->inputs[3], channels);
  norm->variance = constant_vector (graph, node->inputs[4], channels);
  norm->epsilon = (double) pet_node_float (node, "epsilon", 1e-5f);
  return norm->scale != NULL && norm->shift != NULL && norm->mean != NULL &&
      norm->variance != NULL;
}

static int
add_value (PetGraph *graph, const PetTensor *tensor)
{
  PetValue *values =
      realloc (graph->values, ((size_t) graph->n_values + 2) * sizeof *values);
  PetValue *value;

  if (values == NULL)
    return -1;
  graph->values = values;
  value = &values[graph->n_values];
  memset (value, 0, 2 * sizeof *value);
  value->name = strdup ("");
  if (value->name == NULL)
    return -1;
  value->tensor = *tensor;
  value->producer = -1;
  return graph->n_values++;
}

static void
scale_weights (const PetTensor *from, const Norm *norm, const float *bias,
    float *weights, float *new_bias)
{
  int64_t channels = from->shape.dim[0];
  const float *w = from->data;
  size_t elements = 0, each;

  pet_shape_elements (&from->shape, &elements);
  each = channels > 0 ? elements / (size_t) channels : 0;
  for (int64_t c = 0; c < channels; c++) {
    double a = (double) norm->scale[c] /
        sqrt ((double) norm->variance[c] + norm->epsilon);
    double old = bias != NULL ? (double) bias[c] : 0.0;

    for (size_t i = 0; i < each; i++)
      weights[(size_t) c * each + i] =
          (float) (a * (double) w[(size_t) c * each + i]);
    new_bias[c] =
        (float) (a * (old - (double) norm->mean[c]) + (double) norm->shift[c]);
  }
}

/* Sets input `index` of the node to a new constant (taken over). */
static PetStatus
set_constant (PetGraph *graph, PetNode *node, int index, PetTensor *tensor,
    PetError *error)
{
  int value = add_value (graph, tensor);

  if (value < 0) {
    pet_tensor_clear (tensor);
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  }
  node->inputs[index] = value;
  return PET_OK;
}

static PetStatus
give_bias_input (PetNode *node, PetError *error)
{
  int *inputs;

  if (node->n_inputs >= 3)
    return PET_OK;
  inputs = realloc (node->inputs, 3 * sizeof *inputs);
  if (inputs == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  inputs[2] = -1;
  node->inputs = inputs;
  node->n_inputs = 3;
  return PET_OK;
}

static PetStatus
fold (PetGraph *graph, PetNode *conv, const Norm *norm, const float *bias,
    PetError *error)
{
  const PetTensor *old = pet_node_input (graph, conv, 1);
  PetShape vector = { .rank = 1, .dim = { old->shape.dim[0] } };
  PetTensor weights, new_bias;
  PetStatus status;
  size_t bytes;

  if (!pet_tensor_bytes (old, &bytes) ||
      !pet_add_size (bytes, (size_t) vector.dim[0] * sizeof (float), &bytes))
    return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
  PET_TRY (pet_graph_count_weights (graph, bytes, error));
  PET_TRY (give_bias_input (conv, error));
  PET_TRY (pet_tensor_alloc (&weights, PET_TYPE_F32, &old->shape, error));
  status = pet_tensor_alloc (&new_bias, PET_TYPE_F32, &vector, error);
  if (status != PET_OK) {
    pet_tensor_clear (&weights);
    return status;
  }
  scale_weights (old, norm, bias, weights.data, new_bias.data);
  status = set_constant (graph, conv, 1, &weights, error);
  if (status != PET_OK) {
    pet_tensor_clear (&new_bias);
    return status;
  }
  return set_constant (graph, conv, 2, &new_bias, error);
}

PetStatus
pet_fold_batch_norm (
    PetGraph *graph, const int *uses, int index, PetError *error)
{
  PetNode *node = &graph->nodes[index];
  const PetTensor *weights;
  const float *bias = NULL;
  PetNode *conv;
  int target;
  Norm norm;

  if (strcmp (node->type, "BatchNormalization") != 0)
    return PET_OK;
  target = pet_fusable_producer (graph, uses, node->inputs[0], true);
  if (target < 0)
    return PET_OK;
  conv = &graph->nodes[target];
  weights = pet_node_input (graph, conv, 1);
  if (strcmp (conv->type, "Conv") != 0 || conv->residual >= 0 ||
      weights->data == NULL || weights->type != PET_TYPE_F32 ||
      !read_norm (graph, node, weights->shape.dim[0], &norm))
    return PET_OK;
  if (conv->n_inputs > 2 && conv->inputs[2] >= 0) {
    bias = constant_vector (graph, conv->inputs[2], weights->shape.dim[0]);
    if (bias == NULL)
      return PET_OK;
  }
  PET_TRY (fold (graph, conv, &norm, bias, error));
  pet_fuse_into (graph, target, node);
  return PET_OK;
}
