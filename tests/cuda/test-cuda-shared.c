/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What elements, branches and gates have of a card together: its account, frames
 * that are kept, cut-outs that come down for one while another works on them, and
 * batches. */

#include "memory/gstpetbudget.h"
#include "painted.h"

static Run
start_gate (guint64 limit)
{
  g_autofree gchar *line =
      g_strdup_printf ("memgate budget=cuda-0 limit=%" G_GUINT64_FORMAT, limit);

  return start_sized (line, "RGB", 200, 150);
}

/* It is the gate that says how much of the card is ours, whoever opens it later. */
static void
a_gate_limits_a_card (void)
{
  GstPetBudget *budget = gst_pet_budget_get ("cuda-0");
  GstPetBudgetState state;
  Run gate, run;

  fake_cuda_configure ("");
  gate = start_gate (2000000000);
  run = start_segment ("device=cuda", "RGB", 200, 150);
  gst_buffer_unref (pass (&run, paint (200, 150, 3, 90, 80, 55)));
  gst_pet_budget_get_state (budget, &state);
  g_assert_cmpuint (state.limit, ==, 2000000000);
  stop (&run);
  g_object_set (gate.element, "limit", (guint64) 3 << 20, NULL);
  run = start_segment ("device=cuda", "RGB", 200, 150);
  g_assert_false (run.started);
  expect_message (&run, GST_MESSAGE_ERROR, "bytes left");
  stop (&run);
  g_object_set (gate.element, "limit", (guint64) 0, NULL);
  gst_pet_budget_get_state (budget, &state);
  g_assert_cmpuint (state.limit, ==, (guint64) 4096 << 20);
  stop (&gate);
  gst_object_unref (budget);
}

#define KEPT 4

/* `n` cut-outs that are all there at the same time. */
static void
cut_out_at_once (Run *run, guint n, gint width, gint height)
{
  g_autofree gchar *caps = g_strdup_printf (
      "video/x-raw,format=RGB,width=%d,height=%d,framerate=0/1", width, height);
  GstBuffer *cutouts[KEPT];

  gst_harness_set_src_caps_str (run->harness, caps);
  for (guint i = 0; i < n; i++)
    cutouts[i] =
        pass (run, paint (width, height, 3, width / 2, height / 2, 50));
  for (guint i = 0; i < n; i++)
    gst_buffer_unref (cutouts[i]);
}

/* Of frames that nobody has any more the largest are kept. */
static void
large_frames_replace_small_ones (void)
{
  FakeCudaState small, large, later;
  Run run;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  cut_out_at_once (&run, KEPT, 200, 150);
  small = card_state ();
  cut_out_at_once (&run, 1, 900, 700);
  large = card_state ();
  g_assert_cmpuint (large.bytes, >, small.bytes);
  /* There already: no memory is taken, and the card goes on. */
  fake_cuda_configure ("fail=cudaMalloc:1");
  cut_out_at_once (&run, 1, 900, 700);
  later = card_state ();
  g_assert_cmpuint (later.bytes, ==, large.bytes);
  g_assert_cmpuint (later.peak, ==, large.bytes);
  /* A small one is no reason to give a large one back. */
  fake_cuda_configure ("");
  cut_out_at_once (&run, KEPT, 200, 150);
  fake_cuda_configure ("fail=cudaMalloc:1");
  cut_out_at_once (&run, 1, 900, 700);
  expect_silence (&run);
  stop (&run);
  fake_cuda_configure ("");
  g_assert_cmpuint (card_state ().allocations, ==, 0);
}

static gpointer
map_once (gpointer data)
{
  GstMapInfo map;

  g_assert_true (gst_buffer_map (data, &map, GST_MAP_READ));
  gst_buffer_unmap (data, &map);
  return NULL;
}

/* While a cut-out comes down for one branch, another makes its look of it, and
 * petsegment goes on to the next photo. */
static void
nobody_waits_for_a_download (void)
{
  GstBuffer *cutout;
  GThread *thread;
  Run run, look;

  fake_cuda_configure ("");
  run = start_segment ("device=cuda", "RGB", 200, 150);
  look = start_sized ("peteffect effect=popart device=cuda", "RGBA", 200, 150);
  cutout = pass (&run, paint (200, 150, 3, 90, 80, 55));
  gst_buffer_unref (pass (&look, gst_buffer_ref (cutout)));
  fake_cuda_hold ("cudaEventSynchronize");
  thread = g_thread_new (NULL, map_once, cutout);
  g_assert_true (fake_cuda_await_held ());
  gst_buffer_unref (pass (&look, gst_buffer_ref (cutout)));
  gst_buffer_unref (pass (&run, paint (200, 150, 3, 90, 80, 55)));
  g_assert_true (fake_cuda_let_go ());
  g_thread_join (thread);
  gst_buffer_unref (cutout);
  expect_silence (&look);
  stop (&look);
  stop (&run);
}

static gpointer
push_photo (gpointer data)
{
  GstHarness *harness = data;

  return GINT_TO_POINTER (
      gst_harness_push (harness, paint (200, 150, 3, 90, 80, 55)));
}

static void
flush (Run *run)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (run->harness, gst_event_new_flush_start ());
  gst_harness_push_event (run->harness, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (run->harness, gst_event_new_segment (&segment));
}

/* A photo waits for one from each element, but not when its own is flushed or
 * stopped; after the flush it does again. */
static void
a_flush_ends_the_wait_for_a_batch (void)
{
  static const gchar line[] = "device=cuda batch-size=2 batch-timeout=10000";

  fake_cuda_configure ("");
  for (guint i = 0; i < 3; i++) {
    Run run = start_segment (line, "RGB", 200, 150);
    Run other = start_segment (line, "RGB", 200, 150);
    GThread *thread;
    gint64 begin;

    if (i == 2)
      flush (&run);
    thread = g_thread_new (NULL, push_photo, run.harness);
    g_usleep (300000);
    g_assert_cmpuint (gst_harness_buffers_received (run.harness), ==, 0);
    begin = g_get_monotonic_time ();
    if (i == 0)
      gst_harness_push_event (run.harness, gst_event_new_flush_start ());
    else
      gst_element_set_state (run.element, GST_STATE_READY);
    g_thread_join (thread);
    g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
    stop (&run);
    stop (&other);
  }
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/cuda-shared/" name, function)
  ADD ("a-gate-limits-a-card", a_gate_limits_a_card);
  ADD ("large-frames-replace-small-ones", large_frames_replace_small_ones);
  ADD ("nobody-waits-for-a-download", nobody_waits_for_a_download);
  ADD ("a-flush-ends-the-wait-for-a-batch", a_flush_ends_the_wait_for_a_batch);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests_with_models (argc, argv, add_tests);
}
