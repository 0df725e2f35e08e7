/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets up 3x3 convolutions by Winograd's F(4x4, 3x3): a quarter of the
 * products of the direct way, with 4 times the weights of the file. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/native/native-conv.h"
#include "nn/native/native-winograd.h"

/* No tile lies in the padding alone. */
#define MAX_PADDING 2
/* Keeps the positions of a tile apart in the cache's sets. */
#define SKEW PET_BLOCK
/* Tile rows of a chunk. */
#define CHUNK_ROWS 10
/* Floats of a picture below which there is nothing to gain by overwriting. */
#define WORTH_SAVING (256 * 1024)

/* G g G^T of the nine weights of a pair of channels. */
static void
transform_weights (const float *g, double to[PET_TILE_POSITIONS])
{
  static const double rows[6][3] = { { 1.0 / 4, 0, 0 },
    { -1.0 / 6, -1.0 / 6, -1.0 / 6 }, { -1.0 / 6, 1.0 / 6, -1.0 / 6 },
    { 1.0 / 24, 1.0 / 12, 1.0 / 6 }, { 1.0 / 24, -1.0 / 12, 1.0 / 6 },
    { 0, 0, 1 } };

  for (int y = 0; y < 6; y++)
    for (int x = 0; x < 6; x++) {
      double sum = 0;

      for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
          sum += rows[y][i] * rows[x][k] * (double) g[i * 3 + k];
      to[y * 6 + x] = sum;
    }
}

/* To [position][in][16 * blocks of the group]. */
static void
pack_group (
    const PetNativeTiled *w, const float *from, int first, int group, float *to)
{
  size_t position = (size_t) (w->in.channels * group) * PET_BLOCK;

  for (int i = 0; i < w->in.channels; i++)
    for (int o = 0; o < group * PET_BLOCK; o++, to++) {
      double weights[PET_TILE_POSITIONS];

      if (first + o >= w->out.channels)
        continue;
      transform_weights (
          from + ((first + o) * w->in.channels + i) * 9, weights);
      for (int p = 0; p < PET_TILE_POSITIONS; p++)
        to[(size_t) p * position] = (float) weights[p];
    }
}

static PetStatus
pack (PetNativeProgram *program, const PetNode *node, PetNativeTiled *w,
    PetError *error)
{
  const float *from = program->graph->values[node->inputs[1]].tensor.data;
  size_t rows = (size_t) w->in.channels * PET_TILE_POSITIONS;
  float *packed, *bias, *zeros;
  int first = 0;

  PET_TRY (pet_native_new_constant (program,
      rows * (size_t) (w->out.blocks * PET_BLOCK) * sizeof *packed, &packed,
      error));
  PET_TRY (pet_native_pack_bias (program, node, w->out.channels, &bias, error));
  PET_TRY (pet_native_new_constant (program,
      PET_NATIVE_MAX_GROUP * PET_BLOCK * sizeof *zeros, &zeros, error));
  w->bias = bias;
  for (int g = 0; g < w->n_groups; g++) {
    PetNativeConv *group = &w->groups[g];
    int unused;

    group->group = pet_native_group_size (
        w->out.blocks, program->kernels->max_group, g, &unused);
    group->weights = packed;
    group->bias = zeros;
    pack_group (w, from, first, group->group, packed);
    packed += rows * (size_t) (group->group * PET_BLOCK);
    first += group->group * PET_BLOCK;
  }
  return PET_OK;
}

static void
set_groups (const PetNativeProgram *program, PetNativeTiled *w)
{
  for (int b = 0; b < w->in.blocks; b++) {
    int left = w->in.channels - b * PET_BLOCK;

    w->segments[b].offset = (ptrdiff_t) b * PET_TILES * PET_BLOCK;
    w->segments[b].lanes = left < PET_BLOCK ? left : PET_BLOCK;
  }
  for (int g = 0; g < w->n_groups; g++) {
    PetNativeConv *group = &w->groups[g];

    group->segments = w->segments;
    group->n_segments = w->in.blocks;
    group->pixel_step = PET_BLOCK;
    group->out_stride = PET_TILES * PET_BLOCK;
    group->finish.low = -INFINITY;
    group->finish.high = INFINITY;
  }
}

/* The source that the result may overwrite, and its place: one that is there
 * as such, of the result's size, and read by nobody else. */
static int
find_overwritten (const PetNativeProgram *program, const PetNode *node,
    const PetNativeTiled *w, const PetNativeWindow *window)
{
  int out = node->outputs[0], found = -1;

  for (int i = 0; i < 2; i++)
    if (window->before[i] != 1 || window->after[i] != 1)
      return -1;
  if (node->residual >= 0 ||
      (w->n_sources == 1 && w->in.plane * w->in.blocks < WORTH_SAVING))
    return -1;
  for (int i = 0; i < w->n_sources; i++) {
    int value = w->sources[i].value;

    if (!w->sources[i].resized && found < 0 &&
        pet_native_can_replace (program, out, value))
      found = i;
    for (int k = 0; k < i; k++)
      if (w->sources[k].value == value)
        return -1;
  }
  return found;
}

static bool
is_source (const PetNativeTiled *w, int value)
{
  for (int i = 0; i < w->n_sources; i++)
    if (w->sources[i].value == value)
      return true;
  return false;
}

static PetStatus
add_save (PetNativeProgram *program, const PetNode *node, PetNativeTiled *w,
    PetNativePlace *saved, PetError *error)
{
  const PetNativePicture *picture = &w->sources[w->overwritten].picture;
  int n_chunks = (w->rows + w->chunk_rows - 1) / w->chunk_rows;
  PetNativeStep step;
  PetNativeSave *save;

  w->saved_row = (ptrdiff_t) picture->width * picture->blocks * PET_BLOCK;
  memset (saved, 0, sizeof *saved);
  PET_TRY (pet_native_new_block (program,
      2 * (size_t) n_chunks * (size_t) w->saved_row * sizeof (float),
      &saved->block, error));
  PET_TRY (pet_native_begin_step (
      program, node, pet_native_run_save, sizeof *save, &step, error));
  save = step.state;
  save->picture = *picture;
  save->chunk_pixel_rows = w->chunk_rows * 4;
  save->saved_row = w->saved_row;
  step.in = program->values[w->sources[w->overwritten].value].blocked;
  step.out = *saved;
  step.n_tasks = n_chunks - 1;
  return pet_native_add_step (program, &step, error);
}

static PetStatus
set_places (PetNativeProgram *program, const PetNode *node, PetNativeTiled *w,
    const PetNativeWindow *window, PetNativeStep *step, PetError *error)
{
  bool any_resized = false;

  step->places = calloc ((size_t) w->n_sources + 1, sizeof *step->places);
  if (step->places == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  step->n_places = w->n_sources;
  for (int i = 0; i < w->n_sources; i++) {
    PET_TRY (pet_native_get_blocked (
        program, w->sources[i].value, &step->places[i], error));
    any_resized |= w->sources[i].resized;
  }
  if (!pet_native_has_rest (node) || !node->residual_last)
    PET_TRY (pet_native_residual (program, node, true, step, error));
  w->overwritten = find_overwritten (program, node, w, window);
  w->chunk_rows = w->overwritten >= 0 ? CHUNK_ROWS : any_resized;
  if (w->overwritten < 0 && is_source (w, node->residual))
    return pet_native_make_blocked (
        program, node->outputs[0], &step->out, error);
  if (w->overwritten < 0)
    return pet_native_make_result (program, node, step, error);
  PET_TRY (add_save (program, node, w, &step->places[w->n_sources], error));
  step->n_places++;
  return pet_native_make_over (program, node->outputs[0],
      w->sources[w->overwritten].value, &step->out, error);
}

static PetStatus
set_tiled (PetNativeProgram *program, const PetNode *node, PetNativeTiled *w,
    const PetNativeWindow *window, PetNativeStep *step, PetError *error)
{
  set_groups (program, w);
  pet_native_finish (node, &w->finish);
  w->rows = (w->out.height + 3) / 4;
  w->columns = (w->out.width + 3) / 4;
  w->in_position = (ptrdiff_t) w->in.blocks * PET_TILES * PET_BLOCK + SKEW;
  PET_TRY (pack (program, node, w, error));
  w->out_position =
      (ptrdiff_t) w->groups[0].group * PET_TILES * PET_BLOCK + SKEW;
  PET_TRY (
      pet_native_get_sources (program, node->inputs[0], w->sources, error));
  PET_TRY (set_places (program, node, w, window, step, error));
  step->n_tasks = w->chunk_rows > 0
      ? (w->rows + w->chunk_rows - 1) / w->chunk_rows
      : (w->rows * w->columns + PET_TILES - 1) / PET_TILES;
  pet_native_want_scratch (
      program, pet_native_tiled_scratch (w) * sizeof (float));
  return PET_OK;
}

bool
pet_native_is_tiled (const PetGraph *graph, const PetNode *node)
{
  PetNativePicture in, out;
  PetNativeWindow window;

  if (!pet_native_picture (&graph->values[node->inputs[0]].tensor, &in) ||
      !pet_native_picture (&graph->values[node->outputs[0]].tensor, &out) ||
      !pet_native_window (graph, node,
          &graph->values[node->inputs[1]].tensor.shape.dim[2], &window))
    return false;
  for (int i = 0; i < 2; i++)
    if (window.kernel[i] != 3 || window.stride[i] != 1 ||
        window.dilation[i] != 1 || window.before[i] > MAX_PADDING ||
        window.after[i] > MAX_PADDING)
      return false;
  return in.channels >= PET_BLOCK && out.channels >= PET_BLOCK / 2 &&
      out.height * out.width >= 24 * 24;
}

PetStatus
pet_native_compile_tiled (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  const PetGraph *graph = program->graph;
  PetNativeTiled plan = { .n_groups = 0 }, *w;
  PetNativeWindow window;
  PetNativeStep step;
  PetStatus status;

  pet_native_picture (&graph->values[node->inputs[0]].tensor, &plan.in);
  pet_native_picture (&graph->values[node->outputs[0]].tensor, &plan.out);
  pet_native_window (graph, node,
      &graph->values[node->inputs[1]].tensor.shape.dim[2], &window);
  plan.before[0] = window.before[0];
  plan.before[1] = window.before[1];
  plan.n_sources = pet_native_count_sources (program, node->inputs[0]);
  pet_native_group_size (
      plan.out.blocks, program->kernels->max_group, 0, &plan.n_groups);
  PET_TRY (pet_native_begin_step (program, node, pet_native_run_tiles,
      sizeof plan + (size_t) plan.in.blocks * sizeof *w->segments +
          (size_t) plan.n_groups * sizeof *w->groups +
          (size_t) plan.n_sources * sizeof *w->sources,
      &step, error));
  w = step.state;
  *w = plan;
  w->groups = (void *) (w + 1);
  w->sources = (void *) (w->groups + plan.n_groups);
  w->segments = (void *) (w->sources + plan.n_sources);
  status = set_tiled (program, node, w, &window, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  PET_TRY (pet_native_add_step (program, &step, error));
  return pet_native_add_rest (program, node, &step.out,
      (size_t) plan.out.plane * (size_t) plan.out.blocks, true, error);
}
