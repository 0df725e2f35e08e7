/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resize (opset 10 on) and Upsample. Resizing is separable: each axis has a
 * table of taps per output place (a source place and a weight each), and the
 * axes are done one after the other, those that shrink first. Formulas follow
 * the ONNX specification's reference; places outside the picture are taken
 * from its edge. */

#include "nn/ref/pet-op-resize.h"

#include "base/pet-checked.h"
#include "nn/ref/pet-op-util.h"

typedef enum { NEAREST, LINEAR, CUBIC } Mode;

typedef enum {
  HALF_PIXEL,
  HALF_PIXEL_SYMMETRIC,
  PYTORCH_HALF_PIXEL,
  ALIGN_CORNERS,
  ASYMMETRIC,
  TF_HALF_PIXEL_FOR_NN,
  TF_CROP_AND_RESIZE,
} Transform;

typedef enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL, BEFORE_11 } Nearest;

typedef struct {
  Mode mode;
  Transform transform;
  Nearest nearest;
  bool antialias, exclude_outside;
  float cubic_a, extrapolation;
  PetShape in, out;
  double scale[PET_MAX_RANK];
  double roi_start[PET_MAX_RANK], roi_end[PET_MAX_RANK];
} Resize;

/* The constant inputs, NONE where left out. */
typedef struct {
  const PetTensor *x, *roi, *scales, *sizes;
} Inputs;

static PetStatus
choose (const PetNode *node, const char *attr, const char *const *names,
    int count, int *choice, PetError *error)
{
  const char *given = pet_node_string (node, attr, names[0]);

  for (*choice = 0; *choice < count; ++*choice)
    if (strcmp (given, names[*choice]) == 0)
      return PET_OK;
  return pet_fail (
      error, PET_ERROR_UNSUPPORTED, "%s '%.30s' is not supported", attr, given);
}

static PetStatus
read_modes (const PetNode *node, Resize *resize, PetError *error)
{
  static const char *const modes[] = { "nearest", "linear", "cubic" };
  static const char *const transforms[] = { "half_pixel",
    "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_half_pixel_for_nn", "tf_crop_and_resize" };
  static const char *const nearests[] = { "round_prefer_floor",
    "round_prefer_ceil", "floor", "ceil" };
  int mode, transform, nearest;

  if (strcmp (pet_node_string (node, "mode", "nearest"), "bilinear") == 0)
    mode = LINEAR;
  else
    PET_TRY (choose (node, "mode", modes, 3, &mode, error));
  PET_TRY (choose (node, "coordinate_transformation_mode", transforms, 7,
      &transform, error));
  PET_TRY (choose (node, "nearest_mode", nearests, 4, &nearest, error));
  resize->mode = (Mode) mode;
  resize->transform = (Transform) transform;
  resize->nearest = (Nearest) nearest;
  if (node->opset < 11 || strcmp (node->type, "Upsample") == 0) {
    resize->transform = ASYMMETRIC;
    resize->nearest = BEFORE_11;
  }
  resize->antialias = pet_node_int (node, "antialias", 0) != 0;
  resize->exclude_outside = pet_node_int (node, "exclude_outside", 0) != 0;
  resize->cubic_a = pet_node_float (node, "cubic_coeff_a", -0.75f);
  resize->extrapolation = pet_node_float (node, "extrapolation_value", 0.0f);
  return PET_OK;
}

/* The axes that scales, sizes and roi speak of, in their order. */
static PetStatus
read_axes (const PetNode *node, int rank, int axes[PET_MAX_RANK], int *count,
    PetError *error)
{
  bool seen[PET_MAX_RANK];
  PetInts given;

  PET_TRY (pet_op_attr_ints (node, "axes", &given, error));
  if (given.count == 0)
    for (; given.count < rank; given.count++)
      given.at[given.count] = given.count;
  PET_TRY (pet_op_axes (given.at, (size_t) given.count, rank, seen, error));
  for (int i = 0; i < given.count; i++)
    axes[i] = (int) (given.at[i] < 0 ? given.at[i] + rank : given.at[i]);
  *count = given.count;
  return PET_OK;
}

static bool
is_given (const PetTensor *tensor)
{
  return tensor->type != PET_TYPE_NONE && pet_elements (tensor) > 0;
}

static PetStatus
check_list (
    const PetTensor *tensor, int count, const char *what, PetError *error)
{
  if (tensor->data == NULL)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "%s depends on the input data; only constants are supported", what);
  if (pet_elements (tensor) != (size_t) count)
    return pet_fail (error, PET_ERROR_CORRUPT, "%s has %zu numbers, not %d",
        what, pet_elements (tensor), count);
  return PET_OK;
}

/* The size comes of floats, as in ONNX's own shape inference: 10 by 0.7f is 7,
 * though the exact product is less. */
static PetStatus
set_scale (Resize *resize, int axis, double scale, PetError *error)
{
  float size = floorf ((float) resize->in.dim[axis] * (float) scale);

  if (!(scale > 0) || !(size >= 0 && size < 0x1p31f))
    return pet_fail (
        error, PET_ERROR_CORRUPT, "a scale of %g is not valid", scale);
  resize->scale[axis] = scale;
  resize->out.dim[axis] = (int64_t) size;
  return PET_OK;
}

static PetStatus
set_size (Resize *resize, int axis, int64_t size, PetError *error)
{
  int64_t in = resize->in.dim[axis];

  if (size < 0 || size > INT32_MAX || (size > 0 && in == 0))
    return pet_fail (error, PET_ERROR_CORRUPT, "a size of %lld is not valid",
        (long long) size);
  resize->out.dim[axis] = size;
  resize->scale[axis] = in > 0 && size > 0 ? (double) size / (double) in : 1;
  return PET_OK;
}

/* keep_aspect_ratio_policy: one scale for all axes, the smallest or largest
 * that the sizes ask for. */
static PetStatus
apply_policy (const PetNode *node, const int *axes, int count, Resize *resize,
    PetError *error)
{
  static const char *const policies[] = { "stretch", "not_larger",
    "not_smaller" };
  int policy;
  double scale;

  PET_TRY (
      choose (node, "keep_aspect_ratio_policy", policies, 3, &policy, error));
  if (policy == 0 || count == 0)
    return PET_OK;
  scale = resize->scale[axes[0]];
  for (int i = 1; i < count; i++)
    scale = policy == 1 ? fmin (scale, resize->scale[axes[i]])
                        : fmax (scale, resize->scale[axes[i]]);
  for (int i = 0; i < count; i++) {
    double size = floor ((double) resize->in.dim[axes[i]] * scale + 0.5);

    resize->scale[axes[i]] = scale;
    if (!(size >= 0 && size <= INT32_MAX))
      return pet_fail (
          error, PET_ERROR_CORRUPT, "a scale of %g is not valid", scale);
    resize->out.dim[axes[i]] = (int64_t) size;
  }
  return PET_OK;
}

static PetStatus
read_roi (const PetTensor *roi, const int *axes, int count, Resize *resize,
    PetError *error)
{
  for (int i = 0; i < resize->in.rank; i++)
    resize->roi_end[i] = 1;
  if (resize->transform != TF_CROP_AND_RESIZE)
    return PET_OK;
  if (resize->antialias)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "antialias with tf_crop_and_resize is not supported");
  if (!is_given (roi))
    return pet_fail (error, PET_ERROR_CORRUPT, "roi is missing");
  PET_TRY (check_list (roi, 2 * count, "roi", error));
  for (int i = 0; i < count; i++) {
    resize->roi_start[axes[i]] = pet_get_double (roi, (size_t) i);
    resize->roi_end[axes[i]] = pet_get_double (roi, (size_t) (count + i));
  }
  return PET_OK;
}

static PetStatus
read_upsample_scales (const PetNode *node, Resize *resize, PetError *error)
{
  const PetAttr *scales = pet_node_attr (node, "scales");

  if (scales == NULL || scales->count != (size_t) resize->in.rank)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "scales does not have %d numbers", resize->in.rank);
  for (int i = 0; i < resize->in.rank; i++)
    PET_TRY (set_scale (resize, i, (double) scales->floats[i], error));
  return PET_OK;
}

static PetStatus
resolve (
    const PetNode *node, const Inputs *inputs, Resize *resize, PetError *error)
{
  int axes[PET_MAX_RANK], count;

  memset (resize, 0, sizeof *resize);
  resize->in = resize->out = inputs->x->shape;
  for (int i = 0; i < resize->in.rank; i++) {
    resize->scale[i] = 1;
    if (resize->in.dim[i] > INT32_MAX)
      return pet_fail (error, PET_ERROR_LIMIT, "the data is too large");
  }
  PET_TRY (read_modes (node, resize, error));
  PET_TRY (read_axes (node, resize->in.rank, axes, &count, error));
  PET_TRY (read_roi (inputs->roi, axes, count, resize, error));
  if (is_given (inputs->sizes)) {
    PET_TRY (check_list (inputs->sizes, count, "sizes", error));
    for (int i = 0; i < count; i++)
      PET_TRY (set_size (
          resize, axes[i], pet_get_int (inputs->sizes, (size_t) i), error));
    return apply_policy (node, axes, count, resize, error);
  }
  if (!is_given (inputs->scales))
    return read_upsample_scales (node, resize, error);
  PET_TRY (check_list (inputs->scales, count, "scales", error));
  for (int i = 0; i < count; i++)
    PET_TRY (set_scale (
        resize, axes[i], pet_get_double (inputs->scales, (size_t) i), error));
  return PET_OK;
}

/* Which input is what changed with opset 11. */
static bool
has_roi (const PetNode *node)
{
  return node->opset >= 11 && strcmp (node->type, "Upsample") != 0;
}

static PetStatus
resolve_in_graph (
    const PetGraph *graph, const PetNode *node, Resize *resize, PetError *error)
{
  bool roi = has_roi (node);
  Inputs inputs = { pet_node_input (graph, node, 0),
    pet_node_input (graph, node, roi ? 1 : INT32_MAX),
    pet_node_input (graph, node, roi ? 2 : 1),
    pet_node_input (graph, node, roi ? 3 : INT32_MAX) };

  return resolve (node, &inputs, resize, error);
}

/* Number of taps per output place of an axis. */
static int64_t
count_taps (const Resize *resize, int axis)
{
  double scale = fmin (resize->scale[axis], 1.0);
  double support = resize->mode == LINEAR ? 1 : 2;

  if (resize->mode == NEAREST || resize->out.dim[axis] == 0)
    return 1;
  if (!resize->antialias)
    return 2 * (int64_t) support;
  return 2 - 2 * ((int64_t) floor (-support / scale) + 1);
}

static bool
is_still (const Resize *resize, int axis)
{
  return resize->in.dim[axis] == resize->out.dim[axis] &&
      resize->scale[axis] == 1 && resize->transform != TF_CROP_AND_RESIZE &&
      resize->transform != TF_HALF_PIXEL_FOR_NN;
}

/* Bytes of the tables of the axis that has the largest ones, in doubles and
 * int32; and of two pictures in between. */
static bool
scratch_layout (const Resize *resize, size_t *table_taps, size_t *picture)
{
  PetShape shape = resize->in;
  size_t elements, taps;

  *table_taps = 0;
  *picture = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < resize->in.rank; i++) {
      bool grows = resize->out.dim[i] > resize->in.dim[i];

      if (is_still (resize, i) || grows != (pass == 1))
        continue;
      if (!pet_mul_size ((size_t) resize->out.dim[i],
              (size_t) count_taps (resize, i), &taps))
        return false;
      *table_taps = taps > *table_taps ? taps : *table_taps;
      shape.dim[i] = resize->out.dim[i];
      if (!pet_shape_elements (&shape, &elements))
        return false;
      *picture = elements > *picture ? elements : *picture;
    }
  return *table_taps < SIZE_MAX / 64 && *picture < SIZE_MAX / 64;
}

static size_t
resize_scratch (const PetGraph *graph, const PetNode *node)
{
  size_t table_taps, picture;
  Resize resize;

  if (resolve_in_graph (graph, node, &resize, NULL) != PET_OK ||
      !scratch_layout (&resize, &table_taps, &picture))
    return 0;
  return table_taps * (sizeof (double) + sizeof (int32_t)) +
      2 * picture * sizeof (float) + 64;
}

static PetStatus
resize_infer (const PetGraph *graph, const PetNode *node, PetTensor *outputs,
    PetError *error)
{
  size_t table_taps, picture;
  Resize resize;

  PET_TRY (pet_op_type (
      pet_node_input (graph, node, 0), PET_MASK_FLOAT, "data", error));
  PET_TRY (resolve_in_graph (graph, node, &resize, error));
  if (!scratch_layout (&resize, &table_taps, &picture) ||
      table_taps > (size_t) 1 << 28)
    return pet_fail (error, PET_ERROR_LIMIT, "the sizes are too large");
  outputs[0].type = PET_TYPE_F32;
  outputs[0].shape = resize.out;
  return PET_OK;
}

/* Where output place `x` of an axis lies in the input. */
static double
source_place (const Resize *resize, int axis, double x)
{
  double scale = resize->scale[axis], in = (double) resize->in.dim[axis];
  double length = scale * in, start = resize->roi_start[axis];
  double end = resize->roi_end[axis], part;

  switch (resize->transform) {
    case ALIGN_CORNERS:
      return length == 1 ? 0 : x * (in - 1) / (length - 1);
    case ASYMMETRIC:
      return x / scale;
    case TF_HALF_PIXEL_FOR_NN:
      return (x + 0.5) / scale;
    case PYTORCH_HALF_PIXEL:
      return length == 1 ? 0 : (x + 0.5) / scale - 0.5;
    case HALF_PIXEL_SYMMETRIC:
      part = (double) resize->out.dim[axis] / length;
      return in / 2 * (1 - part) + (x + 0.5) / scale - 0.5;
    case TF_CROP_AND_RESIZE:
      if (length == 1)
        return (end - start) * (in - 1) / 2;
      return start * (in - 1) + x * (end - start) * (in - 1) / (length - 1);
    case HALF_PIXEL:
      break;
  }
  return (x + 0.5) / scale - 0.5;
}

static double
round_place (const Resize *resize, int axis, double x)
{
  switch (resize->nearest) {
    case PREFER_FLOOR:
      return ceil (x - 0.5);
    case PREFER_CEIL:
      return floor (x + 0.5);
    case FLOOR:
      return floor (x);
    case BEFORE_11:
      return resize->scale[axis] < 1 ? ceil (x) : floor (x);
    case CEIL:
      break;
  }
  return ceil (x);
}

static double
cubic_weight (double a, double x)
{
  x = fabs (x);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

static double
weight_at (const Resize *resize, double distance)
{
  if (resize->mode == CUBIC)
    return cubic_weight ((double) resize->cubic_a, distance);
  return fmax (0, 1 - fabs (distance));
}

/* Taps of one output place; `place` is where it lies in the input. */
static void
fill_taps (const Resize *resize, int axis, double place, int64_t taps,
    int32_t *index, double *weight)
{
  int64_t last = resize->in.dim[axis] - 1;
  double scale = resize->antialias ? fmin (resize->scale[axis], 1.0) : 1.0;
  double first = ceil (place) - (double) (taps / 2), sum = 0;

  if (resize->mode == NEAREST) {
    *weight = 1;
    *index = (int32_t) fmin (
        fmax (round_place (resize, axis, place), 0), (double) last);
    return;
  }
  for (int64_t i = 0; i < taps; i++) {
    double at = first + (double) i;

    weight[i] = weight_at (resize, (at - place) * scale);
    if (resize->exclude_outside && (at < 0 || at > (double) last))
      weight[i] = 0;
    index[i] = (int32_t) fmin (fmax (at, 0), (double) last);
    sum += weight[i];
  }
  for (int64_t i = 0; i < taps && sum != 0; i++)
    weight[i] /= sum;
}

/* Whether a place is so far out that extrapolation_value stands for it; its
 * taps are then marked by a first index of -1. */
static bool
is_outside (const Resize *resize, int axis, double place)
{
  return resize->transform == TF_CROP_AND_RESIZE &&
      !(place >= 0 && place <= (double) (resize->in.dim[axis] - 1));
}

static void
fill_table (const Resize *resize, int axis, int64_t taps, int32_t *index,
    double *weight)
{
  for (int64_t x = 0; x < resize->out.dim[axis];
       x++, index += taps, weight += taps) {
    double place = source_place (resize, axis, (double) x);

    if (is_outside (resize, axis, place))
      index[0] = -1;
    else
      fill_taps (resize, axis, place, taps, index, weight);
  }
}

bool
pet_resize_taps (const PetGraph *graph, const PetNode *node, int axis,
    int *taps, int32_t *index, double *weight)
{
  Resize resize;

  if (resolve_in_graph (graph, node, &resize, NULL) != PET_OK ||
      resize.transform == TF_CROP_AND_RESIZE || count_taps (&resize, axis) > 2)
    return false;
  *taps = is_still (&resize, axis) ? 0 : (int) count_taps (&resize, axis);
  if (*taps > 0 && index != NULL)
    fill_table (&resize, axis, *taps, index, weight);
  return true;
}

static void
fill_row (float *to, size_t count, float value)
{
  for (size_t i = 0; i < count; i++)
    to[i] = value;
}

static void
mix_rows (float *restrict to, const float *restrict from, size_t inner,
    int64_t taps, const int32_t *index, const double *weight)
{
  for (int64_t t = 0; t < taps; t++) {
    const float *row = from + (size_t) index[t] * inner;
    float w = (float) weight[t];

    if (t == 0)
      for (size_t i = 0; i < inner; i++)
        to[i] = w * row[i];
    else
      for (size_t i = 0; i < inner; i++)
        to[i] += w * row[i];
  }
}

/* One axis of `shape` (whose other axes are as they are). */
static void
resize_axis (const Resize *resize, int axis, const PetShape *shape,
    const float *from, float *to, int32_t *index, double *weight)
{
  int64_t taps = count_taps (resize, axis), out = resize->out.dim[axis];
  size_t outer = pet_outer (shape, axis), inner = pet_inner (shape, axis + 1);
  size_t in_step = (size_t) shape->dim[axis] * inner;

  fill_table (resize, axis, taps, index, weight);
  for (size_t o = 0; o < outer; o++, from += in_step)
    for (int64_t x = 0; x < out; x++, to += inner)
      if (index[x * taps] < 0)
        fill_row (to, inner, resize->extrapolation);
      else
        mix_rows (to, from, inner, taps, index + x * taps, weight + x * taps);
}

/* Places set to extrapolation_value keep it when later axes mix them: their
 * neighbours there are of the same value and weights sum to 1. */
static void
run_axes (const Resize *resize, const float *from, float *to, char *scratch,
    size_t table_taps, size_t picture)
{
  double *weight = (void *) scratch;
  int32_t *index = (void *) (weight + table_taps);
  float *half[2] = { (void *) (index + table_taps), NULL };
  PetShape shape = resize->in;
  int turn = 0;

  half[1] = half[0] + picture;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < shape.rank; i++) {
      bool grows = resize->out.dim[i] > resize->in.dim[i];

      if (is_still (resize, i) || grows != (pass == 1))
        continue;
      resize_axis (resize, i, &shape, from, half[turn], index, weight);
      shape.dim[i] = resize->out.dim[i];
      from = half[turn];
      turn = 1 - turn;
    }
  memcpy (to, from, pet_inner (&shape, 0) * sizeof *to);
}

static void
resize_run (const PetNode *node, const PetTensor *inputs,
    const PetTensor *outputs, void *scratch)
{
  static const PetTensor absent;
  bool roi = has_roi (node);
  int n = node->n_inputs;
  Inputs list = { &inputs[0], roi && n > 1 ? &inputs[1] : &absent,
    roi ? (n > 2 ? &inputs[2] : &absent) : (n > 1 ? &inputs[1] : &absent),
    roi && n > 3 ? &inputs[3] : &absent };
  size_t table_taps, picture;
  Resize resize;

  if (pet_elements (outputs) == 0 ||
      resolve (node, &list, &resize, NULL) != PET_OK ||
      !scratch_layout (&resize, &table_taps, &picture))
    return;
  run_axes (
      &resize, inputs[0].data, outputs[0].data, scratch, table_taps, picture);
}

const PetOp pet_op_resize = {
  .type = "Resize",
  .min_inputs = 1,
  .max_inputs = 4,
  .max_outputs = 1,
  .infer = resize_infer,
  .scratch_bytes = resize_scratch,
  .run = resize_run,
};

const PetOp pet_op_upsample = {
  .type = "Upsample",
  .min_inputs = 1,
  .max_inputs = 2,
  .max_outputs = 1,
  .infer = resize_infer,
  .scratch_bytes = resize_scratch,
  .run = resize_run,
};
