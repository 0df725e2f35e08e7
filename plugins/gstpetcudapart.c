/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetcudapart.h"

#include "memory/gstpetmemory.h"

gboolean
gst_pet_caps_are_cuda (const GstCaps *caps)
{
  GstCapsFeatures *features = gst_caps_get_features (caps, 0);

  return features != NULL &&
      gst_caps_features_contains (features, GST_PET_CUDA_FEATURE);
}

static gboolean
is_cuda (GstCapsFeatures *features, GstStructure *structure, gpointer user)
{
  return gst_caps_features_contains (features, GST_PET_CUDA_FEATURE);
}

static gboolean
is_not_cuda (GstCapsFeatures *features, GstStructure *structure, gpointer user)
{
  return !is_cuda (features, structure, user);
}

GstCaps *
gst_pet_caps_of_both (GstCaps *caps, gboolean possible)
{
  GstCaps *others;

  if (gst_caps_is_any (caps))
    return caps;
  caps = gst_caps_make_writable (caps);
  if (!possible) {
    gst_caps_filter_and_map_in_place (caps, is_not_cuda, NULL);
    return caps;
  }
  others = gst_caps_copy (caps);
  for (guint i = 0; i < gst_caps_get_size (others); i++) {
    GstCapsFeatures *features = gst_caps_get_features (others, i);

    gst_caps_set_features (others, i,
        is_cuda (features, NULL, NULL)
            ? gst_caps_features_new (
                  GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY, NULL)
            : gst_caps_features_new (GST_PET_CUDA_FEATURE, NULL));
  }
  return gst_caps_merge (caps, others);
}

void
gst_pet_cuda_part_start (
    GstElement *element, GstPetCudaPart *part, GstPetCard *card)
{
  GstPetCudaLink *link = card != NULL ? gst_pet_cuda_link_new (card) : NULL;

  GST_OBJECT_LOCK (element);
  part->link = link;
  part->started = TRUE;
  GST_OBJECT_UNLOCK (element);
  part->in = part->out = FALSE;
}

void
gst_pet_cuda_part_stop (GstElement *element, GstPetCudaPart *part)
{
  GstPetCudaLink *link;

  GST_OBJECT_LOCK (element);
  link = part->link;
  part->link = NULL;
  part->started = FALSE;
  GST_OBJECT_UNLOCK (element);
  gst_pet_cuda_link_free (&link);
}

gboolean
gst_pet_cuda_part_is_possible (GstElement *element, const GstPetCudaPart *part)
{
  gboolean possible;

  GST_OBJECT_LOCK (element);
  possible = part->started
      ? part->link != NULL
      : part->device != GST_PET_DEVICE_CPU && gst_pet_cuda_memory_is_built ();
  GST_OBJECT_UNLOCK (element);
  return possible;
}

gboolean
gst_pet_cuda_part_query (
    GstElement *element, const GstPetCudaPart *part, GstQuery *query)
{
  GstPetDevice device;
  gint id;

  if (GST_QUERY_TYPE (query) != GST_QUERY_CONTEXT)
    return FALSE;
  GST_OBJECT_LOCK (element);
  device = part->device;
  id = part->device_id;
  GST_OBJECT_UNLOCK (element);
  return device != GST_PET_DEVICE_CPU &&
      gst_pet_cuda_answer_context (element, query, id);
}

gboolean
gst_pet_cuda_part_propose (
    GstPetCudaPart *part, GstPetAccount *account, GstQuery *query)
{
  if (part->link != NULL && part->in)
    return gst_pet_cuda_link_propose (part->link, query);
  return gst_pet_account_propose (account, query);
}

void
gst_pet_cuda_part_set_caps (
    GstPetCudaPart *part, const GstCaps *in, const GstCaps *out)
{
  part->in = gst_pet_caps_are_cuda (in);
  part->out = gst_pet_caps_are_cuda (out);
}

static PetStatus
take_frame (GstBaseTransform *trans, GstPetCudaPart *part,
    GstPetAccount *account, const GstVideoInfo *info, GstBuffer *in,
    GstBuffer **out, PetError *error)
{
  GstCaps *caps;
  PetStatus status;

  if (part->out) {
    caps = gst_pad_get_current_caps (GST_BASE_TRANSFORM_SRC_PAD (trans));
    status = gst_pet_cuda_link_buffer (part->link, caps, out, error);
    gst_caps_unref (caps);
    return status;
  }
  gst_pet_account_begin (account, in);
  *out = gst_pet_account_frame (account, info);
  gst_pet_account_end (account);
  return *out != NULL
      ? PET_OK
      : pet_fail (error, PET_ERROR_MEMORY, "the host is out of memory");
}

GstFlowReturn
gst_pet_cuda_part_frame (GstBaseTransform *trans, GstPetCudaPart *part,
    GstPetAccount *account, const GstVideoInfo *info, GstBuffer *in,
    GstBuffer **out)
{
  PetError error;

  if (take_frame (trans, part, account, info, in, out, &error) != PET_OK) {
    GST_ELEMENT_ERROR (trans, RESOURCE, NO_SPACE_LEFT,
        ("No memory for a frame of %d x %d: %s.", info->width, info->height,
            error.message),
        (NULL));
    return GST_FLOW_ERROR;
  }
  GST_BASE_TRANSFORM_GET_CLASS (trans)->copy_metadata (trans, in, *out);
  return GST_FLOW_OK;
}

gboolean
gst_pet_cuda_part_open_photo (GstPetCudaPart *part, GstPetAccount *account,
    GstBuffer *in, const GstVideoInfo *info, GstPetCudaPhoto *photo)
{
  PetImage *room = &photo->room;

  if (!part->in || part->link == NULL ||
      gst_pet_cuda_view_begin (
          part->link, in, info, FALSE, &photo->view, NULL) != PET_OK)
    return FALSE;
  room->width = info->width;
  room->height = info->height;
  room->channels = GST_VIDEO_INFO_COMP_PSTRIDE (info, 0);
  room->stride_bytes = (ptrdiff_t) room->width * room->channels;
  room->data = gst_pet_block_new (account->budget, account->ticket,
      (gsize) room->stride_bytes * (gsize) room->height, FALSE);
  if (room->data == NULL)
    gst_pet_cuda_view_end (part->link, &photo->view);
  return room->data != NULL;
}

void
gst_pet_cuda_part_close_photo (GstPetCudaPart *part, GstPetCudaPhoto *photo)
{
  gst_pet_cuda_view_end (part->link, &photo->view);
  gst_pet_block_free (photo->room.data);
}
