/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Steps of a program: making primitives, and running them. */

#include <stdlib.h>
#include <string.h>

#include "nn/onednn/onednn-private.h"

PetStatus
pet_dnn_check (
    dnnl_status_t status, const char *what, const char *node, PetError *error)
{
  if (status == dnnl_success)
    return PET_OK;
  return pet_fail (error,
      status == dnnl_out_of_memory ? PET_ERROR_MEMORY : PET_ERROR_LIBRARY,
      "oneDNN: %s of '%.80s': %s", what, node, pet_dnn.status2str (status));
}

PetStatus
pet_dnn_new_attr (const_dnnl_post_ops_t post_ops, const char *node,
    dnnl_primitive_attr_t *attr, PetError *error)
{
  dnnl_primitive_attr_t made = NULL;
  dnnl_status_t status = pet_dnn.primitive_attr_create (&made);

  if (status == dnnl_success)
    status = pet_dnn.primitive_attr_set_scratchpad_mode (
        made, dnnl_scratchpad_mode_user);
  if (status == dnnl_success && post_ops != NULL)
    status = pet_dnn.primitive_attr_set_post_ops (made, post_ops);
  if (status != dnnl_success) {
    pet_dnn.primitive_attr_destroy (made);
    return pet_dnn_check (status, "attributes", node, error);
  }
  *attr = made;
  return PET_OK;
}

/* oneDNN's own "ref:any" is there for completeness; it is far slower than the
 * reference of this project (17 s for one convolution was measured). */
static bool
is_wanted (const_dnnl_primitive_desc_t pd, const char *wanted)
{
  const char *name = "";

  pet_dnn.primitive_desc_query (pd, dnnl_query_impl_info_str, 0, &name);
  if (wanted != NULL)
    return strncmp (name, wanted, strlen (wanted)) == 0;
  return strncmp (name, "ref", 3) != 0;
}

/* Leaves *pd NULL when no implementation is wanted. */
static dnnl_status_t
search (dnnl_engine_t engine, const_dnnl_op_desc_t desc,
    const_dnnl_primitive_attr_t attr, const char *wanted,
    dnnl_primitive_desc_t *pd)
{
  dnnl_primitive_desc_iterator_t iterator = NULL;
  dnnl_status_t status = pet_dnn.primitive_desc_iterator_create (
      &iterator, desc, attr, engine, NULL);

  while (status == dnnl_success && *pd == NULL) {
    *pd = pet_dnn.primitive_desc_iterator_fetch (iterator);
    if (*pd == NULL)
      status = dnnl_out_of_memory;
    else if (!is_wanted (*pd, wanted)) {
      pet_dnn.primitive_desc_destroy (*pd);
      *pd = NULL;
      status = pet_dnn.primitive_desc_iterator_next (iterator);
    }
  }
  if (iterator != NULL)
    pet_dnn.primitive_desc_iterator_destroy (iterator);
  return status;
}

PetStatus
pet_dnn_describe (PetDnnProgram *program, const_dnnl_op_desc_t desc,
    const_dnnl_primitive_attr_t attr, const char *wanted, const char *what,
    const char *node, dnnl_primitive_desc_t *pd, PetError *error)
{
  dnnl_primitive_attr_t own = NULL;
  dnnl_status_t status;

  *pd = NULL;
  if (attr == NULL)
    PET_TRY (pet_dnn_new_attr (NULL, node, &own, error));
  status =
      search (program->engine, desc, attr != NULL ? attr : own, wanted, pd);
  if (own != NULL)
    pet_dnn.primitive_attr_destroy (own);
  if (status == dnnl_unimplemented || status == dnnl_invalid_arguments ||
      status == dnnl_iterator_ends)
    return PET_OK;
  return pet_dnn_check (status, what, node, error);
}

PetStatus
pet_dnn_append_step (PetDnnProgram *program, PetDnnStep **step, PetError *error)
{
  if (program->n_steps == program->max_steps) {
    int max = program->max_steps * 2 + 64;
    PetDnnStep *steps = realloc (program->steps, (size_t) max * sizeof *steps);

    if (steps == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
    program->steps = steps;
    program->max_steps = max;
  }
  *step = &program->steps[program->n_steps++];
  memset (*step, 0, sizeof **step);
  return PET_OK;
}

/* Memory objects are made without an address; it comes when the arena is
 * there (pet_dnn_bind) or, for constants, now. */
static PetStatus
make_memories (PetDnnProgram *program, PetDnnStep *step, PetError *error)
{
  for (int i = 0; i < step->n_args; i++) {
    const PetDnnForm *form = &step->args[i].form;
    void *data = form->block < 0 ? form->data : DNNL_MEMORY_NONE;

    step->exec[i].arg = step->args[i].id;
    step->exec[i].memory = NULL;
    PET_TRY (pet_dnn_check (pet_dnn.memory_create (&step->exec[i].memory,
                                &form->md, program->engine, data),
        "a memory", step->name, error));
  }
  return PET_OK;
}

PetStatus
pet_dnn_add_step (PetDnnProgram *program, dnnl_primitive_desc_t pd,
    const char *node, const PetDnnArg *args, int n_args, PetError *error)
{
  dnnl_primitive_t primitive = NULL;
  dnnl_status_t status = pet_dnn.primitive_create (&primitive, pd);
  const dnnl_memory_desc_t *scratch =
      pet_dnn.primitive_desc_query_md (pd, dnnl_query_scratchpad_md, 0);
  PetDnnArg scratch_arg = { .id = DNNL_ARG_SCRATCHPAD };
  PetDnnStep *step = NULL;
  PetStatus result;

  if (scratch != NULL)
    scratch_arg.form.md = *scratch;
  pet_dnn.primitive_desc_destroy (pd);
  PET_TRY (pet_dnn_check (status, "a primitive", node, error));
  for (int i = 0; i < n_args; i++)
    pet_dnn_touch (program, args[i].form.block);
  result = pet_dnn_new_block (program,
      pet_dnn.memory_desc_get_size (&scratch_arg.form.md),
      &scratch_arg.form.block, error);
  if (result == PET_OK)
    result = pet_dnn_append_step (program, &step, error);
  if (result != PET_OK) {
    pet_dnn.primitive_destroy (primitive);
    return result;
  }
  step->name = node;
  step->primitive = primitive;
  memcpy (step->args, args, (size_t) n_args * sizeof *args);
  step->n_args = n_args;
  if (scratch_arg.form.md.ndims > 0)
    step->args[step->n_args++] = scratch_arg;
  return make_memories (program, step, error);
}

PetStatus
pet_dnn_add_reorder (PetDnnProgram *program, const char *node,
    const PetDnnForm *from, const PetDnnForm *to, PetError *error)
{
  PetDnnArg args[2] = { { DNNL_ARG_FROM, *from }, { DNNL_ARG_TO, *to } };
  dnnl_primitive_desc_t pd = NULL;
  dnnl_primitive_attr_t attr = NULL;
  dnnl_status_t status;

  PET_TRY (pet_dnn_new_attr (NULL, node, &attr, error));
  status = pet_dnn.reorder_primitive_desc_create (
      &pd, &from->md, program->engine, &to->md, program->engine, attr);
  pet_dnn.primitive_attr_destroy (attr);
  PET_TRY (pet_dnn_check (status, "a reorder", node, error));
  return pet_dnn_add_step (program, pd, node, args, 2, error);
}

static dnnl_status_t
append_activation (dnnl_post_ops_t ops, const PetNode *node)
{
  switch (node->act) {
    case PET_ACT_RELU:
      return pet_dnn.post_ops_append_eltwise (ops, 1, dnnl_eltwise_relu, 0, 0);
    case PET_ACT_CLIP:
      return pet_dnn.post_ops_append_eltwise (
          ops, 1, dnnl_eltwise_clip, node->act_min, node->act_max);
    case PET_ACT_SIGMOID:
      return pet_dnn.post_ops_append_eltwise (
          ops, 1, dnnl_eltwise_logistic, 0, 0);
    case PET_ACT_HARDSWISH:
      return pet_dnn.post_ops_append_eltwise (
          ops, 1, dnnl_eltwise_hardswish, 0, 0);
    case PET_ACT_NONE:
      break;
  }
  return dnnl_success;
}

/* The residual is a binary_add, never a sum: sum behind an activation sends
 * blocked layouts to "ref:any". */
PetStatus
pet_dnn_post_ops (const PetNode *node, const PetDnnForm *residual,
    dnnl_post_ops_t *post_ops, PetError *error)
{
  dnnl_post_ops_t ops = NULL;
  dnnl_status_t status = pet_dnn.post_ops_create (&ops);

  if (status == dnnl_success && residual != NULL && !node->residual_last)
    status =
        pet_dnn.post_ops_append_binary (ops, dnnl_binary_add, &residual->md);
  if (status == dnnl_success)
    status = append_activation (ops, node);
  if (status == dnnl_success && residual != NULL && node->residual_last)
    status =
        pet_dnn.post_ops_append_binary (ops, dnnl_binary_add, &residual->md);
  if (status != dnnl_success) {
    pet_dnn.post_ops_destroy (ops);
    return pet_dnn_check (status, "post-ops", node->name, error);
  }
  *post_ops = ops;
  return PET_OK;
}

static void
run_reference (const PetDnnStep *step)
{
  const PetNode *node = step->node;
  const PetTensor *outputs = step->tensors + node->n_inputs;
  const PetTensor *residual = outputs + node->n_outputs;

  node->op->run (node, step->tensors, outputs, step->scratch);
  if (node->residual >= 0 || node->act != PET_ACT_NONE)
    pet_ref_apply_fused (node, node->residual >= 0 ? residual : NULL, outputs);
}

PetStatus
pet_dnn_run_step (PetDnnProgram *program, PetDnnStep *step, PetError *error)
{
  if (step->node != NULL) {
    run_reference (step);
    return PET_OK;
  }
  return pet_dnn_check (pet_dnn.primitive_execute (step->primitive,
                            program->stream, step->n_args, step->exec),
      "running", step->name, error);
}

void
pet_dnn_clear_step (PetDnnStep *step)
{
  for (int i = 0; i < step->n_args; i++)
    if (step->exec[i].memory != NULL)
      pet_dnn.memory_destroy (step->exec[i].memory);
  if (step->primitive != NULL)
    pet_dnn.primitive_destroy (step->primitive);
  free (step->tensors);
  free (step->blocks);
}
