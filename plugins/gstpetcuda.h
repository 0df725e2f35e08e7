/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The GPU module, opened at run time and only when an element's device asks for
 * it, and networks on the GPU that several elements share. */

#pragma once

#include <gst/gst.h>

#include "image/pet-effect.h"
#include "memory/gstpetbudget.h"
#include "nn/pet-segmenter.h"
#include "pet-cuda.h"

G_BEGIN_DECLS

/* The module's functions; opened at the first call and never closed. NULL and
 * a reason (DEVICE) where there is no module or it does not fit. Looks for
 * libgstpet-cuda.so beside the plugin; tests name another one in
 * $PET_CUDA_MODULE. Thread-safety: safe. */
const PetCudaApi *gst_pet_cuda_api (PetError *error);

/* A card whose bytes are charged to the account "cuda-N" (GstPetBudget; limit: what
 * a gate sets, else the card's memory), on which gates can wait like on any other. */
typedef struct _GstPetCard GstPetCard;

PetStatus gst_pet_card_open (gint device, GstPetCard **card, PetError *error);
void gst_pet_card_close (GstPetCard **card);
PetCuda *gst_pet_card_cuda (GstPetCard *card);
/* Which card, and its account; borrowed. */
gint gst_pet_card_device (const GstPetCard *card);
GstPetBudget *gst_pet_card_budget (const GstPetCard *card);
/* For log lines. */
const gchar *gst_pet_card_name (const GstPetCard *card);

/* From now on gates with watch=cuda see how full the first card is. DEVICE
 * with the reason where there is no module, or no card. Thread-safety: safe. */
PetStatus gst_pet_cuda_watch (PetError *error);

typedef struct {
  gint device;
  gboolean half;
  guint batch;
  GstClockTime batch_timeout;
  const gint *hurried; /* atomic; not 0: its photos wait for no others */
} GstPetGpuOptions;

/* A segmenter whose network runs on the GPU. Elements that ask for the same
 * network in the same way get the same one, and photos that they want
 * segmented at the same time run as one batch: a photo waits until there are
 * `batch` of them, or one from every element that has the network, or until
 * `batch_timeout` has passed. Thread-safety: one thread at a time per
 * segmenter. */
/* gstpetgpucut.h */
typedef struct _GstPetGpuCut GstPetGpuCut;

/* Makes photos that wait look at `hurried`. Thread-safety: safe. */
void gst_pet_gpu_wake (void);

/* Photos that `cut` has on the card are not sent again; it must outlive the
 * segmenter. NULL: there are none. */
PetStatus gst_pet_gpu_segmenter_new (GBytes *model, const gchar *sidecar,
    const GstPetGpuOptions *options, GstPetGpuCut *cut,
    PetSegmenter **segmenter, PetError *error);

/* Looks on a card of one's own. */
typedef struct _GstPetGpuLooks GstPetGpuLooks;

PetStatus gst_pet_gpu_looks_open (
    gint device, GstPetGpuLooks **looks, PetError *error);
void gst_pet_gpu_looks_close (GstPetGpuLooks **looks);
/* Borrowed. */
GstPetCard *gst_pet_gpu_looks_card (const GstPetGpuLooks *looks);
/* As pet_effect_apply(), of a picture on the host or on the card, to `dst`, or to
 * `frame` if that is not NULL; all is done when it returns. UNSUPPORTED: the card
 * has no version of `effect`. */
PetStatus gst_pet_gpu_looks_apply (GstPetGpuLooks *looks,
    const PetEffect *effect, const PetCudaPhoto *src, const PetImage *dst,
    PetCudaFrame *frame, const gdouble *values, PetError *error);

G_END_DECLS
