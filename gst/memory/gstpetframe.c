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

/* Pixels of a row that are spread at a time, from a copy. */
#define PIECE 256

/* Each pixel's four bytes are written at once: three, and the next one's first,
 * which becomes the alpha. */
static void
spread_piece (uint8_t *restrict out, const uint8_t *restrict in, int n)
{
  for (int x = 0; x < n; x++) {
    uint32_t pixel;

    memcpy (&pixel, in + 3 * x, 4);
    pixel |= GUINT32_TO_LE (0xff000000u);
    memcpy (out + 4 * x, &pixel, 4);
  }
}

/* The pixels lie in the first part of each row: spread them from the right. */
void
gst_pet_image_add_opaque_alpha (const PetImage *image)
{
  uint8_t piece[3 * PIECE + 1];

  for (int y = 0; y < image->height; y++) {
    uint8_t *row = pet_image_row (image, y);

    for (int end = image->width; end > 0; end -= PIECE) {
      int start = end > PIECE ? end - PIECE : 0;

      memcpy (piece, row + 3 * start, 3 * (size_t) (end - start));
      spread_piece (row + 4 * start, piece, end - start);
    }
  }
}
