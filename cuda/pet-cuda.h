/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one door into libgstpet-cuda.so, which carries everything CUDA and is
 * opened at run time (plugins/gstpetcuda.c): nothing else links against CUDA,
 * so the plugin loads on any machine. The module exports one function, which
 * hands out a table of functions. No type of CUDA or cuDNN is seen here. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-image.h"
#include "base/pet-status.h"
#include "image/pet-matte.h"
#include "nn/pet-segmenter.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a struct of this header changes. */
#define PET_CUDA_API_VERSION 4

#define PET_CUDA_MAX_BATCH 32

typedef struct {
  int device; /* -1 = the first */

  /* Bytes of the card and of pinned memory are charged before they are taken;
   * false: refused, the call fails with PET_ERROR_MEMORY. Never by open() and
   * info(). NULL: no account. */
  bool (*charge) (void *user, size_t bytes);
  void (*release) (void *user, size_t bytes);
  void *user;
} PetCudaOptions;

/* One card, opened: streams, staging buffers and what else is kept between
 * photos. Thread-safety: one thread at a time. Several may be open at once. */
typedef struct PetCuda PetCuda;

typedef struct {
  int devices;        /* GPUs that this process may use, at least 1 */
  int device;         /* which of them */
  int driver_version; /* as cudaDriverGetVersion: 13000 = 13.0 */
  int runtime_version;
  char name[128];
  int compute_major, compute_minor;
} PetCudaInfo;

/* A picture that stays on the card. Work that writes it is only started by those
 * who say so; whatever is started later on any PetCuda of the same card sees
 * what was written. Thread-safety: many may read it at the same time, one may
 * write it while nobody reads. It must not outlive the PetCuda that made it, but
 * others may use it. */
typedef struct PetCudaFrame PetCudaFrame;

/* Rows of a picture of 3 or 4 channels on the card that are not ours, in the
 * driver's context `context` (a CUcontext). */
typedef struct {
  void *data;
  int width, height, channels;
  ptrdiff_t stride_bytes;
  void *context;
} PetCudaOutside;

/* A photo, or a part of one: on the host, or, where `frame` is not NULL, the
 * pixels from x, y on of that, of `image`'s size and channels (its data is not
 * looked at). */
typedef struct {
  PetImage image;
  const PetCudaFrame *frame;
  int x, y;
} PetCudaPhoto;

/* From mask to cut-out on the card. Thread-safety: as its PetCuda. */
typedef struct PetCudaMatte PetCudaMatte;

/* A network on the card, with what belongs around it. Thread-safety: as the
 * PetCuda that it is of, which must outlive it. */
typedef struct PetCudaSegmenter PetCudaSegmenter;

typedef struct {
  const void *bytes; /* an ONNX file */
  size_t size;
  const char *sidecar; /* contents of its .modelinfo file, or NULL */
  bool half;           /* fp16 with fp32 sums, else fp32 (no TF32) */
  int batch;           /* photos per run, 1..PET_CUDA_MAX_BATCH */
  int half_variant;    /* for tests: as in PetCudaProgramOptions; 0 */
} PetCudaModel;

/* A look on the card. Thread-safety: as its PetCuda. */
typedef struct PetCudaLook PetCudaLook;

/* Errors of all: MEMORY (the card or the account is full: the same call may
 * succeed later), DEVICE (the card is not there, or has failed: nothing will
 * succeed any more), ARGUMENT, and those of a model. */
typedef struct {
  uint32_t version; /* PET_CUDA_API_VERSION of the module */

  /* DEVICE with the reason in words: no driver, driver too old, no GPU, no
   * such GPU. */
  PetStatus (*open) (
      const PetCudaOptions *options, PetCuda **cuda, PetError *error);
  void (*close) (PetCuda **cuda);
  void (*info) (const PetCuda *cuda, PetCudaInfo *info);

  /* Bytes of the card: free for anyone, in all, and held by `cuda`. */
  PetStatus (*memory) (PetCuda *cuda, uint64_t *free, uint64_t *total,
      uint64_t *held, PetError *error);

  /* DEVICE also where there is no cuDNN, or one that is not understood. */
  PetStatus (*segmenter_new) (PetCuda *cuda, const PetCudaModel *model,
      PetCudaSegmenter **segmenter, PetError *error);
  void (*segmenter_free) (PetCudaSegmenter **segmenter);
  /* One line about the network for the log; valid as long as it. */
  const char *(*segmenter_text) (const PetCudaSegmenter *segmenter);
  /* The network's description, and the size of its mask. */
  const PetModelInfo *(*segmenter_info) (
      const PetCudaSegmenter *segmenter, int *width, int *height);
  /* 1..batch photos at once, each as pet_segmenter_run(). Nothing is taken
   * that was not there after photos as large as these. */
  PetStatus (*segmenter_run) (PetCudaSegmenter *segmenter,
      const PetCudaPhoto *photos, const PetImage *masks, int n,
      PetError *error);

  /* Contents unspecified until something is written. Any thread, also while
   * another one works with `cuda`. */
  PetStatus (*frame_new) (PetCuda *cuda, int width, int height, int channels,
      PetCudaFrame **frame, PetError *error);
  void (*frame_free) (PetCudaFrame **frame); /* any thread */
  /* Gives it another size, contents unspecified; false: it has no room. */
  bool (*frame_fit) (PetCudaFrame *frame, int width, int height, int channels);
  size_t (*frame_bytes) (const PetCudaFrame *frame);
  /* Up: `from` may change again when it returns. Down: all is there when it
   * returns. Of the frame's size and channels. */
  PetStatus (*frame_write) (PetCuda *cuda, PetCudaFrame *frame,
      const PetImage *from, PetError *error);
  PetStatus (*frame_read) (PetCuda *cuda, const PetCudaFrame *frame,
      const PetImage *to, PetError *error);

  /* The CUcontext in which everything of `cuda` lives: the card's primary one,
   * which is there until the process ends. */
  PetStatus (*context) (PetCuda *cuda, void **context, PetError *error);
  /* A frame around memory that is not ours; what others started on it is done.
   * frame_free() leaves it alone. UNSUPPORTED: it is in another context, or its
   * rows are not aligned as kernels want them. */
  PetStatus (*frame_wrap) (PetCuda *cuda, const PetCudaOutside *outside,
      PetCudaFrame **frame, PetError *error);
  /* From such memory of any context; of the frame's size and channels. It was
   * read when this returns. */
  PetStatus (*frame_copy) (PetCuda *cuda, PetCudaFrame *frame,
      const PetCudaOutside *from, PetError *error);
  /* Until all that was started on `cuda` is done, for those who know nothing of
   * frames: what is not ours may be used by its owner again. */
  PetStatus (*wait) (PetCuda *cuda, PetError *error);

  PetStatus (*matte_new) (PetCuda *cuda, PetCudaMatte **matte, PetError *error);
  void (*matte_free) (PetCudaMatte **matte);
  /* As pet_matte_cut(), with the same bytes as result. `cutout`: 4 channels and
   * the photo's size, NULL: only the alpha is made; it is being written when
   * this returns. `alpha`: 1 channel, NULL: stays on the card. */
  PetStatus (*matte_cut) (PetCudaMatte *matte, const PetImage *mask,
      const PetCudaFrame *photo, const PetMatteOptions *options,
      PetCudaFrame *cutout, const PetImage *alpha, PetMaskStats *stats,
      PetError *error);

  /* UNSUPPORTED: this look has no version for the card. `effect` is a name of
   * image/pet-effect.h. */
  PetStatus (*look_new) (
      PetCuda *cuda, const char *effect, PetCudaLook **look, PetError *error);
  void (*look_free) (PetCudaLook **look);
  /* As pet_effect_apply(): the same bytes come out. To `dst`, or, where `frame`
   * is not NULL, to that, of the same size, apart from `src`; it is being written
   * when this returns. */
  PetStatus (*look_run) (PetCudaLook *look, const PetCudaPhoto *src,
      const PetImage *dst, PetCudaFrame *frame, const double *values,
      PetError *error);
} PetCudaApi;

/* NULL when the module was built for another version than `version`. */
typedef const PetCudaApi *(*PetCudaApiFunction) (uint32_t version);

#define PET_CUDA_EXPORT __attribute__ ((visibility ("default")))
PET_CUDA_EXPORT const PetCudaApi *pet_cuda_api (uint32_t version);

#ifdef __cplusplus
}
#endif
