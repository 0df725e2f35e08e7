/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model file through reader, checks, shape inference, folding, optimiser and
 * planner; what is a network runs once on each back end. */

#include <stdlib.h>
#include <string.h>

#include "fuzz-model.h"
#include "fuzz.h"

static void
run (const PetModel *model, const char *backend)
{
  PetNetOptions options;
  PetNet *net = NULL;
  PetError error;

  pet_net_options_init (&options);
  options.threads = 1;
  options.backend = backend;
  if (pet_net_new (model, &options, &net, &error) == PET_OK) {
    for (int i = 0; i < pet_model_n_inputs (model); i++)
      fuzz_model_fill (pet_net_input (net, i));
    pet_net_run (net, &error);
  }
  pet_net_free (&net);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  PetModelLimits limits = fuzz_model_limits ();
  PetModel *model = NULL;
  PetError error;

  if (pet_model_load (bytes, size, &limits, &model, &error) != PET_OK)
    return 0;
  for (int i = 0; pet_backend_names ()[i] != NULL; i++)
    run (model, pet_backend_names ()[i]);
  pet_model_free (&model);
  return 0;
}

void
fuzz_seeds (FuzzSeed seed, void *user)
{
  seeds_onnx (seed, user);
}

void
fuzz_repair (uint8_t *bytes, size_t size)
{
}
