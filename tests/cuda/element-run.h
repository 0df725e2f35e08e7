/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Elements on the card of host memory: one at a time, with a bus of its own. */

#pragma once

#include <gst/check/gstharness.h>
#include <string.h>

#include "fake-cuda.h"

#define WIDTH 96
#define HEIGHT 80

static inline GstBuffer *
make_photo (const gchar *format)
{
  gsize channels = g_str_equal (format, "RGBA") ? 4 : 3;
  GstBuffer *photo =
      gst_buffer_new_allocate (NULL, WIDTH * HEIGHT * channels, NULL);
  GstMapInfo map;

  gst_buffer_map (photo, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (guint8) ((i * 7 + (i / 311) * 13 + (i * i) % 251) & 255);
  gst_buffer_unmap (photo, &map);
  GST_BUFFER_PTS (photo) = 0;
  return photo;
}

/* One element with a bus of its own. */
typedef struct {
  GstElement *element;
  GstHarness *harness; /* NULL if it did not start */
  GstBus *bus;
  gboolean started;
} Run;

/* Unless the line names one: without petnet-large a warning would say so. */
static inline void
leave_second_out (GstElement *element)
{
  g_autofree gchar *location = NULL;

  if (g_object_class_find_property (
          G_OBJECT_GET_CLASS (element), "second-model-location") == NULL)
    return;
  g_object_get (element, "second-model-location", &location, NULL);
  if (location == NULL)
    g_object_set (element, "second-model-location", "", NULL);
}

static inline Run
start_sized (const gchar *line, const gchar *format, gint width, gint height)
{
  g_autofree gchar *caps =
      g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=0/1",
          format, width, height);
  Run run = { .bus = gst_bus_new () };

  run.element = gst_object_ref_sink (gst_parse_launch (line, NULL));
  leave_second_out (run.element);
  gst_element_set_bus (run.element, run.bus);
  run.started = gst_element_set_state (run.element, GST_STATE_PAUSED) !=
      GST_STATE_CHANGE_FAILURE;
  if (run.started) {
    run.harness = gst_harness_new_with_element (run.element, "sink", "src");
    gst_harness_set_src_caps_str (run.harness, caps);
  }
  return run;
}

static inline Run
start (const gchar *line, const gchar *format)
{
  return start_sized (line, format, WIDTH, HEIGHT);
}

static inline void
stop (Run *run)
{
  gst_element_set_bus (run->element, NULL);
  if (run->harness != NULL)
    gst_harness_teardown (run->harness);
  gst_element_set_state (run->element, GST_STATE_NULL);
  gst_object_unref (run->element);
  gst_object_unref (run->bus);
}

/* The next message of a kind contains `text`. */
static inline void
expect_message (Run *run, GstMessageType type, const gchar *text)
{
  GstMessage *message = gst_bus_pop_filtered (run->bus, type);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (message);
  if (type == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  else
    gst_message_parse_warning (message, &error, NULL);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, text));
  gst_message_unref (message);
}

static inline void
expect_silence (Run *run)
{
  g_assert_true (gst_bus_pop_filtered (run->bus,
                     GST_MESSAGE_ERROR | GST_MESSAGE_WARNING) == NULL);
}

/* What is active now, and what the message of the next photo says. */
static inline void
expect_device (Run *run, const gchar *active, const gchar *told)
{
  GstMessage *message = gst_bus_pop_filtered (run->bus, GST_MESSAGE_ELEMENT);
  g_autofree gchar *device = NULL;

  g_assert_nonnull (message);
  g_assert_cmpstr (
      gst_structure_get_string (gst_message_get_structure (message), "device"),
      ==, told);
  gst_message_unref (message);
  g_object_get (run->element, "active-device", &device, NULL);
  g_assert_cmpstr (device, ==, active);
}

static inline GstBuffer *
process (Run *run, const gchar *format)
{
  g_assert_cmpint (
      gst_harness_push (run->harness, make_photo (format)), ==, GST_FLOW_OK);
  return gst_harness_pull (run->harness);
}

/* Largest difference of two buffers. */
static inline gint
difference (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo x, y;
  gint most = 0;

  gst_buffer_map (a, &x, GST_MAP_READ);
  gst_buffer_map (b, &y, GST_MAP_READ);
  g_assert_cmpuint (x.size, ==, y.size);
  for (gsize i = 0; i < x.size; i++)
    most = MAX (most, ABS ((gint) x.data[i] - y.data[i]));
  gst_buffer_unmap (a, &x);
  gst_buffer_unmap (b, &y);
  gst_buffer_unref (a);
  gst_buffer_unref (b);
  return most;
}

static inline GstBuffer *
on_cpu (const gchar *line, const gchar *format)
{
  Run run = start (line, format);
  GstBuffer *result = process (&run, format);

  stop (&run);
  return result;
}
