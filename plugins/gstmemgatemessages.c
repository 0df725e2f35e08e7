/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstmemgatemessages.h"

#include "meta/gstpetsourcemeta.h"

void
gst_mem_gate_post_action (
    GstElement *gate, GstBuffer *buffer, const GstMemGateReport *report)
{
  GstStructure *s = gst_structure_new_empty ("memgate");

  gst_pet_structure_set_source (s, buffer);
  gst_structure_set (s, "action", G_TYPE_STRING, report->action, "label",
      G_TYPE_STRING, report->label, "reason", G_TYPE_STRING, report->reason,
      "pressure", G_TYPE_DOUBLE, report->pressure, "in-use", G_TYPE_UINT64,
      report->in_use, "limit", G_TYPE_UINT64, report->limit, "priority",
      G_TYPE_UINT, report->priority, NULL);
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

void
gst_mem_gate_post_over (GstElement *gate, GstPetAdmit admit, guint64 bytes)
{
  if (admit == GST_PET_ADMIT_STALLED)
    GST_ELEMENT_WARNING (gate, RESOURCE, NO_SPACE_LEFT,
        ("A picture passes above the limit: it has waited for long and nothing "
         "was given back."),
        ("something behind the gate keeps pictures, like a sink with "
         "async=true, or an application that keeps samples"));
  else
    GST_ELEMENT_WARNING (gate, RESOURCE, NO_SPACE_LEFT,
        ("A picture needs %" G_GUINT64_FORMAT
         " bytes, more than the limit; it passes because it is alone.",
            bytes),
        (NULL));
}
