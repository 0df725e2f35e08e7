/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolution of all channels with all: 1x1 straight on the picture, others
 * on strips of it, as matrix products (native-kernels-conv.inc); and 1x1 on rows
 * that another step asks for. */

#include <stdlib.h>
#include <string.h>

#include "nn/native/native-conv.h"
#include "nn/native/native-sources.h"
#include "nn/native/native-strip.h"

/* A strip of the input is to stay in the second level cache, beside the
 * weights that pass by. */
#define STRIP_BYTES (192 * 1024)

/* What is expanded at a time is to stay there, too. */
#define EXPANDED_BYTES (384 * 1024)
#define EXPANDED_GROUP 2

/* Less than that stays in the cache by itself. */
#define WORTH_EXPANDING (1024 * 1024)

/* Rows at the borders are made twice: so many more may be. */
#define MOST_TWICE 0.2

typedef struct {
  PetNativePicture in, out;
  PetNativeWindow window;
  PetNativeStrip strip;
  bool pointwise;            /* 1x1, every pixel */
  const PetNativeBf16 *bf16; /* pointwise: its numbers; NULL: floats */
  bool one;                  /* a single channel comes out, dense */
  bool expands;              /* in scratch memory, for its reader */
  int size;                  /* of a task: rows, or pixels of a pointwise one */
  int n_groups;
  PetNativeConv *groups;
  PetNativeSegment *segments;
} Conv;

static int
at_most (int value, int limit)
{
  return value < limit ? value : limit;
}

/* Pixels of all blocks of the input, rounded once for all groups. */
static void
narrow_pixels (const Conv *c, const float *in, int pixels, uint16_t *to)
{
  for (int b = 0; b < c->in.blocks; b++)
    c->bf16->narrow (in + b * c->in.plane,
        at_most (c->in.channels - b * PET_BLOCK, PET_BLOCK),
        to + (ptrdiff_t) b * c->size * PET_BLOCK, pixels);
}

/* Task: pixels. */
static void
run_narrow (const PetNativeStep *step, int task, void *scratch)
{
  const Conv *c = step->state;
  int first = task * c->size, pixels = c->out.height * c->out.width;
  ptrdiff_t at = (ptrdiff_t) first * PET_BLOCK, block = 0;
  uint16_t *in = scratch;

  pixels = at_most (pixels - first, c->size);
  narrow_pixels (c, step->in.data + at, pixels, in);
  for (int g = 0; g < c->n_groups; g++) {
    ptrdiff_t to = block * c->out.plane + at;

    c->bf16->conv (&c->groups[g], in,
        step->has_other ? step->other.data + to : NULL, step->out.data + to,
        pixels);
    block += c->groups[g].group;
  }
}

/* Task: pixels. */
static void
run_pointwise (const PetNativeStep *step, int task, void *scratch)
{
  const Conv *c = step->state;
  int first = task * c->size, pixels = c->out.height * c->out.width;
  ptrdiff_t at = (ptrdiff_t) first * PET_BLOCK, block = 0;

  pixels = at_most (pixels - first, c->size);
  if (c->one) {
    step->kernels->conv_one (&c->groups[0], step->in.data + at,
        step->has_other ? step->other.data + first : NULL,
        step->out.data + first, pixels);
    return;
  }
  for (int g = 0; g < c->n_groups; g++) {
    ptrdiff_t to = block * c->out.plane + at;

    step->kernels->conv (&c->groups[g], step->in.data + at,
        step->has_other ? step->other.data + to : NULL, step->out.data + to,
        pixels);
    block += c->groups[g].group;
  }
}

/* One row of output pixels. Kernels go by one or two pixels; other strides
 * are made of single ones. */
static void
run_row (const PetNativeStep *step, const Conv *c, const PetNativeConv *group,
    const float *from, ptrdiff_t to)
{
  ptrdiff_t unit = c->one ? 1 : PET_BLOCK;
  const float *other = step->has_other ? step->other.data + to : NULL;
  int stride = c->window.stride[1];
  ptrdiff_t next = stride * (c->strip.blocked ? PET_BLOCK : 1);

  if (c->one)
    step->kernels->conv_one (
        group, from, other, step->out.data + to, c->out.width);
  else if (stride <= 2)
    step->kernels->conv (group, from, other, step->out.data + to, c->out.width);
  else
    for (int x = 0; x < c->out.width; x++)
      step->kernels->conv (group, from + x * next,
          other != NULL ? other + x * unit : NULL,
          step->out.data + to + x * unit, 1);
}

/* Task: rows. */
static void
run_strip (const PetNativeStep *step, int task, void *scratch)
{
  const Conv *c = step->state;
  const PetNativeWindow *w = &c->window;
  int first = task * c->size;
  int rows = at_most (c->out.height - first, c->size);
  ptrdiff_t unit = c->one ? 1 : PET_BLOCK, block = 0;

  pet_native_strip_fill (&c->strip, &c->in, step->in.data,
      first * w->stride[0] - w->before[0],
      (rows - 1) * w->stride[0] + (w->kernel[0] - 1) * w->dilation[0] + 1,
      scratch);
  for (int g = 0; g < c->n_groups; g++) {
    for (int y = 0; y < rows; y++)
      run_row (step, c, &c->groups[g],
          (const float *) scratch + y * w->stride[0] * c->strip.row,
          block * c->out.plane + (ptrdiff_t) (first + y) * c->out.width * unit);
    block += c->groups[g].group;
  }
}

/* Taps, each with all its channels. */
static int
fill_segments (const Conv *c, ptrdiff_t part, PetNativeSegment *segments)
{
  const PetNativeWindow *w = &c->window;
  ptrdiff_t unit = c->strip.blocked ? PET_BLOCK : 1;
  int lanes = c->strip.blocked ? PET_BLOCK : 1, n = 0;

  for (int y = 0; y < w->kernel[0]; y++)
    for (int x = 0; x < w->kernel[1]; x++)
      for (int i = 0; i < c->in.channels; i += lanes) {
        segments[n].offset = i / lanes * part +
            y * w->dilation[0] * c->strip.row + x * w->dilation[1] * unit;
        segments[n++].lanes = at_most (c->in.channels - i, lanes);
      }
  return n;
}

/* From [out][in][tap] to [group][tap][in][16 * blocks of the group]. */
static void
pack_group (const Conv *c, const float *from, int first, int group, float *to)
{
  int taps = c->window.kernel[0] * c->window.kernel[1];

  for (int t = 0; t < taps; t++)
    for (int i = 0; i < c->in.channels; i++)
      for (int o = 0; o < group * PET_BLOCK; o++, to++)
        if (first + o < c->out.channels)
          *to = from[((size_t) (first + o) * (size_t) c->in.channels +
                         (size_t) i) *
                  (size_t) taps +
              (size_t) t];
}

/* Inputs that are narrowed at a time, of all outputs of a group: whole pairs. */
#define NARROWED 32

/* From [out][in] to [group][pair of in][16 * blocks of the group][2]. */
static void
pack_narrow (
    const Conv *c, const float *from, int first, int group, uint16_t *to)
{
  uint16_t narrow[PET_NATIVE_MAX_GROUP * PET_BLOCK][NARROWED + 1] = { 0 };
  int columns = group * PET_BLOCK;
  int n = at_most (c->out.channels - first, columns);

  for (int begin = 0; begin < c->in.channels; begin += NARROWED) {
    int part = at_most (c->in.channels - begin, NARROWED);

    for (int o = 0; o < n; o++) {
      const float *filter =
          from + (ptrdiff_t) (first + o) * c->in.channels + begin;

      for (int i = 0; i < part; i++)
        narrow[o][i] = pet_native_to_bf16 (filter[i]);
      narrow[o][part] = 0;
    }
    for (int i = 0; i < part; i += 2, to += 2 * columns)
      for (int o = 0; o < n; o++)
        memcpy (to + 2 * o, narrow[o] + i, 2 * sizeof *to);
  }
}

/* From [in][tap] to [tap][in, filled to whole blocks]. */
static void
pack_one (const Conv *c, const float *from, float *to)
{
  int taps = c->window.kernel[0] * c->window.kernel[1];

  for (int t = 0; t < taps; t++, to += c->in.blocks * PET_BLOCK)
    for (int i = 0; i < c->in.channels; i++)
      to[i] = from[i * taps + t];
}

/* The weights of all groups, one after the other; `rows` of a group's columns. */
static void
pack_groups (const Conv *c, const float *weights, size_t rows, void *packed)
{
  uint16_t *narrow = packed;
  float *plain = packed;
  int first = 0;

  for (int g = 0; g < c->n_groups; g++) {
    PetNativeConv *group = &c->groups[g];
    size_t numbers = rows * (size_t) (group->group * PET_BLOCK);

    if (c->bf16 != NULL) {
      group->narrow_weights = narrow;
      pack_narrow (c, weights, first, group->group, narrow);
      narrow += numbers;
    } else {
      group->weights = plain;
      if (c->one)
        pack_one (c, weights, plain);
      else
        pack_group (c, weights, first, group->group, plain);
      plain += numbers;
    }
    first += group->group * PET_BLOCK;
  }
}

static PetStatus
pack (PetNativeProgram *program, const PetNode *node, Conv *c, PetError *error)
{
  const PetGraph *graph = program->graph;
  const float *weights = graph->values[node->inputs[1]].tensor.data;
  size_t rows = (size_t) (c->window.kernel[0] * c->window.kernel[1]) *
      (size_t) (c->one ? 1 : c->in.channels);
  size_t columns =
      (size_t) PET_BLOCK * (size_t) (c->one ? c->in.blocks : c->out.blocks);
  float *bias;
  void *packed;

  PET_TRY (pet_native_pack_bias (program, node, c->out.channels, &bias, error));
  for (int g = 0; g < c->n_groups; g++) {
    c->groups[g].bias = bias;
    bias += c->groups[g].group * PET_BLOCK;
  }
  if (c->bf16 != NULL) /* in pairs */
    rows += rows % 2;
  PET_TRY (pet_native_new_constant (program,
      rows * columns * (c->bf16 != NULL ? sizeof (uint16_t) : sizeof (float)),
      &packed, error));
  pack_groups (c, weights, rows, packed);
  return PET_OK;
}

PetStatus
pet_native_pack_bias (PetNativeProgram *program, const PetNode *node,
    int channels, float **bias, PetError *error)
{
  const PetTensor *given = pet_node_input (program->graph, node, 2);
  size_t blocks = ((size_t) channels + PET_BLOCK - 1) / PET_BLOCK;

  PET_TRY (pet_native_new_constant (
      program, blocks * PET_BLOCK * sizeof **bias, bias, error));
  if (given->data != NULL)
    memcpy (*bias, given->data, (size_t) channels * sizeof **bias);
  return PET_OK;
}

int
pet_native_group_size (int blocks, int max_group, int index, int *n_groups)
{
  int n = (blocks + max_group - 1) / max_group;

  *n_groups = n;
  return blocks / n + (index < blocks % n);
}

PetStatus
pet_native_make_result (PetNativeProgram *program, const PetNode *node,
    PetNativeStep *step, PetError *error)
{
  int out = node->outputs[0], residual = node->residual;

  if (step->has_other && step->other.block != step->in.block &&
      pet_native_can_replace (program, out, residual))
    return pet_native_make_over (program, out, residual, &step->out, error);
  return pet_native_make_blocked (program, out, &step->out, error);
}

/* Output blocks that are made at once, at most. */
static int
most_group (const PetNativeProgram *program, const Conv *c)
{
  int most = c->strip.blocked && c->window.stride[1] == 1 ? 4 : 2;

  return at_most (
      program->kernels->max_group, c->expands ? EXPANDED_GROUP : most);
}

static void
choose_groups (const PetNativeProgram *program, const PetNode *node, Conv *c,
    int n_segments)
{
  int step = c->window.stride[1] * (c->strip.blocked ? PET_BLOCK : 1);
  int max_group = most_group (program, c);

  if (c->window.stride[1] > 2 && !c->one)
    step = PET_BLOCK;
  for (int g = 0; g < c->n_groups; g++) {
    PetNativeConv *group = &c->groups[g];

    group->segments = c->segments;
    group->n_segments = n_segments;
    group->group =
        pet_native_group_size (c->out.blocks, max_group, g, &c->n_groups);
    group->pixel_step = step;
    group->out_stride =
        c->expands ? (ptrdiff_t) c->size * PET_BLOCK : c->out.plane;
    pet_native_finish (node, &group->finish);
  }
}

/* Rows or pixels of a task: what fits, and not all in one. */
static void
choose_size (Conv *c)
{
  const PetNativeWindow *w = &c->window;
  int width = c->in.width + w->before[1] + w->after[1];
  int span = (w->kernel[0] - 1) * w->dilation[0] + 1;
  int bytes = (c->strip.blocked ? c->in.blocks * PET_BLOCK : c->in.channels) *
      (int) sizeof (float);
  int fits;

  if (c->pointwise) {
    fits = STRIP_BYTES / 2 / bytes;
    c->size = at_most (fits > 96 ? fits / 24 * 24 : 96,
        (c->out.height * c->out.width + 3) / 4);
    c->size = (c->size + 23) / 24 * 24;
    c->strip.row = (ptrdiff_t) c->in.width * PET_BLOCK;
    return;
  }
  fits = (STRIP_BYTES / bytes / width - span) / w->stride[0] + 1;
  c->size = at_most (fits, (c->out.height + 3) / 4);
  c->size = c->size > 0 ? c->size : 1;
  pet_native_strip_init (&c->in, c->strip.blocked,
      (c->size - 1) * w->stride[0] + span, width, w->before[1], &c->strip);
}

/* Few channels with nothing before them stay dense. */
static bool
stays_dense (
    const PetNativeProgram *program, const PetNode *node, const Conv *c)
{
  return !program->values[node->inputs[0]].has_blocked &&
      c->in.channels < PET_BLOCK / 2 && !c->one && c->window.stride[1] <= 2;
}

static bool
is_pointwise (const Conv *c)
{
  const PetNativeWindow *w = &c->window;

  return c->strip.blocked && w->kernel[0] * w->kernel[1] == 1 &&
      w->stride[0] * w->stride[1] == 1 && c->in.width == c->out.width &&
      c->in.height == c->out.height;
}

static PetStatus
set_conv (PetNativeProgram *program, const PetNode *node, Conv *c,
    int n_segments, PetNativeStep *step, PetError *error)
{
  bool with_rest = pet_native_has_rest (node) && node->residual_last;
  int tasks = c->pointwise ? c->out.height * c->out.width : c->out.height;

  choose_groups (program, node, c, n_segments);
  fill_segments (c,
      c->bf16 != NULL    ? (ptrdiff_t) c->size * PET_BLOCK
          : c->pointwise ? c->in.plane
                         : c->strip.part,
      c->segments);
  step->run = c->bf16 != NULL ? run_narrow
      : c->pointwise          ? run_pointwise
                              : run_strip;
  program->n_bf16 += c->bf16 != NULL;
  step->n_tasks = (tasks + c->size - 1) / c->size;
  PET_TRY (pack (program, node, c, error));
  PET_TRY (c->strip.blocked
          ? pet_native_get_blocked (program, node->inputs[0], &step->in, error)
          : pet_native_get_dense (program, node->inputs[0], &step->in, error));
  if (!with_rest)
    PET_TRY (pet_native_residual (program, node, !c->one, step, error));
  if (c->bf16 != NULL)
    pet_native_want_scratch (program,
        (size_t) c->size * (size_t) c->in.blocks * PET_BLOCK *
            sizeof (uint16_t));
  else if (!c->pointwise)
    pet_native_want_scratch (program, c->strip.bytes);
  return c->one
      ? pet_native_make_dense (program, node->outputs[0], &step->out, error)
      : pet_native_make_result (program, node, step, error);
}

/* The shape of the work; and how much there is of segments and groups. */
static void
plan_conv (const PetNativeProgram *program, const PetNode *node, Conv *c,
    int *n_segments)
{
  const PetGraph *graph = program->graph;

  pet_native_picture (&graph->values[node->inputs[0]].tensor, &c->in);
  pet_native_picture (&graph->values[node->outputs[0]].tensor, &c->out);
  pet_native_window (graph, node,
      &graph->values[node->inputs[1]].tensor.shape.dim[2], &c->window);
  c->one = c->out.channels == 1;
  c->strip.blocked = !stays_dense (program, node, c);
  c->pointwise = is_pointwise (c);
  /* To round a single block takes as long as its products in floats. */
  if (c->pointwise && !c->one && c->in.blocks > 1)
    c->bf16 = program->bf16;
  choose_size (c);
  *n_segments = c->window.kernel[0] * c->window.kernel[1] *
      (c->strip.blocked ? c->in.blocks : c->in.channels);
  pet_native_group_size (
      c->out.blocks, most_group (program, c), 0, &c->n_groups);
}

/* Behind the plan: its groups and segments. */
static size_t
tables_bytes (const Conv *c, int n_segments)
{
  return (size_t) n_segments * sizeof *c->segments +
      (size_t) c->n_groups * sizeof *c->groups;
}

static void
place_tables (Conv *c)
{
  c->groups = (void *) (c + 1);
  c->segments = (void *) (c->groups + c->n_groups);
}

PetStatus
pet_native_compile_conv (
    PetNativeProgram *program, const PetNode *node, PetError *error)
{
  Conv plan = { .one = false };
  PetNativePicture picture;
  PetNativeStep step;
  PetStatus status;
  int n_segments;
  Conv *c;

  if (pet_native_is_tiled (program->graph, node))
    return pet_native_compile_tiled (program, node, error);
  if (pet_native_defer_expansion (program, node))
    return PET_OK;
  plan_conv (program, node, &plan, &n_segments);
  PET_TRY (pet_native_begin_step (program, node, NULL,
      sizeof plan + tables_bytes (&plan, n_segments), &step, error));
  c = step.state;
  *c = plan;
  place_tables (c);
  status = set_conv (program, node, c, n_segments, &step, error);
  if (status != PET_OK) {
    pet_native_clear_step (&step);
    return status;
  }
  picture = c->out;
  PET_TRY (pet_native_add_step (program, &step, error));
  return pet_native_add_rest (program, node, &step.out,
      (size_t) picture.plane / (size_t) (plan.one ? PET_BLOCK : 1) *
          (size_t) (plan.one ? 1 : picture.blocks),
      !plan.one, error);
}

struct PetNativeExpansion {
  Conv conv; /* and its tables */
};

int
pet_native_expanded_rows (const PetNativePicture *in,
    const PetNativePicture *out, const PetNativeWindow *window)
{
  int span = (window->kernel[0] - 1) * window->dilation[0] + 1;
  int stride = window->stride[0], rows;
  ptrdiff_t row_bytes = (ptrdiff_t) in->width * EXPANDED_GROUP * PET_BLOCK *
      (ptrdiff_t) sizeof (float);

  if (in->plane * in->blocks * (ptrdiff_t) sizeof (float) < WORTH_EXPANDING ||
      EXPANDED_BYTES / row_bytes < span)
    return 0;
  rows = at_most ((int) (EXPANDED_BYTES / row_bytes - span) / stride + 1,
      (out->height + 3) / 4);
  return span - stride <= MOST_TWICE * rows * stride ? rows : 0;
}

PetStatus
pet_native_expansion_new (PetNativeProgram *program, const PetNode *node,
    int pixels, PetNativeExpansion **expansion, size_t *scratch_bytes,
    PetError *error)
{
  Conv plan = { .expands = true }, *c;
  int n_segments;

  plan_conv (program, node, &plan, &n_segments);
  plan.size = pixels;
  PET_TRY (pet_native_new_constant (program,
      sizeof **expansion + tables_bytes (&plan, n_segments), expansion, error));
  c = &(*expansion)->conv;
  *c = plan;
  place_tables (c);
  choose_groups (program, node, c, n_segments);
  fill_segments (c,
      c->bf16 != NULL ? (ptrdiff_t) pixels * PET_BLOCK : c->in.plane,
      c->segments);
  program->n_bf16 += c->bf16 != NULL;
  *scratch_bytes = (size_t) pixels * PET_BLOCK *
          ((size_t) c->groups[0].group * sizeof (float) +
              (size_t) c->in.blocks * sizeof (uint16_t)) +
      PET_NATIVE_OVERREAD * sizeof (float);
  return pack (program, node, c, error);
}

/* Behind what is made: the numbers that it is made of. */
static uint16_t *
narrow_part (const Conv *c, void *scratch)
{
  float *made = scratch;

  return (
      uint16_t *) (made + (ptrdiff_t) c->groups[0].group * c->size * PET_BLOCK);
}

void
pet_native_expansion_begin (const PetNativeExpansion *expansion,
    const float *in, int pixels, void *scratch)
{
  const Conv *c = &expansion->conv;

  if (c->bf16 != NULL)
    narrow_pixels (c, in, pixels, narrow_part (c, scratch));
}

const float *
pet_native_expansion_make (const PetNativeExpansion *expansion,
    const PetNativeKernels *kernels, int group, const float *in, int pixels,
    void *scratch, int *blocks, ptrdiff_t *plane)
{
  const Conv *c = &expansion->conv;

  if (group >= c->n_groups)
    return NULL;
  if (c->bf16 != NULL)
    c->bf16->conv (
        &c->groups[group], narrow_part (c, scratch), NULL, scratch, pixels);
  else
    kernels->conv (&c->groups[group], in, NULL, scratch, pixels);
  *blocks = c->groups[group].group;
  *plane = c->groups[group].out_stride;
  return scratch;
}
