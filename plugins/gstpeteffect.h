/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PET_EFFECT (gst_pet_effect_get_type ())
G_DECLARE_FINAL_TYPE (
    GstPetEffect, gst_pet_effect, GST, PET_EFFECT, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (peteffect);

G_END_DECLS
