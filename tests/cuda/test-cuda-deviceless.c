/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lowering against the real cuDNN, which makes plans for a card that is only
 * described to it: an H200 here. Whether it accepts every graph, with all its
 * sizes and strides, is known without a card; how it computes is not. Engines
 * that are compiled at run time need a driver and are missing here, so more is
 * left to pet_cuda_pointwise() than on a card. */

#include "fake-cuda.h"
#include "pet-cuda-program.h"
#include "tap.h"

static const char h200[] =
    "{\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,64],"
    "\"regsPerBlock\":65536,\"multiProcessorCount\":132,\"warpSize\":32,"
    "\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":232448,"
    "\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,"
    "\"maxCtasPerSM\":32,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":2048,"
    "\"pciDeviceId\":0,\"isTccDriver\":0,\"supportCoopLaunch\":1,"
    "\"smClockRateKHz\":1980000,\"memClockRateKHz\":3201000,"
    "\"l2CacheSize\":62914560,\"deviceName\":\"NVIDIA H200\","
    "\"deviceVer\":900,\"driverVer\":13000,\"cudaDeviceId\":0,"
    "\"totalGlobalMem\":150754820096}";

/* The card of host memory with the real cuDNN; false: there is none. */
static bool
open_described (PetCuda **cuda)
{
  PetCudaOptions options = { .device = -1 };
  const char *path = getenv ("PET_REAL_CUDNN");
  PetError error = { .status = PET_OK };
  PetCudnn *dnn;

  fake_cuda_configure ("");
  if (path == NULL || *path == '\0' ||
      pet_cuda_open (&options, cuda, &error) != PET_OK)
    return false;
  dnn = &(*cuda)->dnn;
  setenv ("PET_CUDNN_LIBRARY", path, 1);
  if (pet_cudnn_load (dnn, &error) != PET_OK || dnn->version < 90800 ||
      dnn->cudnnBackendCreateDescriptor (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR,
          &dnn->device) != CUDNN_STATUS_SUCCESS)
    return false;
  return dnn->cudnnBackendSetAttribute (dnn->device,
             CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
             sizeof h200, h200) == CUDNN_STATUS_SUCCESS &&
      dnn->cudnnBackendFinalize (dnn->device) == CUDNN_STATUS_SUCCESS;
}

static void
close_described (PetCuda *cuda)
{
  if (cuda == NULL)
    return;
  if (cuda->dnn.device != NULL)
    cuda->dnn.cudnnBackendDestroyDescriptor (cuda->dnn.device);
  pet_cuda_close (&cuda);
}

typedef struct {
  int kinds[PET_CUDA_STEP_HOST + 1];
  int fused[PET_CUDA_FUSED_BIAS + 1];
  int in_place; /* parts of a concat */
} Counts;

static void
count_steps (const PetCudaProgram *program, Counts *counts)
{
  memset (counts, 0, sizeof *counts);
  for (int i = 0; i < program->n_steps; i++) {
    const PetCudaStep *step = &program->steps[i];

    counts->kinds[step->kind]++;
    if (step->kind == PET_CUDA_STEP_CONV)
      counts->fused[program->convs[step->conv].fused]++;
    /* Whatever has one group must be cuDNN's. */
    if (step->kind == PET_CUDA_STEP_CONVOLVE && step->groups == 1)
      tap_fail ("cuDNN refuses '%s'", step->node->name);
  }
  for (int i = 0; i < program->graph->n_values; i++)
    counts->in_place += program->values[i].parent >= 0;
}

static void
lower (PetCuda *cuda, const PetModel *model, const char *name, bool half,
    int batch)
{
  PetCudaProgramOptions options = {
    .half = half, .batch = batch, .on_card = true
  };
  PetGraph *graph = pet_graph_copy (pet_model_graph (model));
  PetCudaProgram *program = NULL;
  PetError error = { .status = PET_OK };
  Counts c;

  if (pet_graph_prepare (graph, pet_model_output (model, 0, NULL, NULL), NULL,
          &error) != PET_OK ||
      pet_cuda_program_lower (cuda, graph, &options, &program, &error) !=
          PET_OK) {
    tap_fail ("%s: %s", name, error.message);
    pet_graph_free (&graph);
    return;
  }
  count_steps (program, &c);
  printf ("# %s %s batch %d: %d cuDNN (%d all fused, %d without the residual, "
          "%d bias only), %d depthwise, %d pools, %d resizes, %d copies, "
          "%d in place, %d on the host; arena %.1f MB, weights %.1f, "
          "workspace %.1f\n",
      name, half ? "fp16" : "fp32", batch, c.kinds[PET_CUDA_STEP_CONV],
      c.fused[PET_CUDA_FUSED_ALL], c.fused[PET_CUDA_FUSED_ACT],
      c.fused[PET_CUDA_FUSED_BIAS], c.kinds[PET_CUDA_STEP_DEPTHWISE],
      c.kinds[PET_CUDA_STEP_POOL], c.kinds[PET_CUDA_STEP_RESIZE],
      c.kinds[PET_CUDA_STEP_COPY], c.in_place, c.kinds[PET_CUDA_STEP_HOST],
      (double) program->arena_bytes / 1e6,
      (double) program->constant_bytes / 1e6,
      (double) program->workspace_bytes / 1e6);
  tap_check (c.kinds[PET_CUDA_STEP_HOST] == 0);
  pet_cuda_program_free (&program);
}

static void
check_network (const char *path, const char *name)
{
  PetModel *model = NULL;
  PetCuda *cuda = NULL;

  if (!open_described (&cuda))
    tap_skip ("no cuDNN 9.8 or later");
  else if (pet_model_load_file (path, NULL, &model, NULL) != PET_OK)
    tap_skip ("no such network");
  else
    for (int i = 0; i < 3; i++)
      lower (cuda, model, name, i != 1, i == 2 ? 8 : 1);
  pet_model_free (&model);
  close_described (cuda);
}

static void
shared_network (const char *name)
{
  const char *folder = getenv ("PET_SHARED");
  char path[1024];

  snprintf (path, sizeof path, "%s/models/%s.onnx",
      folder != NULL ? folder : ".", name);
  check_network (path, name);
}

static void
petnet (void)
{
  const char *path = getenv ("PET_NETWORK");

  check_network (path != NULL ? path : "", "petnet");
}

static void
u2netp (void)
{
  shared_network ("u2netp");
}

static void
deeplab (void)
{
  shared_network ("deeplabv3-mnv2-257-pet");
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (petnet),
    TAP_TEST (u2netp),
    TAP_TEST (deeplab),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
