/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetframing.h"

#include "meta/gstpetsourcemeta.h"

static gchar *
upstream_uri (GstPad *sinkpad)
{
  GstQuery *query = gst_query_new_uri ();
  gchar *uri = NULL;

  if (gst_pad_peer_query (sinkpad, query))
    gst_query_parse_uri (query, &uri);
  gst_query_unref (query);
  return uri;
}

/* GStreamer 1.22 spells multifilesrc's scheme "multifle". */
static gboolean
is_multifile (const gchar *uri)
{
  return uri != NULL
      && (g_str_has_prefix (uri, "multifile")
          || g_str_has_prefix (uri, "multifle"));
}

GstPetFraming
gst_pet_framing_detect (
    GstPad *sinkpad, GstBuffer *buffer, GstFormat format, gboolean has_caps)
{
  g_autofree gchar *uri = NULL;
  gint64 duration = -1;

  if (buffer != NULL && gst_pet_buffer_get_source_meta (buffer) != NULL)
    return GST_PET_FRAMING_BUFFER;
  if (format == GST_FORMAT_TIME)
    return GST_PET_FRAMING_BUFFER;

  uri = upstream_uri (sinkpad);
  if (is_multifile (uri))
    return GST_PET_FRAMING_BUFFER;
  /* A source that knows how many bytes there will be has one file. */
  if (gst_pad_peer_query_duration (sinkpad, GST_FORMAT_BYTES, &duration)
      && duration >= 0)
    return GST_PET_FRAMING_STREAM;
  if (has_caps)
    return GST_PET_FRAMING_BUFFER;
  /* Nothing came: only a source that names a file has lost one. */
  if (buffer == NULL
      && (uri == NULL || g_str_has_prefix (uri, "appsrc")))
    return GST_PET_FRAMING_UNKNOWN;
  return GST_PET_FRAMING_STREAM;
}

gchar *
gst_pet_framing_source_name (GstPad *sinkpad)
{
  g_autofree gchar *uri = upstream_uri (sinkpad);

  if (uri == NULL || is_multifile (uri) || g_str_has_prefix (uri, "appsrc"))
    return NULL;
  if (g_str_has_prefix (uri, "file://")) {
    gchar *path = g_filename_from_uri (uri, NULL, NULL);

    if (path != NULL)
      return path;
  }
  return g_steal_pointer (&uri);
}
