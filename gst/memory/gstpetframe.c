/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetframe.h"

#include <string.h>

PetImage
gst_pet_frame_image (const GstVideoFrame *frame)
{
  return (PetImage){
    .data = GST_VIDEO_FRAME_PLANE_DATA (frame, 0),
    .width = GST_VIDEO_FRAME_WIDTH (frame),
    .height = GST_VIDEO_FRAME_HEIGHT (frame),
    .channels = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, 0),
    .stride_bytes = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0),
  };
}

void
gst_pet_frame_clear_padding (const GstVideoFrame *frame)
{
  PetImage image = gst_pet_frame_image (frame);
  size_t used = (size_t) image.width * (size_t) image.channels;
  size_t padding = (size_t) image.stride_bytes - used;

  for (int y = 0; padding > 0 && y < image.height; y++)
    memset (pet_image_row (&image, y) + used, 0, padding);
}
