/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetgpucut.h"

struct _GstPetGpuCut {
  const PetCudaApi *api;
  GstPetCard *card;
  GstAllocator *frames; /* of the cut-outs */
  PetCudaMatte *matte;
  PetCudaFrame *photo; /* for photos that go up; NULL before the first */

  /* The photo now. */
  const PetCudaFrame *shown; /* `photo`, or somebody else's */
  PetImage image;            /* where it is on the host; data NULL: none */
  gboolean on_host;
};

PetStatus
gst_pet_gpu_cut_open (gint device, GstPetGpuCut **result, PetError *error)
{
  GstPetGpuCut *cut;
  PetStatus status;

  if (gst_pet_cuda_api (error) == NULL)
    return PET_ERROR_DEVICE;
  cut = g_new0 (GstPetGpuCut, 1);
  cut->api = gst_pet_cuda_api (NULL);
  status = gst_pet_card_open (device, &cut->card, error);
  if (status == PET_OK)
    status = gst_pet_card_allocator_new (device, &cut->frames, error);
  if (status == PET_OK)
    status =
        cut->api->matte_new (gst_pet_card_cuda (cut->card), &cut->matte, error);
  if (status != PET_OK)
    gst_pet_gpu_cut_close (&cut);
  else
    *result = cut;
  return status;
}

void
gst_pet_gpu_cut_close (GstPetGpuCut **pointer)
{
  GstPetGpuCut *cut = *pointer;

  if (cut == NULL)
    return;
  if (cut->matte != NULL)
    cut->api->matte_free (&cut->matte);
  if (cut->photo != NULL)
    cut->api->frame_free (&cut->photo);
  gst_clear_object (&cut->frames);
  gst_pet_card_close (&cut->card);
  g_free (cut);
  *pointer = NULL;
}

PetStatus
gst_pet_gpu_cut_begin (
    GstPetGpuCut *cut, const PetImage *photo, PetError *error)
{
  PetCuda *cuda = gst_pet_card_cuda (cut->card);

  gst_pet_gpu_cut_end (cut);
  if (cut->photo != NULL &&
      !cut->api->frame_fit (
          cut->photo, photo->width, photo->height, photo->channels))
    cut->api->frame_free (&cut->photo);
  if (cut->photo == NULL)
    PET_TRY (cut->api->frame_new (cuda, photo->width, photo->height,
        photo->channels, &cut->photo, error));
  PET_TRY (cut->api->frame_write (cuda, cut->photo, photo, error));
  cut->shown = cut->photo;
  cut->image = *photo;
  cut->on_host = TRUE;
  return PET_OK;
}

void
gst_pet_gpu_cut_begin_frame (
    GstPetGpuCut *cut, const PetCudaFrame *frame, const PetImage *photo)
{
  gst_pet_gpu_cut_end (cut);
  cut->shown = frame;
  cut->image = *photo;
  cut->on_host = FALSE;
}

/* Of a card that is lost nothing reads any more. */
void
gst_pet_gpu_cut_end (GstPetGpuCut *cut)
{
  if (cut->image.data != NULL && cut->shown != cut->photo)
    (void) cut->api->wait (gst_pet_card_cuda (cut->card), NULL);
  cut->image.data = NULL;
  cut->shown = NULL;
}

PetStatus
gst_pet_gpu_cut_bring (GstPetGpuCut *cut, PetError *error)
{
  if (cut == NULL || cut->image.data == NULL || cut->on_host)
    return PET_OK;
  PET_TRY (cut->api->frame_read (
      gst_pet_card_cuda (cut->card), cut->shown, &cut->image, error));
  cut->on_host = TRUE;
  return PET_OK;
}

GstPetCard *
gst_pet_gpu_cut_card (const GstPetGpuCut *cut)
{
  return cut->card;
}

PetCudaPhoto
gst_pet_gpu_cut_find (const GstPetGpuCut *cut, const PetImage *view)
{
  PetCudaPhoto photo = { .image = *view };
  const PetImage *whole;
  ptrdiff_t offset;
  guintptr first;

  if (cut == NULL || cut->image.data == NULL)
    return photo;
  whole = &cut->image;
  first = (guintptr) whole->data;
  if (view->channels != whole->channels ||
      view->stride_bytes != whole->stride_bytes ||
      (guintptr) view->data < first ||
      (guintptr) view->data >
          (guintptr) pet_image_row (whole, whole->height - 1) +
              (gsize) (whole->width - 1) * (gsize) whole->channels)
    return photo;
  offset = (ptrdiff_t) ((guintptr) view->data - first);
  photo.frame = cut->shown;
  photo.x = (int) (offset % whole->stride_bytes / whole->channels);
  photo.y = (int) (offset / whole->stride_bytes);
  return photo;
}

PetStatus
gst_pet_gpu_cut_frame (GstPetGpuCut *cut, GstPetAccount *account,
    const PetImage *mask, const PetMatteOptions *options, GstMemory **cutout,
    PetMaskStats *stats, PetError *error)
{
  gint width = cut->image.width, height = cut->image.height;
  PetCudaFrame *frame;
  PetStatus status;

  PET_TRY (
      gst_pet_card_allocator_take (cut->frames, width, height, &frame, error));
  status = cut->api->matte_cut (
      cut->matte, mask, cut->shown, options, frame, NULL, stats, error);
  if (status != PET_OK) {
    gst_pet_card_allocator_give_back (cut->frames, frame);
    return status;
  }
  *cutout =
      gst_pet_card_memory_new (cut->frames, frame, width, height, account);
  return PET_OK;
}

PetStatus
gst_pet_gpu_cut_into (GstPetGpuCut *cut, const PetImage *mask,
    const PetMatteOptions *options, PetCudaFrame *cutout, PetMaskStats *stats,
    PetError *error)
{
  PET_TRY (cut->api->matte_cut (
      cut->matte, mask, cut->shown, options, cutout, NULL, stats, error));
  return cut->api->wait (gst_pet_card_cuda (cut->card), error);
}

PetStatus
gst_pet_gpu_cut_alpha (GstPetGpuCut *cut, const PetImage *mask,
    const PetMatteOptions *options, const PetImage *alpha, PetMaskStats *stats,
    PetError *error)
{
  return cut->api->matte_cut (
      cut->matte, mask, cut->shown, options, NULL, alpha, stats, error);
}
