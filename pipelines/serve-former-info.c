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
  JsonBuilder *builder = serve_json_begin ();
  ServeJobsState jobs;

  serve_jobs_get_state (request->server->jobs, &jobs);
  serve_json_text (builder, "service", "pet-serve");
  serve_json_text (builder, "version", PET_VERSION);
  serve_json_text (builder, "status", jobs.ready ? "healthy" : "initializing");
  serve_json_looks (builder, "available_effects");
  serve_request_set_header (request, "Vary", "Accept");
  serve_json_answer (request, builder);
}

static void
add_parameter (JsonBuilder *builder, const PetEffectParam *param)
{
  static const gchar *const types[] = { "float", "integer", "boolean" };

  serve_json_open (builder, param->name);
  serve_json_text (builder, "type", types[param->type]);
  serve_json_text (builder, "description", param->blurb);
  if (param->type != PET_PARAM_BOOL) {
    serve_json_number (builder, "min", param->min);
    serve_json_number (builder, "max", param->max);
    serve_json_number (builder, "default", param->def);
  } else {
    serve_json_bool (builder, "default", param->def != 0);
  }
  serve_json_close (builder);
}

static void
add_details (JsonBuilder *builder, guint look)
{
  const PetEffect *effect = pet_effects[look];

  serve_json_text (builder, "name", effect->name);
  serve_json_text (builder, "description", effect->blurb);
  serve_json_open (builder, "parameters");
  for (gint i = 0; i < effect->n_params; i++)
    add_parameter (builder, &effect->params[i]);
  serve_json_close (builder);
}

void
serve_former_effects (ServeRequest *request)
{
  JsonBuilder *builder = serve_json_begin ();

  serve_json_looks (builder, "available_effects");
  serve_json_open (builder, "effect_details");
  for (gint i = 0; i < pet_effects_count; i++) {
    serve_json_open (builder, pet_effects[i]->name);
    add_details (builder, (guint) i);
    serve_json_close (builder);
  }
  serve_json_close (builder);
  json_builder_set_member_name (builder, "recommended_effects");
  json_builder_begin_array (builder);
  json_builder_add_string_value (builder, "enhancedblackwhite");
  json_builder_add_string_value (builder, "popart");
  json_builder_end_array (builder);
  serve_json_int (builder, "total_effects", pet_effects_count);
  serve_json_answer (request, builder);
}

void
serve_former_effect (ServeRequest *request)
{
  const gchar *name = request->path + strlen (EFFECT_PREFIX);
  gint look = serve_look_find (name);
  g_autofree gchar *reason = NULL;
  JsonBuilder *builder;

  if (look < 0 || look >= pet_effects_count) {
    reason = g_strdup_printf ("Effect '%.40s' not found", name);
    serve_request_refuse (request, SOUP_STATUS_NOT_FOUND, reason);
    return;
  }
  builder = serve_json_begin ();
  add_details (builder, (guint) look);
  serve_json_answer (request, builder);
}

void
serve_former_stats (ServeRequest *request)
{
  const ServeServer *server = request->server;
  const ServeMetrics *metrics = server->metrics;
  const ServeHistogram *total = &metrics->stages[SERVE_STAGE_TOTAL];
  JsonBuilder *builder = serve_json_begin ();
  ServeCacheState cache;
  guint64 photos = 0;

  serve_cache_get_state (server->cache, &cache);
  for (guint i = 0; i < SERVE_N_PHOTO_RESULTS; i++)
    photos += metrics->photos[i];
  serve_json_int (builder, "total_requests", (gint64) photos);
  serve_json_int (builder, "effects_processed", (gint64) metrics->looks_made);
  serve_json_int (builder, "effects_dropped", (gint64) metrics->looks_dropped);
  serve_json_int (builder, "cache_hits", (gint64) cache.hits);
  serve_json_int (builder, "cache_misses", (gint64) cache.misses);
  serve_json_int (builder, "cache_bytes", (gint64) cache.bytes);
  serve_json_number (builder, "average_processing_time",
      total->count > 0 ? total->sum / (gdouble) total->count : 0);
  serve_json_looks (builder, "available_effects");
  serve_json_open (builder, "progress_tracking");
  serve_json_int (
      builder, "active_connections", serve_progress_count (server->progress));
  serve_json_close (builder);
  serve_json_answer (request, builder);
}

void
serve_former_health (ServeRequest *request)
{
  JsonBuilder *builder = serve_json_begin ();
  ServeHealth health;

  serve_watch_look (request->server, &health);
  serve_json_text (builder, "status",
      !health.jobs.ready   ? "initializing"
          : health.healthy ? "healthy"
                           : "degraded");
  serve_json_number (builder, "timestamp", serve_json_now ());
  serve_json_open (builder, "components");
  serve_json_open (builder, "integrated_processor");
  serve_json_text (builder, "status",
      !health.jobs.ready   ? "not_initialized"
          : health.healthy ? "healthy"
                           : "degraded");
  serve_json_int (builder, "total_requests",
      (gint64) request->server->metrics->stages[SERVE_STAGE_TOTAL].count);
  serve_json_int (builder, "available_effects", pet_effects_count);
  serve_json_close (builder);
  serve_json_open (builder, "progress_manager");
  serve_json_text (builder, "status", "healthy");
  serve_json_int (builder, "active_connections",
      serve_progress_count (request->server->progress));
  serve_json_close (builder);
  serve_json_close (builder);
  serve_json_answer (request, builder);
}

/* The network is loaded at start, so there is nothing to do but to say so. */
void
serve_former_warmup (ServeRequest *request)
{
  JsonBuilder *builder = serve_json_begin ();
  ServeJobsState jobs;

  serve_jobs_get_state (request->server->jobs, &jobs);
  serve_json_text (builder, "status", jobs.ready ? "success" : "loading");
  serve_json_bool (builder, "error", FALSE);
  serve_json_text (builder, "message",
      jobs.ready ? "Model is ready" : "Model is being loaded");
  serve_json_bool (builder, "model_ready", jobs.ready);
  serve_json_number (
      builder, "total_time", (gdouble) jobs.load_us / G_USEC_PER_SEC);
  serve_json_text (builder, "endpoint", "/warmup");
  serve_json_number (builder, "timestamp", serve_json_now ());
  serve_json_bool (builder, "container_ready", TRUE);
  serve_json_answer (request, builder);
}

void
serve_former_load_model (ServeRequest *request)
{
  JsonBuilder *builder = serve_json_begin ();
  ServeJobsState jobs;

  serve_jobs_get_state (request->server->jobs, &jobs);
  serve_json_text (
      builder, "status", jobs.ready ? "already_loaded" : "in_progress");
  serve_json_text (builder, "message",
      jobs.ready ? "Model is already loaded and ready"
                 : "Model loading is already in progress");
  serve_json_answer (request, builder);
}

void
serve_former_model_info (ServeRequest *request)
{
  const ServeOptions *options = request->server->options;
  JsonBuilder *builder = serve_json_begin ();
  ServeJobsState jobs;

  serve_jobs_get_state (request->server->jobs, &jobs);
  serve_json_text (builder, "status", jobs.ready ? "ready" : "loading");
  serve_json_bool (builder, "ready", jobs.ready);
  serve_json_text (builder, "model",
      options->model != NULL ? options->model : "petnet (built in)");
  serve_json_text (builder, "device", jobs.ready ? jobs.device : NULL);
  serve_json_int (builder, "instances", jobs.lanes);
  serve_json_int (builder, "load_attempts", jobs.load_attempts);
  serve_json_number (
      builder, "load_time", (gdouble) jobs.load_us / G_USEC_PER_SEC);
  serve_json_answer (request, builder);
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
