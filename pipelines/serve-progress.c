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
  GString *json;

  if (type != SOUP_WEBSOCKET_DATA_TEXT || !is_ping (text, size))
    return;
  json = serve_json_begin ();
  program_json_text (json, "type", "pong");
  program_json_number (json, "timestamp", serve_json_now ());
  pong = serve_json_end (json);
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

/* Takes `json`. */
static void
send (ServeProgress *progress, const gchar *session, GString *json)
{
  g_autofree gchar *text = NULL;
  GHashTableIter iter;
  gpointer socket, followed;

  program_json_number (json, "timestamp", serve_json_now ());
  text = serve_json_end (json);
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

static GString *
begin (const gchar *type, const gchar *session, const gchar *stage,
    gint percent, const gchar *text)
{
  GString *json = serve_json_begin ();

  program_json_text (json, "type", type);
  program_json_text (json, "session_id", session);
  program_json_text (json, "stage", stage);
  program_json_int (json, "progress", percent);
  program_json_text (json, "message", text);
  program_json_text (json, "text", text);
  return json;
}

static void
send_stage (ServeProgress *progress, const gchar *session, const gchar *stage,
    gint percent, const gchar *text)
{
  GString *json = begin ("stage_progress", session, stage, percent, text);

  program_json_text (json, "eta_seconds", NULL);
  program_json_open (json, "stage_details", '{');
  program_json_close (json, '}');
  send (progress, session, json);
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
  GString *json;

  count (job, &total, &ended, &done);
  text = g_strdup_printf ("Effect %d/%d: %s (%s)", ended, total,
      pet_effects[look]->name, status[result->status]);
  json = begin ("effect_progress", session, "effects_processing",
      PROGRESS_SEGMENTED + PROGRESS_LOOKS * ended / MAX (total, 1), text);
  program_json_open (json, "effect", '{');
  program_json_text (json, "name", pet_effects[look]->name);
  program_json_int (json, "index", ended - 1);
  program_json_int (json, "total", total);
  program_json_text (json, "status", status[result->status]);
  program_json_number (json, "processing_time", result->seconds);
  program_json_bool (json, "cache_hit", result->cached);
  program_json_close (json, '}');
  send (progress, session, json);
}

static void
send_end (ServeProgress *progress, const gchar *session, const ServeJob *job)
{
  gint total, ended, done;
  GString *json;

  count (job, &total, &ended, &done);
  if (done == 0) {
    const gchar *reason =
        job->reason != NULL ? job->reason : "all effects failed";

    json = begin ("error", session, "processing", 100, reason);
    program_json_open (json, "error", '{');
    program_json_text (json, "stage", "processing");
    program_json_text (json, "message", reason);
    program_json_close (json, '}');
    send (progress, session, json);
    return;
  }
  send_stage (progress, session, "complete", 100, "Complete");
  json = begin ("completion_summary", session, "complete", 100, "Complete");
  program_json_bool (json, "success", TRUE);
  program_json_number (json, "total_time",
      (gdouble) (g_get_monotonic_time () - job->begin_us) / G_USEC_PER_SEC);
  program_json_open (json, "results", '{');
  program_json_int (json, "effects_processed", done);
  program_json_close (json, '}');
  send (progress, session, json);
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
  GString *json = serve_json_begin ();

  program_json_text (json, "endpoint", request->path);
  program_json_text (
      json, "protocol", "WebSocket endpoint (use ws:// or wss://)");
  program_json_text (json, "session_id", strrchr (request->path, '/') + 1);
  program_json_text (json, "message",
      "This is a WebSocket endpoint. Use WebSocket protocol to connect.");
  serve_json_answer (request, json);
}
