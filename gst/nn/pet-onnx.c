/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ModelProto and GraphProto: a PetGraph out of the bytes of an ONNX file.
 * docs/onnx.md says what is read and what is refused. */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "nn/pet-onnx-private.h"

#define OPSET_OLDEST 7
#define OPSET_NEWEST 25
#define MAX_META 1024

/* Per node allowed; Concat and Split have many. */
#define VALUES_PER_NODE 8
#define INPUTS_PER_NODE 64

enum {
  MODEL_IR_VERSION = 1,
  MODEL_GRAPH = 7,
  MODEL_OPSET = 8,
  MODEL_META = 14,
};

static const PetOnnxMessage model_message = { "ModelProto",
  {
      [MODEL_IR_VERSION] = PET_ONNX_VARINT,
      [MODEL_GRAPH] = PET_ONNX_BYTES,
      [MODEL_OPSET] = PET_ONNX_BYTES,
      [MODEL_META] = PET_ONNX_BYTES,
  } };

enum {
  GRAPH_NODE = 1,
  GRAPH_INITIALIZER = 5,
  GRAPH_INPUT = 11,
  GRAPH_OUTPUT = 12,
  GRAPH_SPARSE = 15,
};

static const PetOnnxMessage graph_message = { "GraphProto",
  {
      [GRAPH_NODE] = PET_ONNX_BYTES,
      [GRAPH_INITIALIZER] = PET_ONNX_BYTES,
      [GRAPH_INPUT] = PET_ONNX_BYTES,
      [GRAPH_OUTPUT] = PET_ONNX_BYTES,
      [GRAPH_SPARSE] = PET_ONNX_BYTES,
  } };

static const PetOnnxMessage opset_message = { "OperatorSetIdProto",
  { [1] = PET_ONNX_BYTES, [2] = PET_ONNX_VARINT } };
static const PetOnnxMessage entry_message = { "StringStringEntryProto",
  { [1] = PET_ONNX_BYTES, [2] = PET_ONNX_BYTES } };

typedef struct {
  const char *name;
  int value;
} Name;

/* What a first pass over a GraphProto learns and, while the second pass runs,
 * the names defined so far. */
typedef struct {
  const PetOnnx *onnx;
  PetGraph *graph;
  size_t n_nodes, n_inputs, n_outputs, n_initializers;
  size_t n_node_inputs, n_node_outputs;
  Name *names;
  size_t n_names, n_sorted; /* only the sorted ones are found */
  PetNode *node;            /* whose names are being read */
} Builder;

PetStatus
pet_onnx_next (const PetOnnx *onnx, const PetOnnxMessage *message,
    PetWire *wire, PetWireField *field)
{
  size_t position = (size_t) (wire->at - onnx->start);
  int want;
  bool right;

  switch (pet_wire_next (wire, field)) {
    case PET_WIRE_FIELD:
      break;
    case PET_WIRE_END:
      field->number = 0;
      return PET_OK;
    default:
      return pet_fail (onnx->error, PET_ERROR_CORRUPT, "broken %s at byte %zu",
          message->name, position);
  }
  want =
      field->number <= PET_ONNX_MAX_FIELD ? message->fields[field->number] : 0;
  right = want == PET_ONNX_VARINT ? field->type == PET_WIRE_VARINT
      : want == PET_ONNX_BYTES    ? field->type == PET_WIRE_BYTES
      : want == PET_ONNX_FIXED32  ? field->type == PET_WIRE_FIXED32
                                  : true;
  if (!right)
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "%s at byte %zu: field %u is of the wrong kind", message->name,
        position, (unsigned) field->number);
  if (want == 0)
    field->number = PET_ONNX_UNKNOWN;
  return PET_OK;
}

PetStatus
pet_onnx_string (const PetOnnx *onnx, const PetWire *bytes, char **string)
{
  size_t size = pet_wire_size (bytes);
  char *copy;

  if (size > 0 && memchr (bytes->at, 0, size) != NULL)
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "a text at byte %zu has a zero byte in it",
        (size_t) (bytes->at - onnx->start));
  copy = malloc (size + 1);
  if (copy == NULL)
    return pet_fail (onnx->error, PET_ERROR_MEMORY, "no memory for the model");
  if (size > 0)
    memcpy (copy, bytes->at, size);
  copy[size] = '\0';
  *string = copy;
  return PET_OK;
}

static PetStatus
no_memory (const Builder *builder)
{
  return pet_fail (
      builder->onnx->error, PET_ERROR_MEMORY, "no memory for the model");
}

static PetStatus
count_name (void *user, const PetWire *name)
{
  ++*(size_t *) user;
  return PET_OK;
}

static PetStatus
count_node (Builder *builder, PetWire wire)
{
  const PetOnnx *onnx = builder->onnx;

  builder->n_nodes++;
  PET_TRY (pet_onnx_node_names (
      onnx, wire, PET_ONNX_NODE_INPUT, count_name, &builder->n_node_inputs));
  return pet_onnx_node_names (
      onnx, wire, PET_ONNX_NODE_OUTPUT, count_name, &builder->n_node_outputs);
}

static PetStatus
count_graph (Builder *builder, PetWire wire)
{
  const PetOnnx *onnx = builder->onnx;
  PetWireField field;

  do {
    PET_TRY (pet_onnx_next (onnx, &graph_message, &wire, &field));
    if (field.number == GRAPH_NODE)
      PET_TRY (count_node (builder, field.bytes));
    else if (field.number == GRAPH_SPARSE)
      return pet_fail (onnx->error, PET_ERROR_UNSUPPORTED,
          "the model has sparse tensors, which are not supported");
    builder->n_inputs += field.number == GRAPH_INPUT;
    builder->n_outputs += field.number == GRAPH_OUTPUT;
    builder->n_initializers += field.number == GRAPH_INITIALIZER;
  } while (field.number != 0);
  return PET_OK;
}

static PetStatus
check_counts (const Builder *builder)
{
  const PetOnnx *onnx = builder->onnx;
  size_t limit = onnx->limits->max_nodes;
  size_t values = builder->n_inputs + builder->n_outputs +
      builder->n_initializers + builder->n_node_outputs;

  if (builder->n_nodes > limit)
    return pet_fail (onnx->error, PET_ERROR_LIMIT,
        "the model has %zu nodes, more than %zu", builder->n_nodes, limit);
  if (values > INT_MAX / 2 || values / VALUES_PER_NODE > limit ||
      builder->n_node_inputs / INPUTS_PER_NODE > limit)
    return pet_fail (onnx->error, PET_ERROR_LIMIT,
        "the model has %zu values and uses them %zu times, which is too much "
        "for %zu nodes",
        values, builder->n_node_inputs, limit);
  return PET_OK;
}

static PetStatus
alloc_graph (Builder *builder)
{
  PetGraph *graph = builder->graph;
  size_t values =
      builder->n_inputs + builder->n_initializers + builder->n_node_outputs;

  graph->values = calloc (values + 1, sizeof *graph->values);
  graph->nodes = calloc (builder->n_nodes + 1, sizeof *graph->nodes);
  graph->inputs = calloc (builder->n_inputs + 1, sizeof *graph->inputs);
  graph->outputs = calloc (builder->n_outputs + 1, sizeof *graph->outputs);
  builder->names = calloc (values + 1, sizeof *builder->names);
  if (graph->values == NULL || graph->nodes == NULL || graph->inputs == NULL ||
      graph->outputs == NULL || builder->names == NULL)
    return no_memory (builder);
  return PET_OK;
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (((const Name *) a)->name, ((const Name *) b)->name);
}

static PetStatus
sort_names (Builder *builder)
{
  qsort (
      builder->names, builder->n_names, sizeof *builder->names, compare_names);
  builder->n_sorted = builder->n_names;
  for (size_t i = 1; i < builder->n_names; i++)
    if (strcmp (builder->names[i - 1].name, builder->names[i].name) == 0)
      return pet_fail (builder->onnx->error, PET_ERROR_CORRUPT,
          "value '%.80s' is defined twice", builder->names[i].name);
  return PET_OK;
}

static int
find_name (const Builder *builder, const char *name)
{
  Name key = { name, 0 };
  const Name *found;

  found = bsearch (&key, builder->names, builder->n_sorted,
      sizeof *builder->names, compare_names);
  return found != NULL ? found->value : -1;
}

/* Takes `name` and `tensor` over. */
static PetStatus
add_value (Builder *builder, char *name, const PetTensor *tensor, int producer,
    int *index)
{
  PetGraph *graph = builder->graph;
  PetValue *value = &graph->values[graph->n_values];

  value->name = name;
  value->tensor = *tensor;
  value->producer = producer;
  *index = graph->n_values++;
  if (name[0] == '\0')
    return pet_fail (builder->onnx->error, PET_ERROR_CORRUPT,
        "an input or initializer has no name");
  builder->names[builder->n_names++] = (Name){ name, *index };
  return PET_OK;
}

static PetStatus
read_initializer (Builder *builder, PetWire wire)
{
  PetTensor tensor;
  char *name;
  int index;

  PET_TRY (pet_onnx_tensor (builder->onnx, wire, &tensor, &name));
  return add_value (builder, name, &tensor, -1, &index);
}

/* Files before IR version 4 list the initializers among the inputs too. */
static PetStatus
read_input (Builder *builder, PetWire wire)
{
  PetGraph *graph = builder->graph;
  PetTensor tensor;
  char *name;
  int index;

  PET_TRY (pet_onnx_value_info (builder->onnx, wire, &tensor, &name));
  if (find_name (builder, name) >= 0) {
    free (name);
    return PET_OK;
  }
  PET_TRY (add_value (builder, name, &tensor, -1, &index));
  graph->values[index].is_input = true;
  graph->inputs[graph->n_inputs++] = index;
  return PET_OK;
}

static PetStatus
add_node_output (void *user, const PetWire *bytes)
{
  static const PetTensor unknown = { .shape.rank = -1 };
  Builder *builder = user;
  PetNode *node = builder->node;
  int producer = (int) (node - builder->graph->nodes);
  char *name = NULL;

  if (pet_wire_size (bytes) == 0) {
    node->outputs[node->n_outputs++] = -1;
    return PET_OK;
  }
  PET_TRY (pet_onnx_string (builder->onnx, bytes, &name));
  return add_value (
      builder, name, &unknown, producer, &node->outputs[node->n_outputs++]);
}

static PetStatus
add_node_input (void *user, const PetWire *bytes)
{
  Builder *builder = user;
  PetNode *node = builder->node;
  PetStatus status = PET_OK;
  char *name;
  int value = -1;

  if (pet_wire_size (bytes) > 0) {
    PET_TRY (pet_onnx_string (builder->onnx, bytes, &name));
    value = find_name (builder, name);
    if (value < 0)
      status = pet_fail (builder->onnx->error, PET_ERROR_CORRUPT,
          "node '%.80s' (%.40s): its input '%.80s' is nowhere defined",
          node->name, node->type, name);
    free (name);
  }
  node->inputs[node->n_inputs++] = value;
  return status;
}

static PetStatus
read_node (Builder *builder, PetWire wire)
{
  const PetOnnx *onnx = builder->onnx;
  PetGraph *graph = builder->graph;
  PetNode *node = &graph->nodes[graph->n_nodes];
  size_t n_inputs = 0, n_outputs = 0;

  PET_TRY (pet_onnx_node (onnx, wire, graph->n_nodes++, node));
  PET_TRY (pet_onnx_node_names (
      onnx, wire, PET_ONNX_NODE_INPUT, count_name, &n_inputs));
  PET_TRY (pet_onnx_node_names (
      onnx, wire, PET_ONNX_NODE_OUTPUT, count_name, &n_outputs));
  node->inputs = calloc (n_inputs + 1, sizeof *node->inputs);
  node->outputs = calloc (n_outputs + 1, sizeof *node->outputs);
  if (node->inputs == NULL || node->outputs == NULL)
    return no_memory (builder);
  builder->node = node;
  return pet_onnx_node_names (
      onnx, wire, PET_ONNX_NODE_OUTPUT, add_node_output, builder);
}

static PetStatus
read_node_inputs (Builder *builder, PetWire wire)
{
  PetStatus status = pet_onnx_node_names (
      builder->onnx, wire, PET_ONNX_NODE_INPUT, add_node_input, builder);

  builder->node++;
  return status;
}

static PetStatus
read_output (Builder *builder, PetWire wire)
{
  PetGraph *graph = builder->graph;
  const PetOnnx *onnx = builder->onnx;
  PetTensor tensor;
  PetStatus status = PET_OK;
  PetValue *value;
  char *name;
  int index;

  PET_TRY (pet_onnx_value_info (onnx, wire, &tensor, &name));
  index = find_name (builder, name);
  value = index < 0 ? NULL : &graph->values[index];
  if (value == NULL)
    status = pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "output '%.80s' is nowhere defined", name);
  else if (value->is_output)
    status = pet_fail (
        onnx->error, PET_ERROR_CORRUPT, "output '%.80s' is listed twice", name);
  free (name);
  PET_TRY (status);

  if (value->producer >= 0)
    value->tensor = tensor;
  value->is_output = true;
  graph->outputs[graph->n_outputs++] = index;
  return PET_OK;
}

/* All fields `number` of the graph, in the order of the file. */
static PetStatus
read_each (Builder *builder, PetWire wire, uint32_t number,
    PetStatus (*read) (Builder *builder, PetWire wire))
{
  PetWireField field;

  do {
    PET_TRY (pet_onnx_next (builder->onnx, &graph_message, &wire, &field));
    if (field.number == number)
      PET_TRY (read (builder, field.bytes));
  } while (field.number != 0);
  return PET_OK;
}

static PetStatus
build_graph (Builder *builder, PetWire wire)
{
  PET_TRY (count_graph (builder, wire));
  PET_TRY (check_counts (builder));
  PET_TRY (alloc_graph (builder));
  PET_TRY (read_each (builder, wire, GRAPH_INITIALIZER, read_initializer));
  PET_TRY (sort_names (builder));
  PET_TRY (read_each (builder, wire, GRAPH_INPUT, read_input));
  PET_TRY (read_each (builder, wire, GRAPH_NODE, read_node));
  PET_TRY (sort_names (builder));
  builder->node = builder->graph->nodes;
  PET_TRY (read_each (builder, wire, GRAPH_NODE, read_node_inputs));
  return read_each (builder, wire, GRAPH_OUTPUT, read_output);
}

static PetStatus
read_graph (const PetOnnx *onnx, PetWire wire, PetGraph *graph)
{
  Builder builder = { .onnx = onnx, .graph = graph };
  PetStatus status = build_graph (&builder, wire);

  free (builder.names);
  return status;
}

static PetStatus
read_opset (PetOnnx *onnx, PetWire wire)
{
  PetWire domain = { NULL, NULL };
  PetWireField field;
  uint64_t version = 0;
  size_t size;

  do {
    PET_TRY (pet_onnx_next (onnx, &opset_message, &wire, &field));
    if (field.number == 1)
      domain = field.bytes;
    else if (field.number == 2)
      version = field.value;
  } while (field.number != 0);

  size = pet_wire_size (&domain);
  if (size != 0 && (size != 7 || memcmp (domain.at, "ai.onnx", 7) != 0))
    return PET_OK;
  if (version < OPSET_OLDEST || version > OPSET_NEWEST)
    return pet_fail (onnx->error, PET_ERROR_UNSUPPORTED,
        "the model is of ONNX operator set %lld; %d to %d are read",
        (long long) version, OPSET_OLDEST, OPSET_NEWEST);
  onnx->opset = (int) version;
  return PET_OK;
}

static PetStatus
read_meta (const PetOnnx *onnx, PetWire wire, PetGraph *graph)
{
  PetWire key = { NULL, NULL }, value = { NULL, NULL };
  PetWireField field;
  int at = graph->n_meta;

  do {
    PET_TRY (pet_onnx_next (onnx, &entry_message, &wire, &field));
    if (field.number == 1)
      key = field.bytes;
    else if (field.number == 2)
      value = field.bytes;
  } while (field.number != 0);
  PET_TRY (pet_onnx_string (onnx, &key, &graph->meta_keys[at]));
  graph->n_meta++;
  return pet_onnx_string (onnx, &value, &graph->meta_values[at]);
}

static PetStatus
read_metas (const PetOnnx *onnx, PetWire wire, size_t n_meta, PetGraph *graph)
{
  PetWireField field;

  if (n_meta > MAX_META)
    return pet_fail (onnx->error, PET_ERROR_LIMIT,
        "the model has more than %d metadata entries", MAX_META);
  graph->meta_keys = calloc (n_meta + 1, sizeof *graph->meta_keys);
  graph->meta_values = calloc (n_meta + 1, sizeof *graph->meta_values);
  if (graph->meta_keys == NULL || graph->meta_values == NULL)
    return pet_fail (onnx->error, PET_ERROR_MEMORY, "no memory for the model");
  do {
    PET_TRY (pet_onnx_next (onnx, &model_message, &wire, &field));
    if (field.number == MODEL_META)
      PET_TRY (read_meta (onnx, field.bytes, graph));
  } while (field.number != 0);
  return PET_OK;
}

/* The top level tells a file that was cut off, and one that is no ONNX file at
 * all, from one that is broken inside. */
static PetStatus
check_outermost (const PetOnnx *onnx, PetWire wire)
{
  PetWireField field;
  PetWireResult result;
  bool has_graph = false;

  while ((result = pet_wire_next (&wire, &field)) == PET_WIRE_FIELD)
    has_graph |= field.number == MODEL_GRAPH && field.type == PET_WIRE_BYTES;
  if (result == PET_WIRE_TRUNCATED && onnx->start[0] == 0x08)
    return pet_fail (
        onnx->error, PET_ERROR_TRUNCATED, "the model file ends too early");
  if (result != PET_WIRE_END || !has_graph)
    return pet_fail (onnx->error, PET_ERROR_FORMAT, "not an ONNX model");
  return PET_OK;
}

static PetStatus
read_model (PetOnnx *onnx, PetWire wire, PetGraph *graph)
{
  PetWire rest = wire, found = { NULL, NULL };
  PetWireField field;
  size_t n_meta = 0;

  PET_TRY (check_outermost (onnx, wire));
  do {
    PET_TRY (pet_onnx_next (onnx, &model_message, &rest, &field));
    if (field.number == MODEL_GRAPH && found.at != NULL)
      return pet_fail (
          onnx->error, PET_ERROR_CORRUPT, "the model has two graphs");
    if (field.number == MODEL_GRAPH)
      found = field.bytes;
    else if (field.number == MODEL_OPSET)
      PET_TRY (read_opset (onnx, field.bytes));
    n_meta += field.number == MODEL_META;
  } while (field.number != 0);
  if (onnx->opset == 0)
    return pet_fail (onnx->error, PET_ERROR_CORRUPT,
        "the model does not say its ONNX operator set");
  PET_TRY (read_metas (onnx, wire, n_meta, graph));
  return read_graph (onnx, found, graph);
}

PetStatus
pet_onnx_read (const void *bytes, size_t size, const PetModelLimits *limits,
    PetGraph **graph, PetError *error)
{
  PetModelLimits defaults;
  PetOnnx onnx = { .start = bytes, .limits = limits, .error = error };
  PetWire wire = { .at = bytes, .end = (const uint8_t *) bytes + size };
  PetGraph *made;
  PetStatus status;

  pet_model_limits_init (&defaults);
  if (limits == NULL)
    onnx.limits = &defaults;
  if (size == 0)
    return pet_fail (error, PET_ERROR_TRUNCATED, "the model file is empty");
  if (size > onnx.limits->max_file_bytes)
    return pet_fail (error, PET_ERROR_LIMIT,
        "the model file is larger than %zu bytes", onnx.limits->max_file_bytes);
  made = calloc (1, sizeof *made);
  if (made == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the model");
  made->limits = *onnx.limits;
  status = read_model (&onnx, wire, made);
  if (status != PET_OK)
    pet_graph_free (&made);
  else
    *graph = made;
  return status;
}
