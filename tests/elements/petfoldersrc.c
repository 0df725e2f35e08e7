/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meta/gstpetsourcemeta.h"
#include "pictures.h"

/* In the streaming thread, where the caps are those of the buffer. */
static GstPadProbeReturn
note_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer lines)
{
  GstPetSourceMeta *meta =
      gst_pet_buffer_get_source_meta (GST_PAD_PROBE_INFO_BUFFER (info));
  GstCaps *caps = gst_pad_get_current_caps (pad);

  g_string_append_printf (lines,
      "%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " %s %s%s\n", meta->index,
      meta->count, meta->source,
      gst_structure_get_name (gst_caps_get_structure (caps, 0)),
      meta->problem != NULL ? " problem" : "");
  gst_caps_unref (caps);
  return GST_PAD_PROBE_OK;
}

/* What the source gives: "index/count path caps problem?" per line. */
static gchar *
listing (const gchar *folder, const gchar *settings)
{
  g_autofree gchar *launch =
      g_strdup_printf ("petfoldersrc location=\"%s\" %s", folder, settings);
  GstHarness *h = gst_harness_new_parse (launch);
  GString *lines = g_string_new (NULL);
  GstBuffer *buffer;

  gst_pad_add_probe (
      h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, note_buffer, lines, NULL);
  gst_harness_play (h);
  while (gst_harness_pull_until_eos (h, &buffer) && buffer != NULL)
    gst_buffer_unref (buffer);
  gst_harness_teardown (h);
  return g_string_free (lines, FALSE);
}

static gchar *
mixed_folder (void)
{
  gchar *folder = make_folder ();
  g_autoptr (GBytes) jpeg = picture_jpeg (8, 8, 1);
  g_autoptr (GBytes) png = picture_png (8, 8, 3, 1);
  g_autoptr (GBytes) text = g_bytes_new_static ("notes", 5);

  write_file (folder, "b.jpg", jpeg);
  write_file (folder, "a.PNG", png);
  write_file (folder, "noname", jpeg);
  write_file (folder, "notes.txt", text);
  write_file (folder, ".hidden.jpg", jpeg);
  write_file (folder, "wrong.jpg", png);
  write_file (folder, "foreign.webp", text);
  write_file (folder, "sub/c d.jpg", jpeg);
  return folder;
}

static void
lists_in_byte_order_with_caps_by_content (void)
{
  g_autofree gchar *folder = mixed_folder ();
  g_autofree gchar *all = listing (folder, "");
  g_autofree gchar *top = listing (folder, "recursive=false");

  g_assert_cmpstr (all, ==,
      "0/6 a.PNG image/png\n"
      "1/6 b.jpg image/jpeg\n"
      "2/6 foreign.webp image/jpeg\n"
      "3/6 noname image/jpeg\n"
      "4/6 sub/c d.jpg image/jpeg\n"
      "5/6 wrong.jpg image/png\n");
  g_assert_null (strstr (top, "sub/"));
  remove_tree (folder);
}

static void
the_shards_together_are_the_folder (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autoptr (GBytes) jpeg = picture_jpeg (8, 8, 1);
  gsize whole = 0, parts = 0;
  g_autofree gchar *all = NULL;

  for (guint i = 0; i < 40; i++) {
    g_autofree gchar *name = g_strdup_printf ("p%u.jpg", i);

    write_file (folder, name, jpeg);
  }
  all = listing (folder, "");
  whole = strlen (all);
  for (guint i = 0; i < 3; i++) {
    g_autofree gchar *setting = g_strdup_printf ("shard=%u/3", i);
    g_autofree gchar *part = listing (folder, setting);
    g_auto (GStrv) lines = g_strsplit (part, "\n", -1);

    g_assert_cmpuint (g_strv_length (lines), >, 5);
    for (gchar **line = lines; *line != NULL; line++)
      g_assert_nonnull (strstr (all, *line));
    parts += strlen (part);
  }
  g_assert_cmpuint (parts, ==, whole);
  remove_tree (folder);
}

static void
odd_entries_are_reported_not_read (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autofree gchar *fifo = g_build_filename (folder, "fifo.jpg", NULL);
  g_autofree gchar *zero = g_build_filename (folder, "zero.jpg", NULL);
  g_autofree gchar *loop = g_build_filename (folder, "sub", "up", NULL);
  g_autofree gchar *above = g_build_filename (folder, "sub", "above", NULL);
  g_autofree gchar *gone = g_build_filename (folder, "gone.jpg", NULL);
  g_autoptr (GBytes) jpeg = picture_jpeg (8, 8, 1);
  g_autofree gchar *got = NULL;

  write_file (folder, "sub/a.jpg", jpeg);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (symlink ("/dev/zero", zero), ==, 0);
  g_assert_cmpint (symlink ("..", loop), ==, 0);
  g_assert_cmpint (symlink ("../..", above), ==, 0);
  g_assert_cmpint (symlink ("nowhere", gone), ==, 0);
  got = listing (folder, "");
  g_assert_cmpstr (got, ==,
      "0/4 fifo.jpg image/jpeg problem\n"
      "1/4 gone.jpg image/jpeg problem\n"
      "2/4 sub/a.jpg image/jpeg\n"
      "3/4 zero.jpg image/jpeg problem\n");
  remove_tree (folder);
}

/* Folders that all link to each other, to one outside, and to links there. */
static void
folders_are_read_once (void)
{
  static const gchar *const names[] = { "a", "b", "c", "d" };
  g_autofree gchar *folder = make_folder ();
  g_autofree gchar *outside = make_folder ();
  g_autofree gchar *beyond = make_folder ();
  g_autofree gchar *next = g_build_filename (outside, "next", NULL);
  g_autoptr (GBytes) jpeg = picture_jpeg (8, 8, 1);
  g_autofree gchar *got = NULL;

  write_file (outside, "o.jpg", jpeg);
  write_file (beyond, "p.jpg", jpeg);
  g_assert_cmpint (symlink (beyond, next), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree gchar *photo = g_strconcat (names[i], "/x.jpg", NULL);

    write_file (folder, photo, jpeg);
    for (guint k = 0; k <= G_N_ELEMENTS (names); k++) {
      const gchar *to = k < G_N_ELEMENTS (names) ? names[k] : "out";
      g_autofree gchar *name = g_strconcat ("to-", to, NULL);
      g_autofree gchar *link = g_build_filename (folder, names[i], name, NULL);
      g_autofree gchar *target = k < G_N_ELEMENTS (names)
          ? g_build_filename ("..", to, NULL)
          : g_strdup (outside);

      g_assert_cmpint (symlink (target, link), ==, 0);
    }
  }
  got = listing (folder, "");
  g_assert_cmpstr (got, ==,
      "0/6 a/to-out/next/p.jpg image/jpeg\n"
      "1/6 a/to-out/o.jpg image/jpeg\n"
      "2/6 a/x.jpg image/jpeg\n"
      "3/6 b/x.jpg image/jpeg\n"
      "4/6 c/x.jpg image/jpeg\n"
      "5/6 d/x.jpg image/jpeg\n");
  remove_tree (folder);
  remove_tree (outside);
  remove_tree (beyond);
}

static void
folders_that_are_not_read_are_warned_of (void)
{
  g_autofree gchar *folder = make_folder ();
  GString *deep = g_string_new ("a/");
  g_autoptr (GBytes) jpeg = picture_jpeg (8, 8, 1);
  g_autofree gchar *got = NULL;
  GstElement *source;
  GstMessage *message;
  GstBus *bus;

  for (guint i = 0; i < 70; i++)
    g_string_append (deep, "d/");
  g_string_append (deep, "lost.jpg");
  write_file (folder, deep->str, jpeg);
  write_file (folder, "z.jpg", jpeg);
  got = listing (folder, "");
  g_assert_cmpstr (got, ==, "1/2 z.jpg image/jpeg\n");

  source = gst_parse_launch ("petfoldersrc name=source ! fakesink", NULL);
  gst_child_proxy_set (
      GST_CHILD_PROXY (source), "source::location", folder, NULL);
  bus = gst_element_get_bus (source);
  gst_element_set_state (source, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (
      bus, 10 * GST_SECOND, GST_MESSAGE_WARNING | GST_MESSAGE_EOS);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_WARNING);
  gst_message_unref (message);
  message = gst_bus_timed_pop_filtered (bus, 10 * GST_SECOND,
      GST_MESSAGE_WARNING | GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (source, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (source);
  g_string_free (deep, TRUE);
  remove_tree (folder);
}

static void
too_large_files_are_reported (void)
{
  g_autofree gchar *folder = mixed_folder ();
  g_autofree gchar *got = listing (folder, "max-file-size=100 recursive=false");

  g_assert_nonnull (strstr (got, "b.jpg image/jpeg problem"));
  remove_tree (folder);
}

/* Of these settings and what they say. */
static void
expect_start_error (
    const gchar *location, const gchar *shard, gint code, const gchar *text)
{
  GstElement *source = gst_element_factory_make ("petfoldersrc", NULL);
  GstBus *bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;
  GstMessage *message;

  gst_object_ref_sink (source);
  gst_element_set_bus (source, bus);
  g_object_set (source, "location", location, "shard", shard, NULL);
  g_assert_cmpint (gst_element_set_state (source, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  g_assert_error (error, GST_RESOURCE_ERROR, code);
  g_assert_nonnull (strstr (error->message, text));
  gst_message_unref (message);
  gst_element_set_state (source, GST_STATE_NULL);
  gst_element_set_bus (source, NULL);
  gst_object_unref (bus);
  gst_object_unref (source);
}

static void
missing_folder_is_an_error (void)
{
  expect_start_error ("/nonexistent/folder", "0/1",
      GST_RESOURCE_ERROR_OPEN_READ, "/nonexistent/folder");
  expect_start_error (
      NULL, "0/1", GST_RESOURCE_ERROR_NOT_FOUND, "\"location\"");
}

static void
a_shard_that_is_none_is_an_error (void)
{
  static const gchar *const none[] = { "3/3", "1", "x/2", "-1/2", "1/0", "" };
  g_autofree gchar *folder = make_folder ();

  for (guint i = 0; i < G_N_ELEMENTS (none); i++) {
    g_autofree gchar *quoted = g_strdup_printf ("not \"%s\"", none[i]);

    expect_start_error (folder, none[i], GST_RESOURCE_ERROR_SETTINGS, quoted);
  }
  expect_start_error (folder, NULL, GST_RESOURCE_ERROR_SETTINGS, "NULL");
  remove_tree (folder);
}

static GstPadProbeReturn
change_location (GstPad *pad, GstPadProbeInfo *info, gpointer source)
{
  g_object_set (source, "location", "/nonexistent/folder", NULL);
  return GST_PAD_PROBE_OK;
}

/* While they are read. */
static void
a_new_location_does_not_move_the_photos (void)
{
  g_autofree gchar *folder = mixed_folder ();
  g_autofree gchar *launch = g_strdup_printf (
      "petfoldersrc name=s location=\"%s\" ! identity", folder);
  GstHarness *h = gst_harness_new_parse (launch);
  GstElement *source = gst_bin_get_by_name (GST_BIN (h->element), "s");
  GstPad *pad = gst_element_get_static_pad (source, "src");
  GString *lines = g_string_new (NULL);
  GstBuffer *buffer;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, note_buffer, lines, NULL);
  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_BUFFER, change_location, source, NULL);
  gst_harness_play (h);
  while (gst_harness_pull_until_eos (h, &buffer) && buffer != NULL)
    gst_buffer_unref (buffer);
  g_assert_nonnull (strstr (lines->str, "wrong.jpg"));
  g_assert_null (strstr (lines->str, "problem"));
  g_string_free (lines, TRUE);
  gst_object_unref (pad);
  gst_object_unref (source);
  gst_harness_teardown (h);
  remove_tree (folder);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/petfoldersrc/" name, function)
  ADD ("lists-in-byte-order-with-caps-by-content",
      lists_in_byte_order_with_caps_by_content);
  ADD (
      "the-shards-together-are-the-folder", the_shards_together_are_the_folder);
  ADD ("odd-entries-are-reported-not-read", odd_entries_are_reported_not_read);
  ADD ("folders-that-are-not-read-are-warned-of",
      folders_that_are_not_read_are_warned_of);
  ADD ("too-large-files-are-reported", too_large_files_are_reported);
  ADD ("folders-are-read-once", folders_are_read_once);
  ADD ("missing-folder-is-an-error", missing_folder_is_an_error);
  ADD ("a-shard-that-is-none-is-an-error", a_shard_that_is_none_is_an_error);
  ADD ("a-new-location-does-not-move-the-photos",
      a_new_location_does_not_move_the_photos);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
