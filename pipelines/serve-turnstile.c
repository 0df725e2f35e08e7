/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-turnstile.h"

struct _ServeTurnstile {
  GMutex mutex;
  GCond moved;
  guint free_places;
  GQueue waiting; /* of ServeTurn, in the order of their turns */
};

ServeTurnstile *
serve_turnstile_new (guint places)
{
  ServeTurnstile *turnstile = g_atomic_rc_box_new0 (ServeTurnstile);

  g_mutex_init (&turnstile->mutex);
  g_cond_init (&turnstile->moved);
  g_queue_init (&turnstile->waiting);
  turnstile->free_places = places;
  return turnstile;
}

static void
clear (gpointer data)
{
  ServeTurnstile *turnstile = data;

  g_cond_clear (&turnstile->moved);
  g_mutex_clear (&turnstile->mutex);
}

ServeTurnstile *
serve_turnstile_ref (ServeTurnstile *turnstile)
{
  return g_atomic_rc_box_acquire (turnstile);
}

void
serve_turnstile_unref (ServeTurnstile *turnstile)
{
  g_atomic_rc_box_release_full (turnstile, clear);
}

static gint
compare_turns (gconstpointer a, gconstpointer b, gpointer user)
{
  const ServeTurn *first = a, *second = b;

  if (first->photo != second->photo)
    return first->photo < second->photo ? -1 : 1;
  return (first->rank > second->rank) - (first->rank < second->rank);
}

static void
leave_locked (ServeTurnstile *turnstile, ServeTurn *turn)
{
  if (turn->waiting)
    g_queue_remove (&turnstile->waiting, turn);
  else if (turn->inside)
    turnstile->free_places++;
  else
    return;
  turn->waiting = turn->inside = FALSE;
  g_cond_broadcast (&turnstile->moved);
}

void
serve_turnstile_announce (
    ServeTurnstile *turnstile, ServeTurn *turn, guint64 photo, guint rank)
{
  g_mutex_lock (&turnstile->mutex);
  if (!turn->waiting && !turn->inside && !turn->closed) {
    turn->photo = photo;
    turn->rank = rank;
    turn->waiting = TRUE;
    g_queue_insert_sorted (&turnstile->waiting, turn, compare_turns, NULL);
  }
  g_mutex_unlock (&turnstile->mutex);
}

/* As many go in as there are places for, from the head. */
static gboolean
is_its_turn_locked (ServeTurnstile *turnstile, ServeTurn *turn)
{
  gint position = g_queue_index (&turnstile->waiting, turn);

  return position >= 0 && (guint) position < turnstile->free_places;
}

gboolean
serve_turnstile_enter (ServeTurnstile *turnstile, ServeTurn *turn)
{
  gboolean inside;

  g_mutex_lock (&turnstile->mutex);
  while (turn->waiting && !is_its_turn_locked (turnstile, turn))
    g_cond_wait (&turnstile->moved, &turnstile->mutex);
  if (turn->waiting) {
    g_queue_remove (&turnstile->waiting, turn);
    turn->waiting = FALSE;
    turn->inside = TRUE;
    turnstile->free_places--;
  }
  inside = turn->inside;
  g_mutex_unlock (&turnstile->mutex);
  return inside;
}

void
serve_turnstile_leave (ServeTurnstile *turnstile, ServeTurn *turn)
{
  g_mutex_lock (&turnstile->mutex);
  leave_locked (turnstile, turn);
  g_mutex_unlock (&turnstile->mutex);
}

void
serve_turnstile_close (ServeTurnstile *turnstile, ServeTurn *turn)
{
  g_mutex_lock (&turnstile->mutex);
  turn->closed = TRUE;
  leave_locked (turnstile, turn);
  g_mutex_unlock (&turnstile->mutex);
}
