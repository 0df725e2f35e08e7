/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two threads on one picture: one makes rows, the other takes them, at most
 * `room` rows apart. The rows' memory is their own affair. Who is ahead waits a
 * moment awake, then asleep. */

#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Rows before `made` are there, rows before `taken` are not needed any more. */
typedef struct {
  int room;
  void (*make) (void *data);
  void *data;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t moved;
  atomic_int made, taken; /* changed under the mutex */
  atomic_bool ended, stop;
} PetRelay;

/* Calls `make` in a thread of its own. False: there is none to be had, and
 * nothing to stop. */
bool pet_relay_start (
    PetRelay *relay, int room, void (*make) (void *data), void *data);

/* The taking thread waits until row `row` is there, or will not come. Returns how
 * many are. */
int pet_relay_wait (PetRelay *relay, int row);
void pet_relay_set_taken (PetRelay *relay, int rows);
/* Ends the other thread and waits for it. What it wrote may be read. */
void pet_relay_stop (PetRelay *relay);

/* The making thread tells of its rows, then waits until there is room for `more`
 * (at most `room`). False: stop. */
bool pet_relay_set_made (PetRelay *relay, int rows, int more);
/* No row comes after these. */
void pet_relay_end (PetRelay *relay, int rows);
