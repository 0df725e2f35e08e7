/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A graph's life and what is asked of its parts. */

#include "nn/pet-graph.h"

#include <stdlib.h>
#include <string.h>

const PetAttr *
pet_node_attr (const PetNode *node, const char *name)
{
  for (int i = 0; i < node->n_attrs; i++)
    if (strcmp (node->attrs[i].name, name) == 0)
      return &node->attrs[i];
  return NULL;
}

static const PetAttr *
attr_of_kind (const PetNode *node, const char *name, PetAttrKind kind)
{
  const PetAttr *attr = pet_node_attr (node, name);

  return attr != NULL && attr->kind == kind ? attr : NULL;
}

int64_t
pet_node_int (const PetNode *node, const char *name, int64_t fallback)
{
  const PetAttr *attr = attr_of_kind (node, name, PET_ATTR_INT);

  return attr != NULL ? attr->i : fallback;
}

float
pet_node_float (const PetNode *node, const char *name, float fallback)
{
  const PetAttr *attr = attr_of_kind (node, name, PET_ATTR_FLOAT);

  return attr != NULL ? attr->f : fallback;
}

const char *
pet_node_string (const PetNode *node, const char *name, const char *fallback)
{
  const PetAttr *attr = attr_of_kind (node, name, PET_ATTR_STRING);

  return attr != NULL ? attr->s : fallback;
}

const int64_t *
pet_node_ints (const PetNode *node, const char *name, size_t *count)
{
  const PetAttr *attr = attr_of_kind (node, name, PET_ATTR_INTS);

  *count = attr != NULL ? attr->count : 0;
  return attr != NULL && attr->count > 0 ? attr->ints : NULL;
}

const PetTensor *
pet_node_input (const PetGraph *graph, const PetNode *node, int index)
{
  static const PetTensor absent;

  if (index >= node->n_inputs || node->inputs[index] < 0)
    return &absent;
  return &graph->values[node->inputs[index]].tensor;
}

int
pet_graph_find_value (const PetGraph *graph, const char *name)
{
  for (int i = 0; i < graph->n_values; i++)
    if (graph->values[i].name != NULL &&
        strcmp (graph->values[i].name, name) == 0)
      return i;
  return -1;
}

PetStatus
pet_graph_count_weights (PetGraph *graph, size_t bytes, PetError *error)
{
  size_t limit = graph->limits.max_weight_bytes;

  if (bytes > limit || graph->weight_bytes > limit - bytes)
    return pet_fail (error, PET_ERROR_LIMIT,
        "the network's weights, fused and packed, take more than the limit of "
        "%zu bytes",
        limit);
  graph->weight_bytes += bytes;
  return PET_OK;
}

PetStatus
pet_graph_keep_output (PetGraph *graph, const char *name, PetError *error)
{
  int value = pet_graph_find_value (graph, name);

  if (value < 0)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "the model has no output '%.80s'; its first is '%.80s'", name,
        graph->n_outputs > 0 ? graph->values[graph->outputs[0]].name : "");
  for (int i = 0; i < graph->n_outputs; i++)
    graph->values[graph->outputs[i]].is_output = false;
  if (graph->n_outputs == 0) {
    free (graph->outputs);
    graph->outputs = calloc (1, sizeof *graph->outputs);
    if (graph->outputs == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory for the model");
  }
  graph->values[value].is_output = true;
  graph->outputs[0] = value;
  graph->n_outputs = 1;
  return PET_OK;
}

PetStatus
pet_graph_bind_input (
    PetGraph *graph, int index, const PetTensor *tensor, PetError *error)
{
  PetTensor made;
  PetValue *value;
  size_t bytes;

  if (index < 0 || index >= graph->n_inputs)
    return pet_fail (
        error, PET_ERROR_ARGUMENT, "the model has no input %d", index);
  PET_TRY (pet_tensor_alloc (&made, tensor->type, &tensor->shape, error));
  if (pet_tensor_bytes (tensor, &bytes) && bytes > 0)
    memcpy (made.data, tensor->data, bytes);
  value = &graph->values[graph->inputs[index]];
  value->tensor = made;
  value->is_input = false;
  graph->n_inputs--;
  memmove (graph->inputs + index, graph->inputs + index + 1,
      (size_t) (graph->n_inputs - index) * sizeof *graph->inputs);
  return PET_OK;
}

static void
clear_attr (PetAttr *attr)
{
  if (attr->strings != NULL)
    for (size_t i = 0; i < attr->count; i++)
      free (attr->strings[i]);
  free (attr->strings);
  free (attr->ints);
  free (attr->floats);
  free (attr->s);
  free (attr->name);
  pet_tensor_clear (&attr->tensor);
}

void
pet_node_clear (PetNode *node)
{
  for (int i = 0; i < node->n_attrs; i++)
    clear_attr (&node->attrs[i]);
  free (node->attrs);
  free (node->inputs);
  free (node->outputs);
  free (node->name);
  free (node->type);
  memset (node, 0, sizeof *node);
}

void
pet_graph_free (PetGraph **pointer)
{
  PetGraph *graph = *pointer;

  if (graph == NULL)
    return;
  for (int i = 0; i < graph->n_values; i++) {
    free (graph->values[i].name);
    pet_tensor_clear (&graph->values[i].tensor);
  }
  for (int i = 0; i < graph->n_nodes; i++)
    pet_node_clear (&graph->nodes[i]);
  for (int i = 0; i < graph->n_meta; i++) {
    free (graph->meta_keys[i]);
    free (graph->meta_values[i]);
  }
  free (graph->values);
  free (graph->nodes);
  free (graph->inputs);
  free (graph->outputs);
  free (graph->meta_keys);
  free (graph->meta_values);
  free (graph);
  *pointer = NULL;
}

/* Copies of arrays and texts; *ok turns false when memory runs out. */
static void *
copy_array (const void *from, size_t count, size_t size, bool *ok)
{
  void *to;

  if (from == NULL || !*ok)
    return NULL;
  to = calloc (count + 1, size);
  if (to == NULL)
    *ok = false;
  else
    memcpy (to, from, count * size);
  return to;
}

static char *
copy_text (const char *text, bool *ok)
{
  return text == NULL ? NULL : copy_array (text, strlen (text), 1, ok);
}

static void
copy_attr (PetAttr *to, const PetAttr *from, bool *ok)
{
  to->kind = from->kind;
  to->f = from->f;
  to->i = from->i;
  to->name = copy_text (from->name, ok);
  to->s = copy_text (from->s, ok);
  to->floats = copy_array (from->floats, from->count, sizeof (float), ok);
  to->ints = copy_array (from->ints, from->count, sizeof (int64_t), ok);
  if (from->strings != NULL && *ok)
    to->strings = calloc (from->count + 1, sizeof *to->strings);
  if (from->strings != NULL && to->strings == NULL)
    *ok = false;
  to->count = from->count;
  if (to->strings != NULL)
    for (size_t i = 0; i < from->count; i++)
      to->strings[i] = copy_text (from->strings[i], ok);
  pet_tensor_share (&to->tensor, &from->tensor);
}

static void
copy_node (PetNode *to, const PetNode *from, bool *ok)
{
  *to = *from;
  to->n_attrs = 0;
  to->name = copy_text (from->name, ok);
  to->type = copy_text (from->type, ok);
  to->inputs =
      copy_array (from->inputs, (size_t) from->n_inputs, sizeof (int), ok);
  to->outputs =
      copy_array (from->outputs, (size_t) from->n_outputs, sizeof (int), ok);
  to->attrs =
      *ok ? calloc ((size_t) from->n_attrs + 1, sizeof *to->attrs) : NULL;
  if (to->attrs == NULL) {
    *ok = false;
    return;
  }
  to->n_attrs = from->n_attrs;
  for (int i = 0; i < from->n_attrs; i++)
    copy_attr (&to->attrs[i], &from->attrs[i], ok);
}

static void
copy_value (PetValue *to, const PetValue *from, bool *ok)
{
  *to = *from;
  to->name = copy_text (from->name, ok);
  pet_tensor_share (&to->tensor, &from->tensor);
}

static void
copy_lists (PetGraph *to, const PetGraph *from, bool *ok)
{
  size_t n_meta = (size_t) from->n_meta;

  to->inputs =
      copy_array (from->inputs, (size_t) from->n_inputs, sizeof (int), ok);
  to->outputs =
      copy_array (from->outputs, (size_t) from->n_outputs, sizeof (int), ok);
  to->n_inputs = from->n_inputs;
  to->n_outputs = from->n_outputs;
  to->meta_keys = calloc (n_meta + 1, sizeof *to->meta_keys);
  to->meta_values = calloc (n_meta + 1, sizeof *to->meta_values);
  if (to->meta_keys == NULL || to->meta_values == NULL) {
    *ok = false;
    return;
  }
  to->n_meta = from->n_meta;
  for (size_t i = 0; i < n_meta; i++) {
    to->meta_keys[i] = copy_text (from->meta_keys[i], ok);
    to->meta_values[i] = copy_text (from->meta_values[i], ok);
  }
}

PetGraph *
pet_graph_copy (const PetGraph *graph)
{
  PetGraph *copy = calloc (1, sizeof *copy);
  bool ok = true;

  if (copy == NULL)
    return NULL;
  copy->limits = graph->limits;
  copy_lists (copy, graph, &ok);
  copy->values = calloc ((size_t) graph->n_values + 1, sizeof *copy->values);
  copy->nodes = calloc ((size_t) graph->n_nodes + 1, sizeof *copy->nodes);
  ok = ok && copy->values != NULL && copy->nodes != NULL;
  for (; ok && copy->n_values < graph->n_values; copy->n_values++)
    copy_value (
        &copy->values[copy->n_values], &graph->values[copy->n_values], &ok);
  for (; ok && copy->n_nodes < graph->n_nodes; copy->n_nodes++)
    copy_node (&copy->nodes[copy->n_nodes], &graph->nodes[copy->n_nodes], &ok);
  if (!ok)
    pet_graph_free (&copy);
  return copy;
}
