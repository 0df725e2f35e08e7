/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MaxPool, AveragePool and their global forms; linear and nearest Resize. */

#include <string.h>

#include "nn/onednn/onednn-private.h"

/* Appends a primitive with one source and one destination whose layout the
 * descriptor left open; *done false when there is no fast implementation. */
static PetStatus
add_unary (PetDnnProgram *program, const PetNode *node,
    const_dnnl_op_desc_t desc, const PetDnnForm *src, const char *what,
    bool *done, PetError *error)
{
  PetDnnArg args[2] = { { DNNL_ARG_SRC, *src }, { .id = DNNL_ARG_DST } };
  dnnl_primitive_desc_t pd;
  PetStatus status;

  PET_TRY (pet_dnn_describe (
      program, desc, NULL, NULL, what, node->name, &pd, error));
  if (pd == NULL)
    return PET_OK;
  status = pet_dnn_new_form (program, node->outputs[0],
      pet_dnn.primitive_desc_query_md (pd, dnnl_query_dst_md, 0), &args[1].form,
      error);
  if (status != PET_OK) {
    pet_dnn.primitive_desc_destroy (pd);
    return status;
  }
  *done = true;
  return pet_dnn_add_step (program, pd, node->name, args, 2, error);
}

static dnnl_alg_kind_t
pool_kind (const PetNode *node)
{
  if (strcmp (node->type, "MaxPool") == 0 ||
      strcmp (node->type, "GlobalMaxPool") == 0)
    return dnnl_pooling_max;
  return pet_node_int (node, "count_include_pad", 0) != 0
      ? dnnl_pooling_avg_include_padding
      : dnnl_pooling_avg_exclude_padding;
}

PetStatus
pet_dnn_compile_pool (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  const PetShape *in = &program->graph->values[node->inputs[0]].tensor.shape;
  const PetShape *out = &program->graph->values[node->outputs[0]].tensor.shape;
  bool global = strncmp (node->type, "Global", 6) == 0;
  dnnl_pooling_v2_desc_t desc;
  dnnl_memory_desc_t dst;
  PetDnnWindow window;
  PetDnnForm src;
  size_t count;
  const int64_t *kernel =
      global ? in->dim + 2 : pet_node_ints (node, "kernel_shape", &count);

  *done = false;
  if (!pet_dnn_window (program->graph, node, kernel, false, &window))
    return PET_OK;
  PET_TRY (pet_dnn_main_form (program, node->inputs[0], &src, error));
  pet_dnn_any (out, &dst);
  if (pet_dnn.pooling_v2_forward_desc_init (&desc, dnnl_forward_inference,
          pool_kind (node), &src.md, &dst, window.strides, window.kernel,
          window.dilations, window.before, window.after) != dnnl_success)
    return PET_OK;
  return add_unary (program, node, &desc, &src, "a pooling", done, error);
}

PetStatus
pet_dnn_compile_resize (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  const PetShape *out = &program->graph->values[node->outputs[0]].tensor.shape;
  bool linear =
      strcmp (pet_node_string (node, "mode", "nearest"), "linear") == 0;
  dnnl_resampling_desc_t desc;
  dnnl_memory_desc_t dst;
  PetDnnForm src;

  *done = false;
  PET_TRY (pet_dnn_main_form (program, node->inputs[0], &src, error));
  pet_dnn_any (out, &dst);
  if (pet_dnn.resampling_forward_desc_init (&desc, dnnl_forward_inference,
          linear ? dnnl_resampling_linear : dnnl_resampling_nearest, NULL,
          &src.md, &dst) != dnnl_success)
    return PET_OK;
  return add_unary (program, node, &desc, &src, "a resampling", done, error);
}

PetStatus
pet_dnn_compile_softmax (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  int opset_axis = node->opset >= 13 ? -1 : 1;
  int axis = (int) pet_node_int (node, "axis", opset_axis);
  dnnl_softmax_v2_desc_t desc;
  PetDnnForm src;

  *done = false;
  PET_TRY (pet_dnn_main_form (program, node->inputs[0], &src, error));
  if (axis < 0)
    axis += program->graph->values[node->inputs[0]].tensor.shape.rank;
  if (pet_dnn.softmax_v2_forward_desc_init (&desc, dnnl_forward_inference,
          dnnl_softmax_accurate, &src.md, &src.md, axis) != dnnl_success)
    return PET_OK;
  return add_unary (program, node, &desc, &src, "a softmax", done, error);
}
