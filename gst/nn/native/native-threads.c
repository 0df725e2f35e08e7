/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/native/native-threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/pet-patience.h"

/* What is left of a thread's tasks, in one word: the run's number, the end and
 * the next one. So a task can only be taken of what was looked at. */
#define TASK_BITS 20
#define MOST_TASKS ((uint64_t) 1 << TASK_BITS)
#define RUN ((uint64_t) 1 << (2 * TASK_BITS))

#define LINE_BYTES 64

/* A worker that kept the others waiting, as someone else had its processor, and does so
 * again before it has worked RECENT times as long, is left out for REST times as
 * long, and then each time for twice as long. So are all where the caller was kept
 * from working: they leave it a processor to go to. */
#define RECENT 4
#define REST 2
#define LONGEST_REST_NS 250000000
#define SHORTEST_HOLD_UP_NS 1000000 /* of the caller */

/* A thread's own tasks, in a cache line of their own. The others take of them
 * when theirs are done. */
typedef struct {
  _Alignas(LINE_BYTES) _Atomic uint64_t left;
  atomic_bool asleep; /* its thread, or about to be; under the lock */
  atomic_bool at_work;
} Share;

typedef struct {
  PetNativeTeam *team;
  pthread_t thread;
  pthread_cond_t wake;
  int index;

  /* The caller's notes. */
  bool held_up, rests, takes_part;
  int64_t rest_ns, rest_end_ns; /* of the last rest; 0 long: held up then */
} Worker;

struct PetNativeTeam {
  pthread_mutex_t lock;
  pthread_cond_t idle;
  Worker *workers;
  int n_workers;
  Share *shares;    /* of the caller and each worker */
  atomic_int limit; /* threads that take part */

  _Atomic (PetNativeTask) task;
  const void *_Atomic work;
  atomic_int n_tasks;
  atomic_int n_done;

  atomic_bool caller_sleeps, quit;

  /* The caller's notes on a series of runs. */
  int64_t start_ns, start_cpu_ns, slept_ns;
};

/* Does what is left of a share of run `run`; returns the number of tasks. */
static int
work_on_share (PetNativeTeam *team, Share *share, uint64_t run, int thread)
{
  uint64_t left = atomic_load (&share->left);
  int n = 0;

  while (left / RUN == run) {
    uint64_t next = left % MOST_TASKS;

    if (next >= left / MOST_TASKS % MOST_TASKS)
      break;
    atomic_store (&team->shares[thread].at_work, true);
    if (!atomic_compare_exchange_weak (&share->left, &left, left + 1))
      continue;
    atomic_load (&team->task) (atomic_load (&team->work), (int) next, thread);
    n++;
    left = atomic_load (&share->left);
  }
  return n;
}

/* The own share first. */
static void
work_on (PetNativeTeam *team, uint64_t run, int thread)
{
  int n_shares = team->n_workers + 1, n = 0;

  for (int i = 0; i < n_shares; i++)
    n += work_on_share (
        team, &team->shares[(thread + i) % n_shares], run, thread);
  if (n > 0)
    n += atomic_fetch_add (&team->n_done, n);
  atomic_store (&team->shares[thread].at_work, false);
  if (n < atomic_load (&team->n_tasks) || !atomic_load (&team->caller_sleeps))
    return;
  pthread_mutex_lock (&team->lock);
  pthread_cond_signal (&team->idle);
  pthread_mutex_unlock (&team->lock);
}

/* The last run that `index` has a share of. */
static uint64_t
run_of (const PetNativeTeam *team, int index)
{
  return atomic_load (&team->shares[index].left) / RUN;
}

/* Returns the number of a run after `run`. */
static uint64_t
wait_for_run (Worker *worker, uint64_t run)
{
  PetNativeTeam *team = worker->team;
  int index = worker->index;
  PetPatience patience = { 0 };

  while (run_of (team, index) == run && pet_patience_lasts (&patience))
    ;
  if (run_of (team, index) == run) {
    pthread_mutex_lock (&team->lock);
    atomic_store (&team->shares[index].asleep, true);
    while (run_of (team, index) == run && !atomic_load (&team->quit))
      pthread_cond_wait (&worker->wake, &team->lock);
    atomic_store (&team->shares[index].asleep, false);
    pthread_mutex_unlock (&team->lock);
  }
  return run_of (team, index);
}

static void *
worker_main (void *data)
{
  Worker *worker = data;
  PetNativeTeam *team = worker->team;
  uint64_t run = 0;

  while (!atomic_load (&team->quit)) {
    run = wait_for_run (worker, run);
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
    pthread_cond_init (&worker->wake, NULL);
    if (pthread_create (&worker->thread, NULL, worker_main, worker) != 0) {
      pthread_cond_destroy (&worker->wake);
      return;
    }
    team->n_workers = i + 1;
  }
}

PetStatus
pet_native_team_new (int threads, PetNativeTeam **result, PetError *error)
{
  PetNativeTeam *team = calloc (1, sizeof *team);
  size_t n = (size_t) threads;

  if (team != NULL) {
    team->workers = calloc (n, sizeof *team->workers);
    team->shares = aligned_alloc (LINE_BYTES, n * sizeof *team->shares);
  }
  if (team == NULL || team->workers == NULL || team->shares == NULL) {
    if (team != NULL) {
      free (team->workers);
      free (team->shares);
    }
    free (team);
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory for the network's threads");
  }
  memset (team->shares, 0, n * sizeof *team->shares);
  pthread_mutex_init (&team->lock, NULL);
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
  for (int i = 0; i < p->n_workers; i++)
    pthread_cond_signal (&p->workers[i].wake);
  pthread_mutex_unlock (&p->lock);
  for (int i = 0; i < p->n_workers; i++) {
    pthread_join (p->workers[i].thread, NULL);
    pthread_cond_destroy (&p->workers[i].wake);
  }
  pthread_cond_destroy (&p->idle);
  pthread_mutex_destroy (&p->lock);
  free (p->workers);
  free (p->shares);
  free (p);
  *team = NULL;
}

void
pet_native_team_set_limit (PetNativeTeam *team, int threads)
{
  atomic_store (&team->limit, threads);
}

static void
note_who_is_held_up (PetNativeTeam *team)
{
  for (int i = 0; i < team->n_workers; i++)
    team->workers[i].held_up = atomic_load (&team->shares[i + 1].at_work);
}

static void
let_rest (Worker *worker, int64_t waited_ns, int64_t now_ns)
{
  int64_t worked_ns = now_ns - waited_ns - worker->rest_end_ns;
  bool again = worker->rest_end_ns > 0 && worked_ns < RECENT * waited_ns;
  int64_t rest_ns = REST * waited_ns;

  if (rest_ns < 2 * worker->rest_ns)
    rest_ns = 2 * worker->rest_ns;
  if (rest_ns > LONGEST_REST_NS)
    rest_ns = LONGEST_REST_NS;
  worker->rest_ns = again ? rest_ns : 0;
  worker->rest_end_ns = now_ns + worker->rest_ns;
  worker->rests = again;
}

/* Until the tasks that others have taken are done. */
static void
wait_for_others (PetNativeTeam *team, int n_tasks)
{
  PetPatience patience = { 0 };
  int64_t now_ns;

  while (atomic_load (&team->n_done) < n_tasks)
    if (!pet_patience_lasts (&patience))
      break;
  if (atomic_load (&team->n_done) == n_tasks)
    return;
  note_who_is_held_up (team);
  pthread_mutex_lock (&team->lock);
  atomic_store (&team->caller_sleeps, true);
  while (atomic_load (&team->n_done) < n_tasks)
    pthread_cond_wait (&team->idle, &team->lock);
  atomic_store (&team->caller_sleeps, false);
  pthread_mutex_unlock (&team->lock);
  now_ns = pet_patience_now_ns ();
  team->slept_ns += now_ns - patience.end_ns;
  for (int i = 0; i < team->n_workers; i++)
    if (team->workers[i].held_up)
      let_rest (&team->workers[i], now_ns - patience.end_ns + PET_PATIENCE_NS,
          now_ns);
}

static int64_t
cpu_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

void
pet_native_team_begin (PetNativeTeam *team)
{
  if (team->n_workers == 0)
    return;
  team->start_ns = pet_patience_now_ns ();
  team->start_cpu_ns = cpu_ns ();
  team->slept_ns = 0;
}

void
pet_native_team_end (PetNativeTeam *team)
{
  int64_t now_ns, held_up_ns;

  if (team->n_workers == 0)
    return;
  now_ns = pet_patience_now_ns ();
  held_up_ns = now_ns - team->start_ns - team->slept_ns -
      (cpu_ns () - team->start_cpu_ns);
  if (held_up_ns >= SHORTEST_HOLD_UP_NS)
    for (int i = 0; i < team->n_workers; i++)
      let_rest (&team->workers[i], held_up_ns, now_ns);
}

/* At most `most` with the caller; returns how many. */
static int
choose_who_takes_part (PetNativeTeam *team, int most)
{
  int n = 1;

  for (int i = 0; i < team->n_workers; i++) {
    Worker *worker = &team->workers[i];

    if (worker->rests)
      worker->rests = pet_patience_now_ns () < worker->rest_end_ns;
    worker->takes_part = n < most && !worker->rests;
    n += worker->takes_part;
  }
  return n;
}

static void
give_share (PetNativeTeam *team, int index, uint64_t run, int part, int n)
{
  uint64_t n_tasks = (uint64_t) atomic_load (&team->n_tasks);
  uint64_t next = n_tasks * (uint64_t) part / (uint64_t) n;
  uint64_t end = n_tasks * (uint64_t) (part + 1) / (uint64_t) n;

  atomic_store (&team->shares[index].left, run * RUN + end * MOST_TASKS + next);
}

static void
wake (PetNativeTeam *team, int index)
{
  if (!atomic_load (&team->shares[index].asleep))
    return;
  pthread_mutex_lock (&team->lock);
  pthread_cond_signal (&team->workers[index - 1].wake);
  pthread_mutex_unlock (&team->lock);
}

/* Who does not take part has no share of this run, and sleeps on. */
static void
share_out (PetNativeTeam *team, uint64_t run, int n_tasks, int n)
{
  int part = 1;

  atomic_store (&team->n_tasks, n_tasks);
  atomic_store (&team->n_done, 0);
  give_share (team, 0, run, 0, n);
  for (int i = 1; i <= team->n_workers; i++)
    if (team->workers[i - 1].takes_part)
      give_share (team, i, run, part++, n);
  for (int i = 1; i <= team->n_workers; i++)
    if (team->workers[i - 1].takes_part)
      wake (team, i);
}

void
pet_native_team_run (
    PetNativeTeam *team, PetNativeTask task, const void *work, int n_tasks)
{
  int limit = atomic_load (&team->limit);
  int n = choose_who_takes_part (team, limit < n_tasks ? limit : n_tasks);
  uint64_t run = (atomic_load (&team->shares[0].left) + RUN) / RUN;

  if (n < 2 || (uint64_t) n_tasks >= MOST_TASKS) {
    for (int i = 0; i < n_tasks; i++)
      task (work, i, 0);
    return;
  }
  atomic_store (&team->task, task);
  atomic_store (&team->work, work);
  share_out (team, run, n_tasks, n);
  work_on (team, run, 0);
  wait_for_others (team, n_tasks);
}
