/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Branches of one tee see the same pictures in the same order, but not each of
 * them all: a probe, a valve or a bad link may keep one from a branch. So each
 * is numbered when the first branch comes to it, and the others know it again. */

#include "memory/gstpetbranch.h"

#include "memory/gstpetbudget-private.h"

/* Gates behind a queue may lag; one that lags further decides alone. */
#define MAX_LAG 16
/* Pictures that are known again; more than a queue holds. */
#define MAX_KNOWN 256

typedef struct {
  guint64 key;
  gboolean planned; /* decided for all branches */
} Picture;

typedef struct {
  gconstpointer tee; /* NULL: of one branch alone */
  guint n_branches;

  /* under the budget's lock */
  guint64 n_pictures;          /* number of the last one */
  guint64 n_flushed;           /* of the last one before a flush */
  Picture pictures[MAX_KNOWN]; /* the last ones, by their number */
} Fork;

typedef struct {
  guint64 number; /* of the picture */
  guint64 serial; /* of the photo's ticket; 0: it has none */
  GstPetTicket *ticket;
  const gchar *reason; /* where there is no ticket */
} Decision;

struct _GstPetBranch {
  GstPetBudget *budget;
  Fork *fork;
  gboolean lags;

  /* under the budget's lock */
  GstPetBranchRules rules;
  guint64 cost;
  guint64 n_seen;    /* number of the last picture that came */
  gboolean shedding; /* refused, and the pressure has not fallen since */
  GQueue decisions;  /* made and not fetched, in order */
};

typedef struct {
  GstPetBranch *asker;
  guint64 number;
  guint64 serial;
  guint64 ahead; /* bytes that required branches will still take */
  gdouble watched;
} Plan;

static gboolean
are_together (const GstPetBranch *a, const GstPetBranch *b)
{
  return a->fork == b->fork;
}

static Fork *
join_fork_locked (GstPetBudget *budget, gconstpointer tee)
{
  Fork *fork = NULL;

  for (GList *item = budget->branches; tee != NULL && item != NULL;
       item = item->next) {
    const GstPetBranch *other = item->data;

    if (other->fork->tee == tee)
      fork = other->fork;
  }
  if (fork == NULL)
    fork = g_new0 (Fork, 1);
  fork->tee = tee;
  fork->n_branches++;
  return fork;
}

static void
leave_fork_locked (Fork *fork)
{
  if (--fork->n_branches == 0)
    g_free (fork);
}

GstPetBranch *
gst_pet_branch_new (GstPetBudget *budget, gconstpointer tee, gboolean lags)
{
  GstPetBranch *self = g_new0 (GstPetBranch, 1);

  self->budget = gst_object_ref (budget);
  self->lags = lags;
  g_queue_init (&self->decisions);
  g_mutex_lock (&budget->lock);
  self->fork = join_fork_locked (budget, tee);
  /* One that joins late has seen what the others have. */
  self->n_seen = self->fork->n_pictures;
  budget->branches = g_list_prepend (budget->branches, self);
  g_mutex_unlock (&budget->lock);
  return self;
}

/* Tickets are given back without the lock. */
static void
move_decisions_locked (GstPetBranch *self, guint64 before, GQueue *to)
{
  const Decision *decision;

  while ((decision = g_queue_peek_head (&self->decisions)) != NULL &&
      decision->number < before)
    g_queue_push_tail (to, g_queue_pop_head (&self->decisions));
}

void
gst_pet_branches_release_locked (
    GstPetBudget *budget, guint64 serial, GQueue *to)
{
  for (GList *item = budget->branches; item != NULL; item = item->next) {
    GQueue *decisions = &((GstPetBranch *) item->data)->decisions;
    GList *next;

    for (GList *of = decisions->head; of != NULL; of = next) {
      next = of->next;
      if (((Decision *) of->data)->serial != serial)
        continue;
      g_queue_unlink (decisions, of);
      g_queue_push_tail_link (to, of);
    }
  }
}

void
gst_pet_branches_give_back (GQueue *decisions)
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
  GQueue stale = G_QUEUE_INIT;

  *branch = NULL;
  if (self == NULL)
    return;
  g_mutex_lock (&self->budget->lock);
  self->budget->branches = g_list_remove (self->budget->branches, self);
  move_decisions_locked (self, G_MAXUINT64, &stale);
  leave_fork_locked (self->fork);
  g_mutex_unlock (&self->budget->lock);
  gst_pet_branches_give_back (&stale);
  gst_object_unref (self->budget);
  g_free (self);
}

gconstpointer
gst_pet_branch_get_tee (const GstPetBranch *branch)
{
  return branch->fork->tee;
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
  GQueue stale = G_QUEUE_INIT;

  g_mutex_lock (&self->budget->lock);
  move_decisions_locked (self, G_MAXUINT64, &stale);
  self->n_seen = self->fork->n_flushed = self->fork->n_pictures;
  self->shedding = FALSE;
  g_mutex_unlock (&self->budget->lock);
  gst_pet_branches_give_back (&stale);
}

/* Of pictures with the same key, like those that have neither a time nor a
 * ticket, the n-th of one branch is the n-th of all. */
static guint64
number_locked (const GstPetBranch *self, guint64 key)
{
  Fork *fork = self->fork;
  guint64 before = MAX (self->n_seen, fork->n_flushed);

  if (fork->n_pictures > MAX_KNOWN)
    before = MAX (before, fork->n_pictures - MAX_KNOWN);
  for (guint64 n = before + 1; n <= fork->n_pictures; n++)
    if (fork->pictures[n % MAX_KNOWN].key == key)
      return n;
  fork->n_pictures++;
  fork->pictures[fork->n_pictures % MAX_KNOWN] = (Picture){ .key = key };
  return fork->n_pictures;
}

/* Pictures before this one do not come any more: neither here, nor where the
 * tee's own thread would have brought them before. */
static void
pass_by_locked (GstPetBranch *self, guint64 number, GQueue *stale)
{
  for (GList *item = self->budget->branches; item != NULL; item = item->next) {
    GstPetBranch *branch = item->data;

    if (branch == self ||
        (are_together (self, branch) && !self->lags && !branch->lags))
      move_decisions_locked (branch, number, stale);
  }
}

static guint64
arrive_locked (
    GstPetBranch *self, GstPetTicket *from, GstClockTime pts, GQueue *stale)
{
  guint64 key = pts == GST_CLOCK_TIME_NONE && from != NULL ? from->serial : pts;
  guint64 number = number_locked (self, key);

  pass_by_locked (self, number, stale);
  return number;
}

void
gst_pet_branch_count (GstPetBranch *self, GstPetTicket *from, GstClockTime pts)
{
  GQueue stale = G_QUEUE_INIT;

  g_mutex_lock (&self->budget->lock);
  self->n_seen = arrive_locked (self, from, pts, &stale);
  /* Of the time when it was optional. */
  move_decisions_locked (self, G_MAXUINT64, &stale);
  g_mutex_unlock (&self->budget->lock);
  gst_pet_branches_give_back (&stale);
}

void
gst_pet_branch_skip (GstPetBranch *self, GstClockTime pts)
{
  GQueue stale = G_QUEUE_INIT;

  g_mutex_lock (&self->budget->lock);
  self->n_seen = arrive_locked (self, NULL, pts, &stale);
  move_decisions_locked (self, self->n_seen + 1, &stale);
  g_mutex_unlock (&self->budget->lock);
  gst_pet_branches_give_back (&stale);
}

void
gst_pet_branch_end (GstPetBranch *self)
{
  GQueue stale = G_QUEUE_INIT;

  g_mutex_lock (&self->budget->lock);
  pass_by_locked (self, G_MAXUINT64, &stale);
  g_mutex_unlock (&self->budget->lock);
  gst_pet_branches_give_back (&stale);
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

/* Whether it is to be decided now: it has not come to the picture, and the
 * picture was not decided before for all. */
static gboolean
is_due_locked (const Plan *plan, const GstPetBranch *branch)
{
  const Fork *fork = branch->fork;
  guint64 lag = plan->number - branch->n_seen;

  if (branch == plan->asker)
    return TRUE;
  return are_together (plan->asker, branch) && branch->rules.optional &&
      !fork->pictures[plan->number % MAX_KNOWN].planned &&
      branch->n_seen < plan->number &&
      (lag <= MAX_LAG || !(branch->lags || plan->asker->lags));
}

/* The branch of the highest priority of those; of equals the first that
 * joined. */
static GstPetBranch *
next_of_plan_locked (const Plan *plan, GHashTable *decided)
{
  GstPetBranch *next = NULL;

  for (GList *item = plan->asker->budget->branches; item != NULL;
       item = item->next) {
    GstPetBranch *branch = item->data;

    if (!is_due_locked (plan, branch) ||
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

static gint
compare_numbers (gconstpointer a, gconstpointer b, gpointer user)
{
  guint64 left = ((const Decision *) a)->number;
  guint64 right = ((const Decision *) b)->number;

  return left < right ? -1 : left > right;
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
    decision->serial = plan->serial;
    decision->reason = (gint) branch->rules.priority < refused
        ? "a branch of higher priority was dropped"
        : refuse_locked (plan, branch);
    if (decision->reason == NULL)
      decision->ticket =
          gst_pet_ticket_new_locked (branch->budget, branch->cost, NULL, 0);
    else
      refused = MAX (refused, (gint) branch->rules.priority);
    g_queue_insert_sorted (&branch->decisions, decision, compare_numbers, NULL);
  }
  plan->asker->fork->pictures[plan->number % MAX_KNOWN].planned = TRUE;
  g_hash_table_unref (decided);
}

/* The first of those that are left, if it is on this picture. */
static Decision *
fetch_locked (GstPetBranch *self, guint64 number)
{
  const Decision *decision = g_queue_peek_head (&self->decisions);

  return decision != NULL && decision->number == number
      ? g_queue_pop_head (&self->decisions)
      : NULL;
}

GstPetTicket *
gst_pet_branch_decide (GstPetBranch *self, GstPetTicket *from, GstClockTime pts,
    gdouble watched, const gchar **reason)
{
  Plan plan = {
    .asker = self, .serial = from != NULL ? from->serial : 0, .watched = watched
  };
  GQueue stale = G_QUEUE_INIT;
  Decision *decision;
  GstPetTicket *ticket;

  g_mutex_lock (&self->budget->lock);
  plan.number = arrive_locked (self, from, pts, &stale);
  decision = fetch_locked (self, plan.number);
  if (decision == NULL) {
    /* A photo's own ticket covers its required branches, until it ends. */
    if (from == NULL || from->ended)
      plan.ahead = required_ahead_locked (self, plan.number);
    make_plan_locked (&plan);
    decision = fetch_locked (self, plan.number);
  }
  self->n_seen = plan.number;
  g_mutex_unlock (&self->budget->lock);

  gst_pet_branches_give_back (&stale);
  *reason = decision->reason;
  ticket = decision->ticket;
  g_free (decision);
  return ticket;
}
