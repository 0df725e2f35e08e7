/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Normalisations: Batch (inference), Instance, Layer, Group, Lp, and LRN.
 * Sums are kept in double. */

#include "nn/ref/pet-op-util.h"

/* Input `index` is a list of `count` floats. */
static PetStatus
check_floats (const PetGraph *graph, const PetNode *node, int index,
    int64_t count, PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, index);

  PET_TRY (pet_op_type (x, PET_MASK_FLOAT, "a parameter", error));
  if (pet_elements (x) != (size_t) count)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "input %d has %zu numbers, not %lld", index, pet_elements (x),
        (long long) count);
  return PET_OK;
}

static PetStatus
check_channels (const PetGraph *graph, const PetNode *node, int first, int last,
    PetTensor *outputs, PetError *error)
{
  PET_TRY (pet_op_infer_same (graph, node, outputs, error));
  if (outputs[0].shape.rank < 2)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "data of %d dimensions has no channels", outputs[0].shape.rank);
  for (int i = first; i <= last; i++)
    PET_TRY (check_floats (graph, node, i, outputs[0].shape.dim[1], error));
  return PET_OK;
}

/* to = (from - mean) * factor * scale + bias */
static void
normalise (float *to, const float *from, size_t count, double mean,
    double factor, double scale, double bias)
{
  double slope = factor * scale, offset = bias - mean * slope;

  for (size_t i = 0; i < count; i++)
    to[i] = (float) ((double) from[i] * slope + offset);
}

static void
moments (const float *from, size_t count, double epsilon, double *mean,
    double *factor)
{
  double sum = 0, squares = 0, n = count > 0 ? (double) count : 1;

  for (size_t i = 0; i < count; i++)
    sum += (double) from[i];
  *mean = sum / n;
  for (size_t i = 0; i < count; i++) {
    double d = (double) from[i] - *mean;

    squares += d * d;
  }
  *factor = 1 / sqrt (squares / n + epsilon);
}

static PetStatus
batchnorm_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  if (pet_node_int (node, "training_mode", 0) != 0)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "training mode is not supported");
  if (pet_node_int (node, "spatial", 1) == 0)
    return pet_fail (
        error, PET_ERROR_UNSUPPORTED, "spatial=0 is not supported");
  return check_channels (graph, node, 1, 4, outputs, error);
}

static void
batchnorm_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  double epsilon = (double) pet_node_float (node, "epsilon", 1e-5f);
  const float *scale = inputs[1].data, *bias = inputs[2].data;
  const float *mean = inputs[3].data, *variance = inputs[4].data;
  size_t channels = (size_t) shape->dim[1], size = pet_inner (shape, 2);
  size_t planes = pet_outer (shape, 2);

  for (size_t i = 0; i < planes; i++) {
    size_t c = i % channels;

    normalise ((float *) outputs[0].data + i * size,
        (const float *) inputs[0].data + i * size, size, (double) mean[c],
        1 / sqrt ((double) variance[c] + epsilon), (double) scale[c],
        (double) bias[c]);
  }
}

const PetOp pet_op_batchnormalization = {
  .type = "BatchNormalization",
  .min_inputs = 5,
  .max_inputs = 5,
  .max_outputs = 1,
  .infer = batchnorm_infer,
  .run = batchnorm_run,
};

static PetStatus
instancenorm_infer (const PetGraph *graph, const PetNode *node,
    PetTensor *outputs, PetError *error)
{
  return check_channels (graph, node, 1, 2, outputs, error);
}

static void
instancenorm_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  double epsilon = (double) pet_node_float (node, "epsilon", 1e-5f);
  const float *scale = inputs[1].data, *bias = inputs[2].data;
  size_t channels = (size_t) shape->dim[1], size = pet_inner (shape, 2);
  size_t planes = pet_outer (shape, 2);

  for (size_t i = 0; i < planes; i++) {
    const float *from = (const float *) inputs[0].data + i * size;
    double mean, factor;

    moments (from, size, epsilon, &mean, &factor);
    normalise ((float *) outputs[0].data + i * size, from, size, mean, factor,
        (double) scale[i % channels], (double) bias[i % channels]);
  }
}

const PetOp pet_op_instancenormalization = {
  .type = "InstanceNormalization",
  .min_inputs = 3,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = instancenorm_infer,
  .run = instancenorm_run,
};

/* Scale and bias were per group before opset 21, and are per channel since. */
static PetStatus
groupnorm_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  int64_t groups = pet_node_int (node, "num_groups", 0);
  const PetShape *shape = &pet_node_input (graph, node, 0)->shape;

  PET_TRY (check_channels (graph, node, 1, 0, outputs, error));
  if (groups < 1 || shape->dim[1] % groups != 0)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "%lld groups do not divide %lld channels", (long long) groups,
        (long long) shape->dim[1]);
  for (int i = 1; i <= 2; i++)
    PET_TRY (check_floats (
        graph, node, i, node->opset < 21 ? groups : shape->dim[1], error));
  return PET_OK;
}

static void
groupnorm_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  double epsilon = (double) pet_node_float (node, "epsilon", 1e-5f);
  const float *scale = inputs[1].data, *bias = inputs[2].data;
  size_t groups = (size_t) pet_node_int (node, "num_groups", 1);
  size_t each = (size_t) shape->dim[1] / groups, size = pet_inner (shape, 2);
  bool per_group = node->opset < 21;

  for (size_t i = 0; i < (size_t) shape->dim[0] * groups; i++) {
    size_t group = i % groups, at = i * each * size;
    double mean, factor;

    moments ((const float *) inputs[0].data + at, each * size, epsilon, &mean,
        &factor);
    for (size_t c = 0; c < each; c++, at += size) {
      size_t p = per_group ? group : group * each + c;

      normalise ((float *) outputs[0].data + at,
          (const float *) inputs[0].data + at, size, mean, factor,
          (double) scale[p], (double) bias[p]);
    }
  }
}

const PetOp pet_op_groupnormalization = {
  .type = "GroupNormalization",
  .min_inputs = 3,
  .max_inputs = 3,
  .max_outputs = 1,
  .infer = groupnorm_infer,
  .run = groupnorm_run,
};

static int
axis_of (const PetNode *node, const PetShape *shape)
{
  int64_t axis = pet_node_int (node, "axis", -1);

  return (int) (axis < 0 ? axis + shape->rank : axis);
}

/* Mean and InvStdDev, where asked for, have 1 in the normalised dimensions. */
static PetStatus
layernorm_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  const PetTensor *x = pet_node_input (graph, node, 0);
  int axis = 0;
  int64_t inner;

  PET_TRY (pet_op_infer_same (graph, node, outputs, error));
  PET_TRY (pet_op_axis (
      pet_node_int (node, "axis", -1), x->shape.rank, "axis", &axis, error));
  inner = (int64_t) pet_inner (&x->shape, axis);
  PET_TRY (check_floats (graph, node, 1, inner, error));
  if (pet_node_input (graph, node, 2)->type != PET_TYPE_NONE)
    PET_TRY (check_floats (graph, node, 2, inner, error));
  for (int i = 1; i < node->n_outputs; i++) {
    outputs[i] = outputs[0];
    for (int k = axis; k < x->shape.rank; k++)
      outputs[i].shape.dim[k] = 1;
  }
  return PET_OK;
}

static void
layernorm_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  int axis = axis_of (node, &inputs[0].shape);
  size_t rows = pet_outer (&inputs[0].shape, axis);
  size_t size = pet_inner (&inputs[0].shape, axis);
  double epsilon = (double) pet_node_float (node, "epsilon", 1e-5f);
  const float *scale = inputs[1].data;
  const float *bias = node->n_inputs > 2 ? inputs[2].data : NULL;
  float *means = node->n_outputs > 1 ? outputs[1].data : NULL;
  float *factors = node->n_outputs > 2 ? outputs[2].data : NULL;

  for (size_t r = 0; r < rows; r++) {
    const float *from = (const float *) inputs[0].data + r * size;
    float *to = (float *) outputs[0].data + r * size;
    double mean, factor;

    moments (from, size, epsilon, &mean, &factor);
    for (size_t i = 0; i < size; i++)
      to[i] = (float) (((double) from[i] - mean) * factor * (double) scale[i]) +
          (bias != NULL ? bias[i] : 0.0f);
    if (means != NULL)
      means[r] = (float) mean;
    if (factors != NULL)
      factors[r] = (float) factor;
  }
}

const PetOp pet_op_layernormalization = {
  .type = "LayerNormalization",
  .min_inputs = 2,
  .max_inputs = 3,
  .max_outputs = 3,
  .infer = layernorm_infer,
  .run = layernorm_run,
};

static PetStatus
lpnorm_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  int64_t p = pet_node_int (node, "p", 2);
  int axis;

  PET_TRY (pet_op_infer_same (graph, node, outputs, error));
  if (p != 1 && p != 2)
    return pet_fail (
        error, PET_ERROR_CORRUPT, "p is %lld, not 1 or 2", (long long) p);
  return pet_op_axis (pet_node_int (node, "axis", -1), outputs[0].shape.rank,
      "axis", &axis, error);
}

static void
lpnorm_line (
    float *to, const float *from, size_t count, size_t step, bool absolute)
{
  double sum = 0;

  for (size_t i = 0; i < count; i++) {
    double x = (double) from[i * step];

    sum += absolute ? fabs (x) : x * x;
  }
  if (!absolute)
    sum = sqrt (sum);
  for (size_t i = 0; i < count; i++)
    to[i * step] = sum == 0 ? 0.0f : (float) ((double) from[i * step] / sum);
}

static void
lpnorm_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  const PetShape *shape = &inputs[0].shape;
  int axis = axis_of (node, shape);
  size_t outer = pet_outer (shape, axis), inner = pet_inner (shape, axis + 1);
  size_t count = (size_t) shape->dim[axis];
  bool absolute = pet_node_int (node, "p", 2) == 1;

  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < inner; i++) {
      size_t at = o * count * inner + i;

      lpnorm_line ((float *) outputs[0].data + at,
          (const float *) inputs[0].data + at, count, inner, absolute);
    }
}

const PetOp pet_op_lpnormalization = {
  .type = "LpNormalization",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = lpnorm_infer,
  .run = lpnorm_run,
};

static PetStatus
lrn_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  int64_t size = pet_node_int (node, "size", 0);

  PET_TRY (check_channels (graph, node, 1, 0, outputs, error));
  if (size < 1 || size > INT32_MAX)
    return pet_fail (
        error, PET_ERROR_CORRUPT, "size %lld is not valid", (long long) size);
  return PET_OK;
}

typedef struct {
  int64_t channels;
  int64_t before, span; /* channels in front of one; in its sum */
  size_t step;          /* from one channel to the next */
  double bias, factor, beta;
} Lrn;

static Lrn
lrn_of (const PetNode *node, const PetShape *shape)
{
  int64_t size = pet_node_int (node, "size", 1), last = shape->dim[1] - 1;
  int64_t before = (size - 1) / 2, after = size / 2;

  before = before < last ? before : last;
  after = after < last ? after : last;
  return (Lrn){ .channels = shape->dim[1],
    .before = before,
    .span = before + 1 + after,
    .step = pet_inner (shape, 2),
    .bias = (double) pet_node_float (node, "bias", 1.0f),
    .factor = (double) pet_node_float (node, "alpha", 1e-4f) / (double) size,
    .beta = (double) pet_node_float (node, "beta", 0.75f) };
}

static double
lrn_square (const Lrn *lrn, const float *from, int64_t channel)
{
  double x;

  if (channel < 0 || channel >= lrn->channels)
    return 0;
  x = (double) from[(size_t) channel * lrn->step];
  return x * x;
}

/* In blocks of `span` channels: a sum is what its first channel and those behind
 * it add up to in one block, and those in front of its end in the next. */
static void
lrn_line (const Lrn *lrn, const float *from, float *to, double *rest)
{
  for (int64_t c = 0; c < lrn->channels; c += lrn->span) {
    int64_t first = c - lrn->before, left = lrn->channels - c;
    double sum = 0;

    left = left < lrn->span ? left : lrn->span;
    for (int64_t i = lrn->span - 1; i >= 0; i--) {
      sum += lrn_square (lrn, from, first + i);
      if (i < left)
        rest[i] = sum;
    }
    sum = 0;
    for (int64_t i = 0; i < left; i++) {
      size_t at = (size_t) (c + i) * lrn->step;

      to[at] = (float) ((double) from[at] /
          pow (lrn->bias + lrn->factor * (rest[i] + sum), lrn->beta));
      sum += lrn_square (lrn, from, first + lrn->span + i);
    }
  }
}

static size_t
lrn_scratch (const PetGraph *graph, const PetNode *node)
{
  return (size_t) pet_node_input (graph, node, 0)->shape.dim[1] *
      sizeof (double);
}

static void
lrn_run (const PetNode *node, const PetTensor *inputs, const PetTensor *outputs,
    void *scratch)
{
  Lrn lrn = lrn_of (node, &inputs[0].shape);
  size_t whole = (size_t) lrn.channels * lrn.step;

  for (size_t at = 0; at < pet_elements (outputs); at += whole)
    for (size_t i = 0; i < lrn.step; i++)
      lrn_line (&lrn, (const float *) inputs[0].data + at + i,
          (float *) outputs[0].data + at + i, scratch);
}

const PetOp pet_op_lrn = {
  .type = "LRN",
  .min_inputs = 1,
  .max_inputs = 1,
  .max_outputs = 1,
  .infer = lrn_infer,
  .scratch_bytes = lrn_scratch,
  .run = lrn_run,
};
