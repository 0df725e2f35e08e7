/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The card: whether it can be used, its memory, and the way there and back. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"
#include "pet-cuda-private.h"

/* Memory is taken in whole pieces of GRAIN, so that pictures of nearly one size
 * share a buffer. */
#define GRAIN ((size_t) 1 << 20)
#define ROW_ALIGNMENT 256
/* PET_QUAD of pet-kernel.h. */
#define PIXEL_GROUP 4

PetStatus
pet_cuda_check (cudaError_t result, const char *what, PetError *error)
{
  if (result == cudaSuccess)
    return PET_OK;
  /* Told here, and not again by the next kernel that starts. */
  (void) cudaGetLastError ();
  return pet_fail (error,
      result == cudaErrorMemoryAllocation ? PET_ERROR_MEMORY : PET_ERROR_DEVICE,
      "the GPU failed at %s: %s", what, cudaGetErrorString (result));
}

/* The runtime's own words for these say little about what to do. */
static PetStatus
fail_no_devices (cudaError_t result, const PetCudaInfo *info, PetError *error)
{
  if (info->driver_version == 0)
    return pet_fail (error, PET_ERROR_DEVICE, "there is no NVIDIA driver");
  if (result == cudaErrorInsufficientDriver)
    return pet_fail (error, PET_ERROR_DEVICE,
        "the NVIDIA driver is too old: it knows CUDA %d.%d, this build needs "
        "%d.%d",
        info->driver_version / 1000, info->driver_version % 1000 / 10,
        info->runtime_version / 1000, info->runtime_version % 1000 / 10);
  if (result == cudaErrorNoDevice || result == cudaSuccess)
    return pet_fail (error, PET_ERROR_DEVICE,
        getenv ("CUDA_VISIBLE_DEVICES") != NULL
            ? "there is no GPU that CUDA_VISIBLE_DEVICES lets this process see"
            : "there is no GPU");
  return pet_fail (error, PET_ERROR_DEVICE, "CUDA cannot be started: %s",
      cudaGetErrorString (result));
}

static PetStatus
find_device (int wanted, PetCudaInfo *info, PetError *error)
{
  struct cudaDeviceProp properties;
  cudaError_t result = cudaDriverGetVersion (&info->driver_version);

  if (result == cudaSuccess)
    result = cudaRuntimeGetVersion (&info->runtime_version);
  if (result == cudaSuccess)
    result = cudaGetDeviceCount (&info->devices);
  if (result != cudaSuccess || info->devices == 0)
    return fail_no_devices (result, info, error);
  if (wanted >= info->devices)
    return pet_fail (error, PET_ERROR_DEVICE,
        "there is no GPU %d; there %s %d, counted from 0", wanted,
        info->devices == 1 ? "is" : "are", info->devices);
  info->device = wanted < 0 ? 0 : wanted;
  result = cudaGetDeviceProperties (&properties, info->device);
  if (result != cudaSuccess)
    return pet_fail (error, PET_ERROR_DEVICE, "GPU %d cannot be used: %s",
        info->device, cudaGetErrorString (result));
  snprintf (info->name, sizeof info->name, "%.127s", properties.name);
  info->compute_major = properties.major;
  info->compute_minor = properties.minor;
  if (properties.major * 10 + properties.minor < 75)
    return pet_fail (error, PET_ERROR_DEVICE,
        "GPU %d (%.80s) is too old: compute capability %d.%d, 7.5 is needed",
        info->device, info->name, properties.major, properties.minor);
  return PET_OK;
}

PetStatus
pet_cuda_enter (PetCuda *cuda, PetError *error)
{
  return pet_cuda_check (
      cudaSetDevice (cuda->info.device), "choosing the card", error);
}

PetStatus
pet_cuda_take (PetCuda *cuda, PetCudaBuffer *buffer, size_t bytes, bool pinned,
    PetError *error)
{
  const PetCudaOptions *options = &cuda->options;
  size_t rounded;
  cudaError_t result;

  if (buffer->data != NULL && buffer->bytes >= bytes)
    return PET_OK;
  pet_cuda_drop (cuda, buffer);
  if (!pet_add_size (bytes, GRAIN - 1, &rounded))
    return pet_fail (error, PET_ERROR_LIMIT, "a picture is too large");
  rounded = rounded < GRAIN ? GRAIN : rounded & ~(GRAIN - 1);
  if (options->charge != NULL && !options->charge (options->user, rounded))
    return pet_fail (error, PET_ERROR_MEMORY,
        "the memory budget has no %zu bytes left for the GPU", rounded);
  result = pinned ? cudaHostAlloc (&buffer->data, rounded, cudaHostAllocDefault)
                  : cudaMalloc (&buffer->data, rounded);
  if (result != cudaSuccess) {
    buffer->data = NULL;
    /* Takes the error off, so that the next launch is not blamed for it. */
    (void) cudaGetLastError ();
    if (options->release != NULL)
      options->release (options->user, rounded);
    return pet_cuda_check (
        result, pinned ? "taking pinned memory" : "taking its memory", error);
  }
  buffer->bytes = rounded;
  buffer->pinned = pinned;
  cuda->held_bytes += rounded;
  return PET_OK;
}

void
pet_cuda_drop (PetCuda *cuda, PetCudaBuffer *buffer)
{
  if (buffer->data == NULL)
    return;
  /* Fails only when the card is lost, and the memory with it. */
  if (buffer->pinned)
    (void) cudaFreeHost (buffer->data);
  else
    (void) cudaFree (buffer->data);
  cuda->held_bytes -= buffer->bytes;
  if (cuda->options.release != NULL)
    cuda->options.release (cuda->options.user, buffer->bytes);
  memset (buffer, 0, sizeof *buffer);
}

static PetStatus
set_up (PetCuda *cuda, PetError *error)
{
  PET_TRY (pet_cuda_enter (cuda, error));
  PET_CUDA_TRY (cudaStreamCreateWithFlags (&cuda->work, cudaStreamNonBlocking),
      "making a stream");
  PET_CUDA_TRY (cudaStreamCreateWithFlags (&cuda->copy, cudaStreamNonBlocking),
      "making a stream");
  return pet_cuda_check (
      cudaEventCreateWithFlags (&cuda->done, cudaEventDisableTiming),
      "making an event", error);
}

PetStatus
pet_cuda_open (const PetCudaOptions *options, PetCuda **result, PetError *error)
{
  PetCuda *cuda = calloc (1, sizeof *cuda);
  PetStatus status;

  if (cuda == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the GPU's data");
  cuda->options = *options;
  status = find_device (options->device, &cuda->info, error);
  if (status == PET_OK)
    status = set_up (cuda, error);
  if (status != PET_OK)
    pet_cuda_close (&cuda);
  else
    *result = cuda;
  return status;
}

void
pet_cuda_close (PetCuda **pointer)
{
  PetCuda *cuda = *pointer;

  if (cuda == NULL)
    return;
  /* A lost card answers everything with an error; the host's part is freed
   * all the same. */
  if (cuda->work != NULL || cuda->copy != NULL)
    (void) cudaSetDevice (cuda->info.device);
  if (cuda->work != NULL)
    (void) cudaStreamSynchronize (cuda->work);
  if (cuda->copy != NULL)
    (void) cudaStreamSynchronize (cuda->copy);
  pet_cudnn_close (&cuda->dnn);
  pet_cuda_drop_stages (cuda);
  if (cuda->done != NULL)
    (void) cudaEventDestroy (cuda->done);
  if (cuda->work != NULL)
    (void) cudaStreamDestroy (cuda->work);
  if (cuda->copy != NULL)
    (void) cudaStreamDestroy (cuda->copy);
  free (cuda);
  *pointer = NULL;
}

bool
pet_cuda_layout (int width, int height, int channels, PetCudaImage *image)
{
  size_t stride, bytes;

  if (width < 1 || height < 1 ||
      !pet_mul_size (((size_t) width + PIXEL_GROUP - 1) / PIXEL_GROUP,
          (size_t) PIXEL_GROUP * (size_t) channels, &stride) ||
      stride > PET_CUDA_STAGE_BYTES - ROW_ALIGNMENT)
    return false;
  stride = (stride + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT;
  if (!pet_mul_size (stride, (size_t) height, &bytes))
    return false;
  *image = (PetCudaImage){ .width = width,
    .height = height,
    .channels = channels,
    .stride_bytes = (ptrdiff_t) stride };
  return true;
}

size_t
pet_cuda_image_bytes (const PetCudaImage *image)
{
  return (size_t) image->stride_bytes * (size_t) image->height;
}

PetStatus
pet_cuda_place (PetCuda *cuda, PetCudaBuffer *buffer, int width, int height,
    int channels, PetCudaImage *image, PetError *error)
{
  if (!pet_cuda_layout (width, height, channels, image))
    return pet_fail (error, PET_ERROR_LIMIT,
        "a picture of %dx%d does not fit the GPU", width, height);
  PET_TRY (
      pet_cuda_take (cuda, buffer, pet_cuda_image_bytes (image), false, error));
  image->data = buffer->data;
  return PET_OK;
}
