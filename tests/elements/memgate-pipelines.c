/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gates among stock elements that keep pictures, let none through or end. */

#include "memory/gstpetbudget.h"
#include "pictures.h"

/* Sinks that keep their last picture do not hold up the next. */
static void
a_kept_picture_is_not_waited_for (void)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (
      "videotestsrc num-buffers=5 ! video/x-raw,width=16,height=16 ! memgate "
      "name=g budget=kept limit=1000 cost=900 ! queue ! fakesink name=s",
      &error);
  GstElement *gate = gst_bin_get_by_name (GST_BIN (pipeline), "g");
  g_autoptr (GstStructure) stats = NULL;
  guint64 over, passed;

  g_assert_no_error (error);
  run_until (pipeline, GST_MESSAGE_EOS);
  g_object_get (gate, "passed", &passed, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "over", &over);
  g_assert_cmpuint (passed, ==, 5);
  g_assert_cmpuint (over, ==, 0);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (gate);
  gst_object_unref (pipeline);
}

/* Whoever asked for the memory that it is in: a decoder in front of the gate, or the
 * gate in front of the decoder. */
static void
a_kept_photo_is_not_waited_for (void)
{
  static const gchar *const lines[] = {
    "petdec budget=photos ! memgate budget=photos limit=100000 ! fakesink",
    "petdec budget=photos ! memgate budget=photos cost=100000 limit=100000 ! "
    "queue ! fakesink",
    "memgate budget=photos cost=1000000 limit=1000000 ! petdec budget=photos "
    "! fakesink",
    "petdec budget=photos ! memgate budget=photos limit=100000 ! peteffect "
    "budget=photos ! petpngenc budget=photos ! fakesink"
  };
  gchar *folder = make_folder ();

  for (guint i = 0; i < 3; i++) {
    g_autofree gchar *name = g_strdup_printf ("%u.jpg", i);

    g_autoptr (GBytes) photo = picture_jpeg (300, 200, i);

    write_file (folder, name, photo);
  }
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_autofree gchar *line =
        g_strdup_printf ("petfoldersrc location=%s ! %s", folder, lines[i]);
    g_autoptr (GError) error = NULL;
    GstElement *pipeline = gst_parse_launch (line, &error);

    g_assert_no_error (error);
    run_until (pipeline, GST_MESSAGE_EOS);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
  }
  remove_tree (folder);
  g_free (folder);
}

/* petfilesink waits for the pipeline to play, that for the other branch's first picture,
 * and the gate there for what petfilesink has. */
static void
a_preroll_is_not_waited_for (void)
{
  gchar *folder = make_folder ();
  g_autofree gchar *out = g_build_filename (folder, "out", NULL);
  g_autofree gchar *line = g_strdup_printf (
      "petfoldersrc location=%s ! petdec budget=preroll ! tee name=t t. ! "
      "memgate budget=preroll limit=100000 ! queue ! petpngenc budget=preroll "
      "! "
      "petfilesink location=%s/{stem}.png t. ! memgate budget=preroll ! queue "
      "! "
      "fakesink",
      folder, out);
  g_autoptr (GBytes) photo = picture_jpeg (300, 200, 1);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *result = g_build_filename (out, "photo.png", NULL);
  GstElement *pipeline;

  write_file (folder, "photo.jpg", photo);
  pipeline = gst_parse_launch (line, &error);
  g_assert_no_error (error);
  run_until (pipeline, GST_MESSAGE_EOS);
  g_assert_true (g_file_test (result, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  remove_tree (folder);
  g_free (folder);
}

/* An appsink keeps what was pulled last, seen or not. */
static void
a_pulled_picture_is_not_waited_for (void)
{
  GstElement *pipeline = gst_parse_launch (
      "videotestsrc num-buffers=3 ! video/x-raw,width=16,height=16 ! memgate "
      "budget=pulled limit=1000 cost=900 ! queue ! appsink name=s sync=false "
      "enable-last-sample=false",
      NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 3; i++) {
    GstSample *sample = NULL;

    g_signal_emit_by_name (sink, "try-pull-sample", 10 * GST_SECOND, &sample);
    g_assert_nonnull (sample);
    gst_sample_unref (sample);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}

/* A branch that a valve keeps pictures from holds no memory for them. */
static void
a_branch_without_pictures_takes_nothing (void)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (
      "videotestsrc num-buffers=40 ! video/x-raw,width=16,height=16 ! tee "
      "name=t t. ! valve drop=true drop-mode=forward-sticky-events ! memgate "
      "budget=valve optional=true priority=90 cost=100 limit=1000 ! fakesink "
      "async=false t. ! memgate name=g budget=valve optional=true priority=10 "
      "cost=100 ! fakesink async=false",
      &error);
  GstElement *gate = gst_bin_get_by_name (GST_BIN (pipeline), "g");
  GstPetBudget *budget = gst_pet_budget_get ("valve");
  GstPetBudgetState state;
  guint64 passed;

  g_assert_no_error (error);
  run_until (pipeline, GST_MESSAGE_EOS);
  g_object_get (gate, "passed", &passed, NULL);
  g_assert_cmpuint (passed, ==, 40);
  gst_pet_budget_get_state (budget, &state);
  /* The sink keeps the last one. */
  g_assert_cmpuint (state.in_use, ==, 100);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (budget);
  gst_object_unref (gate);
  gst_object_unref (pipeline);
}

/* A source that nobody stops but the end of what is behind the gate. */
static void
an_end_is_told_where_there_is_no_tee (void)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (
      "videotestsrc ! video/x-raw,width=16,height=16 ! queue ! memgate name=g "
      "budget=ends ! fakesink num-buffers=10",
      &error);
  GstElement *gate = gst_bin_get_by_name (GST_BIN (pipeline), "g");
  guint64 passed;

  g_assert_no_error (error);
  run_until (pipeline, GST_MESSAGE_EOS);
  g_object_get (gate, "passed", &passed, NULL);
  g_assert_cmpuint (passed, >=, 10);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (gate);
  gst_object_unref (pipeline);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/memgate/" name, function)
  ADD ("a-kept-picture-is-not-waited-for", a_kept_picture_is_not_waited_for);
  ADD ("a-kept-photo-is-not-waited-for", a_kept_photo_is_not_waited_for);
  ADD ("a-preroll-is-not-waited-for", a_preroll_is_not_waited_for);
  ADD (
      "a-pulled-picture-is-not-waited-for", a_pulled_picture_is_not_waited_for);
  ADD ("a-branch-without-pictures-takes-nothing",
      a_branch_without_pictures_takes_nothing);
  ADD ("an-end-is-told-where-there-is-no-tee",
      an_end_is_told_where_there_is_no_tee);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
