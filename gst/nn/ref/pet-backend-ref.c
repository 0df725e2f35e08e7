/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plain back end: one node after the other through op->run on dense
 * tensors in one arena. It is the oracle of the others; one thread. */

#include "base/pet-checked.h"
#include "nn/pet-backend.h"
#include "nn/ref/pet-op-util.h"

typedef struct {
  PetGraph *graph;
  const PetAllocator *allocator;
  PetTensor *values;           /* one per value of the graph, with its place */
  PetTensor *inputs, *outputs; /* of the node that runs */
  char *arena;                 /* activations, then scratch */
  size_t arena_bytes, activation_bytes, scratch_bytes;
} Program;

static float
activate (const PetNode *node, float x)
{
  switch (node->act) {
    case PET_ACT_RELU:
      return x < 0 ? 0.0f : x;
    case PET_ACT_CLIP:
      x = x < node->act_min ? node->act_min : x;
      return x > node->act_max ? node->act_max : x;
    case PET_ACT_SIGMOID:
      return 1.0f / (1.0f + expf (-x));
    case PET_ACT_HARDSWISH:
      return x * fminf (fmaxf (x / 6.0f + 0.5f, 0.0f), 1.0f);
    case PET_ACT_NONE:
      break;
  }
  return x;
}

static void
add_residual (float *to, const PetTensor *residual, size_t count)
{
  const float *from = residual->data;

  for (size_t i = 0; i < count; i++)
    to[i] += from[i];
}

void
pet_ref_apply_fused (
    const PetNode *node, const PetTensor *residual, const PetTensor *output)
{
  size_t count = pet_elements (output);
  float *to = output->data;

  if (node->residual >= 0 && !node->residual_last)
    add_residual (to, residual, count);
  if (node->act != PET_ACT_NONE)
    for (size_t i = 0; i < count; i++)
      to[i] = activate (node, to[i]);
  if (node->residual >= 0 && node->residual_last)
    add_residual (to, residual, count);
}

static void
ref_free (void *data)
{
  Program *program = data;

  if (program == NULL)
    return;
  pet_free (program->allocator, program->arena, program->arena_bytes);
  free (program->values);
  free (program->inputs);
  free (program->outputs);
  pet_graph_free (&program->graph);
  free (program);
}

static size_t
largest_scratch (const PetGraph *graph)
{
  size_t largest = 0;

  for (int i = 0; i < graph->n_nodes; i++) {
    const PetNode *node = &graph->nodes[i];
    size_t bytes = node->op->scratch_bytes != NULL
        ? node->op->scratch_bytes (graph, node)
        : 0;

    largest = bytes > largest ? bytes : largest;
  }
  return largest;
}

static PetStatus
place_values (Program *program, const PetGraph *graph, const PetPlan *plan,
    PetError *error)
{
  size_t padded;

  program->activation_bytes = plan->bytes;
  program->scratch_bytes = largest_scratch (graph);
  if (!pet_add_size (plan->bytes, PET_ALIGNMENT - 1, &padded) ||
      !pet_add_size (padded & ~(size_t) (PET_ALIGNMENT - 1),
          program->scratch_bytes, &program->arena_bytes))
    return pet_fail (
        error, PET_ERROR_LIMIT, "the network's activations are too large");
  PET_TRY (pet_plan_check (graph, program->arena_bytes, error));
  program->arena = pet_alloc_zeroed (program->allocator, program->arena_bytes);
  if (program->arena == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for the network's %zu bytes of activations",
        program->arena_bytes);
  for (int i = 0; i < graph->n_values; i++) {
    program->values[i] = graph->values[i].tensor;
    if (program->values[i].data == NULL && plan->offsets[i] != SIZE_MAX)
      program->values[i].data = program->arena + plan->offsets[i];
  }
  return PET_OK;
}

static PetStatus
alloc_lists (Program *program, const PetGraph *graph, PetError *error)
{
  size_t n_inputs = 1, n_outputs = 1;

  for (int i = 0; i < graph->n_nodes; i++) {
    const PetNode *node = &graph->nodes[i];

    if ((size_t) node->n_inputs > n_inputs)
      n_inputs = (size_t) node->n_inputs;
    if ((size_t) node->n_outputs > n_outputs)
      n_outputs = (size_t) node->n_outputs;
  }
  program->values =
      calloc ((size_t) graph->n_values + 1, sizeof *program->values);
  program->inputs = calloc (n_inputs, sizeof *program->inputs);
  program->outputs = calloc (n_outputs, sizeof *program->outputs);
  if (program->values == NULL || program->inputs == NULL ||
      program->outputs == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  return PET_OK;
}

static PetStatus
ref_compile (PetGraph *graph, const PetBackendOptions *options, void **result,
    PetError *error)
{
  Program *program = calloc (1, sizeof *program);
  PetPlan plan = { .offsets = NULL };
  PetStatus status;

  if (program == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  program->allocator = options->allocator;
  status = alloc_lists (program, graph, error);
  if (status == PET_OK)
    status = pet_plan_memory (graph, NULL, NULL, &plan, error);
  if (status == PET_OK)
    status = place_values (program, graph, &plan, error);
  pet_plan_clear (&plan);
  if (status != PET_OK) {
    ref_free (program);
    return status;
  }
  program->graph = graph;
  *result = program;
  return PET_OK;
}

static PetTensor *
ref_input (void *data, int index)
{
  Program *program = data;

  return &program->values[program->graph->inputs[index]];
}

static const PetTensor *
ref_output (void *data, int index)
{
  const Program *program = data;

  return &program->values[program->graph->outputs[index]];
}

static void
run_node (Program *program, const PetNode *node)
{
  static const PetTensor absent;
  size_t scratch = program->arena_bytes - program->scratch_bytes;

  for (int i = 0; i < node->n_inputs; i++)
    program->inputs[i] =
        node->inputs[i] < 0 ? absent : program->values[node->inputs[i]];
  for (int i = 0; i < node->n_outputs; i++)
    program->outputs[i] =
        node->outputs[i] < 0 ? absent : program->values[node->outputs[i]];
  node->op->run (
      node, program->inputs, program->outputs, program->arena + scratch);
  if (node->residual >= 0 || node->act != PET_ACT_NONE)
    pet_ref_apply_fused (node,
        node->residual >= 0 ? &program->values[node->residual] : NULL,
        &program->outputs[0]);
}

static PetStatus
ref_run (void *data, PetError *error)
{
  Program *program = data;

  for (int i = 0; i < program->graph->n_nodes; i++)
    run_node (program, &program->graph->nodes[i]);
  return PET_OK;
}

static void
ref_info (const void *data, PetNetInfo *info)
{
  const Program *program = data;

  info->backend = "ref";
  info->activation_bytes = program->activation_bytes;
  info->nodes = program->graph->n_nodes;
  info->weight_bytes = 0;
  for (int i = 0; i < program->graph->n_values; i++) {
    const PetTensor *tensor = &program->graph->values[i].tensor;
    size_t bytes;

    if (tensor->data != NULL && pet_tensor_bytes (tensor, &bytes))
      info->weight_bytes += bytes;
  }
}

const PetBackend pet_backend_ref = {
  .name = "ref",
  .compile = ref_compile,
  .free = ref_free,
  .input = ref_input,
  .output = ref_output,
  .run = ref_run,
  .info = ref_info,
};
