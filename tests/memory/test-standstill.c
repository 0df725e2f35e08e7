/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nothing moves, because somebody keeps what others wait for: a limit can slow
 * work down, never stop it. */

#include "account.h"

#define STALL (100 * GST_MSECOND)
/* Others are busy for so long; a standstill is seen in less. */
#define BUSY (5 * GST_SECOND)

static void
expect_standstill (GstPetBudget *budget, const GstPetDemand *demand)
{
  GstClockTime waited;
  GstPetTicket *ticket;

  g_assert_cmpint (gst_pet_budget_admit (budget, demand, &ticket, &waited), ==,
      GST_PET_ADMIT_STALLED);
  g_assert_cmpuint (waited, >=, STALL);
  g_assert_cmpuint (waited, <, BUSY - GST_SECOND);
  gst_pet_ticket_unref (ticket);
}

static void
it_ends (void)
{
  GstPetBudget *budget = account_new (100);
  GstPetTicket *kept = account_admit (budget, 100, NULL), *ticket;
  const GstPetDemand demand = { .bytes = 50 };

  gst_pet_budget_set_stall_timeout (budget, 30 * GST_MSECOND);
  g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &ticket, NULL), ==,
      GST_PET_ADMIT_STALLED);
  g_assert_cmpuint (account_in_use (budget), ==, 150);
  gst_pet_ticket_unref (ticket);
  gst_pet_ticket_unref (kept);
  account_free (budget);
}

typedef struct {
  GstPetBudget *budget;
  GstPetTicket *ticket; /* what draws; NULL: loose memory */
  gint done;            /* atomic */
} Others;

/* Another pipeline on the account. */
static gpointer
be_busy (gpointer data)
{
  Others *others = data;
  gint64 end = g_get_monotonic_time () + (gint64) (BUSY / 1000);

  while (!g_atomic_int_get (&others->done) && g_get_monotonic_time () < end) {
    gst_pet_budget_draw (others->budget, others->ticket, 1);
    g_usleep (1000);
    gst_pet_budget_give_back (others->budget, others->ticket, 1);
  }
  return NULL;
}

static void
expect_while_busy (
    GstPetBudget *budget, const GstPetDemand *demand, GstPetTicket *ticket)
{
  Others others = { budget, ticket, FALSE };
  GThread *thread = g_thread_new ("others", be_busy, &others);

  expect_standstill (budget, demand);
  g_atomic_int_set (&others.done, TRUE);
  g_thread_join (thread);
}

static void
loose_memory_does_not_prolong_it (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *kept = account_admit (budget, 1000, NULL);
  const GstPetDemand demand = { .bytes = 50 };

  gst_pet_budget_set_stall_timeout (budget, STALL);
  expect_while_busy (budget, &demand, NULL);
  expect_while_busy (budget, &demand, GST_PET_TICKET_FIXED);
  gst_pet_ticket_unref (kept);
  account_free (budget);
}

/* A branch waits for those of its own photo. */
static void
other_photos_do_not_prolong_that_of_a_branch (void)
{
  GstPetBudget *budget = account_new (1000);
  GstPetTicket *photo = account_admit (budget, 600, NULL);
  GstPetTicket *kept = account_admit (budget, 500, photo);
  GstPetTicket *other = account_admit (budget, 400, NULL);
  const GstPetDemand demand = { .bytes = 500, .from = photo };

  gst_pet_budget_set_stall_timeout (budget, STALL);
  expect_while_busy (budget, &demand, other);
  gst_pet_ticket_unref (other);
  gst_pet_ticket_unref (kept);
  gst_pet_ticket_unref (photo);
  account_free (budget);
}

static gpointer
wait_at_the_door (gpointer data)
{
  const GstPetDemand demand = { .bytes = 50 };
  GstPetTicket *ticket;

  g_assert_cmpint (gst_pet_budget_admit (data, &demand, &ticket, NULL), ==,
      GST_PET_ADMIT_PASS);
  gst_pet_ticket_unref (ticket);
  return NULL;
}

/* What passed for a standstill does not wait for another, whoever waits. */
static void
one_is_enough_for_a_photo (void)
{
  GstPetBudget *budget = account_new (100);
  GstPetTicket *kept = account_admit (budget, 100, NULL), *ticket;
  const GstPetDemand demand = { .bytes = 50, .clip = TRUE, .stalled = TRUE };
  GThread *other = g_thread_new ("door", wait_at_the_door, budget);
  GstClockTime waited;

  account_await_waiting (budget, 1);
  g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &ticket, &waited), ==,
      GST_PET_ADMIT_STALLED);
  g_assert_cmpuint (waited, ==, 0);
  gst_pet_ticket_unref (ticket);
  gst_pet_ticket_unref (kept);
  g_thread_join (other);
  account_free (budget);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func ("/standstill/" name, function)
  ADD ("it-ends", it_ends);
  ADD ("loose-memory-does-not-prolong-it", loose_memory_does_not_prolong_it);
  ADD ("other-photos-do-not-prolong-that-of-a-branch",
      other_photos_do_not_prolong_that_of_a_branch);
  ADD ("one-is-enough-for-a-photo", one_is_enough_for_a_photo);
#undef ADD
  return g_test_run ();
}
