/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks as a shared object, for tests/bench/network: it runs them and the
 * peers in turn, in one process. */

#include <string.h>

#include "nn/pet-nn.h"

#define PET_EXPORT __attribute__ ((visibility ("default")))

PET_EXPORT void *bench_net_new (const char *model_path, const char *backend,
    const char *output, int threads, int bf16, int width, int height);
PET_EXPORT void bench_net_free (void *net);
PET_EXPORT int bench_net_run (
    void *net, const float *input, float *output, size_t output_floats);
PET_EXPORT size_t bench_net_bytes (void *net, size_t *weights);
PET_EXPORT const char *bench_net_backend (void *net);
PET_EXPORT int bench_net_bf16_nodes (void *net);

/* NULL on failure; `backend` NULL = the default. */
void *
bench_net_new (const char *model_path, const char *backend, const char *output,
    int threads, int bf16, int width, int height)
{
  PetShape shape = { .rank = 4, .dim = { 1, 3, height, width } };
  PetNetOptions options;
  PetModel *model = NULL;
  PetNet *net = NULL;

  pet_net_options_init (&options);
  options.backend = backend;
  options.output = output;
  options.threads = threads;
  options.bf16 = bf16 != 0;
  options.input_shapes = &shape;
  if (pet_model_load_file (model_path, NULL, &model, NULL) != PET_OK)
    return NULL;
  if (pet_net_new (model, &options, &net, NULL) != PET_OK)
    net = NULL;
  pet_model_free (&model);
  return net;
}

void
bench_net_free (void *net)
{
  PetNet *n = net;

  pet_net_free (&n);
}

/* `output` NULL: only runs. */
int
bench_net_run (
    void *net, const float *input, float *output, size_t output_floats)
{
  PetTensor *in = pet_net_input (net, 0);
  const PetTensor *out = pet_net_output (net, 0);
  size_t floats;

  if (!pet_shape_elements (&in->shape, &floats))
    return -1;
  memcpy (in->data, input, floats * sizeof *input);
  if (pet_net_run (net, NULL) != PET_OK ||
      !pet_shape_elements (&out->shape, &floats))
    return -1;
  if (output != NULL && floats == output_floats)
    memcpy (output, out->data, floats * sizeof *output);
  return floats == output_floats || output == NULL ? 0 : -1;
}

size_t
bench_net_bytes (void *net, size_t *weights)
{
  PetNetInfo info;

  pet_net_info (net, &info);
  *weights = info.weight_bytes;
  return info.activation_bytes;
}

const char *
bench_net_backend (void *net)
{
  PetNetInfo info;

  pet_net_info (net, &info);
  return info.backend;
}

int
bench_net_bf16_nodes (void *net)
{
  PetNetInfo info;

  pet_net_info (net, &info);
  return info.bf16_nodes;
}
