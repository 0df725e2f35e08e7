/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PetNet: a model's graph, made concrete and given to a back end. */

#include <stdlib.h>
#include <string.h>

#include "base/pet-cpu.h"
#include "nn/native/native-bf16.h"
#include "nn/pet-backend.h"

struct PetNet {
  const PetBackend *backend;
  void *program;
};

const PetBackend *const pet_backends[] = {
  &pet_backend_native,
#if PET_HAVE_ONEDNN
  &pet_backend_onednn,
#endif
  &pet_backend_ref,
  NULL,
};

const char *const *
pet_backend_names (void)
{
  static const char *const names[] = {
    "native",
#if PET_HAVE_ONEDNN
    "onednn",
#endif
    "ref",
    NULL,
  };

  return names;
}

void
pet_net_options_init (PetNetOptions *options)
{
  memset (options, 0, sizeof *options);
}

bool
pet_net_has_bf16 (void)
{
  return pet_native_bf16 () != NULL;
}

static PetStatus
find_backend (const char *name, const PetGraph *graph,
    const PetBackend **backend, PetError *error)
{
  for (int i = 0; pet_backends[i] != NULL; i++) {
    const PetBackend *b = pet_backends[i];

    if (name != NULL ? strcmp (name, b->name) == 0
                     : b->suits == NULL || b->suits (graph)) {
      *backend = b;
      return PET_OK;
    }
  }
  return pet_fail (error, PET_ERROR_ARGUMENT,
      "there is no back end '%.40s' in this build", name);
}

/* Whatever the file says of its inputs. */
static void
reshape (PetGraph *graph, const PetShape *shapes)
{
  for (int i = 0; i < graph->n_inputs; i++)
    graph->values[graph->inputs[i]].tensor.shape = shapes[i];
}

/* The model's graph with the options' shapes; NULL on failure. */
static PetStatus
prepare (const PetModel *model, const PetNetOptions *options, PetGraph **result,
    PetError *error)
{
  PetGraph *graph;
  PetStatus status;

  *result = NULL;
  if (options->threads < 0)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "a network cannot run with %d threads", options->threads);
  graph = pet_graph_copy (pet_model_graph (model));
  if (graph == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  if (options->reshape)
    reshape (graph, options->input_shapes);
  status =
      pet_graph_prepare (graph, options->output, options->input_shapes, error);
  if (status != PET_OK)
    pet_graph_free (&graph);
  *result = graph;
  return status;
}

/* Takes over the graph. */
static PetStatus
compile (PetGraph *graph, const PetNetOptions *options, PetNet **result,
    PetError *error)
{
  PetBackendOptions backend_options = {
    .threads = options->threads > 0 ? options->threads : pet_cpu_count (),
    .allocator = options->allocator,
    .bf16 = options->bf16
  };
  PetNet *net = calloc (1, sizeof *net);
  PetStatus status;

  if (net == NULL)
    status = pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  else
    status = find_backend (options->backend, graph, &net->backend, error);
  if (status == PET_OK)
    status =
        net->backend->compile (graph, &backend_options, &net->program, error);
  if (status != PET_OK) {
    pet_graph_free (&graph);
    free (net);
    return status;
  }
  *result = net;
  return PET_OK;
}

PetStatus
pet_net_new (const PetModel *model, const PetNetOptions *options,
    PetNet **result, PetError *error)
{
  PetGraph *graph;

  PET_TRY (prepare (model, options, &graph, error));
  return compile (graph, options, result, error);
}

static bool
looks_at_shapes (const PetGraph *graph)
{
  for (int i = 0; i < graph->n_nodes; i++)
    if (graph->nodes[i].op->from_shapes)
      return true;
  return false;
}

PetStatus
pet_model_settle (
    PetModel **model, const PetNetOptions *options, PetError *error)
{
  PetModel *settled;
  PetGraph *graph;

  if (looks_at_shapes (pet_model_graph (*model)))
    return PET_OK;
  PET_TRY (prepare (*model, options, &graph, error));
  settled = pet_model_new_from_graph (graph);
  if (settled == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  pet_model_free (model);
  *model = settled;
  return PET_OK;
}

PetStatus
pet_net_new_from (PetModel **model, const PetNetOptions *options,
    PetNet **result, PetError *error)
{
  PetGraph *graph;
  PetStatus status = prepare (*model, options, &graph, error);

  pet_model_free (model);
  return status == PET_OK ? compile (graph, options, result, error) : status;
}

void
pet_net_free (PetNet **net)
{
  if (*net == NULL)
    return;
  (*net)->backend->free ((*net)->program);
  free (*net);
  *net = NULL;
}

void
pet_net_info (const PetNet *net, PetNetInfo *info)
{
  memset (info, 0, sizeof *info);
  net->backend->info (net->program, info);
  info->backend = net->backend->name;
}

PetTensor *
pet_net_input (PetNet *net, int index)
{
  return net->backend->input (net->program, index);
}

const PetTensor *
pet_net_output (const PetNet *net, int index)
{
  return net->backend->output (net->program, index);
}

PetStatus
pet_net_run (PetNet *net, PetError *error)
{
  return net->backend->run (net->program, error);
}

void
pet_net_limit_threads (PetNet *net, int threads)
{
  if (net->backend->limit_threads != NULL)
    net->backend->limit_threads (net->program, threads);
}

void
pet_net_rest (PetNet *net)
{
  if (net->backend->rest != NULL)
    net->backend->rest (net->program);
}
