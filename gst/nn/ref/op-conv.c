/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Conv in one to three dimensions: direct, one output row at a time, so that
 * the row stays in the first-level cache and the innermost loop runs over
 * contiguous floats. Depthwise is the same with one input channel a group. */

#include "nn/ref/pet-op-util.h"
#include "nn/ref/pet-op-window.h"

static PetStatus
check_channels (
    const PetTensor *x, const PetTensor *w, int64_t group, PetError *error)
{
  int64_t in = x->shape.dim[1], out = w->shape.dim[0];

  if (group < 1 || in % group != 0 || out % group != 0 || out == 0)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "%lld groups do not divide %lld input and %lld output channels",
        (long long) group, (long long) in, (long long) out);
  if (w->shape.dim[1] != in / group)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "weight has %lld input channels, the data has %lld",
        (long long) w->shape.dim[1], (long long) (in / group));
  return PET_OK;
}

static PetStatus
check_kernel_shape (const PetNode *node, const PetShape *w, PetError *error)
{
  size_t count;
  const int64_t *kernel = pet_node_ints (node, "kernel_shape", &count);

  for (size_t i = 0; i < count; i++)
    if (count != (size_t) (w->rank - 2) || kernel[i] != w->dim[2 + i])
      return pet_fail (
          error, PET_ERROR_CORRUPT, "kernel_shape is not that of the weight");
  return PET_OK;
}

static PetStatus
check_bias (const PetTensor *bias, int64_t channels, PetError *error)
{
  if (bias->type == PET_TYPE_NONE)
    return PET_OK;
  PET_TRY (pet_op_type (bias, PET_MASK_FLOAT, "bias", error));
  if (bias->shape.rank != 1 || bias->shape.dim[0] != channels)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "bias does not have %lld numbers", (long long) channels);
  return PET_OK;
}

static PetStatus
check_operands (const PetNode *node, const PetTensor *x, const PetTensor *w,
    PetError *error)
{
  PET_TRY (pet_op_type (x, PET_MASK_FLOAT, "data", error));
  PET_TRY (pet_op_type (w, PET_MASK_FLOAT, "weight", error));
  if (x->shape.rank < 3 || w->shape.rank != x->shape.rank)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "weight has %d dimensions, the data has %d", w->shape.rank,
        x->shape.rank);
  return check_kernel_shape (node, &w->shape, error);
}

static PetStatus
conv_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *w = pet_node_input (graph, node, 1);
  PetWindow window;

  PET_TRY (check_operands (node, x, w, error));
  PET_TRY (check_channels (x, w, pet_node_int (node, "group", 1), error));
  PET_TRY (
      check_bias (pet_node_input (graph, node, 2), w->shape.dim[0], error));
  PET_TRY (pet_window_init (node, &x->shape, &w->shape.dim[2], &window, error));
  outputs[0].type = PET_TYPE_F32;
  pet_window_shape (
      &window, x->shape.dim[0], w->shape.dim[0], &outputs[0].shape);
  return PET_OK;
}

static size_t
conv_work (const PetGraph *graph, const PetNode *node, const PetTensor *outputs)
{
  return pet_op_product (pet_elements (outputs),
      pet_inner (&pet_node_input (graph, node, 1)->shape, 1));
}

static void
add_scaled (float *restrict to, const float *restrict from, int64_t step,
    int64_t count, float weight)
{
  if (step == 1)
    for (int64_t i = 0; i < count; i++)
      to[i] += weight * from[i];
  else
    for (int64_t i = 0; i < count; i++)
      to[i] += weight * from[i * step];
}

/* Adds what one input row gives through the kernel's last dimension. */
static void
add_row (
    const PetWindow *window, const float *from, const float *weight, float *to)
{
  for (int64_t k = 0; k < window->kernel[2]; k++) {
    int64_t offset = k * window->dilation[2] - window->pad[2], first, end;

    pet_window_span (window, 2, k, &first, &end);
    if (first < end)
      add_scaled (to + first, from + first * window->stride[2] + offset,
          window->stride[2], end - first, weight[k]);
  }
}

static bool
source_index (const PetWindow *window, int axis, int64_t position, int64_t tap,
    int64_t *index)
{
  *index = position * window->stride[axis] + tap * window->dilation[axis] -
      window->pad[axis];
  return *index >= 0 && *index < window->in[axis];
}

/* Adds what one input channel gives to row (z, y) of an output channel. */
static void
add_channel (const PetWindow *window, const float *channel, const float *weight,
    int64_t z, int64_t y, float *to)
{
  int64_t iz, iy;

  for (int64_t kz = 0; kz < window->kernel[0]; kz++) {
    if (!source_index (window, 0, z, kz, &iz))
      continue;
    for (int64_t ky = 0; ky < window->kernel[1]; ky++)
      if (source_index (window, 1, y, ky, &iy))
        add_row (window, channel + (iz * window->in[1] + iy) * window->in[2],
            weight + (kz * window->kernel[1] + ky) * window->kernel[2], to);
  }
}

static void
conv_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetTensor *x = &inputs[0], *w = &inputs[1];
  const float *bias = node->n_inputs > 2 ? inputs[2].data : NULL;
  int64_t groups = pet_node_int (node, "group", 1);
  int64_t out_channels = w->shape.dim[0], in_channels = w->shape.dim[1];
  float *to = outputs[0].data;
  int64_t in_size, kernel_size;
  PetWindow window;

  if (pet_window_init (node, &x->shape, &w->shape.dim[2], &window, NULL) !=
      PET_OK)
    return;
  in_size = window.in[0] * window.in[1] * window.in[2];
  kernel_size = window.kernel[0] * window.kernel[1] * window.kernel[2];
  for (int64_t n = 0; n < x->shape.dim[0]; n++)
    for (int64_t oc = 0; oc < out_channels; oc++) {
      int64_t group = oc / (out_channels / groups);
      const float *from = (const float *) x->data +
          (n * groups + group) * in_channels * in_size;
      const float *weight =
          (const float *) w->data + oc * in_channels * kernel_size;

      for (int64_t zy = 0; zy < window.out[0] * window.out[1]; zy++) {
        for (int64_t i = 0; i < window.out[2]; i++)
          to[i] = bias != NULL ? bias[oc] : 0.0f;
        for (int64_t ic = 0; ic < in_channels; ic++)
          add_channel (&window, from + ic * in_size, weight + ic * kernel_size,
              zy / window.out[1], zy % window.out[1], to);
        to += window.out[2];
      }
    }
}

const PetOp pet_op_conv = {
  .type = "Conv",
  .min_inputs = 2,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = conv_infer,
  .work = conv_work,
  .run = conv_run,
};

/* The weight is [input channels, output channels / group, kernel]. */
static PetStatus
convtranspose_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  const PetTensor *w = pet_node_input (graph, node, 1);
  int64_t group = pet_node_int (node, "group", 1), channels;
  PetWindow window;

  PET_TRY (check_operands (node, x, w, error));
  if (w->shape.dim[0] != x->shape.dim[1])
    return pet_fail (error, PET_ERROR_CORRUPT,
        "weight has %lld input channels, the data has %lld",
        (long long) w->shape.dim[0], (long long) x->shape.dim[1]);
  if (group < 1 || x->shape.dim[1] % group != 0 ||
      __builtin_mul_overflow (w->shape.dim[1], group, &channels))
    return pet_fail (error, PET_ERROR_CORRUPT,
        "%lld groups do not divide %lld input channels", (long long) group,
        (long long) x->shape.dim[1]);
  PET_TRY (check_bias (pet_node_input (graph, node, 2), channels, error));
  PET_TRY (pet_window_init_transposed (
      node, &x->shape, &w->shape.dim[2], &window, error));
  outputs[0].type = PET_TYPE_F32;
  pet_window_shape (&window, x->shape.dim[0], channels, &outputs[0].shape);
  return PET_OK;
}

static size_t
convtranspose_work (
    const PetGraph *graph, const PetNode *node, const PetTensor *outputs)
{
  return pet_op_product (pet_elements (pet_node_input (graph, node, 0)),
      pet_inner (&pet_node_input (graph, node, 1)->shape, 1));
}

/* Where element `position` of the input goes through `tap`. */
static bool
target_index (const PetWindow *window, int axis, int64_t position, int64_t tap,
    int64_t *index)
{
  *index = position * window->stride[axis] + tap * window->dilation[axis] -
      window->pad[axis];
  return *index >= 0 && *index < window->out[axis];
}

static void
spread_row (
    const PetWindow *window, const float *from, const float *weight, float *to)
{
  int64_t at;

  for (int64_t k = 0; k < window->kernel[2]; k++)
    for (int64_t i = 0; i < window->in[2]; i++)
      if (target_index (window, 2, i, k, &at))
        to[at] += weight[k] * from[i];
}

static void
spread_channel (
    const PetWindow *window, const float *from, const float *weight, float *to)
{
  int64_t oz, oy;

  for (int64_t zy = 0; zy < window->in[0] * window->in[1]; zy++)
    for (int64_t k = 0; k < window->kernel[0] * window->kernel[1]; k++)
      if (target_index (
              window, 0, zy / window->in[1], k / window->kernel[1], &oz) &&
          target_index (
              window, 1, zy % window->in[1], k % window->kernel[1], &oy))
        spread_row (window, from + zy * window->in[2],
            weight + k * window->kernel[2],
            to + (oz * window->out[1] + oy) * window->out[2]);
}

static void
convtranspose_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetTensor *x = &inputs[0], *w = &inputs[1];
  const float *bias = node->n_inputs > 2 ? inputs[2].data : NULL;
  int64_t groups = pet_node_int (node, "group", 1);
  int64_t in_channels = x->shape.dim[1], each = w->shape.dim[1];
  int64_t channels = each * groups, in_each = in_channels / groups;
  int64_t in_size, out_size, kernel_size;
  PetWindow window;

  if (pet_window_init_transposed (
          node, &x->shape, &w->shape.dim[2], &window, NULL) != PET_OK)
    return;
  in_size = window.in[0] * window.in[1] * window.in[2];
  out_size = window.out[0] * window.out[1] * window.out[2];
  kernel_size = window.kernel[0] * window.kernel[1] * window.kernel[2];
  for (int64_t at = 0; at < x->shape.dim[0] * channels; at++) {
    int64_t n = at / channels, oc = at % channels, group = oc / each;
    float *to = (float *) outputs[0].data + at * out_size;

    for (int64_t i = 0; i < out_size; i++)
      to[i] = bias != NULL ? bias[oc] : 0.0f;
    for (int64_t ic = group * in_each; ic < (group + 1) * in_each; ic++)
      spread_channel (&window,
          (const float *) x->data + (n * in_channels + ic) * in_size,
          (const float *) w->data + (ic * each + oc % each) * kernel_size, to);
  }
}

const PetOp pet_op_convtranspose = {
  .type = "ConvTranspose",
  .min_inputs = 2,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = convtranspose_infer,
  .work = convtranspose_work,
  .run = convtranspose_run,
};
