/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-former.h"

#include <string.h>

#include "serve-json.h"
#include "serve-progress.h"
#include "serve-results.h"
#include "serve-sessions.h"
#include "serve-watch.h"

#define EFFECT_PREFIX "/api/v2/effect/"
#define DOWNLOAD_PREFIX "/api/v2/download-effect/"
#define MAX_SWITCH_BYTES (64 * 1024)

void
serve_former_root (ServeRequest *request)
{
  GString *json = serve_json_begin ();
  ServeJobsState jobs;

  serve_jobs_get_state (request->server->jobs, &jobs);
  program_json_text (json, "service", "pet-serve");
  program_json_text (json, "version", PET_VERSION);
  program_json_text (json, "status", jobs.ready ? "healthy" : "initializing");
  serve_json_looks (json, "available_effects");
  serve_request_set_header (request, "Vary", "Accept");
  serve_json_answer (request, json);
}

static void
add_parameter (GString *json, const PetEffectParam *param)
{
  static const gchar *const types[] = { "float", "integer", "boolean" };

  program_json_open (json, param->name, '{');
  program_json_text (json, "type", types[param->type]);
  program_json_text (json, "description", param->blurb);
  if (param->type != PET_PARAM_BOOL) {
    program_json_number (json, "min", param->min);
    program_json_number (json, "max", param->max);
    program_json_number (json, "default", param->def);
  } else {
    program_json_bool (json, "default", param->def != 0);
  }
  program_json_close (json, '}');
}

static void
add_details (GString *json, guint look)
{
  const PetEffect *effect = pet_effects[look];

  program_json_text (json, "name", effect->name);
  program_json_text (json, "description", effect->blurb);
  program_json_open (json, "parameters", '{');
  for (gint i = 0; i < effect->n_params; i++)
    add_parameter (json, &effect->params[i]);
  program_json_close (json, '}');
}

void
serve_former_effects (ServeRequest *request)
{
  GString *json = serve_json_begin ();

  serve_json_looks (json, "available_effects");
  program_json_open (json, "effect_details", '{');
  for (gint i = 0; i < pet_effects_count; i++) {
    program_json_open (json, pet_effects[i]->name, '{');
    add_details (json, (guint) i);
    program_json_close (json, '}');
  }
  program_json_close (json, '}');
  program_json_open (json, "recommended_effects", '[');
  program_json_text (json, NULL, "enhancedblackwhite");
  program_json_text (json, NULL, "popart");
  program_json_close (json, ']');
  program_json_int (json, "total_effects", pet_effects_count);
  serve_json_answer (request, json);
}

void
serve_former_effect (ServeRequest *request)
{
  const gchar *name = request->path + strlen (EFFECT_PREFIX);
  gint look = serve_look_find (name);
  g_autofree gchar *reason = NULL;
  GString *json;

  if (look < 0 || look >= pet_effects_count) {
    reason = g_strdup_printf ("Effect '%.40s' not found", name);
    serve_request_refuse (request, SOUP_STATUS_NOT_FOUND, reason);
    return;
  }
  json = serve_json_begin ();
  add_details (json, (guint) look);
  serve_json_answer (request, json);
}

void
serve_former_stats (ServeRequest *request)
{
  const ServeServer *server = request->server;
  const ServeMetrics *metrics = server->metrics;
  const ServeHistogram *total = &metrics->stages[SERVE_STAGE_TOTAL];
  GString *json = serve_json_begin ();
  ServeCacheState cache;
  guint64 photos = 0;

  serve_cache_get_state (server->cache, &cache);
  for (guint i = 0; i < SERVE_N_PHOTO_RESULTS; i++)
    photos += metrics->photos[i];
  program_json_int (json, "total_requests", (gint64) photos);
  program_json_int (json, "effects_processed", (gint64) metrics->looks_made);
  program_json_int (json, "effects_dropped", (gint64) metrics->looks_dropped);
  program_json_int (json, "cache_hits", (gint64) cache.hits);
  program_json_int (json, "cache_misses", (gint64) cache.misses);
  program_json_int (json, "cache_bytes", (gint64) cache.bytes);
  program_json_number (json, "average_processing_time",
      total->count > 0 ? total->sum / (gdouble) total->count : 0);
  serve_json_looks (json, "available_effects");
  program_json_open (json, "progress_tracking", '{');
  program_json_int (
      json, "active_connections", serve_progress_count (server->progress));
  program_json_close (json, '}');
  serve_json_answer (request, json);
}

void
serve_former_health (ServeRequest *request)
{
  GString *json = serve_json_begin ();
  ServeHealth health;

  serve_watch_look (request->server, &health);
  program_json_text (json, "status",
      !health.jobs.ready   ? "initializing"
          : health.healthy ? "healthy"
                           : "degraded");
  program_json_number (json, "timestamp", serve_json_now ());
  program_json_open (json, "components", '{');
  program_json_open (json, "integrated_processor", '{');
  program_json_text (json, "status",
      !health.jobs.ready   ? "not_initialized"
          : health.healthy ? "healthy"
                           : "degraded");
  program_json_int (json, "total_requests",
      (gint64) request->server->metrics->stages[SERVE_STAGE_TOTAL].count);
  program_json_int (json, "available_effects", pet_effects_count);
  program_json_close (json, '}');
  program_json_open (json, "progress_manager", '{');
  program_json_text (json, "status", "healthy");
  program_json_int (json, "active_connections",
      serve_progress_count (request->server->progress));
  program_json_close (json, '}');
  program_json_close (json, '}');
  serve_json_answer (request, json);
}

/* The network is loaded at start, so there is nothing to do but to say so. */
void
serve_former_warmup (ServeRequest *request)
{
  GString *json = serve_json_begin ();
  ServeJobsState jobs;

  serve_jobs_get_state (request->server->jobs, &jobs);
  program_json_text (json, "status", jobs.ready ? "success" : "loading");
  program_json_bool (json, "error", FALSE);
  program_json_text (
      json, "message", jobs.ready ? "Model is ready" : "Model is being loaded");
  program_json_bool (json, "model_ready", jobs.ready);
  program_json_number (
      json, "total_time", (gdouble) jobs.load_us / G_USEC_PER_SEC);
  program_json_text (json, "endpoint", "/warmup");
  program_json_number (json, "timestamp", serve_json_now ());
  program_json_bool (json, "container_ready", TRUE);
  serve_json_answer (request, json);
}

void
serve_former_load_model (ServeRequest *request)
{
  GString *json = serve_json_begin ();
  ServeJobsState jobs;

  serve_jobs_get_state (request->server->jobs, &jobs);
  program_json_text (
      json, "status", jobs.ready ? "already_loaded" : "in_progress");
  program_json_text (json, "message",
      jobs.ready ? "Model is already loaded and ready"
                 : "Model loading is already in progress");
  serve_json_answer (request, json);
}

void
serve_former_model_info (ServeRequest *request)
{
  const ServeOptions *options = request->server->options;
  GString *json = serve_json_begin ();
  ServeJobsState jobs;

  serve_jobs_get_state (request->server->jobs, &jobs);
  program_json_text (json, "status", jobs.ready ? "ready" : "loading");
  program_json_bool (json, "ready", jobs.ready);
  program_json_text (json, "model",
      options->model != NULL ? options->model : "petnet (built in)");
  program_json_text (json, "device", jobs.ready ? jobs.device : NULL);
  program_json_int (json, "instances", jobs.lanes);
  program_json_int (json, "load_attempts", jobs.load_attempts);
  program_json_number (
      json, "load_time", (gdouble) jobs.load_us / G_USEC_PER_SEC);
  serve_json_answer (request, json);
}

/* Sends a look of a session from the cache. */
static void
send_look (ServeRequest *request, const gchar *session, const gchar *effect)
{
  gint look = serve_look_find (effect);
  const gchar *key = look >= 0
      ? serve_sessions_get (request->server->sessions, session, (guint) look)
      : NULL;

  if (key == NULL) {
    serve_request_refuse (request, SOUP_STATUS_NOT_FOUND,
        "this session has no such effect; use process-with-effects");
    return;
  }
  serve_request_set_header (request, "X-Effect", effect);
  serve_results_send (request, key, (guint) look, "no-cache");
}

void
serve_former_download (ServeRequest *request)
{
  g_auto (GStrv) parts =
      g_strsplit (request->path + strlen (DOWNLOAD_PREFIX), "/", 3);

  if (g_strv_length (parts) == 2)
    send_look (request, parts[0], parts[1]);
  else
    serve_request_refuse (request, SOUP_STATUS_NOT_FOUND, "Not Found");
}

void
serve_former_switch_begin (ServeRequest *request)
{
  request->data = g_byte_array_new ();
  request->free_data = (GDestroyNotify) g_byte_array_unref;
}

void
serve_former_switch_body (
    ServeRequest *request, const guint8 *bytes, gsize size)
{
  GByteArray *body = request->data;

  if (body->len + size > MAX_SWITCH_BYTES)
    serve_request_refuse (request, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
        "the request is too long");
  else
    g_byte_array_append (body, bytes, (guint) size);
}

void
serve_former_switch (ServeRequest *request)
{
  g_autoptr (GByteArray) body = g_steal_pointer (&request->data);
  g_autoptr (JsonObject) object =
      serve_json_read ((const gchar *) body->data, body->len);
  const gchar *session = serve_request_query (request, "session_id");
  const gchar *effect;

  if (object == NULL) {
    serve_request_refuse (
        request, SOUP_STATUS_BAD_REQUEST, "the body is not a JSON object");
    return;
  }
  effect = serve_json_member (object, "effect");
  if (session == NULL)
    session = serve_json_member (object, "session_id");
  if (session == NULL || effect == NULL)
    serve_request_refuse (request, SOUP_STATUS_UNPROCESSABLE_ENTITY,
        "Field required: session_id and effect");
  else
    send_look (request, session, effect);
}
