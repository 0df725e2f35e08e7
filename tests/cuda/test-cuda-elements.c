/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The elements with device=cuda, the module being the one on a card of host
 * memory ($PET_CUDA_MODULE): results, reasons, and cards that fail in mid-run. */

#include "element-run.h"
#include "memory/gstpetbudget.h"
#include "pictures.h"

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
    { "memory=4", "bytes left" } };

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

static void
count_call (GObject *object, GParamSpec *pspec, gpointer user)
{
  ++*(guint *) user;
}

/* auto: the photo is segmented all the same; cuda: an error, no crash. */
static void
card_is_lost_in_mid_run (void)
{
  GstBuffer *want = on_cpu (SEGMENT "device=cpu", "RGB");
  guint told = 0;
  Run run;

  fake_cuda_configure ("");
  run = start (SEGMENT "device=auto", "RGB");
  g_signal_connect (
      run.element, "notify::active-device", G_CALLBACK (count_call), &told);
  gst_buffer_unref (process (&run, "RGB"));
  expect_device (&run, "cuda", "cuda");
  g_assert_cmpuint (told, ==, 0);
  expect_silence (&run);
  fake_cuda_configure ("lost=1");
  g_assert_cmpint (difference (want, process (&run, "RGB")), ==, 0);
  expect_message (&run, GST_MESSAGE_WARNING, "segmented on the CPU");
  expect_device (&run, "cpu", "cpu");
  gst_buffer_unref (process (&run, "RGB"));
  expect_device (&run, "cpu", "cpu");
  g_assert_cmpuint (told, ==, 1);
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
