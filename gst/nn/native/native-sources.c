/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/native/native-sources.h"

#include <string.h>

#include "nn/native/native-conv.h"

const PetNode *
pet_native_producer (const PetNativeProgram *program, int value)
{
  int producer = program->graph->values[value].producer;

  return producer >= 0 ? &program->graph->nodes[producer] : NULL;
}

/* The only node that reads the value; NULL if there is none or more. */
static const PetNode *
only_reader (const PetNativeProgram *program, int value)
{
  const PetNativeValue *v = &program->values[value];

  return v->n_uses == 1 && v->last_use < program->graph->n_nodes
      ? &program->graph->nodes[v->last_use]
      : NULL;
}

static bool
is_compiled_by (
    const PetGraph *graph, const PetNode *node, PetNativeCompile compile)
{
  return pet_native_compiler (graph, node) == compile;
}

/* The same where it is that node's first input. */
static const PetNode *
only_follower (const PetNativeProgram *program, int value)
{
  const PetNode *reader = only_reader (program, value);

  return reader != NULL && reader->inputs[0] == value ? reader : NULL;
}

/* Whether the Concat is read by a tiled convolution alone. */
static bool
concat_is_deferrable (const PetNativeProgram *program, const PetNode *node)
{
  const PetGraph *graph = program->graph;
  const PetNode *reader = only_follower (program, node->outputs[0]);

  if (reader == NULL ||
      !is_compiled_by (graph, node, pet_native_compile_concat) ||
      !is_compiled_by (graph, reader, pet_native_compile_conv) ||
      !pet_native_is_tiled (graph, reader))
    return false;
  for (int i = 0; i + 1 < node->n_inputs; i++)
    if (graph->values[node->inputs[i]].tensor.shape.dim[1] % PET_BLOCK != 0)
      return false;
  return true;
}

/* What goes into a node that is deferred is read by the reader of `last`. */
static void
extend_lives (
    PetNativeProgram *program, const PetNode *node, const PetNode *last)
{
  int last_use = program->values[last->outputs[0]].last_use;

  for (int i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] >= 0 &&
        program->values[node->inputs[i]].last_use < last_use)
      program->values[node->inputs[i]].last_use = last_use;
}

bool
pet_native_defer_concat (PetNativeProgram *program, const PetNode *node)
{
  bool defer = concat_is_deferrable (program, node);

  program->values[node->outputs[0]].deferred = defer;
  if (defer)
    extend_lives (program, node, node);
  return defer;
}

bool
pet_native_defer_resize (PetNativeProgram *program, const PetNode *node)
{
  const PetNode *reader = only_reader (program, node->outputs[0]);
  bool defer = reader != NULL && strcmp (reader->type, "Concat") == 0 &&
      !program->values[node->inputs[0]].deferred &&
      concat_is_deferrable (program, reader);

  program->values[node->outputs[0]].deferred = defer;
  if (defer)
    extend_lives (program, node, reader);
  return defer;
}

static bool
is_expansion (const PetNativeProgram *program, const PetNode *node)
{
  const PetGraph *graph = program->graph;
  const PetNode *reader = only_follower (program, node->outputs[0]);
  const int64_t *kernel = &graph->values[node->inputs[1]].tensor.shape.dim[2];
  PetNativePicture in, made, out;
  PetNativeWindow window;

  if (reader == NULL || node->residual >= 0 || pet_native_has_rest (node) ||
      !pet_native_prefers_blocked (program, node->inputs[0]) ||
      !is_compiled_by (graph, reader, pet_native_compile_depthwise) ||
      !pet_native_window (graph, node, kernel, &window))
    return false;
  pet_native_picture (&graph->values[node->inputs[0]].tensor, &in);
  pet_native_picture (&graph->values[node->outputs[0]].tensor, &made);
  pet_native_picture (&graph->values[reader->outputs[0]].tensor, &out);
  if (window.kernel[0] * window.kernel[1] != 1 ||
      window.stride[0] * window.stride[1] != 1 || in.plane != made.plane ||
      made.channels == 1)
    return false;
  kernel = &graph->values[reader->inputs[1]].tensor.shape.dim[2];
  return pet_native_window (graph, reader, kernel, &window) &&
      pet_native_expanded_rows (&made, &out, &window) > 0;
}

bool
pet_native_defer_expansion (PetNativeProgram *program, const PetNode *node)
{
  bool defer = is_expansion (program, node);

  program->values[node->outputs[0]].deferred = defer;
  if (defer)
    extend_lives (program, node, node);
  return defer;
}

int
pet_native_count_sources (const PetNativeProgram *program, int value)
{
  const PetNode *node = pet_native_producer (program, value);
  int n = 0;

  if (!program->values[value].deferred || node == NULL ||
      strcmp (node->type, "Concat") != 0)
    return 1;
  for (int i = 0; i < node->n_inputs; i++)
    n += pet_native_count_sources (program, node->inputs[i]);
  return n;
}

static PetStatus
get_source (PetNativeProgram *program, int value, PetNativeSource *source,
    PetError *error)
{
  const PetNode *node = pet_native_producer (program, value);

  memset (source, 0, sizeof *source);
  source->value = value;
  if (program->values[value].deferred && node != NULL) {
    source->value = node->inputs[0];
    source->resized = true;
    PET_TRY (pet_native_resize_taps (program, node, &source->taps, error));
  }
  pet_native_picture (
      &program->graph->values[source->value].tensor, &source->picture);
  return PET_OK;
}

PetStatus
pet_native_get_sources (PetNativeProgram *program, int value,
    PetNativeSource *sources, PetError *error)
{
  const PetNode *node = pet_native_producer (program, value);

  if (!program->values[value].deferred || node == NULL ||
      strcmp (node->type, "Concat") != 0)
    return get_source (program, value, sources, error);
  for (int i = 0; i < node->n_inputs; i++) {
    PET_TRY (pet_native_get_sources (program, node->inputs[i], sources, error));
    sources += pet_native_count_sources (program, node->inputs[i]);
  }
  return PET_OK;
}

/* Columns of one enlarged row, from left on, of which some lie outside. */
static void
fill_row (const PetNativeKernels *kernels, const PetNativeTaps *taps,
    const float *row, int width, int left, int columns, float *to)
{
  int before = left < 0 ? -left : 0;
  int end = left + columns < width ? left + columns : width;
  int inside = end - left - before;

  memset (to, 0, (size_t) (before * PET_BLOCK) * sizeof *to);
  kernels->stretch (row, taps->column + left + before,
      taps->next_column + left + before, taps->column_weight + left + before,
      to + before * PET_BLOCK, inside);
  memset (to + (before + inside) * PET_BLOCK, 0,
      (size_t) ((columns - before - inside) * PET_BLOCK) * sizeof *to);
}

void
pet_native_fill_resized (const PetNativeKernels *kernels,
    const PetNativeSource *source, const float *plane, int height, int width,
    int first, int rows, int left, int columns, float *row_buffer, float *to)
{
  const PetNativeTaps *taps = &source->taps;
  ptrdiff_t row = (ptrdiff_t) source->picture.width * PET_BLOCK;
  int x0 = left < 0 ? 0 : left;
  int x1 = left + columns > width ? width - 1 : left + columns - 1;
  ptrdiff_t begin = taps->column[x0] * PET_BLOCK;
  ptrdiff_t end = (taps->column[x1] + taps->next_column[x1] + 1) * PET_BLOCK;

  for (int y = first; y < first + rows; y++, to += columns * PET_BLOCK) {
    const float *a, *from;

    if (y < 0 || y >= height) {
      memset (to, 0, (size_t) (columns * PET_BLOCK) * sizeof *to);
      continue;
    }
    from = a = plane + taps->row[y] * row;
    if (taps->next_row[y] != 0) {
      kernels->blend (a + begin, a + taps->next_row[y] * row + begin,
          taps->row_weight[y], row_buffer + begin, (size_t) (end - begin));
      from = row_buffer;
    }
    fill_row (kernels, taps, from, width, left, columns, to);
  }
}
