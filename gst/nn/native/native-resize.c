/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resize by linear interpolation or to the nearest pixel: two rows are
 * blended to one in scratch memory, and that one is stretched. */

#include <stdlib.h>
#include <string.h>

#include "nn/native/native-sources.h"
#include "nn/ref/pet-op-resize.h"

#define ROWS 16

typedef struct {
  PetNativePicture in, out;
  bool blocked;
  int parts; /* blocks of channels, or channels */
  PetNativeTaps taps;
} Resize;

static void
stretch_dense (const Resize *r, const float *in, float *out)
{
  for (int x = 0; x < r->out.width; x++) {
    float a = in[r->taps.column[x]],
          b = in[r->taps.column[x] + r->taps.next_column[x]];

    out[x] = a + (b - a) * r->taps.column_weight[x];
  }
}

/* Task: a strip of rows of one block, or one channel. */
static void
run_resize (const PetNativeStep *step, int task, void *scratch)
{
  const Resize *r = step->state;
  ptrdiff_t unit = r->blocked ? PET_BLOCK : 1;
  int part = task % r->parts, first = task / r->parts * ROWS;
  const float *in = step->in.data + part * (r->in.plane / PET_BLOCK * unit);
  float *out = step->out.data + part * (r->out.plane / PET_BLOCK * unit);
  ptrdiff_t row = r->in.width * unit;

  for (int y = first; y < first + ROWS && y < r->out.height; y++) {
    const float *a = in + r->taps.row[y] * row;
    float *to = out + (ptrdiff_t) y * r->out.width * unit;

    if (r->taps.next_row[y] != 0) {
      step->kernels->blend (a, a + r->taps.next_row[y] * row,
          r->taps.row_weight[y], scratch, (size_t) row);
      a = scratch;
    }
    if (r->blocked)
      step->kernels->stretch (a, r->taps.column, r->taps.next_column,
          r->taps.column_weight, to, r->out.width);
    else
      stretch_dense (r, a, to);
  }
}

/* One axis: `size` output places. */
static PetStatus
fill_axis (const PetGraph *graph, const PetNode *node, int axis, size_t size,
    int32_t *place, int32_t *next, float *weight, PetError *error)
{
  double *weights = calloc (2 * size, sizeof *weights);
  int32_t *places = calloc (2 * size, sizeof *places);
  bool done = weights != NULL && places != NULL;
  int taps = 0;

  if (done)
    pet_resize_taps (graph, node, axis, &taps, places, weights);
  for (size_t i = 0; done && i < size; i++) {
    place[i] = taps == 0 ? (int32_t) i : places[i * (size_t) taps];
    next[i] = taps == 2 ? places[2 * i + 1] - places[2 * i] : 0;
    weight[i] = taps == 2 ? (float) weights[2 * i + 1] : 0.0f;
  }
  free (weights);
  free (places);
  return done ? PET_OK
              : pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
}

PetStatus
pet_native_resize_taps (PetNativeProgram *program, const PetNode *node,
    PetNativeTaps *taps, PetError *error)
{
  const PetGraph *graph = program->graph;
  const PetShape *out = &graph->values[node->outputs[0]].tensor.shape;
  size_t rows = (size_t) out->dim[2], columns = (size_t) out->dim[3];

  PET_TRY (pet_native_new_constant (program,
      (2 * rows + 2 * columns) * sizeof *taps->row, &taps->row, error));
  PET_TRY (pet_native_new_constant (program,
      (rows + columns) * sizeof *taps->row_weight, &taps->row_weight, error));
  taps->next_row = taps->row + rows;
  taps->column = taps->next_row + rows;
  taps->next_column = taps->column + columns;
  taps->column_weight = taps->row_weight + rows;
  PET_TRY (fill_axis (graph, node, 2, rows, taps->row, taps->next_row,
      taps->row_weight, error));
  return fill_axis (graph, node, 3, columns, taps->column, taps->next_column,
      taps->column_weight, error);
}

static PetStatus
set_resize (PetNativeProgram *program, const PetNode *node, PetNativeStep *step,
    PetError *error)
{
  Resize *r = step->state;
  int in = node->inputs[0], out = node->outputs[0];

  pet_native_picture (&program->graph->values[in].tensor, &r->in);
  pet_native_picture (&program->graph->values[out].tensor, &r->out);
  r->blocked = pet_native_prefers_blocked (program, in);
  r->parts = r->blocked ? r->in.blocks : r->in.channels;
  step->n_tasks = (r->out.height + ROWS - 1) / ROWS * r->parts;
  PET_TRY (pet_native_resize_taps (program, node, &r->taps, error));
  pet_native_want_scratch (
      program, (size_t) r->in.width * PET_BLOCK * sizeof (float));
  PET_TRY (r->blocked ? pet_native_get_blocked (program, in, &step->in, error)
                      : pet_native_get_dense (program, in, &step->in, error));
  return r->blocked ? pet_native_make_blocked (program, out, &step->out, error)
                    : pet_native_make_dense (program, out, &step->out, error);
}

PetStatus
pet_native_compile_resize (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  PetNativeStep step;
  PetStatus status;

  if (pet_native_defer_resize (program, node))
    return PET_OK;
  PET_TRY (pet_native_begin_step (
      program, node, run_resize, sizeof (Resize), &step, error));
  status = set_resize (program, node, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  return pet_native_add_step (program, &step, error);
}
