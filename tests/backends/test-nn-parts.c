/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures that the native back end never makes whole: Concat and Resize in front
 * of convolutions by tiles, and expansions in front of depthwise ones. */

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

/* A block of MobileNet's with `made` channels in between; FALSE: none comes out. */
static bool
add_inverted (Net *net, int64_t made, int64_t kernel, int64_t stride,
    const int64_t *pads, int64_t dilation)
{
  int64_t span = (kernel - 1) * dilation + 1;

  if (net->height + pads[0] + pads[2] < span ||
      net->width + pads[1] + pads[3] < span)
    return false;
  onnx_random (
      &net->w, "we", 4, (int64_t[]){ made, net->channels, 1, 1 }, 0.4f);
  onnx_random (&net->w, "be", 1, &made, 0.5f);
  onnx_random (&net->w, "wd", 4, (int64_t[]){ made, 1, kernel, kernel }, 0.4f);
  onnx_random (&net->w, "bd", 1, &made, 0.5f);
  onnx_node (&net->w, "Conv", "in we be", "e");
  onnx_node (&net->w, "Relu", "e", "expanded");
  onnx_attr_int (&net->w, "group", made);
  onnx_attr_ints (&net->w, "strides", 2, (int64_t[]){ stride, stride });
  onnx_attr_ints (&net->w, "dilations", 2, (int64_t[]){ dilation, dilation });
  onnx_attr_ints (&net->w, "pads", 4, pads);
  onnx_node (&net->w, "Conv", "expanded wd bd", "d");
  return true;
}

static void
expansions (void)
{
  for (int i = 0; i < 30 && tap_failures_ == 0; i++) {
    int64_t made = range (24, 100), kernel = range (0, 1) == 0 ? 3 : 5;
    int64_t stride = range (1, 3), dilation = range (1, 2), pads[4];
    Net net = begin (range (8, 40), range (50, 110), range (50, 110), 13);

    for (int k = 0; k < 4; k++)
      pads[k] = range (0, 4);
    net.bf16 = range (0, 1) == 0;
    snprintf (net.text, sizeof net.text,
        "%lldx%lldx%lld to %lld, kernel %lld by %lld, dilation %lld%s",
        (long long) net.channels, (long long) net.height, (long long) net.width,
        (long long) made, (long long) kernel, (long long) stride,
        (long long) dilation, net.bf16 ? ", narrow" : "");
    tap_check (add_inverted (&net, made, kernel, stride, pads, dilation));
    onnx_node (&net.w, range (0, 1) == 0 ? "Relu" : "HardSwish", "d", "out");
    finish (&net, made, net.bf16 ? 2e-2 : 1e-5);
  }
}

/* The expansion's input is added to the result, or is read by somebody between
 * both nodes who would write over it. */
static void
expansions_with_other_readers (void)
{
  const int64_t pads[4] = { 1, 1, 1, 1 };

  for (int i = 0; i < 20 && tap_failures_ == 0; i++) {
    int64_t c = 16 * range (1, 3), made = 16 * range (4, 6);
    Net net = begin (c, range (70, 100), range (70, 100), 13);

    snprintf (net.text, sizeof net.text, "%lldx%lldx%lld to %lld",
        (long long) c, (long long) net.height, (long long) net.width,
        (long long) made);
    onnx_random (&net.w, "wp", 4, (int64_t[]){ c, made, 1, 1 }, 0.2f);
    tap_check (add_inverted (&net, made, 3, 1, pads, 1));
    onnx_node (&net.w, "Sigmoid", "in", "s");
    onnx_node (&net.w, "Conv", "d wp", "p");
    onnx_node (&net.w, "Add", range (0, 1) == 0 ? "p in" : "p s", "sum");
    onnx_node (&net.w, "Mul", "sum s", "out");
    finish (&net, c, 1e-5);
  }
}

/* The expansion's input is added to what the depthwise convolution makes of it,
 * and has its size: rows that are made later read it still. */
static void
expansions_of_their_own_residual (void)
{
  const int64_t pads[4] = { 1, 1, 1, 1 };

  for (int i = 0; i < 10 && tap_failures_ == 0; i++) {
    int64_t c = 16 * range (2, 4);
    Net net = begin (c, range (92, 120), range (92, 120), 13);
    bool last = range (0, 1) == 0;

    snprintf (net.text, sizeof net.text, "%lldx%lldx%lld", (long long) c,
        (long long) net.height, (long long) net.width);
    tap_check (add_inverted (&net, c, 3, 1, pads, 1));
    if (last)
      onnx_node (&net.w, "Relu", "d", "a");
    onnx_node (&net.w, "Add", last ? "a in" : "in d", "out");
    finish (&net, c, 1e-5);
  }
}

#ifndef PET_TEST_BACKEND
/* 96 channels of 128x128 are 6.3 MB, what goes in and comes out 1 and 1.6. */
static void
an_expansion_takes_no_memory (void)
{
  const int64_t pads[4] = { 1, 1, 1, 1 };
  PetNetOptions options;
  PetNet *net = NULL;
  PetNetInfo info;
  PetModel *model;
  Bytes bytes;
  Net made = begin (16, 128, 128, 13);

  tap_check (add_inverted (&made, 96, 3, 2, pads, 1));
  onnx_random (&made.w, "wp", 4, (int64_t[]){ 16, 96, 1, 1 }, 0.2f);
  onnx_node (&made.w, "Conv", "d wp", "out");
  onnx_output (&made.w, "out");
  bytes = onnx_finish (&made.w);
  model = load_bytes (&bytes);
  pet_net_options_init (&options);
  options.backend = "native";
  options.threads = 1;
  tap_check (pet_net_new (model, &options, &net, NULL) == PET_OK);
  pet_net_info (net, &info);
  printf ("# %zu bytes of activations\n", info.activation_bytes);
  tap_check (info.activation_bytes < (size_t) 5 << 20);
  pet_net_free (&net);
  pet_model_free (&model);
}
#endif

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (decoders),
    TAP_TEST (parts_with_two_readers),
    TAP_TEST (parts_as_residuals),
    TAP_TEST (wide_paddings),
    TAP_TEST (expansions),
    TAP_TEST (expansions_with_other_readers),
    TAP_TEST (expansions_of_their_own_residual),
#ifndef PET_TEST_BACKEND
    TAP_TEST (an_expansion_takes_no_memory),
#endif
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
