/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "memory/gstpetbudget.h"
#include "memory/gstpetcost.h"
#include "meta/gstpetsourcemeta.h"
#include "pictures.h"

/* Checks the one message of a file and returns its reason. */
static gchar *
expect_message (GstHarness *h, const gchar *status)
{
  GstMessage *message = harness_pop_message (h, "petdec");
  const GstStructure *s;
  gchar *reason;

  g_assert_nonnull (message);
  s = gst_message_get_structure (message);
  g_assert_cmpstr (gst_structure_get_string (s, "status"), ==, status);
  reason = g_strdup (gst_structure_get_string (s, "reason"));
  gst_message_unref (message);
  message = harness_pop_message (h, "petdec");
  g_assert_null (message);
  return reason;
}

static GstHarness *
whole_file_harness (void)
{
  GstHarness *h = harness_with_bus ("petdec");

  gst_util_set_object_arg (G_OBJECT (h->element), "on-error", "skip");
  gst_harness_set_src_caps_str (h, "image/jpeg");
  return h;
}

static void
expect_frame (GstHarness *h, gint width, gint height, const gchar *format)
{
  GstBuffer *frame = gst_harness_pull (h);
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  gint got_width, got_height;

  g_assert_nonnull (frame);
  gst_structure_get_int (s, "width", &got_width);
  gst_structure_get_int (s, "height", &got_height);
  g_assert_cmpint (got_width, ==, width);
  g_assert_cmpint (got_height, ==, height);
  g_assert_cmpstr (gst_structure_get_string (s, "format"), ==, format);
  gst_caps_unref (caps);
  gst_buffer_unref (frame);
}

static void
decodes_whole_files_of_changing_size (void)
{
  GstHarness *h = whole_file_harness ();
  static const gint sizes[][2] = { { 64, 48 }, { 1, 1 }, { 65, 33 },
    { 7, 200 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GBytes) jpeg = picture_jpeg (sizes[i][0], sizes[i][1], i);
    g_autoptr (GBytes) png = picture_png (sizes[i][0], sizes[i][1], 4, i);
    g_autofree gchar *first = NULL, *second = NULL;

    g_assert_cmpint (
        gst_harness_push (h, buffer_from_bytes (jpeg)), ==, GST_FLOW_OK);
    expect_frame (h, sizes[i][0], sizes[i][1], "RGB");
    first = expect_message (h, "ok");
    g_assert_cmpint (
        gst_harness_push (h, buffer_from_bytes (png)), ==, GST_FLOW_OK);
    expect_frame (h, sizes[i][0], sizes[i][1], "RGBA");
    second = expect_message (h, "ok");
  }
  harness_with_bus_free (h);
}

static void
max_size_bounds_the_longest_side (void)
{
  GstHarness *h = whole_file_harness ();
  g_autoptr (GBytes) wide = picture_jpeg (400, 100, 1);
  g_autoptr (GBytes) tall = picture_png (90, 360, 3, 1);
  g_autoptr (GBytes) small = picture_jpeg (50, 20, 1);

  g_object_set (h->element, "max-size", 120, NULL);
  gst_harness_push (h, buffer_from_bytes (wide));
  expect_frame (h, 120, 30, "RGB");
  gst_harness_push (h, buffer_from_bytes (tall));
  expect_frame (h, 30, 120, "RGB");
  gst_harness_push (h, buffer_from_bytes (small));
  expect_frame (h, 50, 20, "RGB");
  harness_with_bus_free (h);
}

/* What a byte stream looks like: no caps, a BYTES segment, pieces, EOS. */
static void
decodes_a_byte_stream_at_eos (void)
{
  GstHarness *h = harness_with_bus ("petdec");
  g_autoptr (GBytes) jpeg = picture_jpeg (80, 60, 5);
  const guint8 *bytes = g_bytes_get_data (jpeg, NULL);
  gsize size = g_bytes_get_size (jpeg);
  g_autofree gchar *reason = NULL;
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_stream_start ("bytes"));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (gsize at = 0; at < size; at += 100) {
    gsize part = MIN (size - at, 100);
    GstBuffer *piece = gst_buffer_new_memdup (bytes + at, part);

    g_assert_cmpint (gst_harness_push (h, piece), ==, GST_FLOW_OK);
  }
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, 0);
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_frame (h, 80, 60, "RGB");
  reason = expect_message (h, "ok");
  harness_with_bus_free (h);
}

/* Between good pictures of one size: nothing comes out for the bad one, and
 * the next is as if it had never been. */
static void
bad_files_are_reported_and_the_next_is_right (void)
{
  GstHarness *h = whole_file_harness ();
  g_autoptr (GBytes) good = picture_jpeg (64, 64, 3);
  g_autoptr (GBytes) png = picture_png (64, 64, 3, 3);
  const guint8 *jpeg_bytes = g_bytes_get_data (good, NULL);
  const guint8 *png_bytes = g_bytes_get_data (png, NULL);
  static const gchar html[] = "<html><body>404</body></html>";
  const struct {
    gconstpointer bytes;
    gsize size;
  } bad[] = {
    { html, sizeof html },
    { jpeg_bytes, 2 },
    { jpeg_bytes, g_bytes_get_size (good) / 2 },
    { png_bytes, 8 },
    { png_bytes, g_bytes_get_size (png) / 2 },
    { png_bytes, g_bytes_get_size (png) - 12 },
  };
  GstBuffer *first, *again;
  GstMapInfo a, b;

  gst_harness_push (h, buffer_from_bytes (good));
  first = gst_harness_pull (h);
  g_free (expect_message (h, "ok"));

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree gchar *reason = NULL;

    g_assert_cmpint (
        gst_harness_push (h, gst_buffer_new_memdup (bad[i].bytes, bad[i].size)),
        ==, GST_FLOW_OK);
    reason = expect_message (h, "failed");
    g_assert_cmpuint (strlen (reason), >, 3);
    g_assert_null (gst_harness_try_pull (h));

    gst_harness_push (h, buffer_from_bytes (good));
    again = gst_harness_pull (h);
    g_free (expect_message (h, "ok"));
    gst_buffer_map (first, &a, GST_MAP_READ);
    gst_buffer_map (again, &b, GST_MAP_READ);
    g_assert_cmpmem (a.data, a.size, b.data, b.size);
    gst_buffer_unmap (first, &a);
    gst_buffer_unmap (again, &b);
    gst_buffer_unref (again);
  }
  gst_buffer_unref (first);
  harness_with_bus_free (h);
}

static void
an_empty_file_fails (void)
{
  GstHarness *h = whole_file_harness ();
  g_autofree gchar *reason = NULL;

  g_assert_cmpint (gst_harness_push (h, gst_buffer_new ()), ==, GST_FLOW_OK);
  reason = expect_message (h, "failed");
  g_assert_nonnull (strstr (reason, "empty"));
  harness_with_bus_free (h);
}

static void
on_error_error_ends_with_one_error (void)
{
  GstHarness *h = whole_file_harness ();

  gst_util_set_object_arg (G_OBJECT (h->element), "on-error", "error");
  g_assert_cmpint (gst_harness_push (h, gst_buffer_new_memdup ("nothing", 7)),
      ==, GST_FLOW_ERROR);
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_ERROR), ==, 1);
  harness_with_bus_free (h);
}

/* In a sentence, whatever names the photo. */
static void
errors_name_the_photo (void)
{
  static const struct {
    const gchar *source, *name;
  } photos[] = { { "in/dog.jpg", "\"in/dog.jpg\"" }, { "", "photo 3" },
    { NULL, "photo 0" } };

  for (guint i = 0; i < G_N_ELEMENTS (photos); i++) {
    GstBuffer *photo = gst_buffer_new ();
    g_autofree gchar *name = NULL;

    if (photos[i].source != NULL)
      gst_pet_buffer_add_source_meta (photo, photos[i].source, 3, 9);
    name = gst_pet_buffer_name_source (photo);
    g_assert_cmpstr (name, ==, photos[i].name);
    gst_buffer_unref (photo);
  }
}

/* 36000 x 40000 pixels of 1 bit: as RGB they are more bytes than 32 bits count,
 * where a GstVideoInfo gives up. */
static void
a_frame_that_cannot_be_is_refused (void)
{
  static const guint8 huge[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,
    0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0x8c, 0xa0, 0, 0, 0x9c, 0x40, 1, 0, 0,
    0, 0, 0xe0, 0x63, 0xfa, 0x12, 0, 0, 0, 0, 'I', 'D', 'A', 'T', 0x35, 0xaf,
    0x06, 0x1e };
  GstHarness *h = whole_file_harness ();
  g_autofree gchar *reason = NULL;

  g_object_set (h->element, "max-pixels", (guint64) 0, NULL);
  g_assert_cmpint (
      gst_harness_push (h, gst_buffer_new_memdup (huge, sizeof huge)), ==,
      GST_FLOW_OK);
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, 0);
  reason = expect_message (h, "failed");
  g_assert_nonnull (strstr (reason, "more than a frame can have"));
  harness_with_bus_free (h);
}

/* At EOS no source is there any more that would say so. */
static void
nobody_wants_the_picture_of_a_stream (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autoptr (GBytes) jpeg = picture_jpeg (16, 16, 1);
  g_autofree gchar *line = g_strdup_printf (
      "filesrc location=%s/a.jpg ! petdec ! video/x-raw,width=99 ! fakesink",
      folder);
  GstElement *pipeline = gst_parse_launch (line, NULL);

  write_file (folder, "a.jpg", jpeg);
  run_until (pipeline, GST_MESSAGE_ERROR);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  remove_tree (folder);
}

static void
limits_are_checked_on_the_header (void)
{
  GstHarness *h = whole_file_harness ();
  g_autoptr (GBytes) jpeg = picture_jpeg (200, 200, 1);
  g_autofree guint8 *huge =
      g_memdup2 (g_bytes_get_data (jpeg, NULL), g_bytes_get_size (jpeg));
  gsize size = g_bytes_get_size (jpeg);
  g_autofree gchar *pixels = NULL, *bytes = NULL;

  /* SOF0's height and width, set to 20000. */
  for (gsize i = 0; i + 9 < size; i++)
    if (huge[i] == 0xff && huge[i + 1] == 0xc0) {
      memcpy (huge + i + 5, "\x4e\x20\x4e\x20", 4);
      break;
    }
  gst_harness_push (h, gst_buffer_new_memdup (huge, size));
  pixels = expect_message (h, "failed");
  g_assert_nonnull (strstr (pixels, "20000"));

  g_object_set (h->element, "max-file-size", (guint64) 100, NULL);
  gst_harness_push (h, buffer_from_bytes (jpeg));
  bytes = expect_message (h, "failed");
  g_assert_nonnull (strstr (bytes, "limit"));
  harness_with_bus_free (h);
}

static void
not_strict_keeps_and_flags (void)
{
  GstHarness *h = whole_file_harness ();
  g_autoptr (GBytes) jpeg = picture_jpeg (128, 128, 4);
  GstBuffer *frame;
  g_autofree gchar *reason = NULL;

  g_object_set (h->element, "strict", FALSE, NULL);
  gst_harness_push (h,
      gst_buffer_new_memdup (
          g_bytes_get_data (jpeg, NULL), g_bytes_get_size (jpeg) / 2));
  frame = gst_harness_pull (h);
  g_assert_true (GST_BUFFER_FLAG_IS_SET (frame, GST_BUFFER_FLAG_CORRUPTED));
  reason = expect_message (h, "ok");
  g_assert_cmpstr (reason, !=, "");
  gst_buffer_unref (frame);
  harness_with_bus_free (h);
}

static GstPadProbeReturn
no_standstill_from_here_on (GstPad *pad, GstPadProbeInfo *info, gpointer budget)
{
  if (gst_pet_query_is_cost (GST_PAD_PROBE_INFO_QUERY (info)))
    gst_pet_budget_set_stall_timeout (budget, 20 * GST_SECOND);
  return GST_PAD_PROBE_OK;
}

/* The header and the picture are asked for one after the other: a photo that is
 * let in above the limit, because nothing moves, has waited for that once. */
static void
a_photo_waits_for_one_standstill (void)
{
  GstPetBudget *budget = gst_pet_budget_get ("standstill");
  GstHarness *h = harness_with_bus ("petdec");
  GstPad *pad = gst_element_get_static_pad (h->element, "src");
  GBytes *jpeg = picture_jpeg (40, 30, 1);
  GstPetTicket *kept;
  gint64 begin;

  gst_element_set_state (h->element, GST_STATE_NULL);
  g_object_set (h->element, "budget", "standstill", NULL);
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, "image/jpeg");
  gst_pet_budget_set_limit (budget, 1000000);
  gst_pet_budget_set_stall_timeout (budget, 10 * GST_MSECOND);
  kept = gst_pet_budget_try (budget, 1000000);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM,
      no_standstill_from_here_on, budget, NULL);
  begin = g_get_monotonic_time ();
  gst_harness_push (h, buffer_from_bytes (jpeg));
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 15 * G_USEC_PER_SEC);
  gst_buffer_unref (gst_harness_pull (h));
  gst_pet_ticket_unref (kept);
  gst_object_unref (pad);
  harness_with_bus_free (h);
  g_bytes_unref (jpeg);
  gst_object_unref (budget);
}

static void
gives_rgba_where_only_that_is_taken (void)
{
  GstHarness *h = whole_file_harness ();
  g_autoptr (GBytes) png = picture_png (33, 17, 3, 2);
  GstBuffer *frame;
  GstMapInfo map;

  gst_harness_set_sink_caps_str (h, "video/x-raw,format=RGBA");
  gst_harness_push (h, buffer_from_bytes (png));
  frame = gst_harness_pull (h);
  gst_buffer_map (frame, &map, GST_MAP_READ);
  g_assert_cmpuint (map.size, ==, 33 * 17 * 4);
  for (gsize i = 3; i < map.size; i += 4)
    g_assert_cmpuint (map.data[i], ==, 255);
  gst_buffer_unmap (frame, &map);
  gst_buffer_unref (frame);
  harness_with_bus_free (h);
}

/* Caps can be set and yet be refused. */
static void
passes_over_what_is_not_taken (void)
{
  GstHarness *h = whole_file_harness ();
  g_autoptr (GBytes) cut_out = picture_png (33, 17, 4, 2);
  g_autoptr (GBytes) jpeg = picture_jpeg (20, 10, 2);
  g_autofree gchar *refused = NULL, *taken = NULL;

  gst_harness_set_sink_caps_str (h, "video/x-raw,format=RGB");
  g_assert_cmpint (
      gst_harness_push (h, buffer_from_bytes (cut_out)), ==, GST_FLOW_OK);
  refused = expect_message (h, "failed");
  g_assert_nonnull (strstr (refused, "RGBA"));
  g_assert_cmpint (
      gst_harness_push (h, buffer_from_bytes (jpeg)), ==, GST_FLOW_OK);
  expect_frame (h, 20, 10, "RGB");
  taken = expect_message (h, "ok");
  harness_with_bus_free (h);
}

static void
keeps_the_source_and_survives_restarts (void)
{
  GstHarness *h = whole_file_harness ();
  g_autoptr (GBytes) jpeg = picture_jpeg (16, 16, 2);

  for (guint i = 0; i < 20; i++) {
    GstBuffer *file = gst_buffer_make_writable (buffer_from_bytes (jpeg));
    GstPetSourceMeta *meta;
    GstBuffer *frame;

    gst_pet_buffer_add_source_meta (file, "a/b.jpg", 7, 9);
    gst_harness_push (h, file);
    frame = gst_harness_pull (h);
    meta = gst_pet_buffer_get_source_meta (frame);
    g_assert_nonnull (meta);
    g_assert_cmpstr (meta->source, ==, "a/b.jpg");
    g_assert_cmpuint (meta->index, ==, 7);
    gst_buffer_unref (frame);

    gst_element_set_state (h->element, GST_STATE_NULL);
    gst_harness_set_src_caps_str (h, "image/jpeg");
    gst_harness_play (h);
    gst_harness_set_src_caps_str (h, "image/jpeg");
  }
  harness_with_bus_free (h);
}

/* filesrc gives pieces, multifilesrc whole files (with and without caps); an
 * empty file gives nothing at all. */
static guint
run_source (const gchar *source, const gchar *folder, guint *failed)
{
  g_autofree gchar *launch = g_strdup_printf (
      "%s ! petdec on-error=skip ! fakesink async=false", source);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline;
  GstBus *bus;
  gboolean ended = FALSE;
  guint ok = 0;

  (void) folder;
  *failed = 0;
  pipeline = gst_parse_launch (launch, &error);
  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!ended) {
    GstMessage *message = gst_bus_timed_pop (bus, 20 * GST_SECOND);

    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), !=, GST_MESSAGE_ERROR);
    ended = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    if (gst_message_has_name (message, "petdec")) {
      const GstStructure *s = gst_message_get_structure (message);
      gboolean is_ok =
          g_str_equal (gst_structure_get_string (s, "status"), "ok");

      ok += is_ok;
      *failed += !is_ok;
    }
    gst_message_unref (message);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  return ok;
}

static void
takes_what_stock_sources_give (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autoptr (GBytes) one = picture_jpeg (900, 700, 1);
  g_autoptr (GBytes) two = picture_png (30, 20, 3, 2);
  g_autoptr (GBytes) none = g_bytes_new (NULL, 0);
  const struct {
    const gchar *format;
    guint ok, failed;
  } cases[] = {
    { "filesrc location=%s/p0.pic", 1, 0 },
    { "filesrc location=%s/p1.pic", 1, 0 },
    { "filesrc location=%s/p2.pic", 0, 1 },
    { "filesrc location=%s/p0.pic blocksize=7", 1, 0 },
    { "filesrc location=%s/p0.pic ! typefind", 1, 0 },
    { "concat name=c filesrc location=%s/p0.pic ! c."
      " filesrc location=%s/p1.pic ! c. c.",
        2, 0 },
    { "multifilesrc location=%s/p%%d.pic", 2, 1 },
    { "multifilesrc location=%s/p%%d.pic caps=image/jpeg", 2, 1 },
    { "multifilesrc location=%s/p%%d.pic caps=image/jpeg,framerate=1/1", 2, 1 },
  };

  write_file (folder, "p0.pic", one);
  write_file (folder, "p1.pic", two);
  write_file (folder, "p2.pic", none);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) source = g_string_new (cases[i].format);
    guint ok, failed;

    g_string_replace (source, "%s", folder, 0);
    g_string_replace (source, "%%", "%", 0);
    ok = run_source (source->str, folder, &failed);
    g_test_message ("%s: %u ok, %u failed", source->str, ok, failed);
    g_assert_cmpuint (ok, ==, cases[i].ok);
    g_assert_cmpuint (failed, ==, cases[i].failed);
  }
  remove_tree (folder);
}

/* Longer than a read of fdsrc's, which knows no length. */
static void
a_pipe_with_caps_is_one_file (void)
{
  g_autoptr (GBytes) jpeg = picture_jpeg (300, 200, 3);
  gsize size = g_bytes_get_size (jpeg);
  g_autofree gchar *source = NULL;
  guint failed;
  int ends[2];

  g_assert_cmpuint (size, >, 4096);
  g_assert_cmpint (pipe (ends), ==, 0);
  g_assert_cmpint (
      write (ends[1], g_bytes_get_data (jpeg, NULL), size), ==, size);
  close (ends[1]);
  source = g_strdup_printf ("fdsrc fd=%d ! typefind", ends[0]);
  g_assert_cmpuint (run_source (source, NULL, &failed), ==, 1);
  g_assert_cmpuint (failed, ==, 0);
  close (ends[0]);
}

static void
add_tests (void)
{
  g_test_add_func ("/petdec/decodes-whole-files-of-changing-size",
      decodes_whole_files_of_changing_size);
  g_test_add_func ("/petdec/max-size-bounds-the-longest-side",
      max_size_bounds_the_longest_side);
  g_test_add_func (
      "/petdec/decodes-a-byte-stream-at-eos", decodes_a_byte_stream_at_eos);
  g_test_add_func ("/petdec/bad-files-are-reported-and-the-next-is-right",
      bad_files_are_reported_and_the_next_is_right);
  g_test_add_func ("/petdec/an-empty-file-fails", an_empty_file_fails);
  g_test_add_func ("/petdec/on-error-error-ends-with-one-error",
      on_error_error_ends_with_one_error);
  g_test_add_func ("/petdec/errors-name-the-photo", errors_name_the_photo);
  g_test_add_func ("/petdec/a-frame-that-cannot-be-is-refused",
      a_frame_that_cannot_be_is_refused);
  g_test_add_func ("/petdec/nobody-wants-the-picture-of-a-stream",
      nobody_wants_the_picture_of_a_stream);
  g_test_add_func ("/petdec/limits-are-checked-on-the-header",
      limits_are_checked_on_the_header);
  g_test_add_func (
      "/petdec/not-strict-keeps-and-flags", not_strict_keeps_and_flags);
  g_test_add_func ("/petdec/a-photo-waits-for-one-standstill",
      a_photo_waits_for_one_standstill);
  g_test_add_func ("/petdec/gives-rgba-where-only-that-is-taken",
      gives_rgba_where_only_that_is_taken);
  g_test_add_func (
      "/petdec/passes-over-what-is-not-taken", passes_over_what_is_not_taken);
  g_test_add_func (
      "/petdec/a-pipe-with-caps-is-one-file", a_pipe_with_caps_is_one_file);
  g_test_add_func ("/petdec/keeps-the-source-and-survives-restarts",
      keeps_the_source_and_survives_restarts);
  g_test_add_func (
      "/petdec/takes-what-stock-sources-give", takes_what_stock_sources_give);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
