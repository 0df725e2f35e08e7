/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-progress.h"

#include <string.h>

#include "serve-json.h"

#define MAX_SOCKETS 128
#define MAX_MESSAGE_BYTES 4096
#define KEEPALIVE_SECONDS 30
/* Looks lie between these marks. */
#define PROGRESS_SEGMENTED 40
#define PROGRESS_LOOKS 55

struct _ServeProgress {
  GHashTable *sockets; /* SoupWebsocketConnection -> session */
};

ServeProgress *
serve_progress_new (void)
{
  ServeProgress *progress = g_new0 (ServeProgress, 1);

  progress->sockets =
      g_hash_table_new_full (NULL, NULL, g_object_unref, g_free);
  return progress;
}

void
serve_progress_free (ServeProgress *progress)
{
  GHashTableIter iter;
  gpointer socket;

  g_hash_table_iter_init (&iter, progress->sockets);
  while (g_hash_table_iter_next (&iter, &socket, NULL))
    g_signal_handlers_disconnect_by_data (socket, progress);
  g_hash_table_unref (progress->sockets);
  g_free (progress);
}

guint
serve_progress_count (const ServeProgress *progress)
{
  return g_hash_table_size (progress->sockets);
}

static void
on_closed (SoupWebsocketConnection *socket, gpointer user)
{
  g_hash_table_remove (((ServeProgress *) user)->sockets, socket);
}

static gboolean
is_ping (const gchar *text, gsize size)
{
  g_autoptr (JsonObject) object = serve_json_read (text, size);

  return object != NULL &&
      g_strcmp0 (serve_json_member (object, "type"), "ping") == 0;
}

static void
on_message (
    SoupWebsocketConnection *socket, gint type, GBytes *message, gpointer user)
{
  gsize size;
  const gchar *text = g_bytes_get_data (message, &size);
  g_autofree gchar *pong = NULL;
  JsonBuilder *builder;

  if (type != SOUP_WEBSOCKET_DATA_TEXT || !is_ping (text, size))
    return;
  builder = serve_json_begin ();
  serve_json_text (builder, "type", "pong");
  serve_json_number (builder, "timestamp", serve_json_now ());
  pong = serve_json_end (builder);
  soup_websocket_connection_send_text (socket, pong);
}

void
serve_progress_add (ServeProgress *progress, const gchar *session,
    SoupWebsocketConnection *socket)
{
  if (serve_progress_count (progress) >= MAX_SOCKETS) {
    soup_websocket_connection_close (
        socket, SOUP_WEBSOCKET_CLOSE_GOING_AWAY, "too many");
    return;
  }
  g_object_set (socket, "max-incoming-payload-size",
      (guint64) MAX_MESSAGE_BYTES, "keepalive-interval", KEEPALIVE_SECONDS,
      NULL);
  g_hash_table_insert (
      progress->sockets, g_object_ref (socket), g_strdup (session));
  g_signal_connect (socket, "message", G_CALLBACK (on_message), progress);
  g_signal_connect (socket, "closed", G_CALLBACK (on_closed), progress);
}

/* Takes `builder`. */
static void
send (ServeProgress *progress, const gchar *session, JsonBuilder *builder)
{
  g_autofree gchar *text = NULL;
  GHashTableIter iter;
  gpointer socket, followed;

  serve_json_number (builder, "timestamp", serve_json_now ());
  text = serve_json_end (builder);
  g_hash_table_iter_init (&iter, progress->sockets);
  while (g_hash_table_iter_next (&iter, &socket, &followed))
    if (g_str_equal (followed, session) &&
        soup_websocket_connection_get_state (socket) ==
            SOUP_WEBSOCKET_STATE_OPEN)
      soup_websocket_connection_send_text (socket, text);
}

static gboolean
is_followed (ServeProgress *progress, const gchar *session)
{
  GHashTableIter iter;
  gpointer followed;

  g_hash_table_iter_init (&iter, progress->sockets);
  while (g_hash_table_iter_next (&iter, NULL, &followed))
    if (g_str_equal (followed, session))
      return TRUE;
  return FALSE;
}

static JsonBuilder *
begin (const gchar *type, const gchar *session, const gchar *stage,
    gint percent, const gchar *text)
{
  JsonBuilder *builder = serve_json_begin ();

  serve_json_text (builder, "type", type);
  serve_json_text (builder, "session_id", session);
  serve_json_text (builder, "stage", stage);
  serve_json_int (builder, "progress", percent);
  serve_json_text (builder, "message", text);
  serve_json_text (builder, "text", text);
  return builder;
}

static void
send_stage (ServeProgress *progress, const gchar *session, const gchar *stage,
    gint percent, const gchar *text)
{
  JsonBuilder *builder =
      begin ("stage_progress", session, stage, percent, text);

  serve_json_null (builder, "eta_seconds");
  serve_json_open (builder, "stage_details");
  serve_json_close (builder);
  send (progress, session, builder);
}

/* How many looks were wanted, how many have ended and how many are done. */
static void
count (const ServeJob *job, gint *total, gint *ended, gint *done)
{
  *total = *ended = *done = 0;
  for (gint i = 0; i < pet_effects_all; i++) {
    *total += job->wishes.looks[i].wanted;
    *ended += job->looks[i].status != SERVE_LOOK_PENDING;
    *done += job->looks[i].status == SERVE_LOOK_DONE;
  }
}

static void
send_look (ServeProgress *progress, const gchar *session, const ServeJob *job,
    guint look)
{
  static const gchar *const status[] = { "pending", "completed", "dropped",
    "failed" };
  const ServeLook *result = &job->looks[look];
  g_autofree gchar *text = NULL;
  gint total, ended, done;
  JsonBuilder *builder;

  count (job, &total, &ended, &done);
  text = g_strdup_printf ("Effect %d/%d: %s (%s)", ended, total,
      pet_effects[look]->name, status[result->status]);
  builder = begin ("effect_progress", session, "effects_processing",
      PROGRESS_SEGMENTED + PROGRESS_LOOKS * ended / MAX (total, 1), text);
  serve_json_open (builder, "effect");
  serve_json_text (builder, "name", pet_effects[look]->name);
  serve_json_int (builder, "index", ended - 1);
  serve_json_int (builder, "total", total);
  serve_json_text (builder, "status", status[result->status]);
  serve_json_number (builder, "processing_time", result->seconds);
  serve_json_bool (builder, "cache_hit", result->cached);
  serve_json_close (builder);
  send (progress, session, builder);
}

static void
send_end (ServeProgress *progress, const gchar *session, const ServeJob *job)
{
  gint total, ended, done;
  JsonBuilder *builder;

  count (job, &total, &ended, &done);
  if (done == 0) {
    const gchar *reason =
        job->reason != NULL ? job->reason : "all effects failed";

    builder = begin ("error", session, "processing", 100, reason);
    serve_json_open (builder, "error");
    serve_json_text (builder, "stage", "processing");
    serve_json_text (builder, "message", reason);
    serve_json_close (builder);
    send (progress, session, builder);
    return;
  }
  send_stage (progress, session, "complete", 100, "Complete");
  builder = begin ("completion_summary", session, "complete", 100, "Complete");
  serve_json_bool (builder, "success", TRUE);
  serve_json_number (builder, "total_time",
      (gdouble) (g_get_monotonic_time () - job->begin_us) / G_USEC_PER_SEC);
  serve_json_open (builder, "results");
  serve_json_int (builder, "effects_processed", done);
  serve_json_close (builder);
  send (progress, session, builder);
}

void
serve_progress_tell (ServeProgress *progress, const gchar *session,
    const ServeJob *job, ServeJobEvent event, guint look)
{
  if (!is_followed (progress, session))
    return;
  switch (event) {
    case SERVE_JOB_STARTED:
      send_stage (progress, session, "upload", 10, "Reading the photo");
      break;
    case SERVE_JOB_DECODED:
      send_stage (progress, session, "background_removal", 20,
          "Removing the background");
      break;
    case SERVE_JOB_SEGMENTED:
      send_stage (progress, session, "effects_processing", PROGRESS_SEGMENTED,
          "Making the effects");
      break;
    case SERVE_JOB_LOOK:
      send_look (progress, session, job, look);
      break;
    default:
      send_end (progress, session, job);
      break;
  }
}

void
serve_progress_handle_get (ServeRequest *request)
{
  JsonBuilder *builder = serve_json_begin ();

  serve_json_text (builder, "endpoint", request->path);
  serve_json_text (
      builder, "protocol", "WebSocket endpoint (use ws:// or wss://)");
  serve_json_text (builder, "session_id", strrchr (request->path, '/') + 1);
  serve_json_text (builder, "message",
      "This is a WebSocket endpoint. Use WebSocket protocol to connect.");
  serve_json_answer (request, builder);
}
