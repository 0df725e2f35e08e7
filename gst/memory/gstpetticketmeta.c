/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a ticket rides on buffers, and the query that prices a branch. */

#include "memory/gstpetbudget.h"

typedef struct {
  GstMeta meta;
  GstPetTicket *ticket;
} GstPetTicketMeta;

#define COST_QUERY "gst-pet-cost"

static GType
ticket_meta_api_get_type (void)
{
  static gsize type = 0;
  static const gchar *tags[] = { NULL };

  if (g_once_init_enter (&type))
    g_once_init_leave (
        &type, gst_meta_api_type_register ("GstPetTicketMetaAPI", tags));
  return type;
}

static gboolean
ticket_meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  ((GstPetTicketMeta *) meta)->ticket = NULL;
  return TRUE;
}

static void
ticket_meta_free (GstMeta *meta, GstBuffer *buffer)
{
  g_clear_pointer (&((GstPetTicketMeta *) meta)->ticket, gst_pet_ticket_unref);
}

static gboolean
ticket_meta_transform (GstBuffer *dest, GstMeta *meta, GstBuffer *buffer,
    GQuark type, gpointer data)
{
  gst_pet_buffer_add_ticket (dest, ((GstPetTicketMeta *) meta)->ticket);
  return TRUE;
}

static const GstMetaInfo *
ticket_meta_get_info (void)
{
  static gsize info = 0;

  if (g_once_init_enter (&info))
    g_once_init_leave (&info,
        (gsize) gst_meta_register (ticket_meta_api_get_type (),
            "GstPetTicketMeta", sizeof (GstPetTicketMeta), ticket_meta_init,
            ticket_meta_free, ticket_meta_transform));
  return (const GstMetaInfo *) info;
}

void
gst_pet_buffer_add_ticket (GstBuffer *buffer, GstPetTicket *ticket)
{
  GstPetTicketMeta *meta = (GstPetTicketMeta *) gst_buffer_add_meta (
      buffer, ticket_meta_get_info (), NULL);

  if (meta != NULL)
    meta->ticket = gst_pet_ticket_ref (ticket);
}

GstQuery *
gst_pet_query_new_cost (GstCaps *caps)
{
  return gst_query_new_custom (GST_QUERY_CUSTOM,
      gst_structure_new (COST_QUERY, "caps", GST_TYPE_CAPS, caps, NULL));
}

gboolean
gst_pet_query_is_cost (GstQuery *query)
{
  const GstStructure *structure = gst_query_get_structure (query);

  return GST_QUERY_TYPE (query) == GST_QUERY_CUSTOM && structure != NULL &&
      gst_structure_has_name (structure, COST_QUERY);
}

void
gst_pet_query_add_cost (GstQuery *query, guint64 bytes)
{
  GstStructure *structure = gst_query_writable_structure (query);
  guint64 sum = 0;

  gst_structure_get_uint64 (structure, "bytes", &sum);
  sum = bytes > G_MAXUINT64 - sum ? G_MAXUINT64 : sum + bytes;
  gst_structure_set (structure, "bytes", G_TYPE_UINT64, sum, NULL);
}

gboolean
gst_pet_query_parse_cost (GstQuery *query, GstCaps **caps, guint64 *bytes)
{
  const GstStructure *structure = gst_query_get_structure (query);

  if (caps != NULL)
    *caps = g_value_get_boxed (gst_structure_get_value (structure, "caps"));
  return bytes == NULL || gst_structure_get_uint64 (structure, "bytes", bytes);
}

guint64
gst_pet_branch_cost (GstPad *sinkpad, GstPad *srcpad, guint64 fallback)
{
  GstCaps *caps = gst_pad_get_current_caps (sinkpad);
  guint64 bytes = fallback;
  GstQuery *query;

  if (caps == NULL)
    return fallback;
  query = gst_pet_query_new_cost (caps);
  gst_caps_unref (caps);
  if (gst_pad_peer_query (srcpad, query))
    gst_pet_query_parse_cost (query, NULL, &bytes);
  gst_query_unref (query);
  return bytes;
}
