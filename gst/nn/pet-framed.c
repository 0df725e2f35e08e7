/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-framed.h"

#include <string.h>

#include "base/pet-resample.h"

/* A tenth of what the network sees on every side: of the photo an eighth. */
#define MARGIN_PART 10

/* Bytes of one picture of the network's size and one mask. */
static size_t
view_bytes (const PetModelInfo *info, int channels)
{
  return (size_t) info->width * (size_t) info->height * (size_t) channels;
}

static PetImage
inside_of (const PetImage *view)
{
  int x = view->width / MARGIN_PART, y = view->height / MARGIN_PART;
  PetImage inside = *view;

  inside.data =
      pet_image_row (view, y) + (ptrdiff_t) x * (ptrdiff_t) view->channels;
  inside.width -= 2 * x;
  inside.height -= 2 * y;
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

/* Where value `i` of `side` lies in a mask of the same size that has margins,
 * in 1/256, for a view of `view` pixels. */
static int
place (int i, int side, int view)
{
  double margin = (double) (view / MARGIN_PART) / view;
  double at = ((i + 0.5) * (1 - 2 * margin) / side + margin) * side - 0.5;

  at = at < 0 ? 0 : at > side - 1 ? side - 1 : at;
  return (int) (at * 256 + 0.5);
}

static int
mix (int a, int b, int share)
{
  return a * (256 - share) + b * share;
}

/* The inside of `framed` enlarged to its whole size. */
static void
cut_out (const PetImage *framed, const PetModelInfo *info, const PetImage *mask)
{
  for (int y = 0; y < mask->height; y++) {
    int down = place (y, mask->height, info->height);
    const uint8_t *above = pet_image_row (framed, down >> 8);
    const uint8_t *below =
        down & 255 ? pet_image_row (framed, (down >> 8) + 1) : above;
    uint8_t *to = pet_image_row (mask, y);

    for (int x = 0; x < mask->width; x++) {
      int across = place (x, mask->width, info->width), left = across >> 8;
      int right = across & 255 ? left + 1 : left;

      to[x] = (uint8_t) ((mix (mix (above[left], above[right], across & 255),
                              mix (below[left], below[right], across & 255),
                              down & 255) +
                             32768) >>
          16);
    }
  }
}

static PetStatus
run_view (PetSegmenter *segmenter, const PetImage *photo, const PetImage *view,
    const PetImage *framed, const PetImage *mask, const PetAllocator *allocator,
    PetError *error)
{
  PetImage inside = inside_of (view);

  PET_TRY (pet_segmenter_fetch (segmenter, error));
  PET_TRY (
      pet_resample (allocator, photo, &inside, PET_FILTER_TRIANGLE, error));
  mirror (view);
  PET_TRY (pet_segmenter_run (segmenter, view, framed, error));
  cut_out (framed, pet_segmenter_info (segmenter), mask);
  return PET_OK;
}

PetStatus
pet_framed_run (PetSegmenter *segmenter, const PetImage *photo,
    const PetImage *mask, const PetAllocator *allocator, PetError *error)
{
  const PetModelInfo *info = pet_segmenter_info (segmenter);
  size_t bytes = view_bytes (info, photo->channels);
  size_t mask_bytes = (size_t) mask->width * (size_t) mask->height;
  PetImage view = { .width = info->width,
    .height = info->height,
    .channels = photo->channels,
    .stride_bytes = (ptrdiff_t) info->width * photo->channels,
    .data = pet_alloc (allocator, bytes) };
  PetImage framed = { .width = mask->width,
    .height = mask->height,
    .channels = 1,
    .stride_bytes = mask->width,
    .data = pet_alloc (allocator, mask_bytes) };
  PetStatus status;

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
pet_framed_bytes (const PetSegmenter *segmenter, int width, int height)
{
  const PetModelInfo *info = pet_segmenter_info (segmenter);
  int mask_width, mask_height;

  pet_segmenter_mask_size (segmenter, &mask_width, &mask_height);
  return view_bytes (info, 4) + (size_t) mask_width * (size_t) mask_height +
      pet_resampler_bytes (width, height,
          info->width - 2 * (info->width / MARGIN_PART),
          info->height - 2 * (info->height / MARGIN_PART), 4,
          PET_FILTER_TRIANGLE);
}
