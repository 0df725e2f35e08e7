/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetframe.h"

#include <sys/mman.h>

#include "base/pet-alloc.h"

#define MAPPED_BYTES (1024 * 1024)

typedef struct {
  gpointer data;
  gsize size;
} Mapping;

static void
unmap (gpointer data)
{
  Mapping *mapping = data;

  munmap (mapping->data, mapping->size);
  g_free (mapping);
}

static void
free_small (gpointer data)
{
  pet_free (NULL, data, 0);
}

GstMemory *
gst_pet_memory_new (gsize size)
{
  Mapping *mapping;
  gpointer data;

  if (size < MAPPED_BYTES) {
    data = pet_alloc (NULL, size);
    if (data == NULL)
      return NULL;
    return gst_memory_new_wrapped (0, data, size, 0, size, data, free_small);
  }

  data = mmap (
      NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED)
    return NULL;
  mapping = g_new (Mapping, 1);
  mapping->data = data;
  mapping->size = size;
  return gst_memory_new_wrapped (0, data, size, 0, size, mapping, unmap);
}

GstBuffer *
gst_pet_frame_new (const GstVideoInfo *info)
{
  GstMemory *memory = gst_pet_memory_new (GST_VIDEO_INFO_SIZE (info));
  GstBuffer *buffer;

  if (memory == NULL)
    return NULL;
  buffer = gst_buffer_new ();
  gst_buffer_append_memory (buffer, memory);
  return buffer;
}

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
