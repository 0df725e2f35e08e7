/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "memory/gstpetbudget.h"

#include "memory/gstpetfree.h"

struct _GstPetBudget {
  GstObject parent;

  GMutex lock;
  GCond released;
  guint64 limit;
  guint64 in_use;
  guint64 peak;
  guint tickets;
};

struct _GstPetTicket {
  gint refs;
  guint64 bytes;
  GstPetBudget *budget;
};

G_DEFINE_TYPE (GstPetBudget, gst_pet_budget, GST_TYPE_OBJECT)

static GMutex registry_lock;
static GHashTable *registry; /* name -> GWeakRef of GstPetBudget */

static void
gst_pet_budget_init (GstPetBudget *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->released);
  self->limit = gst_pet_free_memory () / 2;
}

static void
gst_pet_budget_finalize (GObject *object)
{
  GstPetBudget *self = GST_PET_BUDGET (object);

  g_mutex_clear (&self->lock);
  g_cond_clear (&self->released);
  G_OBJECT_CLASS (gst_pet_budget_parent_class)->finalize (object);
}

static void
gst_pet_budget_class_init (GstPetBudgetClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gst_pet_budget_finalize;
}

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

GstPetBudget *
gst_pet_budget_get (const gchar *name)
{
  GWeakRef *weak;
  GstPetBudget *budget = NULL;

  g_mutex_lock (&registry_lock);
  if (registry == NULL)
    registry =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, weak_ref_free);
  weak = g_hash_table_lookup (registry, name);
  if (weak != NULL)
    budget = g_weak_ref_get (weak);
  if (budget == NULL) {
    budget = g_object_new (GST_TYPE_PET_BUDGET, "name", name, NULL);
    gst_object_ref_sink (budget);
    weak = g_new0 (GWeakRef, 1);
    g_weak_ref_init (weak, budget);
    g_hash_table_replace (registry, g_strdup (name), weak);
  }
  g_mutex_unlock (&registry_lock);
  return budget;
}

void
gst_pet_budget_set_limit (GstPetBudget *self, guint64 limit)
{
  if (limit == 0)
    limit = gst_pet_free_memory () / 2;

  g_mutex_lock (&self->lock);
  self->limit = MAX (limit, 1);
  g_cond_broadcast (&self->released);
  g_mutex_unlock (&self->lock);
}

void
gst_pet_budget_get_state (GstPetBudget *self, GstPetBudgetState *state)
{
  g_mutex_lock (&self->lock);
  state->limit = self->limit;
  state->in_use = self->in_use;
  state->peak = self->peak;
  state->tickets = self->tickets;
  state->pressure = (gdouble) self->in_use / (gdouble) self->limit;
  g_mutex_unlock (&self->lock);
}

static gboolean
fits_locked (const GstPetBudget *self, guint64 bytes, gdouble ceiling)
{
  guint64 limit =
      ceiling >= 1 ? self->limit : (guint64) (ceiling * (gdouble) self->limit);

  return self->in_use <= limit && bytes <= limit - self->in_use;
}

static GstPetTicket *
take_locked (GstPetBudget *self, guint64 bytes)
{
  GstPetTicket *ticket = g_new0 (GstPetTicket, 1);

  ticket->refs = 1;
  ticket->bytes = MIN (bytes, G_MAXUINT64 - self->in_use);
  ticket->budget = gst_object_ref (self);
  self->in_use += ticket->bytes;
  self->peak = MAX (self->peak, self->in_use);
  self->tickets++;
  return ticket;
}

GstPetAdmit
gst_pet_budget_try (
    GstPetBudget *self, guint64 bytes, gdouble ceiling, GstPetTicket **ticket)
{
  GstPetAdmit result = GST_PET_ADMIT_FULL;

  g_mutex_lock (&self->lock);
  if (fits_locked (self, bytes, ceiling)) {
    *ticket = take_locked (self, bytes);
    result = GST_PET_ADMIT_PASS;
  }
  g_mutex_unlock (&self->lock);
  return result;
}

GstPetTicket *
gst_pet_budget_try_optional (GstPetBudget *self, guint64 bytes, gdouble low,
    gdouble high, guint priority, gboolean *shedding, const gchar **reason)
{
  GstPetTicket *ticket = NULL;
  gdouble stop;

  low = MIN (low, high);
  stop = low + (high - low) * priority / 100;

  g_mutex_lock (&self->lock);
  if (*shedding && !fits_locked (self, 0, low)) {
    *reason = "the pressure has not fallen to the low watermark";
  } else if (!fits_locked (self, bytes, stop)) {
    *reason = "its memory does not fit below the watermark";
    *shedding = TRUE;
  } else {
    *shedding = FALSE;
    ticket = take_locked (self, bytes);
  }
  g_mutex_unlock (&self->lock);
  return ticket;
}

GstPetAdmit
gst_pet_budget_wait (GstPetBudget *self, guint64 bytes, GstClockTime timeout_ns,
    const gint *canceled, GstPetTicket **ticket)
{
  gint64 deadline = G_MAXINT64;
  GstPetAdmit result;

  if (GST_CLOCK_TIME_IS_VALID (timeout_ns))
    deadline = g_get_monotonic_time () + (gint64) (timeout_ns / 1000);

  g_mutex_lock (&self->lock);
  for (;;) {
    if (g_atomic_int_get (canceled)) {
      result = GST_PET_ADMIT_CANCELED;
      break;
    }
    if (fits_locked (self, bytes, 1)) {
      *ticket = take_locked (self, bytes);
      result = GST_PET_ADMIT_PASS;
      break;
    }
    if (self->tickets == 0) {
      *ticket = take_locked (self, bytes);
      result = GST_PET_ADMIT_OVER;
      break;
    }
    if (deadline == G_MAXINT64) {
      g_cond_wait (&self->released, &self->lock);
    } else if (!g_cond_wait_until (&self->released, &self->lock, deadline)) {
      result = GST_PET_ADMIT_TIMEOUT;
      break;
    }
  }
  g_mutex_unlock (&self->lock);
  return result;
}

void
gst_pet_budget_wake (GstPetBudget *self)
{
  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->released);
  g_mutex_unlock (&self->lock);
}

GstPetTicket *
gst_pet_ticket_ref (GstPetTicket *ticket)
{
  g_atomic_int_inc (&ticket->refs);
  return ticket;
}

void
gst_pet_ticket_unref (GstPetTicket *ticket)
{
  GstPetBudget *budget = ticket->budget;

  if (!g_atomic_int_dec_and_test (&ticket->refs))
    return;

  g_mutex_lock (&budget->lock);
  budget->in_use -= ticket->bytes;
  budget->tickets--;
  g_cond_broadcast (&budget->released);
  g_mutex_unlock (&budget->lock);
  gst_object_unref (budget);
  g_free (ticket);
}

guint64
gst_pet_ticket_get_bytes (const GstPetTicket *ticket)
{
  return ticket->bytes;
}
