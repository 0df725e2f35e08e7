/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Steps and what they hold. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/native/native-private.h"

static PetStatus
no_memory (PetError *error)
{
  return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
}

/* Room for one more of `size` bytes. */
static PetStatus
grow (void *list, int count, int *max, size_t size, PetError *error)
{
  void *old = *(void **) list, *larger;
  int wanted = *max > 0 ? 2 * *max : 32;

  if (count < *max)
    return PET_OK;
  larger = calloc ((size_t) wanted, size);
  if (larger == NULL)
    return no_memory (error);
  if (old != NULL)
    memcpy (larger, old, (size_t) count * size);
  free (old);
  *(void **) list = larger;
  *max = wanted;
  return PET_OK;
}

PetStatus
pet_native_new_block (
    PetNativeProgram *program, size_t bytes, int *block, PetError *error)
{
  PetPlanNested made = { .parent = -1 };

  PET_TRY (grow (&program->blocks, program->n_blocks, &program->max_blocks,
      sizeof *program->blocks, error));
  made.plan.bytes = bytes;
  made.plan.first = made.plan.last = program->n_steps;
  *block = program->n_blocks;
  program->blocks[program->n_blocks++] = made;
  return PET_OK;
}

PetStatus
pet_native_new_constant (
    PetNativeProgram *program, size_t bytes, void *result, PetError *error)
{
  PetNativeConstant *constant;
  void *data;

  PET_TRY (pet_graph_count_weights (program->graph, bytes, error));
  PET_TRY (grow (&program->constants, program->n_constants,
      &program->max_constants, sizeof *program->constants, error));
  data = pet_alloc_zeroed (program->options.allocator, bytes);
  if (data == NULL)
    return no_memory (error);
  constant = &program->constants[program->n_constants++];
  constant->data = data;
  constant->bytes = bytes;
  program->constant_bytes += bytes;
  *(void **) result = data;
  return PET_OK;
}

void
pet_native_want_scratch (PetNativeProgram *program, size_t bytes)
{
  if (bytes > program->scratch_bytes)
    program->scratch_bytes = bytes;
}

void
pet_native_clear_step (PetNativeStep *step)
{
  free (step->state);
  free (step->tensors);
  free (step->places);
  memset (step, 0, sizeof *step);
}

PetStatus
pet_native_begin_step (PetNativeProgram *program, const PetNode *node,
    PetNativeRun run, size_t bytes, PetNativeStep *step, PetError *error)
{
  memset (step, 0, sizeof *step);
  PET_TRY (pet_graph_count_weights (program->graph, bytes, error));
  step->node = node;
  step->run = run;
  step->n_tasks = 1;
  step->kernels = program->kernels;
  step->in.block = step->other.block = step->out.block = -1;
  step->state = calloc (1, bytes > 0 ? bytes : 1);
  return step->state == NULL ? no_memory (error) : PET_OK;
}

static void
touch (PetNativeProgram *program, const PetNativePlace *place)
{
  if (place->block >= 0)
    program->blocks[place->block].plan.last = program->n_steps;
}

PetStatus
pet_native_add_step (
    PetNativeProgram *program, const PetNativeStep *step, PetError *error)
{
  PetNativeStep made = *step;
  PetStatus status = grow (&program->steps, program->n_steps,
      &program->max_steps, sizeof *program->steps, error);

  if (status != PET_OK) {
    pet_native_clear_step (&made);
    return status;
  }
  touch (program, &made.in);
  touch (program, &made.other);
  touch (program, &made.out);
  for (int i = 0; i < made.n_places; i++)
    touch (program, &made.places[i]);
  program->steps[program->n_steps++] = made;
  return PET_OK;
}

PetStatus
pet_native_residual (PetNativeProgram *program, const PetNode *node,
    bool blocked, PetNativeStep *step, PetError *error)
{
  if (node->residual < 0)
    return PET_OK;
  step->has_other = true;
  return blocked
      ? pet_native_get_blocked (program, node->residual, &step->other, error)
      : pet_native_get_dense (program, node->residual, &step->other, error);
}

static bool
is_clamp (const PetNode *node)
{
  return node->act == PET_ACT_NONE || node->act == PET_ACT_RELU ||
      node->act == PET_ACT_CLIP;
}

void
pet_native_finish (const PetNode *node, PetNativeFinish *finish)
{
  finish->low = -INFINITY;
  finish->high = INFINITY;
  finish->residual_last = node->residual_last;
  if (node->act == PET_ACT_RELU)
    finish->low = 0;
  if (node->act == PET_ACT_CLIP) {
    finish->low = node->act_min;
    finish->high = node->act_max;
  }
}

/* Numbers of one task of an elementwise step. */
#define CHUNK 16384

static void
run_activation (const PetNativeStep *step, int task, void *scratch)
{
  const size_t *floats = step->state;
  size_t from = (size_t) task * CHUNK;
  size_t n = *floats - from < CHUNK ? *floats - from : CHUNK;
  float *data = step->out.data + from;

  if (step->node->act == PET_ACT_SIGMOID)
    step->kernels->sigmoid (data, data, n);
  else
    step->kernels->hardswish (data, data, n);
  if (step->has_other)
    step->kernels->binary (
        PET_NATIVE_ADD, data, step->other.data + from, data, n);
}

bool
pet_native_has_rest (const PetNode *node)
{
  return !is_clamp (node);
}

PetStatus
pet_native_add_rest (PetNativeProgram *program, const PetNode *node,
    const PetNativePlace *place, size_t floats, bool blocked, PetError *error)
{
  PetNativeStep step;
  PetStatus status = PET_OK;

  if (is_clamp (node))
    return PET_OK;
  PET_TRY (pet_native_begin_step (
      program, node, run_activation, sizeof floats, &step, error));
  *(size_t *) step.state = floats;
  step.out = *place;
  step.n_tasks = (int) ((floats + CHUNK - 1) / CHUNK);
  if (node->residual_last)
    status = pet_native_residual (program, node, blocked, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  return pet_native_add_step (program, &step, error);
}
