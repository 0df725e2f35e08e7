/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/native/native-threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Looks for the next step before a thread goes to sleep: some 20 microseconds,
 * which is what a network has between two of them, and less than a sleeper
 * takes to wake up. */
#define LOOKS 400

/* The run's number in the upper half, the next task in the lower one: a task
 * can only be taken of the run that was looked at. */
#define RUN ((uint64_t) 1 << 32)

typedef struct {
  PetNativeTeam *team;
  pthread_t thread;
  int index;
} Worker;

struct PetNativeTeam {
  pthread_mutex_t lock;
  pthread_cond_t wake, idle;
  Worker *workers;
  int n_workers;
  atomic_int limit; /* threads that take part */

  _Atomic (PetNativeTask) task;
  const void *_Atomic work;
  atomic_int n_tasks;
  _Atomic uint64_t next;
  atomic_int n_done;

  atomic_int n_asleep; /* workers; changed under the lock */
  atomic_bool caller_sleeps, quit;
};

static inline void
look_again (void)
{
#ifdef __x86_64__
  __builtin_ia32_pause ();
#endif
}

/* Takes tasks of run `run` until there is none left. */
static void
work_on (PetNativeTeam *team, uint64_t run, int thread)
{
  uint64_t next = atomic_load (&team->next);

  while (next / RUN == run) {
    int task = (int) (next % RUN), n_tasks = atomic_load (&team->n_tasks);
    PetNativeTask function = atomic_load (&team->task);
    const void *work = atomic_load (&team->work);

    if (task >= n_tasks)
      return;
    if (!atomic_compare_exchange_weak (&team->next, &next, next + 1))
      continue;
    function (work, task, thread);
    if (atomic_fetch_add (&team->n_done, 1) + 1 == n_tasks &&
        atomic_load (&team->caller_sleeps)) {
      pthread_mutex_lock (&team->lock);
      pthread_cond_signal (&team->idle);
      pthread_mutex_unlock (&team->lock);
    }
    next = atomic_load (&team->next);
  }
}

/* Returns the number of a run after `run`. */
static uint64_t
wait_for_run (PetNativeTeam *team, uint64_t run)
{
  for (int i = 0; i < LOOKS; i++) {
    if (atomic_load (&team->next) / RUN != run)
      break;
    look_again ();
  }
  if (atomic_load (&team->next) / RUN == run) {
    pthread_mutex_lock (&team->lock);
    atomic_fetch_add (&team->n_asleep, 1);
    while (atomic_load (&team->next) / RUN == run && !atomic_load (&team->quit))
      pthread_cond_wait (&team->wake, &team->lock);
    atomic_fetch_sub (&team->n_asleep, 1);
    pthread_mutex_unlock (&team->lock);
  }
  return atomic_load (&team->next) / RUN;
}

static void *
worker_main (void *data)
{
  Worker *worker = data;
  PetNativeTeam *team = worker->team;
  uint64_t run = 0;

  while (!atomic_load (&team->quit)) {
    run = wait_for_run (team, run);
    if (worker->index < atomic_load (&team->limit))
      work_on (team, run, worker->index);
  }
  return NULL;
}

static void
start_workers (PetNativeTeam *team, int count)
{
  for (int i = 0; i < count; i++) {
    Worker *worker = &team->workers[i];

    worker->team = team;
    worker->index = i + 1;
    if (pthread_create (&worker->thread, NULL, worker_main, worker) != 0)
      return;
    team->n_workers = i + 1;
  }
}

PetStatus
pet_native_team_new (int threads, PetNativeTeam **result, PetError *error)
{
  PetNativeTeam *team = calloc (1, sizeof *team);

  if (team != NULL)
    team->workers = calloc ((size_t) threads, sizeof *team->workers);
  if (team == NULL || team->workers == NULL) {
    free (team);
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory for the network's threads");
  }
  pthread_mutex_init (&team->lock, NULL);
  pthread_cond_init (&team->wake, NULL);
  pthread_cond_init (&team->idle, NULL);
  atomic_store (&team->limit, threads);
  start_workers (team, threads - 1);
  *result = team;
  return PET_OK;
}

void
pet_native_team_free (PetNativeTeam **team)
{
  PetNativeTeam *p = *team;

  if (p == NULL)
    return;
  pthread_mutex_lock (&p->lock);
  atomic_store (&p->quit, true);
  pthread_cond_broadcast (&p->wake);
  pthread_mutex_unlock (&p->lock);
  for (int i = 0; i < p->n_workers; i++)
    pthread_join (p->workers[i].thread, NULL);
  pthread_cond_destroy (&p->idle);
  pthread_cond_destroy (&p->wake);
  pthread_mutex_destroy (&p->lock);
  free (p->workers);
  free (p);
  *team = NULL;
}

void
pet_native_team_set_limit (PetNativeTeam *team, int threads)
{
  atomic_store (&team->limit, threads);
}

/* Until the tasks that others have taken are done. */
static void
wait_for_others (PetNativeTeam *team, int n_tasks)
{
  for (int i = 0; i < LOOKS; i++) {
    if (atomic_load (&team->n_done) == n_tasks)
      return;
    look_again ();
  }
  pthread_mutex_lock (&team->lock);
  atomic_store (&team->caller_sleeps, true);
  while (atomic_load (&team->n_done) < n_tasks)
    pthread_cond_wait (&team->idle, &team->lock);
  atomic_store (&team->caller_sleeps, false);
  pthread_mutex_unlock (&team->lock);
}

void
pet_native_team_run (
    PetNativeTeam *team, PetNativeTask task, const void *work, int n_tasks)
{
  uint64_t run;

  if (team->n_workers == 0 || n_tasks == 1 || atomic_load (&team->limit) < 2) {
    for (int i = 0; i < n_tasks; i++)
      task (work, i, 0);
    return;
  }
  run = atomic_load (&team->next) / RUN + 1;
  atomic_store (&team->task, task);
  atomic_store (&team->work, work);
  atomic_store (&team->n_tasks, n_tasks);
  atomic_store (&team->n_done, 0);
  atomic_store (&team->next, run * RUN);
  if (atomic_load (&team->n_asleep) > 0) {
    pthread_mutex_lock (&team->lock);
    pthread_cond_broadcast (&team->wake);
    pthread_mutex_unlock (&team->lock);
  }
  work_on (team, run, 0);
  wait_for_others (team, n_tasks);
}
