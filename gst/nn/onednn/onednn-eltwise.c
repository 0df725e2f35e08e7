/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One input or two, element by element, in whatever layout is there. */

#include <string.h>

#include "nn/onednn/onednn-private.h"

/* The primitive's parameters; false when there is none for the node. */
static bool
eltwise_kind (const PetGraph *graph, const PetNode *node, dnnl_alg_kind_t *kind,
    float *alpha, float *beta)
{
  static const struct {
    const char *type;
    dnnl_alg_kind_t kind;
    float alpha;
  } table[] = {
    { "Abs", dnnl_eltwise_abs, 0 },
    { "Exp", dnnl_eltwise_exp, 0 },
    { "HardSwish", dnnl_eltwise_hardswish, 0 },
    { "Neg", dnnl_eltwise_linear, -1 },
    { "Relu", dnnl_eltwise_relu, 0 },
    { "Sigmoid", dnnl_eltwise_logistic, 0 },
    { "Sqrt", dnnl_eltwise_sqrt, 0 },
    { "Tanh", dnnl_eltwise_tanh, 0 },
  };

  *alpha = *beta = 0;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp (node->type, table[i].type) == 0) {
      *kind = table[i].kind;
      *alpha = table[i].alpha;
      return true;
    }
  if (strcmp (node->type, "LeakyRelu") == 0) {
    *kind = dnnl_eltwise_relu;
    *alpha = pet_node_float (node, "alpha", 0.01f);
    return true;
  }
  if (strcmp (node->type, "Elu") == 0) {
    *kind = dnnl_eltwise_elu;
    *alpha = pet_node_float (node, "alpha", 1.0f);
    return true;
  }
  *kind = dnnl_eltwise_clip;
  return strcmp (node->type, "Clip") == 0 &&
      pet_clip_limits (graph, node, alpha, beta) && *alpha <= *beta;
}

/* Appends a step whose last argument is made here, in the layout `md`. */
static PetStatus
add (PetDnnProgram *program, const PetNode *node, const_dnnl_op_desc_t desc,
    const_dnnl_primitive_attr_t attr, const char *what, PetDnnArg *args,
    int n_sources, const dnnl_memory_desc_t *md, bool *done, PetError *error)
{
  dnnl_primitive_desc_t pd;
  PetStatus status;

  PET_TRY (pet_dnn_describe (
      program, desc, attr, NULL, what, node->name, &pd, error));
  if (pd == NULL)
    return PET_OK;
  args[n_sources].id = DNNL_ARG_DST;
  status = pet_dnn_new_form (
      program, node->outputs[0], md, &args[n_sources].form, error);
  if (status != PET_OK) {
    pet_dnn.primitive_desc_destroy (pd);
    return status;
  }
  *done = true;
  return pet_dnn_add_step (program, pd, node->name, args, n_sources + 1, error);
}

PetStatus
pet_dnn_compile_eltwise (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  PetDnnArg args[2] = { { .id = DNNL_ARG_SRC } };
  dnnl_eltwise_desc_t desc;
  dnnl_alg_kind_t kind;
  float alpha, beta;

  *done = false;
  if (!eltwise_kind (program->graph, node, &kind, &alpha, &beta))
    return PET_OK;
  PET_TRY (pet_dnn_main_form (program, node->inputs[0], &args[0].form, error));
  if (pet_dnn.eltwise_forward_desc_init (&desc, dnnl_forward_inference, kind,
          &args[0].form.md, alpha, beta) != dnnl_success)
    return PET_OK;
  return add (program, node, &desc, NULL, "an elementwise operation", args, 1,
      &args[0].form.md, done, error);
}

/* 1s in front until the rank is that of the other operand. */
static void
widen (const PetShape *shape, int rank, dnnl_memory_desc_t *md)
{
  PetShape wide = { .rank = rank };
  int missing = rank - shape->rank;

  for (int i = 0; i < rank; i++)
    wide.dim[i] = i < missing ? 1 : shape->dim[i - missing];
  pet_dnn_dense (&wide, md);
}

static dnnl_alg_kind_t
binary_kind (const PetNode *node)
{
  static const struct {
    const char *type;
    dnnl_alg_kind_t kind;
  } table[] = {
    { "Add", dnnl_binary_add },
    { "Sub", dnnl_binary_sub },
    { "Mul", dnnl_binary_mul },
    { "Div", dnnl_binary_div },
    { "Max", dnnl_binary_max },
    { "Min", dnnl_binary_min },
  };

  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp (node->type, table[i].type) == 0)
      return table[i].kind;
  return dnnl_alg_kind_undef;
}

PetStatus
pet_dnn_compile_binary (
    PetDnnProgram *program, const PetNode *node, bool *done, PetError *error)
{
  const PetGraph *graph = program->graph;
  const PetShape *out = &graph->values[node->outputs[0]].tensor.shape;
  PetDnnArg args[3] = { { .id = DNNL_ARG_SRC_0 }, { .id = DNNL_ARG_SRC_1 } };
  PetDnnForm *a = &args[0].form, *b = &args[1].form;
  int full = node->inputs[0], other = node->inputs[1];
  dnnl_binary_desc_t desc;

  *done = false;
  if (!pet_shape_equal (&graph->values[full].tensor.shape, out)) {
    full = node->inputs[1];
    other = node->inputs[0];
  }
  PET_TRY (pet_dnn_main_form (program, full, a, error));
  if (pet_shape_equal (&graph->values[other].tensor.shape, out)) {
    PET_TRY (pet_dnn_form (program, other, &a->md, b, error));
  } else {
    PET_TRY (pet_dnn_dense_form (program, other, b, error));
    widen (&graph->values[other].tensor.shape, out->rank, &b->md);
  }
  if (pet_dnn.binary_desc_init (
          &desc, binary_kind (node), &a->md, &b->md, &a->md) != dnnl_success)
    return PET_OK;
  return add (program, node, &desc, NULL, "a binary operation", args, 2, &a->md,
      done, error);
}

PetStatus
pet_dnn_add_sum (PetDnnProgram *program, const PetNode *node,
    const PetDnnForm *a, const PetDnnForm *b, bool *done, PetError *error)
{
  PetDnnArg args[3] = { { DNNL_ARG_SRC_0, *a }, { DNNL_ARG_SRC_1, *b } };
  dnnl_primitive_attr_t attr = NULL;
  dnnl_binary_desc_t desc;
  dnnl_post_ops_t ops = NULL;
  PetStatus status;

  PET_TRY (pet_dnn_check (
      pet_dnn.binary_desc_init (&desc, dnnl_binary_add, &a->md, &b->md, &a->md),
      "a sum", node->name, error));
  PET_TRY (pet_dnn_post_ops (node, NULL, &ops, error));
  status = pet_dnn_new_attr (ops, node->name, &attr, error);
  pet_dnn.post_ops_destroy (ops);
  PET_TRY (status);
  status =
      add (program, node, &desc, attr, "a sum", args, 2, &a->md, done, error);
  pet_dnn.primitive_attr_destroy (attr);
  return status;
}
