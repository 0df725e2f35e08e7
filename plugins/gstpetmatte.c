/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetmatte.h"

#include "base/pet-resample.h"
#include "memory/gstpetmemory.h"
#include "meta/gstpetmaskmeta.h"
#include "meta/gstpetsourcemeta.h"
#include "nn/pet-framed.h"
#include "nn/pet-pieces.h"

/* What small blocks are charged beyond their sizes. */
#define BLOCK_WASTE ((guint64) 4 * 1024)

static PetMatteOptions
matte_options (const GstPetMatteOptions *options)
{
  return (PetMatteOptions){
    .refine = options->refine == GST_PET_REFINE_GUIDED,
    .low = PET_FIND_NONE,
    .high = PET_FIND_ALL,
    .decontaminate = options->decontaminate,
    .scrub = options->scrub_transparent,
    .threads = (int) options->threads,
  };
}

static guint64
area (gint width, gint height)
{
  return (guint64) width * (guint64) height;
}

/* Of the whole photo's mask, or of a part's that is looked at closer. */
static guint64
mask_bytes (const PetSegmenterShape *shape, const PetPieces *pieces)
{
  return MAX (area (shape->mask_width, shape->mask_height),
      area (pieces->mask_width, pieces->mask_height));
}

/* Of a panorama the network sees a piece at once, or a pet from closer. */
static gint
longest_view (const PetPieces *pieces, gint side)
{
  return MIN (side, MAX (pieces->length, side / 8 + 2));
}

/* At worst every pixel of the mask begins a run: soft, strong, soft, ... */
static guint64
run_bytes (gint width, gint height)
{
  return 24 * area (width + 1, height) + 8 * ((guint64) height + 1);
}

/* Bytes to bring a photo to the network's size, or to clean its mask. */
static guint64
network_bytes (const PetSegmenterShape *shape, const PetPieces *pieces,
    gint width, gint height)
{
  guint64 side = (guint64) shape->width, runs, scaled, framed;
  gint part_width = pieces->count == 1 ? width : longest_view (pieces, width);
  gint part_height =
      pieces->count == 1 ? height : longest_view (pieces, height);

  runs = MAX (run_bytes (shape->mask_width, shape->mask_height),
      run_bytes (pieces->mask_width, pieces->mask_height));
  scaled = pet_pieces_bytes (pieces) +
      gst_pet_block_bytes (pet_resampler_bytes (part_width, part_height,
          shape->width, shape->height, 3, PET_FILTER_TRIANGLE)) +
      3 * (guint64) part_width + 12 * side;
  /* The second look is the photo's, or a part's. */
  framed = mask_bytes (shape, pieces) +
      gst_pet_block_bytes (pet_framed_bytes (shape, part_width, part_height)) +
      15 * side;
  return mask_bytes (shape, pieces) + MAX (runs, MAX (scaled, framed));
}

static guint64
bytes_in (const PetSegmenterShape *shape, const PetPieces *pieces,
    const PetMatteOptions *matte, gint width, gint height)
{
  guint64 network = network_bytes (shape, pieces, width, height);
  guint64 mask = mask_bytes (shape, pieces);
  guint64 cut = gst_pet_block_bytes (pet_matte_bytes (
      MAX (shape->mask_width, pieces->mask_width), width, height, matte));

  cut = MIN (cut, G_MAXUINT64 - mask - BLOCK_WASTE);
  return MAX (network, mask + cut) + BLOCK_WASTE;
}

/* What is looked at closer may be of any shape. */
static guint64
bytes_by (const PetSegmenter *segmenter, const PetMatteOptions *matte,
    gint width, gint height)
{
  PetSegmenterShape shape;
  guint64 most = 0;
  PetPieces pieces;

  pet_pieces_plan (segmenter, width, height, &pieces);
  for (gint i = 0; pet_segmenter_shape (segmenter, i, &shape); i++)
    most = MAX (most, bytes_in (&shape, &pieces, matte, width, height));
  return most;
}

guint64
gst_pet_matte_scratch_bytes (const GstPetNetwork *network,
    const GstPetMatteOptions *options, gint width, gint height, gint channels)
{
  PetMatteOptions matte = matte_options (options);
  guint64 first, second = 0;

  matte.decontaminate = matte.decontaminate && channels == 4;
  first = bytes_by (network->segmenter, &matte, width, height);
  if (network->second_shape != NULL)
    second = bytes_by (network->second_shape, &matte, width, height);
  return MAX (first, second);
}

/* Whether the photo is on the card now. */
static gboolean
send_to_card (
    GstPetNetwork *network, const PetImage *photo, const PetCudaFrame *frame)
{
  PetError error;
  PetStatus status;

  if (frame != NULL) {
    gst_pet_gpu_cut_begin_frame (network->cut, frame, photo);
    return TRUE;
  }
  if (network->cut == NULL || network->lost)
    return FALSE;
  status = gst_pet_gpu_cut_begin (network->cut, photo, &error);
  /* Of a card that is lost the network will say so. */
  if (status == PET_ERROR_DEVICE)
    network->lost = TRUE;
  else if (status != PET_OK)
    gst_pet_network_cut_failed (network, status, &error);
  return status == PET_OK;
}

typedef struct {
  GstPetNetwork *network;
  guint threads;
  GstPetTicket *ticket;
  gboolean refused;
} Asking;

static PetSegmenter *
take_second (void *user)
{
  Asking *asking = user;
  PetSegmenter *segmenter = gst_pet_network_take_second (
      asking->network, asking->threads, asking->ticket);

  asking->refused = segmenter == NULL;
  return segmenter;
}

static void
give_back_second (void *user)
{
  const Asking *asking = user;

  gst_pet_network_give_back_second (asking->network);
}

PetStatus
gst_pet_matte_begin (GstPetMatte *matte, GstPetNetwork *network,
    GstPetAccount *account, const GstPetMatteOptions *options,
    const PetImage *photo, const PetCudaFrame *frame, PetError *error)
{
  Asking asking = { network, options->threads, account->ticket, FALSE };
  const PetSecondNetwork second = { take_second, give_back_second, &asking };
  PetStatus status;

  *matte = (GstPetMatte){ .network = network,
    .account = account,
    .photo = photo,
    .options = matte_options (options) };
  network->by_cpu = network->cut == NULL;
  matte->sent = matte->on_card = send_to_card (network, photo, frame);
  status = pet_find (network->segmenter, network->has_second ? &second : NULL,
      photo, options->subject == GST_PET_SUBJECT_LARGEST, &account->core,
      &matte->found, error);
  matte->options.part = matte->found.part;
  matte->unasked = asking.refused;
  matte->by_cpu = network->by_cpu;
  if (status != PET_OK && matte->sent)
    gst_pet_gpu_cut_end (network->cut);
  return status;
}

void
gst_pet_matte_end (GstPetMatte *matte)
{
  pet_find_clear (&matte->found, &matte->account->core);
  if (matte->sent)
    gst_pet_gpu_cut_end (matte->network->cut);
}

/* After a failure the card is not asked again for this photo. */
static gboolean
cut_by_card (GstPetMatte *matte, PetStatus status, const PetError *error)
{
  if (status == PET_OK)
    return TRUE;
  gst_pet_network_cut_failed (matte->network, status, error);
  matte->on_card = FALSE;
  return FALSE;
}

GstMemory *
gst_pet_matte_cut_on_card (GstPetMatte *matte, GstPetMatteResult *result)
{
  GstMemory *cutout = NULL;
  PetStatus status;
  PetError error;

  if (!matte->on_card)
    return NULL;
  status = gst_pet_gpu_cut_frame (matte->network->cut, matte->account,
      &matte->found.mask, &matte->options, &cutout, &result->stats, &error);
  if (!cut_by_card (matte, status, &error))
    return NULL;
  result->empty = result->stats.width == 0;
  return cutout;
}

gboolean
gst_pet_matte_cut_into (
    GstPetMatte *matte, PetCudaFrame *cutout, GstPetMatteResult *result)
{
  PetStatus status;
  PetError error;

  if (!matte->on_card)
    return FALSE;
  status = gst_pet_gpu_cut_into (matte->network->cut, &matte->found.mask,
      &matte->options, cutout, &result->stats, &error);
  result->empty = result->stats.width == 0;
  return cut_by_card (matte, status, &error);
}

PetStatus
gst_pet_matte_cut (GstPetMatte *matte, const PetImage *target,
    GstPetMatteResult *result, PetError *error)
{
  PetStatus status = PET_ERROR_UNSUPPORTED;
  PetError reason;

  if (matte->on_card && target->channels == 1) {
    status = gst_pet_gpu_cut_alpha (matte->network->cut, &matte->found.mask,
        &matte->options, target, &result->stats, &reason);
    (void) cut_by_card (matte, status, &reason);
  }
  if (status != PET_OK) {
    result->by_cpu = TRUE;
    PET_TRY (gst_pet_gpu_cut_bring (matte->network->cut, error));
    PET_TRY (pet_matte_cut (&matte->found.mask, matte->photo, target,
        &matte->options, &result->stats, &matte->account->core, error));
  }
  result->empty = result->stats.width == 0;
  return PET_OK;
}

GstStructure *
gst_pet_matte_message (GstBuffer *photo, const GstVideoInfo *info,
    const GstPetMatteResult *result, gdouble milliseconds)
{
  GstStructure *s = gst_structure_new_empty ("petsegment");
  const PetMaskStats *stats = &result->stats;

  gst_pet_structure_set_source (s, photo);
  gst_structure_set (s, "width", G_TYPE_INT, info->width, "height", G_TYPE_INT,
      info->height, "coverage", G_TYPE_DOUBLE, stats->coverage, "box-x",
      G_TYPE_INT, stats->x, "box-y", G_TYPE_INT, stats->y, "box-width",
      G_TYPE_INT, stats->width, "box-height", G_TYPE_INT, stats->height,
      "device", G_TYPE_STRING, result->by_cpu ? "cpu" : "cuda", "milliseconds",
      G_TYPE_DOUBLE, milliseconds, "empty", G_TYPE_BOOLEAN, result->empty,
      "second", G_TYPE_BOOLEAN, result->second, NULL);
  return s;
}

void
gst_pet_matte_note_recipe (const GstPetMatteResult *result, GstBuffer *frame)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (frame);
  gchar *recipe;

  if (!result->unasked || meta == NULL || meta->recipe == NULL)
    return;
  recipe = g_strconcat (meta->recipe, "; unasked=second-model", NULL);
  g_free (meta->recipe);
  meta->recipe = recipe;
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
gst_pet_matte_to_meta (GstPetMatte *matte, GstBuffer *frame,
    GstPetMatteResult *result, PetError *error)
{
  const PetImage *photo = matte->photo;
  GstMemory *memory = gst_pet_account_memory (
      matte->account, (gsize) photo->width * (gsize) photo->height);
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
  status = gst_pet_matte_cut (matte, &alpha, result, error);
  gst_buffer_unmap (mask, &map);
  if (status == PET_OK)
    add_meta (frame, mask, photo, result);
  gst_buffer_unref (mask);
  return status;
}
