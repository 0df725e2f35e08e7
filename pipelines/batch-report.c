/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-report.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 24

static const gchar *const status_names[] = { "pending", "done", "kept",
  "dropped", "failed" };

void
batch_report_begin (
    BatchReport *report, const BatchOptions *options, guint total)
{
  *report = (BatchReport){ .options = options,
    .total = total,
    .begin_us = g_get_monotonic_time (),
    .bar = isatty (STDERR_FILENO) && !options->quiet };
}

static guint
finished (const BatchReport *report)
{
  return report->done + report->dropped + report->failed;
}

static gdouble
seconds (const BatchReport *report)
{
  return (gdouble) (g_get_monotonic_time () - report->begin_us) / 1e6;
}

static void
clear_bar (const BatchReport *report)
{
  if (report->bar)
    fputs ("\r\033[K", stderr);
}

/* Photos per second over the last ones; those that were kept say nothing of
 * how long the others take. */
static gdouble
recent_rate (const BatchReport *report)
{
  guint made = finished (report) - report->kept;
  gboolean full = made >= BATCH_RECENT;
  guint n = full ? BATCH_RECENT - 1 : made;
  gint64 since =
      full ? report->recent_us[(made + 1) % BATCH_RECENT] : report->begin_us;
  gdouble passed = (gdouble) (g_get_monotonic_time () - since) / 1e6;

  return n / MAX (passed, 1e-3);
}

static void
print_time_left (const BatchReport *report, gdouble rate)
{
  guint left;

  if (rate <= 0) {
    fputs ("--:-- left", stderr);
    return;
  }
  left = (guint) ((report->total - finished (report)) / rate + 0.5);
  if (left >= 3600)
    fprintf (
        stderr, "%u:%02u:%02u left", left / 3600, left / 60 % 60, left % 60);
  else
    fprintf (stderr, "%u:%02u left", left / 60, left % 60);
}

static void
draw_bar (const BatchReport *report)
{
  guint n = finished (report);
  guint filled = report->total > 0
      ? (guint) ((guint64) n * BAR_WIDTH / report->total)
      : BAR_WIDTH;
  gdouble rate = recent_rate (report);

  if (!report->bar)
    return;
  fputs ("\r\033[K[", stderr);
  for (guint i = 0; i < BAR_WIDTH; i++)
    fputc (i < filled ? '#' : '.', stderr);
  fprintf (stderr, "] %u/%u  %.1f photos/s  ", n, report->total, rate);
  print_time_left (report, rate);
  if (report->dropped > 0)
    fprintf (stderr, "  %u with drops", report->dropped);
  if (report->failed > 0)
    fprintf (stderr, "  %u failed", report->failed);
  fflush (stderr);
}

void
batch_report_tick (BatchReport *report)
{
  draw_bar (report);
}

/* Names are bytes, JSON is UTF-8. */
static void
add_text (JsonBuilder *json, const gchar *key, const gchar *text)
{
  g_autofree gchar *valid = g_utf8_make_valid (text != NULL ? text : "", -1);

  json_builder_set_member_name (json, key);
  json_builder_add_string_value (json, valid);
}

static void
add_int (JsonBuilder *json, const gchar *key, gint64 value)
{
  json_builder_set_member_name (json, key);
  json_builder_add_int_value (json, value);
}

/* Rounded: the digits of a clock reading mean nothing beyond that. */
static void
add_number (JsonBuilder *json, const gchar *key, gdouble value)
{
  json_builder_set_member_name (json, key);
  json_builder_add_double_value (
      json, (gdouble) (gint64) (value * 10000 + 0.5) / 10000);
}

static void
add_result (JsonBuilder *json, const gchar *name, const BatchResult *result)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_object (json);
  add_text (json, "status", status_names[result->status]);
  add_text (json, "file", result->file);
  add_int (json, "bytes", (gint64) result->bytes);
  add_number (json, "milliseconds", result->milliseconds);
  add_text (json, "reason", result->reason);
  json_builder_end_object (json);
}

static void
print_json (const BatchReport *report, const BatchPhoto *photo)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree gchar *line = NULL;

  json_builder_begin_object (json);
  add_text (json, "source", photo->item->source);
  add_int (json, "index", (gint64) photo->item->index);
  add_text (json, "status", status_names[photo->status]);
  add_text (json, "reason", photo->reason);
  add_int (json, "width", photo->width);
  add_int (json, "height", photo->height);
  add_number (json, "coverage", photo->coverage);
  json_builder_set_member_name (json, "box");
  json_builder_begin_array (json);
  for (guint i = 0; i < G_N_ELEMENTS (photo->box); i++)
    json_builder_add_int_value (json, photo->box[i]);
  json_builder_end_array (json);
  add_number (json, "milliseconds", photo->milliseconds);
  json_builder_set_member_name (json, "effects");
  json_builder_begin_object (json);
  for (guint i = 0; i < photo->n_results; i++)
    add_result (json, report->options->effects[i].name, &photo->results[i]);
  json_builder_end_object (json);
  json_builder_end_object (json);

  root = json_builder_get_root (json);
  json_generator_set_root (generator, root);
  line = json_generator_to_data (generator, NULL);
  puts (line);
}

static guint
count_results (const BatchPhoto *photo, BatchStatus status)
{
  guint n = 0;

  for (guint i = 0; i < photo->n_results; i++)
    n += photo->results[i].status == status;
  return n;
}

/* "popart (reason), retro8bit (reason)" */
static gchar *
list_dropped (const BatchReport *report, const BatchPhoto *photo)
{
  GString *list = g_string_new (NULL);

  for (guint i = 0; i < photo->n_results; i++)
    if (photo->results[i].status == BATCH_DROPPED)
      g_string_append_printf (list, "%s%s (%s)", list->len > 0 ? ", " : "",
          report->options->effects[i].name, photo->results[i].reason);
  return g_string_free (list, FALSE);
}

/* A name on a terminal: what a customer called a file must not steer it. */
static gchar *
printable (const gchar *text)
{
  g_autofree gchar *valid = g_utf8_make_valid (text, -1);
  GString *result = g_string_new (NULL);

  for (const gchar *c = valid; *c != '\0'; c = g_utf8_next_char (c)) {
    gunichar letter = g_utf8_get_char (c);

    g_string_append_unichar (result, g_unichar_iscntrl (letter) ? '?' : letter);
  }
  return g_string_free (result, FALSE);
}

static void
print_line (const BatchReport *report, const BatchPhoto *photo)
{
  g_autofree gchar *name = printable (photo->item->source);
  guint made = count_results (photo, BATCH_DONE);
  guint kept = count_results (photo, BATCH_KEPT);

  if (photo->status == BATCH_FAILED) {
    g_autofree gchar *reason = printable (photo->reason);

    fprintf (stderr, "failed: %s: %s\n", name, reason);
  }
  if (count_results (photo, BATCH_DROPPED) > 0) {
    g_autofree gchar *dropped = list_dropped (report, photo);

    fprintf (stderr, "dropped: %s: %s\n", name, dropped);
  }
  if (photo->status == BATCH_FAILED || report->options->quiet ||
      report->options->json)
    return;
  if (made == 0)
    printf ("%s  %dx%d  %u kept\n", name, photo->width, photo->height, kept);
  else
    printf ("%s  %dx%d  pet %.0f %%  %u made, %u kept  %.0f ms\n", name,
        photo->width, photo->height, photo->coverage * 100, made, kept,
        photo->milliseconds);
}

static void
flush_lines (BatchReport *report)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return;
  if (!report->cut)
    fprintf (stderr, "error: standard output is incomplete: %s\n",
        g_strerror (errno));
  report->cut = TRUE;
}

static void
count (BatchReport *report, const BatchPhoto *photo)
{
  guint kept = count_results (photo, BATCH_KEPT);

  report->results += count_results (photo, BATCH_DONE);
  report->results_kept += kept;
  switch (photo->status) {
    case BATCH_DROPPED:
      report->dropped++;
      break;
    case BATCH_FAILED:
      report->failed++;
      break;
    default:
      report->done++;
      break;
  }
  if (kept == photo->n_results)
    report->kept++;
  else
    report->recent_us[(finished (report) - report->kept) % BATCH_RECENT] =
        g_get_monotonic_time ();
}

void
batch_report_photo (BatchReport *report, const BatchPhoto *photo)
{
  count (report, photo);
  clear_bar (report);
  if (report->options->json)
    print_json (report, photo);
  print_line (report, photo);
  flush_lines (report);
  draw_bar (report);
}

void
batch_report_note (BatchReport *report, const gchar *kind, const gchar *text)
{
  if (report->options->quiet)
    return;
  clear_bar (report);
  fprintf (stderr, "%s: %s\n", kind, text);
  draw_bar (report);
}

void
batch_report_end (BatchReport *report, guint64 peak, guint64 limit)
{
  guint n = finished (report);

  clear_bar (report);
  if (report->options->quiet)
    return;
  fprintf (stderr, "%u photo%s: %u done, %u with dropped results, %u failed",
      report->total, report->total == 1 ? "" : "s", report->done,
      report->dropped, report->failed);
  if (n < report->total)
    fprintf (stderr, ", %u not begun", report->total - n);
  fprintf (stderr,
      "; %" G_GUINT64_FORMAT " results made, %" G_GUINT64_FORMAT
      " kept; %.1f s, %.1f photos/s; memory of photos at most %.1f of %.1f MB; "
      "results are in %s\n",
      report->results, report->results_kept, seconds (report),
      n / MAX (seconds (report), 1e-3), (gdouble) peak / 1e6,
      (gdouble) limit / 1e6, report->options->output);
}
