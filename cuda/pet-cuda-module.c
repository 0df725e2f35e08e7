/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The door: see pet-cuda.h. */

#include <string.h>

#include "pet-cuda-private.h"

static void
info (const PetCuda *cuda, PetCudaInfo *result)
{
  *result = cuda->info;
}

static PetStatus
memory (PetCuda *cuda, uint64_t *free_bytes, uint64_t *total_bytes,
    uint64_t *held_bytes, PetError *error)
{
  size_t available = 0, total = 0;

  PET_TRY (pet_cuda_enter (cuda, error));
  PET_CUDA_TRY (cudaMemGetInfo (&available, &total), "asking for its memory");
  *free_bytes = available;
  *total_bytes = total;
  *held_bytes = cuda->held_bytes;
  return PET_OK;
}

static const PetCudaApi api = {
  .version = PET_CUDA_API_VERSION,
  .open = pet_cuda_open,
  .close = pet_cuda_close,
  .info = info,
  .memory = memory,
  .segmenter_new = pet_cuda_segmenter_new,
  .segmenter_free = pet_cuda_segmenter_free,
  .segmenter_text = pet_cuda_segmenter_text,
  .segmenter_info = pet_cuda_segmenter_info,
  .segmenter_run = pet_cuda_segmenter_run,
  .frame_new = pet_cuda_frame_new,
  .frame_free = pet_cuda_frame_free,
  .frame_fit = pet_cuda_frame_fit,
  .frame_bytes = pet_cuda_frame_bytes,
  .frame_write = pet_cuda_frame_write,
  .frame_read = pet_cuda_frame_read,
  .context = pet_cuda_context,
  .frame_wrap = pet_cuda_frame_wrap,
  .frame_copy = pet_cuda_frame_copy,
  .wait = pet_cuda_wait,
  .matte_new = pet_cuda_matte_new,
  .matte_free = pet_cuda_matte_free,
  .matte_cut = pet_cuda_matte_cut,
  .look_new = pet_cuda_look_new,
  .look_free = pet_cuda_look_free,
  .look_run = pet_cuda_look_run,
};

const PetCudaApi *
pet_cuda_api (uint32_t version)
{
  return version == api.version ? &api : NULL;
}
