/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Concat along the channels. Where the parts before one are whole blocks, its
 * producer writes straight into the result; else it is copied there. */

#include <string.h>

#include "nn/native/native-sources.h"

typedef struct {
  PetNativePicture part, whole;
  int first; /* channel of the whole where the part begins */
} Part;

/* Task: a row of pixels. */
static void
run_copy_blocked (const PetNativeStep *step, int task, void *scratch)
{
  const Part *p = step->state;
  ptrdiff_t row = (ptrdiff_t) task * p->part.width * PET_BLOCK;

  for (int c = 0; c < p->part.channels; c++) {
    int to_c = p->first + c;
    const float *from =
        step->in.data + c / PET_BLOCK * p->part.plane + row + c % PET_BLOCK;
    float *to = step->out.data + to_c / PET_BLOCK * p->whole.plane + row +
        to_c % PET_BLOCK;

    for (ptrdiff_t x = 0; x < p->part.width; x++)
      to[x * PET_BLOCK] = from[x * PET_BLOCK];
  }
}

/* Task: a channel. */
static void
run_copy_dense (const PetNativeStep *step, int task, void *scratch)
{
  const Part *p = step->state;
  size_t pixels = (size_t) p->part.height * (size_t) p->part.width;

  memcpy (step->out.data + (size_t) (p->first + task) * pixels,
      step->in.data + (size_t) task * pixels, pixels * sizeof (float));
}

/* Makes the part's block a part of the result's; false where it is one
 * already, or does not fit. */
static bool
adopt (PetNativeProgram *program, const PetNativePlace *from,
    const PetNativePlace *to, const Part *part)
{
  PetPlanNested *block;

  if (from->block < 0 || part->first % PET_BLOCK != 0)
    return false;
  block = &program->blocks[from->block];
  while (block->parent >= 0 && block->parent_offset == 0 &&
      program->blocks[block->parent].plan.bytes == block->plan.bytes)
    block = &program->blocks[block->parent];
  if (block->parent >= 0 || block->plan.first < 0)
    return false;
  program->blocks[to->block].has_parts = true;
  block->parent = to->block;
  block->parent_offset = (size_t) (part->first / PET_BLOCK) *
      (size_t) part->whole.plane * sizeof (float);
  return true;
}

static PetStatus
add_part (PetNativeProgram *program, const PetNode *node, int index,
    bool blocked, const PetNativePlace *to, int *first, PetError *error)
{
  const PetGraph *graph = program->graph;
  int value = node->inputs[index];
  Part part = { .first = *first };
  PetNativePlace from;
  PetNativeStep step;

  pet_native_picture (&graph->values[value].tensor, &part.part);
  pet_native_picture (&graph->values[node->outputs[0]].tensor, &part.whole);
  *first += part.part.channels;
  PET_TRY (blocked ? pet_native_get_blocked (program, value, &from, error)
                   : pet_native_get_dense (program, value, &from, error));
  if (blocked && adopt (program, &from, to, &part))
    return PET_OK;
  PET_TRY (pet_native_begin_step (program, node,
      blocked ? run_copy_blocked : run_copy_dense, sizeof part, &step, error));
  memcpy (step.state, &part, sizeof part);
  step.in = from;
  step.out = *to;
  step.n_tasks = blocked ? part.part.height : part.part.channels;
  return pet_native_add_step (program, &step, error);
}

PetStatus
pet_native_compile_concat (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  int out = node->outputs[0], first = 0;
  bool blocked = false;
  PetNativePlace to;

  if (pet_native_defer_concat (program, node))
    return PET_OK;
  for (int i = 0; i < node->n_inputs; i++)
    blocked |= program->values[node->inputs[i]].has_blocked;
  PET_TRY (blocked ? pet_native_make_blocked (program, out, &to, error)
                   : pet_native_make_dense (program, out, &to, error));
  for (int i = 0; i < node->n_inputs; i++)
    PET_TRY (add_part (program, node, i, blocked, &to, &first, error));
  return PET_OK;
}
