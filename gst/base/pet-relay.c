/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/pet-relay.h"

#include <stddef.h>

#include "base/pet-patience.h"

static void *
run (void *data)
{
  PetRelay *relay = data;

  relay->make (relay->data);
  return NULL;
}

bool
pet_relay_start (
    PetRelay *relay, int room, void (*make) (void *data), void *data)
{
  relay->room = room;
  relay->make = make;
  relay->data = data;
  atomic_store (&relay->made, 0);
  atomic_store (&relay->taken, 0);
  atomic_store (&relay->ended, false);
  atomic_store (&relay->stop, false);
  pthread_mutex_init (&relay->mutex, NULL);
  pthread_cond_init (&relay->moved, NULL);
  if (pthread_create (&relay->thread, NULL, run, relay) == 0)
    return true;
  pthread_cond_destroy (&relay->moved);
  pthread_mutex_destroy (&relay->mutex);
  return false;
}

static bool
is_there (PetRelay *relay, int row)
{
  return atomic_load (&relay->made) > row || atomic_load (&relay->ended);
}

int
pet_relay_wait (PetRelay *relay, int row)
{
  PetPatience patience = { 0 };

  while (!is_there (relay, row) && pet_patience_lasts (&patience))
    ;
  if (!is_there (relay, row)) {
    pthread_mutex_lock (&relay->mutex);
    while (!is_there (relay, row))
      pthread_cond_wait (&relay->moved, &relay->mutex);
    pthread_mutex_unlock (&relay->mutex);
  }
  return atomic_load (&relay->made);
}

/* One of the two at most is asleep. */
static void
set (PetRelay *relay, atomic_int *place, int rows)
{
  pthread_mutex_lock (&relay->mutex);
  atomic_store (place, rows);
  pthread_cond_signal (&relay->moved);
  pthread_mutex_unlock (&relay->mutex);
}

void
pet_relay_set_taken (PetRelay *relay, int rows)
{
  set (relay, &relay->taken, rows);
}

static bool
may_go_on (PetRelay *relay, int made, int more)
{
  return atomic_load (&relay->stop) ||
      made + more - atomic_load (&relay->taken) <= relay->room;
}

bool
pet_relay_set_made (PetRelay *relay, int rows, int more)
{
  PetPatience patience = { 0 };

  set (relay, &relay->made, rows);
  while (!may_go_on (relay, rows, more) && pet_patience_lasts (&patience))
    ;
  if (!may_go_on (relay, rows, more)) {
    pthread_mutex_lock (&relay->mutex);
    while (!may_go_on (relay, rows, more))
      pthread_cond_wait (&relay->moved, &relay->mutex);
    pthread_mutex_unlock (&relay->mutex);
  }
  return !atomic_load (&relay->stop);
}

void
pet_relay_end (PetRelay *relay, int rows)
{
  pthread_mutex_lock (&relay->mutex);
  atomic_store (&relay->made, rows);
  atomic_store (&relay->ended, true);
  pthread_cond_signal (&relay->moved);
  pthread_mutex_unlock (&relay->mutex);
}

void
pet_relay_stop (PetRelay *relay)
{
  pthread_mutex_lock (&relay->mutex);
  atomic_store (&relay->stop, true);
  pthread_cond_signal (&relay->moved);
  pthread_mutex_unlock (&relay->mutex);
  pthread_join (relay->thread, NULL);
  pthread_cond_destroy (&relay->moved);
  pthread_mutex_destroy (&relay->mutex);
}
