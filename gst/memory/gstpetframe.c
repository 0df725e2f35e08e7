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
