/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What petsegment does with one photo, apart from the element: network, then
 * matte, then the kind of result that is wanted. */

#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "gstpetenums.h"
#include "gstpetnetwork.h"
#include "image/pet-matte.h"
#include "memory/gstpetaccount.h"
#include "nn/pet-find.h"

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
  gboolean second;    /* by the second network */
  gboolean unasked;   /* it was to be asked, and could not be had */
  gboolean by_cpu;    /* some of it was made there, or all */
} GstPetMatteResult;

/* Charged bytes that the functions below take from the account at once at most,
 * results not included: for a photo of that size and a mask of `channels` 1 or
 * a cut-out of 4. */
guint64 gst_pet_matte_scratch_bytes (const GstPetNetwork *network,
    const GstPetMatteOptions *options, gint width, gint height, gint channels);

/* One photo, from being looked at to its results; gst_pet_matte_end (). */
typedef struct {
  GstPetNetwork *network;
  GstPetAccount *account;
  const PetImage *photo;
  PetMatteOptions options;
  PetFound found;
  gboolean unasked; /* as in GstPetMatteResult */
  gboolean by_cpu;  /* likewise, so far */
  gboolean sent;    /* the photo is on the card */
  gboolean on_card; /* and the card is good for it */
} GstPetMatte;

/* The network looks at `photo`, which must stay; first it goes to the card, if
 * there is one. With `frame` it is there (gst_pet_gpu_cut_begin_frame ()). On
 * failure there is nothing to end. */
PetStatus gst_pet_matte_begin (GstPetMatte *matte, GstPetNetwork *network,
    GstPetAccount *account, const GstPetMatteOptions *options,
    const PetImage *photo, const PetCudaFrame *frame, PetError *error);
void gst_pet_matte_end (GstPetMatte *matte);

/* The cut-out as memory of the card. NULL: the CPU must make it; if the card
 * failed, that was said. */
GstMemory *gst_pet_matte_cut_on_card (
    GstPetMatte *matte, GstPetMatteResult *result);

/* The cut-out into a frame of the photo's size. FALSE: as above. */
gboolean gst_pet_matte_cut_into (
    GstPetMatte *matte, PetCudaFrame *cutout, GstPetMatteResult *result);

/* `target` has the photo's size and 4 channels (cut-out, made on the CPU; may be
 * the photo itself) or 1 (mask). */
PetStatus gst_pet_matte_cut (GstPetMatte *matte, const PetImage *target,
    GstPetMatteResult *result, PetError *error);

/* What petsegment posts of a photo. */
GstStructure *gst_pet_matte_message (GstBuffer *photo, const GstVideoInfo *info,
    const GstPetMatteResult *result, gdouble milliseconds);

/* Notes in the recipe that `frame` (writable) carries, if it does, what became of
 * the second network: with it, the photo would look otherwise. */
void gst_pet_matte_note_recipe (
    const GstPetMatteResult *result, GstBuffer *frame);

/* Adds the mask as GstPetMaskMeta to `frame` (writable). */
PetStatus gst_pet_matte_to_meta (GstPetMatte *matte, GstBuffer *frame,
    GstPetMatteResult *result, PetError *error);

G_END_DECLS
