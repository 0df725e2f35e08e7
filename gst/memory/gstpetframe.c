/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetframe.h"

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

/* The pixels lie in the first part of each row: spread them from the right. */
void
gst_pet_image_add_opaque_alpha (const PetImage *image)
{
  for (int y = 0; y < image->height; y++) {
    uint8_t *row = pet_image_row (image, y);

    for (int x = image->width - 1; x >= 0; x--) {
      row[4 * x + 2] = row[3 * x + 2];
      row[4 * x + 1] = row[3 * x + 1];
      row[4 * x] = row[3 * x];
      row[4 * x + 3] = 255;
    }
  }
}
