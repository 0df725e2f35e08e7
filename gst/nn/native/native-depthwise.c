/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolution of each channel with itself, of a picture or of an expansion that is
 * made on the way; pooling, which moves its windows in the same way. */

#include <stdlib.h>
#include <string.h>

#include "nn/native/native-conv.h"
#include "nn/native/native-sources.h"

/* Rows of a task, at least. */
#define MIN_ROWS 4

typedef struct {
  PetNativePicture in, out;
  PetNativeWindow window;
  int rows; /* of a task */
  const float *weights, *bias;
  PetNativeExpansion *expansion;
  PetNativeDepthwise depthwise;
  PetNativePool pool;
  bool average;
  float *scale; /* of an average: a row for each number of rows that it is of */
} Windows;

static PetStatus
begin (PetNativeProgram *program, const PetNode *node, const int64_t *kernel,
    PetNativeRun run, size_t extra, PetNativeStep *step, PetError *error)
{
  const PetGraph *graph = program->graph;
  Windows *w;

  PET_TRY (pet_native_begin_step (
      program, node, run, sizeof *w + extra, step, error));
  w = step->state;
  pet_native_picture (&graph->values[node->inputs[0]].tensor, &w->in);
  pet_native_picture (&graph->values[node->outputs[0]].tensor, &w->out);
  if (kernel != NULL)
    pet_native_window (graph, node, kernel, &w->window);
  else
    w->window = (PetNativeWindow){ { w->in.height, w->in.width }, { 1, 1 },
      { 1, 1 }, { 0, 0 }, { 0, 0 } };
  w->rows = (w->out.height + 3) / 4;
  w->rows = w->rows < MIN_ROWS ? MIN_ROWS : w->rows;
  step->n_tasks = (w->out.height + w->rows - 1) / w->rows * w->in.blocks;
  return PET_OK;
}

/* Rows that a task looks at, at most. */
static int
strip_rows (const Windows *w)
{
  const PetNativeWindow *v = &w->window;

  return (w->rows - 1) * v->stride[0] + (v->kernel[0] - 1) * v->dilation[0] + 1;
}

/* The rows that output row `y` looks at, of a plane that begins with row `top`;
 * `skipped` = those above the picture. */
static int
rows_inside (const Windows *w, const float *plane, int top, int y,
    const float *rows[64], int *skipped)
{
  const PetNativeWindow *v = &w->window;
  int n = 0;

  *skipped = 0;
  for (int k = 0; k < v->kernel[0]; k++) {
    int from = y * v->stride[0] - v->before[0] + k * v->dilation[0];

    if (from < 0)
      ++*skipped;
    else if (from < w->in.height)
      rows[n++] = plane + (ptrdiff_t) (from - top) * w->in.width * PET_BLOCK;
  }
  return n;
}

/* A strip of rows of one block, from a plane that begins with row `top`. */
static void
make_strip (const PetNativeStep *step, const float *plane, int top, int block,
    int first)
{
  const Windows *w = step->state;
  PetNativeDepthwise d = w->depthwise;
  const float *rows[64];

  d.bias = w->bias + block * PET_BLOCK;
  for (int y = first; y < first + w->rows && y < w->out.height; y++) {
    ptrdiff_t to = block * w->out.plane + (ptrdiff_t) y * w->out.width * 16;
    int skipped;
    int n = rows_inside (w, plane, top, y, rows, &skipped);
    const float *weights = w->weights +
        (ptrdiff_t) (block * w->window.kernel[0] + skipped) *
            w->window.kernel[1] * PET_BLOCK;

    step->kernels->depthwise (&d, rows, n, weights,
        step->has_other ? step->other.data + to : NULL, step->out.data + to);
  }
}

/* Task: a strip of one block. */
static void
run_depthwise (const PetNativeStep *step, int task, void *scratch)
{
  const Windows *w = step->state;
  int block = task % w->in.blocks;

  make_strip (step, step->in.data + block * w->in.plane, 0, block,
      task / w->in.blocks * w->rows);
}

/* Task: a strip of all blocks. */
static void
run_expanded (const PetNativeStep *step, int task, void *scratch)
{
  const Windows *w = step->state;
  const PetNativeWindow *v = &w->window;
  int first = task * w->rows, block = 0, blocks;
  int top = first * v->stride[0] - v->before[0];
  int bottom = top + strip_rows (w);
  const float *in, *made;
  ptrdiff_t plane;
  int pixels;

  bottom = bottom < w->in.height ? bottom : w->in.height;
  bottom = bottom > 0 ? bottom : 0;
  top = top < bottom ? top : bottom;
  top = top > 0 ? top : 0;
  pixels = (bottom - top) * w->in.width;
  in = step->in.data + (ptrdiff_t) top * w->in.width * PET_BLOCK;
  pet_native_expansion_begin (w->expansion, in, pixels, scratch);
  for (int g = 0;
       (made = pet_native_expansion_make (w->expansion, step->kernels, g, in,
            pixels, scratch, &blocks, &plane)) != NULL;
       g++)
    for (int b = 0; b < blocks; b++)
      make_strip (step, made + b * plane, top, block++, first);
}

/* From [channel][tap] to [block][tap][16]. */
static PetStatus
pack_depthwise (
    PetNativeProgram *program, const PetNode *node, Windows *w, PetError *error)
{
  const float *from = program->graph->values[node->inputs[1]].tensor.data;
  int taps = w->window.kernel[0] * w->window.kernel[1];
  float *packed, *bias;

  PET_TRY (pet_native_new_constant (program,
      (size_t) w->in.blocks * (size_t) taps * PET_BLOCK * sizeof *packed,
      &packed, error));
  PET_TRY (pet_native_pack_bias (program, node, w->in.channels, &bias, error));
  for (int c = 0; c < w->in.channels; c++)
    for (int t = 0; t < taps; t++)
      packed[(c / PET_BLOCK * taps + t) * PET_BLOCK + c % PET_BLOCK] =
          from[c * taps + t];
  w->weights = packed;
  w->bias = bias;
  return PET_OK;
}

static PetStatus
set_expanded (PetNativeProgram *program, const PetNode *node,
    PetNativeStep *step, PetError *error)
{
  const PetNode *producer = pet_native_producer (program, node->inputs[0]);
  Windows *w = step->state;
  size_t scratch_bytes;

  w->rows = pet_native_expanded_rows (&w->in, &w->out, &w->window);
  step->run = run_expanded;
  step->n_tasks = (w->out.height + w->rows - 1) / w->rows;
  PET_TRY (pet_native_expansion_new (program, producer,
      strip_rows (w) * w->in.width, &w->expansion, &scratch_bytes, error));
  pet_native_want_scratch (program, scratch_bytes);
  return pet_native_get_blocked (
      program, producer->inputs[0], &step->in, error);
}

static PetStatus
set_depthwise (PetNativeProgram *program, const PetNode *node,
    PetNativeStep *step, PetError *error)
{
  Windows *w = step->state;

  PET_TRY (pack_depthwise (program, node, w, error));
  w->depthwise = (PetNativeDepthwise){ .in_width = w->in.width,
    .out_width = w->out.width,
    .kernel_w = w->window.kernel[1],
    .stride = w->window.stride[1],
    .dilation = w->window.dilation[1],
    .pad = w->window.before[1] };
  pet_native_finish (node, &w->depthwise.finish);
  if (program->values[node->inputs[0]].deferred)
    PET_TRY (set_expanded (program, node, step, error));
  else
    PET_TRY (
        pet_native_get_blocked (program, node->inputs[0], &step->in, error));
  if (!pet_native_has_rest (node) || !node->residual_last)
    PET_TRY (pet_native_residual (program, node, true, step, error));
  return pet_native_make_result (program, node, step, error);
}

PetStatus
pet_native_compile_depthwise (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  const PetTensor *weights = &program->graph->values[node->inputs[1]].tensor;
  PetNativePicture out;
  PetNativeStep step;
  PetStatus status;

  PET_TRY (begin (
      program, node, &weights->shape.dim[2], run_depthwise, 0, &step, error));
  out = ((const Windows *) step.state)->out;
  status = set_depthwise (program, node, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  PET_TRY (pet_native_add_step (program, &step, error));
  return pet_native_add_rest (program, node, &step.out,
      (size_t) out.plane * (size_t) out.blocks, true, error);
}

static void
run_pool (const PetNativeStep *step, int task, void *scratch)
{
  const Windows *w = step->state;
  int block = task % w->in.blocks, first = task / w->in.blocks * w->rows;
  PetNativePool pool = w->pool;
  const float *rows[64];

  for (int y = first; y < first + w->rows && y < w->out.height; y++) {
    int skipped;
    int n = rows_inside (
        w, step->in.data + block * w->in.plane, 0, y, rows, &skipped);

    if (w->average)
      pool.scale = w->scale + (ptrdiff_t) n * w->out.width;
    step->kernels->pool (&pool, rows, n,
        step->out.data + block * w->out.plane +
            (ptrdiff_t) y * w->out.width * PET_BLOCK);
  }
}

/* Rows of a global pool are as many as the picture has: row by row. */
static void
run_global (const PetNativeStep *step, int task, void *scratch)
{
  const Windows *w = step->state;
  float *out = step->out.data + (ptrdiff_t) task * PET_BLOCK;
  const float *in = step->in.data + task * w->in.plane;
  int pixels = w->in.height * w->in.width;
  const float one = 1.0f, share = 1.0f / (float) pixels;
  PetNativePool pool = { .in_width = w->in.width,
    .out_width = 1,
    .kernel_w = w->in.width,
    .stride = 1,
    .dilation = 1,
    .scale = w->average ? &one : NULL };

  for (int y = 0; y < w->in.height; y++) {
    const float *row = in + (ptrdiff_t) y * w->in.width * PET_BLOCK;
    float part[PET_BLOCK];

    step->kernels->pool (&pool, &row, 1, y > 0 ? part : out);
    if (y > 0)
      step->kernels->binary (w->average ? PET_NATIVE_ADD : PET_NATIVE_MAX, out,
          part, out, PET_BLOCK);
  }
  for (int i = 0; w->average && i < PET_BLOCK; i++)
    out[i] *= share;
}

/* Columns that output column `x` looks at. */
static int
columns_inside (const Windows *w, int x)
{
  const PetNativeWindow *v = &w->window;
  int n = 0;

  for (int k = 0; k < v->kernel[1]; k++) {
    int from = x * v->stride[1] - v->before[1] + k * v->dilation[1];

    n += from >= 0 && from < w->in.width;
  }
  return n;
}

static void
fill_scale (Windows *w)
{
  float *to = w->scale;

  for (int rows = 0; rows <= w->window.kernel[0]; rows++)
    for (int x = 0; x < w->out.width; x++) {
      int taps = rows * columns_inside (w, x);

      *to++ = taps > 0 ? 1.0f / (float) taps : 0.0f;
    }
}

static PetStatus
set_pool (PetNativeProgram *program, const PetNode *node, bool global,
    PetNativeStep *step, PetError *error)
{
  Windows *w = step->state;

  w->average = strstr (node->type, "Average") != NULL;
  if (global)
    step->n_tasks = w->in.blocks;
  else if (w->average) {
    PET_TRY (pet_native_new_constant (program,
        ((size_t) w->window.kernel[0] + 1) * (size_t) w->out.width *
            sizeof *w->scale,
        &w->scale, error));
    fill_scale (w);
  }
  w->pool = (PetNativePool){ .in_width = w->in.width,
    .out_width = w->out.width,
    .kernel_w = w->window.kernel[1],
    .stride = w->window.stride[1],
    .dilation = w->window.dilation[1],
    .pad = w->window.before[1] };
  PET_TRY (pet_native_get_blocked (program, node->inputs[0], &step->in, error));
  return pet_native_make_blocked (program, node->outputs[0], &step->out, error);
}

PetStatus
pet_native_compile_pool (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  bool global = strncmp (node->type, "Global", 6) == 0;
  size_t count;
  const int64_t *kernel = pet_node_ints (node, "kernel_shape", &count);
  PetNativeStep step;
  PetStatus status;

  PET_TRY (begin (program, node, global ? NULL : kernel,
      global ? run_global : run_pool, 0, &step, error));
  status = set_pool (program, node, global, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  return pet_native_add_step (program, &step, error);
}
