/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Concat along the channels at batch 1, without moving a byte where it can be
 * done: each input's block becomes a part of the result's block, so that its
 * producer writes to its final place. Inputs for which that does not work
 * (another layout, part of another concat already) are reordered to there. */

#include "nn/onednn/onednn-private.h"

static const PetShape *
shape_of (const PetDnnProgram *program, int value)
{
  return &program->graph->values[value].tensor.shape;
}

/* Bytes of the inputs that are in the layout already; -1 when the layout
 * cannot be used at all. */
static PetStatus
score_layout (PetDnnProgram *program, const PetNode *node, int width,
    double *score, PetError *error)
{
  *score = 0;
  for (int i = 0; i < node->n_inputs; i++) {
    const PetShape *shape = shape_of (program, node->inputs[i]);
    dnnl_memory_desc_t md;
    PetDnnForm form;

    if (!pet_dnn_blocked (shape, width, &md) ||
        (i + 1 < node->n_inputs && shape->dim[1] % width != 0)) {
      *score = -1;
      return PET_OK;
    }
    PET_TRY (pet_dnn_main_form (program, node->inputs[i], &form, error));
    if (pet_dnn.memory_desc_equal (&form.md, &md))
      *score += (double) pet_dnn.memory_desc_get_size (&md);
  }
  return PET_OK;
}

/* Primitives are fast (and the resampling only correct) on addresses that
 * are multiples of PET_ALIGNMENT, so a block becomes a part at such offsets
 * only. */
static bool
can_place (const PetDnnProgram *program, const PetDnnForm *form,
    const dnnl_memory_desc_t *md, size_t offset)
{
  const PetPlanNested *block;

  if (form->block < 0 || offset % PET_ALIGNMENT != 0 ||
      !pet_dnn.memory_desc_equal (&form->md, md))
    return false;
  block = &program->blocks[form->block];
  return block->parent < 0 &&
      block->plan.bytes == pet_dnn.memory_desc_get_size (md);
}

static PetStatus
place (PetDnnProgram *program, const PetNode *node, int value,
    const dnnl_memory_desc_t *md, int parent, size_t offset, PetError *error)
{
  PetDnnForm from, to = { .md = *md };
  PetPlanNested *block;

  PET_TRY (pet_dnn_main_form (program, value, &from, error));
  if (can_place (program, &from, md, offset)) {
    to.block = from.block;
  } else {
    PET_TRY (pet_dnn_new_block (
        program, pet_dnn.memory_desc_get_size (md), &to.block, error));
    PET_TRY (pet_dnn_add_reorder (program, node->name, &from, &to, error));
  }
  block = &program->blocks[to.block];
  block->parent = parent;
  block->parent_offset = offset;
  return PET_OK;
}

static PetStatus
choose_layout (
    PetDnnProgram *program, const PetNode *node, int *width, PetError *error)
{
  static const int widths[] = { 16, 8, 4 };
  double best, score;

  *width = 1;
  PET_TRY (score_layout (program, node, 1, &best, error));
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    PET_TRY (score_layout (program, node, widths[i], &score, error));
    if (score > best) {
      best = score;
      *width = widths[i];
    }
  }
  return PET_OK;
}

PetStatus
pet_dnn_compile_concat (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  dnnl_memory_desc_t md;
  PetDnnForm result;
  size_t offset = 0;
  int width;

  *done = true;
  PET_TRY (choose_layout (program, node, &width, error));
  pet_dnn_blocked (shape_of (program, node->outputs[0]), width, &md);
  PET_TRY (pet_dnn_new_form (program, node->outputs[0], &md, &result, error));
  for (int i = 0; i < node->n_inputs; i++) {
    pet_dnn_blocked (shape_of (program, node->inputs[i]), width, &md);
    PET_TRY (place (
        program, node, node->inputs[i], &md, result.block, offset, error));
    offset += pet_dnn.memory_desc_get_size (&md);
  }
  return PET_OK;
}
