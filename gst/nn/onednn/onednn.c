/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The oneDNN back end: see docs/nn.md and onednn-private.h. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/onednn/onednn-private.h"

static void
free_program (void *pointer)
{
  PetDnnProgram *program = pointer;
  const PetAllocator *allocator;

  if (program == NULL)
    return;
  allocator = program->options.allocator;
  for (int i = 0; i < program->n_steps; i++)
    pet_dnn_clear_step (&program->steps[i]);
  for (int i = 0; i < program->n_constants; i++)
    pet_free (
        allocator, program->constants[i].data, program->constants[i].bytes);
  for (int i = 0; program->values != NULL && i < program->n_values; i++)
    free (program->values[i].forms);
  if (program->stream != NULL)
    pet_dnn.stream_destroy (program->stream);
  if (program->engine != NULL)
    pet_dnn.engine_destroy (program->engine);
  pet_free (allocator, program->arena, program->arena_bytes);
  free (program->values);
  free (program->blocks);
  free (program->steps);
  free (program->constants);
  free (program->inputs);
  free (program->outputs);
  free (program->kept);
  pet_graph_free (&program->graph);
  free (program);
}

static PetStatus
allocate_tables (PetDnnProgram *program, PetError *error)
{
  const PetGraph *graph = program->graph;

  program->n_values = graph->n_values;
  program->values =
      calloc ((size_t) graph->n_values + 1, sizeof *program->values);
  program->kept = calloc ((size_t) graph->n_values + 1, sizeof *program->kept);
  program->inputs =
      calloc ((size_t) graph->n_inputs + 1, sizeof *program->inputs);
  program->outputs =
      calloc ((size_t) graph->n_outputs + 1, sizeof *program->outputs);
  if (program->values == NULL || program->kept == NULL ||
      program->inputs == NULL || program->outputs == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  PET_TRY (pet_dnn_check (pet_dnn.engine_create (&program->engine, dnnl_cpu, 0),
      "an engine", "the network", error));
  return pet_dnn_check (pet_dnn.stream_create (&program->stream,
                            program->engine, dnnl_stream_default_flags),
      "a stream", "the network", error);
}

static PetStatus
add_inputs (PetDnnProgram *program, PetError *error)
{
  for (int i = 0; i < program->graph->n_inputs; i++) {
    int value = program->graph->inputs[i];
    PetDnnForm form;
    size_t bytes;

    program->inputs[i].tensor = program->graph->values[value].tensor;
    if (!pet_tensor_bytes (&program->inputs[i].tensor, &bytes))
      return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
    memset (&form, 0, sizeof form);
    pet_dnn_dense (&program->inputs[i].tensor.shape, &form.md);
    PET_TRY (pet_dnn_new_block (program, bytes, &form.block, error));
    program->blocks[form.block].plan.first = -1;
    program->inputs[i].block = form.block;
    PET_TRY (pet_dnn_add_form (program, value, &form, error));
  }
  return PET_OK;
}

static PetStatus
add_node (PetDnnProgram *program, const PetNode *node, PetError *error)
{
  PetDnnCompile compile = pet_dnn_compiler (program->graph, node);
  bool done = false;

  if (node->op->is_view && node->residual < 0 && node->act == PET_ACT_NONE)
    compile = pet_dnn_compile_view;
  if (compile != NULL)
    PET_TRY (compile (program, node, &done, error));
  return done ? PET_OK : pet_dnn_compile_ref (program, node, error);
}

static PetStatus
add_outputs (PetDnnProgram *program, PetError *error)
{
  for (int i = 0; i < program->graph->n_outputs; i++) {
    int value = program->graph->outputs[i];
    PetDnnForm form;

    PET_TRY (pet_dnn_dense_form (program, value, &form, error));
    program->outputs[i].tensor = program->graph->values[value].tensor;
    program->outputs[i].tensor.data = form.data;
    program->outputs[i].block = form.block;
  }
  for (int i = 0; i < program->graph->n_outputs; i++)
    pet_dnn_touch (program, program->outputs[i].block);
  return PET_OK;
}

static PetStatus
allocate_arena (PetDnnProgram *program, PetError *error)
{
  const PetAllocator *allocator = program->options.allocator;
  size_t bytes = program->arena_bytes;

  PET_TRY (pet_plan_check (program->graph, bytes, error));
  program->arena = pet_alloc_zeroed (allocator, bytes);
  if (program->arena == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu bytes of the network's activations", bytes);
  return PET_OK;
}

static void *
address (const PetDnnProgram *program, int block)
{
  return (char *) program->arena + program->blocks[block].plan.offset;
}

static PetStatus
bind_step (PetDnnProgram *program, PetDnnStep *step, PetError *error)
{
  int n =
      step->node != NULL ? step->node->n_inputs + step->node->n_outputs + 1 : 0;

  for (int i = 0; i < n; i++)
    if (step->blocks[i] >= 0)
      step->tensors[i].data = address (program, step->blocks[i]);
  if (step->node != NULL)
    step->scratch = address (program, step->scratch_block);
  for (int i = 0; i < step->n_args; i++) {
    const PetDnnArg *arg = &step->args[i];

    if (arg->form.block >= 0)
      PET_TRY (
          pet_dnn_check (pet_dnn.memory_set_data_handle (step->exec[i].memory,
                             address (program, arg->form.block)),
              "an address", step->name, error));
  }
  return PET_OK;
}

static PetStatus
bind (PetDnnProgram *program, PetError *error)
{
  for (int i = 0; i < program->n_steps; i++)
    PET_TRY (bind_step (program, &program->steps[i], error));
  for (int i = 0; i < program->graph->n_inputs; i++)
    program->inputs[i].tensor.data =
        address (program, program->inputs[i].block);
  for (int i = 0; i < program->graph->n_outputs; i++)
    if (program->outputs[i].block >= 0)
      program->outputs[i].tensor.data =
          address (program, program->outputs[i].block);
  return PET_OK;
}

static PetStatus
build (PetDnnProgram *program, PetError *error)
{
  PET_TRY (allocate_tables (program, error));
  PET_TRY (add_inputs (program, error));
  for (int i = 0; i < program->graph->n_nodes; i++)
    PET_TRY (add_node (program, &program->graph->nodes[i], error));
  PET_TRY (add_outputs (program, error));
  PET_TRY (pet_plan_pack_nested (
      program->blocks, program->n_blocks, &program->arena_bytes, error));
  PET_TRY (allocate_arena (program, error));
  PET_TRY (bind (program, error));
  program->constant_bytes +=
      pet_plan_release_constants (program->graph, program->kept);
  return PET_OK;
}

static PetStatus
compile (PetGraph *graph, const PetBackendOptions *options, void **result,
    PetError *error)
{
  PetDnnProgram *program = NULL;
  PetStatus status;
  int previous;

  if (!pet_dnn_open ())
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "oneDNN's library cannot be opened");
  program = calloc (1, sizeof *program);
  if (program == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  program->graph = graph;
  program->options = *options;
  /* Primitives are laid out for the number of threads they will run with. */
  previous = pet_dnn_threads_enter (options->threads);
  status = build (program, error);
  pet_dnn_threads_leave (previous);
  if (status != PET_OK) {
    /* The graph is still the caller's. */
    program->graph = NULL;
    free_program (program);
    return status;
  }
  *result = program;
  return PET_OK;
}

static PetTensor *
input (void *program, int index)
{
  PetDnnProgram *p = program;

  return index >= 0 && index < p->graph->n_inputs ? &p->inputs[index].tensor
                                                  : NULL;
}

static const PetTensor *
output (void *program, int index)
{
  PetDnnProgram *p = program;

  return index >= 0 && index < p->graph->n_outputs ? &p->outputs[index].tensor
                                                   : NULL;
}

static PetStatus
run (void *pointer, PetError *error)
{
  PetDnnProgram *program = pointer;
  int previous = pet_dnn_threads_enter (program->options.threads);
  PetStatus status = PET_OK;

  for (int i = 0; status == PET_OK && i < program->n_steps; i++)
    status = pet_dnn_run_step (program, &program->steps[i], error);
  pet_dnn_threads_leave (previous);
  return status;
}

static void
info (const void *pointer, PetNetInfo *info)
{
  const PetDnnProgram *program = pointer;

  info->backend = pet_backend_onednn.name;
  info->activation_bytes = program->arena_bytes;
  info->weight_bytes = program->constant_bytes;
  info->nodes = program->graph->n_nodes;
}

static bool
supports (const PetGraph *graph, const PetNode *node)
{
  return node->op->is_view || pet_dnn_compiler (graph, node) != NULL;
}

static bool
suits (const PetGraph *graph)
{
  return pet_dnn_open ();
}

const PetBackend pet_backend_onednn = {
  .name = "onednn",
  .suits = suits,
  .compile = compile,
  .free = free_program,
  .input = input,
  .output = output,
  .run = run,
  .info = info,
  .supports = supports,
};
