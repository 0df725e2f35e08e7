/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One photo's stay on the card, from petsegment's upload to the cut-out: it goes
 * up once; the network sees it there, whole and in parts; the matte is made from
 * it there; and the cut-out is memory of the card. Used by one streaming
 * thread. */

#pragma once

#include "gstpetcardmemory.h"
#include "image/pet-matte.h"

G_BEGIN_DECLS

PetStatus gst_pet_gpu_cut_open (
    gint device, GstPetGpuCut **cut, PetError *error);
/* Memory that is out stays valid. NULL allowed. */
void gst_pet_gpu_cut_close (GstPetGpuCut **cut);

/* The photo goes up; it must stay where it is until gst_pet_gpu_cut_end ().
 * After a failure there is no photo. */
PetStatus gst_pet_gpu_cut_begin (
    GstPetGpuCut *cut, const PetImage *photo, PetError *error);
/* The photo is on the card already, in `frame`, which is read until
 * gst_pet_gpu_cut_end () returns. Where it would be on the host, at `photo`,
 * there is only room: filled by gst_pet_gpu_cut_bring (). */
void gst_pet_gpu_cut_begin_frame (
    GstPetGpuCut *cut, const PetCudaFrame *frame, const PetImage *photo);
void gst_pet_gpu_cut_end (GstPetGpuCut *cut);

/* Before the CPU looks at the photo: brings it down if it is not on the host.
 * `cut` NULL allowed. */
PetStatus gst_pet_gpu_cut_bring (GstPetGpuCut *cut, PetError *error);

/* Borrowed. */
GstPetCard *gst_pet_gpu_cut_card (const GstPetGpuCut *cut);

/* Where the pixels of `view` are on the card, if they are the photo's; else on
 * the host. `cut` NULL allowed. */
PetCudaPhoto gst_pet_gpu_cut_find (
    const GstPetGpuCut *cut, const PetImage *view);

/* pet_matte_cut () of the photo, as memory of the card, or its alpha alone. */
PetStatus gst_pet_gpu_cut_frame (GstPetGpuCut *cut, GstPetAccount *account,
    const PetImage *mask, const PetMatteOptions *options, GstMemory **cutout,
    PetMaskStats *stats, PetError *error);
/* The same into `cutout`, of the photo's size; it is there on return. */
PetStatus gst_pet_gpu_cut_into (GstPetGpuCut *cut, const PetImage *mask,
    const PetMatteOptions *options, PetCudaFrame *cutout, PetMaskStats *stats,
    PetError *error);
PetStatus gst_pet_gpu_cut_alpha (GstPetGpuCut *cut, const PetImage *mask,
    const PetMatteOptions *options, const PetImage *alpha, PetMaskStats *stats,
    PetError *error);

G_END_DECLS
