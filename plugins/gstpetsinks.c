/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetsinks.h"

#include <gst/base/gstbasesink.h>

/* Transfer full; NULL: it is in no bin. */
static GstObject *
find_top (GstElement *element)
{
  GstObject *top = gst_object_get_parent (GST_OBJECT (element)), *above;

  while (top != NULL && (above = gst_object_get_parent (top)) != NULL) {
    gst_object_unref (top);
    top = above;
  }
  return top;
}

typedef struct {
  GstPetBudget *budget;
  const GstPetTicket *except;
} Settling;

static void
settle_last (const GValue *item, gpointer user)
{
  const Settling *settling = user;
  GstElement *sink = g_value_get_object (item);
  GstSample *sample;
  GstPetTicket *ticket;
  GstBuffer *buffer;

  if (!GST_IS_BASE_SINK (sink))
    return;
  sample = gst_base_sink_get_last_sample (GST_BASE_SINK (sink));
  if (sample == NULL)
    return;
  buffer = gst_sample_get_buffer (sample);
  ticket = buffer != NULL ? gst_pet_buffer_get_ticket (buffer, settling->budget)
                          : NULL;
  if (ticket != NULL && ticket != settling->except)
    gst_pet_ticket_settle (ticket);
  gst_sample_unref (sample);
}

/* An appsink keeps the sample that was pulled last, whatever its settings say. */
static void
show_last (const GValue *item, gpointer unused)
{
  GstElement *sink = g_value_get_object (item);

  (void) unused;
  if (g_str_equal (G_OBJECT_TYPE_NAME (sink), "GstAppSink"))
    gst_base_sink_set_last_sample_enabled (GST_BASE_SINK (sink), TRUE);
}

/* TRUE: all of it plays, or it is in no bin. */
static gboolean
for_each_around (
    GstElement *element, GstIteratorForeachFunction function, gpointer data)
{
  GstObject *top = find_top (element);
  gboolean plays = TRUE;
  GstIterator *elements;

  if (GST_IS_BIN (top)) {
    elements = gst_bin_iterate_recurse (GST_BIN (top));
    while (
        gst_iterator_foreach (elements, function, data) == GST_ITERATOR_RESYNC)
      gst_iterator_resync (elements);
    gst_iterator_free (elements);
    GST_OBJECT_LOCK (top);
    plays = GST_STATE (top) == GST_STATE_PLAYING;
    GST_OBJECT_UNLOCK (top);
  }
  gst_clear_object (&top);
  return plays;
}

void
gst_pet_sinks_show (GstElement *element)
{
  for_each_around (element, show_last, NULL);
}

gboolean
gst_pet_sinks_settle (
    GstElement *element, GstPetBudget *budget, const GstPetTicket *except)
{
  Settling settling = { budget, except };

  return !for_each_around (element, settle_last, &settling);
}
