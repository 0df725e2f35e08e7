/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Views, and nodes that the reference runs on dense tensors. */

#include <stdlib.h>

#include "nn/native/native-private.h"

static void
run_ref (const PetNativeStep *step, int task, void *scratch)
{
  const PetNode *node = step->node;
  int residual = node->n_inputs + node->n_outputs;

  node->op->run (node, step->tensors, step->tensors + node->n_inputs, scratch);
  if (node->residual >= 0 || node->act != PET_ACT_NONE)
    pet_ref_apply_fused (
        node, &step->tensors[residual], &step->tensors[node->n_inputs]);
}

static PetStatus
set_operand (PetNativeProgram *program, PetNativeStep *step, int slot,
    int value, bool is_output, PetError *error)
{
  step->places[slot].block = -1;
  if (value < 0)
    return PET_OK;
  step->tensors[slot] = program->graph->values[value].tensor;
  if (!is_output)
    return pet_native_get_dense (program, value, &step->places[slot], error);
  return pet_native_make_dense (program, value, &step->places[slot], error);
}

static PetStatus
set_operands (PetNativeProgram *program, const PetNode *node,
    PetNativeStep *step, PetError *error)
{
  int n = node->n_inputs;

  for (int i = 0; i < n; i++)
    PET_TRY (set_operand (program, step, i, node->inputs[i], false, error));
  PET_TRY (set_operand (
      program, step, n + node->n_outputs, node->residual, false, error));
  for (int i = 0; i < node->n_outputs; i++)
    PET_TRY (set_operand (program, step, n + i, node->outputs[i], true, error));
  return PET_OK;
}

/* A view of a dense tensor shares its bytes. */
static PetStatus
compile_view (PetNativeProgram *program, const PetNode *node, PetError *error)
{
  PetNativeValue *v = &program->values[node->outputs[0]];

  PET_TRY (pet_native_get_dense (program, node->inputs[0], &v->dense, error));
  v->has_dense = true;
  return PET_OK;
}

PetStatus
pet_native_compile_ref (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  size_t n = (size_t) (node->n_inputs + node->n_outputs + 1);
  PetNativeStep step;
  PetStatus status = PET_ERROR_MEMORY;

  if (node->op->is_view && node->residual < 0 && node->act == PET_ACT_NONE)
    return compile_view (program, node, error);
  PET_TRY (pet_native_begin_step (program, node, run_ref, 0, &step, error));
  step.tensors = calloc (n, sizeof *step.tensors);
  step.places = calloc (n, sizeof *step.places);
  step.n_places = (int) n;
  if (step.tensors == NULL || step.places == NULL)
    pet_fail (error, status, "no memory for the network");
  else
    status = set_operands (program, node, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  if (node->op->scratch_bytes != NULL)
    pet_native_want_scratch (
        program, node->op->scratch_bytes (program->graph, node));
  return pet_native_add_step (program, &step, error);
}
