/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <gst/video/video.h>
#include <string.h>

#include "gstpetsecond.h"
#include "memory/gstpetcost.h"
#include "meta/gstpetmaskmeta.h"
#include "pictures.h"

static GstHarness *
segment_harness (const gchar *format, gint width, gint height)
{
  GstHarness *h = harness_with_bus ("petsegment");

  gst_element_set_state (h->element, GST_STATE_NULL);
  gst_util_set_object_arg (G_OBJECT (h->element), "device", "cpu");
  gst_harness_play (h);
  gst_harness_set_src_caps (h, picture_caps (format, width, height));
  return h;
}

static GstBuffer *
grey_rgb (gint width, gint height)
{
  gsize size = (gsize) ((width * 3 + 3) & ~3) * (gsize) height;
  guint8 *pixels = g_malloc (size);

  memset (pixels, 128, size);
  return gst_buffer_new_wrapped (pixels, size);
}

static void
every_size_gives_a_cutout_of_that_size (void)
{
  static const gint sizes[][2] = { { 1, 1 }, { 1, 50 }, { 33, 1 }, { 65, 43 },
    { 640, 360 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    gint width = sizes[i][0], height = sizes[i][1];
    GstHarness *h = segment_harness ("RGB", width, height);
    GstMessage *message;
    const GstStructure *s;
    GstBuffer *cutout;
    gint got_width;
    gdouble coverage;

    g_assert_cmpint (
        gst_harness_push (h, grey_rgb (width, height)), ==, GST_FLOW_OK);
    cutout = gst_harness_pull (h);
    g_assert_cmpuint (
        gst_buffer_get_size (cutout), ==, (gsize) (width * height * 4));
    gst_buffer_unref (cutout);
    message = harness_pop_message (h, "petsegment");
    s = gst_message_get_structure (message);
    g_assert_true (gst_structure_get (s, "width", G_TYPE_INT, &got_width,
        "coverage", G_TYPE_DOUBLE, &coverage, NULL));
    g_assert_cmpint (got_width, ==, width);
    g_assert_true (coverage >= 0 && coverage <= 1);
    g_assert_cmpstr (gst_structure_get_string (s, "device"), ==, "cpu");
    for (guint f = 0; f < 5; f++) {
      static const gchar *const fields[] = { "box-x", "box-y", "box-width",
        "box-height", "milliseconds" };

      g_assert_true (gst_structure_has_field (s, fields[f]));
    }
    gst_message_unref (message);
    harness_with_bus_free (h);
  }
}

static void
incoming_transparency_stays (void)
{
  GstHarness *h = segment_harness ("RGBA", 90, 70);
  GstBuffer *picture = picture_cutout (90, 70, 2);
  GstBuffer *cutout;
  GstMapInfo a, b;

  gst_harness_push (h, gst_buffer_ref (picture));
  cutout = gst_harness_pull (h);
  gst_buffer_map (picture, &a, GST_MAP_READ);
  gst_buffer_map (cutout, &b, GST_MAP_READ);
  for (gsize i = 0; i < a.size; i += 4) {
    g_assert_cmpuint (b.data[i + 3], <=, a.data[i + 3]);
    if (b.data[i + 3] == 0)
      g_assert_cmpuint (b.data[i] + b.data[i + 1] + b.data[i + 2], ==, 0);
  }
  gst_buffer_unmap (cutout, &b);
  gst_buffer_unmap (picture, &a);
  gst_buffer_unref (cutout);
  gst_buffer_unref (picture);
  harness_with_bus_free (h);
}

static void
mask_and_meta_are_the_alpha_of_the_cutout (void)
{
  GstBuffer *cutout, *mask, *frame;
  GstPetMaskMeta *meta;
  GstMapInfo a, b, c;
  GstHarness *h = segment_harness ("RGBA", 64, 48);

  gst_harness_push (h, picture_cutout (64, 48, 7));
  cutout = gst_harness_pull (h);
  gst_util_set_object_arg (G_OBJECT (h->element), "output", "mask");
  gst_harness_push (h, picture_cutout (64, 48, 7));
  mask = gst_harness_pull (h);
  gst_util_set_object_arg (G_OBJECT (h->element), "output", "meta");
  gst_harness_push (h, picture_cutout (64, 48, 7));
  frame = gst_harness_pull (h);
  meta = gst_pet_buffer_get_mask_meta (frame);
  g_assert_nonnull (meta);

  gst_buffer_map (cutout, &a, GST_MAP_READ);
  gst_buffer_map (mask, &b, GST_MAP_READ);
  gst_buffer_map (meta->mask, &c, GST_MAP_READ);
  g_assert_cmpmem (b.data, b.size, c.data, c.size);
  for (gsize i = 0; i < b.size; i++)
    g_assert_cmpuint (a.data[4 * i + 3], ==, b.data[i]);
  gst_buffer_unmap (meta->mask, &c);
  gst_buffer_unmap (mask, &b);
  gst_buffer_unmap (cutout, &a);
  gst_buffer_unref (cutout);
  gst_buffer_unref (mask);
  gst_buffer_unref (frame);
  harness_with_bus_free (h);
}

static void
on_empty_decides_about_a_photo_without_pet (void)
{
  GstHarness *h = segment_harness ("RGBA", 32, 32);
  GstBuffer *clear =
      gst_buffer_new_wrapped (g_malloc0 (32 * 32 * 4), 32 * 32 * 4);

  g_assert_cmpint (
      gst_harness_push (h, gst_buffer_ref (clear)), ==, GST_FLOW_OK);
  gst_buffer_unref (gst_harness_pull (h));
  gst_util_set_object_arg (G_OBJECT (h->element), "on-empty", "drop");
  g_assert_cmpint (
      gst_harness_push (h, gst_buffer_ref (clear)), ==, GST_FLOW_OK);
  g_assert_null (gst_harness_try_pull (h));
  gst_util_set_object_arg (G_OBJECT (h->element), "on-empty", "error");
  g_assert_cmpint (gst_harness_push (h, clear), ==, GST_FLOW_ERROR);
  harness_with_bus_free (h);
}

static void
expect_start_failure (const gchar *property, const gchar *value)
{
  GstElement *element = gst_element_factory_make ("petsegment", NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;

  gst_object_ref_sink (element);
  gst_element_set_bus (element, bus);
  gst_util_set_object_arg (G_OBJECT (element), property, value);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_unref (message);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_null (message);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

static void
what_cannot_be_had_is_an_error (void)
{
  g_autofree gchar *folder = make_folder ();
  g_autoptr (GBytes) text = g_bytes_new_static ("not a network", 13);
  g_autofree gchar *bad = g_build_filename (folder, "bad.onnx", NULL);

  write_file (folder, "bad.onnx", text);
  expect_start_failure ("device", "cuda");
  expect_start_failure ("model-location", "/nonexistent/net.onnx");
  expect_start_failure ("model-location", bad);
  expect_start_failure ("second-model-location", "/nonexistent/net.onnx");
  expect_start_failure ("second-model-location", bad);
  remove_tree (folder);
}

static void
auto_says_that_it_fell_back (void)
{
  GstHarness *h = harness_with_bus ("petsegment");
  g_autofree gchar *device = NULL;

  gst_element_set_state (h->element, GST_STATE_NULL);
  harness_count_messages (h, GST_MESSAGE_WARNING);
  gst_harness_play (h);
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_WARNING), ==, 1);
  g_object_get (h->element, "active-device", &device, NULL);
  g_assert_cmpstr (device, ==, "cpu");
  harness_with_bus_free (h);
}

static void
same_photo_same_bytes_with_any_threads (void)
{
  GstBuffer *results[4];
  GstMapInfo a, b;

  for (guint i = 0; i < 3; i++) {
    GstHarness *h = harness_with_bus ("petsegment");

    gst_element_set_state (h->element, GST_STATE_NULL);
    g_object_set (h->element, "threads", i, NULL);
    gst_harness_play (h);
    gst_harness_set_src_caps (h, picture_caps ("RGBA", 700, 500));
    gst_harness_push (h, picture_cutout (700, 500, 4));
    results[i] = gst_harness_pull (h);
    if (i == 2) {
      g_object_set (h->element, "threads", 1, NULL);
      gst_harness_push (h, picture_cutout (700, 500, 4));
      results[3] = gst_harness_pull (h);
    }
    harness_with_bus_free (h);
  }
  for (guint i = 1; i < 4; i++) {
    gst_buffer_map (results[0], &a, GST_MAP_READ);
    gst_buffer_map (results[i], &b, GST_MAP_READ);
    g_assert_cmpmem (a.data, a.size, b.data, b.size);
    gst_buffer_unmap (results[0], &a);
    gst_buffer_unmap (results[i], &b);
  }
  for (guint i = 0; i < 4; i++)
    gst_buffer_unref (results[i]);
}

static GstHarness *
harness_with_second (const gchar *location)
{
  GstHarness *h = segment_harness ("RGB", 64, 64);

  gst_element_set_state (h->element, GST_STATE_NULL);
  g_object_set (h->element, "second-model-location", location, NULL);
  gst_harness_play (h);
  gst_harness_set_src_caps (h, picture_caps ("RGB", 64, 64));
  return h;
}

static void
expect_second_count (GstHarness *h, guint64 wanted)
{
  GstStructure *stats;
  guint64 count;

  g_object_get (h->element, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, "second", &count));
  g_assert_cmpuint (count, ==, wanted);
  gst_structure_free (stats);
}

static void
expect_second (GstHarness *h, gboolean wanted)
{
  GstMessage *message;
  gboolean second;

  g_assert_cmpint (gst_harness_push (h, grey_rgb (64, 64)), ==, GST_FLOW_OK);
  gst_buffer_unref (gst_harness_pull (h));
  message = harness_pop_message (h, "petsegment");
  g_assert_true (gst_structure_get_boolean (
      gst_message_get_structure (message), "second", &second));
  g_assert_cmpint (second, ==, wanted);
  gst_message_unref (message);
  expect_second_count (h, wanted ? 1 : 0);
}

static void
a_photo_without_pet_is_shown_to_a_second_network (void)
{
  GstHarness *both[2];
  GstHarness *alone = harness_with_second ("");

  expect_second (alone, FALSE);
  harness_with_bus_free (alone);
  /* Of one file, so they share it. */
  for (guint i = 0; i < 2; i++)
    both[i] = harness_with_second (g_getenv ("PET_SECOND_NETWORK"));
  expect_second (both[0], TRUE);
  expect_second (both[1], TRUE);
  harness_with_bus_free (both[0]);
  gst_harness_push (both[1], grey_rgb (64, 64));
  gst_buffer_unref (gst_harness_pull (both[1]));
  expect_second_count (both[1], 2);
  harness_with_bus_free (both[1]);
}

/* What photos are charged is told before the file is read. */
static void
petnet_large_has_the_sides_that_are_charged (void)
{
  PetSegmenterOptions options = { .threads = 1 };
  PetSegmenter *segmenter = NULL;
  gint width, height;

  g_assert_cmpint (pet_segmenter_new_file (g_getenv ("PET_SECOND_NETWORK"),
                       &options, &segmenter, NULL),
      ==, PET_OK);
  pet_segmenter_mask_size (segmenter, 1, 1, &width, &height);
  g_assert_cmpint (width, ==, GST_PET_SECOND_SIDE);
  g_assert_cmpint (height, ==, GST_PET_SECOND_SIDE);
  g_assert_cmpint (
      pet_segmenter_info (segmenter)->width, ==, GST_PET_SECOND_SIDE);
  pet_segmenter_free (&segmenter);
}

#define MANY 8

static gpointer
push_many (gpointer user)
{
  GstHarness *h = user;

  for (guint i = 0; i < MANY; i++) {
    g_assert_cmpint (gst_harness_push (h, grey_rgb (64, 64)), ==, GST_FLOW_OK);
    gst_buffer_unref (gst_harness_pull (h));
  }
  return NULL;
}

static void
elements_take_turns_with_the_second_network (void)
{
  const gchar *location = g_getenv ("PET_SECOND_NETWORK");
  GstHarness *h[3];
  GThread *threads[3];

  for (guint i = 0; i < 3; i++) {
    h[i] = harness_with_second (location);
    threads[i] = g_thread_new ("push", push_many, h[i]);
  }
  for (guint i = 0; i < 3; i++) {
    g_thread_join (threads[i]);
    expect_second_count (h[i], MANY);
    harness_with_bus_free (h[i]);
  }
}

/* What is behind the element, asked for its cost: the element is stopped. */
static gboolean
stop_when_asked (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstElement *element = g_object_get_data (G_OBJECT (pad), "element");

  if (!gst_pet_query_is_cost (query))
    return gst_pad_query_default (pad, parent, query);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_pet_query_add_cost (query, 1);
  return FALSE;
}

static void
a_cost_query_may_outlive_the_network (void)
{
  GstHarness *h = segment_harness ("RGB", 64, 64);
  GstCaps *caps = picture_caps ("RGB", 4000, 3000);
  GstPetCost running, stopped;

  g_assert_true (gst_pet_pad_ask_cost (h->srcpad, caps, &running));
  g_object_set_data (G_OBJECT (h->sinkpad), "element", h->element);
  gst_pad_set_query_function (h->sinkpad, stop_when_asked);
  g_assert_true (gst_pet_pad_ask_cost (h->srcpad, caps, &stopped));
  g_assert_cmpuint (
      gst_pet_cost_sum (&stopped), ==, gst_pet_cost_sum (&running));
  g_assert_false (gst_pet_pad_ask_cost (h->srcpad, caps, &stopped));
  gst_caps_unref (caps);
  harness_with_bus_free (h);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/petsegment/" name, function)
  ADD ("every-size-gives-a-cutout-of-that-size",
      every_size_gives_a_cutout_of_that_size);
  ADD ("incoming-transparency-stays", incoming_transparency_stays);
  ADD ("mask-and-meta-are-the-alpha-of-the-cutout",
      mask_and_meta_are_the_alpha_of_the_cutout);
  ADD ("on-empty-decides-about-a-photo-without-pet",
      on_empty_decides_about_a_photo_without_pet);
  ADD ("what-cannot-be-had-is-an-error", what_cannot_be_had_is_an_error);
  ADD ("auto-says-that-it-fell-back", auto_says_that_it_fell_back);
  ADD ("same-photo-same-bytes-with-any-threads",
      same_photo_same_bytes_with_any_threads);
  ADD ("a-photo-without-pet-is-shown-to-a-second-network",
      a_photo_without_pet_is_shown_to_a_second_network);
  ADD ("petnet-large-has-the-sides-that-are-charged",
      petnet_large_has_the_sides_that_are_charged);
  ADD ("elements-take-turns-with-the-second-network",
      elements_take_turns_with_the_second_network);
  ADD ("a-cost-query-may-outlive-the-network",
      a_cost_query_may_outlive_the_network);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
