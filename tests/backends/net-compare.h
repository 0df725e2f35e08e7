/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A small network of random shape, run by every back end and compared with the
 * plain reference. */

#pragma once

#include "net-util.h"

/* tests/cuda builds this file for a back end that is in no table. */
#ifdef PET_TEST_BACKEND
extern const PetBackend PET_TEST_BACKEND;
static const PetBackend *const tested[] = { &PET_TEST_BACKEND, NULL };
#else
#define tested pet_backends
#endif

static inline int
range (int low, int high)
{
  return tap_random_range (low, high);
}

/* The network under construction: "x" 1xCxHxW is the input. */
typedef struct {
  OnnxWriter w;
  int64_t channels, height, width;
  bool wrapped;
  bool bf16;
  char text[256]; /* what was made, for failures */
} Net;

static inline Net
begin (int64_t channels, int64_t height, int64_t width, int opset)
{
  Net net = { .w = onnx_writer (opset),
    .channels = channels,
    .height = height,
    .width = width,
    .wrapped = range (0, 1) == 1 };

  onnx_input (&net.w, "x", 1, 4, (int64_t[]){ 1, channels, height, width });
  if (net.wrapped) {
    onnx_random (
        &net.w, "wrap", 4, (int64_t[]){ channels, channels, 1, 1 }, 0.5f);
    onnx_node (&net.w, "Conv", "x wrap", "in");
  } else {
    onnx_node (&net.w, "Identity", "x", "in");
  }
  return net;
}

static inline Net
begin_random (int opset)
{
  return begin (range (1, 67), range (1, 21), range (1, 21), opset);
}

static inline void
compare (const Net *net, const PetModel *model, const PetBackend *backend,
    const Result *expected, double tolerance)
{
  PetBackendOptions options = { .threads = range (1, 2), .bf16 = net->bf16 };
  PetError error = { .status = PET_OK };
  Result got = { .data = NULL };

  if (run_graph (model, backend, true, &options, &got, &error) != PET_OK)
    tap_fail ("%s: %s: %s", backend->name, net->text, error.message);
  else if (!(difference (&got, expected) <= tolerance))
    tap_fail ("%s: %s%s: differs by %g", backend->name, net->text,
        net->wrapped ? " wrapped" : "", difference (&got, expected));
  free (got.data);
}

/* "out" is the result; `channels` of it, where it can be wrapped. */
static inline void
finish (Net *net, int64_t channels, double tolerance)
{
  PetBackendOptions plain = { .threads = 1 };
  Result expected = { .data = NULL };
  PetError error = { .status = PET_OK };
  PetModel *model;
  Bytes bytes;

  if (net->wrapped && channels > 0) {
    onnx_random (&net->w, "wrap2", 4, (int64_t[]){ 5, channels, 1, 1 }, 0.5f);
    onnx_node (&net->w, "Conv", "out wrap2", "wrapped");
    onnx_output (&net->w, "wrapped");
  } else {
    onnx_output (&net->w, "out");
  }
  bytes = onnx_finish (&net->w);
  model = load_bytes (&bytes);
  if (model == NULL)
    return;
  if (run_graph (model, &pet_backend_ref, false, &plain, &expected, &error) !=
      PET_OK)
    tap_fail ("%s: %s", net->text, error.message);
  for (int i = 0; expected.data != NULL && tested[i] != NULL; i++)
    if (tested[i] != &pet_backend_ref)
      compare (net, model, tested[i], &expected, tolerance);
  free (expected.data);
  pet_model_free (&model);
}
