/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetmatte.h"

#include <string.h>

#include "base/pet-resample.h"
#include "memory/gstpetmemory.h"
#include "meta/gstpetmaskmeta.h"

/* A pet of less than a thousandth of the picture is noise of the network. */
#define EMPTY_COVERAGE 0.001

/* Levels this close to 0 or 255 are taken for certain. */
#define CERTAIN_MARGIN 12

/* Widths of the filters, as parts of the longer side: the mask is a few
 * hundred pixels wide, so its edge is uncertain by about one of its pixels. */
#define REFINE_PART 160
#define REFINE_EPSILON 1e-4
#define DECONTAMINATE_PART 64

/* What small blocks are charged beyond their sizes. */
#define BLOCK_WASTE ((guint64) 4 * 1024)

static int
part_of_side (int width, int height, int part)
{
  return MAX (MAX (width, height) / part, 1);
}

static int
refine_step (int radius)
{
  return CLAMP (radius / 2, 1, 4);
}

/* Bytes to bring a photo to the network's size, or to clean its mask. */
static guint64
network_bytes (const PetSegmenter *segmenter, gint width, gint height)
{
  const PetModelInfo *info = pet_segmenter_info (segmenter);
  guint64 side = (guint64) info->width, runs;
  int mask_width, mask_height;

  pet_segmenter_mask_size (segmenter, &mask_width, &mask_height);
  /* At worst every other pixel of the mask begins a run. */
  runs = 24 * (guint64) (mask_width / 2 + 1) * (guint64) mask_height +
      8 * ((guint64) mask_height + 1);
  return (guint64) mask_width * (guint64) mask_height +
      MAX (runs,
          gst_pet_block_bytes (pet_resampler_bytes (width, height, info->width,
              info->height, 3, PET_FILTER_TRIANGLE)) +
              3 * (guint64) width + 12 * side);
}

guint64
gst_pet_matte_scratch_bytes (const PetSegmenter *segmenter,
    const GstPetMatteOptions *options, gint width, gint height, gint channels)
{
  guint64 alpha = 0, most = network_bytes (segmenter, width, height);
  int radius = part_of_side (width, height, REFINE_PART);
  int reach = part_of_side (width, height, DECONTAMINATE_PART);
  guint64 bytes;

  if (channels == 4)
    alpha = gst_pet_block_bytes ((gsize) width * (gsize) height);
  if (options->refine == GST_PET_REFINE_GUIDED) {
    bytes = gst_pet_block_bytes (pet_mask_refine_guided_bytes (
        width, height, radius, refine_step (radius)));
    most = MAX (most, bytes);
  }
  if (channels == 4 && options->decontaminate) {
    bytes = gst_pet_block_bytes (
        pet_matte_decontaminate_bytes (width, height, reach));
    most = MAX (most, bytes);
  }
  return alpha + MIN (most, G_MAXUINT64 - alpha - BLOCK_WASTE) + BLOCK_WASTE;
}

/* The network's mask, brought to the photo's size and its edges. */
static PetStatus
make_alpha (PetSegmenter *segmenter, const PetAllocator *allocator,
    const GstPetMatteOptions *options, const PetImage *photo,
    const PetImage *alpha, PetError *error)
{
  PetImage small = { .channels = 1 };
  PetStatus status;
  gsize bytes;

  pet_segmenter_mask_size (segmenter, &small.width, &small.height);
  small.stride_bytes = small.width;
  bytes = (gsize) small.width * (gsize) small.height;
  small.data = pet_alloc (allocator, bytes);
  if (small.data == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the mask");

  status = pet_segmenter_run (segmenter, photo, &small, error);
  if (status == PET_OK && options->subject == GST_PET_SUBJECT_LARGEST)
    status = pet_mask_keep_largest (&small, allocator, error);
  if (status == PET_OK)
    pet_mask_scale (&small, alpha);
  pet_free (allocator, small.data, bytes);

  if (status == PET_OK && options->refine == GST_PET_REFINE_GUIDED) {
    int radius = part_of_side (photo->width, photo->height, REFINE_PART);

    status = pet_mask_refine_guided (alpha, photo, radius, REFINE_EPSILON,
        refine_step (radius), allocator, error);
  }
  return status;
}

static void
multiply_alpha (const PetImage *alpha, const PetImage *photo)
{
  if (photo->channels != 4)
    return;
  for (int y = 0; y < alpha->height; y++) {
    uint8_t *a = pet_image_row (alpha, y);
    const uint8_t *p = pet_image_row (photo, y);

    for (int x = 0; x < alpha->width; x++)
      a[x] = (uint8_t) ((a[x] * p[4 * x + 3] + 127) / 255);
  }
}

static void
join (const PetImage *photo, const PetImage *alpha, const PetImage *cutout)
{
  for (int y = 0; y < photo->height; y++) {
    const uint8_t *p = pet_image_row (photo, y);
    const uint8_t *a = pet_image_row (alpha, y);
    uint8_t *c = pet_image_row (cutout, y);

    for (int x = 0; x < photo->width; x++, p += photo->channels, c += 4) {
      c[0] = p[0];
      c[1] = p[1];
      c[2] = p[2];
      c[3] = a[x];
    }
  }
}

static PetStatus
finish_cutout (const PetAllocator *allocator, const GstPetMatteOptions *options,
    const PetImage *cutout, PetError *error)
{
  int reach = part_of_side (cutout->width, cutout->height, DECONTAMINATE_PART);

  if (options->decontaminate)
    PET_TRY (pet_matte_decontaminate (cutout, reach, allocator, error));
  if (options->scrub_transparent)
    pet_matte_scrub (cutout);
  return PET_OK;
}

/* The alpha of the photo, whatever it becomes. */
static PetStatus
run_mask (PetSegmenter *segmenter, const PetAllocator *allocator,
    const GstPetMatteOptions *options, const PetImage *photo,
    const PetImage *alpha, GstPetMatteResult *result, PetError *error)
{
  PET_TRY (make_alpha (segmenter, allocator, options, photo, alpha, error));
  pet_mask_levels (alpha, CERTAIN_MARGIN, 255 - CERTAIN_MARGIN);
  multiply_alpha (alpha, photo);
  pet_mask_stats (alpha, &result->stats);
  result->empty =
      result->stats.coverage < EMPTY_COVERAGE || result->stats.width == 0;
  return PET_OK;
}

PetStatus
gst_pet_matte_run (PetSegmenter *segmenter, GstPetAccount *account,
    const GstPetMatteOptions *options, const PetImage *photo,
    const PetImage *target, GstPetMatteResult *result, PetError *error)
{
  const PetAllocator *allocator = &account->core;
  gsize bytes = (gsize) photo->width * (gsize) photo->height;
  PetImage alpha = { .width = photo->width,
    .height = photo->height,
    .channels = 1,
    .stride_bytes = photo->width };
  PetStatus status;

  if (target->channels == 1)
    return run_mask (
        segmenter, allocator, options, photo, target, result, error);

  alpha.data = pet_alloc (allocator, bytes);
  if (alpha.data == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the mask");
  status =
      run_mask (segmenter, allocator, options, photo, &alpha, result, error);
  if (status == PET_OK) {
    join (photo, &alpha, target);
    status = finish_cutout (allocator, options, target, error);
  }
  pet_free (allocator, alpha.data, bytes);
  return status;
}

static void
add_meta (GstBuffer *frame, GstBuffer *mask, const PetImage *photo,
    const GstPetMatteResult *result)
{
  GstPetMaskMeta *meta = gst_pet_buffer_add_mask_meta (
      frame, mask, (guint) photo->width, (guint) photo->height);

  meta->coverage = result->stats.coverage;
  meta->box_x = (guint) result->stats.x;
  meta->box_y = (guint) result->stats.y;
  meta->box_width = (guint) result->stats.width;
  meta->box_height = (guint) result->stats.height;
}

PetStatus
gst_pet_matte_to_meta (PetSegmenter *segmenter, GstPetAccount *account,
    const GstPetMatteOptions *options, const PetImage *photo, GstBuffer *frame,
    GstPetMatteResult *result, PetError *error)
{
  GstMemory *memory = gst_pet_account_memory (
      account, (gsize) photo->width * (gsize) photo->height);
  PetImage alpha = { .width = photo->width,
    .height = photo->height,
    .channels = 1,
    .stride_bytes = photo->width };
  GstBuffer *mask;
  PetStatus status;
  GstMapInfo map;

  if (memory == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for the mask");
  mask = gst_buffer_new ();
  gst_buffer_append_memory (mask, memory);
  if (!gst_buffer_map (mask, &map, GST_MAP_WRITE)) {
    gst_buffer_unref (mask);
    return pet_fail (error, PET_ERROR_MEMORY, "the mask cannot be written");
  }
  alpha.data = map.data;
  status = run_mask (
      segmenter, &account->core, options, photo, &alpha, result, error);
  gst_buffer_unmap (mask, &map);
  if (status == PET_OK)
    add_meta (frame, mask, photo, result);
  gst_buffer_unref (mask);
  return status;
}
