/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PET_SEGMENT (gst_pet_segment_get_type ())
G_DECLARE_FINAL_TYPE (
    GstPetSegment, gst_pet_segment, GST, PET_SEGMENT, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (petsegment);

G_END_DECLS
