/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MaxPool (also of 8-bit data, also with Indices), AveragePool,
 * GlobalMaxPool and GlobalAveragePool. */

#include "nn/ref/pet-op-util.h"
#include "nn/ref/pet-op-window.h"

static PetStatus
pool_window (
    const PetNode *node, const PetShape *x, PetWindow *window, PetError *error)
{
  size_t count;
  const int64_t *kernel = pet_node_ints (node, "kernel_shape", &count);

  if (count == 0 || count + 2 != (size_t) x->rank)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "kernel_shape has %zu numbers, the data has %d dimensions", count,
        x->rank);
  return pet_window_init (node, x, kernel, window, error);
}

static PetStatus
pool_infer (const PetGraph *graph, const PetNode *node, unsigned mask,
    PetTensor *outputs, PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  PetWindow window;

  PET_TRY (pet_op_type (x, mask, "data", error));
  PET_TRY (pool_window (node, &x->shape, &window, error));
  outputs[0].type = x->type;
  pet_window_shape (
      &window, x->shape.dim[0], x->shape.dim[1], &outputs[0].shape);
  return PET_OK;
}

static size_t
pool_work (const PetGraph *graph, const PetNode *node, const PetTensor *outputs)
{
  size_t work = pet_elements (outputs);
  PetWindow window;

  if (pool_window (node, &pet_node_input (graph, node, 0)->shape, &window,
          NULL) != PET_OK)
    return SIZE_MAX;
  for (int i = 0; i < 3; i++)
    work = pet_op_product (work,
        (size_t) (window.kernel[i] < window.in[i] ? window.kernel[i]
                                                  : window.in[i]));
  return work;
}

static PetStatus
maxpool_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  PET_TRY (pool_infer (graph, node,
      PET_MASK_FLOAT | PET_MASK (PET_TYPE_U8) | PET_MASK (PET_TYPE_I8), outputs,
      error));
  if (node->n_outputs > 1) {
    outputs[1].type = PET_TYPE_I64;
    outputs[1].shape = outputs[0].shape;
  }
  return PET_OK;
}

/* One output place: taps of the window that lie inside the input. */
typedef struct {
  int64_t from[3], to[3]; /* in elements of the input, stepped by dilation */
} Taps;

static void
clip_taps (const PetWindow *window, int axis, int64_t position, Taps *taps)
{
  int64_t dilation = window->dilation[axis];
  int64_t start = position * window->stride[axis] - window->pad[axis];
  int64_t end = start + window->kernel[axis] * dilation;

  if (start < 0)
    start += (-start + dilation - 1) / dilation * dilation;
  taps->from[axis] = start;
  taps->to[axis] = end < window->in[axis] ? end : window->in[axis];
}

static void
place_taps (const PetWindow *window, int64_t place, Taps *taps)
{
  clip_taps (window, 2, place % window->out[2], taps);
  place /= window->out[2];
  clip_taps (window, 1, place % window->out[1], taps);
  clip_taps (window, 0, place / window->out[1], taps);
}

#define FOR_TAPS(window, taps, z, y, x)                                        \
  for (int64_t z = (taps)->from[0]; z < (taps)->to[0];                         \
       z += (window)->dilation[0])                                             \
    for (int64_t y = (taps)->from[1]; y < (taps)->to[1];                       \
         y += (window)->dilation[1])                                           \
      for (int64_t x = (taps)->from[2]; x < (taps)->to[2];                     \
           x += (window)->dilation[2])

static float
max_of (const PetWindow *window, const Taps *taps, const float *from)
{
  float best = -INFINITY;

  FOR_TAPS (window, taps, z, y, x)
  {
    float value = from[(z * window->in[1] + y) * window->in[2] + x];

    best = value > best || isnan (value) ? value : best;
  }
  return best;
}

/* Place of the largest element, of any type; -1 where there is none. */
static int64_t
place_of_max (const PetWindow *window, const Taps *taps,
    const PetTensor *tensor, int64_t base)
{
  double best = -INFINITY;
  int64_t place = -1;

  FOR_TAPS (window, taps, z, y, x)
  {
    int64_t at = (z * window->in[1] + y) * window->in[2] + x;
    double value = pet_get_double (tensor, (size_t) (base + at));

    if (value > best || place < 0) {
      best = value;
      place = at;
    }
  }
  return place;
}

/* storage_order 1 counts the last dimension but one fastest, and so on. */
static int64_t
stored_place (const PetWindow *window, int64_t place, bool column_major)
{
  const int64_t *in = window->in;
  int64_t x = place % in[2], y = place / in[2] % in[1];
  int64_t z = place / in[2] / in[1];

  return column_major ? (x * in[1] + y) * in[0] + z : place;
}

static void
maxpool_slow (const PetNode *node, const PetWindow *window, const PetTensor *x,
    const PetTensor *outputs)
{
  bool column_major = pet_node_int (node, "storage_order", 0) != 0;
  int64_t *indices = node->n_outputs > 1 ? outputs[1].data : NULL;
  int64_t in_size = window->in[0] * window->in[1] * window->in[2];
  int64_t out_size = window->out[0] * window->out[1] * window->out[2];
  int64_t planes = x->shape.dim[0] * x->shape.dim[1];
  Taps taps;

  for (int64_t i = 0; i < planes * out_size; i++) {
    int64_t base = i / out_size * in_size, place;

    place_taps (window, i % out_size, &taps);
    place = place_of_max (window, &taps, x, base);
    pet_put_double (outputs, (size_t) i,
        place < 0 ? -INFINITY : pet_get_double (x, (size_t) (base + place)));
    if (indices != NULL)
      indices[i] =
          place < 0 ? -1 : base + stored_place (window, place, column_major);
  }
}

static void
maxpool_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetTensor *x = &inputs[0];
  const float *from = x->data;
  float *to = outputs[0].data;
  int64_t in_size, out_size;
  PetWindow window;
  Taps taps;

  if (pool_window (node, &x->shape, &window, NULL) != PET_OK)
    return;
  if (x->type != PET_TYPE_F32 ||
      (node->n_outputs > 1 && outputs[1].data != NULL)) {
    maxpool_slow (node, &window, x, outputs);
    return;
  }
  in_size = window.in[0] * window.in[1] * window.in[2];
  out_size = window.out[0] * window.out[1] * window.out[2];
  for (int64_t i = 0; i < x->shape.dim[0] * x->shape.dim[1];
       i++, from += in_size)
    for (int64_t place = 0; place < out_size; place++) {
      place_taps (&window, place, &taps);
      *to++ = max_of (&window, &taps, from);
    }
}

const PetOp pet_op_maxpool = {
  .type = "MaxPool",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 2,
  .infer = maxpool_infer,
  .work = pool_work,
  .run = maxpool_run,
};

static PetStatus
averagepool_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  return pool_infer (graph, node, PET_MASK_FLOAT, outputs, error);
}

/* Taps of a window along one axis that lie in the input or its padding. */
static int64_t
padded_taps (const PetWindow *window, int axis, int64_t position)
{
  int64_t start = position * window->stride[axis] - window->pad[axis];
  int64_t room = window->in[axis] + window->pad_end[axis] - start;
  int64_t dilation = window->dilation[axis];
  int64_t taps = (room + dilation - 1) / dilation;

  return taps < window->kernel[axis] ? taps : window->kernel[axis];
}

static float
average_of (const PetWindow *window, const Taps *taps, int64_t place,
    bool with_padding, const float *from)
{
  int64_t count = 0;
  float sum = 0;

  FOR_TAPS (window, taps, z, y, x)
  {
    sum += from[(z * window->in[1] + y) * window->in[2] + x];
    count++;
  }
  if (with_padding) {
    count = padded_taps (window, 2, place % window->out[2]);
    place /= window->out[2];
    count *= padded_taps (window, 1, place % window->out[1]);
    count *= padded_taps (window, 0, place / window->out[1]);
  }
  return count > 0 ? sum / (float) count : 0.0f;
}

static void
averagepool_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  bool with_padding = pet_node_int (node, "count_include_pad", 0) != 0;
  const PetShape *shape = &inputs[0].shape;
  const float *from = inputs[0].data;
  float *to = outputs[0].data;
  int64_t in_size, out_size;
  PetWindow window;
  Taps taps;

  if (pool_window (node, shape, &window, NULL) != PET_OK)
    return;
  in_size = window.in[0] * window.in[1] * window.in[2];
  out_size = window.out[0] * window.out[1] * window.out[2];
  for (int64_t i = 0; i < shape->dim[0] * shape->dim[1]; i++, from += in_size)
    for (int64_t place = 0; place < out_size; place++) {
      place_taps (&window, place, &taps);
      *to++ = average_of (&window, &taps, place, with_padding, from);
    }
}

const PetOp pet_op_averagepool = {
  .type = "AveragePool",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = averagepool_infer,
  .work = pool_work,
  .run = averagepool_run,
};

static PetStatus
global_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);

  PET_TRY (pet_op_type (x, PET_MASK_FLOAT, "data", error));
  if (x->shape.rank < 3)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "the data has only %d dimensions", x->shape.rank);
  outputs[0].type = x->type;
  outputs[0].shape = x->shape;
  for (int i = 2; i < x->shape.rank; i++)
    outputs[0].shape.dim[i] = 1;
  return PET_OK;
}

static void
globalmaxpool_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  size_t planes = pet_outer (&inputs[0].shape, 2);
  size_t size = pet_inner (&inputs[0].shape, 2);
  const float *from = inputs[0].data;
  float *to = outputs[0].data;

  for (size_t i = 0; i < planes; i++, from += size) {
    to[i] = -INFINITY;
    for (size_t k = 0; k < size; k++)
      if (from[k] > to[i] || isnan (from[k]))
        to[i] = from[k];
  }
}

static void
globalaveragepool_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  size_t planes = pet_outer (&inputs[0].shape, 2);
  size_t size = pet_inner (&inputs[0].shape, 2);
  const float *from = inputs[0].data;
  float *to = outputs[0].data;

  for (size_t i = 0; i < planes; i++, from += size) {
    double sum = 0;

    for (size_t k = 0; k < size; k++)
      sum += (double) from[k];
    to[i] = size > 0 ? (float) (sum / (double) size) : 0.0f;
  }
}

const PetOp pet_op_globalmaxpool = {
  .type = "GlobalMaxPool",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = global_infer,
  .run = globalmaxpool_run,
};

const PetOp pet_op_globalaveragepool = {
  .type = "GlobalAveragePool",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = global_infer,
  .run = globalaveragepool_run,
};
