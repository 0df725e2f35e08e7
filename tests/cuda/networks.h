/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What tests of whole networks share: the model under test, and a card of host
 * memory with it. */

#pragma once

#include "base/pet-folder.h"
#include "fake-cuda.h"
#include "fake-cudnn.h"
#include "net-util.h"
#include "nn/pet-segmenter.h"
#include "pet-cuda-program.h"
#include "picture.h"

static uint8_t *model_bytes;
static size_t model_size;

/* The built-in network. */
static inline bool
read_model (void)
{
  const char *path = getenv ("PET_NETWORK");

  if (model_bytes == NULL &&
      (path == NULL ||
          pet_file_read (path, 0, &model_bytes, &model_size, NULL) != PET_OK))
    tap_fail ("PET_NETWORK names no model");
  return model_bytes != NULL;
}

/* A network of a few steps of all kinds, so that the tests that run it a
 * thousand times end: one of them is left to the CPU. */
static inline void
make_tiny (void)
{
  OnnxWriter w = onnx_writer (13);
  const float scales[] = { 1, 1, 2, 2 };
  Bytes bytes;

  onnx_input (&w, "x", 1, 4, (int64_t[]){ 1, 3, 16, 16 });
  onnx_random (&w, "w1", 4, (int64_t[]){ 12, 3, 3, 3 }, 0.3f);
  onnx_random (&w, "w2", 4, (int64_t[]){ 1, 12, 1, 1 }, 0.3f);
  onnx_floats (&w, "s", 1, (int64_t[]){ 4 }, scales);
  onnx_node (&w, "Conv", "x w1", "a");
  onnx_node (&w, "Relu", "a", "b");
  onnx_node (&w, "Elu", "b", "c");
  onnx_node (&w, "Resize", "c  s", "d");
  onnx_attr_text (&w, "mode", "linear");
  onnx_node (&w, "Conv", "d w2", "e");
  onnx_node (&w, "Sigmoid", "e", "out");
  onnx_output (&w, "out");
  bytes = onnx_finish (&w);
  free (model_bytes);
  model_bytes = bytes.data;
  model_size = bytes.size;
}

static inline void
check_clean (void)
{
  FakeCudaState state;

  fake_cuda_state (&state);
  if (state.allocations != 0 || state.objects != 0 || state.faults != 0 ||
      fake_cudnn_alive () != 0)
    tap_fail ("%zu allocations, %zu objects, %d descriptors left, %zu faults",
        state.allocations, state.objects, fake_cudnn_alive (), state.faults);
}

static inline PetStatus
open_network (bool half, int batch, PetCuda **cuda,
    PetCudaSegmenter **segmenter, PetError *error)
{
  PetCudaOptions options = { .device = -1 };
  PetCudaModel model = {
    .bytes = model_bytes, .size = model_size, .half = half, .batch = batch
  };

  PET_TRY (pet_cuda_open (&options, cuda, error));
  return pet_cuda_segmenter_new (*cuda, &model, segmenter, error);
}

/* All that can be, by that variant of our own convolutions. */
static inline PetStatus
open_variant (int variant, int batch, PetCuda **cuda,
    PetCudaSegmenter **segmenter, PetError *error)
{
  PetCudaOptions options = { .device = -1 };
  PetCudaModel model = { .bytes = model_bytes,
    .size = model_size,
    .half = true,
    .batch = batch,
    .half_variant = variant };

  PET_TRY (pet_cuda_open (&options, cuda, error));
  return pet_cuda_segmenter_new (*cuda, &model, segmenter, error);
}

static inline PetStatus
run_photo (PetCudaSegmenter *gpu, const PetImage *photo, const PetImage *mask,
    PetError *error)
{
  PetCudaPhoto on_host = { .image = *photo };

  return pet_cuda_segmenter_run (gpu, &on_host, mask, 1, error);
}

static inline void
fill_photo (Picture *photo, int width, int height, int channels)
{
  *photo = picture_new (width, height, channels, 5);
  picture_fill (&photo->image, CONTENT_WAVES, ALPHA_SOFT);
}
