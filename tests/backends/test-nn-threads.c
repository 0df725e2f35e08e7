/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The native back end's team: each task is done once and before run() returns,
 * by a thread that has a number of its own, also while one of them is held up;
 * who was is left out for a while. */

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "nn/native/native-threads.h"
#include "tap.h"

#define MOST_TASKS 200
#define MOST_THREADS 4

static const struct timespec long_time = { .tv_nsec = 3000000 };
static const struct timespec very_long_time = { .tv_nsec = 100000000 };

typedef struct {
  atomic_int done[MOST_TASKS], of_thread[MOST_THREADS], in_work[MOST_THREADS];
  int held_up;                       /* this task takes long; -1: none does */
  const struct timespec *other_time; /* of the first task of another thread */
  atomic_bool other_was_held_up;
} Work;

static void
do_task (const void *data, int task, int thread)
{
  Work *work = (Work *) data;

  if (atomic_fetch_add (&work->in_work[thread], 1) != 0)
    tap_fail ("thread %d does two tasks at a time", thread);
  if (task == work->held_up)
    nanosleep (&long_time, NULL);
  if (thread > 0 && work->other_time != NULL &&
      !atomic_exchange (&work->other_was_held_up, true))
    nanosleep (work->other_time, NULL);
  atomic_fetch_add (&work->done[task], 1);
  atomic_fetch_add (&work->of_thread[thread], 1);
  atomic_fetch_sub (&work->in_work[thread], 1);
}

/* Returns how many tasks others than the caller did. */
static int
run_once (PetNativeTeam *team, int n_threads, int n_tasks, int held_up)
{
  Work work = { .held_up = held_up };
  int n_others = 0;

  pet_native_team_run (team, do_task, &work, n_tasks);
  for (int i = 0; i < MOST_TASKS; i++)
    if (atomic_load (&work.done[i]) != (i < n_tasks))
      tap_fail (
          "task %d of %d: %d times", i, n_tasks, atomic_load (&work.done[i]));
  for (int i = 1; i < MOST_THREADS; i++) {
    tap_check (i < n_threads || atomic_load (&work.of_thread[i]) == 0);
    n_others += atomic_load (&work.of_thread[i]);
  }
  return n_others;
}

static void
each_task_is_done_once (void)
{
  for (int n_threads = 1; n_threads <= MOST_THREADS; n_threads++) {
    PetNativeTeam *team;

    tap_check (pet_native_team_new (n_threads, &team, NULL) == PET_OK);
    for (int n = 0; n < 2000; n++)
      run_once (team, n_threads, tap_random_range (0, MOST_TASKS), -1);
    pet_native_team_set_limit (team, 1);
    tap_check (run_once (team, 1, MOST_TASKS, -1) == 0);
    pet_native_team_free (&team);
    tap_check (team == NULL);
  }
}

/* A run ends with its last task, whoever has it, and those held up work on. */
static void
who_is_held_up_is_waited_for (void)
{
  PetNativeTeam *team;
  int n_others = 0;

  tap_check (pet_native_team_new (2, &team, NULL) == PET_OK);
  for (int n = 0; n < 60; n++)
    run_once (team, 2, 20, tap_random_range (0, 19));
  for (int n = 0; n < 2000 && n_others == 0; n++)
    n_others = run_once (team, 2, 20, 0);
  tap_check (n_others > 0);
  pet_native_team_free (&team);
}

/* Until a worker has taken a task, which takes that long. */
static bool
hold_a_worker_up (PetNativeTeam *team, const struct timespec *time)
{
  Work work = { .held_up = 0, .other_time = time };

  for (int n = 0; n < 2000 && !atomic_load (&work.other_was_held_up); n++)
    pet_native_team_run (team, do_task, &work, 3);
  return atomic_load (&work.other_was_held_up);
}

/* The caller's own task takes long, so there is time for others to come. */
static bool
others_come (PetNativeTeam *team, int n_threads, int n_runs)
{
  int n_others = 0;

  for (int n = 0; n < n_runs && n_others == 0; n++)
    n_others = run_once (team, n_threads, 20, 0);
  return n_others > 0;
}

/* The second time it rests for 200 ms, in which the caller does all; then it takes
 * part again. */
static void
who_was_held_up_rests (void)
{
  PetNativeTeam *team;

  tap_check (pet_native_team_new (2, &team, NULL) == PET_OK);
  for (int round = 0; round < 2; round++) {
    tap_check (hold_a_worker_up (team, &very_long_time));
    tap_check (hold_a_worker_up (team, &very_long_time));
    tap_check (!others_come (team, 2, 1));
    nanosleep (&very_long_time, NULL);
    tap_check (!others_come (team, 2, 1));
    tap_check (others_come (team, 2, 2000));
  }
  pet_native_team_free (&team);
}

/* One of two that is held up leaves the other one at work. */
static void
others_do_not_rest (void)
{
  PetNativeTeam *team;

  tap_check (pet_native_team_new (3, &team, NULL) == PET_OK);
  tap_check (hold_a_worker_up (team, &very_long_time));
  tap_check (hold_a_worker_up (team, &very_long_time));
  tap_check (others_come (team, 3, 30));
  pet_native_team_free (&team);
}

/* A caller that had no processor leaves the others', by not asking for them. */
static void
all_rest_for_a_caller_that_was_held_up (void)
{
  PetNativeTeam *team;

  tap_check (pet_native_team_new (2, &team, NULL) == PET_OK);
  pet_native_team_begin (team);
  pet_native_team_end (team);
  tap_check (others_come (team, 2, 30));
  for (int i = 0; i < 2; i++) {
    tap_check (others_come (team, 2, 30));
    pet_native_team_begin (team);
    nanosleep (&very_long_time, NULL);
    pet_native_team_end (team);
  }
  tap_check (!others_come (team, 2, 1));
  tap_check (others_come (team, 2, 2000));
  pet_native_team_free (&team);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (each_task_is_done_once),
    TAP_TEST (who_is_held_up_is_waited_for),
    TAP_TEST (who_was_held_up_rests),
    TAP_TEST (others_do_not_rest),
    TAP_TEST (all_rest_for_a_caller_that_was_held_up),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
