/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nodes without a primitive: views, and whatever the reference runs on dense
 * tensors. */

#include <stdlib.h>
#include <string.h>

#include "nn/onednn/onednn-private.h"

PetStatus
pet_dnn_compile_view (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  const PetTensor *out = &program->graph->values[node->outputs[0]].tensor;
  PetDnnForm form;

  *done = true;
  PET_TRY (pet_dnn_dense_form (program, node->inputs[0], &form, error));
  pet_dnn_dense (&out->shape, &form.md);
  return pet_dnn_add_form (program, node->outputs[0], &form, error);
}

/* Fills slot `slot` of the step with a dense operand. */
static PetStatus
set_operand (PetDnnProgram *program, PetDnnStep *step, int slot, int value,
    bool is_output, PetError *error)
{
  const PetTensor *tensor;
  PetDnnForm form;
  size_t bytes;

  step->blocks[slot] = -1;
  if (value < 0)
    return PET_OK;
  tensor = &program->graph->values[value].tensor;
  step->tensors[slot] = *tensor;
  if (!is_output) {
    PET_TRY (pet_dnn_dense_form (program, value, &form, error));
    step->tensors[slot].data = form.block < 0 ? form.data : NULL;
    step->blocks[slot] = form.block;
    return PET_OK;
  }
  if (!pet_tensor_bytes (tensor, &bytes))
    return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
  memset (&form, 0, sizeof form);
  pet_dnn_dense (&tensor->shape, &form.md);
  PET_TRY (pet_dnn_new_block (program, bytes, &form.block, error));
  step->blocks[slot] = form.block;
  return pet_dnn_add_form (program, value, &form, error);
}

static PetStatus
set_operands (PetDnnProgram *program, const PetNode *node, PetDnnStep *step,
    PetError *error)
{
  int slot = 0;

  for (int i = 0; i < node->n_inputs; i++)
    PET_TRY (
        set_operand (program, step, slot++, node->inputs[i], false, error));
  PET_TRY (set_operand (program, step, node->n_inputs + node->n_outputs,
      node->residual, false, error));
  for (int i = 0; i < node->n_outputs; i++)
    PET_TRY (
        set_operand (program, step, slot++, node->outputs[i], true, error));
  return PET_OK;
}

PetStatus
pet_dnn_compile_ref (
    PetDnnProgram *program, const PetNode *node, PetError *error)
{
  int n = node->n_inputs + node->n_outputs + 1;
  PetDnnStep made = { .name = node->name, .node = node }, *step = NULL;
  size_t scratch_bytes = node->op->scratch_bytes != NULL
      ? node->op->scratch_bytes (program->graph, node)
      : 0;
  PetStatus status = PET_ERROR_MEMORY;

  made.tensors = calloc ((size_t) n, sizeof *made.tensors);
  made.blocks = calloc ((size_t) n, sizeof *made.blocks);
  if (made.tensors == NULL || made.blocks == NULL)
    pet_fail (error, status, "no memory for the network");
  else
    status = set_operands (program, node, &made, error);
  if (status == PET_OK)
    for (int i = 0; i < n; i++)
      pet_dnn_touch (program, made.blocks[i]);
  if (status == PET_OK)
    status =
        pet_dnn_new_block (program, scratch_bytes, &made.scratch_block, error);
  if (status == PET_OK)
    status = pet_dnn_append_step (program, &step, error);
  if (status != PET_OK) {
    free (made.tensors);
    free (made.blocks);
    return status;
  }
  *step = made;
  return PET_OK;
}
