/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A card made of host memory, in place of CUDA's runtime: the calls that cuda/
 * makes, with the checks that a debugging runtime would make (addresses and
 * sizes of copies, everything freed), and failures on demand.
 *
 * $PET_FAKE_CUDA, read at the first call, and fake_cuda_configure() take words
 * separated by commas:
 *
 *   devices=N      how many cards there are (default 1; 0: none; also 0 where
 *                  $CUDA_VISIBLE_DEVICES is empty)
 *   compute=N      its compute capability (default 7.5: no tensor cores of ours,
 *                  which take long here)
 *   driver=N       version of the driver (default 13000; 0: there is none)
 *   memory=N       megabytes of the card (default 4096)
 *   taken=N        megabytes of it that another process has (default 0)
 *   fail=CALL:N    the N-th CALL ("cudaMalloc", "launch", ..., or "any") fails
 *   lost=N         from the N-th call on all fail: the card is gone
 *
 *   late=N         work of streams waits until somebody waits for it: 1: of those
 *                  made first, third, ..., 2: of the others, 3: of all
 *
 * Else work is done when it is started. A result that depends on `late` shows
 * that a wait is missing between streams, or before the host reads. Under
 * capture work is recorded, and done at every launch of the graph. */

#pragma once

#include <cuda_runtime_api.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FAKE_EXPORT __attribute__ ((visibility ("default")))

/* Starts anew with these words; what was allocated stays. */
FAKE_EXPORT void fake_cuda_configure (const char *words);

typedef struct {
  size_t calls;       /* since the last configure */
  size_t allocations; /* alive now */
  size_t bytes, peak; /* of the card */
  size_t objects;     /* streams, events, graphs alive */
  size_t up, down;    /* bytes copied to and from the card, since then */
  size_t waiting;     /* work of streams that was started and is not done */
  size_t faults;      /* calls with addresses that are not of the card, ... */
} FakeCudaState;

FAKE_EXPORT void fake_cuda_state (FakeCudaState *state);

/* The next `call`, of whatever thread, does not return until it is let go, for 20 s
 * at most. */
FAKE_EXPORT void fake_cuda_hold (const char *call);
/* Waits until it has come; 0: it did not come in 20 s. */
FAKE_EXPORT int fake_cuda_await_held (void);
/* Whether it was still held. */
FAKE_EXPORT int fake_cuda_let_go (void);

/* Runs or records; `data` is freed in any case. */
cudaError_t fake_cuda_enqueue (const char *call, cudaStream_t stream,
    void (*run) (void *), void (*free_data) (void *), void *data);
/* Whether `bytes` from `address` on lie in one allocation of the card. */
int fake_cuda_is_card (const void *address, size_t bytes);
int fake_cuda_is_pinned (const void *address, size_t bytes);
cudaError_t fake_cuda_fail (cudaError_t error);

/* ---- between fake-cuda.c, fake-streams.c, and fake-driver.c ---- */

/* As cudaMalloc() and cudaHostAlloc(), cudaFree() and cudaFreeHost(). */
cudaError_t fake_cuda_allocate (
    const char *call, void **data, size_t bytes, int pinned);
cudaError_t fake_cuda_release (const char *call, void *data, int pinned);
/* The primary context becomes current for this thread. */
void fake_driver_use_primary (void);

/* Every call is made between these two, and counted: it may be to fail. */
void fake_cuda_enter (void);
cudaError_t fake_cuda_leave (cudaError_t error);
cudaError_t fake_cuda_count (const char *call);
void fake_cuda_count_bytes (size_t up, size_t down);
/* All of that, for calls that only succeed or fail. */
cudaError_t fake_cuda_answer (const char *call);
cudaError_t fake_cuda_new_object (
    const char *call, size_t bytes, void **object);
cudaError_t fake_cuda_free_object (const char *call, void *object);

void fake_streams_configure (int late);
/* Does all that waits on any stream. */
void fake_streams_finish (void);
size_t fake_streams_waiting (void);

#ifdef __cplusplus
}
#endif
