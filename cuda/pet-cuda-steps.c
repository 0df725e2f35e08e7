/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which nodes the card gets, and the steps they become. Where the semantics of
 * a kernel are not ONNX's exactly, the node goes to the host. */

#include <stdlib.h>
#include <string.h>

#include "nn/ref/pet-op-resize.h"
#include "nn/ref/pet-op-util.h"
#include "nn/ref/pet-op-window.h"
#include "pet-cuda-program.h"

static const PetTensor *
input (const PetCudaProgram *program, const PetNode *node, int index)
{
  return pet_node_input (program->graph, node, index);
}

static const PetShape *
result_shape (const PetCudaProgram *program, const PetNode *node)
{
  return &program->graph->values[node->outputs[0]].tensor.shape;
}

static bool
is_picture (const PetCudaProgram *program, int value)
{
  return value >= 0 && program->values[value].picture;
}

static bool
pictures_in_and_out (const PetCudaProgram *program, const PetNode *node)
{
  return node->n_inputs >= 1 && node->n_outputs == 1 &&
      is_picture (program, node->inputs[0]) &&
      is_picture (program, node->outputs[0]);
}

static bool
find_activation (const PetCudaProgram *program, const PetNode *node,
    PetCudaEpilogue *epilogue)
{
  static const struct {
    const char *type;
    PetCudaAct act;
  } table[] = {
    { "Relu", PET_CUDA_ACT_RELU },
    { "Clip", PET_CUDA_ACT_CLIP },
    { "Sigmoid", PET_CUDA_ACT_SIGMOID },
    { "HardSwish", PET_CUDA_ACT_HARDSWISH },
    { "Tanh", PET_CUDA_ACT_TANH },
    { "LeakyRelu", PET_CUDA_ACT_LEAKY },
  };

  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp (node->type, table[i].type) == 0) {
      epilogue->act = table[i].act;
      if (epilogue->act == PET_CUDA_ACT_LEAKY)
        epilogue->low = pet_node_float (node, "alpha", 0.01f);
      return epilogue->act != PET_CUDA_ACT_CLIP ||
          pet_clip_limits (
              program->graph, node, &epilogue->low, &epilogue->high);
    }
  return false;
}

static bool
pool_window (const PetCudaProgram *program, const PetNode *node,
    PetCudaWindow *window, bool *padded)
{
  size_t count;
  const int64_t *kernel = pet_node_ints (node, "kernel_shape", &count);
  PetWindow w;

  if (count != 2 ||
      pet_window_init (
          node, &input (program, node, 0)->shape, kernel, &w, NULL) != PET_OK)
    return false;
  *padded = false;
  for (int i = 0; i < 2; i++) {
    window->kernel[i] = (int) w.kernel[1 + i];
    window->stride[i] = (int) w.stride[1 + i];
    window->dilation[i] = (int) w.dilation[1 + i];
    window->pad[i] = (int) w.pad[1 + i];
    *padded = *padded || w.pad[1 + i] != 0 ||
        (w.out[1 + i] - 1) * w.stride[1 + i] +
                (w.kernel[1 + i] - 1) * w.dilation[1 + i] >=
            w.in[1 + i];
    /* Far more than pictures have; beyond it int arithmetic might wrap. */
    if (w.kernel[1 + i] > 65535 || w.stride[1 + i] > 65535 ||
        w.dilation[1 + i] > 65535 || w.pad[1 + i] > 65535)
      return false;
  }
  return true;
}

static bool
pool_fits (const PetCudaProgram *program, const PetNode *node)
{
  bool average = strcmp (node->type, "AveragePool") == 0, padded;
  PetCudaWindow window;

  return (average || strcmp (node->type, "MaxPool") == 0) &&
      pictures_in_and_out (program, node) &&
      pool_window (program, node, &window, &padded) &&
      !(average && padded && pet_node_int (node, "count_include_pad", 0) != 0);
}

static bool
is_global_pool (const PetCudaProgram *program, const PetNode *node)
{
  return (strcmp (node->type, "GlobalAveragePool") == 0 ||
             strcmp (node->type, "GlobalMaxPool") == 0) &&
      pictures_in_and_out (program, node);
}

static bool
resize_fits (const PetCudaProgram *program, const PetNode *node)
{
  const PetShape *in, *out;
  bool fits = true;

  if ((strcmp (node->type, "Resize") != 0 &&
          strcmp (node->type, "Upsample") != 0) ||
      !pictures_in_and_out (program, node))
    return false;
  in = &input (program, node, 0)->shape;
  out = result_shape (program, node);
  for (int axis = 0; axis < 4 && fits; axis++) {
    size_t n = (size_t) out->dim[axis];
    int32_t *index = malloc (2 * n * sizeof *index);
    double *weight = malloc (2 * n * sizeof *weight);
    int taps;

    fits = index != NULL && weight != NULL &&
        pet_resize_taps (program->graph, node, axis, &taps, index, weight) &&
        (axis >= 2 || (taps == 0 && in->dim[axis] == out->dim[axis]));
    free (index);
    free (weight);
  }
  return fits;
}

static bool
concat_fits (const PetCudaProgram *program, const PetNode *node)
{
  int64_t axis = pet_node_int (node, "axis", 1);

  if (strcmp (node->type, "Concat") != 0 || (axis != 1 && axis != -3) ||
      !pictures_in_and_out (program, node))
    return false;
  for (int i = 0; i < node->n_inputs; i++)
    if (!is_picture (program, node->inputs[i]))
      return false;
  return true;
}

static bool
softmax_fits (const PetCudaProgram *program, const PetNode *node)
{
  int64_t axis = pet_node_int (node, "axis", node->opset >= 13 ? -1 : 1);

  return strcmp (node->type, "Softmax") == 0 && node->opset >= 13 &&
      (axis == 1 || axis == -3) && pictures_in_and_out (program, node);
}

bool
pet_cuda_supports (const PetCudaProgram *program, const PetNode *node)
{
  PetCudaEpilogue epilogue;

  /* Only convolutions are given more than their own work. */
  if (node->residual >= 0 || node->act != PET_ACT_NONE)
    return pet_cuda_conv_fits (program, node) ||
        pet_cuda_transposed_fits (program, node);
  return pet_cuda_conv_fits (program, node) ||
      pet_cuda_binary_fits (program, node) ||
      pet_cuda_transposed_fits (program, node) || pool_fits (program, node) ||
      is_global_pool (program, node) || resize_fits (program, node) ||
      concat_fits (program, node) || softmax_fits (program, node) ||
      (pictures_in_and_out (program, node) &&
          find_activation (program, node, &epilogue));
}

/* x -> y, both on the card; the caller adds the rest. */
static PetStatus
add_simple (PetCudaProgram *program, PetCudaStepKind kind, const PetNode *node,
    PetCudaStep **step, PetError *error)
{
  PET_TRY (pet_cuda_need_card (program, node->inputs[0], error));
  PET_TRY (pet_cuda_new_step (program, kind, node, step, error));
  (*step)->x = node->inputs[0];
  (*step)->y = node->outputs[0];
  PET_TRY (pet_cuda_touch (program, node->inputs[0], false, error));
  return pet_cuda_touch (program, node->outputs[0], false, error);
}

/* Two places and weights per output row or column; an axis that passes
 * through has the weights 1 and 0. */
static PetStatus
add_axis (PetCudaProgram *program, const PetNode *node, int axis,
    size_t *places, size_t *weights, PetError *error)
{
  size_t n = (size_t) result_shape (program, node)->dim[axis];
  int32_t *index = malloc (2 * n * sizeof *index);
  double *weight = malloc (2 * n * sizeof *weight);
  int32_t *pairs = malloc (2 * n * sizeof *pairs);
  float *shares = malloc (2 * n * sizeof *shares);
  PetStatus status;
  int taps = 0;

  if (index == NULL || weight == NULL || pairs == NULL || shares == NULL ||
      !pet_resize_taps (program->graph, node, axis, &taps, index, weight)) {
    status = pet_fail (error, PET_ERROR_MEMORY, "no memory for a resize");
  } else {
    for (size_t i = 0; i < n; i++) {
      bool two = taps == 2;

      pairs[2 * i] = taps == 0 ? (int32_t) i : index[(size_t) taps * i];
      pairs[2 * i + 1] = two ? index[2 * i + 1] : pairs[2 * i];
      shares[2 * i] = two ? (float) weight[2 * i] : 1.0f;
      shares[2 * i + 1] = two ? (float) weight[2 * i + 1] : 0.0f;
    }
    status = pet_cuda_add_constant (
        program, pairs, 2 * n * sizeof *pairs, places, error);
    if (status == PET_OK)
      status = pet_cuda_add_constant (
          program, shares, 2 * n * sizeof *shares, weights, error);
  }
  free (index);
  free (weight);
  free (pairs);
  free (shares);
  return status;
}

static PetStatus
add_resize (PetCudaProgram *program, const PetNode *node, PetError *error)
{
  PetCudaStep *step;

  PET_TRY (add_simple (program, PET_CUDA_STEP_RESIZE, node, &step, error));
  for (int i = 0; i < 2; i++)
    PET_TRY (add_axis (program, node, 2 + i, &step->constant[2 * i],
        &step->constant[2 * i + 1], error));
  return PET_OK;
}

/* Parts that were made in their place need nothing. */
static PetStatus
add_concat (PetCudaProgram *program, const PetNode *node, PetError *error)
{
  int at = 0;

  for (int i = 0; i < node->n_inputs; i++) {
    int part = node->inputs[i];
    const PetCudaValue *value = &program->values[part];
    PetCudaStep *step;

    if (value->parent != node->outputs[0] || value->at != at) {
      PET_TRY (pet_cuda_need_card (program, part, error));
      PET_TRY (
          pet_cuda_new_step (program, PET_CUDA_STEP_COPY, node, &step, error));
      step->x = part;
      step->y = node->outputs[0];
      step->channels = value->channels;
      step->at = at;
      step->last = i == node->n_inputs - 1;
      PET_TRY (pet_cuda_touch (program, part, false, error));
      PET_TRY (pet_cuda_touch (program, step->y, false, error));
    }
    at += value->channels;
  }
  return PET_OK;
}

/* Values that are made by one node and are a part of a later Concat are made
 * where the Concat wants them, if whole groups of 8 channels come before. */
static void
place_parts (PetCudaProgram *program, const PetNode *concat)
{
  const PetGraph *graph = program->graph;
  int at = 0;

  for (int i = 0; i < concat->n_inputs; i++) {
    int part = concat->inputs[i];
    PetCudaValue *value = &program->values[part];
    int producer = graph->values[part].producer;

    if (value->parent < 0 && at % 8 == 0 && producer >= 0 &&
        (value->channels % 8 == 0 || i == concat->n_inputs - 1) &&
        pet_cuda_supports (program, &graph->nodes[producer])) {
      value->parent = concat->outputs[0];
      value->at = at;
    }
    at += value->channels;
  }
}

static PetStatus
add_host (PetCudaProgram *program, const PetNode *node, PetError *error)
{
  size_t scratch = node->op->scratch_bytes != NULL
      ? node->op->scratch_bytes (program->graph, node)
      : 0;
  PetCudaStep *step;

  for (int i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] >= 0)
      PET_TRY (pet_cuda_need_host (program, node->inputs[i], error));
  if (node->residual >= 0)
    PET_TRY (pet_cuda_need_host (program, node->residual, error));
  PET_TRY (pet_cuda_new_step (program, PET_CUDA_STEP_HOST, node, &step, error));
  step->residual = node->residual;
  for (int i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] >= 0 &&
        program->graph->values[node->inputs[i]].tensor.data == NULL)
      PET_TRY (pet_cuda_touch (program, node->inputs[i], true, error));
  if (node->residual >= 0)
    PET_TRY (pet_cuda_touch (program, node->residual, true, error));
  for (int i = 0; i < node->n_outputs; i++)
    if (node->outputs[i] >= 0)
      PET_TRY (pet_cuda_touch (program, node->outputs[i], true, error));
  return pet_cuda_new_block (&program->host, scratch + PET_ALIGNMENT,
      program->n_steps - 1, &step->host_scratch, error);
}

static PetStatus
add_node (PetCudaProgram *program, const PetNode *node, PetError *error)
{
  PetCudaStep *step;
  bool unused;

  if (!pet_cuda_supports (program, node))
    return add_host (program, node, error);
  if (pet_cuda_conv_fits (program, node))
    return pet_cuda_add_conv (program, node, error);
  if (pet_cuda_binary_fits (program, node))
    return pet_cuda_add_binary (program, node, error);
  if (pet_cuda_transposed_fits (program, node))
    return pet_cuda_add_transposed (program, node, error);
  if (resize_fits (program, node))
    return add_resize (program, node, error);
  if (concat_fits (program, node))
    return add_concat (program, node, error);
  if (pool_fits (program, node)) {
    PET_TRY (add_simple (program, PET_CUDA_STEP_POOL, node, &step, error));
    step->average = strcmp (node->type, "AveragePool") == 0;
    (void) pool_window (program, node, &step->window, &unused);
    return PET_OK;
  }
  if (is_global_pool (program, node)) {
    PET_TRY (
        add_simple (program, PET_CUDA_STEP_GLOBAL_POOL, node, &step, error));
    step->average = strcmp (node->type, "GlobalAveragePool") == 0;
    return PET_OK;
  }
  if (softmax_fits (program, node)) {
    PET_TRY (add_simple (program, PET_CUDA_STEP_SOFTMAX, node, &step, error));
    step->channels = program->values[node->inputs[0]].channels;
    return PET_OK;
  }
  PET_TRY (add_simple (program, PET_CUDA_STEP_POINTWISE, node, &step, error));
  (void) find_activation (program, node, &step->epilogue);
  return PET_OK;
}

/* The way between host and card: through dense floats on the card. */
static PetStatus
add_transfer (
    PetCudaProgram *program, PetCudaStepKind kind, int value, PetError *error)
{
  PetCudaStep *step;
  size_t bytes;

  PET_TRY (pet_cuda_new_step (program, kind, NULL, &step, error));
  step->x = step->y = value;
  step->channels = program->values[value].channels;
  if (!pet_tensor_bytes (&program->graph->values[value].tensor, &bytes))
    return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
  PET_TRY (pet_cuda_touch (program, value, false, error));
  PET_TRY (pet_cuda_touch (program, value, true, error));
  return pet_cuda_new_block (&program->card, bytes * (size_t) program->batch,
      program->n_steps - 1, &step->scratch, error);
}

static bool
is_on_card (const PetCudaProgram *program, int value)
{
  const PetCudaValue *place = &program->values[value];

  /* A part is where its producer put it, though the whole may be older. */
  return place->parent >= 0 || place->block >= 0;
}

PetStatus
pet_cuda_need_card (PetCudaProgram *program, int value, PetError *error)
{
  if (is_on_card (program, value))
    return PET_OK;
  return add_transfer (program, PET_CUDA_STEP_UPLOAD, value, error);
}

PetStatus
pet_cuda_need_host (PetCudaProgram *program, int value, PetError *error)
{
  if (program->graph->values[value].tensor.data != NULL ||
      program->values[value].host_block >= 0)
    return PET_OK;
  return add_transfer (program, PET_CUDA_STEP_DOWNLOAD, value, error);
}

/* Inputs are there before the first step. On the card, only the first one and
 * only if it is a picture. */
static PetStatus
add_inputs (PetCudaProgram *program, PetError *error)
{
  const PetGraph *graph = program->graph;

  if (program->on_card &&
      (graph->n_inputs != 1 || !program->values[graph->inputs[0]].picture ||
          !program->values[graph->outputs[0]].picture))
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "a segmentation network on the GPU has one input and one output, both "
        "of 1xCxHxW");
  for (int i = 0; i < graph->n_inputs; i++) {
    PetCudaStep *step;

    /* A step of its own keeps the block from being reused before the end of
     * the first real one. */
    if (program->on_card) {
      PET_TRY (
          pet_cuda_new_step (program, PET_CUDA_STEP_MARK, NULL, &step, error));
      PET_TRY (pet_cuda_touch (program, graph->inputs[i], false, error));
    } else {
      if (program->n_steps == 0)
        PET_TRY (pet_cuda_new_step (
            program, PET_CUDA_STEP_MARK, NULL, &step, error));
      PET_TRY (pet_cuda_touch (program, graph->inputs[i], true, error));
    }
  }
  return PET_OK;
}

/* Outputs are there after the last step. */
static PetStatus
add_outputs (PetCudaProgram *program, PetError *error)
{
  const PetGraph *graph = program->graph;
  PetCudaStep *step;

  for (int i = 0; i < graph->n_outputs; i++)
    if (program->on_card)
      PET_TRY (pet_cuda_need_card (program, graph->outputs[i], error));
    else
      PET_TRY (pet_cuda_need_host (program, graph->outputs[i], error));
  PET_TRY (pet_cuda_new_step (program, PET_CUDA_STEP_MARK, NULL, &step, error));
  for (int i = 0; i < graph->n_outputs; i++)
    if (graph->values[graph->outputs[i]].tensor.data == NULL)
      PET_TRY (pet_cuda_touch (
          program, graph->outputs[i], !program->on_card, error));
  return PET_OK;
}

PetStatus
pet_cuda_add_steps (PetCudaProgram *program, PetError *error)
{
  const PetGraph *graph = program->graph;

  for (int i = graph->n_nodes - 1; i >= 0; i--)
    if (concat_fits (program, &graph->nodes[i]))
      place_parts (program, &graph->nodes[i]);
  PET_TRY (add_inputs (program, error));
  for (int i = 0; i < graph->n_nodes; i++)
    PET_TRY (add_node (program, &graph->nodes[i], error));
  return add_outputs (program, error);
}
