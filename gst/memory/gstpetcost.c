/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetcost.h"

#define COST_QUERY "gst-pet-cost"

static guint64
add_saturated (guint64 a, guint64 b)
{
  return b > G_MAXUINT64 - a ? G_MAXUINT64 : a + b;
}

guint64
gst_pet_cost_sum (const GstPetCost *cost)
{
  return add_saturated (cost->parallel, cost->serial);
}

gboolean
gst_pet_query_is_cost (GstQuery *query)
{
  const GstStructure *structure = gst_query_get_structure (query);

  return GST_QUERY_TYPE (query) == GST_QUERY_CUSTOM && structure != NULL &&
      gst_structure_has_name (structure, COST_QUERY);
}

GstCaps *
gst_pet_query_get_cost_caps (GstQuery *query)
{
  const GValue *value =
      gst_structure_get_value (gst_query_get_structure (query), "caps");

  return value != NULL ? g_value_get_boxed (value) : NULL;
}

static GstPetCost *
cost_of (GstQuery *query)
{
  const GValue *value =
      gst_structure_get_value (gst_query_get_structure (query), "cost");

  return g_value_get_pointer (value);
}

void
gst_pet_query_add_cost (GstQuery *query, guint64 bytes)
{
  GstPetCost *cost = cost_of (query);

  cost->known = TRUE;
  cost->parallel = add_saturated (cost->parallel, bytes);
}

void
gst_pet_query_add_gated_cost (GstQuery *query, guint64 bytes)
{
  GstPetCost *cost = cost_of (query);

  cost->known = TRUE;
  cost->serial = MAX (cost->serial, bytes);
}

gboolean
gst_pet_pad_ask_cost (GstPad *srcpad, GstCaps *caps, GstPetCost *cost)
{
  GstStructure *structure = gst_structure_new (
      COST_QUERY, "cost", G_TYPE_POINTER, (gpointer) cost, NULL);
  GstQuery *query;

  *cost = (GstPetCost){ 0 };
  if (caps != NULL)
    gst_structure_set (structure, "caps", GST_TYPE_CAPS, caps, NULL);
  query = gst_query_new_custom (GST_QUERY_CUSTOM, structure);
  gst_pad_peer_query (srcpad, query);
  gst_query_unref (query);
  return cost->known;
}
