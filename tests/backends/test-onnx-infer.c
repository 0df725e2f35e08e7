/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shape inference and folding: what disappears, and what no node may do. The
 * last test makes nodes of every operator with random, mostly senseless
 * inputs and attributes: they are refused or run, and never go out of
 * bounds (run it under a sanitizer). */

#include "nn/pet-backend.h"

#include "onnx-writer.h"
#include "tap.h"

#define DIMS(...) (const int64_t[]){ __VA_ARGS__ }
#define FLOATS(...) (const float[]){ __VA_ARGS__ }

static PetGraph *
read_graph (OnnxWriter *w)
{
  Bytes bytes = onnx_finish (w);
  PetGraph *graph = NULL;
  PetError error = { .status = PET_OK };
  PetStatus status =
      pet_onnx_read (bytes.data, bytes.size, NULL, &graph, &error);

  free (bytes.data);
  if (status == PET_OK)
    status = pet_graph_check (graph, &error);
  if (status != PET_OK) {
    tap_fail ("%s", error.message);
    pet_graph_free (&graph);
  }
  return graph;
}

static void
expect (OnnxWriter *w, const PetShape *shapes, PetStatus status,
    const char *part)
{
  PetGraph *graph = read_graph (w);
  PetError error = { .status = PET_OK };
  PetStatus got;

  if (graph == NULL)
    return;
  got = pet_graph_infer (graph, shapes, &error);
  if (got != status || (got != PET_OK && strstr (error.message, part) == NULL))
    tap_fail ("want %s '%s', got %s '%s'", pet_status_name (status), part,
        pet_status_name (got), error.message);
  pet_graph_free (&graph);
}

/* As PyTorch writes x.view (x.shape[0], -1, floor (x.shape[2] / 2) * 2). */
static void
shape_arithmetic_folds_away (void)
{
  OnnxWriter w = onnx_writer (11);
  PetGraph *graph;

  onnx_input (&w, "x", 1, 4, DIMS (2, 3, 4, 5));
  onnx_ints (&w, "zero", 1, DIMS (0));
  onnx_ints (&w, "two", 1, DIMS (2));
  onnx_ints (&w, "open", 1, DIMS (-1));
  onnx_node (&w, "Shape", "x", "s");
  onnx_node (&w, "Gather", "s zero", "n");
  onnx_node (&w, "Gather", "s two", "h");
  onnx_attr_int (&w, "to", 1);
  onnx_node (&w, "Cast", "h", "hf");
  onnx_floats (&w, "half", 0, NULL, FLOATS (0.5f));
  onnx_node (&w, "Mul", "hf half", "hh");
  onnx_node (&w, "Floor", "hh", "hg");
  onnx_attr_int (&w, "to", 7);
  onnx_node (&w, "Cast", "hg", "hi");
  onnx_node (&w, "Mul", "hi two", "h2");
  onnx_attr_int (&w, "axis", 0);
  onnx_node (&w, "Concat", "n open h2", "shape");
  onnx_node (&w, "Reshape", "x shape", "y");
  onnx_output (&w, "y");
  graph = read_graph (&w);
  if (graph == NULL)
    return;
  tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
  tap_check (graph->n_nodes == 1);
  if (graph->n_nodes == 1) {
    const PetShape *shape = &graph->values[graph->outputs[0]].tensor.shape;

    tap_check (shape->rank == 3 && shape->dim[0] == 2);
    tap_check (shape->dim[1] == 15 && shape->dim[2] == 4);
  }
  pet_graph_free (&graph);
}

static void
whole_graphs_fold_to_constants (void)
{
  OnnxWriter w = onnx_writer (13);
  PetGraph *graph;
  const PetTensor *y;

  onnx_floats (&w, "a", 1, DIMS (3), FLOATS (1.0f, -2.0f, 3.0f));
  onnx_node (&w, "Relu", "a", "b");
  onnx_node (&w, "Add", "a b", "y");
  onnx_output (&w, "y");
  graph = read_graph (&w);
  if (graph == NULL)
    return;
  tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
  y = &graph->values[graph->outputs[0]].tensor;
  tap_check (graph->n_nodes == 0 && y->data != NULL);
  if (y->data != NULL)
    tap_check (((float *) y->data)[1] == -2.0f &&
        ((float *) y->data)[2] == 6.0f);
  pet_graph_free (&graph);
}

/* 200 MB of constants out of a few bytes: left to the arena, not folded. */
static void
folding_has_a_budget (void)
{
  OnnxWriter w = onnx_writer (13);
  PetGraph *graph;

  onnx_ints (&w, "shape", 2, DIMS (1000, 50000));
  onnx_node (&w, "ConstantOfShape", "shape", "y");
  onnx_output (&w, "y");
  graph = read_graph (&w);
  if (graph == NULL)
    return;
  tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
  tap_check (graph->n_nodes == 1);
  pet_graph_free (&graph);
}

static void
copies_share_their_weights (void)
{
  OnnxWriter w = onnx_writer (13);
  PetGraph *graph, *copy;
  const float *data;
  int a;

  onnx_floats (&w, "a", 1, DIMS (2), FLOATS (1.0f, 2.0f));
  onnx_node (&w, "Relu", "a", "y");
  onnx_output (&w, "y");
  graph = read_graph (&w);
  if (graph == NULL)
    return;
  copy = pet_graph_copy (graph);
  a = pet_graph_find_value (graph, "a");
  data = graph->values[a].tensor.data;
  tap_check (copy->values[a].tensor.data == data);
  pet_graph_free (&graph);
  tap_check (((float *) copy->values[a].tensor.data)[1] == 2.0f);
  pet_graph_free (&copy);
}

static void
open_shapes_must_be_given (void)
{
  PetShape shape = { 2, { 5, 3 } }, wrong = { 2, { 5, 4 } };

  for (int i = 0; i < 3; i++) {
    OnnxWriter w = onnx_writer (13);

    onnx_input (&w, "x", 1, 2, DIMS (-1, 3));
    onnx_node (&w, "Relu", "x", "y");
    onnx_output (&w, "y");
    expect (&w, i == 0 ? NULL : i == 1 ? &shape : &wrong,
        i == 1 ? PET_OK : PET_ERROR_ARGUMENT,
        i == 0 ? "'x' open (?x3)" : "'x' is ?x3, it cannot be made 5x4");
  }
}

static void
outputs_can_be_chosen (void)
{
  OnnxWriter w = onnx_writer (13);
  PetGraph *graph;
  PetError error;

  onnx_input (&w, "x", 1, 1, DIMS (2));
  onnx_node (&w, "Relu", "x", "y");
  onnx_node (&w, "Neg", "x", "z");
  onnx_output (&w, "y");
  onnx_output (&w, "z");
  graph = read_graph (&w);
  if (graph == NULL)
    return;
  tap_check (pet_graph_keep_output (graph, "z", &error) == PET_OK);
  tap_check (graph->n_outputs == 1);
  tap_check (pet_graph_keep_output (graph, "q", &error) ==
      PET_ERROR_ARGUMENT);
  pet_graph_free (&graph);
}

/* x: 1x4x8x8, w: 4x4x3x3 */
static OnnxWriter
conv_model (void)
{
  static const float weights[4 * 4 * 3 * 3];
  OnnxWriter w = onnx_writer (13);

  onnx_input (&w, "x", 1, 4, DIMS (1, 4, 8, 8));
  onnx_floats (&w, "w", 4, DIMS (4, 4, 3, 3), weights);
  onnx_output (&w, "y");
  return w;
}

static void
expect_conv (const char *attr, size_t count, const int64_t *values,
    PetStatus status, const char *part)
{
  OnnxWriter w = conv_model ();

  if (count == 0)
    onnx_attr_int (&w, attr, values[0]);
  else
    onnx_attr_ints (&w, attr, count, values);
  onnx_node (&w, "Conv", "x w", "y");
  expect (&w, NULL, status, part);
}

static void
hostile_windows_are_refused (void)
{
  const int64_t huge = INT64_MAX;

  expect_conv ("pads", 4, DIMS (1, 1, 1, 1), PET_OK, "");
  expect_conv ("pads", 4, DIMS (-1, 0, 0, 0), PET_ERROR_CORRUPT,
      "node 'n' (Conv): a padding of -1");
  expect_conv ("pads", 3, DIMS (1, 1, 1), PET_ERROR_CORRUPT, "pads has 3");
  expect_conv ("pads", 4, DIMS (huge, huge, huge, huge), PET_ERROR_CORRUPT,
      "padding");
  expect_conv ("pads", 4, DIMS (0, 1 << 30, 0, 1 << 30), PET_ERROR_LIMIT,
      "above the limit");
  expect_conv ("strides", 2, DIMS (0, 1), PET_ERROR_CORRUPT, "strides of 0");
  expect_conv ("strides", 1, DIMS (1), PET_ERROR_CORRUPT, "strides has 1");
  expect_conv ("strides", 2, DIMS (huge, 1), PET_ERROR_CORRUPT, "strides");
  expect_conv ("dilations", 2, DIMS (1, -3), PET_ERROR_CORRUPT, "dilations");
  expect_conv ("dilations", 2, DIMS (5, 5), PET_ERROR_CORRUPT,
      "a kernel of 11 is larger than the padded data (8)");
  expect_conv ("kernel_shape", 2, DIMS (5, 5), PET_ERROR_CORRUPT,
      "kernel_shape is not");
  expect_conv ("group", 0, DIMS (3), PET_ERROR_CORRUPT, "3 groups");
  expect_conv ("group", 0, DIMS (0), PET_ERROR_CORRUPT, "0 groups");
  expect_conv ("group", 0, DIMS (2), PET_ERROR_CORRUPT,
      "weight has 4 input channels, the data has 2");
}

static void
hostile_shapes_are_refused (void)
{
  static const struct {
    const char *type, *inputs, *part;
    int64_t list[4];
    int64_t count;
    PetStatus status;
  } cases[] = {
    { "Reshape", "x i", "2x3 cannot be reshaped to 5", { 5 }, 1,
        PET_ERROR_CORRUPT },
    { "Reshape", "x i", "invalid", { -1, -1 }, 2, PET_ERROR_CORRUPT },
    { "Reshape", "x i", "invalid", { INT64_MAX, INT64_MAX }, 2,
        PET_ERROR_CORRUPT },
    { "Expand", "x i", "above the limit", { 1 << 30, 2, 3 }, 3,
        PET_ERROR_LIMIT },
    { "Expand", "x i", "do not go together", { 5, 3 }, 2,
        PET_ERROR_CORRUPT },
    { "Tile", "x i", "repeats are not possible", { INT64_MAX, 1 }, 2,
        PET_ERROR_CORRUPT },
    { "Tile", "x i", "above the limit", { 1 << 30, 1 << 30 }, 2,
        PET_ERROR_LIMIT },
    { "ConstantOfShape", "i", "negative", { -1 }, 1, PET_ERROR_CORRUPT },
    { "ConstantOfShape", "i", "above the limit", { INT64_MAX }, 1,
        PET_ERROR_LIMIT },
    { "Range", "i i i", "constant numbers", { 1, 2 }, 2,
        PET_ERROR_UNSUPPORTED },
    { "Range", "zero i zero", "no end", { 1 }, 1, PET_ERROR_CORRUPT },
    { "Gather", "x i", "index 2 is out of range for 2", { 2 }, 1,
        PET_ERROR_CORRUPT },
    { "Slice", "x i i i i", "a step is 0", { 0 }, 1, PET_ERROR_CORRUPT },
    { "Slice", "x i i", "not equally many", { 0, 0, 0 }, 3,
        PET_ERROR_CORRUPT },
    { "Pad", "x i", "pads has 3", { 1, 1, 1 }, 3, PET_ERROR_CORRUPT },
    { "Pad", "x i", "not possible", { -2, -2, -2, -2 }, 4,
        PET_ERROR_CORRUPT },
    { "Squeeze", "x i", "is 2, not 1", { 0 }, 1, PET_ERROR_CORRUPT },
    { "Unsqueeze", "x i", "given twice", { 0, 0 }, 2, PET_ERROR_CORRUPT },
    { "Unsqueeze", "x i", "out of range", { 3 }, 1, PET_ERROR_CORRUPT },
    { "MatMul", "x x", "3 columns on the left, 2 rows", { 0 }, 1,
        PET_ERROR_CORRUPT },
    { "Concat", "x i", "another input is int64", { 0 }, 1,
        PET_ERROR_CORRUPT },
    { "Add", "x i", "another input is int64", { 0 }, 1, PET_ERROR_CORRUPT },
    { "Resize", "x - - i", "sizes has 1 numbers", { 4 }, 1,
        PET_ERROR_CORRUPT },
    { "Resize", "x - - i", "a size of -4", { 4, -4 }, 2, PET_ERROR_CORRUPT },
    { "Split", "x i", "do not add up", { 5 }, 1, PET_ERROR_CORRUPT },
    { "MaxPool", "x", "kernel_shape has 0", { 0 }, 1, PET_ERROR_CORRUPT },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    OnnxWriter w = onnx_writer (13);
    int64_t zero = 0;

    onnx_input (&w, "x", 1, 2, DIMS (2, 3));
    onnx_ints (&w, "i", cases[i].count, cases[i].list);
    onnx_constant (&w, "zero", 7, 8, 0, NULL, &zero);
    if (strcmp (cases[i].type, "Concat") == 0)
      onnx_attr_int (&w, "axis", 0);
    onnx_node (&w, cases[i].type, cases[i].inputs, "y");
    onnx_output (&w, "y");
    expect (&w, NULL, cases[i].status, cases[i].part);
  }
}

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
    "output_padding", "output_shape", "pads", "perm", "split", "starts",
    "ends", "strides" };
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
    { "nearest_mode", "ceil" },
    { "keep_aspect_ratio_policy", "not_larger" } };

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
    "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
    "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize" };
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
  static const char *const modes[] = { "constant", "reflect", "edge",
    "wrap" };
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

/* PET_ROUNDS=N for longer runs. */
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
    TAP_TEST (shape_arithmetic_folds_away),
    TAP_TEST (whole_graphs_fold_to_constants),
    TAP_TEST (folding_has_a_budget),
    TAP_TEST (copies_share_their_weights),
    TAP_TEST (open_shapes_must_be_given),
    TAP_TEST (outputs_can_be_chosen),
    TAP_TEST (hostile_windows_are_refused),
    TAP_TEST (hostile_shapes_are_refused),
    TAP_TEST (no_random_node_crashes),
    TAP_TEST (no_nearly_right_node_crashes),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
