/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is let in, and in which order. A picture without a ticket waits for the
 * account and holds none of it; one with a ticket waits only for its own
 * branches, which need nothing more to end. So no circle of waiting exists. */

#include "memory/gstpetbudget-private.h"

#define POLL_US (100 * 1000)
#define FIRST_LOOK_US 1000

/* As long as sinks let nothing through nothing may move for. */
#define CLOSED_STALL_US (1000 * 1000)

typedef struct {
  GstPetBudget *budget;
  const GstPetDemand *demand;
  gboolean queued; /* among budget->waiters */
  gboolean split;  /* among budget->n_splitters */
  gint64 begin_us;
  gboolean was_late;
  gboolean is_closed; /* sinks let nothing through */
  guint n_looks;
} Wait;

static gboolean
is_first (const Wait *wait)
{
  const GQueue *waiters = &wait->budget->waiters;

  return waiters->length == 0 || waiters->head->data == wait;
}

/* Others are in flight whose end this one can wait for. */
static gboolean
is_alone (const Wait *wait)
{
  const GstPetTicket *from = wait->demand->from;

  return from != NULL ? from->n_children == 0
                      : is_first (wait) && wait->budget->in_flight == 0;
}

/* When it is a standstill, if nothing moves until then: of the photo, where one
 * waits for its own branches, else of all. */
static gint64
stalled_us (const Wait *wait)
{
  const GstPetBudget *budget = wait->budget;
  const GstPetTicket *from = wait->demand->from;
  gint64 moved_us = from != NULL ? from->moved_us : budget->moved_us;
  gint64 stall_us = budget->stall_us;

  if (wait->is_closed && from != NULL)
    stall_us = MIN (stall_us, CLOSED_STALL_US);
  return MAX (moved_us, wait->begin_us) + stall_us;
}

static gboolean
is_stalled (const Wait *wait, gint64 now_us)
{
  const GstPetDemand *demand = wait->demand;

  return demand->stalled ||
      ((demand->from != NULL || is_first (wait)) &&
          now_us >= stalled_us (wait));
}

static GstPetTicket *
take_fitting (const Wait *wait)
{
  const GstPetDemand *demand = wait->demand;
  GstPetTicket *from = demand->from;

  if (from != NULL && gst_pet_ticket_rest_locked (from) >= demand->bytes)
    return gst_pet_ticket_new_locked (
        wait->budget, demand->bytes, from, demand->bytes);
  if (is_first (wait) &&
      gst_pet_budget_room_locked (wait->budget, 1) >= demand->bytes)
    return gst_pet_ticket_new_locked (wait->budget, demand->bytes, from, 0);
  return NULL;
}

/* Above the limit: what the photo still has, and the rest on top. */
static GstPetTicket *
take_anyway (const Wait *wait)
{
  const GstPetDemand *demand = wait->demand;
  guint64 own = 0, bytes = demand->bytes;

  if (demand->from != NULL)
    own = MIN (gst_pet_ticket_rest_locked (demand->from), bytes);
  if (demand->clip)
    bytes = MIN (bytes, own + gst_pet_budget_room_locked (wait->budget, 1));
  return gst_pet_ticket_new_locked (wait->budget, bytes, demand->from, own);
}

static GstPetTicket *
look (const Wait *wait, gboolean held, gint64 now_us, GstPetAdmit *result)
{
  GstPetTicket *ticket = NULL;
  gboolean alone = is_alone (wait);

  *result = GST_PET_ADMIT_PASS;
  if (!held || alone)
    ticket = take_fitting (wait);
  if (ticket != NULL)
    return ticket;
  *result = alone ? GST_PET_ADMIT_OVER : GST_PET_ADMIT_STALLED;
  if (alone || is_stalled (wait, now_us))
    ticket = take_anyway (wait);
  return ticket;
}

static void
join (Wait *wait)
{
  if (wait->demand->from == NULL && !wait->queued) {
    g_queue_push_tail (&wait->budget->waiters, wait);
    wait->queued = TRUE;
  } else if (wait->demand->from != NULL && !wait->split) {
    wait->budget->n_splitters++;
    wait->split = TRUE;
  }
}

static void
leave (Wait *wait)
{
  if (wait->queued) {
    g_queue_remove (&wait->budget->waiters, wait);
    gst_pet_budget_changed_locked (wait->budget);
  }
  wait->budget->n_splitters -= wait->split;
}

/* Until something changes, or there is a reason to look again. */
static void
sleep_locked (const Wait *wait)
{
  const GstPetDemand *demand = wait->demand;
  GstPetBudget *budget = wait->budget;
  gint64 now = g_get_monotonic_time ();
  gint64 late = wait->begin_us + (gint64) (demand->late_ns / 1000);
  gint64 until = MAX (stalled_us (wait), now + POLL_US);
  gint64 poll = wait->n_looks == 1 ? FIRST_LOOK_US : POLL_US;

  if (demand->late != NULL && !wait->was_late)
    until = MIN (until, late);
  if (demand->held != NULL || demand->settle != NULL)
    until = MIN (until, now + poll);
  budget->n_sleepers++;
  g_cond_wait_until (&budget->changed, &budget->lock, until);
  budget->n_sleepers--;
}

static void
tell_if_late (Wait *wait, gint64 now_us)
{
  const GstPetDemand *demand = wait->demand;

  if (demand->late == NULL || wait->was_late ||
      (guint64) (now_us - wait->begin_us) * 1000 < demand->late_ns)
    return;
  wait->was_late = TRUE;
  demand->late (demand->user);
}

GstPetAdmit
gst_pet_budget_admit (GstPetBudget *self, const GstPetDemand *demand,
    GstPetTicket **ticket, GstClockTime *waited_ns)
{
  Wait wait = {
    .budget = self, .demand = demand, .begin_us = g_get_monotonic_time ()
  };
  GstPetAdmit result = GST_PET_ADMIT_CANCELED;
  gint64 now = wait.begin_us;

  *ticket = NULL;
  for (;;) {
    gboolean held = demand->held != NULL && demand->held (demand->user);

    if (wait.n_looks++ > 0) {
      tell_if_late (&wait, now);
      wait.is_closed = demand->settle != NULL && demand->settle (demand->user);
    }
    g_mutex_lock (&self->lock);
    if (demand->canceled == NULL || !g_atomic_int_get (demand->canceled))
      *ticket = look (&wait, held, now, &result);
    else
      result = GST_PET_ADMIT_CANCELED;
    if (*ticket != NULL || result == GST_PET_ADMIT_CANCELED)
      break;
    join (&wait);
    sleep_locked (&wait);
    g_mutex_unlock (&self->lock);
    now = g_get_monotonic_time ();
  }
  leave (&wait);
  g_mutex_unlock (&self->lock);
  if (waited_ns != NULL)
    *waited_ns = wait.queued || wait.split
        ? (GstClockTime) (g_get_monotonic_time () - wait.begin_us) * 1000
        : 0;
  return result;
}

GstPetTicket *
gst_pet_budget_try (GstPetBudget *self, guint64 bytes)
{
  GstPetTicket *ticket = NULL;

  g_mutex_lock (&self->lock);
  if (self->waiters.length == 0 &&
      gst_pet_budget_room_locked (self, 1) >= bytes)
    ticket = gst_pet_ticket_new_locked (self, bytes, NULL, 0);
  g_mutex_unlock (&self->lock);
  return ticket;
}
