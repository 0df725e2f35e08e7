/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-framed.h"

#include <string.h>

#include "base/pet-resample.h"

/* A tenth of what the network sees on every side: of the photo an eighth. */
#define MARGIN_PART 10

static int
inside_side (int side)
{
  return side - 2 * (side / MARGIN_PART);
}

/* `image` without its margins: the network's view, or its mask. */
static PetImage
inside_of (const PetImage *image)
{
  int x = image->width / MARGIN_PART, y = image->height / MARGIN_PART;
  PetImage inside = *image;

  inside.data =
      pet_image_row (image, y) + (ptrdiff_t) x * (ptrdiff_t) image->channels;
  inside.width = inside_side (image->width);
  inside.height = inside_side (image->height);
  return inside;
}

/* The margins show what is as far on the other side of the photo's edge. */
static void
mirror (const PetImage *view)
{
  int across = view->width / MARGIN_PART, down = view->height / MARGIN_PART;
  size_t pixel = (size_t) view->channels;

  for (int y = down; y < view->height - down; y++) {
    uint8_t *left = pet_image_row (view, y) + (size_t) across * pixel;
    uint8_t *right = left + (size_t) (view->width - 2 * across - 1) * pixel;

    for (size_t i = 1; i <= (size_t) across; i++) {
      memcpy (left - i * pixel, left + i * pixel, pixel);
      memcpy (right + i * pixel, right - i * pixel, pixel);
    }
  }
  for (int i = 1; i <= down; i++) {
    size_t row = (size_t) view->width * pixel;
    int bottom = view->height - down - 1;

    memcpy (
        pet_image_row (view, down - i), pet_image_row (view, down + i), row);
    memcpy (pet_image_row (view, bottom + i), pet_image_row (view, bottom - i),
        row);
  }
}

static PetStatus
run_view (PetSegmenter *segmenter, const PetImage *photo, const PetImage *view,
    const PetImage *framed, const PetImage *mask, const PetAllocator *allocator,
    PetError *error)
{
  PetImage inside = inside_of (view), found = inside_of (framed);

  PET_TRY (pet_segmenter_fetch (segmenter, error));
  PET_TRY (
      pet_resample (allocator, photo, &inside, PET_FILTER_TRIANGLE, error));
  mirror (view);
  PET_TRY (pet_segmenter_run (segmenter, view, framed, error));
  return pet_resample (allocator, &found, mask, PET_FILTER_TRIANGLE, error);
}

PetStatus
pet_framed_run (PetSegmenter *segmenter, const PetImage *photo,
    const PetImage *mask, const PetAllocator *allocator, PetError *error)
{
  size_t mask_bytes = (size_t) mask->width * (size_t) mask->height, bytes;
  PetImage view = { .channels = photo->channels };
  PetImage framed = { .width = mask->width,
    .height = mask->height,
    .channels = 1,
    .stride_bytes = mask->width,
    .data = pet_alloc (allocator, mask_bytes) };
  PetStatus status;

  pet_segmenter_view_size (
      segmenter, mask->width, mask->height, &view.width, &view.height);
  view.stride_bytes = (ptrdiff_t) view.width * view.channels;
  bytes = (size_t) view.height * (size_t) view.stride_bytes;
  view.data = pet_alloc (allocator, bytes);
  if (view.data == NULL || framed.data == NULL)
    status = pet_fail (error, PET_ERROR_MEMORY, "no memory for a second look");
  else
    status =
        run_view (segmenter, photo, &view, &framed, mask, allocator, error);
  pet_free (allocator, view.data, bytes);
  pet_free (allocator, framed.data, mask_bytes);
  return status;
}

size_t
pet_framed_bytes (const PetSegmenterShape *shape, int width, int height)
{
  int across = shape->mask_width, along = shape->mask_height;
  size_t down = pet_resampler_bytes (width, height, inside_side (shape->width),
      inside_side (shape->height), 4, PET_FILTER_TRIANGLE);
  size_t up = pet_resampler_bytes (inside_side (across), inside_side (along),
      across, along, 1, PET_FILTER_TRIANGLE);

  return 4 * (size_t) shape->width * (size_t) shape->height +
      (size_t) across * (size_t) along + (down > up ? down : up);
}
