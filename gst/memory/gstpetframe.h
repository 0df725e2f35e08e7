/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory for frames and files. Blocks of 1 MB and more are mapped and go back
 * to the system when freed; glibc would keep them (up to 32 MB each) for the
 * life of the process. */

#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "base/pet-image.h"

G_BEGIN_DECLS

/* `size` bytes of unspecified contents, or NULL when there is no memory. */
GstMemory *gst_pet_memory_new (gsize size);

/* A buffer for one frame of `info`; NULL when there is no memory. */
GstBuffer *gst_pet_frame_new (const GstVideoInfo *info);

/* The first plane of a mapped frame as a PetImage (1, 3 or 4 channels). */
PetImage gst_pet_frame_image (const GstVideoFrame *frame);

/* `image` is an RGB picture (channels 3) in rows that have room for RGBA: makes
 * it that, opaque. */
void gst_pet_image_add_opaque_alpha (const PetImage *image);

G_END_DECLS
