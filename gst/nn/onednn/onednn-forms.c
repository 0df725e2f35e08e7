/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layouts of values and the blocks of the arena that hold them. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/onednn/onednn-private.h"

static void
copy_dims (const PetShape *shape, dnnl_dims_t dims, int *ndims)
{
  memset (dims, 0, sizeof (dnnl_dims_t));
  *ndims = shape->rank > 0 ? shape->rank : 1;
  dims[0] = 1;
  for (int i = 0; i < shape->rank; i++)
    dims[i] = shape->dim[i];
}

/* Ranks and sizes were checked by pet_graph_infer(): it cannot fail. */
void
pet_dnn_dense (const PetShape *shape, dnnl_memory_desc_t *md)
{
  dnnl_dims_t dims, strides;
  int ndims;

  copy_dims (shape, dims, &ndims);
  strides[ndims - 1] = 1;
  for (int i = ndims - 1; i > 0; i--)
    strides[i - 1] = strides[i] * (dims[i] > 0 ? dims[i] : 1);
  memset (md, 0, sizeof *md);
  pet_dnn.memory_desc_init_by_strides (md, ndims, dims, dnnl_f32, strides);
}

bool
pet_dnn_tagged (
    const PetShape *shape, dnnl_format_tag_t tag, dnnl_memory_desc_t *md)
{
  dnnl_dims_t dims;
  int ndims;

  copy_dims (shape, dims, &ndims);
  memset (md, 0, sizeof *md);
  return pet_dnn.memory_desc_init_by_tag (md, ndims, dims, dnnl_f32, tag) ==
      dnnl_success;
}

void
pet_dnn_any (const PetShape *shape, dnnl_memory_desc_t *md)
{
  pet_dnn_tagged (shape, dnnl_format_tag_any, md);
}

bool
pet_dnn_blocked (const PetShape *shape, int width, dnnl_memory_desc_t *md)
{
  static const dnnl_format_tag_t tags[3][3] = {
    { dnnl_nCw4c, dnnl_nCw8c, dnnl_nCw16c },
    { dnnl_nChw4c, dnnl_nChw8c, dnnl_nChw16c },
    { dnnl_nCdhw4c, dnnl_nCdhw8c, dnnl_nCdhw16c },
  };
  int column = width == 4 ? 0 : width == 8 ? 1 : 2;

  if (width == 1) {
    pet_dnn_dense (shape, md);
    return true;
  }
  if (shape->rank < 3 || shape->rank > 5)
    return false;
  return pet_dnn_tagged (shape, tags[shape->rank - 3][column], md);
}

PetStatus
pet_dnn_new_block (
    PetDnnProgram *program, size_t bytes, int *block, PetError *error)
{
  PetPlanNested *made;

  if (program->n_blocks == program->max_blocks) {
    int max = program->max_blocks * 2 + 64;

    made = realloc (program->blocks, (size_t) max * sizeof *made);
    if (made == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
    program->blocks = made;
    program->max_blocks = max;
  }
  made = &program->blocks[program->n_blocks];
  memset (made, 0, sizeof *made);
  made->plan.bytes = bytes;
  made->plan.first = made->plan.last = program->n_steps;
  made->parent = -1;
  *block = program->n_blocks++;
  return PET_OK;
}

void
pet_dnn_touch (PetDnnProgram *program, int block)
{
  if (block >= 0 && program->blocks[block].plan.last < program->n_steps)
    program->blocks[block].plan.last = program->n_steps;
}

PetStatus
pet_dnn_add_form (
    PetDnnProgram *program, int value, const PetDnnForm *form, PetError *error)
{
  PetDnnValue *v = &program->values[value];
  PetDnnForm *forms =
      realloc (v->forms, ((size_t) v->n_forms + 1) * sizeof *forms);

  if (forms == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  forms[v->n_forms++] = *form;
  v->forms = forms;
  return PET_OK;
}

PetStatus
pet_dnn_new_form (PetDnnProgram *program, int value,
    const dnnl_memory_desc_t *md, PetDnnForm *form, PetError *error)
{
  PetDnnForm made = { .md = *md };

  PET_TRY (pet_dnn_new_block (
      program, pet_dnn.memory_desc_get_size (md), &made.block, error));
  PET_TRY (pet_dnn_add_form (program, value, &made, error));
  *form = made;
  return PET_OK;
}

PetStatus
pet_dnn_main_form (
    PetDnnProgram *program, int value, PetDnnForm *form, PetError *error)
{
  PetDnnValue *v = &program->values[value];

  if (v->n_forms == 0) {
    const PetTensor *tensor = &program->graph->values[value].tensor;
    PetDnnForm made = { .block = -1, .data = tensor->data };

    if (tensor->data == NULL)
      return pet_fail (error, PET_ERROR_CORRUPT,
          "value '%.80s' is read before it is made",
          program->graph->values[value].name);
    pet_dnn_dense (&tensor->shape, &made.md);
    PET_TRY (pet_dnn_add_form (program, value, &made, error));
  }
  *form = v->forms[0];
  if (form->block < 0)
    program->kept[value] = true;
  return PET_OK;
}

static bool
find_form (const PetDnnProgram *program, int value,
    const dnnl_memory_desc_t *md, PetDnnForm *form)
{
  const PetDnnValue *v = &program->values[value];

  for (int i = 0; i < v->n_forms; i++)
    if (pet_dnn.memory_desc_equal (&v->forms[i].md, md)) {
      *form = v->forms[i];
      return true;
    }
  return false;
}

PetStatus
pet_dnn_form (PetDnnProgram *program, int value, const dnnl_memory_desc_t *md,
    PetDnnForm *form, PetError *error)
{
  const char *name = program->graph->values[value].name;
  PetDnnForm from, to;

  PET_TRY (pet_dnn_main_form (program, value, &from, error));
  if (find_form (program, value, md, form))
    return PET_OK;
  if (from.block < 0) {
    PET_TRY (pet_dnn_pack (program, from.data, &from.md, md, &to, error));
    PET_TRY (pet_dnn_add_form (program, value, &to, error));
  } else {
    PET_TRY (pet_dnn_new_form (program, value, md, &to, error));
    PET_TRY (pet_dnn_add_reorder (program, name, &from, &to, error));
  }
  *form = to;
  return PET_OK;
}

PetStatus
pet_dnn_dense_form (
    PetDnnProgram *program, int value, PetDnnForm *form, PetError *error)
{
  const PetTensor *tensor = &program->graph->values[value].tensor;
  dnnl_memory_desc_t md;

  if (tensor->type != PET_TYPE_F32)
    return pet_dnn_main_form (program, value, form, error);
  pet_dnn_dense (&tensor->shape, &md);
  return pet_dnn_form (program, value, &md, form, error);
}

/* Room for a constant, given back with the program. */
static PetStatus
new_constant (
    PetDnnProgram *program, size_t bytes, void **data, PetError *error)
{
  PetDnnConstant *constant;

  PET_TRY (pet_graph_count_weights (program->graph, bytes, error));
  if (program->n_constants == program->max_constants) {
    int max = program->max_constants * 2 + 64;

    constant = realloc (program->constants, (size_t) max * sizeof *constant);
    if (constant == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
    program->constants = constant;
    program->max_constants = max;
  }
  constant = &program->constants[program->n_constants];
  constant->bytes = bytes;
  constant->data = pet_alloc (program->options.allocator, bytes);
  if (constant->data == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu bytes of the network's weights", bytes);
  program->n_constants++;
  program->constant_bytes += bytes;
  *data = constant->data;
  return PET_OK;
}

/* Some weight transforms (Winograd's) want scratch: the last block. */
static PetStatus
run_with_scratch (PetDnnProgram *program, PetDnnStep *step, PetError *error)
{
  const PetAllocator *allocator = program->options.allocator;
  size_t bytes = program->blocks[program->n_blocks - 1].plan.bytes;
  void *scratch = pet_alloc (allocator, bytes);
  PetStatus status = PET_OK;

  if (scratch == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu bytes of the network's scratch", bytes);
  if (step->n_args > 2)
    status = pet_dnn_check (
        pet_dnn.memory_set_data_handle (step->exec[2].memory, scratch),
        "an address", step->name, error);
  if (status == PET_OK)
    status = pet_dnn_run_step (program, step, error);
  pet_free (allocator, scratch, bytes);
  return status;
}

static PetStatus
reorder_now (PetDnnProgram *program, const PetDnnForm *from,
    const PetDnnForm *to, PetError *error)
{
  int n_blocks = program->n_blocks, n_steps = program->n_steps;
  PetStatus status;
  PetDnnStep *step;

  PET_TRY (pet_dnn_add_reorder (program, "weights", from, to, error));
  step = &program->steps[n_steps];
  status = run_with_scratch (program, step, error);
  pet_dnn_clear_step (step);
  program->n_steps = n_steps;
  program->n_blocks = n_blocks;
  return status;
}

PetStatus
pet_dnn_pack (PetDnnProgram *program, const void *data,
    const dnnl_memory_desc_t *from_md, const dnnl_memory_desc_t *to_md,
    PetDnnForm *form, PetError *error)
{
  PetDnnForm from = { .md = *from_md, .block = -1, .data = (void *) data };
  PetDnnForm to = { .md = *to_md, .block = -1 };
  size_t bytes = pet_dnn.memory_desc_get_size (to_md);

  PET_TRY (new_constant (program, bytes, &to.data, error));
  if (pet_dnn.memory_desc_equal (from_md, to_md))
    memcpy (to.data, data, bytes);
  else
    PET_TRY (reorder_now (program, &from, &to, error));
  *form = to;
  return PET_OK;
}
