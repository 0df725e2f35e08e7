/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet_graph_optimize(): what is not needed goes, what follows a convolution
 * or a matrix product and can be done on its result in registers is moved
 * onto it. Runs after pet_graph_infer(); values keep their indices, so back
 * ends and tests find them by name as before. */

#include "nn/pet-optimize-private.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static void
mark (bool *live, int value)
{
  if (value >= 0)
    live[value] = true;
}

static bool
node_is_live (const PetNode *node, const bool *live)
{
  for (int i = 0; i < node->n_outputs; i++)
    if (node->outputs[i] >= 0 && live[node->outputs[i]])
      return true;
  return false;
}

static void
mark_live (const PetGraph *graph, bool *live)
{
  for (int i = 0; i < graph->n_outputs; i++)
    live[graph->outputs[i]] = true;
  for (int n = graph->n_nodes - 1; n >= 0; n--) {
    const PetNode *node = &graph->nodes[n];

    if (!node_is_live (node, live))
      continue;
    for (int i = 0; i < node->n_inputs; i++)
      mark (live, node->inputs[i]);
    /* A node writes all its outputs, read or not. */
    for (int i = 0; i < node->n_outputs; i++)
      mark (live, node->outputs[i]);
    mark (live, node->residual);
  }
}

/* Nodes without a live output, and nodes that were emptied by fusion. */
static void
compact (PetGraph *graph, const bool *live)
{
  int kept = 0;

  for (int n = 0; n < graph->n_nodes; n++) {
    PetNode *node = &graph->nodes[n];

    if (!node_is_live (node, live)) {
      pet_node_clear (node);
      continue;
    }
    if (kept != n)
      graph->nodes[kept] = *node;
    kept++;
  }
  graph->n_nodes = kept;
}

static void
release_dead_values (PetGraph *graph, const bool *live)
{
  for (int i = 0; i < graph->n_values; i++) {
    PetValue *value = &graph->values[i];

    value->producer = -1;
    if (!live[i] && !value->is_input)
      pet_tensor_clear (&value->tensor);
  }
  for (int n = 0; n < graph->n_nodes; n++)
    for (int i = 0; i < graph->nodes[n].n_outputs; i++)
      if (graph->nodes[n].outputs[i] >= 0)
        graph->values[graph->nodes[n].outputs[i]].producer = n;
}

static PetStatus
remove_dead (PetGraph *graph, PetError *error)
{
  bool *live = calloc ((size_t) graph->n_values + 1, sizeof *live);

  if (live == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  mark_live (graph, live);
  compact (graph, live);
  release_dead_values (graph, live);
  free (live);
  return PET_OK;
}

static void
count_uses (const PetGraph *graph, int *uses)
{
  memset (uses, 0, (size_t) graph->n_values * sizeof *uses);
  for (int i = 0; i < graph->n_outputs; i++)
    uses[graph->outputs[i]]++;
  for (int n = 0; n < graph->n_nodes; n++) {
    const PetNode *node = &graph->nodes[n];

    for (int i = 0; i < node->n_inputs; i++)
      if (node->inputs[i] >= 0)
        uses[node->inputs[i]]++;
    if (node->residual >= 0)
      uses[node->residual]++;
  }
}

int
pet_fusable_producer (
    const PetGraph *graph, const int *uses, int value, bool weighted)
{
  const PetNode *node;
  int producer;

  if (value < 0 || uses[value] != 1)
    return -1;
  producer = graph->values[value].producer;
  if (producer < 0 || graph->values[value].tensor.type != PET_TYPE_F32)
    return -1;
  node = &graph->nodes[producer];
  if (node->n_outputs != 1 || node->act != PET_ACT_NONE)
    return -1;
  if (weighted && strcmp (node->type, "Conv") != 0 &&
      strcmp (node->type, "ConvTranspose") != 0 &&
      strcmp (node->type, "Gemm") != 0)
    return -1;
  return producer;
}

void
pet_fuse_into (PetGraph *graph, int target, PetNode *fused)
{
  PetNode *node = &graph->nodes[target];

  node->outputs[0] = fused->outputs[0];
  graph->values[node->outputs[0]].producer = target;
  fused->outputs[0] = -1;
}

static bool
constant_scalar (const PetGraph *graph, int value, float *result)
{
  const PetTensor *tensor;
  size_t elements;

  if (value < 0)
    return true;
  tensor = &graph->values[value].tensor;
  if (tensor->data == NULL || tensor->type != PET_TYPE_F32 ||
      !pet_shape_elements (&tensor->shape, &elements) || elements != 1)
    return false;
  *result = *(const float *) tensor->data;
  return true;
}

bool
pet_clip_limits (
    const PetGraph *graph, const PetNode *node, float *low, float *high)
{
  *low = pet_node_float (node, "min", -FLT_MAX);
  *high = pet_node_float (node, "max", FLT_MAX);
  return (node->n_inputs < 2 ||
             constant_scalar (graph, node->inputs[1], low)) &&
      (node->n_inputs < 3 || constant_scalar (graph, node->inputs[2], high));
}

static PetActivation
activation_of (
    const PetGraph *graph, const PetNode *node, float *low, float *high)
{
  if (strcmp (node->type, "Relu") == 0)
    return PET_ACT_RELU;
  if (strcmp (node->type, "Sigmoid") == 0)
    return PET_ACT_SIGMOID;
  if (strcmp (node->type, "HardSwish") == 0)
    return PET_ACT_HARDSWISH;
  if (strcmp (node->type, "Clip") == 0 &&
      pet_clip_limits (graph, node, low, high) && *low <= *high)
    return PET_ACT_CLIP;
  return PET_ACT_NONE;
}

static void
fuse_activation (PetGraph *graph, const int *uses, PetNode *node)
{
  float low = 0, high = 0;
  PetActivation act = activation_of (graph, node, &low, &high);
  int target;

  if (act == PET_ACT_NONE || node->residual >= 0)
    return;
  target = pet_fusable_producer (graph, uses, node->inputs[0], true);
  if (target < 0 || graph->nodes[target].residual_last)
    return;
  graph->nodes[target].act = act;
  graph->nodes[target].act_min = low;
  graph->nodes[target].act_max = high;
  pet_fuse_into (graph, target, node);
}

/* The producer of `value` where the sum may be moved onto it: it has no
 * residual yet and `other` is there before it runs. */
static int
residual_target (const PetGraph *graph, const int *uses, int value, int other)
{
  int producer = value >= 0 ? graph->values[value].producer : -1;
  const PetNode *node;

  if (producer < 0 || uses[value] != 1)
    return -1;
  node = &graph->nodes[producer];
  if (strcmp (node->type, "Conv") != 0 || node->n_outputs != 1 ||
      node->residual >= 0 || graph->values[other].producer >= producer)
    return -1;
  return producer;
}

static void
fuse_residual (PetGraph *graph, const int *uses, PetNode *node)
{
  int a, b, target, other;

  if (strcmp (node->type, "Add") != 0 || node->act != PET_ACT_NONE)
    return;
  a = node->inputs[0];
  b = node->inputs[1];
  if (a < 0 || b < 0 || a == b ||
      graph->values[a].tensor.type != PET_TYPE_F32 ||
      !pet_shape_equal (
          &graph->values[a].tensor.shape, &graph->values[b].tensor.shape))
    return;
  other = b;
  target = residual_target (graph, uses, a, b);
  if (target < 0) {
    other = a;
    target = residual_target (graph, uses, b, a);
  }
  if (target < 0)
    return;
  graph->nodes[target].residual = other;
  graph->nodes[target].residual_last = graph->nodes[target].act != PET_ACT_NONE;
  pet_fuse_into (graph, target, node);
}

/* A fused node keeps its inputs until remove_dead() takes it away, so the
 * counts stay right for the values that are still to be looked at. */
static PetStatus
fuse_all (PetGraph *graph, int *uses, PetError *error)
{
  for (int n = 0; n < graph->n_nodes; n++) {
    PetNode *node = &graph->nodes[n];

    if (node->n_outputs != 1 || node->outputs[0] < 0 || node->n_inputs < 1)
      continue;
    PET_TRY (pet_fold_batch_norm (graph, uses, n, error));
    if (node->outputs[0] >= 0)
      fuse_residual (graph, uses, node);
    if (node->outputs[0] >= 0)
      fuse_activation (graph, uses, node);
  }
  return PET_OK;
}

/* Readers of an Identity read its source. */
static void
bypass_identities (PetGraph *graph)
{
  for (int n = 0; n < graph->n_nodes; n++) {
    const PetNode *node = &graph->nodes[n];
    int from, to;

    if (strcmp (node->type, "Identity") != 0 || node->n_inputs != 1 ||
        node->n_outputs != 1)
      continue;
    from = node->outputs[0];
    to = node->inputs[0];
    for (int m = n + 1; from >= 0 && to >= 0 && m < graph->n_nodes; m++)
      for (int i = 0; i < graph->nodes[m].n_inputs; i++)
        if (graph->nodes[m].inputs[i] == from)
          graph->nodes[m].inputs[i] = to;
  }
}

PetStatus
pet_graph_optimize (PetGraph *graph, bool fuse, PetError *error)
{
  PetStatus status;
  int *uses;

  PET_TRY (remove_dead (graph, error));
  if (!fuse)
    return PET_OK;
  bypass_identities (graph);
  PET_TRY (remove_dead (graph, error));
  /* Folding a batch norm may add one value (a bias) per node. */
  uses = calloc (
      (size_t) graph->n_values + (size_t) graph->n_nodes + 1, sizeof *uses);
  if (uses == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  count_uses (graph, uses);
  status = fuse_all (graph, uses, error);
  free (uses);
  PET_TRY (status);
  return remove_dead (graph, error);
}

PetStatus
pet_graph_prepare (PetGraph *graph, const char *output,
    const PetShape *input_shapes, PetError *error)
{
  if (output != NULL)
    PET_TRY (pet_graph_keep_output (graph, output, error));
  PET_TRY (pet_graph_optimize (graph, false, error));
  PET_TRY (pet_graph_infer (graph, input_shapes, error));
  return pet_graph_optimize (graph, true, error);
}
