/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos and folders of photos in, the looks of each as PNGs out. What it
 * does is done by the elements; this program feeds them, listens, and keeps
 * account of every photo. docs/pet-batch.md is its manual. */

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <gst/gst.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "batch-lane.h"
#include "batch-launch.h"
#include "batch-recipe.h"
#include "batch-report.h"
#include "batch-sheet.h"
#include "program-options.h"
#include "program-start.h"

enum {
  EXIT_DONE = 0,
  EXIT_USAGE = 1,
  EXIT_SOME_FAILED = 2,
  EXIT_STOPPED = 3,
  EXIT_NO_DEVICE = 4,
  EXIT_SOME_DROPPED = 5,
};

typedef struct {
  const BatchOptions *options;
  GMainLoop *loop;
  GPtrArray *items;
  guint next;
  GPtrArray *lanes;     /* of BatchLane */
  GHashTable *unusable; /* lanes that cannot be built again */
  guint32 *made;        /* per index of an item: bit i: result i is there */
  BatchReport report;
  gchar *last_warning;
  gboolean stopping;
  gint exit_code; /* other than EXIT_DONE: the run cannot go on */
} Batch;

static gboolean
is_busy (const Batch *batch)
{
  for (guint i = 0; i < batch->lanes->len; i++)
    if (!batch_lane_is_idle (batch->lanes->pdata[i]))
      return TRUE;
  return FALSE;
}

/* Gives a free lane its next photo; leaves the loop when nothing is left. */
static void
feed (Batch *batch, BatchLane *lane)
{
  if (!batch_lane_is_free (lane))
    return;
  if (!batch->stopping && batch->next < batch->items->len &&
      !g_hash_table_contains (batch->unusable, lane))
    batch_lane_push (lane,
        batch_photo_new (
            batch->items->pdata[batch->next++], batch->options->n_effects));
  else if (!is_busy (batch))
    g_main_loop_quit (batch->loop);
}

static void
note_results (Batch *batch, const BatchPhoto *photo)
{
  for (guint i = 0; i < photo->n_results; i++)
    if (photo->results[i].status == BATCH_DONE ||
        photo->results[i].status == BATCH_KEPT)
      batch->made[photo->item->index] |= 1u << i;
}

static void
on_settled (BatchLane *lane, BatchPhoto *photo, gpointer user)
{
  Batch *batch = user;

  note_results (batch, photo);
  batch_report_photo (&batch->report, photo);
  batch_photo_free (photo);
  feed (batch, lane);
}

static void
on_free (BatchLane *lane, gpointer user)
{
  feed (user, lane);
}

/* All lanes say the same of the machine. */
static void
on_warned (const gchar *text, gpointer user)
{
  Batch *batch = user;

  if (g_strcmp0 (text, batch->last_warning) == 0)
    return;
  g_free (batch->last_warning);
  batch->last_warning = g_strdup (text);
  batch_report_note (&batch->report, "note", text);
}

static void
on_broken (BatchLane *lane, const GError *error, gpointer user)
{
  Batch *batch = user;

  batch_report_note (&batch->report, "error", error->message);
  g_hash_table_add (batch->unusable, lane);
  if (g_hash_table_size (batch->unusable) == batch->lanes->len)
    batch->exit_code = EXIT_SOME_FAILED;
}

static void
end_report (Batch *batch)
{
  guint64 peak = 0, limit = 0;

  for (guint i = 0; i < batch->lanes->len; i++) {
    guint64 lane_peak, lane_limit;

    batch_lane_memory (batch->lanes->pdata[i], &lane_peak, &lane_limit);
    peak = MAX (peak, lane_peak);
    limit = MAX (limit, lane_limit);
  }
  batch_report_end (&batch->report, peak, limit);
}

/* While no photo is in flight there is nothing to finish. */
static void
on_idle_signal (int number)
{
  _exit (EXIT_STOPPED);
}

static void
leave_at_signals (void)
{
  signal (SIGINT, on_idle_signal);
  signal (SIGTERM, on_idle_signal);
}

/* The photos in flight are finished, no other is begun; at the second signal
 * nothing is waited for: every file is whole at any moment. */
static gboolean
on_signal (gpointer user)
{
  Batch *batch = user;

  if (batch->stopping) {
    end_report (batch);
    _exit (EXIT_STOPPED);
  }
  batch_report_note (
      &batch->report, "note", "stopping after the photos in flight");
  batch->stopping = TRUE;
  return G_SOURCE_CONTINUE;
}

/* If all wait and nothing moves, it is the first at the door who was let in. */
static void
watch_lanes (Batch *batch)
{
  BatchLane *first = NULL;
  gint64 first_us = G_MAXINT64;

  for (guint i = 0; i < batch->lanes->len; i++) {
    BatchLane *lane = batch->lanes->pdata[i];
    gint64 since_us;

    batch_lane_leave_account (lane);
    since_us = batch_lane_waits_since (lane);
    if (since_us == 0) {
      batch_lane_watch (lane);
    } else if (since_us < first_us) {
      first = lane;
      first_us = since_us;
    }
  }
  if (first != NULL)
    batch_lane_watch (first);
}

static gboolean
on_tick (gpointer user)
{
  Batch *batch = user;

  watch_lanes (batch);
  batch_report_tick (&batch->report);
  return G_SOURCE_CONTINUE;
}

static gint
exit_code (const Batch *batch)
{
  if (batch->exit_code != EXIT_DONE)
    return batch->exit_code;
  if (batch->stopping && batch->next < batch->items->len)
    return EXIT_STOPPED;
  if (batch->report.failed > 0 || batch->report.cut)
    return EXIT_SOME_FAILED;
  return batch->report.dropped > 0 ? EXIT_SOME_DROPPED : EXIT_DONE;
}

/* No more lanes than photos. With one, the network may have all cores. The first
 * files are read while it is loaded. */
static gboolean
start_lanes (Batch *batch, const gchar *settings, GError **error)
{
  static const BatchLaneEvents events = { on_settled, on_free, on_warned,
    on_broken };
  guint n = MIN (batch->options->jobs, batch->items->len);

  for (guint i = 0; i < n; i++) {
    BatchLane *lane = batch_lane_new (
        batch->options, settings, n > 1 ? 1 : 0, &events, batch);

    g_ptr_array_add (batch->lanes, lane);
    feed (batch, lane);
    if (!batch_lane_start (lane, error))
      return FALSE;
  }
  return TRUE;
}

/* An empty shard is not a failed one. */
static gboolean
write_sheet (Batch *batch)
{
  g_autoptr (GError) error = NULL;

  if (batch->report.results + batch->report.results_kept == 0) {
    batch_report_note (&batch->report, "note",
        "no contact sheet is made: there is no result to put on it");
    return TRUE;
  }
  if (batch_sheet_write (batch->options, batch->items, batch->made, &error))
    return TRUE;
  fprintf (stderr, "pet-batch: %s\n", error->message);
  return FALSE;
}

static gint
run_loop (Batch *batch)
{
  guint interrupt = g_unix_signal_add (SIGINT, on_signal, batch);
  guint terminate = g_unix_signal_add (SIGTERM, on_signal, batch);
  guint tick = g_timeout_add_seconds (1, on_tick, batch);

  if (is_busy (batch))
    g_main_loop_run (batch->loop);
  g_source_remove (interrupt);
  g_source_remove (terminate);
  g_source_remove (tick);
  leave_at_signals ();
  end_report (batch);
  if (batch->options->contact_sheet != NULL && !batch->stopping &&
      !write_sheet (batch))
    return EXIT_SOME_FAILED;
  return exit_code (batch);
}

/* FALSE when a thread hangs: nothing that it may use can be freed. */
static gboolean
clear (Batch *batch)
{
  gboolean clean = TRUE;

  for (guint i = 0; i < batch->lanes->len; i++)
    clean = batch_lane_free (batch->lanes->pdata[i]) && clean;
  g_ptr_array_unref (batch->lanes);
  g_hash_table_unref (batch->unusable);
  g_main_loop_unref (batch->loop);
  g_free (batch->made);
  g_free (batch->last_warning);
  return clean;
}

static guint64
last_index (const GPtrArray *items)
{
  const BatchItem *last = items->len > 0 ? items->pdata[items->len - 1] : NULL;

  return last != NULL ? last->index : 0;
}

static gint
run (const BatchOptions *options, GPtrArray *items, const gchar *settings)
{
  Batch batch = { .options = options, .items = items };
  g_autoptr (GError) error = NULL;
  gint code;

  batch.loop = g_main_loop_new (NULL, FALSE);
  batch.lanes = g_ptr_array_new ();
  batch.unusable = g_hash_table_new (NULL, NULL);
  batch.made = g_new0 (guint32, last_index (items) + 1);
  batch_report_begin (&batch.report, options, items->len);
  if (start_lanes (&batch, settings, &error)) {
    code = run_loop (&batch);
  } else {
    fprintf (stderr, "pet-batch: %s\n", error->message);
    code = g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT)
        ? EXIT_NO_DEVICE
        : EXIT_USAGE;
  }
  if (!clear (&batch)) {
    fflush (NULL);
    _exit (code);
  }
  return code;
}

static gint
make (const BatchOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autofree gchar *settings = NULL;

  if (program_check_folder ("output folder", options->output, &error) &&
      (options->contact_sheet == NULL || batch_sheet_check (options, &error)))
    items = batch_plan_new (options, &error);
  if (items != NULL)
    settings = batch_recipe_settings (options, &error);
  if (settings == NULL) {
    fprintf (stderr, "pet-batch: %s\n", error->message);
    return EXIT_USAGE;
  }
  if (items->len == 0) {
    fprintf (stderr, "pet-batch: there is no photo in the input\n");
    return EXIT_USAGE;
  }
  batch_plan_take_shard (items, options->shard, options->shards);
  return run (options, items, settings);
}

static gint
print_pipeline (const BatchOptions *options)
{
  for (gchar **input = options->inputs; *input != NULL; input++) {
    g_autofree gchar *line = batch_launch_line (options, *input);

    puts (line);
  }
  if (fflush (stdout) == 0)
    return EXIT_DONE;
  fprintf (stderr, "pet-batch: standard output: %s\n", g_strerror (errno));
  return EXIT_SOME_FAILED;
}

/* glibc would keep freed blocks of up to 32 MB, in a heap per thread, and a block
 * that stays holds all below it. */
static void
limit_heap (void)
{
  mallopt (M_MMAP_THRESHOLD, 32 * 1024);
  mallopt (M_TRIM_THRESHOLD, 256 * 1024);
  mallopt (M_ARENA_MAX, 2);
}

/* What a stream that is closed would have written must not end up in a file that
 * was given its number: standard output fails, standard error is lost. */
static void
hold_streams (void)
{
  for (gint fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) < 0)
      (void) !open ("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

/* A write that cannot be done is to fail, not to end the run. */
static void
fail_at_writes (void)
{
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) arguments = g_strdupv (argv);
  g_autoptr (GError) error = NULL;
  BatchOptions options = { 0 };
  gint code = EXIT_USAGE;

  hold_streams ();
  leave_at_signals ();
  fail_at_writes ();
  limit_heap ();
  program_start ();
  if (!batch_options_parse (&options, &arguments, &error))
    fprintf (stderr, "pet-batch: %s\n", error->message);
  else
    code = options.print_pipeline ? print_pipeline (&options) : make (&options);
  batch_options_clear (&options);
  return code;
}
