/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet_graph_check(): every operator is known and used with as many inputs and
 * outputs as it has, no constant is NaN, and the nodes come in an order in
 * which they can run. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/pet-graph.h"

/* Attributes that mean the same kind of thing wherever they appear. */
static const struct {
  const char *name;
  PetAttrKind kind;
} attr_kinds[] = {
  { "alpha", PET_ATTR_FLOAT },
  { "approximate", PET_ATTR_STRING },
  { "auto_pad", PET_ATTR_STRING },
  { "axes", PET_ATTR_INTS },
  { "axis", PET_ATTR_INT },
  { "beta", PET_ATTR_FLOAT },
  { "blocksize", PET_ATTR_INT },
  { "ceil_mode", PET_ATTR_INT },
  { "coordinate_transformation_mode", PET_ATTR_STRING },
  { "count_include_pad", PET_ATTR_INT },
  { "dilations", PET_ATTR_INTS },
  { "ends", PET_ATTR_INTS },
  { "epsilon", PET_ATTR_FLOAT },
  { "group", PET_ATTR_INT },
  { "keepdims", PET_ATTR_INT },
  { "kernel_shape", PET_ATTR_INTS },
  { "mode", PET_ATTR_STRING },
  { "nearest_mode", PET_ATTR_STRING },
  { "num_groups", PET_ATTR_INT },
  { "num_outputs", PET_ATTR_INT },
  { "output_padding", PET_ATTR_INTS },
  { "output_shape", PET_ATTR_INTS },
  { "pads", PET_ATTR_INTS },
  { "perm", PET_ATTR_INTS },
  { "scales", PET_ATTR_FLOATS },
  { "shape", PET_ATTR_INTS },
  { "split", PET_ATTR_INTS },
  { "starts", PET_ATTR_INTS },
  { "strides", PET_ATTR_INTS },
  { "to", PET_ATTR_INT },
  { "transA", PET_ATTR_INT },
  { "transB", PET_ATTR_INT },
};

static PetStatus
node_error (
    const PetNode *node, PetStatus status, const char *what, PetError *error)
{
  return pet_fail (
      error, status, "node '%.80s' (%.40s): %s", node->name, node->type, what);
}

/* The other operators that are missing too, so that one look suffices. */
static void
list_unknown (const PetGraph *graph, const char *first, char *text, size_t size)
{
  size_t at = 0;

  text[0] = '\0';
  for (int i = 0; i < graph->n_nodes && at + 44 < size; i++) {
    const char *type = graph->nodes[i].type;
    char quoted[44];

    if (pet_op_find (type) != NULL || strcmp (type, first) == 0)
      continue;
    snprintf (quoted, sizeof quoted, ", %.40s", type);
    if (strstr (text, quoted) == NULL)
      at += (size_t) snprintf (text + at, size - at, "%s", quoted);
  }
}

static PetStatus
unknown_operator (const PetGraph *graph, const PetNode *node, PetError *error)
{
  char others[128];
  int count = 0;

  while (pet_ops[count] != NULL)
    count++;
  list_unknown (graph, node->type, others, sizeof others);
  return pet_fail (error, PET_ERROR_UNSUPPORTED,
      "node '%.80s' (%.40s): operator not supported%s%s; docs/onnx.md lists "
      "the %d that are",
      node->name, node->type, others[0] != '\0' ? ", nor are " : "",
      others[0] != '\0' ? others + 2 : "", count);
}

static PetStatus
check_attrs (const PetNode *node, PetError *error)
{
  for (int i = 0; i < node->n_attrs; i++)
    for (size_t k = 0; k < sizeof attr_kinds / sizeof *attr_kinds; k++)
      if (strcmp (attr_kinds[k].name, node->attrs[i].name) == 0 &&
          attr_kinds[k].kind != node->attrs[i].kind)
        return pet_fail (error, PET_ERROR_CORRUPT,
            "node '%.80s' (%.40s): attribute '%s' is of the wrong kind",
            node->name, node->type, attr_kinds[k].name);
  return PET_OK;
}

static PetStatus
check_node (const PetGraph *graph, PetNode *node, PetError *error)
{
  node->op = pet_op_find (node->type);
  if (node->op == NULL)
    return unknown_operator (graph, node, error);
  if (node->n_inputs > node->op->max_inputs)
    return node_error (node, PET_ERROR_CORRUPT, "too many inputs", error);
  for (int i = 0; i < node->op->min_inputs; i++)
    if (i >= node->n_inputs || node->inputs[i] < 0)
      return node_error (node, PET_ERROR_CORRUPT, "an input is missing", error);
  if (node->n_outputs > node->op->max_outputs)
    return node_error (node, PET_ERROR_UNSUPPORTED,
        "only its first outputs are supported", error);
  if (node->n_outputs == 0 || node->outputs[0] < 0)
    return node_error (
        node, PET_ERROR_UNSUPPORTED, "its first output is left out", error);
  return check_attrs (node, error);
}

static bool
has_nan (const PetTensor *tensor)
{
  size_t count;

  if (tensor->data == NULL || !pet_shape_elements (&tensor->shape, &count))
    return false;
  if (tensor->type == PET_TYPE_F32) {
    const float *at = tensor->data;
    bool found = false;

    for (size_t i = 0; i < count; i++)
      found |= isnan (at[i]) != 0;
    return found;
  }
  if (tensor->type == PET_TYPE_F64) {
    const double *at = tensor->data;

    for (size_t i = 0; i < count; i++)
      if (isnan (at[i]))
        return true;
  }
  if (tensor->type == PET_TYPE_F16) {
    const uint16_t *at = tensor->data;

    for (size_t i = 0; i < count; i++)
      if ((at[i] & 0x7fff) > 0x7c00)
        return true;
  }
  return false;
}

static PetStatus
check_constants (const PetGraph *graph, PetError *error)
{
  for (int i = 0; i < graph->n_values; i++)
    if (has_nan (&graph->values[i].tensor))
      return pet_fail (error, PET_ERROR_CORRUPT,
          "tensor '%.80s' has numbers that are not (NaN)",
          graph->values[i].name);
  for (int i = 0; i < graph->n_nodes; i++)
    for (int k = 0; k < graph->nodes[i].n_attrs; k++)
      if (has_nan (&graph->nodes[i].attrs[k].tensor))
        return node_error (&graph->nodes[i], PET_ERROR_CORRUPT,
            "its tensor has numbers that are not (NaN)", error);
  return PET_OK;
}

typedef enum { NEW, OPEN, DONE } Mark;

/* Depth first, from the nodes in file order, so that a file in a valid order
 * keeps it: exporters' orders are good for memory. */
typedef struct {
  const PetGraph *graph;
  Mark *mark;
  int *stack, depth;
  int *next_input;
  int *order, n_ordered;
} Sorter;

static PetStatus
visit (Sorter *sorter, int root, PetError *error)
{
  sorter->stack[0] = root;
  sorter->depth = 1;
  sorter->mark[root] = OPEN;
  while (sorter->depth > 0) {
    int at = sorter->stack[sorter->depth - 1];
    const PetNode *node = &sorter->graph->nodes[at];
    int value, producer;

    if (sorter->next_input[at] == node->n_inputs) {
      sorter->mark[at] = DONE;
      sorter->order[sorter->n_ordered++] = at;
      sorter->depth--;
      continue;
    }
    value = node->inputs[sorter->next_input[at]++];
    producer = value < 0 ? -1 : sorter->graph->values[value].producer;
    if (producer < 0 || sorter->mark[producer] == DONE)
      continue;
    if (sorter->mark[producer] == OPEN)
      return node_error (node, PET_ERROR_CORRUPT,
          "its input depends on its own output", error);
    sorter->mark[producer] = OPEN;
    sorter->stack[sorter->depth++] = producer;
  }
  return PET_OK;
}

static PetStatus
apply_order (PetGraph *graph, const int *order, PetError *error)
{
  PetNode *sorted = calloc ((size_t) graph->n_nodes + 1, sizeof *sorted);

  if (sorted == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the model");
  for (int i = 0; i < graph->n_nodes; i++) {
    sorted[i] = graph->nodes[order[i]];
    for (int k = 0; k < sorted[i].n_outputs; k++)
      if (sorted[i].outputs[k] >= 0)
        graph->values[sorted[i].outputs[k]].producer = i;
  }
  free (graph->nodes);
  graph->nodes = sorted;
  return PET_OK;
}

static PetStatus
sort_nodes (PetGraph *graph, PetError *error)
{
  size_t n = (size_t) graph->n_nodes + 1;
  Sorter sorter = { .graph = graph };
  PetStatus status = PET_OK;

  sorter.mark = calloc (n, sizeof *sorter.mark);
  sorter.stack = calloc (n, sizeof *sorter.stack);
  sorter.next_input = calloc (n, sizeof *sorter.next_input);
  sorter.order = calloc (n, sizeof *sorter.order);
  if (sorter.mark == NULL || sorter.stack == NULL ||
      sorter.next_input == NULL || sorter.order == NULL)
    status = pet_fail (error, PET_ERROR_MEMORY, "no memory for the model");
  for (int i = 0; status == PET_OK && i < graph->n_nodes; i++)
    if (sorter.mark[i] == NEW)
      status = visit (&sorter, i, error);
  if (status == PET_OK)
    status = apply_order (graph, sorter.order, error);
  free (sorter.mark);
  free (sorter.stack);
  free (sorter.next_input);
  free (sorter.order);
  return status;
}

PetStatus
pet_graph_check (PetGraph *graph, PetError *error)
{
  if (graph->n_outputs == 0)
    return pet_fail (error, PET_ERROR_CORRUPT, "the model has no output");
  for (int i = 0; i < graph->n_nodes; i++)
    PET_TRY (check_node (graph, &graph->nodes[i], error));
  PET_TRY (check_constants (graph, error));
  return sort_nodes (graph, error);
}
