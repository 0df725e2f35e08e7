/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Functions of one or two numbers, in whichever form they are; softmax. */

#include <math.h>
#include <string.h>

#include "nn/native/native-private.h"

/* Numbers of one task. */
#define CHUNK 16384

typedef struct {
  size_t floats;
  PetActivation act;
  PetNativeBinary operation;
  PetNativeFinish finish;
} Eltwise;

static void
run_unary (const PetNativeStep *step, int task, void *scratch)
{
  const Eltwise *e = step->state;
  size_t from = (size_t) task * CHUNK;
  size_t n = e->floats - from < CHUNK ? e->floats - from : CHUNK;
  const float *in = step->in.data + from;
  float *out = step->out.data + from;

  if (e->act == PET_ACT_SIGMOID)
    step->kernels->sigmoid (in, out, n);
  else if (e->act == PET_ACT_HARDSWISH)
    step->kernels->hardswish (in, out, n);
  else
    step->kernels->clamp (in, e->finish.low, e->finish.high, out, n);
}

static void
run_binary (const PetNativeStep *step, int task, void *scratch)
{
  const Eltwise *e = step->state;
  size_t from = (size_t) task * CHUNK;
  size_t n = e->floats - from < CHUNK ? e->floats - from : CHUNK;

  step->kernels->binary (e->operation, step->in.data + from,
      step->other.data + from, step->out.data + from, n);
}

/* Places for input and output, in one form. */
static PetStatus
set_places (PetNativeProgram *program, const PetNode *node, bool blocked,
    PetNativeStep *step, size_t *floats, PetError *error)
{
  int in = node->inputs[0], out = node->outputs[0];
  PetNativePicture picture;

  pet_native_picture (&program->graph->values[out].tensor, &picture);
  *floats = blocked
      ? (size_t) picture.plane * (size_t) picture.blocks
      : (size_t) picture.plane / PET_BLOCK * (size_t) picture.channels;
  step->n_tasks = (int) ((*floats + CHUNK - 1) / CHUNK);
  if (blocked) {
    PET_TRY (pet_native_get_blocked (program, in, &step->in, error));
    return pet_native_make_blocked (program, out, &step->out, error);
  }
  PET_TRY (pet_native_get_dense (program, in, &step->in, error));
  return pet_native_make_dense (program, out, &step->out, error);
}

static PetStatus
set_unary (PetNativeProgram *program, const PetNode *node, PetNativeStep *step,
    PetError *error)
{
  Eltwise *e = step->state;
  PetNode same = { .act = PET_ACT_RELU };

  if (strcmp (node->type, "Sigmoid") == 0)
    e->act = PET_ACT_SIGMOID;
  else if (strcmp (node->type, "HardSwish") == 0)
    e->act = PET_ACT_HARDSWISH;
  else if (strcmp (node->type, "Clip") == 0) {
    same.act = PET_ACT_CLIP;
    pet_clip_limits (program->graph, node, &same.act_min, &same.act_max);
  }
  pet_native_finish (&same, &e->finish);
  return set_places (program, node,
      program->values[node->inputs[0]].has_blocked, step, &e->floats, error);
}

PetStatus
pet_native_compile_eltwise (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  PetNativeStep step;
  PetStatus status;

  PET_TRY (pet_native_begin_step (
      program, node, run_unary, sizeof (Eltwise), &step, error));
  status = set_unary (program, node, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  return pet_native_add_step (program, &step, error);
}

static PetStatus
set_binary (PetNativeProgram *program, const PetNode *node, PetNativeStep *step,
    PetError *error)
{
  static const char *const names[] = { "Add", "Sub", "Mul", "Max", "Min" };
  Eltwise *e = step->state;
  bool blocked = program->values[node->inputs[0]].has_blocked ||
      program->values[node->inputs[1]].has_blocked;

  for (int i = 0; i < 5; i++)
    if (strcmp (node->type, names[i]) == 0)
      e->operation = (PetNativeBinary) i;
  PET_TRY (blocked ? pet_native_get_blocked (
                         program, node->inputs[1], &step->other, error)
                   : pet_native_get_dense (
                         program, node->inputs[1], &step->other, error));
  return set_places (program, node, blocked, step, &e->floats, error);
}

PetStatus
pet_native_compile_binary (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  PetNativeStep step;
  PetStatus status;

  PET_TRY (pet_native_begin_step (
      program, node, run_binary, sizeof (Eltwise), &step, error));
  status = set_binary (program, node, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  return pet_native_add_step (program, &step, error);
}

/* Task: a row of pixels. */
static void
run_softmax (const PetNativeStep *step, int task, void *scratch)
{
  const PetNativePicture *p = step->state;
  ptrdiff_t row = (ptrdiff_t) task * p->width * PET_BLOCK;

  step->kernels->softmax (step->in.data + row, step->out.data + row,
      p->channels, p->plane, p->width);
}

PetStatus
pet_native_compile_softmax (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  PetNativeStep step;
  PetNativePicture *picture;
  PetStatus status;

  PET_TRY (pet_native_begin_step (
      program, node, run_softmax, sizeof *picture, &step, error));
  picture = step.state;
  pet_native_picture (
      &program->graph->values[node->outputs[0]].tensor, picture);
  step.n_tasks = picture->height;
  status = pet_native_get_blocked (program, node->inputs[0], &step.in, error);
  if (status == PET_OK)
    status =
        pet_native_make_blocked (program, node->outputs[0], &step.out, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  return pet_native_add_step (program, &step, error);
}
