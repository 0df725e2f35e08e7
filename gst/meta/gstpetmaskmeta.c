/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meta/gstpetmaskmeta.h"

#include <gst/video/video.h>

#define META_NAME "GstPetMaskMeta"

/* Tagged as belonging to the picture's size and orientation, so that an
 * element which scales or turns the frame drops the mask, not misplaces it. */
GType
gst_pet_mask_meta_api_get_type (void)
{
  static gsize type = 0;
  static const gchar *tags[] = { GST_META_TAG_VIDEO_STR,
    GST_META_TAG_VIDEO_SIZE_STR, GST_META_TAG_VIDEO_ORIENTATION_STR, NULL };

  if (g_once_init_enter (&type)) {
    GType known = g_type_from_name (META_NAME "API");

    g_once_init_leave (&type,
        known != 0 ? known
                   : gst_meta_api_type_register (META_NAME "API", tags));
  }
  return type;
}

static gboolean
mask_meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  GstPetMaskMeta *self = (GstPetMaskMeta *) meta;

  self->mask = NULL;
  self->width = self->height = 0;
  self->coverage = 0;
  self->box_x = self->box_y = self->box_width = self->box_height = 0;
  return TRUE;
}

static void
mask_meta_free (GstMeta *meta, GstBuffer *buffer)
{
  gst_clear_buffer (&((GstPetMaskMeta *) meta)->mask);
}

static gboolean
mask_meta_transform (GstBuffer *dest, GstMeta *meta, GstBuffer *buffer,
    GQuark type, gpointer data)
{
  GstPetMaskMeta *self = (GstPetMaskMeta *) meta;
  GstPetMaskMeta *copy;

  if (!GST_META_TRANSFORM_IS_COPY (type))
    return FALSE;
  if (((GstMetaTransformCopy *) data)->region)
    return FALSE;
  copy = gst_pet_buffer_add_mask_meta (
      dest, self->mask, self->width, self->height);
  if (copy == NULL)
    return FALSE;
  copy->coverage = self->coverage;
  copy->box_x = self->box_x;
  copy->box_y = self->box_y;
  copy->box_width = self->box_width;
  copy->box_height = self->box_height;
  return TRUE;
}

const GstMetaInfo *
gst_pet_mask_meta_get_info (void)
{
  static gsize info = 0;

  if (g_once_init_enter (&info)) {
    const GstMetaInfo *known = gst_meta_get_info (META_NAME);

    if (known == NULL)
      known = gst_meta_register (gst_pet_mask_meta_api_get_type (), META_NAME,
          sizeof (GstPetMaskMeta), mask_meta_init, mask_meta_free,
          mask_meta_transform);
    g_once_init_leave (&info, (gsize) known);
  }
  return (const GstMetaInfo *) info;
}

GstPetMaskMeta *
gst_pet_buffer_add_mask_meta (
    GstBuffer *buffer, GstBuffer *mask, guint width, guint height)
{
  GstPetMaskMeta *meta = (GstPetMaskMeta *) gst_buffer_add_meta (
      buffer, gst_pet_mask_meta_get_info (), NULL);

  if (meta == NULL)
    return NULL;
  meta->mask = gst_buffer_ref (mask);
  meta->width = width;
  meta->height = height;
  return meta;
}

GstPetMaskMeta *
gst_pet_buffer_get_mask_meta (GstBuffer *buffer)
{
  return (GstPetMaskMeta *) gst_buffer_get_meta (
      buffer, gst_pet_mask_meta_api_get_type ());
}
