/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a decoded photo is called in caps. */

#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "codec/pet-decoder.h"

G_BEGIN_DECLS

/* LIMIT where a frame of the picture has more bytes than GStreamer's frames can
 * have: 4 GB, with alpha or without. */
PetStatus gst_pet_picture_check (
    const PetPictureInfo *picture, PetError *error);

/* sRGB in RGBA if the photo is not opaque, else in RGB or RGBA, whichever comes
 * first in the caps of what follows `srcpad`. The frame rate is left to the
 * caller. */
void gst_pet_picture_choose (
    GstPad *srcpad, const PetPictureInfo *picture, GstVideoInfo *info);

G_END_DECLS
