/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parts of pictures that are never joined: Concat and Resize in front of
 * convolutions that the native back end makes by tiles. */

#include "net-compare.h"

/* What the native back end never makes: a Concat, and a Resize into it, in
 * front of a convolution by tiles; which may overwrite one of the parts. */
static void
decoders (void)
{
  for (int i = 0; i < 30 && tap_failures_ == 0; i++) {
    int64_t a = 16 * range (1, 3), b = range (1, 40);
    int64_t out = range (0, 1) == 0 ? b : range (8, 40);
    Net net = begin (a, range (12, 40), range (12, 40), 13);
    int64_t sizes[4] = { 1, a, 2 * net.height - range (0, 1),
      2 * net.width + range (0, 1) };

    net.wrapped = false;
    snprintf (net.text, sizeof net.text, "%lld + %lld to %lld, %lldx%lld",
        (long long) a, (long long) b, (long long) out, (long long) sizes[2],
        (long long) sizes[3]);
    onnx_ints (&net.w, "sizes", 4, sizes);
    onnx_random (&net.w, "ws", 4, (int64_t[]){ b, a, 1, 1 }, 0.5f);
    onnx_random (&net.w, "w", 4, (int64_t[]){ out, a + b, 3, 3 }, 0.2f);
    onnx_attr_text (&net.w, "mode", "linear");
    onnx_node (&net.w, "Resize", "in - - sizes", "large");
    onnx_attr_text (&net.w, "mode", range (0, 1) == 0 ? "linear" : "nearest");
    onnx_node (&net.w, "Resize", "in - - sizes", "up");
    onnx_node (&net.w, "Conv", "large ws", "skip");
    onnx_attr_int (&net.w, "axis", 1);
    onnx_node (&net.w, "Concat", "up skip", "both");
    onnx_attr_ints (&net.w, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
    onnx_node (&net.w, "Conv", "both w", "c");
    onnx_node (&net.w, "Relu", "c", "out");
    finish (&net, out, 1e-4);
  }
}

/* Three pictures of as many channels, from 1x1 convolutions. */
static Net
begin_parts (int64_t channels)
{
  static const char *const weights[] = { "w1", "w2", "w3" };
  static const char *const parts[] = { "part", "part2", "part3" };
  Net net = begin (channels, range (24, 50), range (24, 50), 13);

  snprintf (net.text, sizeof net.text, "parts of %lldx%lldx%lld",
      (long long) channels, (long long) net.height, (long long) net.width);
  for (int i = 0; i < 3; i++) {
    char inputs[16];

    snprintf (inputs, sizeof inputs, "in %s", weights[i]);
    onnx_random (
        &net.w, weights[i], 4, (int64_t[]){ channels, channels, 1, 1 }, 0.5f);
    onnx_node (&net.w, "Conv", inputs, parts[i]);
  }
  return net;
}

static void
add_tiled (Net *net, const char *inputs, const char *name)
{
  onnx_attr_ints (&net->w, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
  onnx_node (&net->w, "Conv", inputs, name);
}

/* A part of two Concats that are read one after the other: the first reader may
 * not overwrite it. */
static void
parts_with_two_readers (void)
{
  for (int i = 0; i < 10 && tap_failures_ == 0; i++) {
    int64_t c = 16 * range (1, 3);
    Net net = begin_parts (c);

    for (int k = 0; k < 2; k++) {
      onnx_random (
          &net.w, k == 0 ? "wa" : "wb", 4, (int64_t[]){ c, 2 * c, 3, 3 }, 0.2f);
      onnx_attr_int (&net.w, "axis", 1);
      onnx_node (&net.w, "Concat", k == 0 ? "part part2" : "part3 part",
          k == 0 ? "both" : "both2");
    }
    add_tiled (&net, "both wa", "first");
    add_tiled (&net, "both2 wb", "second");
    onnx_node (&net.w, "Mul", "first second", "out");
    finish (&net, c, 1e-4);
  }
}

/* A part that is added to the result, too. */
static void
parts_as_residuals (void)
{
  for (int i = 0; i < 10 && tap_failures_ == 0; i++) {
    int64_t c = 16 * range (1, 3);
    Net net = begin_parts (c);

    onnx_random (&net.w, "w", 4, (int64_t[]){ c, 2 * c, 3, 3 }, 0.2f);
    onnx_attr_int (&net.w, "axis", 1);
    onnx_node (&net.w, "Concat", "part part2", "both");
    add_tiled (&net, "both w", "c");
    onnx_node (&net.w, "Add", "c part", "out");
    finish (&net, c, 1e-4);
  }
}

/* More padding than kernels have taps, around an enlarged part. */
static void
wide_paddings (void)
{
  for (int i = 0; i < 20 && tap_failures_ == 0; i++) {
    int64_t pads[4], c = 16;
    Net net = begin (c, range (2, 20), range (2, 20), 13);

    net.wrapped = false;
    for (int k = 0; k < 4; k++)
      pads[k] = k % 2 == 0 ? range (0, 4) : range (0, 600);
    snprintf (net.text, sizeof net.text,
        "%lldx%lld, padding %lld %lld %lld %lld", (long long) net.height,
        (long long) net.width, (long long) pads[0], (long long) pads[1],
        (long long) pads[2], (long long) pads[3]);
    onnx_ints (
        &net.w, "sizes", 4, (int64_t[]){ 1, c, 2 * net.height, 2 * net.width });
    onnx_random (&net.w, "w", 4, (int64_t[]){ c, 2 * c, 3, 3 }, 0.2f);
    onnx_attr_text (&net.w, "mode", "linear");
    onnx_node (&net.w, "Resize", "in - - sizes", "up");
    onnx_attr_text (&net.w, "mode", "nearest");
    onnx_node (&net.w, "Resize", "in - - sizes", "up2");
    onnx_attr_int (&net.w, "axis", 1);
    onnx_node (&net.w, "Concat", "up up2", "both");
    onnx_attr_ints (&net.w, "pads", 4, pads);
    onnx_node (&net.w, "Conv", "both w", "out");
    finish (&net, c, 1e-4);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (decoders),
    TAP_TEST (parts_with_two_readers),
    TAP_TEST (parts_as_residuals),
    TAP_TEST (wide_paddings),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
