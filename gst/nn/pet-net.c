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

PetStatus
pet_net_new (const PetModel *model, const PetNetOptions *options,
    PetNet **result, PetError *error)
{
  PetBackendOptions backend_options = { .allocator = options->allocator,
    .bf16 = options->bf16 };
  const PetBackend *backend = NULL;
  PetGraph *graph;
  PetNet *net;
  PetStatus status;

  if (options->threads < 0)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "a network cannot run with %d threads", options->threads);
  backend_options.threads =
      options->threads > 0 ? options->threads : pet_cpu_count ();
  graph = pet_graph_copy (pet_model_graph (model));
  net = calloc (1, sizeof *net);
  if (graph == NULL || net == NULL)
    status = pet_fail (error, PET_ERROR_MEMORY, "no memory for the network");
  else
    status = pet_graph_prepare (
        graph, options->output, options->input_shapes, error);
  if (status == PET_OK)
    status = find_backend (options->backend, graph, &backend, error);
  if (status == PET_OK)
    status = backend->compile (graph, &backend_options, &net->program, error);
  if (status != PET_OK) {
    pet_graph_free (&graph);
    free (net);
    return status;
  }
  net->backend = backend;
  *result = net;
  return PET_OK;
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
