/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Threads of one program. From one step of the network to the next they wait
 * awake for a moment, and asleep from then on. Each has its share of
 * the tasks, neighbours among them, which are the same part of the picture in
 * every step, so that most of what a step reads is in the cache of who made it.
 * Tasks are taken one by one, by others too when theirs are done, so a thread
 * that is held up holds up only the task it has. One that keeps the caller waiting
 * for it again and again, since its processor goes to someone else, is left out of
 * the next runs for some times as long, the longer the more often it happens. */

#pragma once

#include "base/pet-status.h"

typedef struct PetNativeTeam PetNativeTeam;

/* `thread` is 0..threads-1: which scratch memory the task may use. */
typedef void (*PetNativeTask) (const void *work, int task, int thread);

/* threads - 1 threads are started, the caller of run() being the last one.
 * Where the system refuses, there are fewer. Errors: MEMORY. */
PetStatus pet_native_team_new (
    int threads, PetNativeTeam **team, PetError *error);
void pet_native_team_free (PetNativeTeam **team);

/* At most `threads` take part from the next run on, the caller being one of
 * them; at first all do. Not during a run. */
void pet_native_team_set_limit (PetNativeTeam *team, int threads);

/* Around a series of runs that does nothing else: end() finds out whether the
 * caller was kept from working. */
void pet_native_team_begin (PetNativeTeam *team);
void pet_native_team_end (PetNativeTeam *team);

/* Returns when tasks 0..n_tasks-1 are done. One caller at a time. */
void pet_native_team_run (
    PetNativeTeam *team, PetNativeTask task, const void *work, int n_tasks);
