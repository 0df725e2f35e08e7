/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-lane.h"

#include <gst/app/gstappsrc.h>
#include <stdlib.h>

#include "base/pet-folder.h"
#include "meta/gstpetsourcemeta.h"

/* As petdec's own limit, applied before the file is read. */
#define MAX_FILE_SIZE (256 * 1000 * 1000)

struct _BatchLane {
  const BatchOptions *options;
  BatchLaneEvents events;
  gpointer user;

  GstElement *pipeline;
  GstElement *source;
  GHashTable *photos; /* index -> BatchPhoto in flight */
};

static gboolean handle_message (
    GstBus *bus, GstMessage *message, gpointer data);

/* All that takes memory takes it from one account. */
static GstElement *
add_element (BatchLane *lane, const gchar *factory, const gchar *name)
{
  GstElement *element = gst_element_factory_make (factory, name);

  if (element == NULL)
    g_error ("the GStreamer element \"%s\" is missing", factory);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "budget"))
    g_object_set (element, "budget", "pet-batch", NULL);
  gst_bin_add (GST_BIN (lane->pipeline), element);
  return element;
}

/* Elements of a branch are named after its position: messages of theirs are
 * told apart by it. */
static GstElement *
add_branch_element (BatchLane *lane, const gchar *factory, guint branch)
{
  g_autofree gchar *name = g_strdup_printf ("%s%u", factory, branch);

  return add_element (lane, factory, name);
}

static void
add_branch (BatchLane *lane, GstElement *tee, guint branch)
{
  const BatchOptions *options = lane->options;
  const BatchEffect *effect = &options->effects[branch];
  GstElement *gate = add_branch_element (lane, "memgate", branch);
  GstElement *queue = add_branch_element (lane, "queue", branch);
  GstElement *look = add_branch_element (lane, "peteffect", branch);
  GstElement *encoder = add_branch_element (lane, "petpngenc", branch);
  GstElement *sink = add_branch_element (lane, "petfilesink", branch);
  g_autofree gchar *file = g_strconcat (effect->name, ".png", NULL);
  g_autofree gchar *location =
      g_build_filename (options->output, "{dir}", "{stem}", file, NULL);

  g_object_set (gate, "label", effect->name, "optional", effect->optional,
      "priority", effect->priority, NULL);
  if (options->memory != 0)
    g_object_set (gate, "limit", options->memory, NULL);
  g_object_set (queue, "max-size-buffers", 1, "max-size-bytes", 0,
      "max-size-time", (guint64) 0, NULL);
  gst_util_set_object_arg (G_OBJECT (look), "effect", effect->name);
  g_object_set (encoder, "level", options->level, "dpi", options->dpi, NULL);
  g_object_set (sink, "location", location, NULL);
  gst_element_link_many (tee, gate, queue, look, encoder, sink, NULL);
}

static void
build (BatchLane *lane)
{
  const BatchOptions *options = lane->options;
  GstElement *decoder, *segmenter, *tee;
  GstBus *bus;

  lane->pipeline = gst_pipeline_new (NULL);
  lane->source = add_element (lane, "appsrc", "source");
  decoder = add_element (lane, "petdec", "decoder");
  segmenter = add_element (lane, "petsegment", "segmenter");
  tee = add_element (lane, "tee", "tee");

  g_object_set (
      lane->source, "format", GST_FORMAT_TIME, "max-bytes", (guint64) 0, NULL);
  g_object_set (decoder, "max-size", options->max_size, NULL);
  gst_util_set_object_arg (G_OBJECT (decoder), "on-error", "skip");
  gst_util_set_object_arg (G_OBJECT (segmenter), "device", options->device);
  g_object_set (segmenter, "model-location", options->model, NULL);
  gst_element_link_many (lane->source, decoder, segmenter, tee, NULL);
  for (guint i = 0; i < options->n_effects; i++)
    add_branch (lane, tee, i);

  bus = gst_element_get_bus (lane->pipeline);
  gst_bus_add_watch (bus, handle_message, lane);
  gst_object_unref (bus);
}

static void
tear_down (BatchLane *lane)
{
  GstBus *bus;

  if (lane->pipeline == NULL)
    return;
  gst_element_set_state (lane->pipeline, GST_STATE_NULL);
  bus = gst_element_get_bus (lane->pipeline);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
  g_clear_pointer (&lane->pipeline, gst_object_unref);
}

BatchLane *
batch_lane_new (
    const BatchOptions *options, const BatchLaneEvents *events, gpointer user)
{
  BatchLane *lane = g_new0 (BatchLane, 1);

  lane->options = options;
  lane->events = *events;
  lane->user = user;
  lane->photos = g_hash_table_new (g_int64_hash, g_int64_equal);
  return lane;
}

void
batch_lane_free (BatchLane *lane)
{
  GHashTableIter iter;
  gpointer photo;

  tear_down (lane);
  g_hash_table_iter_init (&iter, lane->photos);
  while (g_hash_table_iter_next (&iter, NULL, &photo))
    batch_photo_free (photo);
  g_hash_table_unref (lane->photos);
  g_free (lane);
}

static GError *
first_error (BatchLane *lane)
{
  GstBus *bus = gst_element_get_bus (lane->pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  if (message != NULL) {
    gst_message_parse_error (message, &error, NULL);
    gst_message_unref (message);
  } else {
    error = g_error_new (GST_CORE_ERROR, GST_CORE_ERROR_STATE_CHANGE,
        "the pipeline cannot be started");
  }
  gst_object_unref (bus);
  return error;
}

gboolean
batch_lane_start (BatchLane *lane, GError **error)
{
  build (lane);
  if (gst_element_set_state (lane->pipeline, GST_STATE_PLAYING) !=
      GST_STATE_CHANGE_FAILURE)
    return TRUE;
  g_propagate_error (error, first_error (lane));
  tear_down (lane);
  return FALSE;
}

static GstBuffer *
read_file (const BatchPhoto *photo)
{
  GstPetSourceMeta *meta;
  GstBuffer *buffer;
  PetStatus status;
  PetError error;
  uint8_t *bytes;
  size_t size;

  status =
      pet_file_read (photo->item->path, MAX_FILE_SIZE, &bytes, &size, &error);
  if (status == PET_OK)
    buffer = gst_buffer_new_wrapped_full (
        GST_MEMORY_FLAG_READONLY, bytes, size, 0, size, bytes, free);
  else
    buffer = gst_buffer_new ();
  meta = gst_pet_buffer_add_source_meta (
      buffer, photo->item->source, photo->index, 0);
  meta->dir = g_strdup (photo->item->dir);
  meta->stem = g_strdup (photo->item->stem);
  if (status != PET_OK)
    meta->problem = g_strdup (error.message);
  GST_BUFFER_PTS (buffer) = photo->index * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  return buffer;
}

void
batch_lane_push (BatchLane *lane, BatchPhoto *photo)
{
  g_hash_table_insert (lane->photos, &photo->index, photo);
  gst_app_src_push_buffer (GST_APP_SRC (lane->source), read_file (photo));
}

guint
batch_lane_in_flight (const BatchLane *lane)
{
  return g_hash_table_size (lane->photos);
}

static void
settle (BatchLane *lane, BatchPhoto *photo)
{
  if (!batch_photo_settle (photo))
    return;
  g_hash_table_remove (lane->photos, &photo->index);
  lane->events.settled (photo, lane->user);
}

static void
handle_decoded (BatchPhoto *photo, const GstStructure *s)
{
  gst_structure_get (s, "width", G_TYPE_INT, &photo->width, "height",
      G_TYPE_INT, &photo->height, NULL);
  if (g_str_equal (gst_structure_get_string (s, "status"), "failed"))
    batch_photo_fail (photo, gst_structure_get_string (s, "reason"));
}

static void
handle_segmented (BatchPhoto *photo, const GstStructure *s)
{
  gst_structure_get (s, "coverage", G_TYPE_DOUBLE, &photo->coverage, "box-x",
      G_TYPE_INT, &photo->box[0], "box-y", G_TYPE_INT, &photo->box[1],
      "box-width", G_TYPE_INT, &photo->box[2], "box-height", G_TYPE_INT,
      &photo->box[3], NULL);
}

static void
handle_gate (BatchLane *lane, BatchPhoto *photo, const GstStructure *s)
{
  const gchar *label = gst_structure_get_string (s, "label");

  if (!g_str_equal (gst_structure_get_string (s, "action"), "drop"))
    return;
  for (guint i = 0; i < lane->options->n_effects; i++)
    if (g_str_equal (lane->options->effects[i].name, label))
      batch_photo_set_result (
          photo, i, BATCH_DROPPED, gst_structure_get_string (s, "reason"));
}

static void
handle_stored (BatchPhoto *photo, const GstStructure *s, const gchar *sink)
{
  guint64 branch = g_ascii_strtoull (sink + strlen ("petfilesink"), NULL, 10);
  BatchResult *result = &photo->results[branch];

  batch_photo_set_result (photo, (guint) branch, BATCH_DONE, "");
  result->file = g_strdup (gst_structure_get_string (s, "filename"));
  gst_structure_get_uint64 (s, "bytes", &result->bytes);
}

static void
handle_element_message (BatchLane *lane, GstMessage *message)
{
  const GstStructure *s = gst_message_get_structure (message);
  BatchPhoto *photo;
  gint64 index;

  if (!gst_structure_get (s, "index", G_TYPE_UINT64, &index, NULL))
    return;
  photo = g_hash_table_lookup (lane->photos, &index);
  if (photo == NULL)
    return;
  if (gst_structure_has_name (s, "petdec"))
    handle_decoded (photo, s);
  else if (gst_structure_has_name (s, "petsegment"))
    handle_segmented (photo, s);
  else if (gst_structure_has_name (s, "memgate"))
    handle_gate (lane, photo, s);
  else if (gst_structure_has_name (s, "petfilesink"))
    handle_stored (photo, s, GST_MESSAGE_SRC_NAME (message));
  settle (lane, photo);
}

static void
handle_error (BatchLane *lane, GstMessage *message)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *photos = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer photo;

  gst_message_parse_error (message, &error, NULL);
  g_hash_table_iter_init (&iter, lane->photos);
  while (g_hash_table_iter_next (&iter, NULL, &photo))
    g_ptr_array_add (photos, photo);
  g_hash_table_remove_all (lane->photos);
  tear_down (lane);
  lane->events.broken (error, photos, lane->user);
}

static gboolean
handle_message (GstBus *bus, GstMessage *message, gpointer data)
{
  BatchLane *lane = data;
  g_autoptr (GError) error = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      handle_element_message (lane, message);
      return G_SOURCE_CONTINUE;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, NULL);
      lane->events.warned (error->message, lane->user);
      return G_SOURCE_CONTINUE;
    case GST_MESSAGE_ERROR:
      /* The watch goes with the pipeline. */
      handle_error (lane, message);
      return G_SOURCE_REMOVE;
    default:
      return G_SOURCE_CONTINUE;
  }
}
