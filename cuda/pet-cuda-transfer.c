/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way to the card and back. Pictures pass through pinned memory in pieces:
 * while one half of a stage is on its way, the other is filled or emptied. A
 * stage is taken when somebody needs one and none of that card is idle, so a
 * process has as many as transfers at the same time, and not one for each
 * PetCuda that is open. */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pet-cuda-private.h"

/* Of one card; more transfers than that wait for each other. */
#define MAX_STAGES 8

typedef struct Stage Stage;

struct Stage {
  PetCuda *owner; /* whom its bytes are charged to */
  PetCudaBuffer half[2];
  cudaEvent_t ready[2]; /* recorded behind the copy that uses the half */
  bool busy;
  Stage *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Stage *stages; /* of all cards */

/* Copies that still use it end first. */
static void
free_stage (Stage *stage)
{
  for (int i = 0; i < 2; i++) {
    if (stage->ready[i] != NULL) {
      (void) cudaEventSynchronize (stage->ready[i]);
      (void) cudaEventDestroy (stage->ready[i]);
    }
    pet_cuda_drop (stage->owner, &stage->half[i]);
  }
  free (stage);
}

static PetStatus
new_stage (PetCuda *cuda, Stage **result, PetError *error)
{
  Stage *stage = calloc (1, sizeof *stage);
  PetStatus status = PET_OK;

  if (stage == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the GPU's data");
  stage->owner = cuda;
  for (int i = 0; i < 2 && status == PET_OK; i++) {
    status = pet_cuda_take (
        cuda, &stage->half[i], PET_CUDA_STAGE_BYTES, true, error);
    if (status == PET_OK)
      status = pet_cuda_check (
          cudaEventCreateWithFlags (&stage->ready[i], cudaEventDisableTiming),
          "making an event", error);
  }
  if (status != PET_OK)
    free_stage (stage);
  else
    *result = stage;
  return status;
}

/* How many the card has; *idle: one of them that nobody uses. */
static int
count_locked (int device, Stage **idle)
{
  int n = 0;

  *idle = NULL;
  for (Stage *stage = stages; stage != NULL; stage = stage->next)
    if (stage->owner->info.device == device) {
      n++;
      *idle = stage->busy ? *idle : stage;
    }
  return n;
}

static PetStatus
add_locked (PetCuda *cuda, Stage **stage, PetError *error)
{
  PET_TRY (new_stage (cuda, stage, error));
  (*stage)->next = stages;
  stages = *stage;
  return PET_OK;
}

/* Without memory for one more, those that others use now are as good. */
static PetStatus
borrow_locked (PetCuda *cuda, Stage **stage, PetError *error)
{
  PetStatus status = PET_OK;
  PetError reason;

  for (;;) {
    int n = count_locked (cuda->info.device, stage);

    if (*stage == NULL && n < MAX_STAGES)
      status = add_locked (cuda, stage, &reason);
    if (*stage != NULL)
      break;
    if (n == 0 || (n < MAX_STAGES && status != PET_ERROR_MEMORY)) {
      if (error != NULL)
        *error = reason;
      return status;
    }
    pthread_cond_wait (&changed, &lock);
  }
  (*stage)->busy = true;
  return PET_OK;
}

static PetStatus
borrow (PetCuda *cuda, Stage **stage, PetError *error)
{
  PetStatus status;

  pthread_mutex_lock (&lock);
  status = borrow_locked (cuda, stage, error);
  pthread_mutex_unlock (&lock);
  return status;
}

static void
give_back (Stage *stage)
{
  pthread_mutex_lock (&lock);
  stage->busy = false;
  pthread_cond_broadcast (&changed);
  pthread_mutex_unlock (&lock);
}

/* Takes one that `cuda` owns off the list when nobody uses it; NULL: it owns
 * none. */
static Stage *
take_off_locked (const PetCuda *cuda)
{
  Stage **link = &stages;

  while (*link != NULL) {
    Stage *stage = *link;

    if (stage->owner != cuda) {
      link = &stage->next;
    } else if (stage->busy) {
      pthread_cond_wait (&changed, &lock);
      link = &stages;
    } else {
      *link = stage->next;
      return stage;
    }
  }
  return NULL;
}

void
pet_cuda_drop_stages (PetCuda *cuda)
{
  Stage *stage;

  do {
    pthread_mutex_lock (&lock);
    stage = take_off_locked (cuda);
    pthread_mutex_unlock (&lock);
    if (stage != NULL)
      free_stage (stage);
  } while (stage != NULL);
}

static size_t
row_bytes (const PetCudaImage *image)
{
  return (size_t) image->width * (size_t) image->channels;
}

static void
copy_rows (const PetImage *image, int first, int count, uint8_t *stage,
    size_t stage_stride, bool in)
{
  size_t bytes = (size_t) image->width * (size_t) image->channels;

  for (int y = 0; y < count; y++, stage += stage_stride) {
    uint8_t *row = pet_image_row (image, first + y);

    memcpy (in ? stage : row, in ? row : stage, bytes);
  }
}

static int
rows_of_stage (const PetCudaImage *image)
{
  return (int) (PET_CUDA_STAGE_BYTES / (size_t) image->stride_bytes);
}

static int
rows_from (const PetImage *image, int y, int step)
{
  return image->height - y < step ? image->height - y : step;
}

/* What the work stream was given before comes before what the copy stream is
 * given now; `back`: the other way round. */
static PetStatus
hand_over (PetCuda *cuda, bool back, PetError *error)
{
  PET_CUDA_TRY (
      cudaEventRecord (cuda->done, back ? cuda->copy : cuda->work), "an event");
  return pet_cuda_check (
      cudaStreamWaitEvent (back ? cuda->work : cuda->copy, cuda->done, 0),
      "waiting", error);
}

static PetStatus
send (PetCuda *cuda, Stage *stage, const PetImage *from, const PetCudaImage *to,
    PetError *error)
{
  size_t stride = (size_t) to->stride_bytes;
  int step = rows_of_stage (to), turn = 0;

  for (int y = 0; y < from->height; y += step, turn = 1 - turn) {
    int rows = rows_from (from, y, step);
    void *half = stage->half[turn].data;

    PET_CUDA_TRY (cudaEventSynchronize (stage->ready[turn]), "an upload");
    copy_rows (from, y, rows, half, stride, true);
    PET_CUDA_TRY (
        cudaMemcpyAsync (to->data + (size_t) y * stride, half,
            (size_t) rows * stride, cudaMemcpyHostToDevice, cuda->copy),
        "an upload");
    PET_CUDA_TRY (cudaEventRecord (stage->ready[turn], cuda->copy), "an event");
  }
  return PET_OK;
}

/* Kernels need not write what pads rows, so it stays where it is: reading memory
 * that nobody wrote would hide real mistakes from compute-sanitizer. */
static cudaError_t
copy_down (
    void *half, const PetCudaImage *from, int y, int rows, cudaStream_t stream)
{
  size_t stride = (size_t) from->stride_bytes;
  const uint8_t *first = from->data + (size_t) y * stride;

  if (row_bytes (from) == stride)
    return cudaMemcpyAsync (
        half, first, (size_t) rows * stride, cudaMemcpyDeviceToHost, stream);
  return cudaMemcpy2DAsync (half, stride, first, stride, row_bytes (from),
      (size_t) rows, cudaMemcpyDeviceToHost, stream);
}

/* The half may still be on its way to the card for somebody else. */
static PetStatus
start_fetching (PetCuda *cuda, const Stage *stage, int turn,
    const PetCudaImage *from, int y, int rows, PetError *error)
{
  PET_CUDA_TRY (
      cudaStreamWaitEvent (cuda->copy, stage->ready[turn], 0), "waiting");
  PET_CUDA_TRY (copy_down (stage->half[turn].data, from, y, rows, cuda->copy),
      "a download");
  return pet_cuda_check (
      cudaEventRecord (stage->ready[turn], cuda->copy), "an event", error);
}

/* While one half is emptied here the other is filled. */
static PetStatus
fetch (PetCuda *cuda, Stage *stage, const PetCudaImage *from,
    const PetImage *to, PetError *error)
{
  int step = rows_of_stage (from), turn = 0;

  for (int y = 0; y < to->height + step; y += step, turn = 1 - turn) {
    int before = y - step;

    if (y < to->height)
      PET_TRY (start_fetching (
          cuda, stage, turn, from, y, rows_from (to, y, step), error));
    if (before < 0)
      continue;
    PET_CUDA_TRY (cudaEventSynchronize (stage->ready[1 - turn]), "a download");
    copy_rows (to, before, rows_from (to, before, step),
        stage->half[1 - turn].data, (size_t) from->stride_bytes, false);
  }
  return PET_OK;
}

PetStatus
pet_cuda_upload (PetCuda *cuda, const PetImage *from, const PetCudaImage *to,
    PetError *error)
{
  PetStatus status;
  Stage *stage;

  PET_TRY (borrow (cuda, &stage, error));
  status = hand_over (cuda, false, error);
  if (status == PET_OK)
    status = send (cuda, stage, from, to, error);
  give_back (stage);
  PET_TRY (status);
  return hand_over (cuda, true, error);
}

PetStatus
pet_cuda_download (PetCuda *cuda, const PetCudaImage *from, const PetImage *to,
    PetError *error)
{
  PetStatus status;
  Stage *stage;

  PET_TRY (borrow (cuda, &stage, error));
  status = hand_over (cuda, false, error);
  if (status == PET_OK)
    status = fetch (cuda, stage, from, to, error);
  give_back (stage);
  return status;
}
