/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gemm with constant B as an inner product, and MatMul. */

#include <string.h>

#include "nn/onednn/onednn-private.h"

/* oneDNN's weights are (N, K); B is (N, K) or, without transB, (K, N). */
static void
weights_layouts (const PetShape *b, bool transposed, dnnl_memory_desc_t *plain,
    dnnl_memory_desc_t *any)
{
  dnnl_dims_t dims = { b->dim[transposed ? 0 : 1], b->dim[transposed ? 1 : 0] };
  dnnl_dims_t strides = { transposed ? b->dim[1] : 1,
    transposed ? 1 : b->dim[1] };

  memset (plain, 0, sizeof *plain);
  memset (any, 0, sizeof *any);
  pet_dnn.memory_desc_init_by_strides (plain, 2, dims, dnnl_f32, strides);
  pet_dnn.memory_desc_init_by_tag (any, 2, dims, dnnl_f32, dnnl_format_tag_any);
}

static PetStatus
describe_gemm (PetDnnProgram *program, const PetNode *node,
    const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias,
    dnnl_primitive_desc_t *pd, PetError *error)
{
  const PetGraph *graph = program->graph;
  dnnl_inner_product_desc_t desc;
  dnnl_memory_desc_t src, dst;
  dnnl_primitive_attr_t attr = NULL;
  dnnl_post_ops_t ops = NULL;
  PetStatus status;

  *pd = NULL;
  pet_dnn_dense (&graph->values[node->inputs[0]].tensor.shape, &src);
  pet_dnn_dense (&graph->values[node->outputs[0]].tensor.shape, &dst);
  if (pet_dnn.inner_product_forward_desc_init (&desc, dnnl_forward_inference,
          &src, weights, bias, &dst) != dnnl_success)
    return PET_OK;
  PET_TRY (pet_dnn_post_ops (node, NULL, &ops, error));
  status = pet_dnn_new_attr (ops, node->name, &attr, error);
  pet_dnn.post_ops_destroy (ops);
  PET_TRY (status);
  status = pet_dnn_describe (
      program, &desc, attr, NULL, "an inner product", node->name, pd, error);
  pet_dnn.primitive_attr_destroy (attr);
  return status;
}

/* Sources, weights and bias; `pd` stays the caller's. */
static PetStatus
gemm_arguments (PetDnnProgram *program, const PetNode *node,
    const dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *packed,
    PetDnnArg *args, int *n_args, PetError *error)
{
  const PetGraph *graph = program->graph;
  dnnl_memory_desc_t dst;
  int n = 0;

  args[n].id = DNNL_ARG_SRC;
  PET_TRY (
      pet_dnn_dense_form (program, node->inputs[0], &args[n++].form, error));
  args[n].id = DNNL_ARG_WEIGHTS;
  PET_TRY (pet_dnn_pack (program, graph->values[node->inputs[1]].tensor.data,
      plain, packed, &args[n++].form, error));
  if (node->n_inputs > 2 && node->inputs[2] >= 0) {
    PetShape vector = { .rank = 1,
      .dim = { graph->values[node->outputs[0]].tensor.shape.dim[1] } };

    args[n].id = DNNL_ARG_BIAS;
    PET_TRY (
        pet_dnn_main_form (program, node->inputs[2], &args[n].form, error));
    pet_dnn_dense (&vector, &args[n++].form.md);
  }
  pet_dnn_dense (&graph->values[node->outputs[0]].tensor.shape, &dst);
  args[n].id = DNNL_ARG_DST;
  *n_args = n + 1;
  return pet_dnn_new_form (
      program, node->outputs[0], &dst, &args[n].form, error);
}

PetStatus
pet_dnn_compile_gemm (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  const PetGraph *graph = program->graph;
  const PetShape *out = &graph->values[node->outputs[0]].tensor.shape;
  bool has_bias = node->n_inputs > 2 && node->inputs[2] >= 0;
  PetShape vector = { .rank = 1, .dim = { out->dim[1] } };
  PetDnnArg args[PET_DNN_MAX_ARGS];
  dnnl_memory_desc_t plain, any, bias;
  dnnl_primitive_desc_t pd;
  PetStatus status;
  int n_args;

  weights_layouts (&graph->values[node->inputs[1]].tensor.shape,
      pet_node_int (node, "transB", 0) != 0, &plain, &any);
  pet_dnn_dense (&vector, &bias);
  PET_TRY (
      describe_gemm (program, node, &any, has_bias ? &bias : NULL, &pd, error));
  *done = pd != NULL;
  if (pd == NULL)
    return PET_OK;
  any = *pet_dnn.primitive_desc_query_md (pd, dnnl_query_weights_md, 0);
  status = gemm_arguments (program, node, &plain, &any, args, &n_args, error);
  if (status != PET_OK) {
    pet_dnn.primitive_desc_destroy (pd);
    return status;
  }
  return pet_dnn_add_step (program, pd, node->name, args, n_args, error);
}

PetStatus
pet_dnn_compile_matmul (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  PetDnnArg args[3] = { { .id = DNNL_ARG_SRC }, { .id = DNNL_ARG_WEIGHTS },
    { .id = DNNL_ARG_DST } };
  dnnl_primitive_desc_t pd;
  dnnl_memory_desc_t dst;
  dnnl_matmul_desc_t desc;
  PetStatus status;

  *done = false;
  for (int i = 0; i < 2; i++)
    PET_TRY (
        pet_dnn_dense_form (program, node->inputs[i], &args[i].form, error));
  pet_dnn_dense (&program->graph->values[node->outputs[0]].tensor.shape, &dst);
  if (pet_dnn.matmul_desc_init (&desc, &args[0].form.md, &args[1].form.md, NULL,
          &dst) != dnnl_success)
    return PET_OK;
  PET_TRY (pet_dnn_describe (
      program, &desc, NULL, NULL, "a matrix product", node->name, &pd, error));
  if (pd == NULL)
    return PET_OK;
  *done = true;
  status =
      pet_dnn_new_form (program, node->outputs[0], &dst, &args[2].form, error);
  if (status != PET_OK) {
    pet_dnn.primitive_desc_destroy (pd);
    return status;
  }
  return pet_dnn_add_step (program, pd, node->name, args, 3, error);
}
