/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetframing.h"

#include "meta/gstpetsourcemeta.h"

/* Elements that are looked at on the way to the source. */
#define MAX_UPSTREAM 64

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
  return uri != NULL &&
      (g_str_has_prefix (uri, "multifile") ||
          g_str_has_prefix (uri, "multifle"));
}

/* Whether a URI is that of one file or one connection. */
static gboolean
is_one_file (const gchar *uri)
{
  return uri != NULL && !is_multifile (uri) &&
      !g_str_has_prefix (uri, "appsrc") &&
      !g_str_has_prefix (uri, "imagesequence");
}

/* Several streams may come one after another. */
static gboolean
has_several_inputs (GstPad *sinkpad)
{
  GstPad *pad = gst_object_ref (sinkpad);
  guint n_inputs = 1;

  for (guint i = 0; pad != NULL && n_inputs == 1 && i < MAX_UPSTREAM; i++) {
    g_autoptr (GstPad) peer = gst_pad_get_peer (pad);
    g_autoptr (GstElement) element =
        peer != NULL ? gst_pad_get_parent_element (peer) : NULL;

    gst_clear_object (&pad);
    if (element == NULL)
      break;
    GST_OBJECT_LOCK (element);
    n_inputs = element->numsinkpads;
    if (n_inputs == 1)
      pad = gst_object_ref (element->sinkpads->data);
    GST_OBJECT_UNLOCK (element);
  }
  gst_clear_object (&pad);
  return n_inputs > 1;
}

/* `buffer`: the first one, NULL at EOS without any. */
static GstPetFraming
detect (GstPetFramer *framer, GstBuffer *buffer)
{
  g_autofree gchar *uri = NULL;
  gint64 bytes = -1;

  if (buffer != NULL && gst_pet_buffer_get_source_meta (buffer) != NULL)
    return GST_PET_FRAMING_BUFFER;
  if (framer->segment.format == GST_FORMAT_TIME)
    return GST_PET_FRAMING_BUFFER;

  uri = upstream_uri (framer->sinkpad);
  if (is_multifile (uri))
    return GST_PET_FRAMING_BUFFER;
  /* A source that knows how many bytes there will be has one file. */
  if (gst_pad_peer_query_duration (framer->sinkpad, GST_FORMAT_BYTES, &bytes) &&
      bytes >= 0)
    return GST_PET_FRAMING_STREAM;
  if (framer->has_caps && !is_one_file (uri))
    return GST_PET_FRAMING_BUFFER;
  /* Nothing came: only a source that names a file has lost one. */
  if (buffer == NULL && (uri == NULL || g_str_has_prefix (uri, "appsrc")))
    return GST_PET_FRAMING_UNKNOWN;
  return GST_PET_FRAMING_STREAM;
}

/* The path of a file:// URI, or the URI; NULL where the source says nothing,
 * or where the name is not of one file. */
static gchar *
source_name (GstPad *sinkpad)
{
  g_autofree gchar *uri = upstream_uri (sinkpad);

  if (!is_one_file (uri) || has_several_inputs (sinkpad))
    return NULL;
  if (g_str_has_prefix (uri, "file://")) {
    gchar *path = g_filename_from_uri (uri, NULL, NULL);

    if (path != NULL)
      return path;
  }
  return g_steal_pointer (&uri);
}

/* Takes `file` and gives it a source meta if it has none. */
static GstBuffer *
with_source (GstPetFramer *framer, GstBuffer *file)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (file);

  if (meta == NULL) {
    g_autofree gchar *name = source_name (framer->sinkpad);

    file = gst_buffer_make_writable (file);
    meta = gst_pet_buffer_add_source_meta (file, name, framer->next_index, 0);
  }
  framer->next_index = meta->index + 1;
  return file;
}

void
gst_pet_framer_init (GstPetFramer *framer, GstPad *sinkpad)
{
  framer->sinkpad = sinkpad;
  framer->pieces = gst_adapter_new ();
  gst_pet_framer_reset (framer);
}

void
gst_pet_framer_clear (GstPetFramer *framer)
{
  g_clear_object (&framer->pieces);
}

void
gst_pet_framer_reset (GstPetFramer *framer)
{
  gst_pet_framer_drop_partial (framer);
  framer->has_caps = FALSE;
  framer->next_index = 0;
  gst_segment_init (&framer->segment, GST_FORMAT_UNDEFINED);
}

void
gst_pet_framer_drop_partial (GstPetFramer *framer)
{
  gst_adapter_clear (framer->pieces);
  framer->framing = GST_PET_FRAMING_UNKNOWN;
  framer->refused = FALSE;
}

static GstBuffer *
refuse (GstPetFramer *framer, guint64 max_bytes)
{
  GstBuffer *file = with_source (framer, gst_buffer_new ());

  gst_adapter_clear (framer->pieces);
  framer->refused = TRUE;
  gst_pet_buffer_get_source_meta (file)->problem = g_strdup_printf (
      "has more than the limit of %.1f MB", (gdouble) max_bytes / 1e6);
  return file;
}

GstBuffer *
gst_pet_framer_push (GstPetFramer *framer, GstBuffer *buffer, guint64 max_bytes)
{
  gsize have = gst_adapter_available (framer->pieces);

  if (framer->framing == GST_PET_FRAMING_UNKNOWN)
    framer->framing = detect (framer, buffer);
  if (framer->framing == GST_PET_FRAMING_BUFFER)
    return with_source (framer, buffer);

  if (!framer->refused && max_bytes != 0 &&
      have + gst_buffer_get_size (buffer) > max_bytes) {
    gst_buffer_unref (buffer);
    return refuse (framer, max_bytes);
  }
  if (framer->refused)
    gst_buffer_unref (buffer);
  else
    gst_adapter_push (framer->pieces, buffer);
  return NULL;
}

gboolean
gst_pet_framer_is_within (const GstPetFramer *framer)
{
  return framer->framing == GST_PET_FRAMING_STREAM;
}

GstBuffer *
gst_pet_framer_finish (GstPetFramer *framer)
{
  gsize size = gst_adapter_available (framer->pieces);
  GstBuffer *file = NULL;

  if (framer->framing == GST_PET_FRAMING_UNKNOWN && framer->next_index == 0)
    framer->framing = detect (framer, NULL);
  if (framer->framing == GST_PET_FRAMING_STREAM && !framer->refused) {
    file = size > 0 ? gst_adapter_take_buffer (framer->pieces, size)
                    : gst_buffer_new ();
    file = gst_buffer_make_writable (file);
    GST_BUFFER_PTS (file) = 0;
    file = with_source (framer, file);
  }
  gst_pet_framer_drop_partial (framer);
  return file;
}
