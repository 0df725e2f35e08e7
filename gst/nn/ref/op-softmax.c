/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Softmax, LogSoftmax and Hardmax. Before opset 13 they run over all
 * dimensions from the axis on together. */

#include "nn/ref/pet-op-util.h"

typedef struct {
  size_t outer, count, inner; /* `count` elements, `inner` apart */
} Lines;

static PetStatus
lines_of (
    const PetNode *node, const PetShape *shape, Lines *lines, PetError *error)
{
  bool flat = node->opset < 13;
  int axis = 0;

  if (shape->rank == 0) {
    *lines = (Lines){ 1, 1, 1 };
    return PET_OK;
  }
  PET_TRY (pet_op_axis (pet_node_int (node, "axis", flat ? 1 : -1), shape->rank,
      "axis", &axis, error));
  lines->outer = pet_outer (shape, axis);
  lines->count = flat ? pet_inner (shape, axis) : (size_t) shape->dim[axis];
  lines->inner = flat ? 1 : pet_inner (shape, axis + 1);
  return PET_OK;
}

static PetStatus
softmax_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  Lines lines;

  PET_TRY (pet_op_infer_same (graph, node, outputs, error));
  return lines_of (node, &outputs[0].shape, &lines, error);
}

static float
largest (const float *from, const Lines *lines)
{
  float best = -INFINITY;

  for (size_t i = 0; i < lines->count; i++)
    best = fmaxf (best, from[i * lines->inner]);
  return best;
}

static void
softmax_line (float *to, const float *from, const Lines *lines)
{
  float top = largest (from, lines), sum = 0;

  for (size_t i = 0; i < lines->count * lines->inner; i += lines->inner)
    sum += to[i] = expf (from[i] - top);
  for (size_t i = 0; i < lines->count * lines->inner; i += lines->inner)
    to[i] /= sum;
}

static void
logsoftmax_line (float *to, const float *from, const Lines *lines)
{
  float top = largest (from, lines), sum = 0;

  for (size_t i = 0; i < lines->count * lines->inner; i += lines->inner)
    sum += expf (from[i] - top);
  sum = logf (sum);
  for (size_t i = 0; i < lines->count * lines->inner; i += lines->inner)
    to[i] = from[i] - top - sum;
}

static void
hardmax_line (float *to, const float *from, const Lines *lines)
{
  float top = largest (from, lines);
  bool found = false;

  for (size_t i = 0; i < lines->count * lines->inner; i += lines->inner) {
    bool is_top = !found && from[i] == top;

    to[i] = is_top ? 1.0f : 0.0f;
    found |= is_top;
  }
}

static void
run_lines (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs,
    void (*line) (float *to, const float *from, const Lines *lines))
{
  const float *from = inputs[0].data;
  float *to = outputs[0].data;
  Lines lines;

  if (lines_of (node, &inputs[0].shape, &lines, NULL) != PET_OK)
    return;
  for (size_t o = 0; o < lines.outer; o++)
    for (size_t i = 0; i < lines.inner; i++) {
      size_t at = o * lines.count * lines.inner + i;

      line (to + at, from + at, &lines);
    }
}

#define SOFTMAX(name, op)                                                      \
  static void name##_run (const PetNode *node, const PetTensor *inputs,        \
      const PetTensor *outputs, void *scratch)                                 \
  {                                                                            \
    run_lines (node, inputs, outputs, name##_line);                            \
  }                                                                            \
  const PetOp pet_op_##name = {                                                \
    .type = op,                                                                \
    .min_inputs = 1,                                                           \
    .max_inputs = 1,                                                           \
    .max_outputs = 1,                                                          \
    .infer = softmax_infer,                                                    \
    .run = name##_run,                                                         \
  };

SOFTMAX (softmax, "Softmax")
SOFTMAX (logsoftmax, "LogSoftmax")
SOFTMAX (hardmax, "Hardmax")
