/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture in memory: 8-bit interleaved rows, top row first. */

#pragma once

#include <stddef.h>
#include <stdint.h>

/* `channels` is 1 (grey or mask), 3 (R, G, B) or 4 (R, G, B, A; alpha not
 * premultiplied). `stride_bytes` is at least width * channels; the bytes
 * between a row's last pixel and the next row are never read or written.
 * A PetImage owns nothing: whoever made `data` frees it. */
typedef struct {
  uint8_t *data;
  int width;
  int height;
  int channels;
  ptrdiff_t stride_bytes;
} PetImage;

static inline uint8_t *
pet_image_row (const PetImage *image, int y)
{
  return image->data + (ptrdiff_t) y * image->stride_bytes;
}
