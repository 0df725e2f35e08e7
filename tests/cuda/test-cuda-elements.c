/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The elements with device=cuda, the module being the one on a card of host
 * memory ($PET_CUDA_MODULE): results, reasons, and cards that fail in mid-run. */

#include <gst/check/gstharness.h>
#include <string.h>

#include "fake-cuda.h"
#include "memory/gstpetbudget.h"
#include "pictures.h"

#define WIDTH 96
#define HEIGHT 80

static GstBuffer *
make_photo (const gchar *format)
{
  gsize channels = g_str_equal (format, "RGBA") ? 4 : 3;
  GstBuffer *photo =
      gst_buffer_new_allocate (NULL, WIDTH * HEIGHT * channels, NULL);
  GstMapInfo map;

  gst_buffer_map (photo, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (guint8) ((i * 7 + (i / 311) * 13 + (i * i) % 251) & 255);
  gst_buffer_unmap (photo, &map);
  GST_BUFFER_PTS (photo) = 0;
  return photo;
}

/* One element with a bus of its own. */
typedef struct {
  GstElement *element;
  GstHarness *harness; /* NULL if it did not start */
  GstBus *bus;
  gboolean started;
} Run;

static Run
start (const gchar *line, const gchar *format)
{
  g_autofree gchar *caps =
      g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=0/1",
          format, WIDTH, HEIGHT);
  Run run = { .bus = gst_bus_new () };

  run.element = gst_object_ref_sink (gst_parse_launch (line, NULL));
  gst_element_set_bus (run.element, run.bus);
  run.started = gst_element_set_state (run.element, GST_STATE_PAUSED) !=
      GST_STATE_CHANGE_FAILURE;
  if (run.started) {
    run.harness = gst_harness_new_with_element (run.element, "sink", "src");
    gst_harness_set_src_caps_str (run.harness, caps);
  }
  return run;
}

static void
stop (Run *run)
{
  gst_element_set_bus (run->element, NULL);
  if (run->harness != NULL)
    gst_harness_teardown (run->harness);
  gst_element_set_state (run->element, GST_STATE_NULL);
  gst_object_unref (run->element);
  gst_object_unref (run->bus);
}

/* The next message of a kind contains `text`. */
static void
expect_message (Run *run, GstMessageType type, const gchar *text)
{
  GstMessage *message = gst_bus_pop_filtered (run->bus, type);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (message);
  if (type == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  else
    gst_message_parse_warning (message, &error, NULL);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, text));
  gst_message_unref (message);
}

static void
expect_silence (Run *run)
{
  g_assert_true (gst_bus_pop_filtered (run->bus,
                     GST_MESSAGE_ERROR | GST_MESSAGE_WARNING) == NULL);
}

static GstBuffer *
process (Run *run, const gchar *format)
{
  g_assert_cmpint (
      gst_harness_push (run->harness, make_photo (format)), ==, GST_FLOW_OK);
  return gst_harness_pull (run->harness);
}

/* Largest difference of two buffers. */
static gint
difference (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo x, y;
  gint most = 0;

  gst_buffer_map (a, &x, GST_MAP_READ);
  gst_buffer_map (b, &y, GST_MAP_READ);
  g_assert_cmpuint (x.size, ==, y.size);
  for (gsize i = 0; i < x.size; i++)
    most = MAX (most, ABS ((gint) x.data[i] - y.data[i]));
  gst_buffer_unmap (a, &x);
  gst_buffer_unmap (b, &y);
  gst_buffer_unref (a);
  gst_buffer_unref (b);
  return most;
}

static GstBuffer *
on_cpu (const gchar *line, const gchar *format)
{
  Run run = start (line, format);
  GstBuffer *result = process (&run, format);

  stop (&run);
  return result;
}

#define SEGMENT "petsegment output=mask "

static void
segments_on_the_card (void)
{
  GstBuffer *want = on_cpu (SEGMENT "device=cpu", "RGB");
  g_autofree gchar *device = NULL;
  Run run;

  fake_cuda_configure ("");
  run = start (SEGMENT "device=cuda precision=fp32", "RGB");
  g_assert_true (run.started);
  g_object_get (run.element, "active-device", &device, NULL);
  g_assert_cmpstr (device, ==, "cuda");
  g_assert_true (difference (want, process (&run, "RGB")) <= 2);
  expect_silence (&run);
  stop (&run);
}

static void
reasons_of_cuda (void)
{
  static const gchar *const cases[][2] = { { "driver=0", "no NVIDIA driver" },
    { "driver=12000", "too old" }, { "devices=0", "no GPU" },
    { "memory=4", "no 4194304 bytes left" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run run;

    fake_cuda_configure (cases[i][0]);
    run = start (SEGMENT "device=cuda", "RGB");
    g_assert_false (run.started);
    expect_message (&run, GST_MESSAGE_ERROR, cases[i][1]);
    stop (&run);
  }
  fake_cuda_configure ("");
}

static void
auto_falls_back_with_a_reason (void)
{
  GstBuffer *want = on_cpu (SEGMENT "device=cpu", "RGB");
  Run run;

  fake_cuda_configure ("devices=0");
  run = start (SEGMENT "device=auto", "RGB");
  g_assert_true (run.started);
  expect_message (&run, GST_MESSAGE_WARNING, "no GPU");
  g_assert_cmpint (difference (want, process (&run, "RGB")), ==, 0);
  stop (&run);
  fake_cuda_configure ("");
}

static void
device_id_out_of_range (void)
{
  Run run;

  fake_cuda_configure ("devices=2");
  run = start (SEGMENT "device=cuda cuda-device-id=7", "RGB");
  g_assert_false (run.started);
  expect_message (&run, GST_MESSAGE_ERROR, "there is no GPU 7");
  stop (&run);
  fake_cuda_configure ("");
}

/* auto: the photo is segmented all the same; cuda: an error, no crash. */
static void
card_is_lost_in_mid_run (void)
{
  GstBuffer *want = on_cpu (SEGMENT "device=cpu", "RGB");
  Run run;

  fake_cuda_configure ("");
  run = start (SEGMENT "device=auto", "RGB");
  gst_buffer_unref (process (&run, "RGB"));
  expect_silence (&run);
  fake_cuda_configure ("lost=1");
  g_assert_cmpint (difference (want, process (&run, "RGB")), ==, 0);
  expect_message (&run, GST_MESSAGE_WARNING, "segmented on the CPU");
  gst_buffer_unref (process (&run, "RGB"));
  expect_silence (&run);
  stop (&run);

  fake_cuda_configure ("");
  run = start (SEGMENT "device=cuda", "RGB");
  fake_cuda_configure ("lost=1");
  g_assert_cmpint (
      gst_harness_push (run.harness, make_photo ("RGB")), ==, GST_FLOW_ERROR);
  expect_message (&run, GST_MESSAGE_ERROR, "the GPU failed");
  stop (&run);
  fake_cuda_configure ("");
}

static void
looks_on_the_card (void)
{
  static const gchar *const looks[] = { "popart", "retro8bit", "dithering",
    "enhancedblackwhite", "color" };

  for (guint i = 0; i < G_N_ELEMENTS (looks); i++) {
    g_autofree gchar *line =
        g_strdup_printf ("peteffect effect=%s device=", looks[i]);
    g_autofree gchar *cpu = g_strconcat (line, "cpu", NULL);
    g_autofree gchar *gpu = g_strconcat (line, "cuda", NULL);
    Run run;

    fake_cuda_configure ("");
    run = start (gpu, "RGBA");
    g_assert_true (run.started);
    g_assert_cmpint (
        difference (on_cpu (cpu, "RGBA"), process (&run, "RGBA")), ==, 0);
    expect_silence (&run);
    stop (&run);
  }
}

/* A card without room, then one that is gone: the CPU makes the look. */
static void
looks_fall_back (void)
{
  GstBuffer *want = on_cpu ("peteffect effect=popart", "RGBA");
  Run run;

  fake_cuda_configure ("");
  run = start ("peteffect effect=popart device=cuda", "RGBA");
  fake_cuda_configure ("fail=cudaMalloc:1");
  g_assert_cmpint (
      difference (gst_buffer_ref (want), process (&run, "RGBA")), ==, 0);
  expect_message (&run, GST_MESSAGE_WARNING, "out of memory");
  g_assert_cmpint (
      difference (gst_buffer_ref (want), process (&run, "RGBA")), ==, 0);
  expect_silence (&run);
  fake_cuda_configure ("lost=1");
  g_assert_cmpint (difference (want, process (&run, "RGBA")), ==, 0);
  expect_message (&run, GST_MESSAGE_WARNING, "made on the CPU");
  stop (&run);
  fake_cuda_configure ("");
}

static void
bytes_are_charged (void)
{
  GstPetBudget *budget = gst_pet_budget_get ("cuda-0");
  GstPetBudgetState state;
  FakeCudaState card;
  Run run;

  fake_cuda_configure ("");
  run = start (SEGMENT "device=cuda", "RGB");
  gst_buffer_unref (process (&run, "RGB"));
  gst_pet_budget_get_state (budget, &state);
  fake_cuda_state (&card);
  g_assert_cmpuint (state.limit, ==, (guint64) 4096 << 20);
  g_assert_true (state.in_use >= card.bytes && card.bytes > 0);
  stop (&run);
  gst_pet_budget_get_state (budget, &state);
  g_assert_cmpuint (state.in_use, ==, 0);
  gst_object_unref (budget);
}

static gpointer
segment_many (gpointer data)
{
  Run run = start (SEGMENT "device=cuda precision=fp32 batch-size=2", "RGB");

  for (guint i = 0; i < 3; i++) {
    GstBuffer *want = gst_buffer_ref (data);

    g_assert_true (difference (want, process (&run, "RGB")) <= 2);
  }
  stop (&run);
  return NULL;
}

static void
elements_share_batches (void)
{
  GstBuffer *want = on_cpu (SEGMENT "device=cpu", "RGB");
  GThread *threads[3];

  fake_cuda_configure ("");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new (NULL, segment_many, want);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  gst_buffer_unref (want);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/cuda/" name, function)
  ADD ("segments-on-the-card", segments_on_the_card);
  ADD ("reasons-of-cuda", reasons_of_cuda);
  ADD ("auto-falls-back-with-a-reason", auto_falls_back_with_a_reason);
  ADD ("device-id-out-of-range", device_id_out_of_range);
  ADD ("card-is-lost-in-mid-run", card_is_lost_in_mid_run);
  ADD ("looks-on-the-card", looks_on_the_card);
  ADD ("looks-fall-back", looks_fall_back);
  ADD ("bytes-are-charged", bytes_are_charged);
  ADD ("elements-share-batches", elements_share_batches);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
