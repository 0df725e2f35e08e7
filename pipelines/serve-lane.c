/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-lane.h"

#include <gst/app/gstappsrc.h>
#include <string.h>

#include "base/pet-cpu.h"
#include "meta/gstpetsourcemeta.h"

#define BUDGET "pet-serve"
#define RESULT_MESSAGE "pet-serve-result"
#define THREADS_ALONE 2u

typedef struct {
  ServeLane *lane;
  guint look;
  GstElement *gate, *effect;
  ServeTurn turn;
} Branch;

struct _ServeLane {
  ServeCache *cache;
  ServeTurnstile *turnstile;
  GstElement *pipeline, *source, *decoder, *segmenter;
  GstElement *gpu; /* a gate that nothing passes: it watches; NULL: no GPU */
  guint threads;   /* of the network beside other photos */
  Branch branches[SERVE_MAX_LOOKS];
  guint watch;

  ServeLaneEvents events;
  gpointer user;

  GMutex mutex;  /* what follows: set by the main thread, read by the
                   branches' */
  guint64 index; /* of the photo in work */
  gboolean busy;
  gboolean todo[SERVE_MAX_LOOKS];
  guint ranks[SERVE_MAX_LOOKS];
  gchar keys[SERVE_MAX_LOOKS][SERVE_KEY_HEX + 1];
};

/* All that takes memory takes it from one account. */
static GstElement *
add_element (ServeLane *lane, const gchar *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element == NULL)
    g_error ("the GStreamer element \"%s\" is missing", factory);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "budget"))
    g_object_set (element, "budget", BUDGET, NULL);
  gst_bin_add (GST_BIN (lane->pipeline), element);
  return element;
}

static gboolean
is_current_locked (ServeLane *lane, GstBuffer *buffer)
{
  const GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (buffer);

  return lane->busy && meta != NULL && meta->index == lane->index;
}

static gboolean
is_wanted (const Branch *branch, GstBuffer *buffer)
{
  ServeLane *lane = branch->lane;
  gboolean wanted;

  g_mutex_lock (&lane->mutex);
  wanted = lane->todo[branch->look] && is_current_locked (lane, buffer);
  g_mutex_unlock (&lane->mutex);
  return wanted;
}

/* Keeps pictures out of the branches of looks that are not wanted. */
static GstPadProbeReturn
pass_wanted (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  return is_wanted (data, GST_PAD_PROBE_INFO_BUFFER (info))
      ? GST_PAD_PROBE_OK
      : GST_PAD_PROBE_DROP;
}

static void
announce (Branch *branch)
{
  ServeLane *lane = branch->lane;
  guint64 photo;
  guint rank;

  g_mutex_lock (&lane->mutex);
  photo = lane->index;
  rank = lane->ranks[branch->look];
  g_mutex_unlock (&lane->mutex);
  serve_turnstile_announce (lane->turnstile, &branch->turn, photo, rank);
}

/* Before the queue: in the order of the branches, which their threads would not
 * keep. */
static GstPadProbeReturn
announce_turn (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  announce (data);
  return GST_PAD_PROBE_OK;
}

/* Behind the queue, in the branch's own thread. */
static GstPadProbeReturn
wait_for_turn (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Branch *branch = data;
  ServeTurnstile *turnstile = branch->lane->turnstile;

  /* The turn is gone if a photo that was given up still had it. */
  announce (branch);
  if (serve_turnstile_enter (turnstile, &branch->turn) &&
      is_wanted (branch, GST_PAD_PROBE_INFO_BUFFER (info)))
    return GST_PAD_PROBE_OK;
  serve_turnstile_leave (turnstile, &branch->turn);
  return GST_PAD_PROBE_DROP;
}

static void
post_result (
    GstElement *sink, guint64 index, const Branch *branch, ServeResult *result)
{
  gst_element_post_message (sink,
      gst_message_new_application (GST_OBJECT (sink),
          gst_structure_new (RESULT_MESSAGE, "index", G_TYPE_UINT64, index,
              "look", G_TYPE_UINT, branch->look, "result", SERVE_TYPE_RESULT,
              result, NULL)));
}

/* Not where the second network was to be asked and could not be had: that is never
 * what would be made today. */
static gboolean
is_as_asked (GstBuffer *png)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (png);

  return meta == NULL || meta->recipe == NULL || *meta->recipe == '\0';
}

/* Keeps the PNG in this branch's thread, so that neither the main loop waits
 * for the disk nor memory for the client, while it is on its way already. The
 * next look has to wait for that. */
static void
take_png (GstElement *sink, GstBuffer *png, GstPad *pad, gpointer data)
{
  Branch *branch = data;
  ServeLane *lane = branch->lane;
  const gchar *name = pet_effects[branch->look]->name;
  guint64 index;
  gchar key[SERVE_KEY_HEX + 1] = "";
  gboolean current;

  g_mutex_lock (&lane->mutex);
  current = is_current_locked (lane, png);
  index = lane->index;
  if (current)
    g_strlcpy (key, lane->keys[branch->look], sizeof key);
  g_mutex_unlock (&lane->mutex);
  if (current) {
    ServeCache *cache = is_as_asked (png) ? lane->cache : NULL;
    g_autoptr (ServeResult) result = serve_cache_begin (cache, key, name, png);

    post_result (sink, index, branch, result);
    serve_cache_finish (cache, key, name, result);
  }
  serve_turnstile_leave (lane->turnstile, &branch->turn);
}

static void
add_probe (GstElement *element, const gchar *name, GstPadProbeCallback callback,
    Branch *branch)
{
  GstPad *pad = gst_element_get_static_pad (element, name);

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, callback, branch, NULL);
  gst_object_unref (pad);
}

static void
add_branch (
    ServeLane *lane, const ServeOptions *options, GstElement *tee, guint look)
{
  Branch *branch = &lane->branches[look];
  GstElement *queue = add_element (lane, "queue");
  GstElement *encoder = add_element (lane, "petpngenc");
  GstElement *sink = add_element (lane, "fakesink");

  branch->lane = lane;
  branch->look = look;
  branch->gate = add_element (lane, "memgate");
  branch->effect = add_element (lane, "peteffect");
  g_object_set (
      branch->gate, "budget", BUDGET, "label", pet_effects[look]->name, NULL);
  g_object_set (queue, "max-size-buffers", 1, "max-size-bytes", 0,
      "max-size-time", (guint64) 0, NULL);
  gst_util_set_object_arg (
      G_OBJECT (branch->effect), "effect", pet_effects[look]->name);
  g_object_set (encoder, "level", options->level, "dpi", options->dpi, NULL);
  /* Not an appsink: that keeps its last sample, and the memory it stands for,
   * until the next. */
  g_object_set (sink, "sync", FALSE, "async", FALSE, "enable-last-sample",
      FALSE, "signal-handoffs", TRUE, NULL);
  g_signal_connect (sink, "handoff", G_CALLBACK (take_png), branch);

  add_probe (branch->gate, "sink", pass_wanted, branch);
  add_probe (branch->gate, "src", announce_turn, branch);
  add_probe (queue, "src", wait_for_turn, branch);
  gst_element_link_many (
      tee, branch->gate, queue, branch->effect, encoder, sink, NULL);
}

/* Its account is empty, so its pressure is what it watches. */
static void
watch_gpu (ServeLane *lane)
{
  g_autofree gchar *device = serve_lane_device (lane);

  if (g_strcmp0 (device, "cuda") != 0)
    return;
  lane->gpu = add_element (lane, "memgate");
  g_object_set (lane->gpu, "budget", BUDGET "-gpu", NULL);
  gst_util_set_object_arg (G_OBJECT (lane->gpu), "watch", "cuda");
  gst_element_sync_state_with_parent (lane->gpu);
}

static void
build (ServeLane *lane, const ServeOptions *options)
{
  GstElement *tee;

  lane->pipeline = gst_pipeline_new (NULL);
  lane->source = add_element (lane, "appsrc");
  lane->decoder = add_element (lane, "petdec");
  lane->segmenter = add_element (lane, "petsegment");
  tee = add_element (lane, "tee");

  g_object_set (
      lane->source, "format", GST_FORMAT_TIME, "max-bytes", (guint64) 0, NULL);
  g_object_set (lane->decoder, "max-pixels", options->max_pixels,
      "max-file-size", options->max_upload, NULL);
  gst_util_set_object_arg (G_OBJECT (lane->decoder), "on-error", "skip");
  gst_util_set_object_arg (
      G_OBJECT (lane->segmenter), "device", options->device);
  lane->threads = MAX (1, (guint) pet_cpu_count () / options->jobs);
  g_object_set (lane->segmenter, "model-location", options->model,
      "second-model-location", options->second_model, "threads",
      MAX (lane->threads, THREADS_ALONE), NULL);
  gst_element_link_many (
      lane->source, lane->decoder, lane->segmenter, tee, NULL);
  for (gint i = 0; i < pet_effects_all; i++)
    add_branch (lane, options, tee, (guint) i);
}

static void
take_error (ServeLane *lane, GError **error)
{
  GstBus *bus = gst_element_get_bus (lane->pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message != NULL) {
    gst_message_parse_error (message, error, NULL);
    gst_message_unref (message);
  } else {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_STATE_CHANGE,
        "the pipeline cannot be started");
  }
  gst_object_unref (bus);
}

/* Nobody waits in this lane any more, nor lets others wait. */
static void
close_turns (ServeLane *lane)
{
  for (gint i = 0; i < pet_effects_all; i++)
    serve_turnstile_close (lane->turnstile, &lane->branches[i].turn);
}

void
serve_lane_free (ServeLane *lane)
{
  if (lane == NULL)
    return;
  if (lane->watch != 0)
    g_source_remove (lane->watch);
  close_turns (lane);
  gst_element_set_state (lane->pipeline, GST_STATE_NULL);
  gst_object_unref (lane->pipeline);
  serve_turnstile_unref (lane->turnstile);
  g_mutex_clear (&lane->mutex);
  g_free (lane);
}

ServeLane *
serve_lane_new (const ServeOptions *options, ServeCache *cache,
    ServeTurnstile *turnstile, GError **error)
{
  ServeLane *lane = g_new0 (ServeLane, 1);

  lane->cache = cache;
  lane->turnstile = serve_turnstile_ref (turnstile);
  g_mutex_init (&lane->mutex);
  build (lane, options);
  if (gst_element_set_state (lane->pipeline, GST_STATE_PLAYING) !=
      GST_STATE_CHANGE_FAILURE) {
    watch_gpu (lane);
    return lane;
  }
  take_error (lane, error);
  serve_lane_free (lane);
  return NULL;
}

static void
handle_decoded (ServeLane *lane, const GstStructure *s)
{
  gint width = 0, height = 0;
  gboolean failed =
      g_str_equal (gst_structure_get_string (s, "status"), "failed");

  gst_structure_get (
      s, "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height, NULL);
  lane->events.decoded (lane->user,
      failed ? gst_structure_get_string (s, "reason") : NULL, width, height);
}

static void
handle_gate (ServeLane *lane, const GstStructure *s)
{
  gint look = serve_look_find (gst_structure_get_string (s, "label"));

  if (look >= 0 && g_str_equal (gst_structure_get_string (s, "action"), "drop"))
    lane->events.dropped (
        lane->user, (guint) look, gst_structure_get_string (s, "reason"));
}

static void
handle_result (ServeLane *lane, const GstStructure *s)
{
  ServeResult *result = NULL;
  guint look = 0;

  gst_structure_get (s, "look", G_TYPE_UINT, &look, "result", SERVE_TYPE_RESULT,
      &result, NULL);
  lane->events.finished (lane->user, look, result);
}

static void
handle_structure (ServeLane *lane, const GstStructure *s)
{
  guint64 index;

  if (!lane->busy || !gst_structure_get_uint64 (s, "index", &index) ||
      index != lane->index)
    return;
  if (gst_structure_has_name (s, "petdec")) {
    handle_decoded (lane, s);
  } else if (gst_structure_has_name (s, "petsegment")) {
    gdouble coverage = 0, milliseconds = 0;

    gst_structure_get (s, "coverage", G_TYPE_DOUBLE, &coverage, "milliseconds",
        G_TYPE_DOUBLE, &milliseconds, NULL);
    lane->events.segmented (lane->user, coverage, milliseconds);
  } else if (gst_structure_has_name (s, "memgate")) {
    handle_gate (lane, s);
  } else if (gst_structure_has_name (s, RESULT_MESSAGE)) {
    handle_result (lane, s);
  }
}

static gboolean
handle_message (GstBus *bus, GstMessage *message, gpointer data)
{
  ServeLane *lane = data;
  g_autoptr (GError) error = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
    case GST_MESSAGE_APPLICATION:
      handle_structure (lane, gst_message_get_structure (message));
      return G_SOURCE_CONTINUE;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, NULL);
      lane->events.warned (lane->user, error->message);
      return G_SOURCE_CONTINUE;
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, NULL);
      lane->watch = 0;
      lane->events.broken (lane->user, error);
      return G_SOURCE_REMOVE;
    default:
      return G_SOURCE_CONTINUE;
  }
}

void
serve_lane_attach (
    ServeLane *lane, const ServeLaneEvents *events, gpointer user)
{
  GstBus *bus = gst_element_get_bus (lane->pipeline);

  lane->events = *events;
  lane->user = user;
  lane->watch = gst_bus_add_watch (bus, handle_message, lane);
  gst_object_unref (bus);
}

static gpointer
free_in_thread (gpointer data)
{
  serve_lane_free (data);
  return NULL;
}

void
serve_lane_dispose (ServeLane *lane)
{
  if (lane->watch != 0)
    g_source_remove (lane->watch);
  lane->watch = 0;
  serve_lane_end (lane);
  close_turns (lane);
  g_thread_unref (g_thread_new ("lane-end", free_in_thread, lane));
}

static void
set_up (ServeLane *lane, const ServeWork *work)
{
  g_object_set (lane->decoder, "max-size", work->wishes->max_size, "threads",
      work->alone ? THREADS_ALONE : 1, NULL);
  g_object_set (lane->segmenter, "threads",
      MAX (lane->threads, work->alone ? THREADS_ALONE : 1), NULL);
  for (gint i = 0; i < pet_effects_all; i++) {
    const ServeWish *wish = &work->wishes->looks[i];

    if (!work->todo[i])
      continue;
    g_object_set (lane->branches[i].gate, "optional", wish->optional,
        "priority", wish->priority, NULL);
    serve_wish_apply (wish, work->wishes->rendition, lane->branches[i].effect);
  }
}

void
serve_lane_begin (ServeLane *lane, const ServeWork *work)
{
  GstBuffer *buffer = gst_buffer_new_wrapped_bytes (work->bytes);

  /* Nothing is noted in results but by petsegment, see is_as_asked(). */
  gst_pet_buffer_add_source_meta (buffer, "upload", work->index, 0)->recipe =
      g_strdup ("");
  GST_BUFFER_PTS (buffer) = work->index * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  set_up (lane, work);
  g_mutex_lock (&lane->mutex);
  lane->index = work->index;
  lane->busy = TRUE;
  memcpy (lane->todo, work->todo, sizeof lane->todo);
  for (guint i = 0; i < SERVE_MAX_LOOKS; i++)
    lane->ranks[i] = work->wishes->looks[i].optional ? SERVE_MAX_LOOKS + i : i;
  memcpy (lane->keys, work->keys, sizeof lane->keys);
  g_mutex_unlock (&lane->mutex);
  gst_app_src_push_buffer (GST_APP_SRC (lane->source), buffer);
}

void
serve_lane_end (ServeLane *lane)
{
  g_mutex_lock (&lane->mutex);
  lane->busy = FALSE;
  memset (lane->todo, 0, sizeof lane->todo);
  g_mutex_unlock (&lane->mutex);
}

void
serve_lane_get_memory (ServeLane *lane, ServeLaneMemory *memory)
{
  GstStructure *stats = NULL;

  *memory = (ServeLaneMemory){ 0 };
  for (gint i = 0; i < pet_effects_all; i++) {
    guint64 dropped = 0;

    g_object_get (lane->branches[i].gate, "dropped", &dropped, NULL);
    memory->dropped += dropped;
  }
  g_object_get (lane->branches[0].gate, "stats", &stats, NULL);
  gst_structure_get (stats, "limit", G_TYPE_UINT64, &memory->limit, "in-use",
      G_TYPE_UINT64, &memory->in_use, "peak", G_TYPE_UINT64, &memory->peak,
      "pressure", G_TYPE_DOUBLE, &memory->pressure, NULL);
  gst_structure_free (stats);
  if (lane->gpu != NULL)
    g_object_get (lane->gpu, "pressure", &memory->gpu, NULL);
}

void
serve_lane_set_limit (ServeLane *lane, guint64 bytes)
{
  g_object_set (lane->branches[0].gate, "limit", bytes, NULL);
}

gchar *
serve_lane_device (ServeLane *lane)
{
  gchar *device = NULL;

  g_object_get (lane->segmenter, "active-device", &device, NULL);
  return device;
}
