/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the tests of the account share. */

#pragma once

#include "memory/gstpetbudget.h"

/* An account of its own for each test. Transfer full. */
static inline GstPetBudget *
account_new (guint64 limit)
{
  static gint n;
  g_autofree gchar *name =
      g_strdup_printf ("account%d", g_atomic_int_add (&n, 1));
  GstPetBudget *budget = gst_pet_budget_get (name);

  gst_pet_budget_set_limit (budget, limit);
  return budget;
}

static inline GstPetBudgetState
account_state (GstPetBudget *budget)
{
  GstPetBudgetState state;

  gst_pet_budget_get_state (budget, &state);
  return state;
}

#define account_in_use(budget) (account_state (budget).in_use)

/* A ticket that is to be had at once. */
static inline GstPetTicket *
account_admit (GstPetBudget *budget, guint64 bytes, GstPetTicket *from)
{
  const GstPetDemand demand = { .bytes = bytes, .from = from };
  GstPetTicket *ticket;

  g_assert_cmpint (gst_pet_budget_admit (budget, &demand, &ticket, NULL), ==,
      GST_PET_ADMIT_PASS);
  return ticket;
}

/* Waits until `n` pictures wait. */
static inline void
account_await_waiting (GstPetBudget *budget, guint n)
{
  while (account_state (budget).waiting != n)
    g_usleep (1000);
}

/* Everything was given back. */
static inline void
account_free (GstPetBudget *budget)
{
  GstPetBudgetState state = account_state (budget);

  g_assert_cmpuint (state.in_use, ==, 0);
  g_assert_cmpuint (state.allocated, ==, 0);
  g_assert_cmpuint (state.fixed, ==, 0);
  g_assert_cmpuint (state.tickets, ==, 0);
  g_assert_cmpuint (state.waiting, ==, 0);
  g_assert_cmpint (GST_OBJECT_REFCOUNT_VALUE (budget), ==, 1);
  gst_object_unref (budget);
}
