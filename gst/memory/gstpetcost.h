/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The query that prices a branch before a picture enters it: how many bytes one
 * picture of given caps will need beyond itself. An element that knows handles
 * it on its sink pad:
 *
 *   if (gst_pet_query_is_cost (query)) {
 *     GstPetCost behind;
 *     gst_pet_pad_ask_cost (srcpad, out_caps, &behind);
 *     gst_pet_query_add_cost (query,
 *         own_frame + MAX (own_scratch, gst_pet_cost_sum (&behind)));
 *     return FALSE;
 *   }
 *
 * FALSE on purpose: a tee asks its branches until one says TRUE. Elements that
 * do not know the query pass it on. All sums saturate. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  gboolean known;   /* somebody answered */
  guint64 parallel; /* bytes of branches without a gate, together */
  guint64 serial;   /* bytes of the most expensive required gate's branch:
                        gates can let them in one after the other */
} GstPetCost;

guint64 gst_pet_cost_sum (const GstPetCost *cost);

gboolean gst_pet_query_is_cost (GstQuery *query);

/* Borrowed; NULL if the asker did not know them. */
GstCaps *gst_pet_query_get_cost_caps (GstQuery *query);

void gst_pet_query_add_cost (GstQuery *query, guint64 bytes);
/* A required gate's: the largest counts. An optional one answers 0. */
void gst_pet_query_add_gated_cost (GstQuery *query, guint64 bytes);

/* Asks what comes after `srcpad`. FALSE: nobody knew, *cost is all 0. */
gboolean gst_pet_pad_ask_cost (GstPad *srcpad, GstCaps *caps, GstPetCost *cost);

G_END_DECLS
