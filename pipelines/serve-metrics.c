/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-metrics.h"

#include <stdio.h>
#include <unistd.h>

static const gdouble bounds[SERVE_N_BUCKETS] = { 0.005, 0.01, 0.02, 0.04, 0.08,
  0.15, 0.3, 0.6, 1.2, 2.5, 5, 10 };

static const gchar *const stage_names[SERVE_N_STAGES] = { "queue", "decode",
  "segment", "first", "effect", "store", "total" };

static const gchar *const photo_names[SERVE_N_PHOTO_RESULTS] = { "done",
  "dropped", "failed", "cached", "canceled" };

void
serve_metrics_observe (ServeMetrics *metrics, ServeStage stage, gdouble seconds)
{
  ServeHistogram *histogram = &metrics->stages[stage];

  histogram->count++;
  histogram->sum += seconds;
  for (guint i = 0; i < SERVE_N_BUCKETS; i++)
    if (seconds <= bounds[i]) {
      histogram->buckets[i]++;
      break;
    }
}

static void
print_head (
    GString *text, const gchar *name, const gchar *help, const gchar *type)
{
  g_string_append_printf (
      text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
serve_metrics_print_counter (
    GString *text, const gchar *name, const gchar *help, guint64 value)
{
  print_head (text, name, help, "counter");
  g_string_append_printf (text, "%s %" G_GUINT64_FORMAT "\n", name, value);
}

static void
print_labelled (GString *text, const gchar *name, const gchar *label,
    const gchar *value, guint64 count)
{
  g_string_append_printf (
      text, "%s{%s=\"%s\"} %" G_GUINT64_FORMAT "\n", name, label, value, count);
}

void
serve_metrics_print_gauge (
    GString *text, const gchar *name, const gchar *help, gdouble value)
{
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];

  print_head (text, name, help, "gauge");
  g_string_append_printf (text, "%s %s\n", name,
      g_ascii_formatd (number, sizeof number, "%.15g", value));
}

static void
print_stage (GString *text, const gchar *stage, const ServeHistogram *histogram)
{
  static const gchar name[] = "pet_stage_seconds";
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];
  guint64 below = 0;

  for (guint i = 0; i < SERVE_N_BUCKETS; i++) {
    below += histogram->buckets[i];
    g_string_append_printf (text,
        "%s_bucket{stage=\"%s\",le=\"%s\"} %" G_GUINT64_FORMAT "\n", name,
        stage, g_ascii_formatd (number, sizeof number, "%g", bounds[i]), below);
  }
  g_string_append_printf (text,
      "%s_bucket{stage=\"%s\",le=\"+Inf\"} %" G_GUINT64_FORMAT "\n", name,
      stage, histogram->count);
  g_string_append_printf (text, "%s_sum{stage=\"%s\"} %s\n", name, stage,
      g_ascii_formatd (number, sizeof number, "%.9g", histogram->sum));
  g_string_append_printf (text,
      "%s_count{stage=\"%s\"} %" G_GUINT64_FORMAT "\n", name, stage,
      histogram->count);
}

static void
print_responses (GString *text, const ServeMetrics *metrics)
{
  print_head (text, "pet_http_responses_total", "Answers by status", "counter");
  for (guint i = 0; i < G_N_ELEMENTS (metrics->responses); i++) {
    gchar status[12];

    if (metrics->responses[i] == 0)
      continue;
    g_snprintf (status, sizeof status, "%u", i);
    print_labelled (text, "pet_http_responses_total", "code", status,
        metrics->responses[i]);
  }
}

void
serve_metrics_print (const ServeMetrics *metrics, GString *text)
{
  print_head (text, "pet_photos_total", "Photos by how they ended", "counter");
  for (guint i = 0; i < SERVE_N_PHOTO_RESULTS; i++)
    print_labelled (
        text, "pet_photos_total", "result", photo_names[i], metrics->photos[i]);
  print_head (text, "pet_effects_total", "Looks by how they ended", "counter");
  print_labelled (
      text, "pet_effects_total", "result", "made", metrics->looks_made);
  print_labelled (
      text, "pet_effects_total", "result", "cached", metrics->looks_cached);
  print_labelled (
      text, "pet_effects_total", "result", "failed", metrics->looks_failed);
  print_head (text, "pet_effects_dropped_total",
      "Optional looks dropped, by reason", "counter");
  /* memgate is all that drops. */
  print_labelled (text, "pet_effects_dropped_total", "reason", "memory",
      metrics->looks_dropped);
  serve_metrics_print_counter (
      text, "pet_stored_total", "Results stored", metrics->stored);
  serve_metrics_print_counter (text, "pet_store_errors_total",
      "Results that the storage did "
      "not take",
      metrics->store_errors);
  serve_metrics_print_counter (text, "pet_pipelines_restarted_total",
      "Pipelines that failed or stood still and were built anew",
      metrics->lanes_restarted);
  serve_metrics_print_counter (text, "pet_upload_bytes_total",
      "Bytes of photos received", metrics->bytes_in);
  serve_metrics_print_counter (text, "pet_answer_bytes_total",
      "Bytes of answers sent", metrics->bytes_out);
  print_responses (text, metrics);
  print_head (text, "pet_stage_seconds", "Time by stage", "histogram");
  for (guint i = 0; i < SERVE_N_STAGES; i++)
    print_stage (text, stage_names[i], &metrics->stages[i]);
}

guint64
serve_metrics_resident_bytes (void)
{
  FILE *file = fopen ("/proc/self/statm", "re");
  unsigned long long total, resident = 0;

  if (file == NULL)
    return 0;
  if (fscanf (file, "%llu %llu", &total, &resident) != 2)
    resident = 0;
  fclose (file);
  return resident * (guint64) sysconf (_SC_PAGESIZE);
}
