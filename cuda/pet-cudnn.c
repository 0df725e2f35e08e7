/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "pet-cudnn.h"

PetStatus
pet_cudnn_check (const PetCudnn *dnn, cudnnStatus_t result, const char *what,
    PetError *error)
{
  if (result == CUDNN_STATUS_SUCCESS)
    return PET_OK;
  return pet_fail (error,
      result == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
              result == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
          ? PET_ERROR_MEMORY
          : PET_ERROR_DEVICE,
      "cuDNN failed at %s: %s", what, dnn->cudnnGetErrorString (result));
}

PetStatus
pet_cudnn_load (PetCudnn *dnn, PetError *error)
{
  const char *path = getenv ("PET_CUDNN_LIBRARY");
  const char *missing = NULL;

  if (path == NULL || *path == '\0')
    path = "libcudnn.so.9";
  dnn->library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (dnn->library == NULL)
    return pet_fail (
        error, PET_ERROR_DEVICE, "cuDNN is not installed (%.150s)", dlerror ());
    /* POSIX wants functions to pass through a void pointer. */
#define PET_CUDNN_FIND(name)                                                   \
  *(void **) &dnn->name = dlsym (dnn->library, #name);                         \
  missing = dnn->name == NULL ? #name : missing;
  PET_CUDNN_CALLS (PET_CUDNN_FIND)
#undef PET_CUDNN_FIND
  if (missing != NULL) {
    pet_cudnn_close (dnn);
    return pet_fail (error, PET_ERROR_DEVICE,
        "'%.120s' is no cuDNN 9: it has no %s", path, missing);
  }
  dnn->version = dnn->cudnnGetVersion ();
  if (dnn->version / 10000 != CUDNN_MAJOR) {
    size_t version = dnn->version;

    pet_cudnn_close (dnn);
    return pet_fail (error, PET_ERROR_DEVICE,
        "cuDNN %zu.%zu is installed, this build needs %d", version / 10000,
        version % 10000 / 100, CUDNN_MAJOR);
  }
  return PET_OK;
}

PetStatus
pet_cudnn_open (PetCudnn *dnn, cudaStream_t stream, PetError *error)
{
  PetStatus status;

  if (dnn->handle != NULL)
    return PET_OK;
  PET_TRY (pet_cudnn_load (dnn, error));
  status =
      pet_cudnn_check (dnn, dnn->cudnnCreate (&dnn->handle), "starting", error);
  if (status == PET_OK)
    status = pet_cudnn_check (
        dnn, dnn->cudnnSetStream (dnn->handle, stream), "its stream", error);
  if (status != PET_OK)
    pet_cudnn_close (dnn);
  return status;
}

void
pet_cudnn_close (PetCudnn *dnn)
{
  if (dnn->handle != NULL)
    (void) dnn->cudnnDestroy (dnn->handle);
  /* The library stays: cuDNN starts threads of its own and does not outlive
   * being unloaded. It is a few kilobytes, the rest of it is loaded anew. */
  memset (dnn, 0, sizeof *dnn);
}

static void
note (PetCudnnBuild *build, cudnnStatus_t status, const char *what)
{
  if (build->status == CUDNN_STATUS_SUCCESS && status != CUDNN_STATUS_SUCCESS) {
    build->status = status;
    build->what = what;
  }
}

cudnnBackendDescriptor_t
pet_cudnn_new (
    PetCudnnBuild *build, cudnnBackendDescriptorType_t type, const char *what)
{
  cudnnBackendDescriptor_t descriptor = NULL;

  if (build->status != CUDNN_STATUS_SUCCESS)
    return NULL;
  build->what = what;
  if (build->n == PET_CUDNN_MAX_DESCRIPTORS) {
    note (build, CUDNN_STATUS_ALLOC_FAILED, what);
    return NULL;
  }
  note (build, build->dnn->cudnnBackendCreateDescriptor (type, &descriptor),
      what);
  if (build->status != CUDNN_STATUS_SUCCESS)
    return NULL;
  build->all[build->n++] = descriptor;
  return descriptor;
}

void
pet_cudnn_set (PetCudnnBuild *build, cudnnBackendDescriptor_t descriptor,
    cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
    int64_t count, const void *values)
{
  if (build->status == CUDNN_STATUS_SUCCESS)
    note (build,
        build->dnn->cudnnBackendSetAttribute (
            descriptor, name, type, count, values),
        build->what);
}

void
pet_cudnn_finalize (PetCudnnBuild *build, cudnnBackendDescriptor_t descriptor)
{
  if (build->status == CUDNN_STATUS_SUCCESS)
    note (build, build->dnn->cudnnBackendFinalize (descriptor), build->what);
}

void
pet_cudnn_clear (PetCudnnBuild *build)
{
  while (build->n > 0)
    (void) build->dnn->cudnnBackendDestroyDescriptor (build->all[--build->n]);
}
