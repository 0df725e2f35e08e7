/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-lane.h"

#include <gst/app/gstappsrc.h>

#include "batch-load.h"
#include "batch-params.h"

/* For a pipeline that was given up: nobody waits for what it holds. */
#define NO_LIMIT G_MAXINT64

/* For memory, until it is reported: sooner than the photo would be given up. */
#define MAX_WAIT (10 * GST_SECOND)

struct _BatchLane {
  const BatchOptions *options;
  const gchar *settings;
  guint threads;
  BatchLaneEvents events;
  gpointer user;

  GstElement *pipeline;
  GstElement *source;
  BatchPhoto *photo; /* in flight, or NULL */
  BatchLoad *load;   /* of it, while its file is being read */
  gint64 moved_us;   /* when it was last heard of */
  const gchar *stage;
  gint *skipped;  /* atomic: bit i: branch i gets no picture; counted, since
                     the probes of a pipeline that hangs outlive the lane */
  gboolean hangs; /* a thread was given up */
};

/* Account of the gates. A new one is opened when a pipeline that holds tickets
 * is given up, and who waited for those goes on from then. */
static guint budget_number;
static gint64 given_up_us;

/* At the door of petdec, or at a gate. */
static const gchar waiting[] = "waiting for memory or being decoded";

static gboolean handle_message (
    GstBus *bus, GstMessage *message, gpointer data);

/* All that takes memory takes it from one account. */
static GstElement *
add_element (BatchLane *lane, const gchar *factory, const gchar *name)
{
  GstElement *element = gst_element_factory_make (factory, name);
  g_autofree gchar *budget = g_strdup_printf ("pet-batch-%u", budget_number);

  if (element == NULL)
    g_error ("the GStreamer element \"%s\" is missing", factory);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "budget"))
    g_object_set (element, "budget", budget, NULL);
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

static GstPadProbeReturn
skip_branch (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  guint branch =
      GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (pad), "branch"));

  return (guint) g_atomic_int_get ((gint *) data) & (1u << branch)
      ? GST_PAD_PROBE_DROP
      : GST_PAD_PROBE_OK;
}

/* Keeps pictures from a branch whose result is there, before its gate takes
 * memory for it. */
static void
add_probe (BatchLane *lane, GstElement *gate, guint branch)
{
  GstPad *pad = gst_element_get_static_pad (gate, "sink");

  g_object_set_data (G_OBJECT (pad), "branch", GUINT_TO_POINTER (branch));
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, skip_branch,
      g_atomic_rc_box_acquire (lane->skipped), g_atomic_rc_box_release);
  gst_object_unref (pad);
}

static gboolean
is_alone (const BatchLane *lane)
{
  return lane->threads != 1;
}

/* Each look in work has a frame. Lanes that share the cores make one look at a
 * time, in the tee's thread, where the frame of the last one serves again while
 * it is in the cache; only files are written beside it. A lane that has all
 * cores makes the first two of its looks in threads of their own. */
static void
link_branch (const BatchLane *lane, guint branch, GstElement *tee,
    GstElement *gate, GstElement *queue, GstElement *look, GstElement *encoder,
    GstElement *sink)
{
  if (is_alone (lane) && branch <= 1)
    gst_element_link_many (tee, gate, queue, look, encoder, sink, NULL);
  else
    gst_element_link_many (tee, gate, look, encoder, queue, sink, NULL);
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

  add_probe (lane, gate, branch);
  g_object_set (gate, "label", effect->name, "optional", effect->optional,
      "priority", effect->priority, "max-wait",
      MIN (MAX_WAIT, options->timeout * GST_SECOND / 2), NULL);
  if (options->memory != 0)
    g_object_set (gate, "limit", options->memory, NULL);
  g_object_set (queue, "max-size-buffers", 1, "max-size-bytes", 0,
      "max-size-time", (guint64) 0, NULL);
  gst_util_set_object_arg (G_OBJECT (look), "effect", effect->name);
  gst_util_set_object_arg (G_OBJECT (look), "rendition", options->rendition);
  if (batch_looks_on_card (options))
    gst_util_set_object_arg (G_OBJECT (look), "device", "cuda");
  batch_params_apply (effect, look);
  batch_params_watch (effect, encoder);
  g_object_set (encoder, "level", options->level, "dpi", options->dpi, NULL);
  g_object_set (sink, "location", location, NULL);
  link_branch (lane, branch, tee, gate, queue, look, encoder, sink);
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
  g_object_set (decoder, "max-size", options->max_size, "threads",
      is_alone (lane) ? 2 : 1, NULL);
  gst_util_set_object_arg (G_OBJECT (decoder), "on-error", "skip");
  gst_util_set_object_arg (G_OBJECT (segmenter), "device", options->device);
  g_object_set (segmenter, "model-location", options->model, "threads",
      lane->threads, NULL);
  gst_element_link_many (lane->source, decoder, segmenter, tee, NULL);
  for (guint i = 0; i < options->n_effects; i++)
    add_branch (lane, tee, i);

  bus = gst_element_get_bus (lane->pipeline);
  gst_bus_add_watch (bus, handle_message, lane);
  gst_object_unref (bus);
}

static void
unwatch (GstElement *pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);

  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
}

static void
tear_down (BatchLane *lane)
{
  if (lane->pipeline == NULL)
    return;
  gst_element_set_state (lane->pipeline, GST_STATE_NULL);
  unwatch (lane->pipeline);
  g_clear_pointer (&lane->pipeline, gst_object_unref);
}

BatchLane *
batch_lane_new (const BatchOptions *options, const gchar *settings,
    guint threads, const BatchLaneEvents *events, gpointer user)
{
  BatchLane *lane = g_new0 (BatchLane, 1);

  lane->options = options;
  lane->settings = settings;
  lane->skipped = g_atomic_rc_box_new0 (gint);
  lane->threads = threads;
  lane->events = *events;
  lane->user = user;
  return lane;
}

gboolean
batch_lane_free (BatchLane *lane)
{
  gboolean hangs = lane->hangs;

  tear_down (lane);
  g_clear_pointer (&lane->photo, batch_photo_free);
  g_atomic_rc_box_release (lane->skipped);
  g_free (lane);
  return !hangs;
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

static void
moved (BatchLane *lane, const gchar *stage)
{
  lane->moved_us = g_get_monotonic_time ();
  lane->stage = stage;
}

static void
settle (BatchLane *lane)
{
  BatchPhoto *photo = lane->photo;

  if (photo == NULL || !batch_photo_settle (photo))
    return;
  lane->photo = NULL;
  lane->events.settled (lane, photo, lane->user);
}

static void
take_kept (BatchLane *lane, const BatchLoad *load)
{
  BatchPhoto *photo = lane->photo;
  const BatchOptions *options = lane->options;

  for (guint i = 0; i < options->n_effects; i++) {
    if ((load->kept & (1u << i)) == 0)
      continue;
    photo->width = load->files[i].width;
    photo->height = load->files[i].height;
    batch_photo_keep (photo, i,
        batch_item_result (
            photo->item, options->output, options->effects[i].name),
        load->files[i].bytes);
  }
}

static void
on_loaded (BatchLoad *load, gpointer user)
{
  BatchLane *lane = user;

  lane->load = NULL;
  moved (lane, waiting);
  take_kept (lane, load);
  g_atomic_int_set (lane->skipped, (gint) load->kept);
  if (load->buffer != NULL)
    gst_app_src_push_buffer (
        GST_APP_SRC (lane->source), g_steal_pointer (&load->buffer));
  else
    settle (lane);
}

void
batch_lane_push (BatchLane *lane, BatchPhoto *photo)
{
  lane->photo = photo;
  moved (lane, "reading the file");
  lane->load = batch_load_start (
      lane->options, lane->settings, photo->item, on_loaded, lane);
}

const BatchPhoto *
batch_lane_photo (const BatchLane *lane)
{
  return lane->photo;
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

static guint
find_branch (const BatchLane *lane, const gchar *label)
{
  guint i = 0;

  while (i < lane->options->n_effects &&
      !g_str_equal (lane->options->effects[i].name, label))
    i++;
  return i;
}

/* The tee serves its branches in order: none of the photo's own is at work if
 * all before the one that waits have ended. */
static gboolean
waits_for_others (const BatchPhoto *photo, guint branch)
{
  for (guint i = 0; i < branch && i < photo->n_results; i++)
    if (photo->results[i].status == BATCH_PENDING)
      return FALSE;
  return TRUE;
}

static void
handle_gate (BatchLane *lane, BatchPhoto *photo, const GstStructure *s)
{
  guint branch = find_branch (lane, gst_structure_get_string (s, "label"));
  const gchar *action = gst_structure_get_string (s, "action");

  if (branch == lane->options->n_effects)
    return;
  if (g_str_equal (action, "drop"))
    batch_photo_set_result (
        photo, branch, BATCH_DROPPED, gst_structure_get_string (s, "reason"));
  if (!g_str_equal (action, "wait"))
    moved (lane, "making the looks");
  else if (waits_for_others (photo, branch))
    moved (lane, waiting);
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
  BatchPhoto *photo = lane->photo;
  guint64 index;

  if (photo == NULL || !gst_structure_get_uint64 (s, "index", &index) ||
      index != photo->item->index)
    return;
  if (gst_structure_has_name (s, "petdec")) {
    handle_decoded (photo, s);
    moved (lane, "finding the pet");
  } else if (gst_structure_has_name (s, "petsegment")) {
    handle_segmented (photo, s);
    moved (lane, "making the looks");
  } else if (gst_structure_has_name (s, "memgate")) {
    handle_gate (lane, photo, s);
  } else if (gst_structure_has_name (s, "petfilesink")) {
    handle_stored (photo, s, GST_MESSAGE_SRC_NAME (message));
    moved (lane, "making the looks");
  }
  settle (lane);
}

/* Fails the photo and builds the pipeline anew; if that is not possible the
 * photo is reported first. */
static void
replace (BatchLane *lane, const gchar *reason)
{
  g_autoptr (GError) error = NULL;
  gboolean started = batch_lane_start (lane, &error);

  if (lane->photo != NULL)
    batch_photo_fail (lane->photo, reason);
  if (!started)
    lane->events.broken (lane, error, lane->user);
  settle (lane);
}

static void
handle_error (BatchLane *lane, GstMessage *message)
{
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (message, &error, NULL);
  tear_down (lane);
  replace (lane, error->message);
}

static gpointer
put_away (gpointer pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return NULL;
}

/* Its threads cannot be ended from outside. What waits for its memory must not
 * wait for ever, and what comes must not find the account full: the old one
 * loses its limit, pipelines that are built from now on have a new one. */
static void
give_up (BatchLane *lane)
{
  GstElement *gate = gst_bin_get_by_name (GST_BIN (lane->pipeline), "memgate0");

  g_object_set (gate, "limit", (guint64) NO_LIMIT, NULL);
  gst_object_unref (gate);
  budget_number++;
  given_up_us = g_get_monotonic_time ();
  unwatch (lane->pipeline);
  g_thread_unref (
      g_thread_new ("pet-hung", put_away, g_steal_pointer (&lane->pipeline)));
  lane->hangs = TRUE;
}

void
batch_lane_memory (const BatchLane *lane, guint64 *peak, guint64 *limit)
{
  GstElement *gate = lane->pipeline != NULL
      ? gst_bin_get_by_name (GST_BIN (lane->pipeline), "memgate0")
      : NULL;
  GstStructure *stats = NULL;

  *peak = *limit = 0;
  if (gate == NULL)
    return;
  g_object_get (gate, "stats", &stats, NULL);
  gst_structure_get (
      stats, "peak", G_TYPE_UINT64, peak, "limit", G_TYPE_UINT64, limit, NULL);
  gst_structure_free (stats);
  gst_object_unref (gate);
}

gboolean
batch_lane_waits (const BatchLane *lane)
{
  return lane->photo != NULL && lane->stage == waiting;
}

void
batch_lane_watch (BatchLane *lane)
{
  gint64 still_us = g_get_monotonic_time () - MAX (lane->moved_us, given_up_us);
  g_autofree gchar *reason = NULL;

  if (lane->photo == NULL ||
      still_us < (gint64) lane->options->timeout * G_USEC_PER_SEC)
    return;
  reason = g_strdup_printf (
      "stood still for %u s while %s", lane->options->timeout, lane->stage);
  if (lane->load != NULL) {
    /* Nothing of the photo is in the pipeline yet. */
    lane->load->done = NULL;
    lane->load = NULL;
    lane->hangs = TRUE;
    batch_photo_fail (lane->photo, reason);
    settle (lane);
    return;
  }
  give_up (lane);
  replace (lane, reason);
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
