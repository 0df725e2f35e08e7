/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operators on small cases computed by hand, on every back end: those that the
 * ONNX project's node tests do not reach, and old meanings. A tensor is
 * written as "type shape numbers": type f float32, d float64, h float16, i
 * int64, j int32, b bool, u uint8, c int8; a capital letter makes it a
 * constant of the model. */

#include <ctype.h>

#include "nn/pet-backend.h"
#include "nn/ref/pet-op-util.h"

#include "onnx-writer.h"
#include "tap.h"

typedef struct {
  const char *type;
  int opset;
  const char *attrs; /* "name=3 name=0.5 name=text name=[1,2]" */
  const char *inputs[5];
  const char *output;
} Case;

static const Case cases[] = {
  { "Mod", 13, "", { "i 4 -4 7 5 -7", "i 4 3 -3 8 0" }, "i 4 2 -2 5 0" },
  { "Mod", 13, "fmod=1", { "f 2 -4.5 7", "f 2 2 4" }, "f 2 -0.5 3" },
  { "Mod", 13, "fmod=1", { "i 2 -4 7", "i 2 3 -3" }, "i 2 -1 1" },
  { "Div", 13, "", { "i 3 7 -7 5", "i 3 2 2 0" }, "i 3 3 -3 0" },
  { "Add", 7, "", { "f 2x1 1 2", "f 1x3 10 20 30" },
      "f 2x3 11 21 31 12 22 32" },
  { "Sub", 7, "", { "j 2 1 2", "j - 5" }, "j 2 -4 -3" },
  { "Min", 13, "", { "f 3 1 5 3", "f 3 4 2 3", "f - 2.5" }, "f 3 1 2 2.5" },
  { "Max", 8, "", { "f 2 1 5", "f 2x1 2 3" }, "f 2x2 2 5 3 5" },
  { "Sum", 8, "", { "f 2 1 2", "f 2 3 4", "f - 10" }, "f 2 14 16" },
  { "Mean", 8, "", { "f 2 1 2", "f 2 3 4" }, "f 2 2 3" },
  { "Equal", 13, "", { "i 3 1 2 3", "i - 2" }, "b 3 0 1 0" },
  { "Equal", 13, "", { "b 2 1 0", "b 2 1 1" }, "b 2 1 0" },
  { "Less", 13, "", { "f 3 1 2 3", "f - 2" }, "b 3 1 0 0" },
  { "LessOrEqual", 16, "", { "f 3 1 2 3", "f - 2" }, "b 3 1 1 0" },
  { "Greater", 9, "", { "f 3 1 2 3", "f - 2" }, "b 3 0 0 1" },
  { "GreaterOrEqual", 12, "", { "f 3 1 2 3", "f - 2" }, "b 3 0 1 1" },
  { "And", 7, "", { "b 4 0 0 1 1", "b 4 0 1 0 1" }, "b 4 0 0 0 1" },
  { "Or", 7, "", { "b 4 0 0 1 1", "b 4 0 1 0 1" }, "b 4 0 1 1 1" },
  { "Xor", 7, "", { "b 4 0 0 1 1", "b 4 0 1 0 1" }, "b 4 0 1 1 0" },
  { "Not", 1, "", { "b 2 0 1" }, "b 2 1 0" },
  { "Where", 16, "", { "b 2x1 1 0", "f 2 1 2", "f - 9" }, "f 2x2 1 2 9 9" },
  { "Expand", 13, "", { "f 2x1 1 2", "I 3 3 1 2" },
      "f 3x2x2 1 1 2 2 1 1 2 2 1 1 2 2" },
  { "Tile", 13, "", { "f 1x2 1 2", "I 2 2 2" }, "f 2x4 1 2 1 2 1 2 1 2" },
  { "Pad", 13, "mode=reflect", { "f 1x3 1 2 3", "I 4 0 2 0 1" },
      "f 1x6 3 2 1 2 3 2" },
  { "Pad", 13, "", { "f 3 1 2 3", "I 2 -1 1", "f - 7" }, "f 3 2 3 7" },
  { "Pad", 10, "mode=constant value=0.5 pads=[1,0]", { "f 2 1 2" },
      "f 3 0.5 1 2" },
  { "Pad", 19, "mode=wrap", { "f 2 1 2", "I 2 3 1" }, "f 6 2 1 2 1 2 1" },
  { "Trilu", 14, "upper=1", { "f 2x3 1 2 3 4 5 6", "I - 1" },
      "f 2x3 0 2 3 0 0 6" },
  { "Trilu", 14, "upper=0", { "f 2x2 1 2 3 4" }, "f 2x2 1 0 3 4" },
  { "CumSum", 14, "", { "f 2x2 1 2 3 4", "I - 0" }, "f 2x2 1 2 4 6" },
  { "CumSum", 14, "exclusive=1 reverse=1", { "f 3 1 2 3", "I - 0" },
      "f 3 5 3 0" },
  { "ArgMax", 13, "axis=1 keepdims=0", { "f 2x3 1 3 3 6 5 4" }, "i 2 1 0" },
  { "ArgMax", 13, "axis=1 keepdims=0 select_last_index=1",
      { "f 2x3 1 3 3 6 5 4" }, "i 2 2 0" },
  { "ArgMin", 13, "axis=-2", { "f 2x2 1 4 3 2" }, "i 1x2 0 1" },
  { "ReduceSum", 13, "keepdims=0", { "f 2x2 1 2 3 4", "I 1 1" }, "f 2 3 7" },
  { "ReduceSum", 11, "axes=[0]", { "f 2x2 1 2 3 4" }, "f 1x2 4 6" },
  { "ReduceSum", 13, "noop_with_empty_axes=1", { "f 2 1 2" }, "f 2 1 2" },
  { "ReduceMax", 18, "", { "f 2x2 1 2 3 4", "I 1 0" }, "f 1x2 3 4" },
  { "ReduceMin", 11, "keepdims=0", { "i 2x2 1 2 3 4" }, "i - 1" },
  { "ReduceProd", 13, "keepdims=0", { "i 3 2 3 4" }, "i - 24" },
  { "ReduceL1", 13, "", { "f 2 -1 2" }, "f 1 3" },
  { "ReduceL2", 13, "", { "f 2 3 -4" }, "f 1 5" },
  { "ReduceLogSum", 13, "", { "f 2 1 1.7182818" }, "f 1 1" },
  { "ReduceLogSumExp", 13, "", { "f 2 0 0" }, "f 1 0.69314718" },
  { "ReduceLogSumExp", 13, "", { "f 3 800 801 799" }, "f 1 801.40760596" },
  { "ReduceLogSumExp", 13, "", { "f 2 -800 -800" }, "f 1 -799.30685282" },
  { "ReduceSumSquare", 13, "", { "f 2 3 -4" }, "f 1 25" },
  { "Gather", 13, "axis=1", { "f 2x3 1 2 3 4 5 6", "i 2 -1 0" },
      "f 2x2 3 1 6 4" },
  { "GatherElements", 13, "axis=1", { "f 2x2 1 2 3 4", "i 2x2 0 0 1 0" },
      "f 2x2 1 1 4 3" },
  { "GatherND", 13, "", { "f 2x2 1 2 3 4", "i 2x2 0 0 1 1" }, "f 2 1 4" },
  { "GatherND", 13, "batch_dims=1", { "f 2x2 1 2 3 4", "i 2x1 1 0" },
      "f 2 2 3" },
  { "ScatterElements", 13, "axis=0",
      { "f 2x2 0 0 0 0", "i 1x2 1 0", "f 1x2 5 6" }, "f 2x2 0 6 5 0" },
  { "ScatterND", 13, "", { "f 2x2 1 2 3 4", "i 1x1 1", "f 1x2 8 9" },
      "f 2x2 1 2 8 9" },
  { "Range", 11, "", { "I - 1", "I - 8", "I - 3" }, "i 3 1 4 7" },
  { "Range", 11, "", { "F - 1", "F - 0", "F - -0.5" }, "f 2 1 0.5" },
  { "Size", 13, "", { "f 2x3 1 2 3 4 5 6" }, "i - 6" },
  { "Shape", 13, "", { "f 2x1 1 2" }, "i 2 2 1" },
  { "ConstantOfShape", 9, "", { "I 2 1 2" }, "f 1x2 0 0" },
  { "Constant", 13, "value_ints=[3,4]", { NULL }, "i 2 3 4" },
  { "Constant", 13, "value_float=1.5", { NULL }, "f - 1.5" },
  { "Softmax", 11, "axis=1", { "f 1x2x2 0 0 0 0" },
      "f 1x2x2 0.25 0.25 0.25 0.25" },
  { "Softmax", 13, "axis=1", { "f 1x2x2 0 0 0 0" }, "f 1x2x2 0.5 0.5 0.5 0.5" },
  { "LogSoftmax", 13, "", { "f 1x2 0 0" }, "f 1x2 -0.6931472 -0.6931472" },
  { "Hardmax", 13, "", { "f 2x3 1 3 3 5 4 3" }, "f 2x3 0 1 0 1 0 0" },
  { "GroupNormalization", 21, "num_groups=2 epsilon=0.0",
      { "f 1x2x2 1 3 2 6", "f 2 1 10", "f 2 0 1" }, "f 1x2x2 -1 1 -9 11" },
  { "LpNormalization", 1, "p=2", { "f 1x2 3 4" }, "f 1x2 0.6 0.8" },
  { "LpNormalization", 1, "p=1 axis=0", { "f 2x1 1 -3" }, "f 2x1 0.25 -0.75" },
  { "LRN", 13, "size=3 alpha=3.0 beta=1.0 bias=1.0", { "f 1x3x1 1 2 3" },
      "f 1x3x1 0.1666667 0.1333333 0.2142857" },
  { "LRN", 13, "size=4 alpha=2.0 beta=1.0 bias=1.0",
      { "f 1x5x2 1 4 7 3 6 2 5 1 4 7" },
      "f 1x5x2 0.02272727 0.2580645 0.1238938 0.1875 0.09375 0.06153846 "
      "0.1265823 0.03571429 0.1860465 0.2692308" },
  { "LRN", 13, "size=3 alpha=2.0 beta=1.0 bias=1.0",
      { "f 1x7x1 1 4 7 3 6 2 5" },
      "f 1x7x1 0.08108108 0.08888889 0.1390728 0.04712042 0.1782178 0.04511278 "
      "0.2459016" },
  { "LRN", 13, "size=9 alpha=2.0 beta=1.0 bias=1.0", { "f 1x3x1 1 4 7" },
      "f 1x3x1 0.06382979 0.2553191 0.4468085" },
  { "LRN", 13, "size=1 alpha=2.0 beta=1.0 bias=1.0", { "f 1x4x1 1 4 7 3" },
      "f 1x4x1 0.3333333 0.1212121 0.07070707 0.1578947" },
  { "SpaceToDepth", 13, "blocksize=2", { "f 1x1x2x2 1 2 3 4" },
      "f 1x4x1x1 1 2 3 4" },
  { "DepthToSpace", 13, "blocksize=2", { "f 1x4x1x1 1 2 3 4" },
      "f 1x1x2x2 1 2 3 4" },
  { "Cast", 13, "to=2", { "f 4 -1 2.7 300 255" }, "u 4 0 2 255 255" },
  { "Cast", 13, "to=9", { "f 3 0 0.5 -1" }, "b 3 0 1 1" },
  { "Cast", 13, "to=1", { "b 2 1 0" }, "f 2 1 0" },
  { "Cast", 13, "to=6", { "i 2 -5 70000" }, "j 2 -5 70000" },
  { "Cast", 13, "to=10", { "f 3 1 0.1 65536" }, "h 3 1 0.0999756 inf" },
  { "Cast", 13, "to=1", { "h 2 0.5 -2" }, "f 2 0.5 -2" },
  { "Squeeze", 11, "axes=[0]", { "f 1x2 1 2" }, "f 2 1 2" },
  { "Squeeze", 13, "", { "f 1x2x1 1 2" }, "f 2 1 2" },
  { "Dropout", 12, "", { "f 2 1 2" }, "f 2 1 2" },
  { "Upsample", 7, "mode=nearest scales=[1.0,2.0]", { "f 1x2 1 2" },
      "f 1x4 1 1 2 2" },
  { "Resize", 10, "mode=linear", { "f 1x2 1 3", "F 2 1 2" }, "f 1x4 1 2 3 3" },
  { "Resize", 10, "mode=nearest",
      { "f 1x1x1x10 0 1 2 3 4 5 6 7 8 9", "F 4 1 1 1 0.7" },
      "f 1x1x1x7 0 2 3 5 6 8 9" },
  { "Resize", 10, "mode=nearest",
      { "f 1x1x2x8 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", "F 4 1 1 2 0.375" },
      "f 1x1x4x3 0 3 6 0 3 6 8 11 14 8 11 14" },
  { "Upsample", 9, "mode=nearest",
      { "f 1x1x1x8 0 1 2 3 4 5 6 7", "F 4 1 1 1 0.375" }, "f 1x1x1x3 0 3 6" },
  { "Resize", 13,
      "coordinate_transformation_mode=asymmetric nearest_mode=floor",
      { "f 1x1x1x10 0 1 2 3 4 5 6 7 8 9", "F 0", "F 4 1 1 1 0.7" },
      "f 1x1x1x7 0 1 2 4 5 7 8" },
  { "Resize", 13, "mode=linear",
      { "f 1x1x1x10 0 1 2 3 4 5 6 7 8 9", "F 0", "F 4 1 1 1 0.7" },
      "f 1x1x1x7 0.2142857 1.6428572 3.0714286 4.5 5.928572 7.357143 "
      "8.785715" },
  { "Resize", 11,
      "mode=nearest coordinate_transformation_mode=tf_half_pixel_for_nn "
      "nearest_mode=floor",
      { "f 1x4 1 2 3 4", "F 0", "F 2 1 0.5" }, "f 1x2 2 4" },
  { "Abs", 13, "", { "i 2 -3 4" }, "i 2 3 4" },
  { "Neg", 13, "", { "f 2 -3 4" }, "f 2 3 -4" },
  { "Sign", 13, "", { "f 3 -3 0 4" }, "f 3 -1 0 1" },
  { "Floor", 13, "", { "f 2 -1.5 1.5" }, "f 2 -2 1" },
  { "Ceil", 13, "", { "f 2 -1.5 1.5" }, "f 2 -1 2" },
  { "Round", 11, "", { "f 4 0.5 1.5 -2.5 2.6" }, "f 4 0 2 -2 3" },
  { "Reciprocal", 13, "", { "f 2 2 -4" }, "f 2 0.5 -0.25" },
  { "Log", 13, "", { "f 2 1 2.7182818" }, "f 2 0 1" },
  { "Erf", 13, "", { "f 2 0 1" }, "f 2 0 0.8427008" },
  { "Sin", 7, "", { "f 2 0 1.5707963" }, "f 2 0 1" },
  { "Cos", 7, "", { "f 2 0 3.1415927" }, "f 2 1 -1" },
  { "Tan", 7, "", { "f 1 0.7853982" }, "f 1 1" },
  { "Asin", 7, "", { "f 1 1" }, "f 1 1.5707963" },
  { "Acos", 7, "", { "f 1 0" }, "f 1 1.5707963" },
  { "Atan", 7, "", { "f 1 1" }, "f 1 0.7853982" },
  { "Sinh", 9, "", { "f 1 1" }, "f 1 1.1752012" },
  { "Cosh", 9, "", { "f 1 1" }, "f 1 1.5430806" },
  { "Asinh", 9, "", { "f 1 1.1752012" }, "f 1 1" },
  { "Acosh", 9, "", { "f 1 1.5430806" }, "f 1 1" },
  { "Atanh", 9, "", { "f 1 0.7615942" }, "f 1 1" },
  { "Elu", 6, "alpha=2.0", { "f 2 -1 3" }, "f 2 -1.2642411 3" },
  { "Selu", 6, "", { "f 2 -1 3" }, "f 2 -1.1113307 3.152103" },
  { "Celu", 12, "alpha=2.0", { "f 2 -2 3" }, "f 2 -1.2642411 3" },
  { "ThresholdedRelu", 10, "alpha=2.0", { "f 3 1 2 3" }, "f 3 0 0 3" },
  { "Shrink", 9, "lambd=1.5 bias=1.0", { "f 3 -2 1 2" }, "f 3 -1 0 1" },
  { "Softplus", 1, "", { "f 2 0 100" }, "f 2 0.6931472 100" },
  { "Softsign", 1, "", { "f 2 -1 3" }, "f 2 -0.5 0.75" },
  { "Mish", 18, "", { "f 2 0 1" }, "f 2 0 0.8650984" },
  { "Swish", 24, "alpha=2.0", { "f 1 1" }, "f 1 0.8807971" },
  { "PRelu", 7, "", { "f 2x2 -1 2 -3 4", "f 2 0.5 1" }, "f 2x2 -0.5 2 -1.5 4" },
  { "Clip", 6, "min=-1.0 max=1.0", { "f 3 -3 0.5 3" }, "f 3 -1 0.5 1" },
  { "Clip", 12, "", { "i 3 -3 0 3", "i - -1", "i - 1" }, "i 3 -1 0 1" },
  { "MaxPool", 12, "kernel_shape=[2]", { "c 1x1x3 -3 -5 -4" },
      "c 1x1x2 -3 -4" },
  { "AveragePool", 13, "kernel_shape=[2,1] pads=[2,1,0,0]",
      { "f 1x1x2x2 1 2 3 4" }, "f 1x1x3x3 0 0 0 0 1 2 0 2 3" },
  { "ConvTranspose", 11, "strides=[2] auto_pad=SAME_UPPER",
      { "f 1x1x2 1 2", "f 1x1x3 1 10 100" }, "f 1x1x4 1 10 102 20" },
};

static int
type_of (char letter)
{
  static const struct {
    char letter;
    int type;
  } letters[] = { { 'f', 1 }, { 'u', 2 }, { 'c', 3 }, { 'j', 6 }, { 'i', 7 },
    { 'b', 9 }, { 'h', 10 }, { 'd', 11 } };

  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
    if (letters[i].letter == tolower (letter))
      return letters[i].type;
  return 0;
}

static PetTensor
parse (const char *text)
{
  PetTensor tensor = { .type = (PetType) type_of (text[0]) };
  PetShape shape = { .rank = 0 };
  char *at = (char *) text + 2;
  size_t n;

  if (*at == '-')
    at++;
  else
    do
      shape.dim[shape.rank++] = strtoll (at, &at, 10);
    while (*at++ == 'x');
  pet_tensor_alloc (&tensor, tensor.type, &shape, NULL);
  n = pet_elements (&tensor);
  for (size_t i = 0; i < n; i++)
    pet_put_double (&tensor, i, strtod (at, &at));
  return tensor;
}

static void
add_list (OnnxWriter *w, const char *name, const char *text)
{
  Bytes attr = { NULL, 0, 0 };
  bool floats = strchr (text, '.') != NULL;

  put_text (&attr, 1, name);
  for (char *at = (char *) text + 1; at[-1] != ']'; at++)
    if (floats)
      put_float (&attr, 7, strtof (at, &at));
    else
      put_int (&attr, 8, strtoll (at, &at, 10));
  put_int (&attr, 20, floats ? 6 : 7);
  put_message (&w->attrs, 5, &attr);
}

static void
add_attrs (OnnxWriter *w, const char *text)
{
  char name[64], value[64];
  int length;

  while (sscanf (text, " %63[^=]=%63s%n", name, value, &length) == 2) {
    if (value[0] == '[')
      add_list (w, name, value);
    else if (isalpha ((unsigned char) value[0]))
      onnx_attr_text (w, name, value);
    else if (strchr (value, '.') != NULL)
      onnx_attr_float (w, name, strtof (value, NULL));
    else
      onnx_attr_int (w, name, strtoll (value, NULL, 10));
    text += length;
  }
}

static Bytes
make_model (const Case *c, const PetTensor *inputs, int n_inputs)
{
  static const char *const names[] = { "a", "b", "c", "d", "e" };
  OnnxWriter w = onnx_writer (c->opset < 7 ? 7 : c->opset);
  char list[16] = "";

  for (int i = 0; i < n_inputs; i++) {
    const PetTensor *x = &inputs[i];

    strcat (strcat (list, i > 0 ? " " : ""), names[i]);
    if (isupper ((unsigned char) c->inputs[i][0]))
      onnx_constant (&w, names[i], (int) x->type, pet_type_bytes (x->type),
          x->shape.rank, x->shape.dim, x->data);
    else
      onnx_input (&w, names[i], (int) x->type, x->shape.rank, x->shape.dim);
  }
  add_attrs (&w, c->attrs);
  onnx_node (&w, c->type, list, "y");
  onnx_output (&w, "y");
  return onnx_finish (&w);
}

static void
compare (const Case *c, const PetTensor *got, const PetTensor *want)
{
  if (got->type != want->type || !pet_shape_equal (&got->shape, &want->shape)) {
    tap_fail ("%s: wrong type or shape", c->type);
    return;
  }
  for (size_t i = 0; i < pet_elements (want); i++) {
    double x = pet_get_double (got, i), y = pet_get_double (want, i);

    if (!(x == y || fabs (x - y) <= 1e-5 * (1 + fabs (y))))
      tap_fail ("%s %s: %g at %zu, not %g", c->type, c->attrs, x, i, y);
  }
}

static void
run_case (const Case *c, const char *backend)
{
  PetTensor inputs[5], want = parse (c->output);
  int n_inputs = 0, at = 0;
  Bytes bytes;
  PetModel *model = NULL;
  PetNet *net = NULL;
  PetNetOptions options;
  PetError error = { .message = "" };

  for (; n_inputs < 5 && c->inputs[n_inputs] != NULL; n_inputs++)
    inputs[n_inputs] = parse (c->inputs[n_inputs]);
  bytes = make_model (c, inputs, n_inputs);
  pet_net_options_init (&options);
  options.threads = 1;
  options.backend = backend;
  if (pet_model_load (bytes.data, bytes.size, NULL, &model, &error) == PET_OK &&
      pet_net_new (model, &options, &net, &error) == PET_OK) {
    for (int i = 0; i < n_inputs; i++)
      if (islower ((unsigned char) c->inputs[i][0]))
        memcpy (pet_net_input (net, at++)->data, inputs[i].data,
            pet_elements (&inputs[i]) * pet_type_bytes (inputs[i].type));
    pet_net_run (net, &error);
    compare (c, pet_net_output (net, 0), &want);
  } else
    tap_fail ("%s %s: %s", c->type, c->attrs, error.message);
  pet_net_free (&net);
  pet_model_free (&model);
  free (bytes.data);
  pet_tensor_clear (&want);
  for (int i = 0; i < n_inputs; i++)
    pet_tensor_clear (&inputs[i]);
}

static void
operators_compute_what_they_should (void)
{
  const char *const *backends = pet_backend_names ();

  for (int b = 0; backends[b] != NULL; b++)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
      run_case (&cases[i], backends[b]);
}

/* Every float16 there is, and the middle between each two. */
static void
halves_round_to_nearest_even (void)
{
  for (uint32_t h = 0; h < 0x7bff; h++) {
    float low = pet_half_to_float ((uint16_t) h);
    float high = pet_half_to_float ((uint16_t) (h + 1));
    float middle = low + (high - low) / 2;

    tap_check (pet_float_to_half (low) == h);
    tap_check (pet_float_to_half (-low) == (h | 0x8000));
    tap_check (pet_float_to_half (middle) == h + (h & 1));
    tap_check (pet_float_to_half (nextafterf (middle, 1e9f)) == h + 1);
  }
  tap_check (isinf (pet_half_to_float (0x7c00)));
  tap_check (isnan (pet_half_to_float (0x7e00)));
  tap_check (pet_float_to_half (65520.0f) == 0x7c00);
  tap_check (pet_float_to_half (65519.0f) == 0x7bff);
}

/* The table of docs/onnx.md must not fall behind. */
static void
every_operator_is_documented (void)
{
  char path[4096], name[64];
  char *page = calloc (1, 1 << 16);
  FILE *file;

  snprintf (path, sizeof path, "%s/onnx.md",
      getenv ("PET_DOCS") != NULL ? getenv ("PET_DOCS") : "docs");
  file = fopen (path, "r");
  if (file == NULL || page == NULL || fread (page, 1, (1 << 16) - 1, file) == 0)
    tap_skip ("the documentation is not here");
  else
    for (int i = 0; pet_ops[i] != NULL; i++) {
      snprintf (name, sizeof name, "`%s`", pet_ops[i]->type);
      if (strstr (page, name) == NULL)
        tap_fail ("%s is not in docs/onnx.md", name);
    }
  if (file != NULL)
    fclose (file);
  free (page);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (operators_compute_what_they_should),
    TAP_TEST (halves_round_to_nearest_even),
    TAP_TEST (every_operator_is_documented),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
