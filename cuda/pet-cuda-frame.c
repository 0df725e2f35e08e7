/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures that stay on the card. A frame's event is recorded behind the work
 * that writes it, on whatever stream that is; whoever reads it, or writes it
 * anew, has its own stream wait for that. So no thread waits for a card, except
 * where bytes come down. */

#include <stdlib.h>
#include <string.h>

#include "pet-cuda-private.h"

PetStatus
pet_cuda_frame_make (PetCuda *cuda, PetCudaFrame **result, PetError *error)
{
  PetCudaFrame *frame;
  PetStatus status;

  PET_TRY (pet_cuda_enter (cuda, error));
  frame = calloc (1, sizeof *frame);
  if (frame == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a frame");
  frame->owner = cuda;
  status = pet_cuda_check (
      cudaEventCreateWithFlags (&frame->ready, cudaEventDisableTiming),
      "making an event", error);
  if (status != PET_OK)
    pet_cuda_frame_free (&frame);
  *result = frame;
  return status;
}

PetStatus
pet_cuda_frame_new (PetCuda *cuda, int width, int height, int channels,
    PetCudaFrame **result, PetError *error)
{
  PetCudaFrame *frame = NULL;
  PetStatus status;

  PET_TRY (pet_cuda_frame_make (cuda, &frame, error));
  status = pet_cuda_place (
      cuda, &frame->memory, width, height, channels, &frame->image, error);
  if (status != PET_OK)
    pet_cuda_frame_free (&frame);
  else
    *result = frame;
  return status;
}

void
pet_cuda_frame_free (PetCudaFrame **pointer)
{
  PetCudaFrame *frame = *pointer;

  if (frame == NULL)
    return;
  (void) cudaSetDevice (frame->owner->info.device);
  /* Work that still writes it ends first. */
  if (frame->ready != NULL) {
    (void) cudaEventSynchronize (frame->ready);
    (void) cudaEventDestroy (frame->ready);
  }
  pet_cuda_drop (frame->owner, &frame->memory);
  free (frame);
  *pointer = NULL;
}

bool
pet_cuda_frame_fit (PetCudaFrame *frame, int width, int height, int channels)
{
  PetCudaImage image;

  if (!pet_cuda_layout (width, height, channels, &image) ||
      pet_cuda_image_bytes (&image) > frame->memory.bytes)
    return false;
  image.data = frame->memory.data;
  frame->image = image;
  return true;
}

size_t
pet_cuda_frame_bytes (const PetCudaFrame *frame)
{
  return frame->memory.bytes;
}

PetStatus
pet_cuda_frame_begin (PetCuda *cuda, const PetCudaFrame *frame, PetError *error)
{
  return pet_cuda_check (cudaStreamWaitEvent (cuda->work, frame->ready, 0),
      "waiting for a frame", error);
}

PetStatus
pet_cuda_frame_end (PetCuda *cuda, PetCudaFrame *frame, PetError *error)
{
  return pet_cuda_check (
      cudaEventRecord (frame->ready, cuda->work), "an event", error);
}

static PetStatus
check_sizes (const PetCudaFrame *frame, const PetImage *image, PetError *error)
{
  if (frame->image.width != image->width ||
      frame->image.height != image->height ||
      frame->image.channels != image->channels)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "a frame of %dx%d got a picture of %dx%d", frame->image.width,
        frame->image.height, image->width, image->height);
  return PET_OK;
}

PetStatus
pet_cuda_frame_write (
    PetCuda *cuda, PetCudaFrame *frame, const PetImage *from, PetError *error)
{
  PET_TRY (check_sizes (frame, from, error));
  PET_TRY (pet_cuda_enter (cuda, error));
  PET_TRY (pet_cuda_frame_begin (cuda, frame, error));
  PET_TRY (pet_cuda_upload (cuda, from, &frame->image, error));
  return pet_cuda_frame_end (cuda, frame, error);
}

PetStatus
pet_cuda_frame_read (PetCuda *cuda, const PetCudaFrame *frame,
    const PetImage *to, PetError *error)
{
  PET_TRY (check_sizes (frame, to, error));
  PET_TRY (pet_cuda_enter (cuda, error));
  PET_TRY (pet_cuda_frame_begin (cuda, frame, error));
  return pet_cuda_download (cuda, &frame->image, to, error);
}

PetStatus
pet_cuda_photo_place (PetCuda *cuda, const PetCudaPhoto *photo,
    PetCudaBuffer *buffer, PetCudaImage *image, PetError *error)
{
  const PetImage *host = &photo->image;
  const PetCudaFrame *frame = photo->frame;

  if (frame == NULL) {
    PET_TRY (pet_cuda_place (
        cuda, buffer, host->width, host->height, host->channels, image, error));
    return pet_cuda_upload (cuda, host, image, error);
  }
  if (photo->x < 0 || photo->y < 0 || host->channels != frame->image.channels ||
      host->width > frame->image.width - photo->x ||
      host->height > frame->image.height - photo->y)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "%dx%d at %d,%d is no part of a frame of %dx%d", host->width,
        host->height, photo->x, photo->y, frame->image.width,
        frame->image.height);
  *image = frame->image;
  image->data += (ptrdiff_t) photo->y * image->stride_bytes +
      (ptrdiff_t) photo->x * image->channels;
  image->width = host->width;
  image->height = host->height;
  return pet_cuda_frame_begin (cuda, frame, error);
}
