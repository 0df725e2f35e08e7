/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "backend-cuda.h"

#include <stdlib.h>
#include <string.h>

#include "pet-cuda-program.h"

#define BATCH 2

typedef struct {
  PetCuda *cuda;
  PetCudaProgram *program;
} Adapter;

static void
free_adapter (void *data)
{
  Adapter *adapter = data;

  if (adapter == NULL)
    return;
  pet_cuda_program_free (&adapter->program);
  pet_cuda_close (&adapter->cuda);
  free (adapter);
}

static PetStatus
compile (PetGraph *graph, const PetBackendOptions *options, void **result,
    PetError *error)
{
  PetCudaProgramOptions how = { .batch = BATCH };
  PetCudaOptions which = { .device = -1 };
  Adapter *adapter = calloc (1, sizeof *adapter);
  PetStatus status = pet_cuda_open (&which, &adapter->cuda, error);

  if (status == PET_OK)
    status = pet_cuda_program_new (
        adapter->cuda, graph, &how, &adapter->program, error);
  if (status != PET_OK)
    free_adapter (adapter);
  else
    *result = adapter;
  return status;
}

static PetTensor *
input (void *data, int index)
{
  PetCudaProgram *program = ((Adapter *) data)->program;

  return &program->tensors[program->graph->inputs[index]];
}

static const PetTensor *
output (void *data, int index)
{
  const PetCudaProgram *program = ((Adapter *) data)->program;

  return &program->tensors[program->graph->outputs[index]];
}

static PetStatus
run (void *data, PetError *error)
{
  PetCudaProgram *program = ((Adapter *) data)->program;
  const PetGraph *graph = program->graph;
  size_t bytes;

  for (int i = 0; i < graph->n_inputs; i++) {
    int value = graph->inputs[i];

    if (!pet_tensor_bytes (&graph->values[value].tensor, &bytes))
      return PET_ERROR_LIMIT;
    memcpy (pet_cuda_host_data (program, value, 1),
        pet_cuda_host_data (program, value, 0), bytes);
  }
  PET_TRY (pet_cuda_program_run (program, error));
  PET_CUDA_TRY (cudaStreamSynchronize (program->cuda->work), "the network");
  for (int i = 0; i < graph->n_outputs; i++) {
    int value = graph->outputs[i];

    if (graph->values[value].tensor.data == NULL &&
        pet_tensor_bytes (&graph->values[value].tensor, &bytes) &&
        memcmp (pet_cuda_host_data (program, value, 1),
            pet_cuda_host_data (program, value, 0), bytes) != 0)
      return pet_fail (error, PET_ERROR_LIBRARY,
          "two equal pictures of a batch came out different");
  }
  return PET_OK;
}

static void
info (const void *data, PetNetInfo *result)
{
  const PetCudaProgram *program = ((const Adapter *) data)->program;

  result->backend = "cuda";
  result->activation_bytes = program->arena_bytes;
  result->weight_bytes = program->constant_bytes;
  result->nodes = program->graph->n_nodes;
}

static bool
supports (const PetGraph *graph, const PetNode *node)
{
  return false;
}

const PetBackend pet_backend_cuda = {
  .name = "cuda",
  .compile = compile,
  .free = free_adapter,
  .input = input,
  .output = output,
  .run = run,
  .info = info,
  .supports = supports,
};
