/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small networks with random contents, and running them on any back end. */

#pragma once

#include <math.h>

#include "nn/pet-backend.h"
#include "onnx-writer.h"
#include "tap.h"

/* In -1..1. */
static inline float
random_float (void)
{
  return (float) ((double) tap_random () / 2147483648.0 - 1.0);
}

/* A float constant with random contents in -scale..scale. */
static inline void
onnx_random (
    OnnxWriter *w, const char *name, int rank, const int64_t *dims, float scale)
{
  size_t count = onnx_elements (rank, dims);
  float *data = malloc ((count + 1) * sizeof *data);

  for (size_t i = 0; i < count; i++)
    data[i] = random_float () * scale;
  onnx_floats (w, name, rank, dims, data);
  free (data);
}

/* The first output of a run; free (data). */
typedef struct {
  float *data;
  size_t count;
  PetShape shape;
} Result;

static inline void
fill_input (const PetTensor *input, uint32_t seed)
{
  float *data = input->data;
  uint64_t state = seed * 2654435761u + 88172645463325252ull;
  size_t count = 0;

  if (!pet_shape_elements (&input->shape, &count))
    return;
  for (size_t i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    data[i] = (float) ((double) (state >> 32) / 2147483648.0 - 1.0);
  }
}

static inline PetStatus
run_program (const PetBackend *backend, const PetGraph *graph, void *program,
    Result *result, PetError *error)
{
  const PetTensor *output;

  for (int i = 0; i < graph->n_inputs; i++)
    fill_input (backend->input (program, i), (uint32_t) i + 1);
  PET_TRY (backend->run (program, error));
  output = backend->output (program, 0);
  result->shape = output->shape;
  pet_shape_elements (&output->shape, &result->count);
  result->data = malloc ((result->count + 1) * sizeof (float));
  memcpy (result->data, output->data, result->count * sizeof (float));
  return PET_OK;
}

/* As PetNet does, but fusing only if `fuse`. */
static inline PetStatus
run_graph (const PetModel *model, const PetBackend *backend, bool fuse,
    const PetBackendOptions *options, Result *result, PetError *error)
{
  PetGraph *graph = pet_graph_copy (pet_model_graph (model));
  void *program = NULL;
  PetStatus status = pet_graph_infer (graph, NULL, error);

  if (status == PET_OK)
    status = pet_graph_optimize (graph, fuse, error);
  if (status == PET_OK)
    status = backend->compile (graph, options, &program, error);
  if (status != PET_OK) {
    pet_graph_free (&graph);
    return status;
  }
  status = run_program (backend, graph, program, result, error);
  backend->free (program);
  return status;
}

/* Largest difference relative to the largest value. */
static inline double
difference (const Result *a, const Result *b)
{
  double worst = 0, scale = 1;

  if (a->count != b->count)
    return INFINITY;
  for (size_t i = 0; i < a->count; i++) {
    double d = fabs ((double) a->data[i] - (double) b->data[i]);
    bool same =
        a->data[i] == b->data[i] || (isnan (a->data[i]) && isnan (b->data[i]));

    if (!same && !(d <= worst))
      worst = d;
    if (isfinite (b->data[i]) && fabs ((double) b->data[i]) > scale)
      scale = fabs ((double) b->data[i]);
  }
  return worst / scale;
}

static inline PetModel *
load_bytes (Bytes *bytes)
{
  PetModel *model = NULL;
  PetError error = { .status = PET_OK };

  if (pet_model_load (bytes->data, bytes->size, NULL, &model, &error) != PET_OK)
    tap_fail ("model: %s", error.message);
  free (bytes->data);
  return model;
}
