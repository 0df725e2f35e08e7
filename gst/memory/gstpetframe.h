/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames as the plain C core sees them. */

#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "base/pet-image.h"

G_BEGIN_DECLS

/* The first plane of a mapped frame as a PetImage (1, 3 or 4 channels). */
PetImage gst_pet_frame_image (const GstVideoFrame *frame);

/* Zeroes what lies between the rows of a frame mapped for writing: memory that
 * another picture may have had goes downstream with the pixels. */
void gst_pet_frame_clear_padding (const GstVideoFrame *frame);

G_END_DECLS
