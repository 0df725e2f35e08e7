/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The native back end: see docs/nn.md and native-private.h. */

#define _DEFAULT_SOURCE /* madvise () */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pet-checked.h"
#include "nn/native/native-private.h"

static void
free_program (void *pointer)
{
  PetNativeProgram *program = pointer;
  const PetAllocator *allocator;

  if (program == NULL)
    return;
  allocator = program->options.allocator;
  pet_native_team_free (&program->team);
  for (int i = 0; i < program->n_steps; i++)
    pet_native_clear_step (&program->steps[i]);
  for (int i = 0; i < program->n_constants; i++)
    pet_free (
        allocator, program->constants[i].data, program->constants[i].bytes);
  pet_free (allocator, program->arena, program->arena_bytes);
  free (program->values);
  free (program->blocks);
  free (program->steps);
  free (program->constants);
  free (program->inputs);
  free (program->outputs);
  free (program->input_places);
  free (program->output_places);
  free (program->kept);
  pet_graph_free (&program->graph);
  free (program);
}

static PetStatus
allocate_tables (PetNativeProgram *program, PetError *error)
{
  size_t values = (size_t) program->graph->n_values + 1;
  size_t inputs = (size_t) program->graph->n_inputs + 1;
  size_t outputs = (size_t) program->graph->n_outputs + 1;

  program->values = calloc (values, sizeof *program->values);
  program->kept = calloc (values, sizeof *program->kept);
  program->inputs = calloc (inputs, sizeof *program->inputs);
  program->outputs = calloc (outputs, sizeof *program->outputs);
  program->input_places = calloc (inputs, sizeof *program->input_places);
  program->output_places = calloc (outputs, sizeof *program->output_places);
  if (program->values == NULL || program->kept == NULL ||
      program->inputs == NULL || program->outputs == NULL ||
      program->input_places == NULL || program->output_places == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  return pet_native_team_new (program->options.threads, &program->team, error);
}

static PetStatus
add_inputs (PetNativeProgram *program, PetError *error)
{
  for (int i = 0; i < program->graph->n_inputs; i++) {
    int value = program->graph->inputs[i];
    PetNativePlace *place = &program->input_places[i];

    program->inputs[i] = program->graph->values[value].tensor;
    PET_TRY (pet_native_make_dense (program, value, place, error));
    program->blocks[place->block].plan.first = -1;
  }
  return PET_OK;
}

static PetStatus
add_nodes (PetNativeProgram *program, PetError *error)
{
  for (int i = 0; i < program->graph->n_nodes; i++) {
    const PetNode *node = &program->graph->nodes[i];
    PetNativeCompile compile = pet_native_compiler (program->graph, node);

    program->node = i;
    if (compile == NULL)
      compile = pet_native_compile_ref;
    PET_TRY (compile (program, node, error));
  }
  return PET_OK;
}

static PetStatus
add_outputs (PetNativeProgram *program, PetError *error)
{
  for (int i = 0; i < program->graph->n_outputs; i++) {
    int value = program->graph->outputs[i];

    PET_TRY (pet_native_get_dense (
        program, value, &program->output_places[i], error));
    program->outputs[i] = program->graph->values[value].tensor;
  }
  for (int i = 0; i < program->graph->n_outputs; i++)
    if (program->output_places[i].block >= 0)
      program->blocks[program->output_places[i].block].plan.last =
          program->n_steps;
  return PET_OK;
}

/* At least; of larger ones each is met more than once. */
#define PAGE_BYTES 4096

/* Behind the planned part: scratch memory of each thread. */
static PetStatus
allocate_arena (PetNativeProgram *program, PetError *error)
{
  size_t slack = PET_NATIVE_OVERREAD * sizeof (float), bytes;

  if (!pet_add_size (program->scratch_bytes, slack + PET_ALIGNMENT, &bytes))
    return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
  program->scratch_bytes = bytes & ~(size_t) (PET_ALIGNMENT - 1);
  if (!pet_mul_size (
          program->scratch_bytes, (size_t) program->options.threads, &bytes) ||
      !pet_add_size (bytes, program->planned_bytes, &program->arena_bytes))
    return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
  PET_TRY (pet_plan_check (program->graph, program->arena_bytes, error));
  program->arena =
      pet_alloc_zeroed (program->options.allocator, program->arena_bytes);
  if (program->arena == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu bytes of the network's activations",
        program->arena_bytes);
  /* Taken now, where the system only promised it: a loaded network does not grow
   * with its first photo. */
  for (size_t i = 0; i < program->arena_bytes; i += PAGE_BYTES)
    ((volatile char *) program->arena)[i] = 0;
  return PET_OK;
}

static void
bind_place (const PetNativeProgram *program, PetNativePlace *place)
{
  if (place->block >= 0)
    place->data = (float *) (void *) (program->arena +
        program->blocks[place->block].plan.offset);
  else
    place->data = (float *) (uintptr_t) place->constant;
}

static void
bind (PetNativeProgram *program)
{
  for (int i = 0; i < program->n_steps; i++) {
    PetNativeStep *step = &program->steps[i];

    bind_place (program, &step->in);
    bind_place (program, &step->other);
    bind_place (program, &step->out);
    for (int k = 0; k < step->n_places; k++) {
      bind_place (program, &step->places[k]);
      if (step->tensors != NULL)
        step->tensors[k].data = step->places[k].data;
    }
  }
  for (int i = 0; i < program->graph->n_inputs; i++) {
    bind_place (program, &program->input_places[i]);
    program->inputs[i].data = program->input_places[i].data;
  }
  for (int i = 0; i < program->graph->n_outputs; i++) {
    bind_place (program, &program->output_places[i]);
    program->outputs[i].data = program->output_places[i].data;
  }
}

static PetStatus
build (PetNativeProgram *program, PetError *error)
{
  PET_TRY (allocate_tables (program, error));
  pet_native_find_uses (program);
  PET_TRY (add_inputs (program, error));
  PET_TRY (add_nodes (program, error));
  PET_TRY (add_outputs (program, error));
  PET_TRY (pet_plan_pack_nested (
      program->blocks, program->n_blocks, &program->planned_bytes, error));
  /* First what was packed, so that both are never there at once. */
  program->constant_bytes +=
      pet_plan_release_constants (program->graph, program->kept);
  PET_TRY (allocate_arena (program, error));
  bind (program);
  return PET_OK;
}

static PetStatus
compile (PetGraph *graph, const PetBackendOptions *options, void **result,
    PetError *error)
{
  PetNativeProgram *program = calloc (1, sizeof *program);
  PetStatus status;

  if (program == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  program->graph = graph;
  program->options = *options;
  program->kernels = pet_native_kernels_all ()[0];
  program->bf16 = options->bf16 ? pet_native_bf16 () : NULL;
  status = build (program, error);
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
input (void *pointer, int index)
{
  PetNativeProgram *program = pointer;

  return index >= 0 && index < program->graph->n_inputs
      ? &program->inputs[index]
      : NULL;
}

static const PetTensor *
output (void *pointer, int index)
{
  PetNativeProgram *program = pointer;

  return index >= 0 && index < program->graph->n_outputs
      ? &program->outputs[index]
      : NULL;
}

typedef struct {
  const PetNativeProgram *program;
  const PetNativeStep *step;
} Work;

static void
run_task (const void *data, int task, int thread)
{
  const Work *work = data;
  const PetNativeProgram *program = work->program;

  work->step->run (work->step, task,
      program->arena + program->planned_bytes +
          (size_t) thread * program->scratch_bytes);
}

static PetStatus
run (void *pointer, PetError *error)
{
  PetNativeProgram *program = pointer;

  pet_native_team_begin (program->team);
  for (int i = 0; i < program->n_steps; i++) {
    Work work = { program, &program->steps[i] };

    pet_native_team_run (
        program->team, run_task, &work, program->steps[i].n_tasks);
  }
  pet_native_team_end (program->team);
  return PET_OK;
}

static void
limit_threads (void *pointer, int threads)
{
  PetNativeProgram *program = pointer;

  pet_native_team_set_limit (program->team, threads);
}

/* Whole pages of it; they come back cleared, as they were at first. Where the system
 * keeps them that is only memory. */
static void
rest (void *pointer)
{
  PetNativeProgram *program = pointer;
  uintptr_t page = (uintptr_t) sysconf (_SC_PAGESIZE);
  uintptr_t begin = (uintptr_t) program->arena;
  uintptr_t end = (begin + program->arena_bytes) & ~(page - 1);

  begin = (begin + page - 1) & ~(page - 1);
  if (begin < end)
    (void) madvise ((void *) begin, end - begin, MADV_DONTNEED);
}

static void
info (const void *pointer, PetNetInfo *info)
{
  const PetNativeProgram *program = pointer;

  info->backend = pet_backend_native.name;
  info->activation_bytes = program->arena_bytes;
  info->weight_bytes = program->constant_bytes;
  info->nodes = program->graph->n_nodes;
  info->bf16_nodes = program->n_bf16;
}

static bool
supports (const PetGraph *graph, const PetNode *node)
{
  return node->op->is_view || pet_native_compiler (graph, node) != NULL;
}

/* Small values may pass through the reference. */
#define SMALL 4096

static bool
suits (const PetGraph *graph)
{
  for (int i = 0; i < graph->n_nodes; i++) {
    const PetNode *node = &graph->nodes[i];
    size_t elements;

    if (node->outputs[0] >= 0 && !supports (graph, node) &&
        (!pet_shape_elements (
             &graph->values[node->outputs[0]].tensor.shape, &elements) ||
            elements > SMALL))
      return false;
  }
  return true;
}

const PetBackend pet_backend_native = {
  .name = "native",
  .suits = suits,
  .compile = compile,
  .free = free_program,
  .input = input,
  .output = output,
  .run = run,
  .info = info,
  .limit_threads = limit_threads,
  .rest = rest,
  .supports = supports,
};
