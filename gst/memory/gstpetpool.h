/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A GstBufferPool of zeroed frames from the account. Frames go back to the
 * system when released and are never handed out twice. With a maximum it says
 * how full it is, and the account's pressure is at least that. Thread-safety:
 * safe. */

#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

#define GST_TYPE_PET_POOL (gst_pet_pool_get_type ())
G_DECLARE_FINAL_TYPE (GstPetPool, gst_pet_pool, GST, PET_POOL, GstBufferPool)

/* Active and ready for gst_pet_pool_take(). `max_buffers` 0: no maximum.
 * Transfer full. */
GstPetPool *gst_pet_pool_new (GstPetBudget *budget, guint max_buffers);

/* The same, to be offered in an ALLOCATION query: configured for `caps`, not
 * active. NULL: not raw video. */
GstPetPool *gst_pet_pool_new_for_caps (
    GstPetBudget *budget, GstCaps *caps, guint max_buffers);

/* A frame of any size, drawn from `ticket` (NULL: loose), contents unspecified.
 * Does not wait: where the pool is full, the frame is one more than its maximum
 * and the fill says so. NULL when there is no memory. */
GstBuffer *gst_pet_pool_take (
    GstPetPool *pool, GstPetTicket *ticket, gsize size);

guint gst_pet_pool_get_out (GstPetPool *pool);
/* Frames out over the maximum; 0 without one. May pass 1. */
gdouble gst_pet_pool_get_fullness (GstPetPool *pool);

G_END_DECLS
