/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which optional branches of a picture are let in. */

#include "account.h"
#include "memory/gstpetbranch.h"

static const gint tee, other_tee; /* addresses of forks */

static GstPetBranch *
branch_new (
    GstPetBudget *budget, gboolean optional, guint priority, guint64 cost)
{
  const GstPetBranchRules rules = { optional, priority, 0.7, 0.9 };
  GstPetBranch *branch = gst_pet_branch_new (budget, &tee, TRUE);

  gst_pet_branch_set (branch, &rules, cost);
  return branch;
}

static GstPetTicket *
decide (GstPetBranch *branch)
{
  const gchar *reason;
  GstPetTicket *ticket =
      gst_pet_branch_decide (branch, NULL, GST_CLOCK_TIME_NONE, 0, &reason);

  g_assert_true ((ticket == NULL) == (reason != NULL));
  return ticket;
}

/* Whatever the order of the tee's pads. */
static void
the_order_is_that_of_priorities (void)
{
  for (guint swapped = 0; swapped < 2; swapped++) {
    GstPetBudget *budget = account_new (1000);
    GstPetBranch *low = branch_new (budget, TRUE, 5, 500);
    GstPetBranch *high = branch_new (budget, TRUE, 10, 500);
    GstPetTicket *of_low, *of_high;

    if (swapped) {
      of_high = decide (high);
      of_low = decide (low);
    } else {
      of_low = decide (low);
      of_high = decide (high);
    }
    g_assert_null (of_low);
    g_assert_nonnull (of_high);
    gst_pet_ticket_unref (of_high);
    gst_pet_branch_free (&low);
    gst_pet_branch_free (&high);
    account_free (budget);
  }
}

/* Not even a small one gets what a more important one was refused. */
static void
nobody_passes_a_higher_priority (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetBranch *low = branch_new (budget, TRUE, 5, 10);
  GstPetBranch *high = branch_new (budget, TRUE, 10, 2000);

  g_assert_null (decide (low));
  g_assert_null (decide (high));
  gst_pet_branch_free (&low);
  gst_pet_branch_free (&high);
  account_free (budget);
}

static void
required_branches_that_are_still_to_come_go_first (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetBranch *optional = branch_new (budget, TRUE, 100, 500);
  GstPetBranch *required = branch_new (budget, FALSE, 0, 500);
  GstPetTicket *ticket;

  g_assert_null (decide (optional));
  /* Once it has what it needs, and gave it back, there is room. */
  gst_pet_branch_count (required, NULL, GST_CLOCK_TIME_NONE);
  gst_pet_branch_count (required, NULL, GST_CLOCK_TIME_NONE);
  ticket = decide (optional);
  g_assert_nonnull (ticket);
  gst_pet_ticket_unref (ticket);
  gst_pet_branch_free (&optional);
  gst_pet_branch_free (&required);
  account_free (budget);
}

static void
a_photo_that_was_admitted_covers_its_required_branches (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = gst_pet_budget_try (budget, 500), *ticket;
  GstPetBranch *required = branch_new (budget, FALSE, 0, 400);
  GstPetBranch *optional = branch_new (budget, TRUE, 100, 300);
  const gchar *reason;

  ticket =
      gst_pet_branch_decide (optional, photo, GST_CLOCK_TIME_NONE, 0, &reason);
  g_assert_nonnull (ticket);
  g_assert_cmpuint (account_in_use (budget), ==, 800);
  gst_pet_ticket_unref (ticket);
  gst_pet_ticket_unref (photo);
  gst_pet_branch_free (&required);
  gst_pet_branch_free (&optional);
  account_free (budget);
}

static void
each_priority_has_its_level (void)
{
  GstPetBudget *budget = account_new (1000);
  guint passed = 0;

  /* 0.7 + 0.2 * priority / 100: with 745 in use, and 10 of cost. */
  for (guint priority = 0; priority <= 100; priority += 10) {
    GstPetBranch *branch = gst_pet_branch_new (budget, NULL, TRUE);
    const GstPetBranchRules rules = { TRUE, priority, 0.7, 0.9 };
    GstPetTicket *used = gst_pet_budget_try (budget, 745), *ticket;

    gst_pet_branch_set (branch, &rules, 10);
    ticket = decide (branch);
    g_assert_true ((ticket != NULL) == (priority >= 30));
    passed += ticket != NULL;
    g_clear_pointer (&ticket, gst_pet_ticket_unref);
    gst_pet_ticket_unref (used);
    gst_pet_branch_free (&branch);
  }
  g_assert_cmpuint (passed, ==, 8);
  account_free (budget);
}

static gpointer
wait_at_the_door (gpointer data)
{
  const GstPetDemand demand = { .bytes = 950 };
  GstPetTicket *ticket;

  gst_pet_budget_admit (data, &demand, &ticket, NULL);
  gst_pet_ticket_unref (ticket);
  return NULL;
}

static void
required_work_that_waits_goes_first (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetBranch *branch = branch_new (budget, TRUE, 100, 10);
  GstPetTicket *out = gst_pet_budget_try (budget, 100), *ticket;
  GThread *thread = g_thread_new ("door", wait_at_the_door, budget);

  account_await_waiting (budget, 1);
  g_assert_null (decide (branch));
  gst_pet_ticket_unref (out);
  g_thread_join (thread);
  ticket = decide (branch);
  g_assert_nonnull (ticket);
  gst_pet_ticket_unref (ticket);
  gst_pet_branch_free (&branch);
  account_free (budget);
}

static void
pressure_from_outside_drops (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetBranch *branch = branch_new (budget, TRUE, 0, 10);
  GstPetTicket *ticket;
  const gchar *reason;

  ticket =
      gst_pet_branch_decide (branch, NULL, GST_CLOCK_TIME_NONE, 0.75, &reason);
  g_assert_null (ticket);
  g_assert_cmpstr (reason, ==, "the pressure is above the watermark");
  ticket =
      gst_pet_branch_decide (branch, NULL, GST_CLOCK_TIME_NONE, 0.6, &reason);
  g_assert_nonnull (ticket);
  gst_pet_ticket_unref (ticket);
  gst_pet_branch_free (&branch);
  account_free (budget);
}

/* Behind queues the branches of a tee come to a picture at different times. */
static void
decisions_wait_for_those_who_lag (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetBranch *fast = branch_new (budget, TRUE, 5, 100);
  GstPetBranch *slow = branch_new (budget, TRUE, 10, 100);
  GstPetTicket *tickets[3];

  for (guint i = 0; i < 3; i++) {
    tickets[i] = decide (fast);
    g_assert_nonnull (tickets[i]);
  }
  g_assert_cmpuint (account_in_use (budget), ==, 600);
  for (guint i = 0; i < 3; i++) {
    GstPetTicket *ticket = decide (slow);

    g_assert_nonnull (ticket);
    g_assert_cmpuint (account_in_use (budget), ==, 600 - i * 100);
    gst_pet_ticket_unref (ticket);
  }
  for (guint i = 0; i < 3; i++)
    gst_pet_ticket_unref (tickets[i]);
  gst_pet_branch_free (&fast);
  gst_pet_branch_free (&slow);
  account_free (budget);
}

/* What was granted and never fetched is given back: a branch is removed, or
 * flushed, or turns required; one that stands still does not collect. */
static void
unfetched_tickets_come_back (void)
{
  for (guint how = 0; how < 3; how++) {
    GstPetBudget *budget = account_new (100000);
    GstPetBranch *fast = branch_new (budget, TRUE, 5, 100);
    GstPetBranch *slow = branch_new (budget, TRUE, 10, 100);

    for (guint i = 0; i < 40; i++)
      gst_pet_ticket_unref (decide (fast));
    g_assert_cmpuint (account_in_use (budget), <=, 17 * 100);
    g_assert_cmpuint (account_in_use (budget), >, 0);
    if (how == 0)
      gst_pet_branch_free (&slow);
    else if (how == 1)
      gst_pet_branch_reset (slow);
    else
      gst_pet_branch_count (slow, NULL, GST_CLOCK_TIME_NONE);
    g_assert_cmpuint (account_in_use (budget), ==, 0);
    gst_pet_branch_free (&slow);
    gst_pet_branch_free (&fast);
    account_free (budget);
  }
}

static GstPetTicket *
decide_at (GstPetBranch *branch, GstPetTicket *photo, GstClockTime pts)
{
  const gchar *reason;

  return gst_pet_branch_decide (branch, photo, pts, 0, &reason);
}

/* A probe or a valve keeps pictures from a branch: it fetches what was decided
 * on those that come, and the rest is given back. */
static void
a_branch_may_miss_pictures (void)
{
  GstPetBudget *budget = account_new (10000);
  GstPetBranch *all = branch_new (budget, TRUE, 5, 100);
  GstPetBranch *some = branch_new (budget, TRUE, 10, 1000);

  for (guint i = 0; i < 100; i += 4) {
    GstPetTicket *tickets[5];

    for (guint k = 0; k < 4; k++)
      tickets[k] = decide_at (all, NULL, i + k);
    g_assert_cmpuint (account_in_use (budget), ==, 4400);
    tickets[4] = decide_at (some, NULL, i + 2);
    g_assert_cmpuint (account_in_use (budget), ==, 2400);
    for (guint k = 0; k < 5; k++)
      gst_pet_ticket_unref (tickets[k]);
    g_assert_cmpuint (account_in_use (budget), ==, 1000);
    gst_pet_branch_skip (some, i + 3);
    g_assert_cmpuint (account_in_use (budget), ==, 0);
  }
  gst_pet_branch_free (&all);
  gst_pet_branch_free (&some);
  account_free (budget);
}

/* The last that carries the photo's ticket is gone, or waits for nobody. */
static void
what_is_not_fetched_ends_with_the_photo (void)
{
  for (guint settled = 0; settled < 2; settled++) {
    GstPetBudget *budget = account_new (1000);
    GstPetTicket *photos[2], *here_too[2], *late[2] = { NULL, NULL };
    GstPetBranch *here = branch_new (budget, TRUE, 5, 100);
    GstPetBranch *lags = branch_new (budget, TRUE, 10, 100);

    for (guint i = 0; i < 2; i++) {
      photos[i] = gst_pet_budget_try (budget, 50);
      here_too[i] = decide_at (here, photos[i], GST_CLOCK_TIME_NONE);
    }
    g_assert_cmpuint (account_in_use (budget), ==, 500);
    if (settled)
      gst_pet_ticket_settle (photos[0]);
    else
      g_clear_pointer (&photos[0], gst_pet_ticket_unref);
    g_assert_cmpuint (account_in_use (budget), ==, 350);
    /* Should it come all the same, it is decided for itself. */
    if (settled)
      late[0] = decide_at (lags, photos[0], GST_CLOCK_TIME_NONE);
    late[1] = decide_at (lags, photos[1], GST_CLOCK_TIME_NONE);
    g_assert_cmpuint (account_in_use (budget), ==, settled ? 450 : 350);
    for (guint i = 0; i < 2; i++) {
      g_clear_pointer (&photos[i], gst_pet_ticket_unref);
      g_clear_pointer (&late[i], gst_pet_ticket_unref);
      gst_pet_ticket_unref (here_too[i]);
    }
    gst_pet_branch_free (&here);
    gst_pet_branch_free (&lags);
    account_free (budget);
  }
}

/* Where the tee's own thread brings the pictures, the next one tells; after the
 * last one, the end. */
static void
what_is_not_fetched_ends_with_the_next_picture (void)
{
  const GstPetBranchRules rules = { TRUE, 10, 0.7, 0.9 };
  GstPetBudget *budget = account_new (1000);
  GstPetBranch *here = gst_pet_branch_new (budget, &tee, FALSE);
  GstPetBranch *nowhere = gst_pet_branch_new (budget, &tee, FALSE);

  gst_pet_branch_set (here, &rules, 100);
  gst_pet_branch_set (nowhere, &rules, 100);
  for (guint i = 0; i < 40; i++) {
    gst_pet_ticket_unref (decide_at (here, NULL, i));
    g_assert_cmpuint (account_in_use (budget), ==, 100);
  }
  gst_pet_branch_end (here);
  g_assert_cmpuint (account_in_use (budget), ==, 0);
  gst_pet_branch_free (&here);
  gst_pet_branch_free (&nowhere);
  account_free (budget);
}

/* Not even the branch of a higher priority keeps what it will not take. */
static void
what_is_skipped_is_there_for_others (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetBranch *low = branch_new (budget, TRUE, 5, 500);
  GstPetBranch *high = branch_new (budget, TRUE, 10, 500);
  GstPetTicket *ticket;

  for (guint i = 0; i < 20; i++) {
    if (i % 2 == 0)
      gst_pet_branch_skip (high, i);
    ticket = decide_at (low, NULL, i);
    g_assert_true ((ticket != NULL) == (i % 2 == 0));
    g_clear_pointer (&ticket, gst_pet_ticket_unref);
    if (i % 2 != 0)
      gst_pet_ticket_unref (decide_at (high, NULL, i));
    g_assert_cmpuint (account_in_use (budget), ==, 0);
  }
  gst_pet_branch_free (&low);
  gst_pet_branch_free (&high);
  account_free (budget);
}

static void
other_tees_decide_for_themselves (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetBranch *here = branch_new (budget, TRUE, 5, 100);
  GstPetBranch *there = gst_pet_branch_new (budget, &other_tee, TRUE);
  GstPetBranch *late;
  GstPetTicket *ticket;

  ticket = decide (here);
  g_assert_cmpuint (account_in_use (budget), ==, 100);
  gst_pet_ticket_unref (ticket);
  /* One that joins a running tee starts with its next picture. */
  late = branch_new (budget, TRUE, 1, 100);
  ticket = decide (late);
  g_assert_cmpuint (account_in_use (budget), ==, 200);
  gst_pet_ticket_unref (ticket);
  gst_pet_branch_free (&here);
  gst_pet_branch_free (&there);
  gst_pet_branch_free (&late);
  account_free (budget);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func ("/branch/" name, function)
  ADD ("the-order-is-that-of-priorities", the_order_is_that_of_priorities);
  ADD ("nobody-passes-a-higher-priority", nobody_passes_a_higher_priority);
  ADD ("required-branches-that-are-still-to-come-go-first",
      required_branches_that_are_still_to_come_go_first);
  ADD ("a-photo-that-was-admitted-covers-its-required-branches",
      a_photo_that_was_admitted_covers_its_required_branches);
  ADD ("each-priority-has-its-level", each_priority_has_its_level);
  ADD ("required-work-that-waits-goes-first",
      required_work_that_waits_goes_first);
  ADD ("pressure-from-outside-drops", pressure_from_outside_drops);
  ADD ("decisions-wait-for-those-who-lag", decisions_wait_for_those_who_lag);
  ADD ("unfetched-tickets-come-back", unfetched_tickets_come_back);
  ADD ("a-branch-may-miss-pictures", a_branch_may_miss_pictures);
  ADD ("what-is-not-fetched-ends-with-the-photo",
      what_is_not_fetched_ends_with_the_photo);
  ADD ("what-is-not-fetched-ends-with-the-next-picture",
      what_is_not_fetched_ends_with_the_next_picture);
  ADD ("what-is-skipped-is-there-for-others",
      what_is_skipped_is_there_for_others);
  ADD ("other-tees-decide-for-themselves", other_tees_decide_for_themselves);
#undef ADD
  return g_test_run ();
}
