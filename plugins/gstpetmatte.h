/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What petsegment does with one photo, apart from the element: network, then
 * matte, then the kind of result that is wanted. */

#pragma once

#include <gst/gst.h>

#include "gstpetenums.h"
#include "image/pet-matte.h"
#include "memory/gstpetaccount.h"
#include "nn/pet-segmenter.h"

G_BEGIN_DECLS

typedef struct {
  GstPetRefine refine;
  gboolean decontaminate;
  gboolean scrub_transparent;
  GstPetSubject subject;
  guint threads; /* 2: two work on the matte */
} GstPetMatteOptions;

typedef struct {
  PetMaskStats stats; /* in pixels of the photo */
  gboolean empty;     /* no pet was found */
} GstPetMatteResult;

/* Charged bytes that the functions below take from the account at once at most,
 * results not included: for a photo of that size and a mask of `channels` 1 or
 * a cut-out of 4. */
guint64 gst_pet_matte_scratch_bytes (const PetSegmenter *segmenter,
    const GstPetMatteOptions *options, gint width, gint height, gint channels);

/* `target` has the photo's size and 4 channels (cut-out; may be the photo
 * itself) or 1 (mask). */
PetStatus gst_pet_matte_run (PetSegmenter *segmenter, GstPetAccount *account,
    const GstPetMatteOptions *options, const PetImage *photo,
    const PetImage *target, GstPetMatteResult *result, PetError *error);

/* Adds the mask as GstPetMaskMeta to `frame` (writable). */
PetStatus gst_pet_matte_to_meta (PetSegmenter *segmenter,
    GstPetAccount *account, const GstPetMatteOptions *options,
    const PetImage *photo, GstBuffer *frame, GstPetMatteResult *result,
    PetError *error);

G_END_DECLS
