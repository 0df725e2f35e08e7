/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PET_DEC (gst_pet_dec_get_type ())
G_DECLARE_FINAL_TYPE (GstPetDec, gst_pet_dec, GST, PET_DEC, GstElement)

GST_ELEMENT_REGISTER_DECLARE (petdec);

G_END_DECLS
