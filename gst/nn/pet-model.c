/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PetModel: a checked graph that does not change any more. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-folder.h"
#include "nn/pet-graph.h"

struct PetModel {
  PetGraph *graph;
};

void
pet_model_limits_init (PetModelLimits *limits)
{
  limits->max_file_bytes = (size_t) 512 << 20;
  limits->max_nodes = 20000;
  limits->max_tensor_bytes = (size_t) 1 << 30;
  limits->max_activation_bytes = (size_t) 2 << 30;
  limits->max_weight_bytes = (size_t) 1 << 30;
}

PetModel *
pet_model_new_from_graph (PetGraph *graph)
{
  PetModel *model = calloc (1, sizeof *model);

  if (model == NULL)
    pet_graph_free (&graph);
  else
    model->graph = graph;
  return model;
}

PetStatus
pet_model_load (const void *bytes, size_t size, const PetModelLimits *limits,
    PetModel **model, PetError *error)
{
  PetGraph *graph = NULL;
  PetStatus status;

  PET_TRY (pet_onnx_read (bytes, size, limits, &graph, error));
  status = pet_graph_check (graph, error);
  if (status != PET_OK) {
    pet_graph_free (&graph);
    return status;
  }
  *model = pet_model_new_from_graph (graph);
  if (*model == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the model");
  return PET_OK;
}

PetStatus
pet_model_load_file (const char *path, const PetModelLimits *limits,
    PetModel **model, PetError *error)
{
  PetModelLimits defaults;
  PetError reason;
  PetStatus status;
  uint8_t *bytes;
  size_t size;

  pet_model_limits_init (&defaults);
  if (limits == NULL)
    limits = &defaults;
  status = pet_file_read (path, limits->max_file_bytes, &bytes, &size, &reason);
  if (status != PET_OK)
    return pet_fail (error, status, "model '%.120s' %s", path, reason.message);
  status = pet_model_load (bytes, size, limits, model, error);
  free (bytes);
  return status;
}

void
pet_model_free (PetModel **model)
{
  if (*model == NULL)
    return;
  pet_graph_free (&(*model)->graph);
  free (*model);
  *model = NULL;
}

const PetGraph *
pet_model_graph (const PetModel *model)
{
  return model->graph;
}

int
pet_model_n_inputs (const PetModel *model)
{
  return model->graph->n_inputs;
}

int
pet_model_n_outputs (const PetModel *model)
{
  return model->graph->n_outputs;
}

static const char *
describe (const PetGraph *graph, const int *list, int count, int index,
    PetType *type, PetShape *shape)
{
  const PetValue *value;

  if (index < 0 || index >= count)
    return NULL;
  value = &graph->values[list[index]];
  if (type != NULL)
    *type = value->tensor.type;
  if (shape != NULL)
    *shape = value->tensor.shape;
  return value->name;
}

const char *
pet_model_input (
    const PetModel *model, int index, PetType *type, PetShape *shape)
{
  return describe (model->graph, model->graph->inputs, model->graph->n_inputs,
      index, type, shape);
}

const char *
pet_model_output (
    const PetModel *model, int index, PetType *type, PetShape *shape)
{
  return describe (model->graph, model->graph->outputs, model->graph->n_outputs,
      index, type, shape);
}

const char *
pet_model_metadata (const PetModel *model, const char *key)
{
  const PetGraph *graph = model->graph;

  for (int i = 0; i < graph->n_meta; i++)
    if (strcmp (graph->meta_keys[i], key) == 0)
      return graph->meta_values[i];
  return NULL;
}
