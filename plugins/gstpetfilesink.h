/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/base/gstbasesink.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PET_FILE_SINK (gst_pet_file_sink_get_type ())
G_DECLARE_FINAL_TYPE (
    GstPetFileSink, gst_pet_file_sink, GST, PET_FILE_SINK, GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE (petfilesink);

G_END_DECLS
