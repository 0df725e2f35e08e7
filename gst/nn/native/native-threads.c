/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/native/native-threads.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

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
  PetNativeTask task; /* the rest: under the lock */
  const void *work;
  int next, n_tasks, n_running;
  bool quit;
};

/* Takes tasks until there is none left. Called and left with the lock held. */
static void
work_locked (PetNativeTeam *team, int thread)
{
  while (team->next < team->n_tasks) {
    int task = team->next++;

    team->n_running++;
    pthread_mutex_unlock (&team->lock);
    team->task (team->work, task, thread);
    pthread_mutex_lock (&team->lock);
    team->n_running--;
  }
}

static void *
worker_main (void *data)
{
  Worker *worker = data;
  PetNativeTeam *team = worker->team;

  pthread_mutex_lock (&team->lock);
  while (!team->quit) {
    work_locked (team, worker->index);
    if (team->n_running == 0)
      pthread_cond_signal (&team->idle);
    if (!team->quit)
      pthread_cond_wait (&team->wake, &team->lock);
  }
  pthread_mutex_unlock (&team->lock);
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
  p->quit = true;
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
pet_native_team_run (
    PetNativeTeam *team, PetNativeTask task, const void *work, int n_tasks)
{
  if (team->n_workers == 0 || n_tasks == 1) {
    for (int i = 0; i < n_tasks; i++)
      task (work, i, 0);
    return;
  }
  pthread_mutex_lock (&team->lock);
  team->task = task;
  team->work = work;
  team->next = 0;
  team->n_tasks = n_tasks;
  pthread_cond_broadcast (&team->wake);
  work_locked (team, 0);
  while (team->n_running > 0)
    pthread_cond_wait (&team->idle, &team->lock);
  pthread_mutex_unlock (&team->lock);
}
