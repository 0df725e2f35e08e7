/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes through petdec ! petsegment, all in one thread: one message per file
 * whatever it was, a frame exactly when the message says so, and after every
 * file a good one that comes out as it did the first time. The last byte
 * chooses whole files or a stream in pieces, strict or not. */

#include <unistd.h>

#include <glib/gstdio.h>

#include <gst/check/gstharness.h>

#include "elements/pictures.h"
#include "fuzz.h"
#include "gstpetdec.h"
#include "gstpetsegment.h"

typedef struct {
  GstHarness *harness;
  GstElement *decoder;
  GstBus *bus;
  gboolean streaming;
} Line;

static Line whole, stream;
static GBytes *good;
static gchar *good_sum; /* of what `good` becomes */

static void
keep_model (void *user, const char *name, const uint8_t *bytes, size_t size)
{
  if (g_str_equal (name, "segmenter"))
    g_assert_true (
        g_file_set_contents (user, (const gchar *) bytes, (gssize) size, NULL));
}

static void
line_init (Line *line, gboolean streaming)
{
  g_autofree gchar *model =
      g_strdup_printf ("%s/fuzz-%d.onnx", g_get_tmp_dir (), (int) getpid ());
  g_autofree gchar *launch = g_strdup_printf (
      "petdec name=d on-error=skip max-size=64 max-pixels=%d ! "
      "petsegment device=cpu threads=1 model-location=%s",
      1 << 18, model);

  seeds_onnx (keep_model, model);
  line->harness = gst_harness_new_parse (launch);
  line->decoder = gst_bin_get_by_name (GST_BIN (line->harness->element), "d");
  line->bus = gst_bus_new ();
  line->streaming = streaming;
  gst_element_set_bus (line->harness->element, line->bus);
  gst_harness_play (line->harness);
  if (!streaming)
    gst_harness_set_src_caps_str (line->harness, "image/jpeg");
  g_unlink (model);
}

static gchar *
take_frame (Line *line)
{
  GstBuffer *frame = gst_harness_try_pull (line->harness);
  gchar *sum = NULL;
  GstMapInfo map;

  if (frame == NULL)
    return NULL;
  if (gst_buffer_map (frame, &map, GST_MAP_READ)) {
    sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, map.data, map.size);
    gst_buffer_unmap (frame, &map);
  }
  gst_buffer_unref (frame);
  return sum;
}

/* Takes all messages; returns how many files were ok. */
static guint
take_messages (Line *line, guint *n_files)
{
  guint n_ok = 0;
  GstMessage *message;

  *n_files = 0;
  while ((message = gst_bus_pop (line->bus)) != NULL) {
    g_assert_cmpint (GST_MESSAGE_TYPE (message), !=, GST_MESSAGE_ERROR);
    if (gst_message_has_name (message, "petdec")) {
      const GstStructure *s = gst_message_get_structure (message);

      ++*n_files;
      n_ok += g_str_equal (gst_structure_get_string (s, "status"), "ok");
    }
    gst_message_unref (message);
  }
  return n_ok;
}

static void
push_piece (Line *line, const guint8 *bytes, gsize size)
{
  GstBuffer *piece =
      size > 0 ? gst_buffer_new_memdup (bytes, size) : gst_buffer_new ();

  g_assert_cmpint (gst_harness_push (line->harness, piece), ==, GST_FLOW_OK);
}

static void
push_stream (Line *line, const guint8 *bytes, gsize size)
{
  gsize at = 0, step = 1 + size / 3;
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (line->harness, gst_event_new_stream_start ("bytes"));
  gst_harness_push_event (line->harness, gst_event_new_segment (&segment));
  for (; at < size; at += step)
    push_piece (line, bytes + at, MIN (size - at, step));
  gst_harness_push_event (line->harness, gst_event_new_eos ());
}

/* One file in; a frame out if its one message says so. */
static gchar *
run_file (Line *line, const guint8 *bytes, gsize size)
{
  guint n_files, n_ok;
  gchar *sum;

  if (line->streaming)
    push_stream (line, bytes, size);
  else
    push_piece (line, bytes, size);
  n_ok = take_messages (line, &n_files);
  sum = take_frame (line);
  /* A stream without a byte and without a name is no file. */
  g_assert_cmpuint (n_files, ==, line->streaming && size == 0 ? 0 : 1);
  g_assert_cmpuint (n_ok, ==, sum != NULL ? 1 : 0);
  g_assert_null (gst_harness_try_pull (line->harness));
  return sum;
}

static gchar *
run_good (Line *line)
{
  return run_file (
      line, g_bytes_get_data (good, NULL), g_bytes_get_size (good));
}

static void
init (void)
{
  gst_init (NULL, NULL);
  GST_ELEMENT_REGISTER (petdec, NULL);
  GST_ELEMENT_REGISTER (petsegment, NULL);
  gst_debug_set_default_threshold (GST_LEVEL_NONE);
  line_init (&whole, FALSE);
  line_init (&stream, TRUE);
  good = picture_jpeg (48, 40, 1);
  good_sum = run_good (&whole);
  g_assert_nonnull (good_sum);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  uint8_t choice = size > 0 ? bytes[size - 1] : 0;
  Line *line = choice & 2 ? &stream : &whole;
  g_autofree gchar *sum = NULL, *again = NULL;

  if (good == NULL)
    init ();
  g_object_set (line->decoder, "strict", (choice & 1) != 0, NULL);
  sum = run_file (line, bytes, size);
  again = run_good (line);
  g_assert_cmpstr (again, ==, good_sum);
  return 0;
}

void
fuzz_seeds (FuzzSeed seed, void *user)
{
  seeds_jpeg (seed, user);
  seeds_png (seed, user);
}

void
fuzz_repair (uint8_t *bytes, size_t size)
{
}
