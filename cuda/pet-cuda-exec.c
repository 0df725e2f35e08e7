/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each kind of step starts on the work stream. */

#include <string.h>

#include "pet-cuda-program.h"

static void *
constant (const PetCudaProgram *program, size_t offset)
{
  return (char *) program->weights.data + offset;
}

static PetCudaEpilogue
epilogue_of (const PetCudaStep *step, bool with_bias)
{
  PetCudaEpilogue epilogue = step->epilogue;

  epilogue.bias = with_bias && step->constant[1] != PET_CUDA_NONE
      ? constant (step->program, step->constant[1])
      : NULL;
  if (step->residual >= 0)
    epilogue.residual = pet_cuda_value_map (step->program, step->residual);
  return epilogue;
}

static PetStatus
run_halves (const PetCudaStep *step, int variant, PetError *error)
{
  const PetCudaProgram *program = step->program;
  const PetCudaConvKey *key = &program->convs[step->conv].key;
  PetCudaMap x = pet_cuda_value_map (program, step->x);
  PetCudaMap y = pet_cuda_value_map (program, step->y);
  PetCudaHalfConv how = { .weights = constant (program, step->constant[0]),
    .bias = constant (program, step->constant[1]),
    .in = key->in,
    .out = key->out,
    .window = step->window,
    .epilogue = epilogue_of (step, false) };

  return pet_cuda_check (
      pet_cuda_convolve_halves (&x, &how, &y, variant, program->cuda->work),
      "a convolution", error);
}

/* cuDNN's part, then what it left: in place, on its result. */
static PetStatus
run_plan (const PetCudaStep *step, int plan, PetError *error)
{
  PetCudaProgram *program = step->program;
  PetCudaConv *conv = &program->convs[step->conv];
  PetCudaMap x = pet_cuda_value_map (program, step->x);
  PetCudaMap y = pet_cuda_value_map (program, step->y);
  PetCudaEpilogue rest = epilogue_of (step, false);
  PetCudaConvData data = { .x = x.data,
    .w = constant (program, step->constant[0]),
    .bias = constant (program, step->constant[1]),
    .residual = rest.residual.data,
    .y = y.data,
    .workspace = program->workspace.data };

  PET_TRY (pet_cuda_conv_run (&program->cuda->dnn, conv, plan, &data, error));
  if (conv->fused == PET_CUDA_FUSED_ALL)
    return PET_OK;
  if (conv->fused == PET_CUDA_FUSED_ACT)
    rest.act = PET_CUDA_ACT_NONE;
  if (rest.act == PET_CUDA_ACT_NONE && step->residual < 0)
    return PET_OK;
  return pet_cuda_check (
      pet_cuda_pointwise (&y, &rest, &y, program->cuda->work),
      "a pointwise step", error);
}

static PetStatus
run_way (void *user, int way, PetError *error)
{
  const PetCudaStep *step = user;
  int n_plans = step->program->convs[step->conv].n_plans;

  return way < n_plans ? run_plan (step, way, error)
                       : run_halves (step, way - n_plans, error);
}

static PetStatus
run_conv (PetCudaStep *step, PetError *error)
{
  PetCudaProgram *program = step->program;
  PetCudaConv *conv = &program->convs[step->conv];

  return conv->best < 0
      ? pet_cuda_conv_choose (program->cuda, conv, run_way, step, error)
      : run_way (step, conv->best, error);
}

static cudaError_t
run_resize (const PetCudaStep *step, const PetCudaMap *x, const PetCudaMap *y)
{
  const PetCudaProgram *program = step->program;
  PetCudaTaps taps = { .row = constant (program, step->constant[0]),
    .row_weight = constant (program, step->constant[1]),
    .column = constant (program, step->constant[2]),
    .column_weight = constant (program, step->constant[3]) };

  return pet_cuda_resize (x, &taps, y, program->cuda->work);
}

static cudaError_t
run_own_conv (const PetCudaStep *step, const PetCudaMap *x, const PetCudaMap *y)
{
  const PetCudaProgram *program = step->program;
  const float *weights = constant (program, step->constant[0]);
  PetCudaEpilogue epilogue = epilogue_of (step, true);
  cudaStream_t stream = program->cuda->work;

  if (step->kind == PET_CUDA_STEP_DEPTHWISE)
    return pet_cuda_depthwise (x, weights, &step->window, &epilogue, y, stream);
  if (step->kind == PET_CUDA_STEP_TRANSPOSED)
    return pet_cuda_convolve_transposed (x, step->in, step->out, step->groups,
        weights, &step->window, &epilogue, y, stream);
  return pet_cuda_convolve (x, step->in, step->out, step->groups, weights,
      &step->window, &epilogue, y, stream);
}

static cudaError_t
run_binary (const PetCudaStep *step, const PetCudaMap *x, const PetCudaMap *y)
{
  const PetCudaProgram *program = step->program;
  PetCudaMap b = step->constant_map;

  if (step->b >= 0)
    b = pet_cuda_value_map (program, step->b);
  else
    b.data = constant (program, step->constant[0]);
  return pet_cuda_binary (x, &b, &step->binary, y, program->cuda->work);
}

static cudaError_t
run_kernel (const PetCudaStep *step)
{
  const PetCudaProgram *program = step->program;
  PetCudaMap x = pet_cuda_value_map (program, step->x);
  PetCudaMap y = pet_cuda_value_map (program, step->y);
  cudaStream_t stream = program->cuda->work;

  switch (step->kind) {
    case PET_CUDA_STEP_POOL:
      return pet_cuda_pool (&x, &step->window, step->average, &y, stream);
    case PET_CUDA_STEP_GLOBAL_POOL:
      return pet_cuda_global_pool (&x, step->average, &y, stream);
    case PET_CUDA_STEP_RESIZE:
      return run_resize (step, &x, &y);
    case PET_CUDA_STEP_POINTWISE:
      return pet_cuda_pointwise (&x, &step->epilogue, &y, stream);
    case PET_CUDA_STEP_BINARY:
      return run_binary (step, &x, &y);
    case PET_CUDA_STEP_SOFTMAX:
      return pet_cuda_softmax (&x, step->channels, &y, stream);
    case PET_CUDA_STEP_COPY:
      return pet_cuda_copy_channels (
          &x, step->channels, &y, step->at, step->last, stream);
    default:
      return run_own_conv (step, &x, &y);
  }
}

static PetStatus
run_transfer (const PetCudaStep *step, PetError *error)
{
  const PetCudaProgram *program = step->program;
  PetCudaMap map = pet_cuda_value_map (program, step->x);
  float *dense = (float *) ((char *) program->arena.data +
      program->card.blocks[step->scratch].offset);
  size_t bytes = program->card.blocks[step->scratch].bytes;
  void *host = pet_cuda_host_data (program, step->x, 0);
  cudaStream_t stream = program->cuda->work;

  if (step->kind == PET_CUDA_STEP_UPLOAD) {
    PET_CUDA_TRY (
        cudaMemcpyAsync (dense, host, bytes, cudaMemcpyHostToDevice, stream),
        "an upload");
    return pet_cuda_check (
        pet_cuda_from_dense (dense, step->channels, &map, stream), "an upload",
        error);
  }
  PET_CUDA_TRY (
      pet_cuda_to_dense (&map, step->channels, dense, stream), "a download");
  return pet_cuda_check (
      cudaMemcpyAsync (host, dense, bytes, cudaMemcpyDeviceToHost, stream),
      "a download", error);
}

static PetTensor
operand (const PetCudaProgram *program, int value, int index)
{
  PetTensor tensor = { .type = PET_TYPE_NONE };

  if (value < 0)
    return tensor;
  tensor = program->tensors[value];
  tensor.data = pet_cuda_host_data (program, value, index);
  return tensor;
}

/* On a thread of the driver, which must not call CUDA. */
static void CUDART_CB
run_on_host (void *data)
{
  const PetCudaStep *step = data;
  const PetCudaProgram *program = step->program;
  const PetNode *node = step->node;
  PetTensor *inputs = program->operands, *outputs = inputs + node->n_inputs;
  void *scratch = (char *) program->pinned.data +
      program->host.blocks[step->host_scratch].offset;

  for (int n = 0; n < program->batch; n++) {
    PetTensor residual = operand (program, node->residual, n);

    for (int i = 0; i < node->n_inputs; i++)
      inputs[i] = operand (program, node->inputs[i], n);
    for (int i = 0; i < node->n_outputs; i++)
      outputs[i] = operand (program, node->outputs[i], n);
    node->op->run (node, inputs, outputs, scratch);
    if (node->residual >= 0 || node->act != PET_ACT_NONE)
      pet_ref_apply_fused (node, &residual, outputs);
  }
}

PetStatus
pet_cuda_run_step (PetCudaStep *step, PetError *error)
{
  switch (step->kind) {
    case PET_CUDA_STEP_MARK:
      return PET_OK;
    case PET_CUDA_STEP_CONV:
      return run_conv (step, error);
    case PET_CUDA_STEP_UPLOAD:
    case PET_CUDA_STEP_DOWNLOAD:
      return run_transfer (step, error);
    case PET_CUDA_STEP_HOST:
      return pet_cuda_check (
          cudaLaunchHostFunc (step->program->cuda->work, run_on_host, step),
          step->node->type, error);
    default:
      return pet_cuda_check (run_kernel (step), step->node->type, error);
  }
}
