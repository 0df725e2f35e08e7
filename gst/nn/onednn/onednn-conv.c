/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Conv and ConvTranspose. The convolution chooses the layouts (format any) of
 * source, weights and destination; residual and activation ride on it as
 * post-ops. */

#include <math.h>
#include <string.h>

#include "nn/onednn/onednn-private.h"

/* What both kinds share while they are compiled. */
typedef struct {
  const PetNode *node;
  PetDnnWindow window;
  dnnl_memory_desc_t src, plain_weights, weights, bias, dst;
  bool has_bias;
  bool transposed;
  dnnl_primitive_desc_t pd;
} Conv;

static const PetShape *
shape_of (const PetDnnProgram *program, int value)
{
  return &program->graph->values[value].tensor.shape;
}

/* Dense weights in oneDNN's order of dimensions: (g,) o, i, spatial. */
static void
weights_layout (const PetShape *shape, int64_t groups, bool transposed,
    dnnl_memory_desc_t *md)
{
  dnnl_dims_t dims, strides;
  int64_t first = shape->dim[0] / groups, second = shape->dim[1], spatial = 1;
  int n = 0, n_spatial = shape->rank - 2;

  for (int i = 2; i < shape->rank; i++)
    spatial *= shape->dim[i];
  if (groups > 1) {
    dims[n] = groups;
    strides[n++] = first * second * spatial;
  }
  dims[n] = transposed ? second : first;
  strides[n++] = transposed ? spatial : second * spatial;
  dims[n] = transposed ? first : second;
  strides[n++] = transposed ? second * spatial : spatial;
  for (int i = 0; i < n_spatial; i++) {
    spatial /= shape->dim[2 + i];
    dims[n + i] = shape->dim[2 + i];
    strides[n + i] = spatial;
  }
  memset (md, 0, sizeof *md);
  pet_dnn.memory_desc_init_by_strides (
      md, n + n_spatial, dims, dnnl_f32, strides);
}

static void
any_layout (const dnnl_memory_desc_t *dense, dnnl_memory_desc_t *any)
{
  memset (any, 0, sizeof *any);
  pet_dnn.memory_desc_init_by_tag (
      any, dense->ndims, dense->dims, dnnl_f32, dnnl_format_tag_any);
}

static bool
prepare (
    PetDnnProgram *program, const PetNode *node, bool transposed, Conv *conv)
{
  const PetShape *weights = shape_of (program, node->inputs[1]);

  memset (conv, 0, sizeof *conv);
  conv->node = node;
  conv->transposed = transposed;
  if (!pet_dnn_window (
          program->graph, node, weights->dim + 2, transposed, &conv->window))
    return false;
  weights_layout (weights, pet_node_int (node, "group", 1), transposed,
      &conv->plain_weights);
  any_layout (&conv->plain_weights, &conv->weights);
  conv->has_bias = node->n_inputs > 2 && node->inputs[2] >= 0;
  if (conv->has_bias)
    pet_dnn_dense (shape_of (program, node->inputs[2]), &conv->bias);
  return true;
}

/* Sets conv->pd; NULL when there is no fast implementation. */
static PetStatus
describe (PetDnnProgram *program, Conv *conv, dnnl_alg_kind_t algorithm,
    const PetNode *fused, const PetDnnForm *residual, PetError *error)
{
  const PetDnnWindow *w = &conv->window;
  const char *name = conv->node->name;
  const dnnl_memory_desc_t *bias = conv->has_bias ? &conv->bias : NULL;
  dnnl_convolution_desc_t desc;
  dnnl_primitive_attr_t attr = NULL;
  dnnl_post_ops_t ops = NULL;
  dnnl_status_t status;
  PetStatus result;

  conv->pd = NULL;
  if (conv->transposed)
    status = pet_dnn.dilated_deconvolution_forward_desc_init (&desc,
        dnnl_forward_inference, algorithm, &conv->src, &conv->weights, bias,
        &conv->dst, w->strides, w->dilations, w->before, w->after);
  else
    status = pet_dnn.dilated_convolution_forward_desc_init (&desc,
        dnnl_forward_inference, algorithm, &conv->src, &conv->weights, bias,
        &conv->dst, w->strides, w->dilations, w->before, w->after);
  if (status != dnnl_success)
    return PET_OK;
  PET_TRY (pet_dnn_post_ops (fused, residual, &ops, error));
  result = pet_dnn_new_attr (ops, name, &attr, error);
  pet_dnn.post_ops_destroy (ops);
  PET_TRY (result);
  result = pet_dnn_describe (program, &desc, attr,
      algorithm == dnnl_convolution_winograd ? "jit_wino_4x3" : NULL,
      "a convolution", name, &conv->pd, error);
  pet_dnn.primitive_attr_destroy (attr);
  return result;
}

static void
drop (Conv *conv)
{
  if (conv->pd != NULL)
    pet_dnn.primitive_desc_destroy (conv->pd);
  conv->pd = NULL;
}

/* Winograd transforms the whole picture in memory: 36 numbers for each 4x4
 * pixels and channel, 177 MB for u2netp's largest convolution. Below the
 * bound it is taken for its speed. The choice looks at the picture alone: the
 * scratch oneDNN asks for, and which of its Winograd kernels it likes best,
 * depend on the number of threads, on which the result must not. */
#define WINOGRAD_MAX_BYTES 32e6

static bool
winograd_fits (const PetDnnProgram *program, const Conv *conv)
{
  const PetShape *in = shape_of (program, conv->node->inputs[0]);
  const PetShape *out = shape_of (program, conv->node->outputs[0]);
  const PetDnnWindow *w = &conv->window;
  double tiles;

  if (conv->transposed || w->n != 2 ||
      pet_node_int (conv->node, "group", 1) != 1)
    return false;
  for (int i = 0; i < 2; i++)
    if (w->kernel[i] != 3 || w->strides[i] != 1 || w->dilations[i] != 0)
      return false;
  tiles = ceil ((double) out->dim[2] / 4) * ceil ((double) out->dim[3] / 4);
  return (double) (in->dim[1] + out->dim[1]) * tiles * 36 * 4 <=
      WINOGRAD_MAX_BYTES;
}

/* Sets conv->pd for the layouts in conv->src and conv->dst. */
static PetStatus
choose_algorithm (PetDnnProgram *program, Conv *conv, const PetNode *fused,
    const PetDnnForm *residual, PetError *error)
{
  if (winograd_fits (program, conv)) {
    PET_TRY (describe (
        program, conv, dnnl_convolution_winograd, fused, residual, error));
    if (conv->pd != NULL)
      return PET_OK;
  }
  return describe (program, conv,
      conv->transposed ? dnnl_deconvolution_direct : dnnl_convolution_direct,
      fused, residual, error);
}

static dnnl_memory_desc_t
layout_of (const Conv *conv, dnnl_query_t what)
{
  return *pet_dnn.primitive_desc_query_md (conv->pd, what, 0);
}

/* Left the choice, oneDNN takes channels-last layouts and brgemm kernels,
 * which take no binary post-op, make every concat a copy and were slower for
 * the networks at hand: blocked ones are asked for first. */
static PetStatus
choose (
    PetDnnProgram *program, Conv *conv, const PetNode *fused, PetError *error)
{
  const PetShape *in = shape_of (program, conv->node->inputs[0]);
  const PetShape *out = shape_of (program, conv->node->outputs[0]);
  int width =
      pet_dnn.get_effective_cpu_isa () >= dnnl_cpu_isa_avx512_core ? 16 : 8;
  /* Pictures of few channels are read as they are. */
  int first_width = in->dim[1] <= 4 ? 1 : width;

  if (pet_dnn_blocked (in, first_width, &conv->src) &&
      pet_dnn_blocked (out, width, &conv->dst)) {
    PET_TRY (choose_algorithm (program, conv, fused, NULL, error));
    if (conv->pd == NULL && first_width == 1) {
      pet_dnn_blocked (in, width, &conv->src);
      PET_TRY (choose_algorithm (program, conv, fused, NULL, error));
    }
    if (conv->pd != NULL)
      return PET_OK;
  }
  pet_dnn_any (in, &conv->src);
  pet_dnn_any (out, &conv->dst);
  return choose_algorithm (program, conv, fused, NULL, error);
}

/* Adds the step; `dst` is made by the caller from layout_of (dst). */
static PetStatus
emit (PetDnnProgram *program, Conv *conv, const PetDnnForm *residual,
    int residual_index, PetDnnForm *dst, bool is_result, PetError *error)
{
  const PetNode *node = conv->node;
  dnnl_memory_desc_t src = layout_of (conv, dnnl_query_src_md);
  dnnl_memory_desc_t weights = layout_of (conv, dnnl_query_weights_md);
  dnnl_memory_desc_t to = layout_of (conv, dnnl_query_dst_md);
  PetDnnArg args[PET_DNN_MAX_ARGS] = { { .id = DNNL_ARG_SRC },
    { .id = DNNL_ARG_WEIGHTS } };
  dnnl_primitive_desc_t pd;
  int n = 2;

  PET_TRY (pet_dnn_form (program, node->inputs[0], &src, &args[0].form, error));
  PET_TRY (pet_dnn_pack (program,
      program->graph->values[node->inputs[1]].tensor.data, &conv->plain_weights,
      &weights, &args[1].form, error));
  if (conv->has_bias) {
    args[n].id = DNNL_ARG_BIAS;
    PET_TRY (
        pet_dnn_main_form (program, node->inputs[2], &args[n++].form, error));
  }
  if (residual != NULL) {
    args[n].id = PET_DNN_ARG_RESIDUAL (residual_index);
    args[n++].form = *residual;
  }
  dst->md = to;
  if (is_result)
    PET_TRY (pet_dnn_new_form (program, node->outputs[0], &to, dst, error));
  else
    PET_TRY (pet_dnn_new_block (
        program, pet_dnn.memory_desc_get_size (&to), &dst->block, error));
  args[n].id = DNNL_ARG_DST;
  args[n++].form = *dst;
  pd = conv->pd;
  conv->pd = NULL;
  return pet_dnn_add_step (program, pd, node->name, args, n, error);
}

/* For implementations that take no binary post-op: the sum is a step. */
static PetStatus
emit_with_separate_sum (
    PetDnnProgram *program, Conv *conv, bool *done, PetError *error)
{
  PetNode first = *conv->node, second = *conv->node;
  PetDnnForm sum, residual;

  first.act = conv->node->residual_last ? conv->node->act : PET_ACT_NONE;
  if (conv->node->residual_last)
    second.act = PET_ACT_NONE;
  PET_TRY (choose (program, conv, &first, error));
  if (conv->pd == NULL)
    return PET_OK;
  memset (&sum, 0, sizeof sum);
  PET_TRY (emit (program, conv, NULL, 0, &sum, false, error));
  PET_TRY (
      pet_dnn_form (program, conv->node->residual, &sum.md, &residual, error));
  return pet_dnn_add_sum (program, &second, &sum, &residual, done, error);
}

static PetStatus
compile_residual (
    PetDnnProgram *program, Conv *conv, bool *done, PetError *error)
{
  const PetNode *node = conv->node;
  PetNode plain = *node;
  PetDnnForm residual, dst;

  plain.act = PET_ACT_NONE;
  PET_TRY (choose (program, conv, &plain, error));
  if (conv->pd == NULL)
    return PET_OK;
  conv->src = layout_of (conv, dnnl_query_src_md);
  conv->dst = layout_of (conv, dnnl_query_dst_md);
  drop (conv);
  PET_TRY (
      pet_dnn_form (program, node->residual, &conv->dst, &residual, error));
  PET_TRY (choose_algorithm (program, conv, node, &residual, error));
  if (conv->pd == NULL)
    return emit_with_separate_sum (program, conv, done, error);
  *done = true;
  return emit (program, conv, &residual,
      node->residual_last && node->act != PET_ACT_NONE ? 1 : 0, &dst, true,
      error);
}

static PetStatus
compile (PetDnnProgram *program, const PetNode *node, bool transposed,
    bool *done, PetError *error)
{
  PetStatus status;
  PetDnnForm dst;
  Conv conv;

  *done = false;
  if (!prepare (program, node, transposed, &conv))
    return PET_OK;
  if (node->residual >= 0) {
    status = compile_residual (program, &conv, done, error);
  } else {
    status = choose (program, &conv, node, error);
    if (status == PET_OK && conv.pd != NULL) {
      *done = true;
      status = emit (program, &conv, NULL, 0, &dst, true, error);
    }
  }
  drop (&conv);
  return status;
}

PetStatus
pet_dnn_compile_conv (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  return compile (program, node, false, done, error);
}

PetStatus
pet_dnn_compile_deconv (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  return compile (program, node, true, done, error);
}
