/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The arithmetic of tickets. Every change of one goes through begin_change()
 * and end_change(), which keep the account the sum of what is charged. */

#include "memory/gstpetbudget-private.h"

static guint64
add_saturated (guint64 a, guint64 b)
{
  return b > G_MAXUINT64 - a ? G_MAXUINT64 : a + b;
}

static guint64
charge_of (const GstPetTicket *ticket)
{
  return ticket->ended ? ticket->drawn : MAX (ticket->base, ticket->drawn);
}

static void
begin_change (GstPetTicket *ticket)
{
  ticket->budget->in_use -= charge_of (ticket);
}

static void
end_change (GstPetTicket *ticket)
{
  GstPetBudget *budget = ticket->budget;

  budget->in_use = add_saturated (budget->in_use, charge_of (ticket));
}

static void
note_peak (GstPetBudget *budget)
{
  budget->peak = MAX (budget->peak, budget->in_use);
  budget->allocated_peak = MAX (budget->allocated_peak, budget->allocated);
}

/* Something moved, for the account and for the ticket's photo. Loose memory
 * says nothing about those whom one may wait for. */
static void
moved_locked (GstPetTicket *ticket)
{
  ticket->budget->moved_us = g_get_monotonic_time ();
  for (GstPetTicket *of = ticket; of != NULL; of = of->parent)
    of->moved_us = ticket->budget->moved_us;
  gst_pet_budget_changed_locked (ticket->budget);
}

/* Nobody needs to wait for it any more. */
static void
land_locked (GstPetTicket *ticket)
{
  ticket->budget->in_flight--;
  if (ticket->parent != NULL)
    ticket->parent->n_children--;
}

static void
unref_locked (GstPetTicket *ticket)
{
  while (ticket != NULL && --ticket->refs == 0) {
    GstPetTicket *parent = ticket->parent;

    if (!ticket->settled)
      land_locked (ticket);
    g_free (ticket);
    ticket = parent;
  }
}

/* Bytes that a ticket no longer holds go back to whom it has them from. */
static void
return_owed (GstPetTicket *ticket, guint64 bytes)
{
  GstPetTicket *to = ticket->parent;

  bytes = MIN (bytes, ticket->owed);
  ticket->owed -= bytes;
  while (to != NULL && to->ended) {
    bytes = MIN (bytes, to->owed);
    to->owed -= bytes;
    to = to->parent;
  }
  if (to == NULL || bytes == 0)
    return;
  begin_change (to);
  to->base += bytes;
  end_change (to);
}

guint64
gst_pet_ticket_rest_locked (const GstPetTicket *ticket)
{
  return !ticket->ended && ticket->base > ticket->drawn
      ? ticket->base - ticket->drawn
      : 0;
}

GstPetTicket *
gst_pet_ticket_new_locked (
    GstPetBudget *self, guint64 bytes, GstPetTicket *parent, guint64 owed)
{
  GstPetTicket *ticket = g_new0 (GstPetTicket, 1);

  ticket->holders = 1;
  ticket->refs = 1;
  ticket->budget = self;
  ticket->serial = ++self->n_serials;
  if (parent != NULL) {
    ticket->parent = parent;
    parent->refs++;
    parent->n_children++;
    begin_change (parent);
    parent->base -= owed;
    end_change (parent);
  }
  ticket->owed = owed;
  ticket->base = MIN (bytes, G_MAXUINT64 - self->in_use);
  end_change (ticket);
  self->tickets++;
  self->in_flight++;
  gst_object_ref (self);
  note_peak (self);
  moved_locked (ticket);
  return ticket;
}

static void
end_locked (GstPetTicket *ticket)
{
  guint64 rest = gst_pet_ticket_rest_locked (ticket);

  begin_change (ticket);
  ticket->ended = TRUE;
  end_change (ticket);
  return_owed (ticket, rest);
  ticket->budget->tickets--;
}

GstPetTicket *
gst_pet_ticket_ref (GstPetTicket *ticket)
{
  g_atomic_int_inc (&ticket->holders);
  return ticket;
}

void
gst_pet_ticket_unref (GstPetTicket *ticket)
{
  GstPetBudget *budget = ticket->budget;
  GQueue stale = G_QUEUE_INIT;

  if (!g_atomic_int_dec_and_test (&ticket->holders))
    return;
  g_mutex_lock (&budget->lock);
  gst_pet_branches_release_locked (budget, ticket->serial, &stale);
  if (!ticket->ended)
    end_locked (ticket);
  moved_locked (ticket);
  unref_locked (ticket);
  g_mutex_unlock (&budget->lock);
  gst_pet_branches_give_back (&stale);
  gst_object_unref (budget);
}

static void
settle_locked (GstPetTicket *ticket, GQueue *stale)
{
  gst_pet_branches_release_locked (ticket->budget, ticket->serial, stale);
  if (!ticket->ended)
    end_locked (ticket);
  ticket->settled = TRUE;
  land_locked (ticket);
}

/* With it go those it was split off, where nothing else of theirs is on its way:
 * what they still hold is what is kept. */
void
gst_pet_ticket_settle (GstPetTicket *ticket)
{
  GstPetBudget *budget = ticket->budget;
  GQueue stale = G_QUEUE_INIT;

  g_mutex_lock (&budget->lock);
  for (GstPetTicket *of = ticket;
       of != NULL && (of == ticket || (of->ended && of->n_children == 0));
       of = of->parent)
    if (!of->settled) {
      settle_locked (of, &stale);
      moved_locked (of);
    }
  g_mutex_unlock (&budget->lock);
  gst_pet_branches_give_back (&stale);
}

GstPetBudget *
gst_pet_ticket_get_budget (const GstPetTicket *ticket)
{
  return ticket->budget;
}

guint64
gst_pet_ticket_get_promised (GstPetTicket *ticket)
{
  guint64 bytes;

  g_mutex_lock (&ticket->budget->lock);
  bytes = ticket->base;
  g_mutex_unlock (&ticket->budget->lock);
  return bytes;
}

guint64
gst_pet_ticket_get_drawn (GstPetTicket *ticket)
{
  guint64 bytes;

  g_mutex_lock (&ticket->budget->lock);
  bytes = ticket->drawn;
  g_mutex_unlock (&ticket->budget->lock);
  return bytes;
}

static void
draw_locked (GstPetBudget *self, GstPetTicket *ticket, guint64 bytes)
{
  guint64 rest = gst_pet_ticket_rest_locked (ticket);

  self->overdrawn += bytes > rest ? bytes - rest : 0;
  begin_change (ticket);
  ticket->drawn += bytes;
  ticket->refs++;
  end_change (ticket);
  moved_locked (ticket);
}

static void
undraw_locked (GstPetTicket *ticket, guint64 bytes)
{
  begin_change (ticket);
  ticket->drawn -= bytes;
  end_change (ticket);
  if (ticket->ended)
    return_owed (ticket, bytes);
  moved_locked (ticket);
  unref_locked (ticket);
}

void
gst_pet_budget_draw (GstPetBudget *self, GstPetTicket *ticket, guint64 bytes)
{
  gst_object_ref (self);
  g_mutex_lock (&self->lock);
  if (ticket == GST_PET_TICKET_FIXED) {
    self->fixed += bytes;
  } else {
    if (ticket != NULL)
      draw_locked (self, ticket, bytes);
    else
      self->in_use = add_saturated (self->in_use, bytes);
    self->allocated += bytes;
    note_peak (self);
  }
  g_mutex_unlock (&self->lock);
}

gboolean
gst_pet_budget_try_draw (GstPetBudget *self, guint64 bytes)
{
  gboolean fits;

  g_mutex_lock (&self->lock);
  fits = bytes <= gst_pet_budget_room_locked (self, 1);
  if (fits) {
    gst_object_ref (self);
    self->in_use += bytes;
    self->allocated += bytes;
    note_peak (self);
  }
  g_mutex_unlock (&self->lock);
  return fits;
}

void
gst_pet_budget_give_back (
    GstPetBudget *self, GstPetTicket *ticket, guint64 bytes)
{
  g_mutex_lock (&self->lock);
  if (ticket == GST_PET_TICKET_FIXED) {
    self->fixed -= bytes;
  } else {
    if (ticket != NULL)
      undraw_locked (ticket, bytes);
    else
      self->in_use -= bytes;
    self->allocated -= bytes;
  }
  gst_pet_budget_changed_locked (self);
  g_mutex_unlock (&self->lock);
  gst_object_unref (self);
}
