/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The graph optimiser: what is fused gives what it gave before. */

#include "net-util.h"

static PetGraph *
optimised (const PetModel *model, bool fuse)
{
  PetGraph *graph = pet_graph_copy (pet_model_graph (model));

  tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
  tap_check (pet_graph_optimize (graph, fuse, NULL) == PET_OK);
  return graph;
}

static void
conv (OnnxWriter *w, const char *inputs, const char *output, const char *name,
    int channels)
{
  onnx_random (w, name, 4, (int64_t[]){ channels, channels, 3, 3 }, 0.3f);
  onnx_attr_ints (w, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
  onnx_node (w, "Conv", inputs, output);
}

static void
add_norm (OnnxWriter *w, const char *prefix, const char *input,
    const char *output, int channels)
{
  static const char *const parts[] = { "s", "b", "m", "v" };
  float data[64];
  char inputs[128], name[32];
  int64_t n = channels;
  int at = snprintf (inputs, sizeof inputs, "%s", input);

  for (int p = 0; p < 4; p++) {
    for (int i = 0; i < channels; i++)
      data[i] = random_float () + (p == 3 ? 1.5f : 0);
    snprintf (name, sizeof name, "%s%s", prefix, parts[p]);
    onnx_floats (w, name, 1, &n, data);
    at += snprintf (inputs + at, sizeof inputs - (size_t) at, " %s", name);
  }
  onnx_node (w, "BatchNormalization", inputs, output);
}

static void
check_same (const PetModel *model, int expected_nodes)
{
  PetGraph *graph = optimised (model, true);
  PetBackendOptions options = { .threads = 1 };
  Result plain = { .data = NULL }, fused = { .data = NULL };
  PetError error = { .status = PET_OK };

  if (expected_nodes > 0 && graph->n_nodes != expected_nodes)
    tap_fail ("%d nodes, expected %d", graph->n_nodes, expected_nodes);
  if (run_graph (model, &pet_backend_ref, false, &options, &plain, &error) !=
          PET_OK ||
      run_graph (model, &pet_backend_ref, true, &options, &fused, &error) !=
          PET_OK)
    tap_fail ("%s", error.message);
  else if (difference (&fused, &plain) > 2e-6)
    tap_fail ("differs by %g", difference (&fused, &plain));
  free (plain.data);
  free (fused.data);
  pet_graph_free (&graph);
}

/* Everything that is fused, in one network. */
static PetModel *
block_model (const char *activation)
{
  OnnxWriter w = onnx_writer (14);
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 8, 9, 7 });
  onnx_floats (&w, "low", 0, NULL, (float[]){ 0.1f });
  onnx_floats (&w, "high", 0, NULL, (float[]){ 0.6f });
  conv (&w, "x w1", "c1", "w1", 8);
  add_norm (&w, "n1", "c1", "b1", 8);
  onnx_node (&w, activation,
      strcmp (activation, "Clip") == 0 ? "b1 low high" : "b1", "a1");
  conv (&w, "a1 w2", "c2", "w2", 8);
  add_norm (&w, "n2", "c2", "b2", 8);
  onnx_node (&w, "Add", "x b2", "s");
  onnx_node (&w, "Relu", "s", "r");
  conv (&w, "r w3", "c3", "w3", 8);
  onnx_node (&w, "Relu", "c3", "r3");
  onnx_node (&w, "Add", "r3 r", "last");
  onnx_output (&w, "last");
  bytes = onnx_finish (&w);
  return load_bytes (&bytes);
}

static void
norms_activations_and_sums_go_into_convolutions (void)
{
  static const char *const activations[] = { "Relu", "Clip", "Sigmoid",
    "HardSwish" };

  for (int i = 0; i < 4; i++) {
    PetModel *model = block_model (activations[i]);
    PetGraph *graph = optimised (model, true);

    check_same (model, 3);
    tap_check (graph->nodes[0].act != PET_ACT_NONE);
    tap_check (graph->nodes[1].residual >= 0 &&
        !graph->nodes[1].residual_last && graph->nodes[1].act == PET_ACT_RELU);
    tap_check (graph->nodes[2].residual >= 0 && graph->nodes[2].residual_last);
    pet_graph_free (&graph);
    pet_model_free (&model);
  }
}

static void
what_others_read_is_not_fused (void)
{
  OnnxWriter w = onnx_writer (13);
  PetModel *model;
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 4, 5, 5 });
  conv (&w, "x w1", "c1", "w1", 4);
  onnx_node (&w, "Relu", "c1", "r1");
  onnx_node (&w, "Add", "r1 c1", "s");
  onnx_output (&w, "s");
  onnx_output (&w, "c1");
  bytes = onnx_finish (&w);
  model = load_bytes (&bytes);
  check_same (model, 3);
  pet_model_free (&model);
}

static void
later_operands_and_broadcasts_stay_sums (void)
{
  OnnxWriter w = onnx_writer (13);
  PetModel *model;
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 4, 5, 5 });
  onnx_random (&w, "k", 3, (int64_t[]){ 4, 1, 1 }, 1);
  conv (&w, "x w1", "c1", "w1", 4);
  onnx_node (&w, "Add", "c1 k", "a");
  conv (&w, "a w2", "c2", "w2", 4);
  onnx_node (&w, "Tanh", "x", "t");
  onnx_node (&w, "Add", "c2 t", "s");
  onnx_output (&w, "s");
  bytes = onnx_finish (&w);
  model = load_bytes (&bytes);
  check_same (model, 5);
  pet_model_free (&model);
}

static void
dead_nodes_and_identities_go (void)
{
  OnnxWriter w = onnx_writer (13);
  PetModel *model;
  PetGraph *graph;
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 4, 5, 5 });
  conv (&w, "x w1", "c1", "w1", 4);
  onnx_node (&w, "Identity", "c1", "i");
  onnx_node (&w, "Relu", "i", "r");
  conv (&w, "r w2", "dead", "w2", 4);
  onnx_output (&w, "r");
  bytes = onnx_finish (&w);
  model = load_bytes (&bytes);
  check_same (model, 1);
  graph = optimised (model, false);
  tap_check (graph->n_nodes == 3);
  tap_check (
      graph->values[pet_graph_find_value (graph, "w2")].tensor.data == NULL);
  pet_graph_free (&graph);
  pet_model_free (&model);
}

/* A chain in which every step reads any two of the values so far. */
static PetModel *
random_model (void)
{
  static const char *const unary[] = { "Relu", "Sigmoid", "Tanh", "Identity" };
  OnnxWriter w = onnx_writer (14);
  int n = tap_random_range (2, 14);
  char inputs[64], output[16], weights[16];
  Bytes bytes;

  onnx_input (&w, "v0", 1, 4, (int64_t[]){ 1, 6, 5, 7 });
  for (int i = 1; i <= n; i++) {
    int a = i - 1 - tap_random_range (0, i > 2 ? 2 : 0);
    int b = tap_random_range (0, i - 1), kind = tap_random_range (0, 3);

    snprintf (output, sizeof output, "v%d", i);
    snprintf (weights, sizeof weights, "w%d", i);
    snprintf (inputs, sizeof inputs, kind == 0 ? "v%d w%d" : "v%d v%d", a,
        kind == 0 ? i : b);
    if (kind == 0)
      conv (&w, inputs, output, weights, 6);
    else if (kind == 1)
      onnx_node (&w, "Add", inputs, output);
    else
      snprintf (inputs, sizeof inputs, "v%d", a);
    if (kind == 2)
      onnx_node (&w, unary[tap_random_range (0, 3)], inputs, output);
    if (kind == 3)
      add_norm (&w, weights, inputs, output, 6);
  }
  onnx_output (&w, output);
  bytes = onnx_finish (&w);
  return load_bytes (&bytes);
}

static void
random_networks_give_the_same (void)
{
  for (int round = 0; round < 200 && tap_failures_ == 0; round++) {
    PetModel *model = random_model ();

    check_same (model, 0);
    pet_model_free (&model);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (norms_activations_and_sums_go_into_convolutions),
    TAP_TEST (what_others_read_is_not_fused),
    TAP_TEST (later_operands_and_broadcasts_stay_sums),
    TAP_TEST (dead_nodes_and_identities_go),
    TAP_TEST (random_networks_give_the_same),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
