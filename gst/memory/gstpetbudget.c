/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The account: names, limit, state. Tickets are in gstpetticket.c, waiting in
 * gstpetadmit.c, optional branches in gstpetbranch.c. */

#include "memory/gstpetbudget-private.h"
#include "memory/gstpetpool.h"
#include "memory/gstpetspares.h"
#include "memory/gstpetsystem.h"

#define STALL_US (30 * G_USEC_PER_SEC)

G_DEFINE_TYPE (GstPetBudget, gst_pet_budget, GST_TYPE_OBJECT)

static GMutex registry_lock;
static GHashTable *registry; /* name -> GWeakRef of GstPetBudget */

static void
gst_pet_budget_init (GstPetBudget *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->waiters);
  self->limit = gst_pet_system_free (NULL) / 2;
  self->stall_us = STALL_US;
  self->moved_us = g_get_monotonic_time ();
}

static void
gst_pet_budget_finalize (GObject *object)
{
  GstPetBudget *self = GST_PET_BUDGET (object);

  gst_pet_spares_drop (self);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
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

  if (name == NULL)
    name = GST_PET_BUDGET_DEFAULT;
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
  guint64 half = limit == 0 ? gst_pet_system_free (NULL) / 2 : 0;

  g_mutex_lock (&self->lock);
  self->is_set = limit != 0;
  if (limit == 0)
    limit = self->offered != 0 ? self->offered : half;
  self->limit = MAX (limit, 1);
  gst_pet_budget_changed_locked (self);
  g_mutex_unlock (&self->lock);
}

void
gst_pet_budget_offer_limit (GstPetBudget *self, guint64 limit)
{
  g_mutex_lock (&self->lock);
  self->offered = MAX (limit, 1);
  if (!self->is_set) {
    self->limit = self->offered;
    gst_pet_budget_changed_locked (self);
  }
  g_mutex_unlock (&self->lock);
}

void
gst_pet_budget_set_stall_timeout (GstPetBudget *self, GstClockTime timeout_ns)
{
  g_mutex_lock (&self->lock);
  self->stall_us = (gint64) (timeout_ns / 1000);
  gst_pet_budget_changed_locked (self);
  g_mutex_unlock (&self->lock);
}

gdouble
gst_pet_budget_fullness_locked (const GstPetBudget *self)
{
  gdouble fullness = 0;

  for (GList *pool = self->pools; pool != NULL; pool = pool->next) {
    gdouble fill = gst_pet_pool_get_fullness (pool->data);

    fullness = MAX (fullness, fill);
  }
  return fullness;
}

gdouble
gst_pet_budget_pressure_locked (const GstPetBudget *self)
{
  gdouble used = (gdouble) self->in_use / (gdouble) self->limit;
  gdouble fullness = gst_pet_budget_fullness_locked (self);

  return MAX (used, fullness);
}

void
gst_pet_budget_get_state (GstPetBudget *self, GstPetBudgetState *state)
{
  g_mutex_lock (&self->lock);
  *state = (GstPetBudgetState){
    .limit = self->limit,
    .in_use = self->in_use,
    .peak = self->peak,
    .allocated = self->allocated,
    .allocated_peak = self->allocated_peak,
    .overdrawn = self->overdrawn,
    .fixed = self->fixed,
    .tickets = self->tickets,
    .waiting = self->waiters.length + self->n_splitters,
    .fullness = gst_pet_budget_fullness_locked (self),
    .pressure = gst_pet_budget_pressure_locked (self),
  };
  g_mutex_unlock (&self->lock);
}

void
gst_pet_budget_reset_peaks (GstPetBudget *self)
{
  g_mutex_lock (&self->lock);
  self->peak = self->in_use;
  self->allocated_peak = self->allocated;
  self->overdrawn = 0;
  g_mutex_unlock (&self->lock);
}

guint64
gst_pet_budget_room_locked (const GstPetBudget *self, gdouble ceiling)
{
  guint64 limit =
      ceiling >= 1 ? self->limit : (guint64) (ceiling * (gdouble) self->limit);

  return limit > self->in_use ? limit - self->in_use : 0;
}

/* Without anybody to hear of it, it would still be a system call. */
void
gst_pet_budget_changed_locked (GstPetBudget *self)
{
  if (self->n_sleepers > 0)
    g_cond_broadcast (&self->changed);
}

void
gst_pet_budget_wake (GstPetBudget *self)
{
  g_mutex_lock (&self->lock);
  gst_pet_budget_changed_locked (self);
  g_mutex_unlock (&self->lock);
}
