/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transposed convolutions, for a kernel of our own. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/ref/pet-op-util.h"
#include "nn/ref/pet-op-window.h"
#include "pet-cuda-program.h"

#define MOST 65535

typedef struct {
  PetWindow window;
  const PetTensor *weights, *bias; /* bias->data NULL: none */
  int in, out, groups;
} Transposed;

static bool
is_constant (const PetTensor *tensor)
{
  return tensor->data != NULL && tensor->type == PET_TYPE_F32;
}

/* Beyond MOST, which is far more than pictures have, int arithmetic might
 * wrap. */
static bool
is_small (const PetWindow *window)
{
  for (int i = 1; i < 3; i++)
    if (window->kernel[i] > MOST || window->stride[i] > MOST ||
        window->dilation[i] > MOST || window->pad[i] > MOST ||
        window->pad[i] < -MOST ||
        (window->kernel[i] - 1) * window->dilation[i] > INT32_MAX / 4)
      return false;
  return window->rank == 2;
}

static bool
read_node (const PetCudaProgram *program, const PetNode *node, Transposed *conv)
{
  const PetGraph *graph = program->graph;

  if (strcmp (node->type, "ConvTranspose") != 0 || node->n_inputs < 2 ||
      node->n_outputs != 1 || node->inputs[0] < 0 || node->outputs[0] < 0 ||
      !program->values[node->inputs[0]].picture ||
      !program->values[node->outputs[0]].picture)
    return false;
  if (node->residual >= 0 && !program->values[node->residual].picture)
    return false;
  conv->weights = pet_node_input (graph, node, 1);
  conv->bias = pet_node_input (graph, node, 2);
  if (!is_constant (conv->weights) ||
      (conv->bias->type != PET_TYPE_NONE && !is_constant (conv->bias)) ||
      pet_window_init_transposed (node, &pet_node_input (graph, node, 0)->shape,
          &conv->weights->shape.dim[2], &conv->window, NULL) != PET_OK ||
      !is_small (&conv->window))
    return false;
  conv->in = program->values[node->inputs[0]].channels;
  conv->out = program->values[node->outputs[0]].channels;
  conv->groups = (int) pet_node_int (node, "group", 1);
  return true;
}

bool
pet_cuda_transposed_fits (const PetCudaProgram *program, const PetNode *node)
{
  Transposed conv;

  return read_node (program, node, &conv);
}

/* From [in][out of a group][tap] to [tap][in of a group][out, padded]. */
static float *
reorder (const Transposed *conv, size_t *bytes)
{
  const float *from = conv->weights->data;
  size_t taps =
      (size_t) conv->window.kernel[1] * (size_t) conv->window.kernel[2];
  size_t padded = (size_t) pet_cuda_pad8 (conv->out);
  size_t group_in = (size_t) (conv->in / conv->groups);
  size_t group_out = (size_t) (conv->out / conv->groups), count;
  float *to;

  if (!pet_mul3_size (taps, group_in, padded, &count) ||
      !pet_mul_size (count, sizeof *to, bytes))
    return NULL;
  to = calloc (count, sizeof *to);
  for (size_t i = 0; to != NULL && i < (size_t) conv->in; i++)
    for (size_t o = 0; o < group_out; o++)
      for (size_t t = 0; t < taps; t++, from++)
        to[(t * group_in + i % group_in) * padded + i / group_in * group_out +
            o] = *from;
  return to;
}

static PetStatus
add_numbers (PetCudaProgram *program, PetCudaStep *step, const Transposed *conv,
    PetError *error)
{
  size_t padded = (size_t) pet_cuda_pad8 (conv->out), bytes;
  float *weights = reorder (conv, &bytes);
  float *bias = calloc (padded, sizeof *bias);
  PetStatus status;

  if (weights == NULL || bias == NULL) {
    status = pet_fail (error, PET_ERROR_MEMORY, "no memory for the weights");
  } else {
    if (conv->bias->data != NULL)
      memcpy (bias, conv->bias->data, (size_t) conv->out * sizeof *bias);
    status = pet_cuda_add_constant (
        program, weights, bytes, &step->constant[0], error);
    if (status == PET_OK)
      status = pet_cuda_add_constant (
          program, bias, padded * sizeof *bias, &step->constant[1], error);
  }
  free (weights);
  free (bias);
  return status;
}

PetStatus
pet_cuda_add_transposed (
    PetCudaProgram *program, const PetNode *node, PetError *error)
{
  PetCudaStep *step;
  Transposed conv;

  (void) read_node (program, node, &conv);
  PET_TRY (pet_cuda_need_card (program, node->inputs[0], error));
  if (node->residual >= 0)
    PET_TRY (pet_cuda_need_card (program, node->residual, error));
  PET_TRY (pet_cuda_new_step (
      program, PET_CUDA_STEP_TRANSPOSED, node, &step, error));
  step->x = node->inputs[0];
  step->y = node->outputs[0];
  step->in = conv.in;
  step->out = conv.out;
  step->groups = conv.groups;
  step->residual = node->residual;
  step->epilogue.act = pet_cuda_act_of (node);
  step->epilogue.low = node->act_min;
  step->epilogue.high = node->act_max;
  step->epilogue.residual_last = node->residual_last;
  for (int i = 0; i < 2; i++) {
    step->window.kernel[i] = (int) conv.window.kernel[1 + i];
    step->window.stride[i] = (int) conv.window.stride[1 + i];
    step->window.dilation[i] = (int) conv.window.dilation[1 + i];
    step->window.pad[i] = (int) conv.window.pad[1 + i];
  }
  PET_TRY (add_numbers (program, step, &conv, error));
  PET_TRY (pet_cuda_touch (program, step->x, false, error));
  if (step->residual >= 0)
    PET_TRY (pet_cuda_touch (program, step->residual, false, error));
  return pet_cuda_touch (program, step->y, false, error);
}
