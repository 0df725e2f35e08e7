/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every back end against the plain reference, on small networks around one
 * operator with random shapes, among them odd ones. Half of them sit between
 * two 1x1 convolutions, so that layouts other than the dense one go in and
 * out. The tolerance is relative to the largest value of the result. */

#include "net-compare.h"

#define ROUNDS 150

static int64_t
window_size (int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
    int64_t pads, bool transposed)
{
  int64_t span = in + pads - (kernel - 1) * dilation - 1;

  if (transposed)
    return (in - 1) * stride + (kernel - 1) * dilation + 1 - pads;

  return span < 0 ? 0 : span / stride + 1;
}

/* Random attributes of a window; false where nothing would come out. */
static bool
random_window (Net *net, bool dilate, bool small_pads, bool transposed)
{
  int64_t kernel[2], strides[2], dilations[2], pads[4];
  int64_t size[2] = { net->height, net->width };

  for (int i = 0; i < 2; i++) {
    kernel[i] = range (1, 5);
    strides[i] = range (1, 3);
    dilations[i] = dilate && range (0, 2) == 0 ? range (2, 4) : 1;
    for (int k = 0; k < 2; k++)
      pads[i + 2 * k] = range (0, small_pads ? (int) kernel[i] - 1 : 4);
    if (window_size (size[i], kernel[i], strides[i], dilations[i],
            pads[i] + pads[i + 2], transposed) < 1)
      return false;
  }
  snprintf (net->text, sizeof net->text,
      "%lldx%lldx%lld kernel %lldx%lld strides %lldx%lld dilations "
      "%lldx%lld pads %lld %lld %lld %lld",
      (long long) net->channels, (long long) net->height,
      (long long) net->width, (long long) kernel[0], (long long) kernel[1],
      (long long) strides[0], (long long) strides[1], (long long) dilations[0],
      (long long) dilations[1], (long long) pads[0], (long long) pads[1],
      (long long) pads[2], (long long) pads[3]);
  onnx_attr_ints (&net->w, "kernel_shape", 2, kernel);
  onnx_attr_ints (&net->w, "strides", 2, strides);
  onnx_attr_ints (&net->w, "pads", 4, pads);
  if (dilate)
    onnx_attr_ints (&net->w, "dilations", 2, dilations);
  net->height = kernel[0];
  net->width = kernel[1];
  return true;
}

static void
drop (Net *net)
{
  Bytes bytes;

  onnx_node (&net->w, "Identity", "in", "out");
  onnx_output (&net->w, "out");
  bytes = onnx_finish (&net->w);
  free (bytes.data);
}

/* Behind a convolution: nothing, an activation, a sum, or both. */
static void
add_followers (Net *net)
{
  int kind = range (0, 5);
  static const char *const acts[] = { "Relu", "Sigmoid", "HardSwish" };
  const char *act = acts[range (0, 2)];

  if (kind <= 1) {
    onnx_node (&net->w, "Identity", "c", "out");
  } else if (kind == 2) {
    onnx_node (&net->w, act, "c", "out");
  } else if (kind == 3) {
    onnx_node (&net->w, "Add", "c r", "out");
  } else if (kind == 4) {
    onnx_node (&net->w, act, "c", "a");
    onnx_node (&net->w, "Add", "a r", "out");
  } else {
    onnx_node (&net->w, "Add", "r c", "a");
    onnx_node (&net->w, act, "a", "out");
  }
}

static void
one_convolution (const char *type)
{
  bool transposed = strcmp (type, "ConvTranspose") == 0;
  Net net = begin_random (14);
  int64_t c = net.channels, groups = 1, out;

  if (range (0, 3) == 0)
    groups = c;
  else if (c % 4 == 0 && range (0, 2) == 0)
    groups = range (0, 1) == 0 ? 2 : 4;
  out = groups == c && c > 1 ? c * range (1, 2) : groups * range (1, 40);
  if (out > 150)
    out = groups;
  if (!random_window (&net, true, false, transposed)) {
    drop (&net);
    return;
  }
  onnx_attr_int (&net.w, "group", groups);
  snprintf (net.text + strlen (net.text), 60, " groups %lld out %lld",
      (long long) groups, (long long) out);
  onnx_random (&net.w, "w", 4,
      (int64_t[]){ transposed ? c : out, (transposed ? out : c) / groups,
          net.height, net.width },
      0.4f);
  onnx_random (&net.w, "b", 1, &out, 1);
  onnx_node (&net.w, type, range (0, 1) == 0 ? "in w b" : "in w", "c");
  onnx_node (&net.w, range (0, 1) == 0 ? "Relu" : "Identity", "c", "out");
  finish (&net, out, 1e-5);
}

static void
convolutions (void)
{
  for (int i = 0; i < 2 * ROUNDS && tap_failures_ == 0; i++)
    one_convolution ("Conv");
}

static void
transposed_convolutions (void)
{
  for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++)
    one_convolution ("ConvTranspose");
}

/* Same size in and out, with everything that can be fused. */
static void
fused_convolutions (void)
{
  for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++) {
    Net net = begin_random (14);
    int64_t c = net.channels, groups = range (0, 2) == 0 ? c : 1;

    snprintf (net.text, sizeof net.text, "%lldx%lldx%lld groups %lld",
        (long long) c, (long long) net.height, (long long) net.width,
        (long long) groups);
    onnx_random (&net.w, "w", 4, (int64_t[]){ c, c / groups, 3, 3 }, 0.3f);
    onnx_node (&net.w, "Tanh", "in", "r");
    onnx_attr_ints (&net.w, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
    onnx_attr_int (&net.w, "group", groups);
    onnx_node (&net.w, "Conv", "in w", "c");
    add_followers (&net);
    finish (&net, c, 1e-5);
  }
}

/* 1x1 and in bfloat16 numbers, where there are such; 2^-8 of each product may
 * be wrong, and of a sum of both signs more. */
static void
narrow_convolutions (void)
{
  for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++) {
    Net net = begin_random (14);
    int64_t c = net.channels;

    net.bf16 = true;
    snprintf (net.text, sizeof net.text, "%lldx%lldx%lld narrow", (long long) c,
        (long long) net.height, (long long) net.width);
    onnx_random (&net.w, "w", 4, (int64_t[]){ c, c, 1, 1 }, 0.3f);
    onnx_node (&net.w, "Tanh", "in", "r");
    onnx_node (&net.w, "Conv", "in w", "c");
    add_followers (&net);
    finish (&net, c, 2e-2);
  }
}

/* Large enough for the Winograd kernels; they are less exact. */
static void
winograd_convolutions (void)
{
  for (int i = 0; i < 20 && tap_failures_ == 0; i++) {
    int64_t c = 16 * range (1, 5), out = 16 * range (1, 5);
    Net net = begin (c, range (20, 50), range (20, 50), 14);

    snprintf (net.text, sizeof net.text, "%lldx%lldx%lld out %lld",
        (long long) c, (long long) net.height, (long long) net.width,
        (long long) out);
    onnx_random (&net.w, "w", 4, (int64_t[]){ out, c, 3, 3 }, 0.3f);
    onnx_random (&net.w, "b", 1, &out, 1);
    onnx_attr_ints (&net.w, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
    onnx_node (&net.w, "Conv", "in w b", "c");
    onnx_node (&net.w, range (0, 1) == 0 ? "Relu" : "Identity", "c", "out");
    finish (&net, out, 1e-4);
  }
}

static void
poolings (void)
{
  for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++) {
    bool average = range (0, 1) == 0;
    Net net = begin_random (14);
    int64_t c = net.channels;

    if (!random_window (&net, !average, true, false)) {
      drop (&net);
      continue;
    }
    onnx_attr_int (&net.w, "ceil_mode", range (0, 1));
    if (average)
      onnx_attr_int (&net.w, "count_include_pad", range (0, 1));
    onnx_node (&net.w, average ? "AveragePool" : "MaxPool", "in", "out");
    finish (&net, c, 1e-5);
  }
}

static void
global_poolings (void)
{
  for (int i = 0; i < 40 && tap_failures_ == 0; i++) {
    Net net = begin_random (14);

    onnx_node (&net.w,
        range (0, 1) == 0 ? "GlobalAveragePool" : "GlobalMaxPool", "in", "out");
    finish (&net, net.channels, 1e-5);
  }
}

static void
resizes (void)
{
  static const char *const modes[] = { "half_pixel", "align_corners",
    "asymmetric", "pytorch_half_pixel" };
  static const char *const roundings[] = { "round_prefer_floor",
    "round_prefer_ceil", "floor", "ceil" };

  for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++) {
    Net net = begin_random (13);
    bool linear = range (0, 1) == 0;
    const char *mode = modes[range (0, 3)];
    const char *rounding = roundings[range (0, 3)];
    int64_t sizes[4] = { 1, net.channels, range (1, 45), range (1, 45) };

    if (range (0, 1) == 0) {
      sizes[2] = net.height * range (1, 4);
      sizes[3] = net.width * range (1, 4);
    }
    snprintf (net.text, sizeof net.text, "%s %s %s %lldx%lldx%lld to %lldx%lld",
        linear ? "linear" : "nearest", mode, rounding, (long long) net.channels,
        (long long) net.height, (long long) net.width, (long long) sizes[2],
        (long long) sizes[3]);
    onnx_ints (&net.w, "sizes", 4, sizes);
    onnx_attr_text (&net.w, "mode", linear ? "linear" : "nearest");
    onnx_attr_text (&net.w, "coordinate_transformation_mode", mode);
    if (!linear)
      onnx_attr_text (&net.w, "nearest_mode", rounding);
    onnx_node (&net.w, "Resize", "in - - sizes", "out");
    finish (&net, net.channels, 1e-5);
  }
}

/* Parts from convolutions, the input itself, and parts that are used twice. */
static void
concats (void)
{
  for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++) {
    int64_t step = range (0, 2) == 0 ? 1 : 16, total = 0;
    Net net = begin (step * range (1, 4), range (1, 12), range (1, 12), 13);
    int n = range (1, 5);
    char inputs[256] = "", name[16], args[32];

    for (int k = 0; k < n; k++) {
      int64_t c = step * range (1, 4);

      if (k > 0 && range (0, 4) == 0) {
        snprintf (name, sizeof name, "in");
        c = net.channels;
      } else {
        snprintf (args, sizeof args, "w%d", k);
        onnx_random (
            &net.w, args, 4, (int64_t[]){ c, net.channels, 1, 1 }, 0.5f);
        snprintf (args, sizeof args, "in w%d", k);
        snprintf (name, sizeof name, "p%d", k);
        onnx_node (&net.w, "Conv", args, name);
      }
      total += c;
      strcat (strcat (inputs, k > 0 ? " " : ""), name);
    }
    snprintf (
        net.text, sizeof net.text, "%d parts, step %lld", n, (long long) step);
    onnx_attr_int (&net.w, "axis", 1);
    onnx_node (&net.w, "Concat", inputs, "first");
    onnx_attr_int (&net.w, "axis", 1);
    onnx_node (&net.w, "Concat", "first in first", "out");
    finish (&net, 2 * total + net.channels, 1e-5);
  }
}

static void
elementwise (void)
{
  static const char *const types[] = { "Abs", "Exp", "HardSwish", "Neg", "Relu",
    "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Sqrt", "Clip" };

  for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++) {
    Net net = begin_random (14);
    const char *type = types[range (0, 10)];

    snprintf (net.text, sizeof net.text, "%s", type);
    onnx_floats (&net.w, "low", 0, NULL, (float[]){ -0.25f });
    onnx_floats (&net.w, "high", 0, NULL, (float[]){ 0.5f });
    if (strcmp (type, "Sqrt") == 0)
      onnx_node (&net.w, "Abs", "in", "a");
    else
      onnx_node (&net.w, "Identity", "in", "a");
    onnx_node (
        &net.w, type, strcmp (type, "Clip") == 0 ? "a low high" : "a", "out");
    finish (&net, net.channels, 2e-5);
  }
}

static void
binary_with_broadcast (void)
{
  static const char *const types[] = { "Add", "Sub", "Mul", "Div", "Max",
    "Min" };

  for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++) {
    Net net = begin_random (14);
    const char *type = types[range (0, 5)];
    int rank = range (0, 4);
    int64_t full[4] = { 1, net.channels, net.height, net.width }, dims[4];
    bool swap = range (0, 1) == 0;

    for (int k = 0; k < rank; k++)
      dims[k] = range (0, 1) == 0 ? full[4 - rank + k] : 1;
    snprintf (net.text, sizeof net.text, "%s rank %d%s", type, rank,
        swap ? " swapped" : "");
    onnx_random (&net.w, "k", rank, dims, 1);
    onnx_node (&net.w, "Exp", "k", "positive");
    onnx_node (&net.w, "Exp", "in", "e");
    onnx_node (&net.w, type, swap ? "positive e" : "e positive", "out");
    finish (&net, net.channels, 1e-5);
  }
}

static void
softmaxes (void)
{
  for (int i = 0; i < 60 && tap_failures_ == 0; i++) {
    Net net = begin_random (range (0, 1) == 0 ? 11 : 13);
    int axis = range (-4, 3);

    snprintf (net.text, sizeof net.text, "axis %d", axis);
    onnx_attr_int (&net.w, "axis", axis);
    onnx_node (&net.w, "Softmax", "in", "out");
    finish (&net, net.channels, 1e-5);
  }
}

static void
matrix_products (void)
{
  for (int i = 0; i < 60 && tap_failures_ == 0; i++) {
    Net net = begin_random (13);
    int64_t k = net.height * net.width, n = range (1, 40);
    bool transposed = range (0, 1) == 0, gemm = range (0, 1) == 0;

    onnx_ints (&net.w, "shape", 2, (int64_t[]){ net.channels, k });
    onnx_node (&net.w, "Reshape", "in shape", "m");
    onnx_random (&net.w, "w", 2,
        (int64_t[]){ gemm && transposed ? n : k, gemm && transposed ? k : n },
        0.5f);
    onnx_random (&net.w, "b", 1, &n, 1);
    if (gemm)
      onnx_attr_int (&net.w, "transB", transposed);
    onnx_node (&net.w, gemm ? "Gemm" : "MatMul",
        gemm && range (0, 1) == 0 ? "m w b" : "m w", "p");
    onnx_node (&net.w, "Relu", "p", "out");
    finish (&net, 0, 1e-5);
  }
}

/* What no other back end has a kernel for runs on the reference's, between
 * nodes that it has one for. */
static void
unknown_operators (void)
{
  for (int i = 0; i < 40 && tap_failures_ == 0; i++) {
    Net net = begin_random (13);

    onnx_attr_ints (&net.w, "perm", 4, (int64_t[]){ 0, 1, 3, 2 });
    onnx_node (&net.w, "Transpose", "in", "t");
    onnx_node (&net.w, "Shape", "t", "s");
    onnx_node (&net.w, "Floor", "t", "f");
    onnx_node (&net.w, "Reshape", "f s", "out");
    finish (&net, net.channels, 1e-5);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (convolutions),
    TAP_TEST (transposed_convolutions),
    TAP_TEST (fused_convolutions),
    TAP_TEST (narrow_convolutions),
    TAP_TEST (winograd_convolutions),
    TAP_TEST (poolings),
    TAP_TEST (global_poolings),
    TAP_TEST (resizes),
    TAP_TEST (concats),
    TAP_TEST (elementwise),
    TAP_TEST (binary_with_broadcast),
    TAP_TEST (softmaxes),
    TAP_TEST (matrix_products),
    TAP_TEST (unknown_operators),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
