/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nodes with random inputs and attributes, senseless ones of every operator
 * and ones that are nearly right: they are refused or run, and never go out
 * of bounds (run it under a sanitizer; PET_ROUNDS=N for longer runs). */

#include "nn/pet-backend.h"

#include "onnx-writer.h"
#include "tap.h"

/* A random value, small as a rule, at times extreme. */
static int64_t
random_value (void)
{
  static const int64_t odd[] = { -1, 0, INT32_MAX, INT32_MIN, INT64_MAX,
    INT64_MIN, 1 << 20, 64 };

  if (tap_random () % 8 == 0)
    return odd[tap_random () % 8];
  return tap_random_range (-2, 6);
}

static void
random_attrs (OnnxWriter *w)
{
  static const char *const ints[] = { "axes", "dilations", "kernel_shape",
    "output_padding", "output_shape", "pads", "perm", "split", "starts", "ends",
    "strides" };
  static const char *const numbers[] = { "axis", "batch_dims", "blocksize",
    "ceil_mode", "count_include_pad", "end", "exclusive", "fmod", "group",
    "keepdims", "num_groups", "num_outputs", "p", "reverse",
    "select_last_index", "size", "start", "storage_order", "to", "transA",
    "transB", "upper", "allowzero", "antialias", "exclude_outside",
    "noop_with_empty_axes" };
  static const char *const texts[][2] = { { "mode", "linear" },
    { "mode", "cubic" }, { "mode", "reflect" }, { "mode", "wrap" },
    { "mode", "edge" }, { "mode", "CRD" }, { "auto_pad", "SAME_UPPER" },
    { "auto_pad", "SAME_LOWER" }, { "auto_pad", "VALID" },
    { "coordinate_transformation_mode", "align_corners" },
    { "coordinate_transformation_mode", "tf_crop_and_resize" },
    { "coordinate_transformation_mode", "half_pixel_symmetric" },
    { "nearest_mode", "ceil" }, { "keep_aspect_ratio_policy", "not_larger" } };

  for (int n = tap_random_range (0, 4); n > 0; n--) {
    int64_t list[8];
    size_t count = (size_t) tap_random_range (0, 6);

    for (size_t i = 0; i < 8; i++)
      list[i] = random_value ();
    onnx_attr_ints (w, ints[tap_random () % 11], count, list);
  }
  for (int n = tap_random_range (0, 4); n > 0; n--)
    onnx_attr_int (w, numbers[tap_random () % 26], random_value ());
  for (int n = tap_random_range (0, 2); n > 0; n--) {
    size_t i = tap_random () % 14;

    onnx_attr_text (w, texts[i][0], texts[i][1]);
  }
}

/* Value `name`: an input, or a constant list of int64 or of floats. */
static void
random_operand (OnnxWriter *w, const char *name)
{
  static const int types[] = { 1, 1, 1, 1, 7, 9, 2, 3, 6, 11, 10 };
  int64_t dims[5], ints[6];
  float floats[64];
  int rank = tap_random_range (0, 5), kind = tap_random_range (0, 3);

  for (int i = 0; i < 5; i++)
    dims[i] = tap_random_range (tap_random () % 9 == 0 ? 0 : 1, 4);
  for (int i = 0; i < 64; i++)
    floats[i] = (float) tap_random_range (-8, 8) / 2;
  for (int i = 0; i < 6; i++)
    ints[i] = random_value ();
  if (kind == 0)
    onnx_ints (w, name, tap_random_range (0, 6), ints);
  else if (kind == 1 && onnx_elements (rank, dims) <= 64)
    onnx_floats (w, name, rank, dims, floats);
  else
    onnx_input (w, name, types[tap_random () % 11], rank, dims);
}

/* Loads, compiles and runs what it can. */
static void
try_model (OnnxWriter *w, const char *backend)
{
  Bytes bytes = onnx_finish (w);
  PetModelLimits limits;
  PetModel *model = NULL;
  PetNet *net = NULL;
  PetNetOptions options;

  pet_model_limits_init (&limits);
  limits.max_tensor_bytes = 1 << 18;
  pet_net_options_init (&options);
  options.threads = 1;
  options.backend = backend;
  if (pet_model_load (bytes.data, bytes.size, &limits, &model, NULL) ==
          PET_OK &&
      pet_net_new (model, &options, &net, NULL) == PET_OK)
    pet_net_run (net, NULL);
  pet_net_free (&net);
  pet_model_free (&model);
  free (bytes.data);
}

static void
run_random_node (const PetOp *op, const char *backend)
{
  static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
  int most = op->max_inputs < 5 ? op->max_inputs : 5;
  int n = most > op->min_inputs ? tap_random_range (op->min_inputs, most)
                                : op->min_inputs;
  OnnxWriter w = onnx_writer (tap_random_range (7, 25));
  char inputs[32] = "";

  for (int i = 0; i < n; i++) {
    random_operand (&w, names[i]);
    strcat (strcat (inputs, i > 0 ? " " : ""), names[i]);
  }
  random_attrs (&w);
  onnx_node (&w, op->type, inputs, "y");
  onnx_output (&w, "y");
  try_model (&w, backend);
}

static void
small_attr (OnnxWriter *w, const char *name, int count, int low, int high)
{
  int64_t list[6];

  if (tap_random () % 3 == 0)
    return;
  for (int i = 0; i < count; i++)
    list[i] = tap_random () % 40 == 0 ? random_value ()
                                      : tap_random_range (low, high);
  onnx_attr_ints (w, name, (size_t) count, list);
}

/* Convolutions and pooling whose numbers fit together, or nearly. */
static void
run_random_window (const char *backend)
{
  static const char *const types[] = { "Conv", "ConvTranspose", "MaxPool",
    "AveragePool" };
  static const char *const pads[] = { "NOTSET", "VALID", "SAME_UPPER",
    "SAME_LOWER" };
  static const float weights[4 * 4 * 64];
  int type = tap_random_range (0, 3), rank = tap_random_range (1, 3);
  int group = tap_random_range (1, 2), each = tap_random_range (1, 2);
  int64_t x[5] = { tap_random_range (1, 2), group * each };
  int64_t w_dims[5] = { type == 0 ? 2 * group : group * each,
    type == 0 ? each : 2 };
  OnnxWriter w = onnx_writer (tap_random_range (7, 25));

  for (int i = 0; i < rank; i++) {
    x[2 + i] = tap_random_range (1, 9);
    w_dims[2 + i] = tap_random_range (1, 4);
  }
  onnx_input (&w, "x", 1, rank + 2, x);
  if (type < 2) {
    onnx_floats (&w, "w", rank + 2, w_dims, weights);
    onnx_attr_int (&w, "group", group);
    small_attr (&w, "output_padding", rank, 0, 1);
    if (type == 1 && tap_random () % 4 == 0)
      small_attr (&w, "output_shape", rank, 1, 20);
  } else
    onnx_attr_ints (&w, "kernel_shape", (size_t) rank, w_dims + 2);
  small_attr (&w, "strides", rank, 1, 3);
  small_attr (&w, "dilations", rank, 1, 3);
  small_attr (&w, "pads", 2 * rank, 0, 3);
  onnx_attr_int (&w, "ceil_mode", tap_random_range (0, 1));
  onnx_attr_int (&w, "count_include_pad", tap_random_range (0, 1));
  onnx_attr_int (&w, "storage_order", tap_random_range (0, 1));
  onnx_attr_text (&w, "auto_pad",
      pads[tap_random () % 3 == 0 ? tap_random_range (1, 3) : 0]);
  onnx_node (&w, types[type], type < 2 ? "x w" : "x",
      type == 2 && tap_random () % 2 == 0 ? "y i" : "y");
  onnx_output (&w, "y");
  try_model (&w, backend);
}

static void
run_random_resize (const char *backend)
{
  static const char *const modes[] = { "nearest", "linear", "cubic" };
  static const char *const transforms[] = { "half_pixel",
    "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_half_pixel_for_nn", "tf_crop_and_resize" };
  static const char *const nearests[] = { "round_prefer_floor",
    "round_prefer_ceil", "floor", "ceil" };
  static const char *const policies[] = { "stretch", "not_larger",
    "not_smaller" };
  int64_t rank = tap_random_range (1, 4), x[4], sizes[4], twice = 2 * rank;
  float scales[4], roi[8];
  OnnxWriter w = onnx_writer (tap_random_range (11, 25));
  bool with_sizes = tap_random () % 2 == 0;

  for (int i = 0; i < rank; i++) {
    x[i] = tap_random_range (1, 9);
    sizes[i] = tap_random_range (tap_random () % 9 == 0 ? 0 : 1, 20);
    scales[i] = (float) tap_random_range (1, 30) / 10;
    if (tap_random () % 40 == 0)
      scales[i] = tap_random () % 2 == 0 ? 1e-30f : 1e30f;
  }
  for (int i = 0; i < 8; i++)
    roi[i] = (float) tap_random_range (-10, 20) / 10;
  onnx_input (&w, "x", 1, (int) rank, x);
  onnx_floats (&w, "roi", 1, &twice, roi);
  onnx_floats (&w, "scales", 1, &rank, scales);
  onnx_ints (&w, "sizes", rank, sizes);
  onnx_attr_text (&w, "mode", modes[tap_random () % 3]);
  onnx_attr_text (
      &w, "coordinate_transformation_mode", transforms[tap_random () % 7]);
  onnx_attr_text (&w, "nearest_mode", nearests[tap_random () % 4]);
  onnx_attr_text (&w, "keep_aspect_ratio_policy", policies[tap_random () % 3]);
  onnx_attr_int (&w, "antialias", tap_random_range (0, 1));
  onnx_attr_int (&w, "exclude_outside", tap_random_range (0, 1));
  onnx_node (&w, "Resize", with_sizes ? "x roi - sizes" : "x roi scales", "y");
  onnx_output (&w, "y");
  try_model (&w, backend);
}

/* Slices, pads, gathers and scatters whose operands are of fitting shapes. */
static void
run_random_mover (const char *backend)
{
  static const char *const types[] = { "Slice", "Pad", "GatherElements",
    "ScatterElements", "GatherND", "ScatterND" };
  int type = tap_random_range (0, 5), rank = tap_random_range (1, 4);
  static const char *const modes[] = { "constant", "reflect", "edge", "wrap" };
  int64_t x[4], list[8], tuple = tap_random_range (1, rank);
  int64_t places[256] = { 0 };
  OnnxWriter w = onnx_writer (tap_random_range (11, 25));

  for (int i = 0; i < rank; i++)
    x[i] = tap_random_range (1, 4);
  for (int i = 0; i < 8; i++)
    list[i] = tap_random_range (-5, 5);
  for (int i = 0; i < 256; i++)
    places[i] = tap_random_range (-1, 0);
  onnx_input (&w, "x", 1, rank, x);
  onnx_input (&w, "u", 1, rank, x);
  onnx_ints (&w, "a", rank, list);
  onnx_ints (&w, "b", rank, list + 4);
  onnx_ints (&w, "pads", 2 * rank, list);
  onnx_ints (&w, "tuple", tuple, places);
  if (tap_random () % 2 == 0)
    onnx_constant (&w, "e", 7, 8, rank, x, places);
  else
    onnx_input (&w, "e", 7, rank, x);
  if (type == 1)
    onnx_attr_text (&w, "mode", modes[tap_random () % 4]);
  else if (type == 2 || type == 3)
    onnx_attr_int (&w, "axis", tap_random_range (-rank, rank - 1));
  onnx_node (&w, types[type],
      type == 0       ? "x a b"
          : type == 1 ? "x pads"
          : type == 2 ? "x e"
          : type == 3 ? "x e u"
          : type == 4 ? "x tuple"
                      : "x e u",
      "y");
  onnx_output (&w, "y");
  try_model (&w, backend);
}

static int
rounds (int fallback)
{
  const char *text = getenv ("PET_ROUNDS");

  return text != NULL ? atoi (text) : fallback;
}

static void
no_random_node_crashes (void)
{
  for (int i = 0; pet_ops[i] != NULL; i++)
    for (int n = rounds (200); n > 0; n--)
      run_random_node (pet_ops[i], "ref");
}

static void
no_nearly_right_node_crashes (void)
{
  const char *const *backends = pet_backend_names ();

  for (int i = 0; backends[i] != NULL; i++)
    for (int n = rounds (3000); n > 0; n--) {
      run_random_window (backends[i]);
      run_random_resize (backends[i]);
      run_random_mover (backends[i]);
    }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (no_random_node_crashes),
    TAP_TEST (no_nearly_right_node_crashes),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
