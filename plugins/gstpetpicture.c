/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetpicture.h"

PetStatus
gst_pet_picture_check (const PetPictureInfo *picture, PetError *error)
{
  GstVideoInfo info;

  if (gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGBA,
          (guint) picture->width, (guint) picture->height))
    return PET_OK;
  return pet_fail (error, PET_ERROR_LIMIT,
      "%dx%d pixels are more than a frame can have: set max-size",
      picture->width, picture->height);
}

/* RGBA if the photo is not opaque; else what comes first downstream. */
static GstVideoFormat
choose_format (GstPad *srcpad, const PetPictureInfo *picture)
{
  GstVideoFormat format = GST_VIDEO_FORMAT_RGBA;
  GstCaps *own, *peer, *common;

  if (picture->channels == 4)
    return format;
  own = gst_caps_from_string (GST_VIDEO_CAPS_MAKE ("{ RGB, RGBA }"));
  peer = gst_pad_peer_query_caps (srcpad, NULL);
  common = gst_caps_intersect_full (peer, own, GST_CAPS_INTERSECT_FIRST);
  if (!gst_caps_is_empty (common)) {
    common = gst_caps_fixate (common);
    format = gst_video_format_from_string (gst_structure_get_string (
        gst_caps_get_structure (common, 0), "format"));
  }
  gst_caps_unref (common);
  gst_caps_unref (peer);
  gst_caps_unref (own);
  return format;
}

void
gst_pet_picture_choose (
    GstPad *srcpad, const PetPictureInfo *picture, GstVideoInfo *info)
{
  gst_video_info_set_format (info, choose_format (srcpad, picture),
      (guint) picture->width, (guint) picture->height);
  info->colorimetry.range = GST_VIDEO_COLOR_RANGE_0_255;
  info->colorimetry.matrix = GST_VIDEO_COLOR_MATRIX_RGB;
  info->colorimetry.transfer = GST_VIDEO_TRANSFER_SRGB;
  info->colorimetry.primaries = GST_VIDEO_COLOR_PRIMARIES_BT709;
}
