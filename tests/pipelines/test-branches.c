/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A tee with gates in every situation that was seen to hang, drop in silence or
 * pace all branches by the slowest. T1 to T13 and M8 of the research's list. The leaks tracer watches each of them. */

#include <string.h>

#include "branches.h"
#include "leaks.h"
#include "pictures.h"

#define RAW                                                                    \
  "videotestsrc num-buffers=10 ! "                                             \
  "video/x-raw,format=RGBA,width=64,height=48,framerate=1/1 ! tee name=t "
#define SLOW "identity sleep-time=60000 ! "
#define SINK(name) "fakesink async=false sync=false name=" name " "
#define GATE "t. ! memgate budget=%s cost=100 "

static GstPetTicket *filling;

static void
give_back_filling (Branches *self, const GstStructure *message)
{
  if (g_str_equal (gst_structure_get_string (message, "action"), "drop"))
    g_clear_pointer (&filling, gst_pet_ticket_unref);
}

/* A line whose source is a folder of pictures. */
static Branches *
with_photos (guint n, gboolean alternate, guint64 limit, const gchar *line)
{
  g_autofree gchar *folder = branches_photos (n, alternate);
  g_autofree gchar *full = g_strconcat ("petfoldersrc location=", folder,
      " ! petdec budget=%s ! tee name=t ", line, NULL);
  Branches *self = branches_new (limit, full);

  self->folder = g_steal_pointer (&folder);
  return self;
}

/* T1: the fast branch is done while the slow one is under way. */
static void
one_slow_branch (void)
{
  Branches *b = branches_new (100000,
      RAW GATE "! queue ! " SLOW SINK ("slow") GATE "! queue ! " SINK ("fast"));

  branches_play (b);
  branches_await_rendered (b, "fast", 10);
  g_assert_cmpuint (branches_rendered (b, "slow"), <, 10);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "slow"), ==, 10);
  branches_free (b);
}

/* T2: without the gate, each change of size would drain all queues. */
static void
one_slow_branch_and_sizes_alternate (void)
{
  Branches *b = with_photos (10, TRUE, 100000000,
      GATE "! queue ! " SLOW SINK ("slow") GATE "! queue ! " SINK ("fast"));

  branches_play (b);
  branches_await_rendered (b, "fast", 10);
  g_assert_cmpuint (branches_rendered (b, "slow"), <, 10);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "slow"), ==, 10);
  branches_free (b);
}

/* T3 with more pictures than the other branch's queue holds. */
static void
the_first_picture_is_dropped (void)
{
  Branches *b = branches_new (1000,
      RAW GATE "optional=true priority=100 name=g ! queue ! " SINK (
          "gated") "t. ! queue max-size-buffers=1 ! " SINK ("other"));

  filling = branches_fill (b);
  b->on_gate = give_back_filling;
  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "other"), ==, 10);
  g_assert_cmpuint (branches_rendered (b, "gated"), ==, 9);
  g_assert_cmpint (b->dropped, ==, 1);
  g_assert_cmpint (b->qos, ==, 1);
  g_assert_cmpuint (branches_count (b, "g", "dropped"), ==, 1);
  branches_free (b);
}

/* T4 */
static void
all_pictures_are_dropped (void)
{
  Branches *b = branches_new (1000,
      RAW GATE "optional=true ! queue ! " SINK ("gated") GATE
      "optional=true ! queue ! " SINK ("gated2"));

  filling = branches_fill (b);
  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpint (b->dropped, ==, 20);
  g_assert_cmpuint (branches_rendered (b, "gated"), ==, 0);
  g_clear_pointer (&filling, gst_pet_ticket_unref);
  branches_free (b);
}

static GstPadProbeReturn
fill_before_last (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  if (GST_BUFFER_PTS (buffer) == 9 * GST_SECOND) {
    branches_await_rendered (data, "gated", 9);
    filling = branches_fill (data);
  }
  return GST_PAD_PROBE_OK;
}

static void
add_probe (Branches *b, const gchar *element, const gchar *pad_name,
    GstPadProbeType type, GstPadProbeCallback callback)
{
  GstElement *found = branches_get (b, element);
  GstPad *pad = gst_element_get_static_pad (found, pad_name);

  gst_pad_add_probe (pad, type, callback, b, NULL);
  gst_object_unref (pad);
  gst_object_unref (found);
}

/* T5 */
static void
the_last_picture_is_dropped (void)
{
  Branches *b = branches_new (1000,
      RAW GATE "optional=true priority=100 name=g ! " SINK (
          "gated") "t. ! queue ! " SINK ("other"));

  add_probe (b, "g", "sink", GST_PAD_PROBE_TYPE_BUFFER, fill_before_last);
  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "gated"), ==, 9);
  g_assert_cmpuint (branches_rendered (b, "other"), ==, 10);
  g_assert_cmpint (b->dropped, ==, 1);
  g_clear_pointer (&filling, gst_pet_ticket_unref);
  branches_free (b);
}

static GstPadProbeReturn
forget_time (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *buffer =
      gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));

  GST_BUFFER_PTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) = GST_CLOCK_TIME_NONE;
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
no_gap (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  g_assert_cmpint (
      GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)), !=, GST_EVENT_GAP);
  return GST_PAD_PROBE_OK;
}

/* T6: a GAP event without a time is a critical. */
static void
pictures_have_no_time (void)
{
  Branches *b = branches_new (1000,
      RAW GATE "optional=true priority=100 name=g ! queue ! " SINK (
          "gated") "t. ! queue ! " SINK ("other"));

  add_probe (b, "g", "sink", GST_PAD_PROBE_TYPE_BUFFER, forget_time);
  add_probe (b, "g", "src", GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, no_gap);
  filling = branches_fill (b);
  b->on_gate = give_back_filling;
  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "gated"), ==, 9);
  branches_free (b);
}

/* T7: what a branch returns. */
static void
a_branch_errors (void)
{
  Branches *b = branches_new (100000,
      RAW GATE "! queue ! identity error-after=3 ! " SINK ("bad") GATE
      "! queue ! " SINK ("good"));

  branches_play (b);
  g_assert_false (branches_finish (b));
  branches_free (b);
}

static void
a_branch_returns_eos (void)
{
  Branches *b = branches_new (100000,
      RAW GATE "label=ended ! queue ! identity eos-after=3 ! " SINK ("ended")
          GATE "! queue ! " SINK ("good"));

  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "good"), ==, 10);
  branches_free (b);
}

/* The same without a queue: the gate itself hears it. */
static void
a_branch_returns_eos_to_its_gate (void)
{
  Branches *b = branches_new (100000,
      RAW GATE "name=g ! identity eos-after=4 ! " SINK ("ended") GATE
      "! queue ! " SINK ("good"));

  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "ended"), ==, 3);
  g_assert_cmpuint (branches_rendered (b, "good"), ==, 10);
  g_assert_cmpint (b->dropped, ==, 6);
  branches_free (b);
}

static void
a_branch_is_not_linked (void)
{
  Branches *b = branches_new (100000,
      RAW GATE "! queue ! " SINK ("good") "t. ! memgate budget=%s cost=100");

  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "good"), ==, 10);
  branches_free (b);
}

/* T8: an encoder that ends after one picture, while sizes change: the stock
 * queue waits for ever on a query then, if it gets one. */
static void
a_snapshot_encoder_and_sizes_alternate (void)
{
  Branches *b = with_photos (10, TRUE, 100000000,
      GATE "! queue ! pngenc snapshot=true ! " SINK ("one") GATE
      "! queue ! " SINK ("good"));

  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "one"), >=, 1);
  g_assert_cmpuint (branches_rendered (b, "good"), ==, 10);
  branches_free (b);
}

static GstPadProbeReturn
remove_branch (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Branches *b = data;
  GstPad *gate_pad = gst_pad_get_peer (pad);
  GstElement *tee = gst_pad_get_parent_element (pad);

  gst_pad_unlink (pad, gate_pad);
  gst_element_release_request_pad (tee, pad);
  gst_object_unref (gate_pad);
  gst_object_unref (tee);
  g_atomic_int_set ((gint *) b->user, TRUE);
  return GST_PAD_PROBE_REMOVE;
}

/* T9: at run time, with pictures in it. */
static void
a_branch_is_removed (void)
{
  gint removed = FALSE;
  Branches *b = branches_new (2000,
      "videotestsrc num-buffers=400 ! "
      "video/x-raw,format=RGBA,width=64,height=48,framerate=1/1 ! tee name=t "
      "t. ! memgate name=g budget=%s cost=300 ! queue name=q ! "
      "identity sleep-time=1000 ! fakesink async=false sync=false name=gone "
      "t. ! memgate budget=%s cost=300 optional=true ! queue ! "
      "identity sleep-time=1000 ! " SINK ("good"));
  static const gchar *const names[] = { "g", "q", "gone" };
  GstElement *gate = branches_get (b, "g");
  GstPad *pad = gst_element_get_static_pad (gate, "sink");
  GstPad *tee_pad = gst_pad_get_peer (pad);

  b->user = &removed;
  branches_play (b);
  branches_await_rendered (b, "gone", 5);
  gst_pad_add_probe (tee_pad, GST_PAD_PROBE_TYPE_IDLE, remove_branch, b, NULL);
  while (!g_atomic_int_get (&removed))
    g_usleep (1000);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstElement *element = branches_get (b, names[i]);

    gst_element_set_locked_state (element, TRUE);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (b->pipeline), element);
    gst_object_unref (element);
  }
  gst_object_unref (tee_pad);
  gst_object_unref (pad);
  gst_object_unref (gate);
  g_assert_true (branches_finish (b));
  branches_free (b);
}

/* T10 */
static void
branches_without_queues (void)
{
  Branches *b = with_photos (10, TRUE, 1000000,
      "t. ! memgate budget=%s ! peteffect budget=%s effect=popart ! "
      "petpngenc budget=%s ! " SINK ("a") "t. ! memgate budget=%s ! peteffect "
                                          "budget=%s effect=dithering ! "
                                          "petpngenc budget=%s ! " SINK ("b"));

  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "a"), ==, 10);
  g_assert_cmpuint (branches_rendered (b, "b"), ==, 10);
  branches_free (b);
}

/* T11: a flush while one gate waits and another has dropped. */
static void
a_flush_in_the_middle (void)
{
  Branches *b = branches_new (1000,
      "videotestsrc num-buffers=30 ! "
      "video/x-raw,format=RGBA,width=64,height=48,framerate=1/1 ! tee name=t "
      "t. ! memgate budget=%s cost=400 optional=true ! queue ! " SINK (
          "a") "t. ! memgate budget=%s cost=600 ! queue ! " SLOW SINK ("b"));

  branches_play (b);
  branches_await_rendered (b, "b", 2);
  for (guint i = 0; i < 5; i++) {
    g_assert_true (gst_element_seek_simple (
        b->pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, i * GST_SECOND));
    g_usleep (20 * 1000);
  }
  g_assert_true (branches_finish (b));
  branches_free (b);
}

/* T12 */
static void
a_thousand_starts_and_stops (void)
{
  Branches *b = branches_new (1000,
      "videotestsrc num-buffers=5 ! "
      "video/x-raw,format=RGBA,width=16,height=16,framerate=1/1 ! tee "
      "name=t "
      "t. ! memgate budget=%s cost=600 ! queue ! " SINK (
          "a") "t. ! memgate budget=%s cost=600 optional=true ! queue "
               "! " SINK ("b") "t. ! memgate budget=%s cost=300 ! queue "
                               "! " SINK ("c"));
  GstPetBudgetState state;

  for (guint i = 0; i < 1000; i++) {
    branches_play (b);
    if (i % 7 == 0)
      g_usleep (500);
    gst_element_set_state (
        b->pipeline, i % 3 == 0 ? GST_STATE_READY : GST_STATE_NULL);
    gst_pet_budget_get_state (b->budget, &state);
    g_assert_cmpuint (state.in_use, ==, 0);
    g_assert_cmpuint (state.waiting, ==, 0);
  }
  branches_free (b);
}

static GstPadProbeReturn
count_eos (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Branches *b = data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS)
    g_atomic_int_inc ((gint *) b->user);
  return GST_PAD_PROBE_OK;
}

/* T13: the source ends while a required gate holds the last picture. */
static void
eos_while_a_gate_waits (void)
{
  gint eos = 0;
  Branches *b = branches_new (1000,
      "videotestsrc num-buffers=1 ! "
      "video/x-raw,format=RGBA,width=64,height=48,framerate=1/1 ! "
      "tee name=t t. ! queue name=before ! "
      "memgate name=g budget=%s cost=100 max-wait=1000000 ! " SINK (
          "a") "t. ! queue ! " SINK ("other"));

  b->user = &eos;
  filling = branches_fill (b);
  add_probe (
      b, "before", "sink", GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, count_eos);
  branches_play (b);
  while (g_atomic_int_get (&eos) == 0 || g_atomic_int_get (&b->late) == 0)
    g_usleep (1000);
  g_assert_cmpuint (branches_rendered (b, "a"), ==, 0);
  g_clear_pointer (&filling, gst_pet_ticket_unref);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_rendered (b, "a"), ==, 1);
  g_assert_cmpint (b->late, ==, 1);
  branches_free (b);
}

static gpointer
change_limit (gpointer data)
{
  Branches *b = data;

  for (guint i = 0; !g_atomic_int_get ((gint *) b->user); i++) {
    gst_pet_budget_set_limit (b->budget, i % 2 ? 100 : 2000);
    g_usleep (2000);
  }
  return NULL;
}

/* M8 */
static void
the_limit_changes_while_running (void)
{
  gint done = FALSE;
  Branches *b = branches_new (2000,
      "videotestsrc num-buffers=200 ! "
      "video/x-raw,format=RGBA,width=64,height=48,framerate=1/1 ! tee "
      "name=t "
      "t. ! memgate budget=%s cost=600 ! queue ! " SINK (
          "a") "t. ! memgate budget=%s cost=600 optional=true ! queue "
               "! " SINK ("b"));
  GThread *thread;

  b->user = &done;
  thread = g_thread_new ("limit", change_limit, b);
  branches_play (b);
  g_assert_true (branches_finish (b));
  g_atomic_int_set (&done, TRUE);
  g_thread_join (thread);
  g_assert_cmpuint (branches_rendered (b, "a"), ==, 200);
  branches_free (b);
}

/* Priorities count, not the order of the tee's pads: what is kept never has a
 * lower priority than what is dropped. */
static void
the_lowest_priority_is_dropped_first (void)
{
  static const gchar *const lines[] = {
    RAW GATE "optional=true priority=5 name=low ! " SINK ("a") GATE
    "optional=true priority=10 name=high ! " SINK ("b"),
    RAW GATE "optional=true priority=10 name=high ! " SINK ("a") GATE
    "optional=true priority=5 name=low ! " SINK ("b"),
  };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    Branches *b = branches_new (150, lines[i]);

    branches_play (b);
    g_assert_true (branches_finish (b));
    g_assert_cmpuint (branches_count (b, "high", "passed"), ==, 10);
    g_assert_cmpuint (branches_count (b, "low", "dropped"), ==, 10);
    branches_free (b);
  }
}

/* A required branch that comes later in the tee goes first all the same. */
static void
an_optional_gate_leaves_room_for_a_required_one (void)
{
  Branches *b = branches_new (150,
      RAW GATE "optional=true priority=100 name=o ! queue ! " SINK ("a") GATE
      "name=r ! queue ! " SINK ("b"));

  branches_play (b);
  g_assert_true (branches_finish (b));
  g_assert_cmpuint (branches_count (b, "r", "passed"), ==, 10);
  g_assert_cmpuint (branches_count (b, "o", "dropped"), ==, 10);
  g_assert_cmpint (b->over, ==, 0);
  branches_free (b);
}

/* What a preview keeps is not done while other branches have yet to come to it:
 * its promise stays theirs. */
static void
a_preview_does_not_end_the_promise (void)
{
  static const gchar *const previews[] = { "t. ! " SINK ("preview"),
    "t. ! queue ! " SINK ("preview") };

  for (guint i = 0; i < G_N_ELEMENTS (previews); i++) {
    g_autofree gchar *line = g_strconcat (previews[i],
        "t. ! memgate budget=%s cost=1000000 optional=true priority=100 name=o "
        "! queue ! " SLOW SINK ("a") "t. ! memgate budget=%s cost=1000000 ! "
                                     "queue ! " SLOW SINK ("b"),
        NULL);
    Branches *b = with_photos (1, FALSE, 1500000, line);
    GstPetBudgetState state;

    branches_play (b);
    g_assert_true (branches_finish (b));
    gst_pet_budget_get_state (b->budget, &state);
    g_assert_cmpuint (state.peak, <=, 1500000);
    g_assert_cmpuint (branches_count (b, "o", "dropped"), ==, 1);
    g_assert_cmpuint (branches_rendered (b, "b"), ==, 1);
    g_assert_cmpint (b->over, ==, 0);
    branches_free (b);
  }
}

/* A ticket follows a picture through stock elements, whatever they make of it. */
static void
tickets_survive_stock_elements (void)
{
  static const gchar *const chains[] = {
    "videoconvert ! video/x-raw,format=I420 ! videoscale ! "
    "video/x-raw,width=32,height=32 ! queue ! jpegenc",
    "queue ! tee ! queue ! videoconvert ! pngenc",
    "videoscale ! video/x-raw,width=20,height=10 ! videoconvert ! "
    "video/x-raw,format=GRAY8 ! identity",
    "videoflip method=clockwise ! videocrop left=3 ! queue",
    "videobalance hue=0.5 ! queue ! pngenc",
  };

  for (guint i = 0; i < G_N_ELEMENTS (chains); i++) {
    g_autofree gchar *name = g_strdup_printf ("survive%u", i);
    GstPetBudget *budget = gst_pet_budget_get (name);
    g_autofree gchar *line = g_strdup_printf (
        "memgate budget=%s limit=1000 cost=400 ! %s", name, chains[i]);
    GstHarness *h = gst_harness_new_parse (line);
    GstPetBudgetState state;
    GstBuffer *buffer;

    gst_harness_set_src_caps (h, picture_caps ("RGBA", 64, 48));
    g_test_message ("%s", chains[i]);
    for (guint n = 0; n < 5; n++) {
      gst_harness_push (h, picture_cutout (64, 48, n));
      buffer = gst_harness_pull (h);
      gst_pet_budget_get_state (budget, &state);
      g_assert_cmpuint (state.in_use, ==, 400);
      gst_buffer_unref (buffer);
      /* The encoder's own reference may go a moment later. */
      for (guint k = 0; k < 1000 && state.in_use != 0; k++) {
        g_usleep (1000);
        gst_pet_budget_get_state (budget, &state);
      }
      g_assert_cmpuint (state.in_use, ==, 0);
    }
    gst_harness_teardown (h);
    gst_object_unref (budget);
    leaks_check ();
  }
}

static void
add_tests (void)
{
  leaks_begin ();
#define ADD(name, function) g_test_add_func ("/branches/" name, function)
  ADD ("T01-one-slow-branch", one_slow_branch);
  ADD ("T02-one-slow-branch-and-sizes-alternate",
      one_slow_branch_and_sizes_alternate);
  ADD ("T03-the-first-picture-is-dropped", the_first_picture_is_dropped);
  ADD ("T04-all-pictures-are-dropped", all_pictures_are_dropped);
  ADD ("T05-the-last-picture-is-dropped", the_last_picture_is_dropped);
  ADD ("T06-pictures-have-no-time", pictures_have_no_time);
  ADD ("T07-a-branch-errors", a_branch_errors);
  ADD ("T07-a-branch-returns-eos", a_branch_returns_eos);
  ADD (
      "T07-a-branch-returns-eos-to-its-gate", a_branch_returns_eos_to_its_gate);
  ADD ("T07-a-branch-is-not-linked", a_branch_is_not_linked);
  ADD ("T08-a-snapshot-encoder-and-sizes-alternate",
      a_snapshot_encoder_and_sizes_alternate);
  ADD ("T09-a-branch-is-removed", a_branch_is_removed);
  ADD ("T10-branches-without-queues", branches_without_queues);
  ADD ("T11-a-flush-in-the-middle", a_flush_in_the_middle);
  ADD ("T12-a-thousand-starts-and-stops", a_thousand_starts_and_stops);
  ADD ("T13-eos-while-a-gate-waits", eos_while_a_gate_waits);
  ADD ("M08-the-limit-changes-while-running", the_limit_changes_while_running);
  ADD ("the-lowest-priority-is-dropped-first",
      the_lowest_priority_is_dropped_first);
  ADD ("an-optional-gate-leaves-room-for-a-required-one",
      an_optional_gate_leaves_room_for_a_required_one);
  ADD (
      "a-preview-does-not-end-the-promise", a_preview_does_not_end_the_promise);
  ADD ("tickets-survive-stock-elements", tickets_survive_stock_elements);
#undef ADD
}

int
main (int argc, char **argv)
{
  leaks_prepare ();
  return run_tests (argc, argv, add_tests);
}
