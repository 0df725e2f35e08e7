/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shape inference and folding: what disappears, and what no node may ask
 * for. */

#include "nn/pet-graph.h"

#include "onnx-writer.h"
#include "tap.h"

#define DIMS(...)                                                              \
  (const int64_t[])                                                            \
  {                                                                            \
    __VA_ARGS__                                                                \
  }
#define FLOATS(...)                                                            \
  (const float[])                                                              \
  {                                                                            \
    __VA_ARGS__                                                                \
  }

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
expect (
    OnnxWriter *w, const PetShape *shapes, PetStatus status, const char *part)
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
    tap_check (
        ((float *) y->data)[1] == -2.0f && ((float *) y->data)[2] == 6.0f);
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

/* Billions of products with few numbers: left to run, not folded. */
static void
folding_has_a_budget_of_work (void)
{
  static const struct {
    const char *type, *inputs;
    int64_t a[4], b[4];
    int rank;
  } cases[] = {
    { "MatMul", "a b", { 800, 800 }, { 800, 800 }, 2 },
    { "Gemm", "a b", { 800, 800 }, { 800, 800 }, 2 },
    { "Conv", "a b", { 1, 1, 256, 256 }, { 1, 1, 255, 255 }, 4 },
    { "ConvTranspose", "a b", { 1, 1, 128, 128 }, { 1, 1, 255, 255 }, 4 },
    { "AveragePool", "a", { 1, 1, 256, 256 }, { 1, 1, 1, 1 }, 4 },
    { "MaxPool", "a", { 1, 1, 256, 256 }, { 1, 1, 1, 1 }, 4 },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    OnnxWriter w = onnx_writer (13);
    PetGraph *graph;

    onnx_ints (&w, "as", cases[i].rank, cases[i].a);
    onnx_ints (&w, "bs", cases[i].rank, cases[i].b);
    onnx_node (&w, "ConstantOfShape", "as", "a");
    onnx_node (&w, "ConstantOfShape", "bs", "b");
    if (cases[i].rank == 4) {
      onnx_attr_ints (&w, "pads", 4, DIMS (127, 127, 127, 127));
      onnx_attr_ints (&w, "kernel_shape", 2, DIMS (255, 255));
    }
    onnx_node (&w, cases[i].type, cases[i].inputs, "y");
    onnx_output (&w, "y");
    graph = read_graph (&w);
    if (graph == NULL)
      continue;
    tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
    if (graph->n_nodes != 1)
      tap_fail ("%s was folded", cases[i].type);
    pet_graph_free (&graph);
  }
}

/* Sums over as many channels as there are: in time that grows with the channels,
 * not with their square, which would be days. */
static void
wide_sums_fold (void)
{
  OnnxWriter w = onnx_writer (13);
  PetGraph *graph;

  onnx_ints (&w, "shape", 4, DIMS (1, 1 << 20, 1, 1));
  onnx_node (&w, "ConstantOfShape", "shape", "x");
  onnx_attr_int (&w, "size", (1 << 21) + 1);
  onnx_node (&w, "LRN", "x", "y");
  onnx_output (&w, "y");
  graph = read_graph (&w);
  if (graph == NULL)
    return;
  tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
  tap_check (graph->n_nodes == 0);
  pet_graph_free (&graph);
}

/* Lines without numbers, more than anybody can count: there is nothing to run. */
static void
what_is_empty_is_not_run (void)
{
  static const char *const types[] = { "Softmax", "LpNormalization",
    "InstanceNormalization", "MatMul" };

  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    OnnxWriter w = onnx_writer (13);
    PetGraph *graph;

    onnx_input (&w, "x", 1, 3, DIMS ((int64_t) 1 << 50, 1, 0));
    onnx_floats (&w, "one", 1, DIMS (1), FLOATS (1.0f));
    onnx_ints (&w, "turned", 3, DIMS ((int64_t) 1 << 50, 0, 1));
    onnx_node (&w, "ConstantOfShape", "turned", "t");
    onnx_node (&w, types[i], i == 2 ? "x one one" : i == 3 ? "t x" : "x", "y");
    onnx_output (&w, "y");
    graph = read_graph (&w);
    if (graph == NULL)
      continue;
    tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
    tap_check (graph->n_nodes == 0);
    pet_graph_free (&graph);
  }
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
    expect (&w,
        i == 0       ? NULL
            : i == 1 ? &shape
                     : &wrong,
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
  tap_check (pet_graph_keep_output (graph, "q", &error) == PET_ERROR_ARGUMENT);
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
  expect_conv (
      "pads", 4, DIMS (huge, huge, huge, huge), PET_ERROR_CORRUPT, "padding");
  expect_conv ("pads", 4, DIMS (0, 1 << 30, 0, 1 << 30), PET_ERROR_LIMIT,
      "above the limit");
  expect_conv ("strides", 2, DIMS (0, 1), PET_ERROR_CORRUPT, "strides of 0");
  expect_conv ("strides", 1, DIMS (1), PET_ERROR_CORRUPT, "strides has 1");
  expect_conv ("strides", 2, DIMS (huge, 1), PET_ERROR_CORRUPT, "strides");
  expect_conv ("dilations", 2, DIMS (1, -3), PET_ERROR_CORRUPT, "dilations");
  expect_conv ("dilations", 2, DIMS (5, 5), PET_ERROR_CORRUPT,
      "a kernel of 11 is larger than the padded data (8)");
  expect_conv (
      "kernel_shape", 2, DIMS (5, 5), PET_ERROR_CORRUPT, "kernel_shape is not");
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
    { "Expand", "x i", "do not go together", { 5, 3 }, 2, PET_ERROR_CORRUPT },
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
    { "Slice", "x i i", "not equally many", { 0, 0, 0 }, 3, PET_ERROR_CORRUPT },
    { "Pad", "x i", "pads has 3", { 1, 1, 1 }, 3, PET_ERROR_CORRUPT },
    { "Pad", "x i", "not possible", { -2, -2, -2, -2 }, 4, PET_ERROR_CORRUPT },
    { "Squeeze", "x i", "is 2, not 1", { 0 }, 1, PET_ERROR_CORRUPT },
    { "Unsqueeze", "x i", "given twice", { 0, 0 }, 2, PET_ERROR_CORRUPT },
    { "Unsqueeze", "x i", "out of range", { 3 }, 1, PET_ERROR_CORRUPT },
    { "MatMul", "x x", "3 columns on the left, 2 rows", { 0 }, 1,
        PET_ERROR_CORRUPT },
    { "Concat", "x i", "another input is int64", { 0 }, 1, PET_ERROR_CORRUPT },
    { "Add", "x i", "another input is int64", { 0 }, 1, PET_ERROR_CORRUPT },
    { "Resize", "x - - i", "sizes has 1 numbers", { 4 }, 1, PET_ERROR_CORRUPT },
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

/* Found by fuzzing: a Resize of small tensors that worked with 3 GB. */
static void
what_a_node_works_with_is_limited (void)
{
  OnnxWriter w = onnx_writer (13);
  PetGraph *graph;
  PetError error = { .status = PET_OK };

  onnx_input (&w, "x", 1, 4, DIMS (1, 1, 64, 64));
  onnx_ints (&w, "size", 4, DIMS (1, 1, 64, 1000));
  onnx_attr_text (&w, "mode", "linear");
  onnx_node (&w, "Resize", "x - - size", "y");
  onnx_output (&w, "y");
  graph = read_graph (&w);
  if (graph == NULL)
    return;
  graph->limits.max_tensor_bytes = 64 * 1000 * sizeof (float);
  tap_check (pet_graph_infer (graph, NULL, &error) == PET_ERROR_LIMIT);
  tap_check (strstr (error.message, "to work with") != NULL);
  pet_graph_free (&graph);
}

/* Each tensor is within its limit; all together are not. */
static void
activations_are_limited (void)
{
  const char *const *backends = pet_backend_names ();

  for (int b = 0; backends[b] != NULL; b++) {
    OnnxWriter w = onnx_writer (13);
    PetModelLimits limits;
    PetModel *model = NULL;
    PetNetOptions options;
    PetNet *net = NULL;
    Bytes bytes;

    onnx_input (&w, "x", 1, 2, DIMS (100, 100));
    onnx_attr_int (&w, "axis", 0);
    onnx_node (&w, "Concat", "x x", "a");
    onnx_node (&w, "Softmax", "a", "y");
    onnx_output (&w, "y");
    bytes = onnx_finish (&w);
    pet_model_limits_init (&limits);
    limits.max_activation_bytes = 100000;
    tap_check (pet_model_load (bytes.data, bytes.size, &limits, &model, NULL) ==
        PET_OK);
    pet_net_options_init (&options);
    options.threads = 1;
    options.backend = backends[b];
    tap_check (pet_net_new (model, &options, &net, NULL) == PET_ERROR_LIMIT);
    pet_net_free (&net);
    pet_model_free (&model);
    free (bytes.data);
  }
}

/* Bytes that a net has taken and not given back. */
static void *
take (void *user, size_t bytes)
{
  *(size_t *) user += bytes;
  return pet_alloc (NULL, bytes);
}

static void
give_back (void *user, void *memory, size_t bytes)
{
  *(size_t *) user -= bytes;
  pet_free (NULL, memory, bytes);
}

/* `n` convolutions with the same 147 KB of weights, a normalisation behind each;
 * weights of 1 MB and more are too large. */
static PetStatus
make_net_of_one_weight (const char *backend, int n, bool norms, PetError *error)
{
  size_t taken = 0;
  PetAllocator allocator = { .alloc = take, .free = give_back, .user = &taken };
  PetNetOptions options = {
    .backend = backend, .threads = 1, .allocator = &allocator
  };
  OnnxWriter w = onnx_writer (13);
  PetModelLimits limits;
  PetModel *model = NULL;
  PetNet *net = NULL;
  PetStatus status;
  char name[16] = "x";
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, DIMS (1, 64, 24, 24));
  onnx_ints (&w, "shape", 4, DIMS (64, 64, 3, 3));
  onnx_ints (&w, "vector", 1, DIMS (64));
  onnx_node (&w, "ConstantOfShape", "shape", "w");
  onnx_node (&w, "ConstantOfShape", "vector", "v");
  for (int i = 0; i < n; i++) {
    char inputs[32], made[16];

    snprintf (inputs, sizeof inputs, "%s w", name);
    snprintf (made, sizeof made, "c%d", i);
    snprintf (name, sizeof name, norms ? "n%d" : "c%d", i);
    onnx_attr_ints (&w, "pads", 4, DIMS (1, 1, 1, 1));
    onnx_node (&w, "Conv", inputs, made);
    snprintf (inputs, sizeof inputs, "%s v v v v", made);
    if (norms)
      onnx_node (&w, "BatchNormalization", inputs, name);
  }
  onnx_output (&w, name);
  bytes = onnx_finish (&w);
  pet_model_limits_init (&limits);
  limits.max_weight_bytes = 1 << 20;
  status = pet_model_load (bytes.data, bytes.size, &limits, &model, error);
  if (status == PET_OK)
    status = pet_net_new (model, &options, &net, error);
  pet_net_free (&net);
  pet_model_free (&model);
  free (bytes.data);
  tap_check (taken == 0);
  return status;
}

static void
weights_are_limited (void)
{
  const char *const *backends = pet_backend_names ();

  for (int b = 0; backends[b] != NULL; b++)
    for (int norms = 0; norms < 2; norms++) {
      bool shares = strcmp (backends[b], "ref") == 0 && norms == 0;
      PetError error = { .message = "" };

      tap_check (make_net_of_one_weight (backends[b], 1, norms == 1, &error) ==
          PET_OK);
      tap_check (make_net_of_one_weight (backends[b], 20, norms == 1, &error) ==
          (shares ? PET_OK : PET_ERROR_LIMIT));
      tap_check (shares || strstr (error.message, "weights") != NULL);
    }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (shape_arithmetic_folds_away),
    TAP_TEST (whole_graphs_fold_to_constants),
    TAP_TEST (folding_has_a_budget),
    TAP_TEST (folding_has_a_budget_of_work),
    TAP_TEST (wide_sums_fold),
    TAP_TEST (what_is_empty_is_not_run),
    TAP_TEST (copies_share_their_weights),
    TAP_TEST (open_shapes_must_be_given),
    TAP_TEST (outputs_can_be_chosen),
    TAP_TEST (hostile_windows_are_refused),
    TAP_TEST (hostile_shapes_are_refused),
    TAP_TEST (what_a_node_works_with_is_limited),
    TAP_TEST (activations_are_limited),
    TAP_TEST (weights_are_limited),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
