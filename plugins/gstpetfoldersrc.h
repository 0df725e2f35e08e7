/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/base/gstpushsrc.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PET_FOLDER_SRC (gst_pet_folder_src_get_type ())
G_DECLARE_FINAL_TYPE (
    GstPetFolderSrc, gst_pet_folder_src, GST, PET_FOLDER_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (petfoldersrc);

G_END_DECLS
