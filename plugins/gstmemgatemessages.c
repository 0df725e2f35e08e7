/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstmemgatemessages.h"

#include "meta/gstpetsourcemeta.h"

void
gst_mem_gate_post_action (GstElement *gate, GstBuffer *buffer,
    const gchar *action, const gchar *reason, const gchar *label,
    guint priority, const GstPetBudgetState *state)
{
  GstStructure *s = gst_structure_new_empty ("memgate");

  gst_pet_structure_set_source (s, buffer);
  gst_structure_set (s, "action", G_TYPE_STRING, action, "label", G_TYPE_STRING,
      label, "reason", G_TYPE_STRING, reason, "pressure", G_TYPE_DOUBLE,
      state->pressure, "in-use", G_TYPE_UINT64, state->in_use, "limit",
      G_TYPE_UINT64, state->limit, "priority", G_TYPE_UINT, priority, NULL);
  gst_element_post_message (
      gate, gst_message_new_element (GST_OBJECT (gate), s));
}

void
gst_mem_gate_post_qos (GstElement *gate, GstBuffer *buffer,
    const GstSegment *segment, guint64 passed, guint64 dropped)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer);
  GstClockTime running = GST_CLOCK_TIME_NONE, stream = GST_CLOCK_TIME_NONE;
  GstMessage *message;

  if (segment->format == GST_FORMAT_TIME) {
    running = gst_segment_to_running_time (segment, GST_FORMAT_TIME, pts);
    stream = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, pts);
  }
  message = gst_message_new_qos (GST_OBJECT (gate), FALSE, running, stream, pts,
      GST_BUFFER_DURATION (buffer));
  gst_message_set_qos_stats (message, GST_FORMAT_BUFFERS, passed, dropped);
  gst_element_post_message (gate, message);
}
