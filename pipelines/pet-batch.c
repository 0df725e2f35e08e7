/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos and folders of photos in, the looks of each as PNGs out. What it
 * does is done by the elements; this program feeds them, listens, and keeps
 * account of every photo. docs/pet-batch.md is its manual. */

#include <gio/gio.h>
#include <glib-unix.h>
#include <gst/gst.h>
#include <stdio.h>

#include "batch-lane.h"
#include "batch-report.h"

enum {
  EXIT_DONE = 0,
  EXIT_USAGE = 1,
  EXIT_SOME_FAILED = 2,
  EXIT_STOPPED = 3,
  EXIT_NO_DEVICE = 4,
  EXIT_SOME_DROPPED = 5,
};

/* One photo is decoded while the looks of another are made. */
#define MAX_IN_FLIGHT 2

typedef struct {
  const BatchOptions *options;
  GMainLoop *loop;
  GPtrArray *items;
  guint next;
  GQueue retry; /* photos whose pipeline broke, to be tried alone */
  BatchLane *lane;
  BatchReport report;
  gboolean stopping;
  gboolean pumping;
  gint exit_code; /* other than EXIT_DONE: the run cannot go on */
} Batch;

static BatchPhoto *
next_photo (Batch *batch)
{
  BatchPhoto *photo;

  if (!g_queue_is_empty (&batch->retry))
    return batch_lane_in_flight (batch->lane) == 0
        ? g_queue_pop_head (&batch->retry)
        : NULL;
  if (batch->stopping || batch->next == batch->items->len ||
      batch_lane_in_flight (batch->lane) >= MAX_IN_FLIGHT)
    return NULL;
  photo = batch_photo_new (
      batch->items->pdata[batch->next], batch->next, batch->options->n_effects);
  batch->next++;
  return photo;
}

/* Keeps the lane supplied; leaves the loop when nothing is left. */
static void
pump (Batch *batch)
{
  BatchPhoto *photo;

  if (batch->pumping)
    return;
  batch->pumping = TRUE;
  while ((photo = next_photo (batch)) != NULL)
    batch_lane_push (batch->lane, photo);
  batch->pumping = FALSE;
  if (batch_lane_in_flight (batch->lane) == 0)
    g_main_loop_quit (batch->loop);
}

static void
finish (Batch *batch, BatchPhoto *photo)
{
  batch_report_photo (&batch->report, photo);
  batch_photo_free (photo);
}

static void
on_settled (BatchPhoto *photo, gpointer user)
{
  Batch *batch = user;

  finish (batch, photo);
  pump (batch);
}

/* Which photo broke the pipeline is not always known: alone, each shows. */
static void
take_back (Batch *batch, GPtrArray *photos, const gchar *reason)
{
  for (guint i = 0; i < photos->len; i++) {
    BatchPhoto *photo = photos->pdata[i];

    if (photos->len == 1) {
      batch_photo_fail (photo, reason);
      batch_photo_settle (photo);
      finish (batch, photo);
    } else {
      g_queue_push_tail (&batch->retry,
          batch_photo_new (photo->item, photo->index, photo->n_results));
      batch_photo_free (photo);
    }
  }
  g_ptr_array_unref (photos);
}

static void
on_broken (const GError *error, GPtrArray *photos, gpointer user)
{
  Batch *batch = user;
  g_autoptr (GError) failure = NULL;

  take_back (batch, photos, error->message);
  if (!batch_lane_start (batch->lane, &failure)) {
    batch_report_note (&batch->report, "error", failure->message);
    batch->exit_code = EXIT_SOME_FAILED;
    g_main_loop_quit (batch->loop);
    return;
  }
  pump (batch);
}

static void
on_warned (const gchar *text, gpointer user)
{
  batch_report_note (&((Batch *) user)->report, "note", text);
}

/* The photos in flight are finished, no other is begun. */
static gboolean
on_signal (gpointer user)
{
  Batch *batch = user;

  if (!batch->stopping)
    batch_report_note (
        &batch->report, "note", "stopping after the photos in flight");
  batch->stopping = TRUE;
  return G_SOURCE_CONTINUE;
}

static gint
exit_code (const Batch *batch)
{
  if (batch->exit_code != EXIT_DONE)
    return batch->exit_code;
  if (batch->stopping && batch->next < batch->items->len)
    return EXIT_STOPPED;
  if (batch->report.failed > 0)
    return EXIT_SOME_FAILED;
  return batch->report.dropped > 0 ? EXIT_SOME_DROPPED : EXIT_DONE;
}

static gint
run (const BatchOptions *options, GPtrArray *items)
{
  static const BatchLaneEvents events = { on_settled, on_broken, on_warned };
  Batch batch = { .options = options, .items = items, .retry = G_QUEUE_INIT };
  g_autoptr (GError) error = NULL;
  gint code;

  batch.loop = g_main_loop_new (NULL, FALSE);
  batch_report_begin (&batch.report, options, items->len);
  batch.lane = batch_lane_new (options, &events, &batch);
  if (!batch_lane_start (batch.lane, &error)) {
    fprintf (stderr, "pet-batch: %s\n", error->message);
    code = g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT)
        ? EXIT_NO_DEVICE
        : EXIT_USAGE;
  } else {
    guint interrupt = g_unix_signal_add (SIGINT, on_signal, &batch);
    guint terminate = g_unix_signal_add (SIGTERM, on_signal, &batch);

    pump (&batch);
    if (batch_lane_in_flight (batch.lane) > 0)
      g_main_loop_run (batch.loop);
    g_source_remove (interrupt);
    g_source_remove (terminate);
    batch_report_end (&batch.report);
    code = exit_code (&batch);
  }
  batch_lane_free (batch.lane);
  g_queue_clear_full (&batch.retry, (GDestroyNotify) batch_photo_free);
  g_main_loop_unref (batch.loop);
  return code;
}

/* Run from the build folder, use the plugin that was built with it. */
static void
load_plugin_beside (void)
{
  g_autofree gchar *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree gchar *folder = self != NULL ? g_path_get_dirname (self) : NULL;
  g_autofree gchar *file = folder != NULL
      ? g_build_filename (folder, "..", "plugins", "libgstpet.so", NULL)
      : NULL;
  GstPlugin *plugin;

  if (file == NULL || !g_file_test (file, G_FILE_TEST_EXISTS))
    return;
  plugin = gst_plugin_load_file (file, NULL);
  if (plugin == NULL)
    return;
  gst_registry_add_plugin (gst_registry_get (), plugin);
  gst_object_unref (plugin);
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) arguments = g_strdupv (argv);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) items = NULL;
  BatchOptions options = { 0 };
  gint code = EXIT_USAGE;

  /* The network's threads must not spin beside the looks' (GNU OpenMP reads
   * this when the plugin brings it in). */
  g_setenv ("OMP_WAIT_POLICY", "passive", FALSE);
  gst_init (NULL, NULL);
  load_plugin_beside ();
  if (!batch_options_parse (&options, &arguments, &error) ||
      (items = batch_plan_new (options.inputs, &error)) == NULL)
    fprintf (stderr, "pet-batch: %s\n", error->message);
  else if (items->len == 0)
    fprintf (stderr, "pet-batch: there is no photo in the input\n");
  else
    code = run (&options, items);
  batch_options_clear (&options);
  return code;
}
