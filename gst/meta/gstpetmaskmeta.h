/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The mask of the pet beside an unchanged frame (petsegment output=meta). */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GstPetMaskMeta GstPetMaskMeta;

/* `mask` holds width * height bytes, rows dense, 0 = background, 255 = pet,
 * of the frame's size; owned by the meta, read only. The box is in pixels of
 * the frame; all 0 where no pet was found. */
struct _GstPetMaskMeta {
  GstMeta meta;

  GstBuffer *mask;
  guint width, height;
  gdouble coverage; /* 0..1 */
  guint box_x, box_y, box_width, box_height;
};

GType gst_pet_mask_meta_api_get_type (void);
const GstMetaInfo *gst_pet_mask_meta_get_info (void);

/* `buffer` must be writable; takes a reference to `mask`. */
GstPetMaskMeta *gst_pet_buffer_add_mask_meta (
    GstBuffer *buffer, GstBuffer *mask, guint width, guint height);

/* NULL if there is none. */
GstPetMaskMeta *gst_pet_buffer_get_mask_meta (GstBuffer *buffer);

G_END_DECLS
