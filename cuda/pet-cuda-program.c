/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pet-cuda-program.h"

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"

PetStatus
pet_cuda_new_block (
    PetCudaBlocks *blocks, size_t bytes, int step, int *block, PetError *error)
{
  if (blocks->n == blocks->max) {
    int max = blocks->max * 2 + 64;
    PetPlanBlock *grown =
        realloc (blocks->blocks, (size_t) max * sizeof *grown);

    if (grown == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
    blocks->blocks = grown;
    blocks->max = max;
  }
  *block = blocks->n++;
  blocks->blocks[*block] =
      (PetPlanBlock){ .bytes = bytes, .first = step, .last = step };
  return PET_OK;
}

static int
root_of (const PetCudaProgram *program, int value, int *at)
{
  *at = 0;
  while (program->values[value].parent >= 0) {
    *at += program->values[value].at;
    value = program->values[value].parent;
  }
  return value;
}

static bool
block_bytes (const PetCudaProgram *program, int value, bool host, size_t *bytes)
{
  const PetTensor *tensor = &program->graph->values[value].tensor;
  size_t batch = (size_t) program->batch;
  size_t element = program->type == PET_CUDA_HALF ? 2 : 4, pixels;

  if (host)
    return pet_tensor_bytes (tensor, bytes) &&
        pet_mul_size (*bytes, batch, bytes);
  return pet_mul3_size ((size_t) tensor->shape.dim[2],
             (size_t) tensor->shape.dim[3], batch, &pixels) &&
      pet_mul3_size (pixels, (size_t) pet_cuda_pad8 (tensor->shape.dim[1]),
          element, bytes);
}

PetStatus
pet_cuda_touch (PetCudaProgram *program, int value, bool host, PetError *error)
{
  int at, now = program->n_steps - 1;
  int root = host ? value : root_of (program, value, &at);
  PetCudaBlocks *blocks = host ? &program->host : &program->card;
  int *block =
      host ? &program->values[root].host_block : &program->values[root].block;
  size_t bytes;

  if (*block < 0) {
    if (!block_bytes (program, root, host, &bytes))
      return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
    return pet_cuda_new_block (blocks, bytes, now, block, error);
  }
  if (blocks->blocks[*block].last < now)
    blocks->blocks[*block].last = now;
  return PET_OK;
}

PetStatus
pet_cuda_new_step (PetCudaProgram *program, PetCudaStepKind kind,
    const PetNode *node, PetCudaStep **step, PetError *error)
{
  if (program->n_steps == program->max_steps) {
    int max = program->max_steps * 2 + 64;
    PetCudaStep *steps = realloc (program->steps, (size_t) max * sizeof *steps);

    if (steps == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
    program->steps = steps;
    program->max_steps = max;
  }
  *step = &program->steps[program->n_steps++];
  memset (*step, 0, sizeof **step);
  (*step)->kind = kind;
  (*step)->program = program;
  (*step)->node = node;
  (*step)->x = (*step)->b = (*step)->residual = (*step)->y = -1;
  (*step)->scratch = (*step)->host_scratch = (*step)->conv = -1;
  for (int i = 0; i < 4; i++)
    (*step)->constant[i] = PET_CUDA_NONE;
  return PET_OK;
}

PetStatus
pet_cuda_add_constant (PetCudaProgram *program, const void *data, size_t bytes,
    size_t *offset, PetError *error)
{
  size_t start = (program->constant_bytes + PET_ALIGNMENT - 1) / PET_ALIGNMENT *
      PET_ALIGNMENT;
  size_t end;

  if (!pet_add_size (start, bytes, &end) || end > SIZE_MAX / 4)
    return pet_fail (error, PET_ERROR_LIMIT, "the weights are too large");
  PET_TRY (pet_graph_count_weights (program->graph, bytes, error));
  if (end > program->max_constants) {
    size_t max = 2 * end + 65536;
    char *grown = realloc (program->constants, max);

    if (grown == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for the weights");
    program->constants = grown;
    program->max_constants = max;
  }
  memset (program->constants + program->constant_bytes, 0,
      start - program->constant_bytes);
  memcpy (program->constants + start, data, bytes);
  program->constant_bytes = end;
  *offset = start;
  return PET_OK;
}

PetCudaMap
pet_cuda_value_map (const PetCudaProgram *program, int value)
{
  const PetShape *shape = &program->graph->values[value].tensor.shape;
  size_t element = program->type == PET_CUDA_HALF ? 2 : 4;
  int at, root = root_of (program, value, &at);
  const PetCudaValue *place = &program->values[root];
  PetCudaMap map = { .type = program->type,
    .batch = program->batch,
    .height = (int) shape->dim[2],
    .width = (int) shape->dim[3],
    .channels = pet_cuda_pad8 (shape->dim[1]),
    .pitch = pet_cuda_pad8 (program->graph->values[root].tensor.shape.dim[1]) };

  map.data = (char *) program->arena.data +
      program->card.blocks[place->block].offset + (size_t) at * element;
  return map;
}

void *
pet_cuda_host_data (const PetCudaProgram *program, int value, int index)
{
  const PetCudaValue *place = &program->values[value];
  const PetTensor *tensor = &program->graph->values[value].tensor;
  size_t bytes = 0;

  if (tensor->data != NULL)
    return tensor->data;
  (void) pet_tensor_bytes (tensor, &bytes);
  return (char *) program->pinned.data +
      program->host.blocks[place->host_block].offset + (size_t) index * bytes;
}

static PetStatus
allocate_tables (PetCudaProgram *program, PetError *error)
{
  const PetGraph *graph = program->graph;
  size_t n = (size_t) graph->n_values + 1;

  program->max_operands = 1;
  for (int i = 0; i < graph->n_nodes; i++) {
    const PetNode *node = &graph->nodes[i];
    int operands = node->n_inputs + node->n_outputs + 1;

    if (operands > program->max_operands)
      program->max_operands = operands;
  }
  program->values = calloc (n, sizeof *program->values);
  program->tensors = calloc (n, sizeof *program->tensors);
  program->operands =
      calloc ((size_t) program->max_operands, sizeof *program->operands);
  if (program->values == NULL || program->tensors == NULL ||
      program->operands == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  for (int i = 0; i < graph->n_values; i++) {
    const PetTensor *tensor = &graph->values[i].tensor;
    const PetShape *shape = &tensor->shape;
    PetCudaValue *value = &program->values[i];
    size_t elements;

    value->parent = value->block = value->host_block = -1;
    value->picture = tensor->type == PET_TYPE_F32 && tensor->data == NULL &&
        shape->rank == 4 && shape->dim[0] == 1 &&
        pet_shape_elements (shape, &elements) && elements > 0 &&
        elements < INT32_MAX / 2 / (size_t) program->batch &&
        shape->dim[1] < 65536;
    value->channels = value->picture ? (int) shape->dim[1] : 0;
  }
  return PET_OK;
}

static PetStatus
pack (PetCudaProgram *program, PetError *error)
{
  size_t unused;

  PET_TRY (pet_plan_pack (program->card.blocks, (size_t) program->card.n,
      &program->arena_bytes, error));
  PET_TRY (pet_plan_pack (program->host.blocks, (size_t) program->host.n,
      &program->host_bytes, error));
  PET_TRY (pet_plan_check (
      program->graph, program->arena_bytes / (size_t) program->batch, error));
  /* The planner allows itself any size. */
  if (!pet_add_size (program->arena_bytes, program->host_bytes, &unused))
    return pet_fail (error, PET_ERROR_LIMIT, "the network is too large");
  for (int i = 0; i < program->n_convs; i++)
    for (int j = 0; j < program->convs[i].n_plans; j++)
      if (program->convs[i].workspace[j] > program->workspace_bytes)
        program->workspace_bytes = program->convs[i].workspace[j];
  return PET_OK;
}

/* The arena is cleared: what pads channels must be numbers from the start. */
static PetStatus
allocate (PetCudaProgram *program, PetError *error)
{
  PetCuda *cuda = program->cuda;

  PET_TRY (pet_cuda_take (
      cuda, &program->arena, program->arena_bytes, false, error));
  if (program->host_bytes > 0)
    PET_TRY (pet_cuda_take (
        cuda, &program->pinned, program->host_bytes, true, error));
  PET_TRY (pet_cuda_take (
      cuda, &program->weights, program->constant_bytes, false, error));
  if (program->workspace_bytes > 0)
    PET_TRY (pet_cuda_take (
        cuda, &program->workspace, program->workspace_bytes, false, error));
  if (program->pinned.data != NULL)
    memset (program->pinned.data, 0, program->pinned.bytes);
  PET_CUDA_TRY (cudaMemsetAsync (
                    program->arena.data, 0, program->arena.bytes, cuda->work),
      "clearing its memory");
  if (program->constant_bytes > 0)
    PET_CUDA_TRY (
        cudaMemcpyAsync (program->weights.data, program->constants,
            program->constant_bytes, cudaMemcpyHostToDevice, cuda->work),
        "sending the weights");
  PET_CUDA_TRY (cudaStreamSynchronize (cuda->work), "sending the weights");
  free (program->constants);
  program->constants = NULL;
  return PET_OK;
}

static void
bind_tensors (PetCudaProgram *program)
{
  for (int i = 0; i < program->graph->n_values; i++) {
    program->tensors[i] = program->graph->values[i].tensor;
    if (program->tensors[i].data == NULL && program->values[i].host_block >= 0)
      program->tensors[i].data = pet_cuda_host_data (program, i, 0);
  }
}

/* The way that the cache names, or 0; -1: not known yet. */
static int
remembered (const PetCudaCache *cache, const PetCudaConv *conv)
{
  int choice = pet_cuda_cache_find (cache, &conv->key);

  if (cache->path[0] == '\0' || pet_cuda_conv_ways (conv) == 1)
    return 0;
  for (int i = 0; i < pet_cuda_conv_ways (conv); i++)
    if (pet_cuda_conv_choice (conv, i) == choice &&
        pet_cuda_conv_suits (conv, i))
      return i;
  return -1;
}

/* The way that was asked for, where it can be had; else what is remembered. */
static int
first_choice (const PetCudaProgram *program, const PetCudaCache *cache,
    const PetCudaConv *conv)
{
  int wanted = conv->n_plans + program->half_variant - 1;

  return program->half_variant > 0 && conv->halves &&
          pet_cuda_conv_suits (conv, wanted)
      ? wanted
      : remembered (cache, conv);
}

/* Plans are timed at the first step that has the shape, in its place. */
static PetStatus
choose_plans (PetCudaProgram *program, PetError *error)
{
  PetStatus status = PET_OK;
  PetCudaCache cache;

  pet_cuda_cache_open (program->cuda, &cache);
  for (int i = 0; i < program->n_convs; i++) {
    PetCudaConv *conv = &program->convs[i];

    conv->best = first_choice (program, &cache, conv);
  }
  for (int i = 0; i < program->n_steps && status == PET_OK; i++) {
    PetCudaStep *step = &program->steps[i];
    PetCudaConv *conv;

    if (step->kind != PET_CUDA_STEP_CONV ||
        program->convs[step->conv].best >= 0)
      continue;
    conv = &program->convs[step->conv];
    status = pet_cuda_run_step (step, error);
    if (status == PET_OK)
      pet_cuda_cache_add (
          &cache, &conv->key, pet_cuda_conv_choice (conv, conv->best));
  }
  pet_cuda_cache_close (&cache);
  return status;
}

/* What only others wanted goes back. */
static PetStatus
shrink_workspace (PetCudaProgram *program, PetError *error)
{
  size_t wanted = 0;

  for (int i = 0; i < program->n_convs; i++) {
    const PetCudaConv *conv = &program->convs[i];

    if (conv->best < conv->n_plans && conv->workspace[conv->best] > wanted)
      wanted = conv->workspace[conv->best];
  }
  if (wanted >= program->workspace_bytes)
    return PET_OK;
  program->workspace_bytes = wanted;
  pet_cuda_drop (program->cuda, &program->workspace);
  return wanted > 0
      ? pet_cuda_take (program->cuda, &program->workspace, wanted, false, error)
      : PET_OK;
}

static PetStatus
run_steps (PetCudaProgram *program, PetError *error)
{
  for (int i = 0; i < program->n_steps; i++)
    PET_TRY (pet_cuda_run_step (&program->steps[i], error));
  return PET_OK;
}

/* The steps as one graph; without it they are started one by one. */
static PetStatus
capture (PetCudaProgram *program, PetError *error)
{
  cudaStream_t stream = program->cuda->work;
  cudaGraph_t graph = NULL;
  cudaError_t result;
  PetStatus status;

  PET_CUDA_TRY (
      cudaStreamBeginCapture (stream, cudaStreamCaptureModeThreadLocal),
      "starting to capture");
  status = run_steps (program, error);
  result = cudaStreamEndCapture (stream, &graph);
  if (status == PET_OK)
    status = pet_cuda_check (result, "capturing", error);
  if (status == PET_OK)
    status = pet_cuda_check (
        cudaGraphInstantiate (&program->exec, graph, 0), "its graph", error);
  if (graph != NULL)
    (void) cudaGraphDestroy (graph);
  return status;
}

/* Once outside of a graph first: code is loaded, and a step that cannot run is
 * found where its error means something. An engine that cannot be captured
 * costs time only. */
static PetStatus
make_ready (PetCudaProgram *program, PetError *error)
{
  PET_TRY (run_steps (program, error));
  PET_CUDA_TRY (cudaStreamSynchronize (program->cuda->work), "the first run");
  if (capture (program, NULL) != PET_OK) {
    program->exec = NULL;
    (void) cudaGetLastError ();
  }
  return PET_OK;
}

PetStatus
pet_cuda_program_lower (PetCuda *cuda, PetGraph *graph,
    const PetCudaProgramOptions *options, PetCudaProgram **result,
    PetError *error)
{
  PetCudaProgram *program = calloc (1, sizeof *program);
  PetStatus status;

  if (program == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  program->cuda = cuda;
  program->graph = graph;
  program->type = options->half ? PET_CUDA_HALF : PET_CUDA_FLOAT;
  program->batch = options->batch;
  program->on_card = options->on_card;
  program->half_variant = options->half_variant;
  status = allocate_tables (program, error);
  if (status == PET_OK)
    status = pet_cuda_add_steps (program, error);
  if (status == PET_OK)
    status = pack (program, error);
  if (status != PET_OK) {
    /* The graph is still the caller's. */
    program->graph = NULL;
    pet_cuda_program_free (&program);
    return status;
  }
  *result = program;
  return PET_OK;
}

PetStatus
pet_cuda_program_new (PetCuda *cuda, PetGraph *graph,
    const PetCudaProgramOptions *options, PetCudaProgram **result,
    PetError *error)
{
  PetCudaProgram *program = NULL;
  PetStatus status;

  PET_TRY (pet_cudnn_open (&cuda->dnn, cuda->work, error));
  PET_TRY (pet_cuda_program_lower (cuda, graph, options, &program, error));
  status = allocate (program, error);
  if (status == PET_OK) {
    bind_tensors (program);
    status = choose_plans (program, error);
  }
  if (status == PET_OK)
    status = shrink_workspace (program, error);
  if (status == PET_OK)
    status = make_ready (program, error);
  if (status != PET_OK) {
    program->graph = NULL;
    pet_cuda_program_free (&program);
    return status;
  }
  *result = program;
  return PET_OK;
}

void
pet_cuda_program_free (PetCudaProgram **pointer)
{
  PetCudaProgram *program = *pointer;

  if (program == NULL)
    return;
  /* Nothing may still run; a lost card answers with an error. */
  (void) cudaStreamSynchronize (program->cuda->work);
  if (program->exec != NULL)
    (void) cudaGraphExecDestroy (program->exec);
  for (int i = 0; i < program->n_convs; i++)
    pet_cuda_conv_clear (&program->convs[i]);
  pet_cuda_drop (program->cuda, &program->arena);
  pet_cuda_drop (program->cuda, &program->pinned);
  pet_cuda_drop (program->cuda, &program->weights);
  pet_cuda_drop (program->cuda, &program->workspace);
  free (program->convs);
  free (program->steps);
  free (program->values);
  free (program->tensors);
  free (program->operands);
  free (program->card.blocks);
  free (program->host.blocks);
  free (program->constants);
  pet_graph_free (&program->graph);
  free (program);
  *pointer = NULL;
}

PetStatus
pet_cuda_program_run (PetCudaProgram *program, PetError *error)
{
  if (program->exec == NULL)
    return run_steps (program, error);
  return pet_cuda_check (cudaGraphLaunch (program->exec, program->cuda->work),
      "the network", error);
}
