/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions: to cuDNN where it has an engine; one filter per channel and
 * what cuDNN refuses to kernels of our own. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/ref/pet-op-util.h"
#include "nn/ref/pet-op-window.h"
#include "pet-cuda-program.h"

static bool
is_constant (const PetTensor *tensor)
{
  return tensor->data != NULL && tensor->type == PET_TYPE_F32;
}

bool
pet_cuda_read_weights (
    const PetCudaProgram *program, const PetNode *node, PetCudaConvNode *conv)
{
  const PetCudaValue *values = program->values;

  if (node->n_inputs < 2 || node->n_outputs != 1 || node->inputs[0] < 0 ||
      node->outputs[0] < 0 || !values[node->inputs[0]].picture ||
      !values[node->outputs[0]].picture ||
      (node->residual >= 0 && !values[node->residual].picture))
    return false;
  conv->weights = pet_node_input (program->graph, node, 1);
  conv->bias = pet_node_input (program->graph, node, 2);
  conv->in = values[node->inputs[0]].channels;
  conv->out = values[node->outputs[0]].channels;
  conv->groups = (int) pet_node_int (node, "group", 1);
  return is_constant (conv->weights) &&
      (conv->bias->type == PET_TYPE_NONE || is_constant (conv->bias));
}

PetStatus
pet_cuda_begin_conv (PetCudaProgram *program, const PetNode *node,
    PetCudaStepKind kind, const PetCudaConvNode *conv, PetCudaStep **result,
    PetError *error)
{
  PetCudaStep *step;

  PET_TRY (pet_cuda_need_card (program, node->inputs[0], error));
  if (node->residual >= 0)
    PET_TRY (pet_cuda_need_card (program, node->residual, error));
  PET_TRY (pet_cuda_new_step (program, kind, node, &step, error));
  step->x = node->inputs[0];
  step->y = node->outputs[0];
  step->residual = node->residual;
  step->in = conv->in;
  step->out = conv->out;
  step->groups = conv->groups;
  step->epilogue.act = pet_cuda_act_of (node);
  step->epilogue.low = node->act_min;
  step->epilogue.high = node->act_max;
  step->epilogue.residual_last = node->residual_last;
  for (int i = 0; i < 2; i++) {
    step->window.kernel[i] = (int) conv->window.kernel[1 + i];
    step->window.stride[i] = (int) conv->window.stride[1 + i];
    step->window.dilation[i] = (int) conv->window.dilation[1 + i];
    step->window.pad[i] = (int) conv->window.pad[1 + i];
  }
  *result = step;
  return PET_OK;
}

PetStatus
pet_cuda_end_conv (
    PetCudaProgram *program, const PetCudaStep *step, PetError *error)
{
  PET_TRY (pet_cuda_touch (program, step->x, false, error));
  if (step->residual >= 0)
    PET_TRY (pet_cuda_touch (program, step->residual, false, error));
  return pet_cuda_touch (program, step->y, false, error);
}

static bool
read_conv (
    const PetCudaProgram *program, const PetNode *node, PetCudaConvNode *conv)
{
  const PetTensor *x = pet_node_input (program->graph, node, 0);

  if (strcmp (node->type, "Conv") != 0 ||
      !pet_cuda_read_weights (program, node, conv) ||
      pet_window_init (node, &x->shape, &conv->weights->shape.dim[2],
          &conv->window, NULL) != PET_OK)
    return false;
  for (int i = 1; i < 3; i++)
    if (conv->window.kernel[i] > 65535 || conv->window.stride[i] > 65535 ||
        conv->window.dilation[i] > 65535 || conv->window.pad[i] > 65535 ||
        conv->window.pad_end[i] > 65535)
      return false;
  return true;
}

bool
pet_cuda_conv_fits (const PetCudaProgram *program, const PetNode *node)
{
  PetCudaConvNode conv;

  return read_conv (program, node, &conv);
}

/* ONNX's weights are [out][in of a group][height][width]; `order` tells where
 * each goes. `in` and `out` with padding. */
typedef enum {
  OHWI, /* cuDNN and the slow kernel */
  HWO,  /* one filter per channel */
} Order;

static float *
reorder (
    const PetCudaConvNode *conv, Order order, int in, int out, size_t *count)
{
  const float *from = conv->weights->data;
  size_t height = (size_t) conv->window.kernel[1];
  size_t width = (size_t) conv->window.kernel[2];
  size_t group_in = (size_t) (conv->in / conv->groups);
  size_t taps = height * width;
  float *to;

  if (!pet_mul3_size (taps, (size_t) in, (size_t) out, count))
    return NULL;
  to = calloc (*count, sizeof *to);
  if (to == NULL)
    return NULL;
  for (size_t o = 0; o < (size_t) conv->out; o++)
    for (size_t i = 0; i < group_in; i++)
      for (size_t t = 0; t < taps; t++, from++)
        if (order == OHWI)
          to[(o * taps + t) * (size_t) in + i] = *from;
        else
          to[t * (size_t) out + o] = *from;
  return to;
}

static PetStatus
add_numbers (PetCudaProgram *program, const float *numbers, size_t count,
    bool half, size_t *offset, PetError *error)
{
  uint16_t *halves;
  PetStatus status;

  if (!half)
    return pet_cuda_add_constant (
        program, numbers, count * sizeof *numbers, offset, error);
  halves = malloc (count * sizeof *halves);
  if (halves == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the weights");
  for (size_t i = 0; i < count; i++)
    halves[i] = pet_float_to_half (numbers[i]);
  status = pet_cuda_add_constant (
      program, halves, count * sizeof *halves, offset, error);
  free (halves);
  return status;
}

PetStatus
pet_cuda_add_weights (PetCudaProgram *program, PetCudaStep *step,
    const PetCudaConvNode *conv, float *weights, size_t count, bool half,
    PetError *error)
{
  size_t padded = (size_t) pet_cuda_pad8 (conv->out);
  float *bias = calloc (padded, sizeof *bias);
  PetStatus status;

  if (weights == NULL || bias == NULL)
    status = pet_fail (error, PET_ERROR_MEMORY, "no memory for the weights");
  else
    status =
        add_numbers (program, weights, count, half, &step->constant[0], error);
  if (status == PET_OK && conv->bias->data != NULL)
    memcpy (bias, conv->bias->data, (size_t) conv->out * sizeof *bias);
  if (status == PET_OK)
    status =
        add_numbers (program, bias, padded, half, &step->constant[1], error);
  free (weights);
  free (bias);
  return status;
}

static PetStatus
add_weights (PetCudaProgram *program, PetCudaStep *step,
    const PetCudaConvNode *conv, Order order, int in, int out, bool half,
    PetError *error)
{
  size_t count = 0;
  float *weights = reorder (conv, order, in, out, &count);

  return pet_cuda_add_weights (
      program, step, conv, weights, count, half, error);
}

PetCudaAct
pet_cuda_act_of (const PetNode *node)
{
  switch (node->act) {
    case PET_ACT_RELU:
      return PET_CUDA_ACT_RELU;
    case PET_ACT_CLIP:
      return PET_CUDA_ACT_CLIP;
    case PET_ACT_SIGMOID:
      return PET_CUDA_ACT_SIGMOID;
    case PET_ACT_HARDSWISH:
      return PET_CUDA_ACT_HARDSWISH;
    case PET_ACT_NONE:
      break;
  }
  return PET_CUDA_ACT_NONE;
}

static int
pitch_of (const PetCudaProgram *program, int value)
{
  while (program->values[value].parent >= 0)
    value = program->values[value].parent;
  return pet_cuda_pad8 (program->graph->values[value].tensor.shape.dim[1]);
}

static PetCudaConvKey
key_of (const PetCudaProgram *program, const PetNode *node,
    const PetCudaConvNode *conv)
{
  const PetShape *y = &program->graph->values[node->outputs[0]].tensor.shape;
  PetCudaConvKey key;

  memset (&key, 0, sizeof key);
  key.type = (int) program->type;
  key.act = (int) pet_cuda_act_of (node);
  key.residual = node->residual >= 0;
  key.residual_last = node->residual >= 0 && node->residual_last;
  key.batch = program->batch;
  key.in = pet_cuda_pad8 (conv->in);
  key.out = pet_cuda_pad8 (conv->out);
  key.height = (int) conv->window.in[1];
  key.width = (int) conv->window.in[2];
  key.out_height = (int) y->dim[2];
  key.out_width = (int) y->dim[3];
  for (int i = 0; i < 2; i++) {
    /* What the last window does not reach is no padding; cuDNN works out the
     * size of the result from it. */
    int reach = (int) ((conv->window.out[1 + i] - 1) *
            conv->window.stride[1 + i] +
        (conv->window.kernel[1 + i] - 1) * conv->window.dilation[1 + i] + 1);
    int rest = reach - (int) (conv->window.in[1 + i] + conv->window.pad[1 + i]);

    key.kernel[i] = (int) conv->window.kernel[1 + i];
    key.stride[i] = (int) conv->window.stride[1 + i];
    key.dilation[i] = (int) conv->window.dilation[1 + i];
    key.pad[i] = (int) conv->window.pad[1 + i];
    key.pad_end[i] = rest > 0 ? rest : 0;
  }
  key.x_pitch = pitch_of (program, node->inputs[0]);
  key.y_pitch = pitch_of (program, node->outputs[0]);
  key.z_pitch = node->residual >= 0 ? pitch_of (program, node->residual) : 0;
  if (node->act == PET_ACT_CLIP) {
    key.low = node->act_min;
    key.high = node->act_max;
  }
  return key;
}

/* One set of plans per shape. UNSUPPORTED: there are none. */
static PetStatus
find_plans (PetCudaProgram *program, const PetCudaConvKey *key, int *conv,
    PetError *error)
{
  PetStatus status;

  for (int i = 0; i < program->n_convs; i++)
    if (memcmp (&program->convs[i].key, key, sizeof *key) == 0) {
      *conv = i;
      return PET_OK;
    }
  if (program->n_convs == program->max_convs) {
    int max = program->max_convs * 2 + 16;
    PetCudaConv *convs = realloc (program->convs, (size_t) max * sizeof *convs);

    if (convs == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
    program->convs = convs;
    program->max_convs = max;
  }
  status = pet_cuda_conv_plan (
      program->cuda, key, &program->convs[program->n_convs], error);
  if (status == PET_OK)
    *conv = program->n_convs++;
  else
    pet_cuda_conv_clear (&program->convs[program->n_convs]);
  return status;
}

static PetStatus
choose_kind (PetCudaProgram *program, PetCudaStep *step,
    const PetCudaConvNode *conv, PetError *error)
{
  int in = pet_cuda_pad8 (conv->in), out = pet_cuda_pad8 (conv->out);
  bool half = program->type == PET_CUDA_HALF;

  if (conv->groups == conv->in && conv->in == conv->out && conv->groups > 1) {
    step->kind = PET_CUDA_STEP_DEPTHWISE;
    return add_weights (program, step, conv, HWO, 1, out, false, error);
  }
  if (conv->groups == 1) {
    PetCudaConvKey key = key_of (program, step->node, conv);
    PetStatus status = find_plans (program, &key, &step->conv, error);

    if (status == PET_OK)
      return add_weights (program, step, conv, OHWI, in, out, half, error);
    if (status != PET_ERROR_UNSUPPORTED)
      return status;
  }
  step->kind = PET_CUDA_STEP_CONVOLVE;
  return add_weights (program, step, conv, OHWI, conv->in / conv->groups,
      conv->out, false, error);
}

PetStatus
pet_cuda_add_conv (
    PetCudaProgram *program, const PetNode *node, PetError *error)
{
  PetCudaStep *step;
  PetCudaConvNode conv;

  (void) read_conv (program, node, &conv);
  PET_TRY (pet_cuda_begin_conv (
      program, node, PET_CUDA_STEP_CONV, &conv, &step, error));
  PET_TRY (choose_kind (program, step, &conv, error));
  return pet_cuda_end_conv (program, step, error);
}
