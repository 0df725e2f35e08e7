/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Start here to use the elements inside an application: a photo in memory
 * goes in through appsrc, PNGs in memory come out of appsink.
 *
 *   pet-embed PHOTO OUT.png [EFFECT]
 */

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <stdio.h>

/* appsrc with caps set: each buffer that is pushed is one whole file. */
static GstElement *
new_pipeline (const gchar *effect, GError **error)
{
  g_autofree gchar *launch = g_strdup_printf (
      "appsrc name=in caps=image/jpeg ! petdec max-size=1536 ! "
      "petsegment device=cpu ! peteffect effect=%s ! petpngenc ! "
      "appsink name=out sync=false enable-last-sample=false",
      effect);

  return gst_parse_launch (launch, error);
}

static gboolean
push_photo (GstElement *pipeline, const gchar *path, GError **error)
{
  GstElement *in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  gboolean read;
  gchar *bytes;
  gsize size;

  read = g_file_get_contents (path, &bytes, &size, error);
  if (read) {
    gst_app_src_push_buffer (
        GST_APP_SRC (in), gst_buffer_new_wrapped (bytes, size));
    gst_app_src_end_of_stream (GST_APP_SRC (in));
  }
  gst_object_unref (in);
  return read;
}

/* The error that ended the pipeline, or a generic one. */
static void
take_error (GstElement *pipeline, GError **error)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message != NULL) {
    gst_message_parse_error (message, error, NULL);
    gst_message_unref (message);
  } else {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
        "no picture came out");
  }
  gst_object_unref (bus);
}

static gboolean
pull_print (GstElement *pipeline, const gchar *path, GError **error)
{
  GstElement *out = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  GstSample *sample = gst_app_sink_pull_sample (GST_APP_SINK (out));
  gboolean written = FALSE;
  GstMapInfo map;

  gst_object_unref (out);
  if (sample == NULL) {
    take_error (pipeline, error);
    return FALSE;
  }
  if (gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ)) {
    written = g_file_set_contents (
        path, (const gchar *) map.data, (gssize) map.size, error);
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
  }
  gst_sample_unref (sample);
  return written;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  gboolean done;

  gst_init (&argc, &argv);
  if (argc < 3) {
    fprintf (stderr, "usage: pet-embed PHOTO OUT.png [EFFECT]\n");
    return 1;
  }
  pipeline = new_pipeline (argc > 3 ? argv[3] : "popart", &error);
  if (error != NULL) {
    fprintf (stderr, "pet-embed: %s\n", error->message);
    return 1;
  }
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  done = push_photo (pipeline, argv[1], &error) &&
      pull_print (pipeline, argv[2], &error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  if (!done)
    fprintf (stderr, "pet-embed: %s\n", error->message);
  return done ? 0 : 2;
}
