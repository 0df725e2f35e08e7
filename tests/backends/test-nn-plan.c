/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory planner: nothing that is alive together may overlap. */

#include "net-util.h"

#define MAX_BLOCKS 200

static bool
blocks_clash (const PetPlanBlock *a, const PetPlanBlock *b)
{
  if (a->last < b->first || b->last < a->first)
    return false;
  return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void
random_blocks_do_not_overlap (void)
{
  PetPlanBlock blocks[MAX_BLOCKS];

  for (int round = 0; round < 100; round++) {
    int n = tap_random_range (0, MAX_BLOCKS);
    size_t total = 0, sum = 0;
    PetError error;

    for (int i = 0; i < n; i++) {
      blocks[i].first = tap_random_range (-1, 60);
      blocks[i].last = blocks[i].first + tap_random_range (0, 8);
      blocks[i].bytes = (size_t) tap_random_range (0, 5000);
      sum += blocks[i].bytes + PET_ALIGNMENT;
    }
    tap_check (pet_plan_pack (blocks, (size_t) n, &total, &error) == PET_OK);
    tap_check (total <= sum);
    for (int i = 0; i < n; i++) {
      tap_check (blocks[i].offset % PET_ALIGNMENT == 0);
      tap_check (blocks[i].offset + blocks[i].bytes <= total);
      for (int k = 0; k < i; k++)
        tap_check (!blocks_clash (&blocks[i], &blocks[k]));
    }
  }
}

static void
blocks_one_after_the_other_share_memory (void)
{
  PetPlanBlock blocks[50];
  size_t total;

  for (int i = 0; i < 50; i++)
    blocks[i] = (PetPlanBlock){ .bytes = 1000, .first = i, .last = i + 1 };
  tap_check (pet_plan_pack (blocks, 50, &total, NULL) == PET_OK);
  tap_check (total == 2 * 1024);
}

/* Parts within parts: each lies in its parent, and the outermost ones, which
 * live as long as any of their parts, do not overlap. */
static void
nested_blocks_lie_in_each_other (void)
{
  PetPlanNested blocks[MAX_BLOCKS];

  for (int round = 0; round < 200 && tap_failures_ == 0; round++) {
    int n = tap_random_range (1, MAX_BLOCKS);
    PetError error = { .message = "" };
    size_t total;

    for (int i = 0; i < n; i++) {
      PetPlanNested *block = &blocks[i];

      *block = (PetPlanNested){ .parent = -1 };
      block->plan.bytes = (size_t) tap_random_range (64, 4000);
      block->plan.first = tap_random_range (0, 30);
      block->plan.last = block->plan.first + tap_random_range (0, 5);
      if (i > 0 && tap_random_range (0, 2) == 0) {
        block->parent = tap_random_range (0, i - 1);
        block->plan.bytes = blocks[block->parent].plan.bytes / 2;
        block->parent_offset = block->plan.bytes;
      }
    }
    tap_check (pet_plan_pack_nested (blocks, n, &total, &error) == PET_OK);
    for (int i = 0; i < n; i++) {
      const PetPlanNested *a = &blocks[i];

      tap_check (a->plan.offset + a->plan.bytes <= total);
      if (a->parent >= 0) {
        tap_check (
            a->plan.offset == blocks[a->parent].plan.offset + a->parent_offset);
        continue;
      }
      for (int k = 0; k < i; k++)
        tap_check (
            blocks[k].parent >= 0 || !blocks_clash (&a->plan, &blocks[k].plan));
    }
  }
}

static void
too_large_blocks_are_refused (void)
{
  PetPlanBlock blocks[2] = { { .bytes = SIZE_MAX / 2 + 2 },
    { .bytes = SIZE_MAX / 2 } };
  PetPlanBlock huge = { .bytes = SIZE_MAX - 3 };
  size_t total;

  tap_check (pet_plan_pack (blocks, 2, &total, NULL) == PET_ERROR_LIMIT);
  tap_check (pet_plan_pack (&huge, 1, &total, NULL) == PET_ERROR_LIMIT);
}

/* A random directed graph of sums, with some reshapes among them. */
static PetModel *
random_model (void)
{
  OnnxWriter w = onnx_writer (13);
  int n = tap_random_range (1, 40);
  char inputs[64], output[32];
  Bytes bytes;

  onnx_input (&w, "v0", 1, 2, (int64_t[]){ 4, 100 });
  onnx_ints (&w, "shape", 2, (int64_t[]){ 4, 100 });
  for (int i = 1; i <= n; i++) {
    snprintf (output, sizeof output, "v%d", i);
    if (tap_random_range (0, 3) == 0) {
      snprintf (
          inputs, sizeof inputs, "v%d shape", tap_random_range (0, i - 1));
      onnx_node (&w, "Reshape", inputs, output);
    } else {
      snprintf (inputs, sizeof inputs, "v%d v%d", tap_random_range (0, i - 1),
          tap_random_range (0, i - 1));
      onnx_node (&w, "Add", inputs, output);
    }
  }
  onnx_output (&w, output);
  if (n > 4) {
    snprintf (output, sizeof output, "v%d", n - 2);
    onnx_output (&w, output);
  }
  bytes = onnx_finish (&w);
  return load_bytes (&bytes);
}

/* Runs the graph symbolically: each node checks that its inputs are still
 * what was written to them, by writing a mark for every value. */
static void
check_plan (const PetGraph *graph, const PetPlan *plan)
{
  int *owner = calloc (plan->bytes / PET_ALIGNMENT + 1, sizeof *owner);
  int *content = calloc ((size_t) graph->n_values, sizeof *content);

  for (int i = 0; i < graph->n_inputs; i++) {
    content[graph->inputs[i]] = graph->inputs[i] + 1;
    owner[plan->offsets[graph->inputs[i]] / PET_ALIGNMENT] =
        graph->inputs[i] + 1;
  }
  for (int n = 0; n < graph->n_nodes; n++) {
    const PetNode *node = &graph->nodes[n];
    int out = node->outputs[0];

    for (int i = 0; i < node->n_inputs; i++)
      if (content[node->inputs[i]] != 0)
        tap_check (owner[plan->offsets[node->inputs[i]] / PET_ALIGNMENT] ==
            content[node->inputs[i]]);
    content[out] = node->op->is_view ? content[node->inputs[0]] : out + 1;
    owner[plan->offsets[out] / PET_ALIGNMENT] = content[out];
  }
  for (int i = 0; i < graph->n_outputs; i++)
    tap_check (owner[plan->offsets[graph->outputs[i]] / PET_ALIGNMENT] ==
        content[graph->outputs[i]]);
  free (owner);
  free (content);
}

static void
random_graphs_keep_what_they_read (void)
{
  for (int round = 0; round < 200 && tap_failures_ == 0; round++) {
    PetModel *model = random_model ();
    PetGraph *graph = pet_graph_copy (pet_model_graph (model));
    PetPlan plan;

    tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
    tap_check (pet_graph_optimize (graph, false, NULL) == PET_OK);
    tap_check (pet_plan_memory (graph, NULL, NULL, &plan, NULL) == PET_OK);
    check_plan (graph, &plan);
    pet_plan_clear (&plan);
    pet_graph_free (&graph);
    pet_model_free (&model);
  }
}

static void
u2netp_takes_far_less_than_its_sum (void)
{
  const char *shared = getenv ("PET_SHARED");
  PetModel *model = NULL;
  PetGraph *graph;
  PetPlan plan;
  size_t sum = 0;
  char path[512];

  snprintf (
      path, sizeof path, "%s/models/u2netp.onnx", shared != NULL ? shared : "");
  if (pet_model_load_file (path, NULL, &model, NULL) != PET_OK) {
    tap_skip ("no u2netp.onnx");
    return;
  }
  graph = pet_graph_copy (pet_model_graph (model));
  tap_check (pet_graph_keep_output (graph, "d0", NULL) == PET_OK);
  tap_check (pet_graph_infer (graph, NULL, NULL) == PET_OK);
  tap_check (pet_graph_optimize (graph, true, NULL) == PET_OK);
  tap_check (pet_plan_memory (graph, NULL, NULL, &plan, NULL) == PET_OK);
  for (int i = 0; i < graph->n_values; i++) {
    size_t bytes = 0;

    if (plan.offsets[i] != SIZE_MAX)
      tap_check (pet_tensor_bytes (&graph->values[i].tensor, &bytes));
    sum += bytes;
  }
  printf ("# arena %zu, sum %zu\n", plan.bytes, sum);
  tap_check (plan.bytes < sum / 3);
  pet_plan_clear (&plan);
  pet_graph_free (&graph);
  pet_model_free (&model);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (random_blocks_do_not_overlap),
    TAP_TEST (blocks_one_after_the_other_share_memory),
    TAP_TEST (nested_blocks_lie_in_each_other),
    TAP_TEST (too_large_blocks_are_refused),
    TAP_TEST (random_graphs_keep_what_they_read),
    TAP_TEST (u2netp_takes_far_less_than_its_sum),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
