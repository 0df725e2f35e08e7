/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A segmentation network with what belongs around it: the photo goes in, a
 * small mask comes out. Preprocessing is taken, in this order, from the file
 * `<model>.modelinfo` next to the model, from the model's own ONNX
 * metadata, or from the table of known networks (pet-model-info.c);
 * docs/models.md describes the keys. */

#pragma once

#include "base/pet-image.h"
#include "nn/pet-nn.h"

typedef enum {
  PET_RANGE_UNIT,   /* the output is in 0..1 */
  PET_RANGE_LOGIT,  /* sigmoid is missing and applied here */
  PET_RANGE_MINMAX, /* stretched to 0..1 per picture, as rembg does for the
                       U2-Net family; left alone if its maximum is below 0.2,
                       so that a picture without a pet stays empty */
} PetOutputRange;

typedef enum {
  PET_PRECISION_AUTO, /* what the model says of itself, else float */
  PET_PRECISION_FP32,
  PET_PRECISION_BF16, /* PetNetOptions.bf16 */
} PetPrecision;

/* x' = (x / divisor - mean) / std per channel, x in 0..255. */
typedef struct {
  char name[64];
  int width, height; /* network input; from the model when it is fixed */
  float mean[3], std[3];
  float divisor; /* 0: the picture's own largest value (U2-Net) */
  PetOutputRange range;
  char output[128]; /* name of the output tensor; "" = the first */
  int channel;      /* of the output that is the pet; default 0 */
  bool bf16;        /* bfloat16 numbers are good enough for it; default no */
  int shape_sum, shape_step; /* shapes of more inputs that it bears
                                (pet-shapes.h); 0: the one above alone */
} PetModelInfo;

/* Fills `info` for a loaded model. `modelinfo_text` NULL: no sidecar file.
 * Errors name the key. */
PetStatus pet_model_info_read (const PetModel *model,
    const char *modelinfo_text, PetModelInfo *info, PetError *error);

typedef struct PetSegmenter PetSegmenter;

typedef struct {
  const char *backend; /* as PetNetOptions */
  int threads;
  PetPrecision precision;
  const PetAllocator *allocator;
} PetSegmenterOptions;

/* From a file (with its sidecar) or from bytes. One of several shapes is made for
 * the largest of them and made anew, in some milliseconds, where a photo has another
 * one than the photo before; from the allocator it then takes nothing more. */
PetStatus pet_segmenter_new_file (const char *path,
    const PetSegmenterOptions *options, PetSegmenter **segmenter,
    PetError *error);
PetStatus pet_segmenter_new (const void *bytes, size_t size,
    const PetSegmenterOptions *options, PetSegmenter **segmenter,
    PetError *error);
/* A network that runs elsewhere (on a GPU). `run` is pet_segmenter_run() with
 * the arguments checked; `fetch` and `free` may be NULL. */
typedef struct {
  PetStatus (*run) (
      void *user, const PetImage *photo, const PetImage *mask, PetError *error);
  PetStatus (*fetch) (void *user, PetError *error);
  void (*free) (void *user);
  void *user;
} PetRemoteNetwork;

/* `remote` is freed on failure, too. */
PetStatus pet_segmenter_new_remote (const PetModelInfo *info, int mask_width,
    int mask_height, const PetRemoteNetwork *remote, PetSegmenter **segmenter,
    PetError *error);
void pet_segmenter_free (PetSegmenter **segmenter);

const PetModelInfo *pet_segmenter_info (const PetSegmenter *segmenter);
/* Of a remote network: nothing but zeros. */
void pet_segmenter_net_info (const PetSegmenter *segmenter, PetNetInfo *info);

typedef struct {
  int width, height; /* of the input */
  int mask_width, mask_height;
} PetSegmenterShape;

/* Shape `index` of those in which photos are shown to it; false behind the last. */
bool pet_segmenter_shape (
    const PetSegmenter *segmenter, int index, PetSegmenterShape *shape);
/* For a photo of that size. */
void pet_segmenter_mask_size (const PetSegmenter *segmenter, int photo_width,
    int photo_height, int *width, int *height);
/* Of the input that makes a mask of that size. */
void pet_segmenter_view_size (const PetSegmenter *segmenter, int mask_width,
    int mask_height, int *width, int *height);

/* As pet_net_limit_threads(); of a remote network it does nothing. */
void pet_segmenter_limit_threads (PetSegmenter *segmenter, int threads);

/* As pet_net_rest(); of a remote network it does nothing. */
void pet_segmenter_rest (PetSegmenter *segmenter);

/* Before the caller reads a photo's pixels itself: a network that runs
 * elsewhere may have them there alone, and brings them. */
PetStatus pet_segmenter_fetch (PetSegmenter *segmenter, PetError *error);

/* `photo`: 3 or 4 channels, any size (4: transparent pixels count as white).
 * `mask`: 1 channel of mask_size() or another of its shapes, or of the file's own,
 * in which the photo is then shown to it; written whole. NaN in the output is an
 * error. Thread-safety: one thread at a time. */
PetStatus pet_segmenter_run (PetSegmenter *segmenter, const PetImage *photo,
    const PetImage *mask, PetError *error);
