/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What petsegment's property "output" means for caps and for memory. */

#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "gstpetenums.h"
#include "gstpetmatte.h"

G_BEGIN_DECLS

/* As GstBaseTransform's. Only format and memory differ between the pads; RGBA
 * comes first on the sink, because a cut-out can be made in its frame. `cuda`:
 * GStreamer's CUDA memory may be had, after memory of the other pad's kind;
 * masks are in the system's. */
GstCaps *gst_pet_output_transform_caps (GstPetOutput output, gboolean cuda,
    GstPadDirection direction, GstCaps *caps, GstCaps *filter);

/* What is made from `in` to `out`: `wanted`, unless the property was set after
 * these formats were agreed upon. */
GstPetOutput gst_pet_output_of_formats (
    GstPetOutput wanted, GstVideoFormat in, GstVideoFormat out);

/* What the photo of a cost query takes while its matte is made; 0: the query
 * knows no caps. Does nothing but arithmetic: a lock may be held. */
guint64 gst_pet_output_scratch_bytes (GstPetOutput output,
    const GstPetNetwork *network, const GstPetMatteOptions *options,
    GstQuery *query);
/* Answers a cost query, given those bytes (0: not at all), after asking what is
 * behind `srcpad`. */
void gst_pet_output_add_cost (
    GstPetOutput output, guint64 scratch, GstPad *srcpad, GstQuery *query);

G_END_DECLS
