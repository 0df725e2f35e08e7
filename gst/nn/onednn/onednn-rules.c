/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which nodes oneDNN gets: where its semantics are ONNX's exactly. */

#include <string.h>

#include "nn/onednn/onednn-private.h"

static const PetTensor *
input (const PetGraph *graph, const PetNode *node, int index)
{
  return pet_node_input (graph, node, index);
}

static const PetTensor *
output (const PetGraph *graph, const PetNode *node)
{
  return &graph->values[node->outputs[0]].tensor;
}

static bool
is_constant (const PetTensor *tensor)
{
  return tensor->data != NULL && tensor->type == PET_TYPE_F32;
}

/* Something to compute, in float, with a spatial part (rank 3 to 5). */
static bool
is_picture (const PetTensor *tensor)
{
  return tensor->shape.rank >= 3 &&
      tensor->shape.rank <= 2 + PET_DNN_MAX_SPATIAL;
}

static int64_t
spatial_int (const PetNode *node, const char *name, int index, int64_t fallback)
{
  size_t count;
  const int64_t *values = pet_node_ints (node, name, &count);

  return (size_t) index < count ? values[index] : fallback;
}

/* Padding in front: from `pads`, or what auto_pad makes of `total`. */
static int64_t
pad_before (const PetNode *node, int index, int64_t total)
{
  const char *mode = pet_node_string (node, "auto_pad", "NOTSET");

  if (strcmp (mode, "SAME_UPPER") == 0)
    return total / 2;
  if (strcmp (mode, "SAME_LOWER") == 0)
    return total - total / 2;
  if (strcmp (mode, "VALID") == 0)
    return 0;
  return spatial_int (node, "pads", index, 0);
}

bool
pet_dnn_window (const PetGraph *graph, const PetNode *node,
    const int64_t *kernel, bool transposed, PetDnnWindow *window)
{
  const PetShape *in = &input (graph, node, 0)->shape;
  const PetShape *out = &output (graph, node)->shape;

  window->n = in->rank - 2;
  for (int i = 0; i < window->n; i++) {
    int64_t stride = spatial_int (node, "strides", i, 1);
    int64_t dilation = spatial_int (node, "dilations", i, 1);
    int64_t span = (kernel[i] - 1) * dilation + 1;
    int64_t small = transposed ? in->dim[2 + i] : out->dim[2 + i];
    int64_t large = transposed ? out->dim[2 + i] : in->dim[2 + i];
    int64_t total = (small - 1) * stride + span - large;

    /* Of no effect, and the library goes out of bounds with huge ones. */
    if (kernel[i] == 1)
      dilation = 1;
    if (small == 1 && stride > large)
      stride = large;
    window->kernel[i] = kernel[i];
    window->strides[i] = stride;
    window->dilations[i] = dilation - 1;
    window->before[i] = pad_before (node, i, total > 0 ? total : 0);
    window->after[i] = total - window->before[i];
    /* A last stride that does not fit leaves rows over: no padding. */
    if (!transposed && window->after[i] < 0 && -window->after[i] < stride)
      window->after[i] = 0;
    if (window->before[i] < 0 || window->after[i] < 0)
      return false;
  }
  return true;
}

static bool
weights_and_bias (const PetGraph *graph, const PetNode *node, int64_t channels)
{
  const PetTensor *bias = input (graph, node, 2);

  return is_picture (input (graph, node, 0)) &&
      is_constant (input (graph, node, 1)) &&
      (bias->type == PET_TYPE_NONE ||
          (is_constant (bias) && bias->shape.rank == 1 &&
              bias->shape.dim[0] == channels));
}

static bool
rule_conv (const PetGraph *graph, const PetNode *node)
{
  return weights_and_bias (graph, node, output (graph, node)->shape.dim[1]);
}

/* auto_pad and output_shape distribute padding in ways of their own. */
static bool
rule_deconv (const PetGraph *graph, const PetNode *node)
{
  return weights_and_bias (graph, node, output (graph, node)->shape.dim[1]) &&
      node->residual < 0 && pet_node_attr (node, "output_shape") == NULL &&
      strcmp (pet_node_string (node, "auto_pad", "NOTSET"), "NOTSET") == 0;
}

static bool
rule_pool (const PetGraph *graph, const PetNode *node)
{
  PetDnnWindow window;
  size_t count;
  const int64_t *kernel = pet_node_ints (node, "kernel_shape", &count);
  bool counts_padding = pet_node_int (node, "count_include_pad", 0) != 0;

  if (!is_picture (input (graph, node, 0)) || node->n_outputs != 1 ||
      (int) count != input (graph, node, 0)->shape.rank - 2 ||
      !pet_dnn_window (graph, node, kernel, false, &window))
    return false;
  for (int i = 0; i < window.n; i++) {
    /* oneDNN would count what ceil_mode adds as padding, ONNX does not. */
    int64_t after = spatial_int (node, "pads", window.n + i, 0);

    if (window.before[i] >= window.kernel[i] ||
        window.after[i] >= window.kernel[i] ||
        (counts_padding && window.after[i] > after) ||
        (strcmp (node->type, "AveragePool") == 0 && window.dilations[i] > 0))
      return false;
  }
  return true;
}

static bool
rule_global_pool (const PetGraph *graph, const PetNode *node)
{
  return is_picture (input (graph, node, 0));
}

/* The scales a Resize was given must be those of the sizes, or the positions
 * would differ. */
static bool
scales_are_exact (const PetGraph *graph, const PetNode *node)
{
  const PetShape *in = &input (graph, node, 0)->shape;
  const PetShape *out = &output (graph, node)->shape;
  const PetTensor *scales = input (graph, node, node->opset < 11 ? 1 : 2);

  if (!is_constant (scales) || scales->shape.rank != 1 ||
      scales->shape.dim[0] != in->rank)
    return scales->type == PET_TYPE_NONE ||
        (scales->shape.rank == 1 && scales->shape.dim[0] == 0);
  for (int i = 0; i < in->rank; i++)
    if ((double) ((const float *) scales->data)[i] * (double) in->dim[i] !=
        (double) out->dim[i])
      return false;
  return true;
}

static bool
linear_fits (const char *mode, int64_t in, int64_t out)
{
  if (in == out || in == 1 || strcmp (mode, "half_pixel") == 0)
    return true;
  return out > 1 && strcmp (mode, "pytorch_half_pixel") == 0;
}

/* Only where each source pixel becomes a block of its own and the rounding
 * mode has no say. */
static bool
nearest_fits (const char *mode, const char *rounding, int64_t in, int64_t out)
{
  if (in == out || in == 1)
    return true;
  if (out % in != 0)
    return false;
  if (strcmp (mode, "half_pixel") == 0)
    return strncmp (rounding, "round_prefer", 12) == 0;
  return strcmp (mode, "asymmetric") == 0 &&
      (strcmp (rounding, "floor") == 0 ||
          (out == 2 * in && strcmp (rounding, "round_prefer_floor") == 0));
}

static bool
rule_resize (const PetGraph *graph, const PetNode *node)
{
  const PetShape *in = &input (graph, node, 0)->shape;
  const PetShape *out = &output (graph, node)->shape;
  const char *kind = pet_node_string (node, "mode", "nearest");
  const char *mode = pet_node_string (node, "coordinate_transformation_mode",
      node->opset < 11 ? "asymmetric" : "half_pixel");
  const char *rounding = pet_node_string (
      node, "nearest_mode", node->opset < 11 ? "floor" : "round_prefer_floor");
  bool linear = strcmp (kind, "linear") == 0;

  if (!is_picture (input (graph, node, 0)) || in->rank != out->rank ||
      in->dim[0] != out->dim[0] || in->dim[1] != out->dim[1] ||
      (!linear && strcmp (kind, "nearest") != 0) ||
      pet_node_int (node, "antialias", 0) != 0 ||
      pet_node_attr (node, "axes") != NULL || !scales_are_exact (graph, node))
    return false;
  for (int i = 2; i < in->rank; i++)
    if (linear ? !linear_fits (mode, in->dim[i], out->dim[i])
               : !nearest_fits (mode, rounding, in->dim[i], out->dim[i]))
      return false;
  return true;
}

static bool
rule_concat (const PetGraph *graph, const PetNode *node)
{
  const PetShape *out = &output (graph, node)->shape;
  int64_t axis = pet_node_int (node, "axis", 1);

  return (axis == 1 || axis == 1 - out->rank) && out->rank >= 2 &&
      out->rank <= 2 + PET_DNN_MAX_SPATIAL && out->dim[0] == 1;
}

static bool
rule_eltwise (const PetGraph *graph, const PetNode *node)
{
  float low, high;

  return output (graph, node)->shape.rank > 0 &&
      (strcmp (node->type, "Clip") != 0 ||
          pet_clip_limits (graph, node, &low, &high));
}

static bool
rule_binary (const PetGraph *graph, const PetNode *node)
{
  const PetShape *out = &output (graph, node)->shape;
  bool commutes =
      strcmp (node->type, "Sub") != 0 && strcmp (node->type, "Div") != 0;

  return node->n_inputs == 2 && out->rank > 0 &&
      input (graph, node, 1)->type == PET_TYPE_F32 &&
      (pet_shape_equal (&input (graph, node, 0)->shape, out) ||
          (commutes && pet_shape_equal (&input (graph, node, 1)->shape, out)));
}

/* Before opset 13 a softmax runs over all dimensions from `axis` on. */
static bool
rule_softmax (const PetGraph *graph, const PetNode *node)
{
  const PetShape *in = &input (graph, node, 0)->shape;
  int64_t axis = pet_node_int (node, "axis", node->opset >= 13 ? -1 : 1);

  if (axis < 0)
    axis += in->rank;
  if (in->rank < 1)
    return false;
  for (int64_t i = axis + 1; node->opset < 13 && i < in->rank; i++)
    if (in->dim[i] != 1)
      return false;
  return true;
}

static bool
rule_gemm (const PetGraph *graph, const PetNode *node)
{
  const PetTensor *c = input (graph, node, 2);
  int64_t n = output (graph, node)->shape.dim[1];
  size_t elements;

  return pet_node_float (node, "alpha", 1) == 1 &&
      pet_node_float (node, "beta", 1) == 1 &&
      pet_node_int (node, "transA", 0) == 0 &&
      is_constant (input (graph, node, 1)) &&
      (c->type == PET_TYPE_NONE ||
          (is_constant (c) && c->shape.rank >= 1 &&
              pet_shape_elements (&c->shape, &elements) &&
              elements == (size_t) n && c->shape.dim[c->shape.rank - 1] == n));
}

static bool
rule_matmul (const PetGraph *graph, const PetNode *node)
{
  const PetShape *a = &input (graph, node, 0)->shape;
  const PetShape *b = &input (graph, node, 1)->shape;

  if (a->rank != b->rank || a->rank < 2 || a->rank > 4)
    return false;
  for (int i = 0; i < a->rank - 2; i++)
    if (a->dim[i] != b->dim[i])
      return false;
  return input (graph, node, 1)->type == PET_TYPE_F32;
}

static bool
has_elements (const PetTensor *tensor)
{
  size_t elements;

  return tensor->type == PET_TYPE_F32 &&
      pet_shape_elements (&tensor->shape, &elements) && elements > 0;
}

PetDnnCompile
pet_dnn_compiler (const PetGraph *graph, const PetNode *node)
{
  static const struct {
    const char *type;
    bool (*rule) (const PetGraph *graph, const PetNode *node);
    PetDnnCompile compile;
  } table[] = {
    { "Abs", rule_eltwise, pet_dnn_compile_eltwise },
    { "Add", rule_binary, pet_dnn_compile_binary },
    { "AveragePool", rule_pool, pet_dnn_compile_pool },
    { "Clip", rule_eltwise, pet_dnn_compile_eltwise },
    { "Concat", rule_concat, pet_dnn_compile_concat },
    { "Conv", rule_conv, pet_dnn_compile_conv },
    { "ConvTranspose", rule_deconv, pet_dnn_compile_deconv },
    { "Div", rule_binary, pet_dnn_compile_binary },
    { "Elu", rule_eltwise, pet_dnn_compile_eltwise },
    { "Exp", rule_eltwise, pet_dnn_compile_eltwise },
    { "Gemm", rule_gemm, pet_dnn_compile_gemm },
    { "GlobalAveragePool", rule_global_pool, pet_dnn_compile_pool },
    { "GlobalMaxPool", rule_global_pool, pet_dnn_compile_pool },
    { "HardSwish", rule_eltwise, pet_dnn_compile_eltwise },
    { "LeakyRelu", rule_eltwise, pet_dnn_compile_eltwise },
    { "MatMul", rule_matmul, pet_dnn_compile_matmul },
    { "Max", rule_binary, pet_dnn_compile_binary },
    { "MaxPool", rule_pool, pet_dnn_compile_pool },
    { "Min", rule_binary, pet_dnn_compile_binary },
    { "Mul", rule_binary, pet_dnn_compile_binary },
    { "Neg", rule_eltwise, pet_dnn_compile_eltwise },
    { "Relu", rule_eltwise, pet_dnn_compile_eltwise },
    { "Resize", rule_resize, pet_dnn_compile_resize },
    { "Sigmoid", rule_eltwise, pet_dnn_compile_eltwise },
    { "Softmax", rule_softmax, pet_dnn_compile_softmax },
    { "Sqrt", rule_eltwise, pet_dnn_compile_eltwise },
    { "Sub", rule_binary, pet_dnn_compile_binary },
    { "Tanh", rule_eltwise, pet_dnn_compile_eltwise },
  };

  if (node->n_inputs < 1 || node->outputs[0] < 0 ||
      !has_elements (input (graph, node, 0)) ||
      !has_elements (output (graph, node)))
    return NULL;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp (node->type, table[i].type) == 0)
      return table[i].rule (graph, node) ? table[i].compile : NULL;
  return NULL;
}
