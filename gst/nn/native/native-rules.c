/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which nodes the native back end has kernels for. */

#include <string.h>

#include "nn/native/native-private.h"
#include "nn/ref/pet-op-resize.h"
#include "nn/ref/pet-op-window.h"

/* Keeps all products of sizes within int. */
#define MAX_SIDE 16384
#define MAX_CHANNELS 16384
#define MAX_PIXELS (1 << 26)

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

bool
pet_native_picture (const PetTensor *tensor, PetNativePicture *picture)
{
  const int64_t *dim = tensor->shape.dim;

  if (tensor->type != PET_TYPE_F32 || tensor->shape.rank != 4 || dim[0] != 1 ||
      dim[1] < 1 || dim[1] > MAX_CHANNELS || dim[2] < 1 || dim[2] > MAX_SIDE ||
      dim[3] < 1 || dim[3] > MAX_SIDE || dim[2] * dim[3] > MAX_PIXELS)
    return false;
  picture->channels = (int) dim[1];
  picture->blocks = (picture->channels + PET_BLOCK - 1) / PET_BLOCK;
  picture->height = (int) dim[2];
  picture->width = (int) dim[3];
  picture->plane = (ptrdiff_t) (dim[2] * dim[3]) * PET_BLOCK;
  return true;
}

bool
pet_native_window (const PetGraph *graph, const PetNode *node,
    const int64_t *kernel, PetNativeWindow *window)
{
  const PetShape *out = &output (graph, node)->shape;
  PetWindow w;

  if (pet_window_init (
          node, &input (graph, node, 0)->shape, kernel, &w, NULL) != PET_OK)
    return false;
  for (int i = 0; i < 2; i++) {
    int64_t span = (w.kernel[1 + i] - 1) * w.dilation[1 + i] + 1, after;

    if (w.kernel[1 + i] > 64 || w.stride[1 + i] > MAX_SIDE ||
        w.dilation[1 + i] > MAX_SIDE || w.pad[1 + i] > MAX_SIDE ||
        span > MAX_SIDE)
      return false;
    after = (out->dim[2 + i] - 1) * w.stride[1 + i] + span - w.in[1 + i] -
        w.pad[1 + i];
    window->kernel[i] = (int) w.kernel[1 + i];
    window->stride[i] = (int) w.stride[1 + i];
    window->dilation[i] = (int) w.dilation[1 + i];
    window->before[i] = (int) w.pad[1 + i];
    window->after[i] = after > 0 ? (int) after : 0;
  }
  return true;
}

static bool
is_picture (const PetTensor *tensor)
{
  PetNativePicture picture;

  return pet_native_picture (tensor, &picture);
}

static bool
is_constant (const PetTensor *tensor)
{
  return tensor->data != NULL && tensor->type == PET_TYPE_F32;
}

static PetNativeCompile
rule_conv (const PetGraph *graph, const PetNode *node)
{
  const PetTensor *w = input (graph, node, 1), *b = input (graph, node, 2);
  int64_t groups = pet_node_int (node, "group", 1);
  int64_t channels = input (graph, node, 0)->shape.dim[1];
  PetNativeWindow window;

  if (!is_picture (input (graph, node, 0)) ||
      !is_picture (output (graph, node)) || !is_constant (w) ||
      (b->type != PET_TYPE_NONE && !is_constant (b)) ||
      !pet_native_window (graph, node, &w->shape.dim[2], &window))
    return NULL;
  if (groups == 1)
    return pet_native_compile_conv;
  return groups == channels && w->shape.dim[0] == channels
      ? pet_native_compile_depthwise
      : NULL;
}

static PetNativeCompile
rule_pool (const PetGraph *graph, const PetNode *node)
{
  size_t count;
  const int64_t *kernel = pet_node_ints (node, "kernel_shape", &count);
  PetNativeWindow window;

  if (node->n_outputs != 1 || count != 2 ||
      !is_picture (input (graph, node, 0)) ||
      !is_picture (output (graph, node)) ||
      (strcmp (node->type, "AveragePool") == 0 &&
          pet_node_int (node, "count_include_pad", 0) != 0) ||
      !pet_native_window (graph, node, kernel, &window))
    return NULL;
  return pet_native_compile_pool;
}

static PetNativeCompile
rule_global_pool (const PetGraph *graph, const PetNode *node)
{
  return is_picture (input (graph, node, 0)) ? pet_native_compile_pool : NULL;
}

static PetNativeCompile
rule_resize (const PetGraph *graph, const PetNode *node)
{
  int taps[4];

  if (!is_picture (input (graph, node, 0)) ||
      !is_picture (output (graph, node)))
    return NULL;
  for (int i = 0; i < 4; i++)
    if (!pet_resize_taps (graph, node, i, &taps[i], NULL, NULL))
      return NULL;
  return taps[0] == 0 && taps[1] == 0 ? pet_native_compile_resize : NULL;
}

static PetNativeCompile
rule_concat (const PetGraph *graph, const PetNode *node)
{
  int64_t axis = pet_node_int (node, "axis", 1);

  for (int i = 0; i < node->n_inputs; i++)
    if (!is_picture (input (graph, node, i)))
      return NULL;
  return (axis == 1 || axis == -3) && is_picture (output (graph, node))
      ? pet_native_compile_concat
      : NULL;
}

static PetNativeCompile
rule_eltwise (const PetGraph *graph, const PetNode *node)
{
  float low, high;

  if (!is_picture (output (graph, node)) ||
      (strcmp (node->type, "Clip") == 0 &&
          !pet_clip_limits (graph, node, &low, &high)))
    return NULL;
  return pet_native_compile_eltwise;
}

static PetNativeCompile
rule_binary (const PetGraph *graph, const PetNode *node)
{
  const PetTensor *out = output (graph, node);

  return node->n_inputs == 2 && is_picture (out) &&
          pet_shape_equal (&input (graph, node, 0)->shape, &out->shape) &&
          pet_shape_equal (&input (graph, node, 1)->shape, &out->shape)
      ? pet_native_compile_binary
      : NULL;
}

static PetNativeCompile
rule_softmax (const PetGraph *graph, const PetNode *node)
{
  int64_t axis = pet_node_int (node, "axis", node->opset >= 13 ? -1 : 1);
  const PetTensor *x = input (graph, node, 0);

  return (axis == 1 || axis == -3) && is_picture (x) &&
          (node->opset >= 13 || x->shape.dim[2] * x->shape.dim[3] == 1)
      ? pet_native_compile_softmax
      : NULL;
}

PetNativeCompile
pet_native_compiler (const PetGraph *graph, const PetNode *node)
{
  static const struct {
    const char *type;
    PetNativeCompile (*rule) (const PetGraph *graph, const PetNode *node);
  } table[] = {
    { "Add", rule_binary },
    { "AveragePool", rule_pool },
    { "Clip", rule_eltwise },
    { "Concat", rule_concat },
    { "Conv", rule_conv },
    { "GlobalAveragePool", rule_global_pool },
    { "GlobalMaxPool", rule_global_pool },
    { "HardSwish", rule_eltwise },
    { "Max", rule_binary },
    { "MaxPool", rule_pool },
    { "Min", rule_binary },
    { "Mul", rule_binary },
    { "Relu", rule_eltwise },
    { "Resize", rule_resize },
    { "Sigmoid", rule_eltwise },
    { "Softmax", rule_softmax },
    { "Sub", rule_binary },
    { "Upsample", rule_resize },
  };

  if (node->n_inputs < 1 || node->outputs[0] < 0 ||
      input (graph, node, 0)->type != PET_TYPE_F32)
    return NULL;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp (node->type, table[i].type) == 0)
      return table[i].rule (graph, node);
  return NULL;
}
