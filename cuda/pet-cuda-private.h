/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the files of cuda/ share. Every call of CUDA goes through
 * pet_cuda_check(), every byte through pet_cuda_take(). */

#pragma once

#include <cuda_runtime_api.h>

#include "nn/pet-graph.h"
#include "pet-cuda-kernels.h"
#include "pet-cuda.h"
#include "pet-cudnn.h"

/* Memory of the card, or pinned memory of the host. */
typedef struct {
  void *data;
  size_t bytes;
  bool pinned;
} PetCudaBuffer;

struct PetCuda {
  PetCudaOptions options;
  PetCudaInfo info;
  cudaStream_t work, copy;
  cudaEvent_t done;          /* hands over from one stream to the other */
  PetCudnn dnn;              /* opened by the first segmenter */
  _Atomic size_t held_bytes; /* frames are freed by any thread */
};

/* MEMORY for an allocation that failed, else DEVICE; "WHAT: reason". */
PetStatus pet_cuda_check (
    cudaError_t result, const char *what, PetError *error);

#define PET_CUDA_TRY(call, what)                                               \
  PET_TRY (pet_cuda_check ((call), (what), error))

/* First thing in every function of the table: makes the card current for
 * this thread. */
PetStatus pet_cuda_enter (PetCuda *cuda, PetError *error);

/* At least `bytes`; a buffer that is large enough stays as it is, another is
 * given back first (its contents are lost). */
PetStatus pet_cuda_take (PetCuda *cuda, PetCudaBuffer *buffer, size_t bytes,
    bool pinned, PetError *error);
void pet_cuda_drop (PetCuda *cuda, PetCudaBuffer *buffer);

/* Layout of a picture on the card: rows are padded to 256 bytes and have room
 * for whole groups of 4 pixels. False: too large. */
bool pet_cuda_layout (int width, int height, int channels, PetCudaImage *image);
size_t pet_cuda_image_bytes (const PetCudaImage *image);

/* `image` on the card in `buffer`: only layout and memory. */
PetStatus pet_cuda_place (PetCuda *cuda, PetCudaBuffer *buffer, int width,
    int height, int channels, PetCudaImage *image, PetError *error);

/* A stage holds rows of a picture on their way; rows of half a million pixels
 * fit. */
#define PET_CUDA_STAGE_BYTES ((size_t) 2 << 20)

/* Gives those back that `cuda` has taken; waits for others that use them. */
void pet_cuda_drop_stages (PetCuda *cuda);

/* Through a stage on the copy stream; later work of the work
 * stream waits for an upload, a download waits for earlier work. A download
 * has arrived when it returns. */
PetStatus pet_cuda_upload (PetCuda *cuda, const PetImage *from,
    const PetCudaImage *to, PetError *error);
PetStatus pet_cuda_download (PetCuda *cuda, const PetCudaImage *from,
    const PetImage *to, PetError *error);

struct PetCudaFrame {
  PetCuda *owner;       /* whom its bytes are charged to */
  PetCudaBuffer memory; /* nothing: it is somebody else's */
  PetCudaImage image;
  cudaEvent_t ready; /* recorded behind what writes it */
};

/* A frame without a place, for whoever gives it one. */
PetStatus pet_cuda_frame_make (
    PetCuda *cuda, PetCudaFrame **frame, PetError *error);
/* Around work of `cuda` that reads a frame (the first alone), or writes it. */
PetStatus pet_cuda_frame_begin (
    PetCuda *cuda, const PetCudaFrame *frame, PetError *error);
PetStatus pet_cuda_frame_end (
    PetCuda *cuda, PetCudaFrame *frame, PetError *error);

/* Where the photo is: in its frame, or in `buffer` after an upload. Later work
 * of the work stream may read it. */
PetStatus pet_cuda_photo_place (PetCuda *cuda, const PetCudaPhoto *photo,
    PetCudaBuffer *buffer, PetCudaImage *image, PetError *error);

/* Table functions, see pet-cuda.h. */
PetStatus pet_cuda_open (
    const PetCudaOptions *options, PetCuda **cuda, PetError *error);
void pet_cuda_close (PetCuda **cuda);
PetStatus pet_cuda_segmenter_new (PetCuda *cuda, const PetCudaModel *model,
    PetCudaSegmenter **segmenter, PetError *error);
void pet_cuda_segmenter_free (PetCudaSegmenter **segmenter);
const char *pet_cuda_segmenter_text (const PetCudaSegmenter *segmenter);
const PetModelInfo *pet_cuda_segmenter_info (
    const PetCudaSegmenter *segmenter, int *width, int *height);
PetStatus pet_cuda_segmenter_run (PetCudaSegmenter *segmenter,
    const PetCudaPhoto *photos, const PetImage *masks, int n, PetError *error);
PetStatus pet_cuda_frame_new (PetCuda *cuda, int width, int height,
    int channels, PetCudaFrame **frame, PetError *error);
void pet_cuda_frame_free (PetCudaFrame **frame);
bool pet_cuda_frame_fit (
    PetCudaFrame *frame, int width, int height, int channels);
size_t pet_cuda_frame_bytes (const PetCudaFrame *frame);
PetStatus pet_cuda_frame_write (
    PetCuda *cuda, PetCudaFrame *frame, const PetImage *from, PetError *error);
PetStatus pet_cuda_frame_read (PetCuda *cuda, const PetCudaFrame *frame,
    const PetImage *to, PetError *error);
PetStatus pet_cuda_context (PetCuda *cuda, void **context, PetError *error);
PetStatus pet_cuda_frame_wrap (PetCuda *cuda, const PetCudaOutside *outside,
    PetCudaFrame **frame, PetError *error);
PetStatus pet_cuda_frame_copy (PetCuda *cuda, PetCudaFrame *frame,
    const PetCudaOutside *from, PetError *error);
PetStatus pet_cuda_wait (PetCuda *cuda, PetError *error);
PetStatus pet_cuda_matte_new (
    PetCuda *cuda, PetCudaMatte **matte, PetError *error);
void pet_cuda_matte_free (PetCudaMatte **matte);
PetStatus pet_cuda_matte_cut (PetCudaMatte *matte, const PetImage *mask,
    const PetCudaFrame *photo, const PetMatteOptions *options,
    PetCudaFrame *cutout, const PetImage *alpha, PetMaskStats *stats,
    PetError *error);
PetStatus pet_cuda_look_new (
    PetCuda *cuda, const char *effect, PetCudaLook **look, PetError *error);
void pet_cuda_look_free (PetCudaLook **look);
PetStatus pet_cuda_look_run (PetCudaLook *look, const PetCudaPhoto *src,
    const PetImage *dst, PetCudaFrame *frame, const double *values,
    PetError *error);

/* For benchmarks: the kernels alone, `runs` times on the picture of the last
 * pet_cuda_look_run(), which had this size and these values. */
PetStatus pet_cuda_look_time (PetCudaLook *look, int width, int height,
    const double *values, int runs, float *milliseconds, PetError *error);
/* The same for a matte: `runs` times alpha, then `runs` times the cut-out; both
 * times in all. */
PetStatus pet_cuda_matte_time (PetCudaMatte *matte, const PetImage *mask,
    const PetCudaFrame *photo, const PetMatteOptions *options,
    PetCudaFrame *cutout, int runs, float milliseconds[2], PetError *error);
