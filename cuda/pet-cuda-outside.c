/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures on the card that are not ours: GStreamer's CUDA memory. The runtime,
 * cuDNN and everything that cuda/ takes live in the card's primary context; a
 * pointer of that is used as it is. One of another context is not valid in ours,
 * and is copied by the driver, which takes both contexts (cuMemcpy3DPeerAsync;
 * the runtime's own copies know devices only). */

#include <cuda.h>

#include "pet-cuda-private.h"

/* Kernels read and write groups of pixels of 16 bytes (RGBA) or 12. */
#define ALIGNMENT 16
#define PIXEL_GROUP 4

#define DRIVER_VERSION 13000

/* A function of the driver: the runtime has it loaded. */
static PetStatus
find_in_driver (const char *name, void **function, PetError *error)
{
  enum cudaDriverEntryPointQueryResult found;

  PET_CUDA_TRY (cudaGetDriverEntryPointByVersion (
                    name, function, DRIVER_VERSION, cudaEnableDefault, &found),
      "looking into the driver");
  if (found != cudaDriverEntryPointSuccess || *function == NULL)
    return pet_fail (
        error, PET_ERROR_DEVICE, "the NVIDIA driver has no %s", name);
  return PET_OK;
}

static PetStatus
check_driver (CUresult result, const char *what, PetError *error)
{
  if (result == CUDA_SUCCESS)
    return PET_OK;
  return pet_fail (error,
      result == CUDA_ERROR_OUT_OF_MEMORY ? PET_ERROR_MEMORY : PET_ERROR_DEVICE,
      "the GPU failed at %s: error %d of the driver", what, (int) result);
}

PetStatus
pet_cuda_context (PetCuda *cuda, void **context, PetError *error)
{
  CUresult (*get) (CUcontext *) = NULL;
  CUcontext primary = NULL;

  /* This makes the primary one current. */
  PET_TRY (pet_cuda_enter (cuda, error));
  PET_TRY (find_in_driver ("cuCtxGetCurrent", (void **) &get, error));
  PET_TRY (check_driver (get (&primary), "asking for its context", error));
  *context = primary;
  return PET_OK;
}

static bool
is_whole (const PetCudaOutside *outside)
{
  return outside->data != NULL && outside->width > 0 && outside->height > 0 &&
      (outside->channels == 3 || outside->channels == 4) &&
      outside->stride_bytes >= (ptrdiff_t) outside->width * outside->channels;
}

/* Whether rows are as pet_cuda_layout() would have them, and fit a stage. */
static bool
suits_kernels (const PetCudaOutside *outside)
{
  ptrdiff_t groups = (outside->width + PIXEL_GROUP - 1) / PIXEL_GROUP;

  return (uintptr_t) outside->data % ALIGNMENT == 0 &&
      outside->stride_bytes % ALIGNMENT == 0 &&
      outside->stride_bytes <= (ptrdiff_t) PET_CUDA_STAGE_BYTES &&
      outside->stride_bytes >= groups * PIXEL_GROUP * outside->channels;
}

PetStatus
pet_cuda_frame_wrap (PetCuda *cuda, const PetCudaOutside *outside,
    PetCudaFrame **result, PetError *error)
{
  PetCudaImage unused;
  PetCudaFrame *frame = NULL;
  void *context;

  PET_TRY (pet_cuda_context (cuda, &context, error));
  if (!is_whole (outside) || outside->context != context ||
      !suits_kernels (outside) ||
      !pet_cuda_layout (
          outside->width, outside->height, outside->channels, &unused))
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "this memory of the GPU cannot be used as it is");
  PET_TRY (pet_cuda_frame_make (cuda, &frame, error));
  frame->image = (PetCudaImage){ .data = outside->data,
    .width = outside->width,
    .height = outside->height,
    .channels = outside->channels,
    .stride_bytes = outside->stride_bytes };
  *result = frame;
  return PET_OK;
}

static PetStatus
copy_across (PetCuda *cuda, const PetCudaOutside *from, const PetCudaImage *to,
    void *context, PetError *error)
{
  CUresult (*copy) (const CUDA_MEMCPY3D_PEER *, CUstream) = NULL;
  CUDA_MEMCPY3D_PEER parameters = { .srcMemoryType = CU_MEMORYTYPE_DEVICE,
    .srcDevice = (CUdeviceptr) from->data,
    .srcContext = from->context,
    .srcPitch = (size_t) from->stride_bytes,
    .srcHeight = (size_t) from->height,
    .dstMemoryType = CU_MEMORYTYPE_DEVICE,
    .dstDevice = (CUdeviceptr) to->data,
    .dstContext = context,
    .dstPitch = (size_t) to->stride_bytes,
    .dstHeight = (size_t) to->height,
    .WidthInBytes = (size_t) from->width * (size_t) from->channels,
    .Height = (size_t) from->height,
    .Depth = 1 };

  PET_TRY (find_in_driver ("cuMemcpy3DPeerAsync", (void **) &copy, error));
  return check_driver (
      copy (&parameters, cuda->work), "copying between contexts", error);
}

PetStatus
pet_cuda_frame_copy (PetCuda *cuda, PetCudaFrame *frame,
    const PetCudaOutside *from, PetError *error)
{
  const PetCudaImage *to = &frame->image;
  void *context;

  if (!is_whole (from) || from->width != to->width ||
      from->height != to->height || from->channels != to->channels)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "a frame of %dx%d got a picture of %dx%d", to->width, to->height,
        from->width, from->height);
  PET_TRY (pet_cuda_context (cuda, &context, error));
  PET_TRY (pet_cuda_frame_begin (cuda, frame, error));
  if (from->context != context)
    PET_TRY (copy_across (cuda, from, to, context, error));
  else
    PET_CUDA_TRY (
        cudaMemcpy2DAsync (to->data, (size_t) to->stride_bytes, from->data,
            (size_t) from->stride_bytes,
            (size_t) from->width * (size_t) from->channels,
            (size_t) from->height, cudaMemcpyDeviceToDevice, cuda->work),
        "a copy");
  PET_TRY (pet_cuda_frame_end (cuda, frame, error));
  return pet_cuda_wait (cuda, error);
}

PetStatus
pet_cuda_wait (PetCuda *cuda, PetError *error)
{
  PET_TRY (pet_cuda_enter (cuda, error));
  return pet_cuda_check (
      cudaStreamSynchronize (cuda->work), "waiting for it", error);
}
