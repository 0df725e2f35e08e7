/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Forms of values, and the steps from one to the other. */

#include <string.h>

#include "base/pet-checked.h"
#include "nn/native/native-private.h"

static PetStatus
too_large (PetError *error)
{
  return pet_fail (error, PET_ERROR_LIMIT, "a tensor is too large");
}

/* Channels of one block, `rows` rows of pixels at a time. */
typedef struct {
  PetNativePicture picture;
} Reorder;

static void
run_to_blocked (const PetNativeStep *step, int task, void *scratch)
{
  const PetNativePicture *p = &((const Reorder *) step->state)->picture;
  size_t pixels = (size_t) p->height * (size_t) p->width;
  const float *from = step->in.data + (size_t) task * PET_BLOCK * pixels;
  float *to = step->out.data + task * p->plane;
  int channels = p->channels - task * PET_BLOCK;

  channels = channels < PET_BLOCK ? channels : PET_BLOCK;
  for (size_t i = 0; i < pixels; i++, to += PET_BLOCK) {
    for (int c = 0; c < channels; c++)
      to[c] = from[(size_t) c * pixels + i];
    for (int c = channels; c < PET_BLOCK; c++)
      to[c] = 0;
  }
}

static void
run_to_dense (const PetNativeStep *step, int task, void *scratch)
{
  const PetNativePicture *p = &((const Reorder *) step->state)->picture;
  size_t pixels = (size_t) p->height * (size_t) p->width;
  float *to = step->out.data + (size_t) task * PET_BLOCK * pixels;
  const float *from = step->in.data + task * p->plane;
  int channels = p->channels - task * PET_BLOCK;

  channels = channels < PET_BLOCK ? channels : PET_BLOCK;
  for (int c = 0; c < channels; c++)
    for (size_t i = 0; i < pixels; i++)
      to[(size_t) c * pixels + i] = from[i * PET_BLOCK + (size_t) c];
}

static PetStatus
add_reorder (PetNativeProgram *program, int value, bool to_blocked,
    const PetNativePlace *from, const PetNativePlace *to, PetError *error)
{
  static const PetNode unnamed = { .name = NULL };
  const PetTensor *tensor = &program->graph->values[value].tensor;
  PetNativeStep step;
  Reorder *reorder;

  PET_TRY (pet_native_begin_step (program, &unnamed,
      to_blocked ? run_to_blocked : run_to_dense, sizeof *reorder, &step,
      error));
  reorder = step.state;
  pet_native_picture (tensor, &reorder->picture);
  step.in = *from;
  step.out = *to;
  step.n_tasks = reorder->picture.blocks;
  return pet_native_add_step (program, &step, error);
}

PetStatus
pet_native_make_blocked (PetNativeProgram *program, int value,
    PetNativePlace *place, PetError *error)
{
  PetNativeValue *v = &program->values[value];
  PetNativePicture picture;
  size_t bytes;

  if (!pet_native_picture (&program->graph->values[value].tensor, &picture) ||
      !pet_mul3_size ((size_t) picture.blocks, (size_t) picture.plane,
          sizeof (float), &bytes))
    return too_large (error);
  memset (&v->blocked, 0, sizeof v->blocked);
  PET_TRY (pet_native_new_block (program, bytes, &v->blocked.block, error));
  v->has_blocked = true;
  *place = v->blocked;
  return PET_OK;
}

PetStatus
pet_native_make_dense (PetNativeProgram *program, int value,
    PetNativePlace *place, PetError *error)
{
  PetNativeValue *v = &program->values[value];
  size_t bytes;

  if (!pet_tensor_bytes (&program->graph->values[value].tensor, &bytes))
    return too_large (error);
  memset (&v->dense, 0, sizeof v->dense);
  PET_TRY (pet_native_new_block (program, bytes, &v->dense.block, error));
  v->has_dense = true;
  *place = v->dense;
  return PET_OK;
}

/* Constants are dense and stay where they are. */
static void
find_constant (PetNativeProgram *program, int value)
{
  PetNativeValue *v = &program->values[value];

  if (v->has_dense || program->graph->values[value].tensor.data == NULL)
    return;
  v->dense.block = -1;
  v->dense.constant = program->graph->values[value].tensor.data;
  v->has_dense = true;
  program->kept[value] = true;
}

PetStatus
pet_native_get_blocked (PetNativeProgram *program, int value,
    PetNativePlace *place, PetError *error)
{
  PetNativeValue *v = &program->values[value];

  find_constant (program, value);
  if (!v->has_blocked) {
    PET_TRY (pet_native_make_blocked (program, value, place, error));
    PET_TRY (add_reorder (program, value, true, &v->dense, &v->blocked, error));
  }
  *place = v->blocked;
  return PET_OK;
}

PetStatus
pet_native_get_dense (PetNativeProgram *program, int value,
    PetNativePlace *place, PetError *error)
{
  PetNativeValue *v = &program->values[value];

  find_constant (program, value);
  if (!v->has_dense) {
    PET_TRY (pet_native_make_dense (program, value, place, error));
    PET_TRY (
        add_reorder (program, value, false, &v->blocked, &v->dense, error));
  }
  *place = v->dense;
  return PET_OK;
}

bool
pet_native_prefers_blocked (const PetNativeProgram *program, int value)
{
  const PetNativeValue *v = &program->values[value];

  return v->has_blocked ||
      program->graph->values[value].tensor.shape.dim[1] >= PET_BLOCK / 2;
}

void
pet_native_find_uses (PetNativeProgram *program)
{
  const PetGraph *graph = program->graph;

  for (int i = 0; i < graph->n_nodes; i++) {
    const PetNode *node = &graph->nodes[i];

    for (int k = 0; k <= node->n_inputs; k++) {
      int value = k < node->n_inputs ? node->inputs[k] : node->residual;

      if (value < 0)
        continue;
      program->values[value].n_uses++;
      program->values[value].last_use = i;
    }
  }
  for (int i = 0; i < graph->n_outputs; i++) {
    program->values[graph->outputs[i]].n_uses++;
    program->values[graph->outputs[i]].last_use = graph->n_nodes;
  }
}

/* Blocks that share the whole of each other are one; one that is made of
 * parts, or is a part, has readers that are not known here. */
bool
pet_native_can_replace (const PetNativeProgram *program, int value, int old)
{
  const PetNativeValue *v = &program->values[old];
  const PetPlanNested *block;
  PetNativePicture a, b;

  if (!v->has_blocked || v->blocked.block < 0 || v->last_use > program->node ||
      !pet_native_picture (&program->graph->values[value].tensor, &a) ||
      !pet_native_picture (&program->graph->values[old].tensor, &b) ||
      a.plane != b.plane || a.blocks != b.blocks)
    return false;
  for (block = &program->blocks[v->blocked.block];;
       block = &program->blocks[block->parent]) {
    if (block->has_parts || block->plan.first < 0)
      return false;
    if (block->parent < 0)
      return true;
    if (program->blocks[block->parent].plan.bytes != block->plan.bytes)
      return false;
  }
}

PetStatus
pet_native_make_over (PetNativeProgram *program, int value, int old,
    PetNativePlace *place, PetError *error)
{
  PET_TRY (pet_native_make_blocked (program, value, place, error));
  program->blocks[place->block].parent = program->values[old].blocked.block;
  return PET_OK;
}
