/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Branches of one tee see the same pictures in the same order, so the n-th
 * picture of one is the n-th of all. */

#include "memory/gstpetbranch.h"

#include "memory/gstpetbudget-private.h"

/* Gates behind a queue may lag; one that lags further decides alone. */
#define MAX_LAG 16

typedef struct {
  guint64 number; /* of the picture */
  GstPetTicket *ticket;
  const gchar *reason; /* where there is no ticket */
} Decision;

struct _GstPetBranch {
  GstPetBudget *budget;
  gconstpointer fork;

  /* under the budget's lock */
  GstPetBranchRules rules;
  guint64 cost;
  guint64 n_seen;    /* pictures so far */
  gboolean shedding; /* refused, and the pressure has not fallen since */
  GQueue decisions;  /* made and not fetched, in order */
};

typedef struct {
  GstPetBranch *asker;
  guint64 number;
  guint64 ahead; /* bytes that required branches will still take */
  gdouble watched;
} Plan;

static gboolean
are_together (const GstPetBranch *a, const GstPetBranch *b)
{
  return a == b || (a->fork != NULL && a->fork == b->fork);
}

/* A branch that joins late has seen what its siblings have. */
static guint64
count_of_fork_locked (const GstPetBranch *self)
{
  guint64 count = 0;

  for (GList *item = self->budget->branches; item != NULL; item = item->next) {
    const GstPetBranch *other = item->data;

    if (are_together (self, other))
      count = MAX (count, other->n_seen);
  }
  return count;
}

GstPetBranch *
gst_pet_branch_new (GstPetBudget *budget, gconstpointer fork)
{
  GstPetBranch *self = g_new0 (GstPetBranch, 1);

  self->budget = gst_object_ref (budget);
  self->fork = fork;
  g_queue_init (&self->decisions);
  g_mutex_lock (&budget->lock);
  self->n_seen = count_of_fork_locked (self);
  budget->branches = g_list_prepend (budget->branches, self);
  g_mutex_unlock (&budget->lock);
  return self;
}

/* Tickets are given back without the lock. */
static GQueue
take_decisions_locked (GstPetBranch *self)
{
  GQueue decisions = self->decisions;

  g_queue_init (&self->decisions);
  return decisions;
}

static void
free_decisions (GQueue *decisions)
{
  Decision *decision;

  while ((decision = g_queue_pop_head (decisions)) != NULL) {
    g_clear_pointer (&decision->ticket, gst_pet_ticket_unref);
    g_free (decision);
  }
}

void
gst_pet_branch_free (GstPetBranch **branch)
{
  GstPetBranch *self = *branch;
  GQueue decisions;

  *branch = NULL;
  if (self == NULL)
    return;
  g_mutex_lock (&self->budget->lock);
  self->budget->branches = g_list_remove (self->budget->branches, self);
  decisions = take_decisions_locked (self);
  g_mutex_unlock (&self->budget->lock);
  free_decisions (&decisions);
  gst_object_unref (self->budget);
  g_free (self);
}

gconstpointer
gst_pet_branch_get_fork (const GstPetBranch *branch)
{
  return branch->fork;
}

void
gst_pet_branch_set (
    GstPetBranch *self, const GstPetBranchRules *rules, guint64 cost)
{
  g_mutex_lock (&self->budget->lock);
  self->rules = *rules;
  self->rules.low = MIN (rules->low, rules->high);
  self->cost = cost;
  g_mutex_unlock (&self->budget->lock);
}

void
gst_pet_branch_reset (GstPetBranch *self)
{
  GQueue decisions;

  g_mutex_lock (&self->budget->lock);
  decisions = take_decisions_locked (self);
  self->n_seen = 0;
  self->n_seen = count_of_fork_locked (self);
  self->shedding = FALSE;
  g_mutex_unlock (&self->budget->lock);
  free_decisions (&decisions);
}

void
gst_pet_branch_count (GstPetBranch *self)
{
  GQueue decisions;

  g_mutex_lock (&self->budget->lock);
  self->n_seen++;
  /* Of the time when it was optional. */
  decisions = take_decisions_locked (self);
  g_mutex_unlock (&self->budget->lock);
  free_decisions (&decisions);
}

/* NULL: it may. */
static const gchar *
refuse_locked (const Plan *plan, GstPetBranch *branch)
{
  const GstPetBudget *budget = branch->budget;
  const GstPetBranchRules *rules = &branch->rules;
  gdouble stop =
      rules->low + (rules->high - rules->low) * rules->priority / 100;
  gdouble pressure = gst_pet_budget_pressure_locked (budget);
  guint64 room = gst_pet_budget_room_locked (budget, stop);

  pressure = MAX (pressure, plan->watched);
  if (branch->shedding && pressure > rules->low)
    return "the pressure has not fallen to the low watermark";
  branch->shedding = TRUE;
  if (budget->waiters.length > 0)
    return "a required picture waits for memory";
  if (room < plan->ahead || room - plan->ahead < branch->cost)
    return "its memory does not fit below the watermark";
  if (pressure > stop)
    return "the pressure is above the watermark";
  branch->shedding = FALSE;
  return NULL;
}

/* The branch of the highest priority below `below` that has not come to the
 * picture; of equals the first that joined. */
static GstPetBranch *
next_of_plan_locked (const Plan *plan, GHashTable *decided)
{
  GstPetBranch *next = NULL;

  for (GList *item = plan->asker->budget->branches; item != NULL;
       item = item->next) {
    GstPetBranch *branch = item->data;

    if (!are_together (plan->asker, branch) || !branch->rules.optional ||
        branch->n_seen >= plan->number ||
        plan->number - branch->n_seen > MAX_LAG ||
        g_hash_table_contains (decided, branch))
      continue;
    if (next == NULL || branch->rules.priority >= next->rules.priority)
      next = branch;
  }
  return next;
}

static guint64
required_ahead_locked (const GstPetBranch *asker, guint64 number)
{
  guint64 bytes = 0;

  for (GList *item = asker->budget->branches; item != NULL; item = item->next) {
    const GstPetBranch *branch = item->data;

    if (are_together (asker, branch) && !branch->rules.optional &&
        branch->n_seen < number)
      bytes += MIN (branch->cost, G_MAXUINT64 - bytes);
  }
  return bytes;
}

static void
make_plan_locked (const Plan *plan)
{
  GHashTable *decided = g_hash_table_new (NULL, NULL);
  gint refused = -1; /* highest priority that was */
  GstPetBranch *branch;

  while ((branch = next_of_plan_locked (plan, decided)) != NULL) {
    Decision *decision = g_new0 (Decision, 1);

    g_hash_table_add (decided, branch);
    decision->number = plan->number;
    decision->reason = (gint) branch->rules.priority < refused
        ? "a branch of higher priority was dropped"
        : refuse_locked (plan, branch);
    if (decision->reason == NULL)
      decision->ticket =
          gst_pet_ticket_new_locked (branch->budget, branch->cost, NULL, 0);
    else
      refused = MAX (refused, (gint) branch->rules.priority);
    g_queue_push_tail (&branch->decisions, decision);
  }
  g_hash_table_unref (decided);
}

/* Decisions on pictures that never came are thrown away. */
static Decision *
fetch_locked (GstPetBranch *self, guint64 number, GQueue *stale)
{
  Decision *decision;

  while ((decision = g_queue_pop_head (&self->decisions)) != NULL) {
    if (decision->number == number)
      return decision;
    g_queue_push_tail (stale, decision);
  }
  return NULL;
}

GstPetTicket *
gst_pet_branch_decide (GstPetBranch *self, GstPetTicket *from, gdouble watched,
    const gchar **reason)
{
  Plan plan = { .asker = self, .watched = watched };
  GQueue stale = G_QUEUE_INIT;
  Decision *decision;
  GstPetTicket *ticket;

  g_mutex_lock (&self->budget->lock);
  plan.number = self->n_seen + 1;
  decision = fetch_locked (self, plan.number, &stale);
  if (decision == NULL) {
    /* A photo's own ticket covers its required branches, until it ends. */
    if (from == NULL || from->ended)
      plan.ahead = required_ahead_locked (self, plan.number);
    make_plan_locked (&plan);
    decision = fetch_locked (self, plan.number, &stale);
  }
  self->n_seen = plan.number;
  g_mutex_unlock (&self->budget->lock);

  free_decisions (&stale);
  *reason = decision->reason;
  ticket = decision->ticket;
  g_free (decision);
  return ticket;
}
