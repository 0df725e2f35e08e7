/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet_graph_infer(): one walk over the nodes gives every value its type and
 * shape; what depends on constants alone is computed on the way, so that the
 * shape arithmetic of exported files is gone before anything runs. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "nn/pet-graph.h"

/* What folding may create in all, look at, and compute: enough to cast or turn
 * the model's own constants a few times over. Beyond it nodes are left to run. */
#define FOLD_BYTES ((size_t) 64 << 20)
#define FOLD_TIMES 4

typedef struct {
  size_t made, read; /* bytes */
  size_t work;       /* as PetOp counts it */
} Budget;

static PetStatus
check_open (const PetValue *value, PetError *error)
{
  char text[PET_SHAPE_TEXT_SIZE];
  const PetShape *shape = &value->tensor.shape;
  size_t elements;

  if (value->tensor.type == PET_TYPE_NONE)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "input '%.80s' is of a type that is not supported", value->name);
  if (shape->rank < 0)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "the model leaves the shape of input '%.80s' open: give one",
        value->name);
  if (!pet_shape_elements (shape, &elements))
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "the model leaves the shape of input '%.80s' open (%s): give one",
        value->name, pet_shape_text (shape, text));
  return PET_OK;
}

static PetStatus
set_input (PetValue *value, const PetShape *given, PetError *error)
{
  PetShape *shape = &value->tensor.shape;
  char have[PET_SHAPE_TEXT_SIZE], want[PET_SHAPE_TEXT_SIZE];
  bool fits = given->rank >= 0 && given->rank <= PET_MAX_RANK &&
      (shape->rank < 0 || shape->rank == given->rank);

  for (int i = 0; fits && i < given->rank; i++)
    fits = given->dim[i] >= 0 &&
        (shape->rank < 0 || shape->dim[i] < 0 ||
            shape->dim[i] == given->dim[i]);
  if (!fits)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "input '%.80s' is %s, it cannot be made %s", value->name,
        pet_shape_text (shape, have), pet_shape_text (given, want));
  *shape = *given;
  return PET_OK;
}

static PetStatus
check_size (const PetGraph *graph, const PetTensor *tensor, PetError *error)
{
  char text[PET_SHAPE_TEXT_SIZE];
  size_t bytes;

  if (!pet_tensor_bytes (tensor, &bytes) ||
      bytes > graph->limits.max_tensor_bytes)
    return pet_fail (error, PET_ERROR_LIMIT,
        "a tensor of %s is above the limit of %zu bytes",
        pet_shape_text (&tensor->shape, text), graph->limits.max_tensor_bytes);
  return PET_OK;
}

static PetStatus
set_inputs (PetGraph *graph, const PetShape *input_shapes, PetError *error)
{
  for (int i = 0; i < graph->n_inputs; i++) {
    PetValue *value = &graph->values[graph->inputs[i]];

    if (input_shapes != NULL)
      PET_TRY (set_input (value, &input_shapes[i], error));
    PET_TRY (check_open (value, error));
    PET_TRY (check_size (graph, &value->tensor, error));
  }
  return PET_OK;
}

static bool
can_fold (const PetGraph *graph, const PetNode *node)
{
  if (node->op->from_shapes)
    return true;
  for (int i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] >= 0 &&
        graph->values[node->inputs[i]].tensor.data == NULL)
      return false;
  return true;
}

/* Everything about one run of a node's reference. */
typedef struct {
  PetTensor *inputs, *outputs;
  void *scratch;
  size_t scratch_bytes;
} Call;

static PetStatus
make_outputs (const PetNode *node, Call *call, PetError *error)
{
  for (int i = 0; i < node->n_outputs; i++) {
    PetTensor *output = &call->outputs[i];
    PetShape shape = output->shape;

    PET_TRY (pet_tensor_alloc (output, output->type, &shape, error));
  }
  return PET_OK;
}

static bool
nothing_comes_out (const PetNode *node, const PetTensor *outputs)
{
  for (int i = 0; i < node->n_outputs; i++) {
    size_t elements;

    if (!pet_shape_elements (&outputs[i].shape, &elements) || elements > 0)
      return false;
  }
  return true;
}

/* Fills the outputs' data; call->inputs has room for all inputs. */
static PetStatus
run_folded (
    const PetGraph *graph, const PetNode *node, Call *call, PetError *error)
{
  for (int i = 0; i < node->n_inputs; i++)
    call->inputs[i] = *pet_node_input (graph, node, i);
  call->scratch = pet_alloc (NULL, call->scratch_bytes);
  if (call->scratch == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to fold constants");
  PET_TRY (make_outputs (node, call, error));
  node->op->run (node, call->inputs, call->outputs, call->scratch);
  return PET_OK;
}

static bool
spend (size_t *budget, size_t amount)
{
  if (amount > *budget)
    return false;
  *budget -= amount;
  return true;
}

static bool
spend_bytes (size_t *budget, const PetTensor *tensor)
{
  size_t bytes = 0;

  pet_tensor_bytes (tensor, &bytes);
  return spend (budget, bytes);
}

static size_t
work_of (const PetGraph *graph, const PetNode *node, const PetTensor *outputs)
{
  size_t elements, work;

  if (node->op->work != NULL)
    return node->op->work (graph, node, outputs);
  if (!pet_shape_elements (&outputs[0].shape, &elements) ||
      !pet_mul_size (elements, (size_t) node->n_inputs, &work))
    return SIZE_MAX;
  return work;
}

static bool
within_budget (const PetGraph *graph, const PetNode *node,
    const PetTensor *outputs, Budget *budget)
{
  Budget left = *budget;

  for (int i = 0; i < node->n_outputs; i++)
    if (!spend_bytes (&left.made, &outputs[i]))
      return false;
  for (int i = 0; i < node->n_inputs && !node->op->from_shapes; i++)
    if (!spend_bytes (&left.read, pet_node_input (graph, node, i)))
      return false;
  if (!spend (&left.work, work_of (graph, node, outputs)))
    return false;
  *budget = left;
  return true;
}

static Budget
fold_budget (const PetGraph *graph)
{
  Budget budget = { .made = FOLD_BYTES };

  for (int i = 0; i < graph->n_values; i++) {
    size_t bytes;

    if (graph->values[i].tensor.data != NULL &&
        pet_tensor_bytes (&graph->values[i].tensor, &bytes))
      budget.made += FOLD_TIMES * bytes;
  }
  budget.read = budget.work = FOLD_TIMES * budget.made;
  return budget;
}

static void
store_outputs (PetGraph *graph, const PetNode *node, PetTensor *outputs)
{
  for (int i = 0; i < node->n_outputs; i++) {
    PetValue *value;

    if (node->outputs[i] < 0) {
      pet_tensor_clear (&outputs[i]);
      continue;
    }
    value = &graph->values[node->outputs[i]];
    pet_tensor_clear (&value->tensor);
    value->tensor = outputs[i];
    if (value->tensor.data != NULL)
      value->producer = -1;
    memset (&outputs[i], 0, sizeof outputs[i]);
  }
}

static PetStatus
infer_outputs (
    PetGraph *graph, const PetNode *node, Call *call, PetError *error)
{
  PET_TRY (node->op->infer (graph, node, call->outputs, error));
  for (int i = 0; i < node->n_outputs; i++)
    PET_TRY (check_size (graph, &call->outputs[i], error));
  if (node->op->scratch_bytes != NULL)
    call->scratch_bytes = node->op->scratch_bytes (graph, node);
  if (call->scratch_bytes > graph->limits.max_tensor_bytes)
    return pet_fail (error, PET_ERROR_LIMIT,
        "needs %zu bytes to work with, above the limit of %zu",
        call->scratch_bytes, graph->limits.max_tensor_bytes);
  return PET_OK;
}

static PetStatus
infer_node (
    PetGraph *graph, const PetNode *node, Budget *budget, PetError *error)
{
  Call call = { .inputs =
                    calloc ((size_t) node->n_inputs + 1, sizeof (PetTensor)),
    .outputs = calloc ((size_t) node->n_outputs + 1, sizeof (PetTensor)) };
  PetStatus status = PET_ERROR_MEMORY;

  if (call.inputs == NULL || call.outputs == NULL)
    pet_fail (error, status, "no memory for the model");
  else
    status = infer_outputs (graph, node, &call, error);
  if (status == PET_OK && nothing_comes_out (node, call.outputs))
    status = make_outputs (node, &call, error);
  else if (status == PET_OK && can_fold (graph, node) &&
      within_budget (graph, node, call.outputs, budget))
    status = run_folded (graph, node, &call, error);
  if (status == PET_OK)
    store_outputs (graph, node, call.outputs);
  for (int i = 0; call.outputs != NULL && i < node->n_outputs; i++)
    pet_tensor_clear (&call.outputs[i]);
  pet_free (NULL, call.scratch, call.scratch_bytes);
  free (call.inputs);
  free (call.outputs);
  return status;
}

static bool
is_folded (const PetGraph *graph, const PetNode *node)
{
  for (int i = 0; i < node->n_outputs; i++)
    if (node->outputs[i] >= 0 &&
        graph->values[node->outputs[i]].tensor.data == NULL)
      return false;
  return true;
}

static void
remove_folded (PetGraph *graph)
{
  int kept = 0;

  for (int i = 0; i < graph->n_nodes; i++) {
    PetNode *node = &graph->nodes[i];

    if (is_folded (graph, node)) {
      pet_node_clear (node);
      continue;
    }
    for (int k = 0; k < node->n_outputs; k++)
      if (node->outputs[k] >= 0)
        graph->values[node->outputs[k]].producer = kept;
    graph->nodes[kept++] = *node;
  }
  graph->n_nodes = kept;
}

/* Constants that only folded nodes used: their bytes are given back. */
static PetStatus
release_unused (PetGraph *graph, PetError *error)
{
  bool *used = calloc ((size_t) graph->n_values + 1, sizeof *used);

  if (used == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the model");
  for (int i = 0; i < graph->n_nodes; i++)
    for (int k = 0; k < graph->nodes[i].n_inputs; k++)
      if (graph->nodes[i].inputs[k] >= 0)
        used[graph->nodes[i].inputs[k]] = true;
  for (int i = 0; i < graph->n_values; i++)
    if (!used[i] && !graph->values[i].is_output &&
        graph->values[i].producer < 0 && !graph->values[i].is_input)
      pet_tensor_clear (&graph->values[i].tensor);
  free (used);
  return PET_OK;
}

PetStatus
pet_graph_infer (PetGraph *graph, const PetShape *input_shapes, PetError *error)
{
  Budget budget = fold_budget (graph);

  PET_TRY (set_inputs (graph, input_shapes, error));
  for (int i = 0; i < graph->n_nodes; i++) {
    const PetNode *node = &graph->nodes[i];
    PetError inner = { .status = PET_OK };
    PetStatus status = infer_node (graph, node, &budget, &inner);

    if (status != PET_OK)
      return pet_fail (error, status, "node '%.80s' (%.40s): %s", node->name,
          node->type, inner.message);
  }
  remove_folded (graph);
  return release_unused (graph, error);
}
