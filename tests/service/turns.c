/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which looks are made when several could be. */

#include "serve-turnstile.h"
#include "tap.h"

#define MANY 60

typedef struct {
  ServeTurnstile *turnstile;
  ServeTurn turn;
  guint pause_us;
  gboolean entered;
  /* Shared by all of a test. */
  GMutex *mutex;
  guint64 *order;
  guint *n_order, *n_inside, *most_inside;
} Visitor;

typedef struct {
  ServeTurnstile *turnstile;
  GMutex mutex;
  guint64 order[MANY];
  guint n_order, n_inside, most_inside;
  Visitor visitors[MANY];
  GThread *threads[MANY];
} Visit;

static gpointer
visit (gpointer data)
{
  Visitor *visitor = data;

  visitor->entered = serve_turnstile_enter (visitor->turnstile, &visitor->turn);
  if (!visitor->entered)
    return NULL;
  g_mutex_lock (visitor->mutex);
  visitor->order[(*visitor->n_order)++] =
      visitor->turn.photo * 100 + visitor->turn.rank;
  ++*visitor->n_inside;
  *visitor->most_inside = MAX (*visitor->most_inside, *visitor->n_inside);
  g_mutex_unlock (visitor->mutex);
  g_usleep (visitor->pause_us);
  g_mutex_lock (visitor->mutex);
  --*visitor->n_inside;
  g_mutex_unlock (visitor->mutex);
  serve_turnstile_leave (visitor->turnstile, &visitor->turn);
  return NULL;
}

/* Announces `count` visitors in any order, of photos 1, 2, ... with five looks
 * each. */
static void
begin_visit (Visit *self, guint places, guint count)
{
  guint numbers[MANY];

  *self = (Visit){ .turnstile = serve_turnstile_new (places) };
  g_mutex_init (&self->mutex);
  for (guint i = 0; i < count; i++)
    numbers[i] = i;
  for (guint i = count; i > 1; i--) {
    guint j = tap_random () % i, number = numbers[j];

    numbers[j] = numbers[i - 1];
    numbers[i - 1] = number;
  }
  for (guint i = 0; i < count; i++) {
    Visitor *visitor = &self->visitors[i];

    *visitor = (Visitor){ .turnstile = self->turnstile,
      .pause_us = tap_random () % 200,
      .mutex = &self->mutex,
      .order = self->order,
      .n_order = &self->n_order,
      .n_inside = &self->n_inside,
      .most_inside = &self->most_inside };
    serve_turnstile_announce (
        self->turnstile, &visitor->turn, 1 + numbers[i] / 5, numbers[i] % 5);
  }
}

static void
start_threads (Visit *self, guint count)
{
  for (guint i = 0; i < count; i++)
    self->threads[i] = g_thread_new ("visit", visit, &self->visitors[i]);
}

static void
end_visit (Visit *self, guint count)
{
  for (guint i = 0; i < count; i++)
    g_thread_join (self->threads[i]);
  g_mutex_clear (&self->mutex);
  serve_turnstile_unref (self->turnstile);
}

static void
first_photos_and_ranks_go_first (void)
{
  static Visit self;

  begin_visit (&self, 1, MANY);
  start_threads (&self, MANY);
  end_visit (&self, MANY);
  tap_check (self.n_order == MANY && self.most_inside == 1);
  for (guint i = 0; i < MANY; i++)
    tap_check (self.order[i] == (1 + i / 5) * 100 + i % 5);
}

static void
only_so_many_are_inside (void)
{
  static Visit self;

  begin_visit (&self, 3, MANY);
  start_threads (&self, MANY);
  end_visit (&self, MANY);
  tap_check (self.n_order == MANY);
  tap_check (self.most_inside >= 1 && self.most_inside <= 3);
}

/* A place is kept for a picture that is on its way. */
static void
what_was_announced_is_not_overtaken (void)
{
  static Visit self;
  ServeTurn first = { 0 };

  begin_visit (&self, 1, 2);
  serve_turnstile_announce (self.turnstile, &first, 0, 0);
  start_threads (&self, 2);
  g_usleep (20000);
  g_mutex_lock (&self.mutex);
  tap_check (self.n_order == 0);
  g_mutex_unlock (&self.mutex);
  tap_check (serve_turnstile_enter (self.turnstile, &first));
  serve_turnstile_leave (self.turnstile, &first);
  end_visit (&self, 2);
  tap_check (self.n_order == 2);
}

static void
what_was_taken_back_lets_others_in (void)
{
  static Visit self;
  ServeTurn first = { 0 };

  begin_visit (&self, 1, 2);
  serve_turnstile_announce (self.turnstile, &first, 0, 0);
  start_threads (&self, 2);
  serve_turnstile_leave (self.turnstile, &first);
  tap_check (!serve_turnstile_enter (self.turnstile, &first));
  end_visit (&self, 2);
  tap_check (self.n_order == 2);
}

/* The pipeline of one is taken down: while it waits, while it is inside. */
static void
closed_turns_let_others_in (void)
{
  static Visit self;
  ServeTurn inside = { 0 };

  begin_visit (&self, 1, 10);
  serve_turnstile_announce (self.turnstile, &inside, 0, 0);
  tap_check (serve_turnstile_enter (self.turnstile, &inside));
  start_threads (&self, 10);
  for (guint i = 0; i < 5; i++)
    serve_turnstile_close (self.turnstile, &self.visitors[i].turn);
  serve_turnstile_close (self.turnstile, &inside);
  serve_turnstile_leave (self.turnstile, &inside);
  serve_turnstile_announce (self.turnstile, &inside, 0, 0);
  tap_check (!serve_turnstile_enter (self.turnstile, &inside));
  end_visit (&self, 10);
  tap_check (self.n_order == 5);
  for (guint i = 0; i < 10; i++)
    tap_check (self.visitors[i].entered == (i >= 5));
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (first_photos_and_ranks_go_first),
    TAP_TEST (only_so_many_are_inside),
    TAP_TEST (what_was_announced_is_not_overtaken),
    TAP_TEST (what_was_taken_back_lets_others_in),
    TAP_TEST (closed_turns_let_others_in),
  };

  return tap_run (tests, G_N_ELEMENTS (tests), argc, argv);
}
