/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meta/gstpetsourcemeta.h"
#include "pictures.h"

static GstStaticPadTemplate any_src = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static GstHarness *
sink_harness (const gchar *folder, const gchar *pattern)
{
  GstHarness *h = gst_harness_new_empty ();
  GstElement *sink = gst_element_factory_make ("petfilesink", NULL);
  g_autofree gchar *location = g_build_filename (folder, pattern, NULL);
  GstBus *bus = gst_bus_new ();

  g_object_set (sink, "location", location, NULL);
  gst_element_set_bus (sink, bus);
  gst_object_unref (bus);
  gst_harness_add_element_full (h, sink, &any_src, "sink", NULL, NULL);
  gst_object_unref (sink);
  gst_harness_set_src_caps_str (h, "image/png");
  return h;
}

static GstBuffer *
named (const gchar *source, guint64 index, const gchar *text)
{
  GstBuffer *buffer = gst_buffer_new_memdup (text, strlen (text));

  if (source != NULL)
    gst_pet_buffer_add_source_meta (buffer, source, index, 0);
  return buffer;
}

static void
expect_content (const gchar *folder, const gchar *name, const gchar *text)
{
  g_autofree gchar *path = g_build_filename (folder, name, NULL);
  g_autofree gchar *got = NULL;

  g_assert_true (g_file_get_contents (path, &got, NULL, NULL));
  g_assert_cmpstr (got, ==, text);
}

static guint
count_entries (const gchar *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

static void
files_are_named_after_their_photo (void)
{
  g_autofree gchar *folder = make_folder ();
  GstHarness *h = sink_harness (folder, "{dir}/{stem}/{index}.png");
  GstMessage *message;
  const GstStructure *s;
  guint64 bytes;

  gst_harness_push (h, named ("sub/dir/my dog.jpg", 3, "abc"));
  gst_harness_push (h, named ("cat.jpeg", 4, "defg"));
  gst_harness_push (h, named ("../../escape/../x.png", 5, "h"));
  expect_content (folder, "sub/dir/my dog/000003.png", "abc");
  expect_content (folder, "cat/000004.png", "defg");
  expect_content (folder, "__/__/escape/__/x/000005.png", "h");

  message = harness_pop_message (h, "petfilesink");
  s = gst_message_get_structure (message);
  g_assert_cmpstr (
      gst_structure_get_string (s, "source"), ==, "sub/dir/my dog.jpg");
  g_assert_true (g_str_has_suffix (
      gst_structure_get_string (s, "filename"), "my dog/000003.png"));
  gst_structure_get_uint64 (s, "bytes", &bytes);
  g_assert_cmpuint (bytes, ==, 3);
  gst_message_unref (message);
  harness_with_bus_free (h);
  remove_tree (folder);
}

static void
a_relative_location_stays_so (void)
{
  gboolean varies;
  g_autofree gchar *relative =
      gst_pet_source_meta_expand (NULL, 7, "{dir}/{stem}.png", &varies);
  g_autofree gchar *absolute =
      gst_pet_source_meta_expand (NULL, 7, "/{dir}/{stem}.png", &varies);

  g_assert_cmpstr (relative, ==, "000007.png");
  g_assert_cmpstr (absolute, ==, "/000007.png");
}

static void
unnamed_buffers_are_numbered (void)
{
  g_autofree gchar *folder = make_folder ();
  GstHarness *h = sink_harness (folder, "p{index}.png");
  guint64 index;

  gst_harness_push (h, named (NULL, 0, "a"));
  gst_harness_push (h, named (NULL, 0, "b"));
  expect_content (folder, "p000000.png", "a");
  expect_content (folder, "p000001.png", "b");
  for (guint64 i = 0; i < 2; i++) {
    GstMessage *message = harness_pop_message (h, "petfilesink");

    gst_structure_get_uint64 (
        gst_message_get_structure (message), "index", &index);
    g_assert_cmpuint (index, ==, i);
    gst_message_unref (message);
  }
  harness_with_bus_free (h);
  remove_tree (folder);
}

/* The next message's file, of so many bytes. */
static void
expect_kept (GstHarness *h, guint64 wanted)
{
  GstMessage *message = harness_pop_message (h, "petfilesink");
  const GstStructure *s = gst_message_get_structure (message);
  gboolean kept = FALSE;
  guint64 bytes = 0;

  gst_structure_get_boolean (s, "kept", &kept);
  gst_structure_get_uint64 (s, "bytes", &bytes);
  g_assert_true (kept);
  g_assert_cmpuint (bytes, ==, wanted);
  gst_message_unref (message);
}

static void
begins_anew_after_ready (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autofree gchar *line = g_strdup_printf (
      "videotestsrc num-buffers=1 ! petfilesink name=sink location=%s/one.raw",
      folder);
  GstElement *pipeline = gst_parse_launch (line, NULL);

  for (guint i = 0; i < 2; i++) {
    g_autoptr (GstElement) sink =
        gst_bin_get_by_name (GST_BIN (pipeline), "sink");
    g_autoptr (GstStructure) stats = NULL;
    guint64 n_written;

    run_until (pipeline, GST_MESSAGE_EOS);
    g_object_get (sink, "stats", &stats, NULL);
    gst_structure_get_uint64 (stats, "written", &n_written);
    g_assert_cmpuint (n_written, ==, 1);
    gst_element_set_state (pipeline, GST_STATE_READY);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  remove_tree (folder);
}

static void
overwrite_replaces_or_keeps (void)
{
  g_autofree gchar *folder = make_folder ();
  GstHarness *h = sink_harness (folder, "{stem}.png");

  gst_harness_push (h, named ("a.jpg", 0, "one"));
  gst_harness_push (h, named ("a.jpg", 0, "two"));
  expect_content (folder, "a.png", "two");
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_ELEMENT), ==, 2);
  g_object_set (h->element, "overwrite", FALSE, NULL);
  gst_harness_push (h, named ("a.jpg", 0, "three"));
  expect_content (folder, "a.png", "two");
  expect_kept (h, 3);
  g_assert_cmpuint (count_entries (folder), ==, 1);
  harness_with_bus_free (h);
  remove_tree (folder);
}

/* A link to one is one. */
static void
only_a_file_is_kept (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autofree gchar *dir = g_build_filename (folder, "dir.png", NULL);
  g_autofree gchar *dangling = g_build_filename (folder, "dangling.png", NULL);
  g_autofree gchar *linked = g_build_filename (folder, "linked.png", NULL);
  g_autoptr (GBytes) old = g_bytes_new_static ("older", 5);
  static const gchar *const others[] = { "dir.jpg", "dangling.jpg" };
  GstHarness *h = sink_harness (folder, "{stem}.png");

  g_object_set (h->element, "overwrite", FALSE, NULL);
  write_file (folder, "old", old);
  g_assert_cmpint (g_mkdir (dir, 0777), ==, 0);
  g_assert_cmpint (symlink ("nowhere", dangling), ==, 0);
  g_assert_cmpint (symlink ("old", linked), ==, 0);
  g_assert_cmpint (
      gst_harness_push (h, named ("linked.jpg", 0, "x")), ==, GST_FLOW_OK);
  expect_kept (h, 5);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_assert_cmpint (
        gst_harness_push (h, named (others[i], 0, "x")), ==, GST_FLOW_ERROR);
    g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_ERROR), ==, 1);
  }
  g_assert_cmpuint (count_entries (folder), ==, 4);
  expect_content (folder, "old", "older");
  harness_with_bus_free (h);
  remove_tree (folder);
}

static void
only_a_file_is_replaced (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autofree gchar *fifo = g_build_filename (folder, "fifo.png", NULL);
  GstHarness *h = sink_harness (folder, "{stem}.png");
  struct stat status;

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (
      gst_harness_push (h, named ("fifo.jpg", 0, "x")), ==, GST_FLOW_ERROR);
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_ERROR), ==, 1);
  g_assert_cmpint (lstat (fifo, &status), ==, 0);
  g_assert_true (S_ISFIFO (status.st_mode));
  g_assert_cmpuint (count_entries (folder), ==, 1);
  harness_with_bus_free (h);
  remove_tree (folder);
}

static void
a_location_may_be_taken_away (void)
{
  g_autofree gchar *folder = make_folder ();
  GstHarness *h = sink_harness (folder, "{stem}.png");
  static const gchar *const none[] = { NULL, "" };

  for (guint i = 0; i < G_N_ELEMENTS (none); i++) {
    g_object_set (h->element, "location", none[i], NULL);
    g_assert_cmpint (
        gst_harness_push (h, named ("a.jpg", 0, "x")), ==, GST_FLOW_ERROR);
    g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_ERROR), ==, 1);
  }
  harness_with_bus_free (h);
  remove_tree (folder);
}

static void
a_name_without_variables_is_used_once (void)
{
  g_autofree gchar *folder = make_folder ();
  GstHarness *h = sink_harness (folder, "one.png");

  g_assert_cmpint (
      gst_harness_push (h, named ("a.jpg", 0, "first")), ==, GST_FLOW_OK);
  g_assert_cmpint (
      gst_harness_push (h, named ("b.jpg", 1, "second")), ==, GST_FLOW_ERROR);
  expect_content (folder, "one.png", "first");
  harness_with_bus_free (h);
  remove_tree (folder);
}

static void
a_name_that_photos_share_is_a_warning (void)
{
  g_autofree gchar *folder = make_folder ();
  GstHarness *h = sink_harness (folder, "{stem}.png");

  gst_harness_push (h, named ("a.jpg", 0, "first"));
  gst_harness_push (h, named ("a-b.jpg", 1, "between"));
  gst_harness_push (h, named ("a.jpg", 0, "again"));
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_WARNING), ==, 0);
  g_assert_cmpint (
      gst_harness_push (h, named ("a.png", 2, "second")), ==, GST_FLOW_OK);
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_WARNING), ==, 1);
  expect_content (folder, "a.png", "second");
  /* Another run. */
  gst_element_set_state (h->element, GST_STATE_NULL);
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, "image/png");
  g_assert_cmpint (
      gst_harness_push (h, named ("a.jpg", 0, "third")), ==, GST_FLOW_OK);
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_WARNING), ==, 0);
  harness_with_bus_free (h);
  remove_tree (folder);
}

static void
doubled_braces_are_braces (void)
{
  static const gchar *const texts[] = { "{stem}", "{{dir}", "{", "{{{", "{x}}",
    "%d{index}" };
  g_autofree gchar *folder = make_folder ();

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autofree gchar *escaped = gst_pet_source_meta_escape (texts[i]);
    g_autofree gchar *pattern = g_strconcat (escaped, "-{stem}", NULL);
    g_autofree gchar *name = g_strconcat (texts[i], "-a", NULL);
    GstHarness *h = sink_harness (folder, pattern);

    gst_harness_push (h, named ("a.jpg", 0, texts[i]));
    expect_content (folder, name, texts[i]);
    harness_with_bus_free (h);

    h = sink_harness (folder, escaped);
    g_assert_cmpint (
        gst_harness_push (h, named ("a.jpg", 0, "first")), ==, GST_FLOW_OK);
    g_assert_cmpint (
        gst_harness_push (h, named ("b.jpg", 1, "second")), ==, GST_FLOW_ERROR);
    expect_content (folder, texts[i], "first");
    harness_with_bus_free (h);
  }
  remove_tree (folder);
}

/* A folder where the file should be. */
static void
failure_leaves_nothing_behind (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autofree gchar *blocker = g_build_filename (folder, "a.png", NULL);
  GstHarness *h = sink_harness (folder, "{stem}.png");

  g_mkdir (blocker, 0777);
  g_assert_cmpint (
      gst_harness_push (h, named ("a.jpg", 0, "x")), ==, GST_FLOW_ERROR);
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_ERROR), ==, 1);
  g_assert_cmpuint (count_entries (folder), ==, 1);
  harness_with_bus_free (h);
  remove_tree (folder);
}

static void
writes_all_blocks_and_honours_the_umask (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "a.png", NULL);
  GstHarness *h = sink_harness (folder, "{stem}.png");
  GstBuffer *buffer = gst_buffer_append (
      named ("a.jpg", 0, "first "), gst_buffer_new_memdup ("second", 6));
  mode_t before = umask (027);
  struct stat status;

  gst_harness_push (h, buffer);
  umask (before);
  expect_content (folder, "a.png", "first second");
  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0640);
  harness_with_bus_free (h);
  remove_tree (folder);
}

static void
is_born_without_preroll_or_last_sample (void)
{
  GstElement *sink = gst_element_factory_make ("petfilesink", NULL);
  gboolean async, sample, sync;

  g_object_get (sink, "async", &async, "enable-last-sample", &sample, "sync",
      &sync, NULL);
  g_assert_false (async);
  g_assert_false (sample);
  g_assert_false (sync);
  gst_object_unref (gst_object_ref_sink (sink));
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/petfilesink/" name, function)
  ADD ("files-are-named-after-their-photo", files_are_named_after_their_photo);
  ADD ("a-relative-location-stays-so", a_relative_location_stays_so);
  ADD ("unnamed-buffers-are-numbered", unnamed_buffers_are_numbered);
  ADD ("begins-anew-after-ready", begins_anew_after_ready);
  ADD ("overwrite-replaces-or-keeps", overwrite_replaces_or_keeps);
  ADD ("only-a-file-is-kept", only_a_file_is_kept);
  ADD ("only-a-file-is-replaced", only_a_file_is_replaced);
  ADD ("a-location-may-be-taken-away", a_location_may_be_taken_away);
  ADD ("a-name-without-variables-is-used-once",
      a_name_without_variables_is_used_once);
  ADD ("a-name-that-photos-share-is-a-warning",
      a_name_that_photos_share_is_a_warning);
  ADD ("doubled-braces-are-braces", doubled_braces_are_braces);
  ADD ("failure-leaves-nothing-behind", failure_leaves_nothing_behind);
  ADD ("writes-all-blocks-and-honours-the-umask",
      writes_all_blocks_and_honours_the_umask);
  ADD ("is-born-without-preroll-or-last-sample",
      is_born_without_preroll_or_last_sample);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
