/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A card made of host memory, in place of CUDA's runtime: the calls that cuda/
 * makes, with the checks that a debugging runtime would make (addresses and
 * sizes of copies, everything freed), and failures on demand.
 *
 * $PET_FAKE_CUDA, read at the first call, and fake_cuda_configure() take words
 * separated by commas:
 *
 *   devices=N      how many cards there are (default 1; 0: none)
 *   driver=N       version of the driver (default 13000; 0: there is none)
 *   memory=N       megabytes of the card (default 4096)
 *   fail=CALL:N    the N-th CALL ("cudaMalloc", "launch", ..., or "any") fails
 *   lost=N         from the N-th call on all fail: the card is gone
 *
 * Work starts at once: a stream is in order by nature. Under capture it is
 * recorded, and done at every launch of the graph. */

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
  size_t faults;      /* calls with addresses that are not of the card, ... */
} FakeCudaState;

FAKE_EXPORT void fake_cuda_state (FakeCudaState *state);

/* Runs or records; `data` is freed in any case. */
cudaError_t fake_cuda_enqueue (const char *call, cudaStream_t stream,
    void (*run) (void *), void (*free_data) (void *), void *data);
/* Whether `bytes` from `address` on lie in one allocation of the card. */
int fake_cuda_is_card (const void *address, size_t bytes);
cudaError_t fake_cuda_fail (cudaError_t error);

#ifdef __cplusplus
}
#endif
