/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The account: what is charged when, who is let in when. */

#include "account.h"
#include "memory/gstpetmemory.h"

static void
a_draw_is_not_charged_twice (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *ticket = account_admit (budget, 600, NULL);

  gst_pet_budget_draw (budget, ticket, 400);
  g_assert_cmpuint (account_in_use (budget), ==, 600);
  g_assert_cmpuint (account_state (budget).allocated, ==, 400);
  gst_pet_budget_draw (budget, ticket, 300);
  g_assert_cmpuint (account_in_use (budget), ==, 700);
  g_assert_cmpuint (account_state (budget).overdrawn, ==, 100);
  gst_pet_budget_give_back (budget, ticket, 400);
  g_assert_cmpuint (account_in_use (budget), ==, 600);
  gst_pet_budget_give_back (budget, ticket, 300);
  gst_pet_ticket_unref (ticket);
  account_free (budget);
}

static void
memory_that_outlives_its_ticket_stays_charged (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *ticket = account_admit (budget, 600, NULL);

  gst_pet_budget_draw (budget, ticket, 200);
  gst_pet_ticket_unref (ticket);
  g_assert_cmpuint (account_in_use (budget), ==, 200);
  g_assert_cmpuint (account_state (budget).tickets, ==, 0);
  gst_pet_budget_give_back (budget, ticket, 200);
  account_free (budget);
}

static void
a_branch_is_split_off_its_photo (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = account_admit (budget, 800, NULL), *branch;

  gst_pet_budget_draw (budget, photo, 300);
  branch = account_admit (budget, 500, photo);
  g_assert_cmpuint (account_in_use (budget), ==, 800);
  g_assert_cmpuint (gst_pet_ticket_get_promised (photo), ==, 300);

  /* The file outlives the branch's ticket; all returns to the photo. */
  gst_pet_budget_draw (budget, branch, 200);
  gst_pet_ticket_unref (branch);
  g_assert_cmpuint (gst_pet_ticket_get_promised (photo), ==, 600);
  g_assert_cmpuint (account_in_use (budget), ==, 800);
  gst_pet_budget_give_back (budget, branch, 200);
  g_assert_cmpuint (gst_pet_ticket_get_promised (photo), ==, 800);

  gst_pet_budget_give_back (budget, photo, 300);
  gst_pet_ticket_unref (photo);
  account_free (budget);
}

static void
a_branch_that_outlives_its_photo_returns_to_the_account (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = account_admit (budget, 800, NULL), *branch;

  branch = account_admit (budget, 500, photo);
  gst_pet_ticket_unref (photo);
  g_assert_cmpuint (account_in_use (budget), ==, 500);
  gst_pet_ticket_unref (branch);
  account_free (budget);
}

/* As when a preview keeps a picture that other branches have yet to come to:
 * they ask for room like everybody else. */
static void
a_settled_photo_has_nothing_to_split (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = account_admit (budget, 800, NULL), *branch, *other;
  const GstPetDemand demand = { .bytes = 500, .from = photo };

  gst_pet_ticket_settle (photo);
  other = account_admit (budget, 900, NULL);
  g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &branch, NULL), ==,
      GST_PET_ADMIT_OVER);
  g_assert_cmpuint (account_in_use (budget), ==, 1400);
  gst_pet_ticket_unref (branch);
  gst_pet_ticket_unref (other);
  branch = account_admit (budget, 500, photo);
  g_assert_cmpuint (account_in_use (budget), ==, 500);
  gst_pet_ticket_unref (branch);
  gst_pet_ticket_unref (photo);
  account_free (budget);
}

/* A sink keeps what a branch gave it, in memory that was drawn for the photo, which
 * nobody holds any more: the next one is alone. */
static void
a_settled_branch_settles_its_photo (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = account_admit (budget, 900, NULL), *branch, *other;
  const GstPetDemand demand = { .bytes = 900 };

  gst_pet_budget_draw (budget, photo, 400);
  branch = account_admit (budget, 100, photo);
  other = account_admit (budget, 100, photo);
  gst_pet_ticket_unref (photo);
  gst_pet_ticket_settle (branch);
  gst_pet_ticket_unref (other);
  gst_pet_ticket_settle (branch);
  g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &other, NULL), ==,
      GST_PET_ADMIT_OVER);
  gst_pet_ticket_unref (other);
  gst_pet_budget_give_back (budget, photo, 400);
  gst_pet_ticket_unref (branch);
  account_free (budget);
}

static void
overdraft_is_not_returned_to_the_photo (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = account_admit (budget, 500, NULL), *branch;

  branch = account_admit (budget, 300, photo);
  gst_pet_budget_draw (budget, branch, 450);
  g_assert_cmpuint (account_in_use (budget), ==, 650);
  gst_pet_ticket_unref (branch);
  gst_pet_budget_give_back (budget, branch, 450);
  g_assert_cmpuint (gst_pet_ticket_get_promised (photo), ==, 500);
  g_assert_cmpuint (account_in_use (budget), ==, 500);
  gst_pet_ticket_unref (photo);
  account_free (budget);
}

static void
side_by_side_where_there_is_room (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = account_admit (budget, 400, NULL);
  GstPetTicket *first = account_admit (budget, 400, photo);
  GstPetTicket *second = account_admit (budget, 400, photo);

  g_assert_cmpuint (account_in_use (budget), ==, 800);
  gst_pet_ticket_unref (second);
  g_assert_cmpuint (account_in_use (budget), ==, 400);
  gst_pet_ticket_unref (first);
  gst_pet_ticket_unref (photo);
  account_free (budget);
}

typedef struct {
  GstPetBudget *budget;
  GstPetTicket *from;
  guint64 bytes;
  gint canceled;
  GstPetAdmit admit;
  GstPetTicket *ticket;
  GstClockTime waited;
  gint late; /* atomic */
  gboolean clip;
  gint held; /* atomic */
  gint done; /* atomic */
} Visitor;

static gboolean
visitor_held (gpointer user)
{
  return g_atomic_int_get (&((Visitor *) user)->held);
}

static void
visitor_late (gpointer user)
{
  g_atomic_int_inc (&((Visitor *) user)->late);
}

static gpointer
visit (gpointer data)
{
  Visitor *visitor = data;
  const GstPetDemand demand = {
    .bytes = visitor->bytes,
    .from = visitor->from,
    .clip = visitor->clip,
    .canceled = &visitor->canceled,
    .held = visitor_held,
    .late = visitor_late,
    .late_ns = GST_MSECOND,
    .user = visitor,
  };

  visitor->admit = gst_pet_budget_admit (
      visitor->budget, &demand, &visitor->ticket, &visitor->waited);
  g_atomic_int_set (&visitor->done, TRUE);
  return NULL;
}

static void
first_come_first_served (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *out = account_admit (budget, 400, NULL);
  Visitor large = { .budget = budget, .bytes = 900 };
  Visitor small = { .budget = budget, .bytes = 100 };
  GThread *a, *b;

  a = g_thread_new ("large", visit, &large);
  account_await_waiting (budget, 1);
  /* It would fit, but nobody passes the large one. */
  b = g_thread_new ("small", visit, &small);
  account_await_waiting (budget, 2);
  g_assert_null (gst_pet_budget_try (budget, 1));
  gst_pet_ticket_unref (out);
  g_thread_join (a);
  g_thread_join (b);
  g_assert_cmpint (large.admit, ==, GST_PET_ADMIT_PASS);
  g_assert_cmpint (small.admit, ==, GST_PET_ADMIT_PASS);
  g_assert_cmpuint (large.waited, >, 0);
  g_assert_cmpint (large.late, ==, 1);
  g_assert_cmpuint (account_state (budget).peak, ==, 1000);
  gst_pet_ticket_unref (large.ticket);
  gst_pet_ticket_unref (small.ticket);
  account_free (budget);
}

static void
the_photo_waits_for_its_own_branches (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = account_admit (budget, 700, NULL);
  GstPetTicket *first = account_admit (budget, 600, photo);
  Visitor second = { .budget = budget, .from = photo, .bytes = 600 };
  Visitor other = { .budget = budget, .bytes = 900 };
  GThread *a, *b;

  a = g_thread_new ("branch", visit, &second);
  account_await_waiting (budget, 1);
  b = g_thread_new ("photo", visit, &other);
  account_await_waiting (budget, 2);
  /* What the first returns serves the second, whoever else waits. */
  gst_pet_ticket_unref (first);
  g_thread_join (a);
  g_assert_cmpint (second.admit, ==, GST_PET_ADMIT_PASS);
  g_assert_false (g_atomic_int_get (&other.done));
  gst_pet_ticket_unref (second.ticket);
  gst_pet_ticket_unref (photo);
  g_thread_join (b);
  g_assert_cmpuint (account_state (budget).peak, <=, 1000);
  gst_pet_ticket_unref (other.ticket);
  account_free (budget);
}

static void
alone_it_passes_above_the_limit (void)
{
  GstPetBudget *budget = account_new (100);
  GstPetDemand demand = { .bytes = 5000 };
  GstPetTicket *ticket, *branch;

  g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &ticket, NULL), ==,
      GST_PET_ADMIT_OVER);
  g_assert_cmpuint (account_in_use (budget), ==, 5000);
  /* A branch that needs more than its photo was promised, likewise. */
  demand.from = ticket;
  demand.bytes = 6000;
  g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &branch, NULL), ==,
      GST_PET_ADMIT_OVER);
  g_assert_cmpuint (account_in_use (budget), ==, 6000);
  gst_pet_ticket_unref (branch);
  g_assert_cmpuint (account_in_use (budget), ==, 5000);
  gst_pet_ticket_unref (ticket);

  demand = (GstPetDemand){ .bytes = 5000, .clip = TRUE };
  g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &ticket, NULL), ==,
      GST_PET_ADMIT_OVER);
  g_assert_cmpuint (account_in_use (budget), ==, 100);
  gst_pet_ticket_unref (ticket);
  account_free (budget);
}

static void
a_wait_can_be_interrupted (void)
{
  GstPetBudget *budget = account_new (100);
  GstPetTicket *out = account_admit (budget, 100, NULL);
  Visitor visitor = { .budget = budget, .bytes = 50 };
  GThread *thread = g_thread_new ("visit", visit, &visitor);

  account_await_waiting (budget, 1);
  g_atomic_int_set (&visitor.canceled, TRUE);
  gst_pet_budget_wake (budget);
  g_thread_join (thread);
  g_assert_cmpint (visitor.admit, ==, GST_PET_ADMIT_CANCELED);
  g_assert_null (visitor.ticket);
  gst_pet_ticket_unref (out);
  account_free (budget);
}

static void
pressure_from_outside_holds_only_while_others_are_in_flight (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *out = account_admit (budget, 100, NULL);
  Visitor visitor = { .budget = budget, .bytes = 50, .held = TRUE };
  GThread *thread = g_thread_new ("visit", visit, &visitor);

  account_await_waiting (budget, 1);
  gst_pet_ticket_unref (out);
  g_thread_join (thread);
  g_assert_cmpint (visitor.admit, ==, GST_PET_ADMIT_PASS);
  gst_pet_ticket_unref (visitor.ticket);

  out = account_admit (budget, 100, NULL);
  visitor = (Visitor){ .budget = budget, .bytes = 50, .held = TRUE };
  thread = g_thread_new ("visit", visit, &visitor);
  account_await_waiting (budget, 1);
  g_atomic_int_set (&visitor.held, FALSE);
  g_thread_join (thread);
  g_assert_cmpint (visitor.admit, ==, GST_PET_ADMIT_PASS);
  gst_pet_ticket_unref (visitor.ticket);
  gst_pet_ticket_unref (out);
  account_free (budget);
}

static void
the_limit_can_change_while_somebody_waits (void)
{
  GstPetBudget *budget = account_new (100);
  GstPetTicket *out = account_admit (budget, 100, NULL);
  Visitor visitor = { .budget = budget, .bytes = 50 };
  GThread *thread = g_thread_new ("visit", visit, &visitor);

  account_await_waiting (budget, 1);
  gst_pet_budget_set_limit (budget, 150);
  g_thread_join (thread);
  gst_pet_budget_set_limit (budget, 10);
  g_assert_cmpfloat (account_state (budget).pressure, ==, 15);
  gst_pet_ticket_unref (visitor.ticket);
  gst_pet_ticket_unref (out);
  account_free (budget);
}

static void
an_offered_limit_is_for_want_of_another (void)
{
  GstPetBudget *budget = account_new (100);

  gst_pet_budget_offer_limit (budget, 500);
  g_assert_cmpuint (account_state (budget).limit, ==, 100);
  gst_pet_budget_set_limit (budget, 0);
  g_assert_cmpuint (account_state (budget).limit, ==, 500);
  gst_pet_budget_offer_limit (budget, 600);
  g_assert_cmpuint (account_state (budget).limit, ==, 600);
  gst_pet_budget_set_limit (budget, 200);
  gst_pet_budget_offer_limit (budget, 700);
  g_assert_cmpuint (account_state (budget).limit, ==, 200);
  account_free (budget);
}

static void
absurd_numbers_do_no_harm (void)
{
  static const guint64 limits[] = { 0, 1, 4096, G_MAXINT64, G_MAXUINT64,
    (guint64) -1000 };
  static const guint64 sizes[] = { 0, 1, G_MAXINT64, G_MAXUINT64 };

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++) {
    GstPetBudget *budget = account_new (limits[i]);

    g_assert_cmpuint (account_state (budget).limit, >, 0);
    for (guint j = 0; j < G_N_ELEMENTS (sizes); j++) {
      GstPetDemand demand = { .bytes = sizes[j] };
      GstPetTicket *ticket, *branch;

      gst_pet_budget_admit (budget, &demand, &ticket, NULL);
      demand = (GstPetDemand){ .bytes = G_MAXUINT64, .from = ticket };
      gst_pet_budget_admit (budget, &demand, &branch, NULL);
      gst_pet_ticket_unref (branch);
      gst_pet_ticket_unref (ticket);
    }
    account_free (budget);
  }
  g_assert_null (gst_pet_block_new (NULL, NULL, G_MAXSIZE - 10, FALSE));
}

/* Many photos of many branches on one account, as fast as they can: it never
 * passes the limit, never stands still, and ends at zero. */
#define LIMIT 10000

static gpointer
branch_of_photo (gpointer data)
{
  GstPetTicket *ticket = data;
  GstPetBudget *budget = gst_pet_ticket_get_budget (ticket);
  guint64 bytes = gst_pet_ticket_get_promised (ticket) / 2;

  gst_pet_budget_draw (budget, ticket, bytes);
  gst_pet_budget_draw (budget, ticket, bytes);
  gst_pet_budget_give_back (budget, ticket, bytes);
  if (bytes % 2 == 0)
    g_thread_yield ();
  gst_pet_ticket_unref (ticket);
  gst_pet_budget_give_back (budget, ticket, bytes);
  return NULL;
}

static gpointer
many_photos (gpointer data)
{
  GstPetBudget *budget = data;
  GRand *rand = g_rand_new_with_seed (GPOINTER_TO_UINT (g_thread_self ()));

  for (guint i = 0; i < 400; i++) {
    guint64 frame = (guint64) g_rand_int_range (rand, 1, LIMIT / 2);
    guint64 branch = (guint64) g_rand_int_range (rand, 1, LIMIT / 2);
    GstPetTicket *photo = account_admit (budget, frame + branch, NULL);
    GThread *threads[3];

    gst_pet_budget_draw (budget, photo, frame);
    for (guint b = 0; b < 3; b++)
      threads[b] = g_thread_new (
          "branch", branch_of_photo, account_admit (budget, branch, photo));
    gst_pet_ticket_unref (photo);
    for (guint b = 0; b < 3; b++)
      g_thread_join (threads[b]);
    gst_pet_budget_give_back (budget, photo, frame);
  }
  g_rand_free (rand);
  return NULL;
}

static gpointer
change_limit (gpointer data)
{
  GstPetBudget *budget = data;

  for (guint i = 0; i < 200; i++) {
    gst_pet_budget_set_limit (budget, i % 2 ? LIMIT : LIMIT - 500);
    account_state (budget);
    gst_pet_budget_wake (budget);
    g_usleep (200);
  }
  gst_pet_budget_set_limit (budget, LIMIT);
  return NULL;
}

static void
exact_under_threads (void)
{
  GstPetBudget *budget = account_new (LIMIT);
  GThread *threads[4];

  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("photos", many_photos, budget);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (account_state (budget).peak, <=, LIMIT);
  g_assert_cmpuint (account_state (budget).overdrawn, ==, 0);
  account_free (budget);
}

/* Takes what it can get, and gives it all back. */
static gpointer
many_draws (gpointer data)
{
  guint got = 0;

  for (guint i = 0; i < 4000; i++) {
    guint64 bytes = LIMIT / 3 + i % 7;

    if (!gst_pet_budget_try_draw (data, bytes))
      continue;
    got++;
    if (i % 16 == 0)
      g_thread_yield ();
    gst_pet_budget_give_back (data, NULL, bytes);
  }
  return GUINT_TO_POINTER (got);
}

/* Four threads want a third each: two at a time may have it. */
static void
nobody_draws_above_the_limit (void)
{
  GstPetBudget *budget = account_new (LIMIT);
  GThread *threads[4];
  guint got = 0;

  g_assert_false (gst_pet_budget_try_draw (budget, LIMIT + 1));
  g_assert_false (gst_pet_budget_try_draw (budget, G_MAXUINT64));
  g_assert_true (gst_pet_budget_try_draw (budget, LIMIT));
  g_assert_false (gst_pet_budget_try_draw (budget, 1));
  gst_pet_budget_give_back (budget, NULL, LIMIT);
  gst_pet_budget_reset_peaks (budget);
  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("draws", many_draws, budget);
  for (guint i = 0; i < 4; i++)
    got += GPOINTER_TO_UINT (g_thread_join (threads[i]));
  g_assert_cmpuint (got, >, 0);
  g_assert_cmpuint (account_state (budget).peak, <=, LIMIT);
  account_free (budget);
}

static void
exact_while_the_limit_changes (void)
{
  /* Above the lower limit, photos that are alone pass all the same. */
  GstPetBudget *budget = account_new (LIMIT);
  GThread *limit = g_thread_new ("limit", change_limit, budget);

  for (guint i = 0; i < 500; i++) {
    const GstPetDemand demand = { .bytes = i * 20 };
    GstPetTicket *ticket;

    gst_pet_budget_admit (budget, &demand, &ticket, NULL);
    gst_pet_ticket_unref (ticket);
  }
  g_thread_join (limit);
  account_free (budget);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func ("/budget/" name, function)
  ADD ("a-draw-is-not-charged-twice", a_draw_is_not_charged_twice);
  ADD ("memory-that-outlives-its-ticket-stays-charged",
      memory_that_outlives_its_ticket_stays_charged);
  ADD ("a-branch-is-split-off-its-photo", a_branch_is_split_off_its_photo);
  ADD ("a-branch-that-outlives-its-photo-returns-to-the-account",
      a_branch_that_outlives_its_photo_returns_to_the_account);
  ADD ("a-settled-photo-has-nothing-to-split",
      a_settled_photo_has_nothing_to_split);
  ADD (
      "a-settled-branch-settles-its-photo", a_settled_branch_settles_its_photo);
  ADD ("overdraft-is-not-returned-to-the-photo",
      overdraft_is_not_returned_to_the_photo);
  ADD ("side-by-side-where-there-is-room", side_by_side_where_there_is_room);
  ADD ("first-come-first-served", first_come_first_served);
  ADD ("the-photo-waits-for-its-own-branches",
      the_photo_waits_for_its_own_branches);
  ADD ("alone-it-passes-above-the-limit", alone_it_passes_above_the_limit);
  ADD ("a-wait-can-be-interrupted", a_wait_can_be_interrupted);
  ADD ("pressure-from-outside-holds-only-while-others-are-in-flight",
      pressure_from_outside_holds_only_while_others_are_in_flight);
  ADD ("the-limit-can-change-while-somebody-waits",
      the_limit_can_change_while_somebody_waits);
  ADD ("an-offered-limit-is-for-want-of-another",
      an_offered_limit_is_for_want_of_another);
  ADD ("absurd-numbers-do-no-harm", absurd_numbers_do_no_harm);
  ADD ("exact-under-threads", exact_under_threads);
  ADD ("nobody-draws-above-the-limit", nobody_draws_above_the_limit);
  ADD ("exact-while-the-limit-changes", exact_while_the_limit_changes);
#undef ADD
  return g_test_run ();
}
