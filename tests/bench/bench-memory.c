/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What one process takes for photos: tests/bench/memory runs it and makes the
 * table.
 *
 *   bench-memory [OPTION...] PHOTO...
 *
 * Builds the pipeline (per lane), loads the network, notes the resident set:
 * that is READY. Then it pushes the photos one after the other, each into all
 * lanes at once, and prints a line per photo:
 *
 *   READY IDLE PEAK ACCOUNTED MILLISECONDS
 *
 * the resident set in bytes at READY, before the photo, its largest while the
 * photo was made (the kernel's VmHWM, set back before), the account's peak so
 * far (0: stock), and CPU time. With --stages also, per element, "ELEMENT PEAK"
 * of the time since the line before. */

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static gchar *out, *memory, *stock;
static gint max_size = 1024, n_lanes = 1, repeat = 1;
static gboolean stages;
static gchar **photos;

static const gchar *const looks[] = { "color", "enhancedblackwhite", "popart",
  "dithering", "retro8bit" };

typedef struct {
  GstElement *pipeline, *source;
  GstBus *bus;
} Lane;

static guint64
status_bytes (const gchar *key)
{
  g_autofree gchar *text = NULL;
  const gchar *line;

  if (!g_file_get_contents ("/proc/self/status", &text, NULL, NULL))
    return 0;
  line = strstr (text, key);
  return line != NULL ? g_ascii_strtoull (line + strlen (key), NULL, 10) * 1024
                      : 0;
}

static void
reset_peak (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "we");

  if (file == NULL || fputs ("5", file) < 0 || fclose (file) != 0) {
    fputs ("bench-memory: the peak cannot be set back\n", stderr);
    exit (1);
  }
}

static gdouble
cpu_ms (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (gdouble) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
      (gdouble) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static GString *
our_line (guint lane)
{
  GString *line = g_string_new (NULL);

  g_string_printf (line,
      "appsrc name=source format=time max-bytes=0 ! petdec max-size=%d "
      "! petsegment device=cpu threads=1 ! tee name=t",
      max_size);
  for (guint i = 0; i < G_N_ELEMENTS (looks); i++)
    g_string_append_printf (line,
        " t. ! memgate name=gate%u label=%s limit=%s ! queue "
        "max-size-buffers=1 "
        "max-size-bytes=0 max-size-time=0 ! peteffect name=%s effect=%s "
        "! petpngenc name=%s.png level=1 ! petfilesink "
        "location=\"%s/%u-%s.{index}.png\"",
        i, looks[i], memory != NULL ? memory : "0", looks[i], looks[i],
        looks[i], out, lane, looks[i]);
  return line;
}

/* The elements that come with GStreamer, without a network: what the branches
 * cost there. */
static GString *
stock_line (guint lane, const gchar *photo)
{
  GString *line = g_string_new (NULL);

  g_string_printf (line,
      "appsrc name=source format=time max-bytes=0 ! %s ! videoconvert "
      "! videoscale ! video/x-raw,format=RGBA,%s ! tee name=t",
      g_str_has_suffix (photo, ".png") ? "pngdec" : "jpegdec", stock);
  for (guint i = 0; i < G_N_ELEMENTS (looks); i++)
    g_string_append_printf (line,
        " t. ! queue ! videobalance saturation=0.%u ! videoconvert ! pngenc "
        "compression-level=1 ! filesink sync=false async=false "
        "location=\"%s/%u-%s.png\"",
        i + 1, out, lane, looks[i]);
  return line;
}

static GstPadProbeReturn
report_stage (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstObject *element = gst_pad_get_parent (pad);

  printf ("%s %" G_GUINT64_FORMAT "\n", GST_OBJECT_NAME (element),
      status_bytes ("VmHWM:"));
  gst_object_unref (element);
  reset_peak ();
  return GST_PAD_PROBE_OK;
}

static void
add_probe (const GValue *value, gpointer data)
{
  GstElement *element = g_value_get_object (value);
  GstElementFactory *factory = gst_element_get_factory (element);
  GstPad *pad = gst_element_get_static_pad (element, "src");

  if (pad == NULL)
    return;
  if (g_str_has_prefix (GST_OBJECT_NAME (factory), "pet"))
    gst_pad_add_probe (
        pad, GST_PAD_PROBE_TYPE_BUFFER, report_stage, NULL, NULL);
  gst_object_unref (pad);
}

static void
add_probes (GstElement *pipeline)
{
  GstIterator *elements = gst_bin_iterate_elements (GST_BIN (pipeline));

  while (
      gst_iterator_foreach (elements, add_probe, NULL) == GST_ITERATOR_RESYNC)
    gst_iterator_resync (elements);
  gst_iterator_free (elements);
}

static void
start (Lane *lane, guint number, const gchar *photo)
{
  g_autoptr (GError) error = NULL;
  GString *line =
      stock != NULL ? stock_line (number, photo) : our_line (number);

  lane->pipeline = gst_parse_launch (line->str, &error);
  if (error != NULL) {
    fprintf (stderr, "bench-memory: %s\n", error->message);
    exit (1);
  }
  g_string_free (line, TRUE);
  lane->source = gst_bin_get_by_name (GST_BIN (lane->pipeline), "source");
  lane->bus = gst_element_get_bus (lane->pipeline);
  if (stages)
    add_probes (lane->pipeline);
  gst_element_set_state (lane->pipeline, GST_STATE_PLAYING);
}

static void
push (Lane *lane, const gchar *photo, guint index)
{
  g_autoptr (GError) error = NULL;
  gchar *bytes;
  GstBuffer *buffer;
  gsize size;

  if (!g_file_get_contents (photo, &bytes, &size, &error)) {
    fprintf (stderr, "bench-memory: %s\n", error->message);
    exit (1);
  }
  buffer = gst_buffer_new_wrapped (bytes, size);
  GST_BUFFER_PTS (buffer) = index * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  gst_app_src_push_buffer (GST_APP_SRC (lane->source), buffer);
  if (stock != NULL)
    gst_app_src_end_of_stream (GST_APP_SRC (lane->source));
}

static void
wait_for_results (Lane *lane)
{
  guint left = stock != NULL ? 1 : G_N_ELEMENTS (looks);

  while (left > 0) {
    GstMessage *message =
        gst_bus_timed_pop_filtered (lane->bus, GST_CLOCK_TIME_NONE,
            GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    g_autoptr (GError) error = NULL;

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      gst_message_parse_error (message, &error, NULL);
      fprintf (stderr, "bench-memory: %s\n", error->message);
      exit (1);
    }
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS ||
        gst_structure_has_name (
            gst_message_get_structure (message), "petfilesink"))
      left--;
    gst_message_unref (message);
  }
}

static guint64
account_peak (const Lane *lane)
{
  GstElement *gate = gst_bin_get_by_name (GST_BIN (lane->pipeline), "gate0");
  GstStructure *stats = NULL;
  guint64 peak = 0;

  if (gate == NULL)
    return 0;
  g_object_get (gate, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "peak", &peak);
  gst_structure_free (stats);
  gst_object_unref (gate);
  return peak;
}

static void
make (Lane *lanes, const gchar *photo, guint index, guint64 ready)
{
  guint64 idle = status_bytes ("VmRSS:"), peak;
  gdouble begin = cpu_ms ();

  reset_peak ();
  for (gint i = 0; i < n_lanes; i++)
    push (&lanes[i], photo, index);
  for (gint i = 0; i < n_lanes; i++)
    wait_for_results (&lanes[i]);
  peak = status_bytes ("VmHWM:");
  printf ("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
          " %" G_GUINT64_FORMAT " %.0f\n",
      ready, idle, peak, account_peak (&lanes[0]), cpu_ms () - begin);
  fflush (stdout);
}

static void
parse (gint *argc, gchar ***argv)
{
  const GOptionEntry entries[] = {
    { "out", 'o', 0, G_OPTION_ARG_FILENAME, &out, "Folder", "OUT" },
    { "max-size", 0, 0, G_OPTION_ARG_INT, &max_size, "Longest side", "N" },
    { "memory", 0, 0, G_OPTION_ARG_STRING, &memory, "Limit", "BYTES" },
    { "lanes", 0, 0, G_OPTION_ARG_INT, &n_lanes, "Photos at once", "N" },
    { "repeat", 0, 0, G_OPTION_ARG_INT, &repeat, "Times", "N" },
    { "stock", 0, 0, G_OPTION_ARG_STRING, &stock,
        "Stock elements, no network, scaled to these caps",
        "width=W,height=H" },
    { "stages", 0, 0, G_OPTION_ARG_NONE, &stages, "Peaks per element", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &photos, NULL,
        NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("PHOTO...");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, &error) || photos == NULL ||
      out == NULL || n_lanes < 1) {
    fprintf (stderr, "bench-memory: %s\n",
        error != NULL ? error->message : "give PHOTO... and -o OUT");
    exit (1);
  }
}

int
main (int argc, char **argv)
{
  guint64 ready;
  guint index = 0;
  Lane *lanes;

  /* As pet-batch does. */
  mallopt (M_MMAP_THRESHOLD, 32 * 1024);
  mallopt (M_TRIM_THRESHOLD, 256 * 1024);
  mallopt (M_ARENA_MAX, 2);
  gst_init (NULL, NULL);
  parse (&argc, &argv);
  lanes = g_new0 (Lane, (gsize) n_lanes);
  for (gint i = 0; i < n_lanes; i++)
    start (&lanes[i], (guint) i, photos[0]);
  g_usleep (200000);
  ready = status_bytes ("VmRSS:");
  for (gint i = 0; i < repeat; i++)
    for (gchar **photo = photos; *photo != NULL; photo++)
      make (lanes, *photo, index++, ready);
  for (gint i = 0; i < n_lanes; i++)
    gst_element_set_state (lanes[i].pipeline, GST_STATE_NULL);
  return 0;
}
