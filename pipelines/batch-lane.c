/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-lane.h"

#include <gst/app/gstappsrc.h>

#include "batch-ending.h"
#include "batch-load.h"
#include "batch-pipeline.h"

struct _BatchLane {
  const BatchOptions *options;
  const gchar *settings;
  guint threads;
  BatchLaneEvents events;
  gpointer user;

  GstElement *pipeline;
  GstElement *source;
  guint budget;      /* number of its account */
  guint64 peak;      /* of those before */
  BatchPhoto *photo; /* in flight, or NULL */
  BatchLoad *load;   /* of it, while its file is being read */
  gboolean entered;  /* it was decoded */
  gboolean again;    /* it was begun again, and has the pipeline to itself */
  BatchPhoto *last;  /* the one before, while files of it are being written */
  BatchPhoto *held;  /* is begun again when the photo in flight has ended */
  gint64 moved_us;   /* when any was last heard of */
  const gchar *stage;
  gint64 stage_us; /* when it came to that */
  gint *skipped;   /* atomic: bit i: branch i gets no picture; counted, since
                     the probes of a pipeline that hangs outlive the lane */
  gboolean hangs;  /* a thread was given up */

  /* While the pipeline is being taken down: */
  BatchEnding *ending;
  BatchPhoto *guilty; /* of it, or NULL */
  gchar *reason;      /* why */
};

/* Account of the gates. A new one is opened when a pipeline that holds tickets
 * is given up: lanes leave the one that those tickets fill. */
static guint budget_number;

/* When anything of any lane was last heard of. */
static gint64 any_moved_us;

/* At the door of petdec, or at a gate. */
static const gchar waiting[] = "waiting for memory or being decoded";
static const gchar making[] = "making the looks";

static gboolean handle_message (
    GstBus *bus, GstMessage *message, gpointer data);
static void on_ended (BatchEnding *ending, gpointer user);

static void
build (BatchLane *lane)
{
  BatchPipeline made = { lane->options, lane->threads, budget_number,
    lane->skipped, NULL, NULL };
  GstBus *bus;

  batch_pipeline_build (&made);
  lane->pipeline = made.pipeline;
  lane->budget = budget_number;
  lane->source = made.source;
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

static void
forget_load (BatchLane *lane)
{
  if (lane->load != NULL)
    lane->load->done = NULL;
  lane->load = NULL;
}

/* Nobody waits for the end of the one that is being taken down. */
static void
forget_pipeline (BatchLane *lane)
{
  if (lane->ending == NULL)
    return;
  lane->ending->done = NULL;
  lane->ending = NULL;
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
  gboolean hangs = lane->hangs || lane->load != NULL || lane->ending != NULL;

  forget_load (lane);
  forget_pipeline (lane);
  tear_down (lane);
  g_clear_pointer (&lane->photo, batch_photo_free);
  g_clear_pointer (&lane->last, batch_photo_free);
  g_clear_pointer (&lane->held, batch_photo_free);
  g_atomic_rc_box_release (lane->skipped);
  g_free (lane->reason);
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
  lane->moved_us = any_moved_us = g_get_monotonic_time ();
  if (stage != lane->stage)
    lane->stage_us = lane->moved_us;
  lane->stage = stage;
}

static void
take_down (BatchLane *lane)
{
  guint64 limit;

  batch_lane_memory (lane, &lane->peak, &limit);
  unwatch (lane->pipeline);
  lane->ending =
      batch_ending_start (gst_object_ref (lane->pipeline), on_ended, lane);
  moved (lane, lane->stage);
}

/* Others' tickets fill its account. */
static gboolean
is_outdated (const BatchLane *lane)
{
  return lane->pipeline != NULL && lane->ending == NULL &&
      lane->budget != budget_number;
}

static void
push_again (BatchLane *lane, BatchPhoto *photo)
{
  batch_lane_push (lane, photo);
  lane->again = TRUE;
}

static void
settle (BatchLane *lane, BatchPhoto **place)
{
  BatchPhoto *photo = *place;

  if (photo == NULL || !batch_photo_settle (photo))
    return;
  *place = NULL;
  if (place == &lane->photo && lane->held != NULL)
    push_again (lane, g_steal_pointer (&lane->held));
  lane->events.settled (lane, photo, lane->user);
}

/* The results that are not to be made. */
static void
take_skipped (BatchLane *lane, const BatchLoad *load)
{
  BatchPhoto *photo = lane->photo;
  const BatchOptions *options = lane->options;

  for (guint i = 0; i < options->n_effects; i++) {
    if ((load->skipped & (1u << i)) == 0)
      continue;
    if (load->obstacles[i] != NULL) {
      batch_photo_set_result (photo, i, BATCH_FAILED, load->obstacles[i]);
      continue;
    }
    photo->width = load->files[i].width;
    photo->height = load->files[i].height;
    batch_photo_keep (photo, i,
        batch_item_result (
            photo->item, options->output, options->effects[i].name),
        load->files[i].bytes);
  }
}

static gboolean
lacks_required (const BatchOptions *options, guint skipped)
{
  for (guint i = 0; i < options->n_effects; i++)
    if (!options->effects[i].optional && (skipped & (1u << i)) == 0)
      return TRUE;
  return FALSE;
}

/* Where only optional looks are left, they are what the run is for: were they
 * dropped, the next run would come no further. */
static void
on_loaded (BatchLoad *load, gpointer user)
{
  BatchLane *lane = user;

  lane->load = NULL;
  moved (lane, waiting);
  take_skipped (lane, load);
  g_atomic_int_set (lane->skipped, (gint) load->skipped);
  if (load->buffer == NULL) {
    settle (lane, &lane->photo);
    return;
  }
  batch_pipeline_set_optional (lane->pipeline, lane->options,
      lacks_required (lane->options, load->skipped));
  gst_app_src_push_buffer (
      GST_APP_SRC (lane->source), g_steal_pointer (&load->buffer));
}

void
batch_lane_push (BatchLane *lane, BatchPhoto *photo)
{
  lane->photo = photo;
  lane->entered = lane->again = FALSE;
  moved (lane, "reading the file");
  if (is_outdated (lane) && lane->last == NULL) {
    take_down (lane);
    return;
  }
  lane->load = batch_load_start (
      lane->options, lane->settings, photo->item, on_loaded, lane);
}

gboolean
batch_lane_is_free (const BatchLane *lane)
{
  return lane->photo == NULL;
}

gboolean
batch_lane_is_idle (const BatchLane *lane)
{
  return lane->photo == NULL && lane->last == NULL;
}

/* The streaming thread wants a photo. While files of two are being written it gets
 * none. */
static void
take_turn (BatchLane *lane)
{
  if (lane->photo == NULL || !lane->entered || lane->again ||
      lane->last != NULL || is_outdated (lane))
    return;
  lane->last = g_steal_pointer (&lane->photo);
  lane->entered = FALSE;
  lane->events.free (lane, lane->user);
}

/* The place of the photo that a message is of, or NULL. */
static BatchPhoto **
find_photo (BatchLane *lane, const GstStructure *s)
{
  BatchPhoto **places[] = { &lane->photo, &lane->last };
  guint64 index;

  if (!gst_structure_get_uint64 (s, "index", &index))
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (*places[i] != NULL && index == (*places[i])->item->index)
      return places[i];
  return NULL;
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
    moved (lane, making);
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
  BatchPhoto **place = find_photo (lane, s), *photo;

  if (place == NULL)
    return;
  photo = *place;
  if (place == &lane->last) {
    moved (lane, lane->stage);
    if (gst_structure_has_name (s, "petfilesink"))
      handle_stored (photo, s, GST_MESSAGE_SRC_NAME (message));
  } else if (gst_structure_has_name (s, "petdec")) {
    handle_decoded (photo, s);
    lane->entered = TRUE;
    moved (lane, "finding the pet");
  } else if (gst_structure_has_name (s, "petsegment")) {
    handle_segmented (photo, s);
    moved (lane, making);
  } else if (gst_structure_has_name (s, "memgate")) {
    handle_gate (lane, photo, s);
  } else if (gst_structure_has_name (s, "petfilesink")) {
    handle_stored (photo, s, GST_MESSAGE_SRC_NAME (message));
    moved (lane, making);
  }
  settle (lane, place);
}

/* Builds the pipeline anew and fails `guilty`, which may be NULL; if that is not
 * possible every photo, and they are reported first. A photo that is left is
 * begun again. */
static void
replace (BatchLane *lane, BatchPhoto *guilty, const gchar *reason)
{
  g_autoptr (GError) error = NULL;
  gboolean started = batch_lane_start (lane, &error);
  BatchPhoto **places[] = { &lane->last, &lane->photo, &lane->held };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (*places[i] != NULL && (*places[i] == guilty || !started))
      batch_photo_fail (*places[i], reason != NULL ? reason : error->message);
  if (!started)
    lane->events.broken (lane, error, lane->user);
  settle (lane, &lane->last);
  settle (lane, &lane->held);
  if (lane->photo != NULL && lane->photo != guilty && lane->load == NULL &&
      started)
    push_again (lane, lane->photo);
  settle (lane, &lane->photo);
}

static void
resume (BatchLane *lane)
{
  g_autofree gchar *reason = g_steal_pointer (&lane->reason);

  replace (lane, g_steal_pointer (&lane->guilty), reason);
}

static void
on_ended (BatchEnding *ending, gpointer user)
{
  BatchLane *lane = user;

  forget_pipeline (lane);
  resume (lane);
}

/* Whose fault it is cannot be told while two photos are in flight: then both are
 * begun again, one after the other. */
static void
handle_error (BatchLane *lane, GstMessage *message)
{
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (message, &error, NULL);
  lane->reason = g_strdup (error->message);
  forget_load (lane);
  if (lane->last == NULL) {
    lane->guilty = lane->photo;
  } else {
    lane->held = lane->photo;
    lane->photo = g_steal_pointer (&lane->last);
  }
  take_down (lane);
}

/* Its threads cannot be ended from outside. Nobody must wait for the memory that
 * they hold, nor find the account full of it: the other lanes leave the account
 * to them. */
static void
give_up (BatchLane *lane)
{
  if (lane->ending == NULL)
    take_down (lane);
  forget_pipeline (lane);
  if (lane->budget == budget_number)
    budget_number++;
  any_moved_us = g_get_monotonic_time ();
  lane->hangs = TRUE;
}

void
batch_lane_memory (const BatchLane *lane, guint64 *peak, guint64 *limit)
{
  GstElement *gate = lane->pipeline != NULL
      ? gst_bin_get_by_name (GST_BIN (lane->pipeline), "memgate0")
      : NULL;
  GstStructure *stats = NULL;
  guint64 own;

  *peak = lane->peak;
  *limit = 0;
  if (gate == NULL)
    return;
  g_object_get (gate, "stats", &stats, NULL);
  gst_structure_get (
      stats, "peak", G_TYPE_UINT64, &own, "limit", G_TYPE_UINT64, limit, NULL);
  *peak = MAX (lane->peak, own);
  gst_structure_free (stats);
  gst_object_unref (gate);
}

static gboolean
waits (const BatchLane *lane)
{
  return lane->photo != NULL && lane->last == NULL && lane->ending == NULL &&
      lane->stage == waiting;
}

gint64
batch_lane_waits_since (const BatchLane *lane)
{
  return waits (lane) ? lane->stage_us : 0;
}

void
batch_lane_leave_account (BatchLane *lane)
{
  if (is_outdated (lane) && waits (lane))
    take_down (lane);
}

void
batch_lane_watch (BatchLane *lane)
{
  gint64 still_us =
      g_get_monotonic_time () - (waits (lane) ? any_moved_us : lane->moved_us);
  g_autofree gchar *reason = NULL;

  if (batch_lane_is_idle (lane) ||
      still_us < (gint64) lane->options->timeout * G_USEC_PER_SEC)
    return;
  reason = g_strdup_printf ("stood still for %u s while %s",
      lane->options->timeout, lane->last != NULL ? making : lane->stage);
  if (lane->ending != NULL) {
    give_up (lane);
    if (lane->reason == NULL) {
      lane->guilty = lane->photo;
      lane->reason = g_steal_pointer (&reason);
    }
    resume (lane);
    return;
  }
  if (lane->load != NULL && lane->last == NULL) {
    /* Nothing of the photo is in the pipeline yet. */
    forget_load (lane);
    lane->hangs = TRUE;
    batch_photo_fail (lane->photo, reason);
    settle (lane, &lane->photo);
    return;
  }
  give_up (lane);
  replace (lane, lane->last != NULL ? lane->last : lane->photo, reason);
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
    case GST_MESSAGE_APPLICATION:
      take_turn (lane);
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
