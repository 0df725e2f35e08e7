/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PET_PNG_ENC (gst_pet_png_enc_get_type ())
G_DECLARE_FINAL_TYPE (
    GstPetPngEnc, gst_pet_png_enc, GST, PET_PNG_ENC, GstElement)

GST_ELEMENT_REGISTER_DECLARE (petpngenc);

G_END_DECLS
