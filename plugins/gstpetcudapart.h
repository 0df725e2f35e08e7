/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What petsegment and peteffect share for having GStreamer's CUDA memory on their
 * pads (gstpetcudamemory.h) beside memory of the system. */

#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

#include "gstpetcudamemory.h"
#include "gstpetenums.h"
#include "memory/gstpetaccount.h"

G_BEGIN_DECLS

/* Whether fixed caps are of that memory. */
gboolean gst_pet_caps_are_cuda (const GstCaps *caps);

/* Each of `caps` (taken), then each again with the other memory. Not `possible`:
 * only those of the system's memory. */
GstCaps *gst_pet_caps_of_both (GstCaps *caps, gboolean possible);

/* Zero: nothing. */
typedef struct {
  /* under the object lock */
  GstPetDevice device; /* the element's properties */
  gint device_id;
  gboolean started;
  GstPetCudaLink *link; /* NULL: not possible; the streaming thread reads it */

  /* of the streaming thread: what the pads have */
  gboolean in, out;
} GstPetCudaPart;

/* `card` (NULL: there is none) must stay until the part stops. */
void gst_pet_cuda_part_start (
    GstElement *element, GstPetCudaPart *part, GstPetCard *card);
void gst_pet_cuda_part_stop (GstElement *element, GstPetCudaPart *part);

/* Whether such caps may be agreed upon: before the start it is the device that
 * is asked for that tells. */
gboolean gst_pet_cuda_part_is_possible (
    GstElement *element, const GstPetCudaPart *part);
/* Answers CONTEXT queries; FALSE: somebody else's. */
gboolean gst_pet_cuda_part_query (
    GstElement *element, const GstPetCudaPart *part, GstQuery *query);
/* Answers ALLOCATION queries for caps of either memory. */
gboolean gst_pet_cuda_part_propose (
    GstPetCudaPart *part, GstPetAccount *account, GstQuery *query);

void gst_pet_cuda_part_set_caps (
    GstPetCudaPart *part, const GstCaps *in, const GstCaps *out);
/* A frame of the caps on the source pad, of size `info`, with the metadata of the
 * photo `in`: in CUDA memory, or on the host at its cost. That there is no memory
 * was said as an error. */
GstFlowReturn gst_pet_cuda_part_frame (GstBaseTransform *trans,
    GstPetCudaPart *part, GstPetAccount *account, const GstVideoInfo *info,
    GstBuffer *in, GstBuffer **out);

/* A photo in CUDA memory, which stays there: for the host there is only room at
 * `room`, drawn from the account's ticket of now, for the case that the CPU must
 * see it. */
typedef struct {
  GstPetCudaView view;
  PetImage room;
} GstPetCudaPhoto;

/* FALSE: it is not in such memory, or the card has no place for it now; the host
 * can map it. */
gboolean gst_pet_cuda_part_open_photo (GstPetCudaPart *part,
    GstPetAccount *account, GstBuffer *in, const GstVideoInfo *info,
    GstPetCudaPhoto *photo);
void gst_pet_cuda_part_close_photo (
    GstPetCudaPart *part, GstPetCudaPhoto *photo);

G_END_DECLS
