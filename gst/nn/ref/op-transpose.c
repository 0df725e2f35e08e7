/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transpose, DepthToSpace and SpaceToDepth: dense copies of a permuted view,
 * of any type. */

#include "nn/ref/pet-op-util.h"

static void
copy_permuted (const PetTensor *from, const PetShape *shape, const int *perm,
    const PetTensor *to)
{
  int64_t dense[PET_MAX_RANK], own[PET_MAX_RANK], stride[PET_MAX_RANK];
  PetShape permuted = { .rank = shape->rank };

  pet_dense_strides (shape, own);
  for (int i = 0; i < shape->rank; i++) {
    permuted.dim[i] = shape->dim[perm[i]];
    stride[i] = own[perm[i]];
  }
  pet_dense_strides (&permuted, dense);
  pet_copy_strided (&permuted, pet_type_bytes (from->type), to->data, dense,
      from->data, stride);
}

static PetStatus
transpose_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  bool seen[PET_MAX_RANK];
  int rank = x->shape.rank;
  PetInts perm;

  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  PET_TRY (pet_op_attr_ints (node, "perm", &perm, error));
  if (perm.count == 0)
    for (; perm.count < rank; perm.count++)
      perm.at[perm.count] = rank - 1 - perm.count;
  if (perm.count != rank)
    return pet_fail (error, PET_ERROR_CORRUPT, "perm has %d axes, the data %d",
        perm.count, rank);
  PET_TRY (pet_op_axes (perm.at, (size_t) perm.count, rank, seen, error));
  outputs[0].type = x->type;
  outputs[0].shape.rank = rank;
  for (int i = 0; i < rank; i++)
    outputs[0].shape.dim[i] =
        x->shape.dim[perm.at[i] < 0 ? perm.at[i] + rank : perm.at[i]];
  return PET_OK;
}

static void
transpose_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  int perm[PET_MAX_RANK], rank = inputs[0].shape.rank;
  size_t count;
  const int64_t *given = pet_node_ints (node, "perm", &count);

  for (int i = 0; i < rank; i++)
    perm[i] = count == 0 ? rank - 1 - i
        : given[i] < 0   ? (int) given[i] + rank
                         : (int) given[i];
  copy_permuted (&inputs[0], &inputs[0].shape, perm, &outputs[0]);
}

const PetOp pet_op_transpose = {
  .type = "Transpose",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = transpose_infer,
  .run = transpose_run,
};

static PetStatus
check_blocks (const PetGraph *graph, const PetNode *node, int64_t *block,
    PetTensor *output, PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);

  *block = pet_node_int (node, "blocksize", 0);
  PET_TRY (pet_op_type (x, PET_MASK_ANY, "data", error));
  if (x->shape.rank != 4)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "the data has %d dimensions, not 4", x->shape.rank);
  if (*block < 1 || *block > 32768)
    return pet_fail (error, PET_ERROR_CORRUPT, "blocksize %lld is not valid",
        (long long) *block);
  output->type = x->type;
  output->shape = x->shape;
  return PET_OK;
}

static bool
is_crd (const PetNode *node)
{
  return strcmp (pet_node_string (node, "mode", "DCR"), "CRD") == 0;
}

static PetStatus
depthtospace_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  const PetShape *in = &pet_node_input (graph, node, 0)->shape;
  PetShape *out = &outputs[0].shape;
  int64_t block;

  PET_TRY (check_blocks (graph, node, &block, &outputs[0], error));
  if (in->dim[1] % (block * block) != 0)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "%lld channels do not fit blocks of %lld", (long long) in->dim[1],
        (long long) block);
  out->dim[1] = in->dim[1] / (block * block);
  if (__builtin_mul_overflow (in->dim[2], block, &out->dim[2]) ||
      __builtin_mul_overflow (in->dim[3], block, &out->dim[3]))
    return pet_fail (error, PET_ERROR_LIMIT, "the result is too large");
  return PET_OK;
}

static void
depthtospace_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  static const int dcr[6] = { 0, 3, 4, 1, 5, 2 }, crd[6] = { 0, 1, 4, 2, 5, 3 };
  const int64_t *in = inputs[0].shape.dim, *out = outputs[0].shape.dim;
  int64_t block = pet_node_int (node, "blocksize", 1);
  bool crd_mode = is_crd (node);
  PetShape shape = { 6,
    { in[0], crd_mode ? out[1] : block, block, crd_mode ? block : out[1], in[2],
        in[3] } };

  copy_permuted (&inputs[0], &shape, crd_mode ? crd : dcr, &outputs[0]);
}

const PetOp pet_op_depthtospace = {
  .type = "DepthToSpace",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = depthtospace_infer,
  .run = depthtospace_run,
};

static PetStatus
spacetodepth_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  const PetShape *in = &pet_node_input (graph, node, 0)->shape;
  PetShape *out = &outputs[0].shape;
  int64_t block;

  PET_TRY (check_blocks (graph, node, &block, &outputs[0], error));
  if (in->dim[2] % block != 0 || in->dim[3] % block != 0)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "the size does not fit blocks of %lld", (long long) block);
  if (__builtin_mul_overflow (in->dim[1], block * block, &out->dim[1]))
    return pet_fail (error, PET_ERROR_LIMIT, "the result is too large");
  out->dim[2] = in->dim[2] / block;
  out->dim[3] = in->dim[3] / block;
  return PET_OK;
}

static void
spacetodepth_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  static const int perm[6] = { 0, 3, 5, 1, 2, 4 };
  const int64_t *in = inputs[0].shape.dim, *out = outputs[0].shape.dim;
  int64_t block = pet_node_int (node, "blocksize", 1);
  PetShape shape = { 6, { in[0], in[1], out[2], block, out[3], block } };

  copy_permuted (&inputs[0], &shape, perm, &outputs[0]);
}

const PetOp pet_op_spacetodepth = {
  .type = "SpaceToDepth",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = spacetodepth_infer,
  .run = spacetodepth_run,
};
