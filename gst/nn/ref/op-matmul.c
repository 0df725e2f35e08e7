/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MatMul with numpy's batches, and Gemm. The inner loop adds a scaled row of b
 * to a row of the result, so that it vectorises. */

#include "nn/ref/pet-op-util.h"

/* to[m][n] += scale * a[m][k] * b[k][n]; strides of a and b in elements. */
typedef struct {
  int64_t m, n, k;
  int64_t a_row, a_column, b_row, b_column;
} Product;

static void
add_product (
    const Product *p, float scale, const float *a, const float *b, float *to)
{
  for (int64_t i = 0; i < p->m; i++, to += p->n)
    for (int64_t j = 0; j < p->k; j++) {
      float weight = scale * a[i * p->a_row + j * p->a_column];
      const float *row = b + j * p->b_row;

      if (p->b_column == 1)
        for (int64_t x = 0; x < p->n; x++)
          to[x] += weight * row[x];
      else
        for (int64_t x = 0; x < p->n; x++)
          to[x] += weight * row[x * p->b_column];
    }
}

/* Operands as matrices in batches: a list counts as a row on the left, as a
 * column on the right. */
typedef struct {
  Product product;
  PetShape batch, a_batch, b_batch;
  bool a_is_list, b_is_list;
} MatMul;

static PetStatus
matmul_resolve (
    const PetShape *a, const PetShape *b, MatMul *mul, PetError *error)
{
  Product *p = &mul->product;
  int64_t k;

  if (a->rank < 1 || b->rank < 1)
    return pet_fail (error, PET_ERROR_CORRUPT, "a single number is no matrix");
  mul->a_is_list = a->rank == 1;
  mul->b_is_list = b->rank == 1;
  p->m = mul->a_is_list ? 1 : a->dim[a->rank - 2];
  p->k = a->dim[a->rank - 1];
  k = mul->b_is_list ? b->dim[0] : b->dim[b->rank - 2];
  p->n = mul->b_is_list ? 1 : b->dim[b->rank - 1];
  p->a_row = p->k;
  p->b_row = p->n;
  p->a_column = p->b_column = 1;
  if (p->k != k)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "%lld columns on the left, %lld rows on the right", (long long) p->k,
        (long long) k);
  mul->a_batch = *a;
  mul->b_batch = *b;
  mul->a_batch.rank = mul->a_is_list ? 0 : a->rank - 2;
  mul->b_batch.rank = mul->b_is_list ? 0 : b->rank - 2;
  mul->batch = mul->a_batch;
  return pet_op_broadcast (&mul->batch, &mul->b_batch, error);
}

static PetStatus
matmul_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *a = pet_node_input (graph, node, 0);
  const PetTensor *b = pet_node_input (graph, node, 1);
  PetShape *shape = &outputs[0].shape;
  MatMul mul;

  PET_TRY (pet_op_type (a, PET_MASK_FLOAT, "data", error));
  PET_TRY (pet_op_type (b, PET_MASK_FLOAT, "data", error));
  PET_TRY (matmul_resolve (&a->shape, &b->shape, &mul, error));
  outputs[0].type = PET_TYPE_F32;
  *shape = mul.batch;
  if (!mul.a_is_list)
    shape->dim[shape->rank++] = mul.product.m;
  if (!mul.b_is_list)
    shape->dim[shape->rank++] = mul.product.n;
  return PET_OK;
}

static size_t
matmul_work (
    const PetGraph *graph, const PetNode *node, const PetTensor *outputs)
{
  const PetShape *a = &pet_node_input (graph, node, 0)->shape;

  return pet_op_product (pet_elements (outputs), (size_t) a->dim[a->rank - 1]);
}

static void
matmul_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const float *a = inputs[0].data, *b = inputs[1].data;
  float *to = outputs[0].data;
  PetLoop loop;
  MatMul mul;
  const Product *p = &mul.product;

  if (matmul_resolve (&inputs[0].shape, &inputs[1].shape, &mul, NULL) != PET_OK)
    return;
  memset (to, 0, pet_elements (outputs) * sizeof *to);
  pet_loop_init (&loop, &mul.batch, 2);
  pet_loop_broadcast (&loop, 0, &mul.a_batch);
  pet_loop_broadcast (&loop, 1, &mul.b_batch);
  for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop))
    for (size_t i = 0; i < loop.row; i++, to += p->m * p->n)
      add_product (p, 1.0f,
          a + (loop.at[0] + (int64_t) i * loop.step[0]) * p->m * p->k,
          b + (loop.at[1] + (int64_t) i * loop.step[1]) * p->k * p->n, to);
}

const PetOp pet_op_matmul = {
  .type = "MatMul",
  .min_inputs = 2,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = matmul_infer,
  .work = matmul_work,
  .run = matmul_run,
};

static PetStatus
gemm_resolve (const PetNode *node, const PetShape *a, const PetShape *b,
    Product *p, PetError *error)
{
  bool a_turned = pet_node_int (node, "transA", 0) != 0;
  bool b_turned = pet_node_int (node, "transB", 0) != 0;

  if (a->rank != 2 || b->rank != 2)
    return pet_fail (
        error, PET_ERROR_CORRUPT, "the data is no pair of matrices");
  p->m = a->dim[a_turned];
  p->k = a->dim[!a_turned];
  p->n = b->dim[!b_turned];
  p->a_row = a_turned ? 1 : a->dim[1];
  p->a_column = a_turned ? a->dim[1] : 1;
  p->b_row = b_turned ? 1 : b->dim[1];
  p->b_column = b_turned ? b->dim[1] : 1;
  if (b->dim[b_turned] != p->k)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "%lld columns on the left, %lld rows on the right", (long long) p->k,
        (long long) b->dim[b_turned]);
  return PET_OK;
}

static PetStatus
gemm_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *a = pet_node_input (graph, node, 0);
  const PetTensor *b = pet_node_input (graph, node, 1);
  const PetTensor *c = pet_node_input (graph, node, 2);
  PetShape *shape = &outputs[0].shape;
  Product p;

  PET_TRY (pet_op_type (a, PET_MASK_FLOAT, "data", error));
  PET_TRY (pet_op_type (b, PET_MASK_FLOAT, "data", error));
  PET_TRY (gemm_resolve (node, &a->shape, &b->shape, &p, error));
  outputs[0].type = PET_TYPE_F32;
  shape->rank = 2;
  shape->dim[0] = p.m;
  shape->dim[1] = p.n;
  if (c->type != PET_TYPE_NONE) {
    PetShape spread = *shape;

    PET_TRY (pet_op_type (c, PET_MASK_FLOAT, "c", error));
    PET_TRY (pet_op_broadcast (&spread, &c->shape, error));
    if (!pet_shape_equal (&spread, shape))
      return pet_fail (
          error, PET_ERROR_CORRUPT, "c is larger than the product");
  }
  return PET_OK;
}

static size_t
gemm_work (const PetGraph *graph, const PetNode *node, const PetTensor *outputs)
{
  bool turned = pet_node_int (node, "transA", 0) != 0;

  return pet_op_product (pet_elements (outputs),
      (size_t) pet_node_input (graph, node, 0)->shape.dim[!turned]);
}

static void
fill_from (const PetTensor *c, float beta, const PetTensor *output)
{
  const float *from = c->data;
  int64_t dense[PET_MAX_RANK];
  PetLoop loop;

  pet_dense_strides (&output->shape, dense);
  pet_loop_init (&loop, &output->shape, 2);
  pet_loop_operand (&loop, 0, dense);
  pet_loop_broadcast (&loop, 1, &c->shape);
  for (pet_loop_start (&loop); loop.more; pet_loop_next (&loop)) {
    float *to = (float *) output->data + loop.at[0];

    for (size_t i = 0; i < loop.row; i++)
      to[i] = beta * from[loop.at[1] + (int64_t) i * loop.step[1]];
  }
}

static void
gemm_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  Product p;

  if (gemm_resolve (node, &inputs[0].shape, &inputs[1].shape, &p, NULL) !=
      PET_OK)
    return;
  memset (outputs[0].data, 0, pet_elements (outputs) * sizeof (float));
  if (node->n_inputs > 2 && inputs[2].type != PET_TYPE_NONE)
    fill_from (&inputs[2], pet_node_float (node, "beta", 1.0f), &outputs[0]);
  add_product (&p, pet_node_float (node, "alpha", 1.0f), inputs[0].data,
      inputs[1].data, outputs[0].data);
}

const PetOp pet_op_gemm = {
  .type = "Gemm",
  .min_inputs = 2,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = gemm_infer,
  .work = gemm_work,
  .run = gemm_run,
};
