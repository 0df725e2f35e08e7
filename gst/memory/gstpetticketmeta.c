/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a ticket rides on buffers. */

#include "memory/gstpetbudget.h"

#define META_NAME "GstPetTicketMeta"

typedef struct {
  GstMeta meta;
  GstPetTicket *ticket;
} GstPetTicketMeta;

static GType
ticket_meta_api_get_type (void)
{
  static gsize type = 0;
  static const gchar *tags[] = { NULL };

  if (g_once_init_enter (&type))
    g_once_init_leave (
        &type, gst_meta_api_type_register (META_NAME "API", tags));
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
  gst_pet_buffer_set_ticket (dest, ((GstPetTicketMeta *) meta)->ticket);
  return TRUE;
}

static const GstMetaInfo *
ticket_meta_get_info (void)
{
  static gsize info = 0;

  if (g_once_init_enter (&info))
    g_once_init_leave (&info,
        (gsize) gst_meta_register (ticket_meta_api_get_type (), META_NAME,
            sizeof (GstPetTicketMeta), ticket_meta_init, ticket_meta_free,
            ticket_meta_transform));
  return (const GstMetaInfo *) info;
}

static GstPetTicketMeta *
find (GstBuffer *buffer, const GstPetBudget *budget)
{
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (
              buffer, &state, ticket_meta_api_get_type ())) != NULL) {
    GstPetTicketMeta *self = (GstPetTicketMeta *) meta;

    if (gst_pet_ticket_get_budget (self->ticket) == budget)
      return self;
  }
  return NULL;
}

void
gst_pet_buffer_set_ticket (GstBuffer *buffer, GstPetTicket *ticket)
{
  GstPetTicketMeta *meta = find (buffer, gst_pet_ticket_get_budget (ticket));
  GstPetTicket *before = NULL;

  if (meta == NULL)
    meta = (GstPetTicketMeta *) gst_buffer_add_meta (
        buffer, ticket_meta_get_info (), NULL);
  else
    before = meta->ticket;
  meta->ticket = gst_pet_ticket_ref (ticket);
  g_clear_pointer (&before, gst_pet_ticket_unref);
}

GstPetTicket *
gst_pet_buffer_get_ticket (GstBuffer *buffer, GstPetBudget *budget)
{
  GstPetTicketMeta *meta = find (buffer, budget);

  return meta != NULL ? meta->ticket : NULL;
}
