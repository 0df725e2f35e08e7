/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <vector>

#include "pet-emulate.h"

#define STACK_BYTES ((size_t) 64 << 10)

uint3 threadIdx, blockIdx;

typedef struct {
  ucontext_t context;
  char *stack;
  bool done;
} Fiber;

/* Stacks are made once and freed at the end. */
struct Fibers {
  std::vector<Fiber> all;

  ~Fibers ()
  {
    for (Fiber &fiber : all)
      free (fiber.stack);
  }
};

static ucontext_t scheduler;
static Fiber *current;
static const std::function<void ()> *body;

void
pet_emulate_barrier (void)
{
  /* Outside of PET_LAUNCH_SYNC there is nobody to wait for: a kernel that was
   * started the wrong way. */
  if (current == NULL)
    abort ();
  swapcontext (&current->context, &scheduler);
}

#define MOST_THREADS 1024

/* What the threads of a block hold for a product, and for the next one: none comes to
 * the one after it before all have read the first. */
static uint32_t held_a[2][MOST_THREADS][4], held_b[2][MOST_THREADS][2];
static unsigned products[MOST_THREADS];

static float
half_of (uint32_t pair, int index)
{
  __half_raw raw;

  raw.x = (unsigned short) (pair >> 16 * index);
  return __half2float (__half (raw));
}

void
pet_multiply_halves (const uint32_t *a, const uint32_t *b, float *sums)
{
  unsigned thread = threadIdx.x, warp = thread / 32 * 32, lane = thread % 32;
  unsigned turn = products[thread]++ % 2;

  memcpy (held_a[turn][thread], a, sizeof held_a[turn][thread]);
  memcpy (held_b[turn][thread], b, sizeof held_b[turn][thread]);
  pet_emulate_barrier ();
  for (unsigned n = 0; n < 4; n++) {
    unsigned row = lane / 4, column = lane % 4 * 2 + n % 2;

    for (unsigned k = 0; k < 16; k++) {
      unsigned holder = k % 8 / 2;

      sums[n] +=
          half_of (
              held_a[turn][warp + row * 4 + holder][k / 8 * 2 + n / 2], k % 2) *
          half_of (held_b[turn][warp + column * 4 + holder][k / 8], k % 2);
    }
  }
}

uint4 pet_emulate_shared[PET_MOST_SHARED / sizeof (uint4)];

/* Where the threads of a block say that rows are, and in the next turn. */
static const uint4 *held_rows[2][MOST_THREADS];
static unsigned loads[MOST_THREADS];

void
pet_load_tiles (const uint4 *row, uint32_t *tile)
{
  unsigned thread = threadIdx.x, warp = thread / 32 * 32, lane = thread % 32;
  unsigned turn = loads[thread]++ % 2;

  held_rows[turn][thread] = row;
  pet_emulate_barrier ();
  for (unsigned i = 0; i < 4; i++)
    memcpy (&tile[i],
        (const char *) held_rows[turn][warp + 8 * i + lane / 4] + lane % 4 * 4,
        4);
}

/* What threads have on its way to shared memory. */
typedef struct {
  uint4 *to;
  uint4 value;
  unsigned commit;
} Fetch;

static std::vector<Fetch> fetches[MOST_THREADS];
static unsigned commits[MOST_THREADS];

void
pet_fetch_chunk (uint4 *to, const void *from, bool inside)
{
  Fetch fetch = { to, {}, commits[threadIdx.x] };

  if (inside)
    memcpy (&fetch.value, from, sizeof fetch.value);
  fetches[threadIdx.x].push_back (fetch);
}

void
pet_commit_chunks (void)
{
  commits[threadIdx.x]++;
}

void
pet_emulate_wait (unsigned n)
{
  std::vector<Fetch> &own = fetches[threadIdx.x];
  size_t done = 0;

  while (done < own.size () && own[done].commit + n < commits[threadIdx.x]) {
    *own[done].to = own[done].value;
    done++;
  }
  own.erase (own.begin (), own.begin () + (ptrdiff_t) done);
}

static void
run_fiber (void)
{
  (*body) ();
  current->done = true;
}

static void
start_fiber (Fiber *fiber)
{
  fiber->done = false;
  getcontext (&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack;
  fiber->context.uc_stack.ss_size = STACK_BYTES;
  fiber->context.uc_link = &scheduler;
  makecontext (&fiber->context, run_fiber, 0);
}

/* All threads up to the next barrier, again and again. A barrier that only
 * some reach would hang a card: it aborts here. */
static void
run_block (std::vector<Fiber> &fibers, unsigned threads)
{
  unsigned waiting = threads;

  for (unsigned i = 0; i < threads; i++)
    start_fiber (&fibers[i]);
  while (waiting > 0) {
    unsigned ended = 0, ran = waiting;

    for (unsigned i = 0; i < threads; i++) {
      if (fibers[i].done)
        continue;
      current = &fibers[i];
      threadIdx.x = i;
      swapcontext (&scheduler, &current->context);
      ended += fibers[i].done;
    }
    if (ended != 0 && ended != ran)
      abort ();
    waiting -= ended;
  }
  current = NULL;
}

void
pet_emulate_grid (
    dim3 grid, dim3 block, bool sync, const std::function<void ()> &thread)
{
  static Fibers kept;
  std::vector<Fiber> &fibers = kept.all;

  body = &thread;
  while (sync && fibers.size () < block.x) {
    Fiber fiber = {};

    fiber.stack = (char *) malloc (STACK_BYTES);
    fibers.push_back (fiber);
  }
  for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
    for (blockIdx.x = 0; blockIdx.x < grid.x; blockIdx.x++)
      if (sync)
        run_block (fibers, block.x);
      else
        for (threadIdx.x = 0; threadIdx.x < block.x; threadIdx.x++)
          thread ();
}

static void
run_closure (void *data)
{
  (*(std::function<void ()> *) data) ();
}

static void
free_closure (void *data)
{
  delete (std::function<void ()> *) data;
}

cudaError_t
pet_emulate_launch (cudaStream_t stream, std::function<void ()> run)
{
  return fake_cuda_enqueue ("launch", stream, run_closure, free_closure,
      new std::function<void ()> (run));
}
