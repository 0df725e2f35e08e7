/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What petsegment does with one photo: from its memory, on the card or the host,
 * to that of the result. */

#pragma once

#include "gstpetcudapart.h"
#include "gstpetmatte.h"
#include "gstpetnetwork.h"

G_BEGIN_DECLS

/* All of it the element's. */
typedef struct {
  GstPetNetwork *network;
  GstPetAccount *account; /* of the photo */
  GstPetCudaPart *cuda;
  const GstVideoInfo *in_info, *out_info;
  GstPetOutput output;
  const GstPetMatteOptions *options;
} GstPetWork;

/* `out` may be `in` (a cut-out, on the CPU), or have no memory yet. */
PetStatus gst_pet_work_on_photo (const GstPetWork *work, GstBuffer *in,
    GstBuffer *out, GstPetMatteResult *result, PetError *error);

G_END_DECLS
