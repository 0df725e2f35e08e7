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

static void
too_large_files_are_reported (void)
{
  g_autofree gchar *folder = mixed_folder ();
  g_autofree gchar *got = listing (folder, "max-file-size=100 recursive=false");

  g_assert_nonnull (strstr (got, "b.jpg image/jpeg problem"));
  remove_tree (folder);
}

static void
missing_folder_is_an_error (void)
{
  GstElement *source = gst_element_factory_make ("petfoldersrc", NULL);

  gst_object_ref_sink (source);
  g_object_set (source, "location", "/nonexistent/folder", NULL);
  g_assert_cmpint (gst_element_set_state (source, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (source, GST_STATE_NULL);
  gst_object_unref (source);
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
  ADD ("too-large-files-are-reported", too_large_files_are_reported);
  ADD ("missing-folder-is-an-error", missing_folder_is_an_error);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
