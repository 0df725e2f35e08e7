/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* In place of gstpetcudamemory.c in a build without the headers of
 * gst-libs/gst/cuda. */

#include "gstpetcudamemory.h"

gboolean
gst_pet_cuda_memory_is_built (void)
{
  return FALSE;
}

GstPetCudaLink *
gst_pet_cuda_link_new (GstPetCard *card)
{
  return NULL;
}

void
gst_pet_cuda_link_free (GstPetCudaLink **link)
{
}

gboolean
gst_pet_cuda_answer_context (GstElement *element, GstQuery *query, gint id)
{
  return FALSE;
}

gboolean
gst_pet_cuda_link_propose (GstPetCudaLink *link, GstQuery *query)
{
  return FALSE;
}

PetStatus
gst_pet_cuda_link_buffer (
    GstPetCudaLink *link, GstCaps *caps, GstBuffer **buffer, PetError *error)
{
  return pet_fail (
      error, PET_ERROR_UNSUPPORTED, "built without GStreamer's CUDA memory");
}

PetStatus
gst_pet_cuda_view_begin (GstPetCudaLink *link, GstBuffer *buffer,
    const GstVideoInfo *info, gboolean write, GstPetCudaView *view,
    PetError *error)
{
  return pet_fail (
      error, PET_ERROR_UNSUPPORTED, "built without GStreamer's CUDA memory");
}

void
gst_pet_cuda_view_end (GstPetCudaLink *link, GstPetCudaView *view)
{
}
