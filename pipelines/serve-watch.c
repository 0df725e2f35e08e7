/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-watch.h"

#include <stdio.h>

#include "serve-json.h"
#include "serve-progress.h"

#define MEGABYTE 1e6
/* Pressure at which new photos had better go elsewhere. */
#define PRESSURE_MARK 0.9

/* MemAvailable, 0 if that is not known. */
static guint64
available_bytes (void)
{
  FILE *file = fopen ("/proc/meminfo", "re");
  gchar line[128];
  unsigned long long kilobytes = 0;

  while (file != NULL && fgets (line, sizeof line, file) != NULL)
    if (sscanf (line, "MemAvailable: %llu kB", &kilobytes) == 1)
      break;
  if (file != NULL)
    fclose (file);
  return (guint64) kilobytes * 1024;
}

/* Places are part of it: a queue that fills up is what comes before memory
 * that does. */
void
serve_watch_look (ServeServer *server, ServeHealth *health)
{
  const ServeJobsState *jobs = &health->jobs;
  gdouble uploads;

  serve_jobs_get_state (server->jobs, &health->jobs);
  health->resident = serve_metrics_resident_bytes ();
  health->available = available_bytes ();
  uploads = jobs->max_uploads > 0
      ? (gdouble) jobs->uploads / (gdouble) jobs->max_uploads
      : 0;
  /* One photo in work may use all of a small budget, and that is well: the
   * budget counts once others wait for it. */
  health->pressure = MAX (
      uploads, (gdouble) jobs->places / (gdouble) MAX (jobs->max_places, 1));
  health->pressure = MAX (health->pressure, jobs->expected_wait);
  if (jobs->waiting > 0)
    health->pressure = MAX (health->pressure,
        jobs->pressure * (gdouble) jobs->places / (gdouble) jobs->max_places);
  health->pressure = MIN (health->pressure, 1);
  health->healthy = health->pressure < PRESSURE_MARK;
}

void
serve_watch_alive (ServeRequest *request)
{
  serve_request_set_header (request, "Cache-Control", "no-store");
  serve_request_answer_text (request, SOUP_STATUS_OK, "text/plain", "ok\n");
}

void
serve_watch_ready (ServeRequest *request)
{
  ServeServer *server = request->server;
  const gchar *text = "ready\n";
  guint status = SOUP_STATUS_SERVICE_UNAVAILABLE;
  ServeHealth health;

  serve_watch_look (server, &health);
  if (server->draining)
    text = "is being stopped\n";
  else if (!health.jobs.ready)
    text = "the network is being loaded\n";
  else if (!health.healthy)
    text = "under pressure\n";
  else
    status = SOUP_STATUS_OK;
  serve_request_set_header (request, "Cache-Control", "no-store");
  serve_request_answer_text (request, status, "text/plain", text);
}

static void
add_memory (JsonBuilder *builder, const ServeHealth *health)
{
  gdouble resident = (gdouble) health->resident / MEGABYTE;
  gdouble available = (gdouble) health->available / MEGABYTE;
  gdouble percent = available > 0 ? 100 * resident / (resident + available) : 0;

  serve_json_open (builder, "memory");
  serve_json_bool (builder, "healthy", health->healthy);
  serve_json_number (builder, "cpu_mb", resident);
  serve_json_number (builder, "cpu_percent", percent);
  serve_json_number (builder, "available_mb", available);
  /* What is known is the share alone. */
  serve_json_number (builder, "gpu_mb", 0);
  serve_json_number (builder, "gpu_percent", 100 * health->jobs.gpu);
  serve_json_close (builder);
  serve_json_number (builder, "memory_pressure", health->pressure);
  serve_json_number (builder, "memory_usage_mb", resident);
  serve_json_number (builder, "memory_available_mb", available);
  serve_json_number (builder, "gpu_memory_percent", 100 * health->jobs.gpu);
  serve_json_open (builder, "budget");
  serve_json_int (builder, "limit_bytes", (gint64) health->jobs.limit);
  serve_json_int (builder, "in_use_bytes", (gint64) health->jobs.in_use);
  serve_json_int (builder, "peak_bytes", (gint64) health->jobs.peak);
  serve_json_number (builder, "pressure", health->jobs.pressure);
  serve_json_close (builder);
}

void
serve_watch_health (ServeRequest *request)
{
  JsonBuilder *builder = serve_json_begin ();
  gint64 begin = g_get_monotonic_time ();
  const ServeJobsState *jobs;
  ServeHealth health;

  serve_watch_look (request->server, &health);
  jobs = &health.jobs;
  serve_json_text (builder, "status",
      !jobs->ready          ? "initializing"
          : !health.healthy ? "degraded"
                            : "healthy");
  serve_json_number (builder, "timestamp", serve_json_now ());
  serve_json_open (builder, "model");
  serve_json_text (builder, "status", jobs->ready ? "ready" : "loading");
  serve_json_bool (builder, "ready", jobs->ready);
  serve_json_bool (builder, "loading", jobs->lanes < jobs->lanes_wanted);
  serve_json_int (builder, "load_attempts", jobs->load_attempts);
  serve_json_text (builder, "device", jobs->ready ? jobs->device : NULL);
  serve_json_close (builder);
  serve_json_bool (
      builder, "storage_connected", request->server->store != NULL);
  add_memory (builder, &health);
  serve_json_open (builder, "queue");
  serve_json_int (builder, "waiting", jobs->waiting);
  serve_json_int (builder, "in_work", jobs->busy);
  serve_json_int (builder, "places", jobs->places);
  serve_json_int (builder, "max_places", jobs->max_places);
  serve_json_close (builder);
  serve_json_open (builder, "endpoints");
  serve_json_bool (builder, "warmup_available", TRUE);
  serve_json_bool (builder, "processing_available", jobs->ready);
  serve_json_close (builder);
  serve_json_number (builder, "response_time",
      (gdouble) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC);
  serve_json_answer (request, builder);
}

static void
print_gauges (ServeServer *server, const ServeHealth *health, GString *text)
{
  const ServeJobsState *jobs = &health->jobs;
  ServeCacheState cache;
  const struct {
    const gchar *name, *help;
    gdouble value;
  } gauges[] = {
    { "pet_ready", "1 when a network is loaded", jobs->ready },
    { "pet_pipelines", "Pipelines that can work", jobs->lanes },
    { "pet_queue_depth", "Photos that wait", jobs->waiting },
    { "pet_in_work", "Photos in work", jobs->busy },
    { "pet_places", "Photos uploading, waiting and in work", jobs->places },
    { "pet_places_limit", "Most of them", jobs->max_places },
    { "pet_budget_bytes", "Memory charged now", (gdouble) jobs->in_use },
    { "pet_budget_peak_bytes", "Most memory charged so far",
        (gdouble) jobs->peak },
    { "pet_budget_limit_bytes", "Memory allowed", (gdouble) jobs->limit },
    { "pet_upload_buffer_bytes", "Of it, uploads", (gdouble) jobs->uploads },
    { "pet_budget_pressure", "Share of the looks' memory in use",
        jobs->pressure },
    { "pet_gpu_memory_share", "Share of the GPU's memory in use", jobs->gpu },
    { "pet_pressure", "0 to 1; above 0.9 not ready", health->pressure },
    { "pet_connections", "Open connections",
        serve_http_n_connections (server) },
    { "pet_websockets", "Open WebSockets",
        serve_progress_count (server->progress) },
    { "process_resident_memory_bytes", "Resident memory",
        (gdouble) health->resident },
    { "process_start_time_seconds", "Start of the process",
        serve_json_now () -
            (gdouble) (g_get_monotonic_time () - server->metrics->start_us) /
                G_USEC_PER_SEC },
  };

  for (guint i = 0; i < G_N_ELEMENTS (gauges); i++)
    serve_metrics_print_gauge (
        text, gauges[i].name, gauges[i].help, gauges[i].value);
  serve_cache_get_state (server->cache, &cache);
  serve_metrics_print_gauge (
      text, "pet_cache_bytes", "Bytes of kept results", (gdouble) cache.bytes);
  serve_metrics_print_gauge (
      text, "pet_cache_limit_bytes", "Most of them", (gdouble) cache.limit);
  serve_metrics_print_gauge (
      text, "pet_cache_files", "Kept results", (gdouble) cache.files);
  serve_metrics_print_counter (
      text, "pet_cache_hits_total", "Results found", cache.hits);
  serve_metrics_print_counter (
      text, "pet_cache_misses_total", "Results not found", cache.misses);
  serve_metrics_print_counter (text, "pet_cache_write_errors_total",
      "Results that could not be written", cache.write_errors);
}

void
serve_watch_metrics (ServeRequest *request)
{
  ServeServer *server = request->server;
  g_autoptr (GString) text = g_string_new (NULL);
  ServeHealth health;

  serve_watch_look (server, &health);
  serve_metrics_print (server->metrics, text);
  print_gauges (server, &health, text);
  serve_request_set_header (request, "Cache-Control", "no-store");
  serve_request_answer_text (request, SOUP_STATUS_OK,
      "text/plain; version=0.0.4; charset=utf-8", text->str);
}
