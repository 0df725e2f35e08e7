/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <gst/video/video.h>

#include "memory/gstpetbudget.h"
#include "memory/gstpetpool.h"
#include "meta/gstpetsourcemeta.h"
#include "pictures.h"

/* A gate of an account of its own, so that tests do not meet. */
static GstHarness *
gate_harness (guint64 limit, guint64 cost)
{
  static guint n;
  g_autofree gchar *name = g_strdup_printf ("test%u", n++);
  GstHarness *h = harness_with_bus ("memgate");

  /* The account is joined on the way up from NULL. */
  gst_element_set_state (h->element, GST_STATE_NULL);
  g_object_set (h->element, "budget", name, "limit", limit, "cost", cost, NULL);
  gst_harness_play (h);
  gst_harness_set_src_caps (h, picture_caps ("RGBA", 8, 8));
  return h;
}

static guint64
limit_of (const gchar *budget_name)
{
  GstPetBudget *budget = gst_pet_budget_get (budget_name);
  GstPetBudgetState state;

  gst_pet_budget_get_state (budget, &state);
  gst_object_unref (budget);
  return state.limit;
}

static GstBuffer *
picture (guint64 index)
{
  GstBuffer *buffer = picture_cutout (8, 8, (guint) index);

  GST_BUFFER_PTS (buffer) = index * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  gst_pet_buffer_add_source_meta (buffer, "a.jpg", index, 10);
  return buffer;
}

static guint64
in_use (GstHarness *h)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 bytes = G_MAXUINT64;

  g_object_get (h->element, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "in-use", &bytes);
  return bytes;
}

static void
ticket_lives_as_long_as_the_buffer (void)
{
  GstHarness *h = gate_harness (1000, 400);
  GstBuffer *buffer, *copy;

  g_assert_cmpint (gst_harness_push (h, picture (0)), ==, GST_FLOW_OK);
  g_assert_cmpuint (in_use (h), ==, 400);
  buffer = gst_harness_pull (h);
  copy = gst_buffer_copy_deep (buffer);
  gst_buffer_unref (buffer);
  g_assert_cmpuint (in_use (h), ==, 400);
  gst_buffer_unref (copy);
  g_assert_cmpuint (in_use (h), ==, 0);
  harness_with_bus_free (h);
}

static void
optional_drops_are_never_silent (void)
{
  GstHarness *h = gate_harness (1000, 600);
  GstMessage *message;
  const GstStructure *s;
  GstBuffer *kept, *next;
  GstEvent *event;
  guint64 index = 99, dropped;
  gboolean gap = FALSE;

  g_object_set (
      h->element, "optional", TRUE, "priority", 30, "label", "popart", NULL);
  g_assert_cmpint (gst_harness_push (h, picture (0)), ==, GST_FLOW_OK);
  kept = gst_harness_pull (h);
  g_assert_cmpint (gst_harness_push (h, picture (1)), ==, GST_FLOW_OK);
  g_assert_null (gst_harness_try_pull (h));

  message = harness_pop_message (h, "memgate");
  g_assert_nonnull (message);
  s = gst_message_get_structure (message);
  g_assert_cmpstr (gst_structure_get_string (s, "action"), ==, "drop");
  g_assert_cmpstr (gst_structure_get_string (s, "label"), ==, "popart");
  g_assert_cmpstr (gst_structure_get_string (s, "source"), ==, "a.jpg");
  g_assert_true (gst_structure_get_uint64 (s, "index", &index));
  g_assert_cmpuint (index, ==, 1);
  for (guint i = 0; i < 5; i++) {
    static const gchar *const fields[] = { "reason", "pressure", "in-use",
      "limit", "priority" };

    g_assert_true (gst_structure_has_field (s, fields[i]));
  }
  gst_message_unref (message);
  g_object_get (h->element, "dropped", &dropped, NULL);
  g_assert_cmpuint (dropped, ==, 1);

  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    gap |= GST_EVENT_TYPE (event) == GST_EVENT_GAP;
    gst_event_unref (event);
  }
  g_assert_true (gap);

  gst_buffer_unref (kept);
  g_assert_cmpint (gst_harness_push (h, picture (2)), ==, GST_FLOW_OK);
  next = gst_harness_pull (h);
  g_assert_true (GST_BUFFER_FLAG_IS_SET (next, GST_BUFFER_FLAG_DISCONT));
  gst_buffer_unref (next);
  harness_with_bus_free (h);
}

static void
a_drop_posts_qos (void)
{
  GstHarness *h = gate_harness (1000, 2000);

  g_object_set (h->element, "optional", TRUE, NULL);
  gst_harness_push (h, picture (0));
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_QOS), ==, 1);
  harness_with_bus_free (h);
}

/* One account, filled to a level between the two priorities' stopping points. */
static void
the_lower_priority_is_dropped_first (void)
{
  GstHarness *high = gate_harness (1000, 100);
  g_autofree gchar *name = NULL;
  GstHarness *low = harness_with_bus ("memgate");
  GstPetBudget *budget;
  GstPetTicket *ticket;
  guint64 dropped_low, dropped_high;

  g_object_get (high->element, "budget", &name, NULL);
  gst_element_set_state (low->element, GST_STATE_NULL);
  g_object_set (low->element, "budget", name, "cost", (guint64) 100, "optional",
      TRUE, "priority", 10, NULL);
  gst_harness_play (low);
  gst_harness_set_src_caps (low, picture_caps ("RGBA", 8, 8));
  g_object_set (high->element, "optional", TRUE, "priority", 90, NULL);

  budget = gst_pet_budget_get (name);
  ticket = gst_pet_budget_try (budget, 690);
  g_assert_nonnull (ticket);
  gst_harness_push (low, picture (0));
  gst_harness_push (high, picture (0));
  g_object_get (low->element, "dropped", &dropped_low, NULL);
  g_object_get (high->element, "dropped", &dropped_high, NULL);
  g_assert_cmpuint (dropped_low, ==, 1);
  g_assert_cmpuint (dropped_high, ==, 0);

  gst_pet_ticket_unref (ticket);
  gst_object_unref (budget);
  harness_with_bus_free (low);
  harness_with_bus_free (high);
}

static void
an_optional_gate_resumes_at_the_low_watermark (void)
{
  GstHarness *h = gate_harness (1000, 10);
  g_autofree gchar *name = NULL;
  GstPetBudget *budget;
  GstPetTicket *most, *some;
  guint64 passed;

  g_object_set (h->element, "optional", TRUE, "priority", 100, "high-watermark",
      0.9, "low-watermark", 0.5, NULL);
  g_object_get (h->element, "budget", &name, NULL);
  budget = gst_pet_budget_get (name);
  some = gst_pet_budget_try (budget, 600);
  most = gst_pet_budget_try (budget, 350);

  gst_harness_push (h, picture (0));
  gst_pet_ticket_unref (most);
  gst_harness_push (h, picture (1));
  g_object_get (h->element, "passed", &passed, NULL);
  g_assert_cmpuint (passed, ==, 0);
  gst_pet_ticket_unref (some);
  gst_harness_push (h, picture (2));
  g_object_get (h->element, "passed", &passed, NULL);
  g_assert_cmpuint (passed, ==, 1);
  gst_object_unref (budget);
  harness_with_bus_free (h);
}

static gpointer
push_picture (gpointer data)
{
  return GINT_TO_POINTER (gst_harness_push (data, picture (1)));
}

static void
required_waits_until_there_is_room (void)
{
  GstHarness *h = gate_harness (1000, 600);
  GstBuffer *first, *second;
  GThread *thread;
  guint64 waited;

  g_object_set (h->element, "max-wait", (guint64) (20 * GST_MSECOND), NULL);
  gst_harness_push (h, picture (0));
  first = gst_harness_pull (h);
  thread = g_thread_new ("push", push_picture, h);
  g_usleep (100 * 1000);
  g_assert_null (gst_harness_try_pull (h));
  gst_buffer_unref (first);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, GST_FLOW_OK);
  second = gst_harness_pull (h);
  g_assert_nonnull (second);
  gst_buffer_unref (second);
  g_object_get (h->element, "waited", &waited, NULL);
  g_assert_cmpuint (waited, ==, 1);
  {
    GstMessage *message = harness_pop_message (h, "memgate");

    g_assert_nonnull (message);
    g_assert_cmpstr (gst_structure_get_string (
                         gst_message_get_structure (message), "action"),
        ==, "wait");
    gst_message_unref (message);
  }
  harness_with_bus_free (h);
}

static void
required_passes_alone_above_the_limit (void)
{
  GstHarness *h = gate_harness (100, 5000);

  g_assert_cmpint (gst_harness_push (h, picture (0)), ==, GST_FLOW_OK);
  g_assert_cmpuint (gst_harness_buffers_received (h), ==, 1);
  g_assert_cmpuint (harness_count_messages (h, GST_MESSAGE_WARNING), ==, 1);
  harness_with_bus_free (h);
}

static void
a_waiting_gate_can_be_flushed_and_stopped (void)
{
  for (guint stop = 0; stop < 2; stop++) {
    GstHarness *h = gate_harness (1000, 600);
    GstBuffer *first;
    GThread *thread;

    gst_harness_push (h, picture (0));
    first = gst_harness_pull (h);
    thread = g_thread_new ("push", push_picture, h);
    g_usleep (50 * 1000);
    if (stop)
      gst_element_set_state (h->element, GST_STATE_NULL);
    else
      gst_harness_push_event (h, gst_event_new_flush_start ());
    g_assert_cmpint (
        GPOINTER_TO_INT (g_thread_join (thread)), ==, GST_FLOW_FLUSHING);
    gst_buffer_unref (first);
    harness_with_bus_free (h);
  }
}

static void
the_limit_can_change_while_a_picture_waits (void)
{
  GstHarness *h = gate_harness (1000, 600);
  GstBuffer *first;
  GThread *thread;

  gst_harness_push (h, picture (0));
  first = gst_harness_pull (h);
  thread = g_thread_new ("push", push_picture, h);
  g_usleep (50 * 1000);
  g_object_set (h->element, "limit", (guint64) 2000, NULL);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, GST_FLOW_OK);
  gst_buffer_unref (first);
  harness_with_bus_free (h);
}

/* A frame and scratch memory of the look, and the file. */
static void
the_cost_is_asked_from_the_branch (void)
{
  GstHarness *branch = gst_harness_new_parse (
      "memgate budget=priced name=gate ! queue ! peteffect effect=popart ! "
      "petpngenc");
  GstElement *gate = gst_bin_get_by_name (GST_BIN (branch->element), "gate");
  g_autoptr (GstStructure) stats = NULL;
  guint64 peak;

  gst_harness_set_src_caps (branch, picture_caps ("RGBA", 100, 50));
  gst_harness_push (branch, picture_cutout (100, 50, 1));
  gst_buffer_unref (gst_harness_pull (branch));
  g_object_get (gate, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "peak", &peak);
  g_assert_cmpuint (peak, >=, 2 * 100 * 50 * 4);
  gst_object_unref (gate);
  gst_harness_teardown (branch);
}

static gpointer
take_and_give (gpointer data)
{
  GstPetBudget *budget = data;
  gint canceled = FALSE;

  for (guint i = 0; i < 5000; i++) {
    const GstPetDemand demand = { .bytes = 1 + i % 400, .canceled = &canceled };
    GstPetTicket *ticket;

    g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &ticket, NULL), ==,
        GST_PET_ADMIT_PASS);
    gst_pet_ticket_unref (ticket);
  }
  return NULL;
}

static void
the_account_is_exact_under_threads (void)
{
  GstPetBudget *budget = gst_pet_budget_get ("threads");
  GThread *threads[4];
  GstPetBudgetState state;

  gst_pet_budget_set_limit (budget, 1000);
  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("budget", take_and_give, budget);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  gst_pet_budget_get_state (budget, &state);
  g_assert_cmpuint (state.in_use, ==, 0);
  g_assert_cmpuint (state.tickets, ==, 0);
  g_assert_cmpuint (state.peak, <=, 1000);
  gst_object_unref (budget);
}

/* Without an ALLOCATION query through the queue a fast branch does not wait
 * for a slow one at each change of size. */
static void
it_answers_the_allocation_query (void)
{
  GstHarness *h = gate_harness (1000, 1);
  GstCaps *caps = picture_caps ("RGBA", 8, 8);
  GstQuery *query = gst_query_new_allocation (caps, TRUE);

  g_assert_true (gst_pad_peer_query (h->srcpad, query));
  g_assert_true (
      gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL));
  gst_query_unref (query);
  gst_caps_unref (caps);
  harness_with_bus_free (h);
}

/* Pools with a maximum are pressure, whatever the bytes. */
static void
a_full_pool_is_pressure (void)
{
  GstHarness *h = gate_harness (1000000, 10);
  g_autofree gchar *name = NULL;
  GstPetBudget *budget;
  GstPetPool *pool;
  GstBuffer *out[2];
  gdouble pressure;
  GThread *thread;
  guint64 dropped;

  g_object_get (h->element, "budget", &name, NULL);
  budget = gst_pet_budget_get (name);
  pool = gst_pet_pool_new (budget, 2);
  for (guint i = 0; i < 2; i++)
    out[i] = gst_pet_pool_take (pool, NULL, 100);
  g_object_get (h->element, "pressure", &pressure, NULL);
  g_assert_cmpfloat (pressure, ==, 1);

  g_object_set (h->element, "optional", TRUE, NULL);
  gst_harness_push (h, picture (0));
  g_object_get (h->element, "dropped", &dropped, NULL);
  g_assert_cmpuint (dropped, ==, 1);

  /* A required one waits while others are in flight. */
  g_object_set (h->element, "optional", FALSE, NULL);
  gst_harness_push (h, picture (1));
  g_assert_cmpuint (gst_harness_buffers_in_queue (h), ==, 1);
  thread = g_thread_new ("push", push_picture, h);
  g_usleep (50 * 1000);
  g_assert_cmpuint (gst_harness_buffers_in_queue (h), ==, 1);
  gst_buffer_unref (out[0]);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, GST_FLOW_OK);
  g_assert_cmpuint (gst_harness_buffers_in_queue (h), ==, 2);
  gst_buffer_unref (out[1]);
  gst_object_unref (pool);
  gst_object_unref (budget);
  harness_with_bus_free (h);
}

/* Negative limits and 9 EB, as they come from a launch line. */
static void
absurd_limits_are_taken (void)
{
  static const gchar *const limits[] = { "0", "-1", "-9223372036854775808", "1",
    "9223372036854775807", "18446744073709551615" };

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++) {
    g_autofree gchar *line =
        g_strdup_printf ("memgate name=g budget=absurd%u", i);
    GstHarness *h = gst_harness_new_parse (line);
    GstElement *gate = gst_bin_get_by_name (GST_BIN (h->element), "g");
    guint64 passed;

    gst_util_set_object_arg (G_OBJECT (gate), "limit", limits[i]);
    gst_harness_set_src_caps (h, picture_caps ("RGBA", 8, 8));
    gst_harness_push (h, picture (0));
    gst_buffer_unref (gst_harness_pull (h));
    g_object_get (gate, "passed", &passed, NULL);
    g_assert_cmpuint (passed, ==, 1);
    gst_object_unref (gate);
    gst_harness_teardown (h);
  }
}

/* As gst-launch-1.0 sets them: in the order of the line. */
static void
a_limit_is_its_own_accounts (void)
{
  GstHarness *first =
      gst_harness_new_parse ("memgate budget=theirs limit=5000");
  GstHarness *second =
      gst_harness_new_parse ("memgate limit=7000 budget=ours2");
  GstHarness *third = gst_harness_new_parse ("memgate budget=theirs");

  g_assert_cmpuint (limit_of ("theirs"), ==, 5000);
  g_assert_cmpuint (limit_of ("ours2"), ==, 7000);
  g_assert_cmpuint (limit_of (GST_PET_BUDGET_DEFAULT), >, 7000);
  gst_harness_teardown (third);
  gst_harness_teardown (second);
  gst_harness_teardown (first);
}

static void
everything_watched_is_at_rest_here (void)
{
  GstHarness *h = harness_with_bus ("memgate");
  gdouble pressure;
  guint flags;

  gst_element_set_state (h->element, GST_STATE_NULL);
  gst_util_set_object_arg (
      G_OBJECT (h->element), "watch", "cgroup+psi+available+cuda");
  g_object_get (h->element, "watch", &flags, NULL);
  g_assert_cmpuint (flags, ==, 15);
  gst_harness_play (h);
  g_object_get (h->element, "pressure", &pressure, NULL);
  g_assert_cmpfloat (pressure, >, 0);
  harness_with_bus_free (h);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/memgate/" name, function)
  ADD (
      "ticket-lives-as-long-as-the-buffer", ticket_lives_as_long_as_the_buffer);
  ADD ("optional-drops-are-never-silent", optional_drops_are_never_silent);
  ADD ("a-drop-posts-qos", a_drop_posts_qos);
  ADD ("the-lower-priority-is-dropped-first",
      the_lower_priority_is_dropped_first);
  ADD ("an-optional-gate-resumes-at-the-low-watermark",
      an_optional_gate_resumes_at_the_low_watermark);
  ADD (
      "required-waits-until-there-is-room", required_waits_until_there_is_room);
  ADD ("required-passes-alone-above-the-limit",
      required_passes_alone_above_the_limit);
  ADD ("a-waiting-gate-can-be-flushed-and-stopped",
      a_waiting_gate_can_be_flushed_and_stopped);
  ADD ("the-limit-can-change-while-a-picture-waits",
      the_limit_can_change_while_a_picture_waits);
  ADD ("the-cost-is-asked-from-the-branch", the_cost_is_asked_from_the_branch);
  ADD (
      "the-account-is-exact-under-threads", the_account_is_exact_under_threads);
  ADD ("it-answers-the-allocation-query", it_answers_the_allocation_query);
  ADD ("a-full-pool-is-pressure", a_full_pool_is_pressure);
  ADD ("a-limit-is-its-own-accounts", a_limit_is_its_own_accounts);
  ADD ("absurd-limits-are-taken", absurd_limits_are_taken);
  ADD (
      "everything-watched-is-at-rest-here", everything_watched_is_at_rest_here);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
