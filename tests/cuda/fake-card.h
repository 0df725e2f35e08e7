/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A card of host memory for one test. */

#pragma once

#include "fake-cuda.h"
#include "pet-cuda-private.h"
#include "tap.h"

/* With these words (fake-cuda.h). */
static inline PetCuda *
open_card (const char *words)
{
  PetCudaOptions options = { .device = -1 };
  PetError error = { .status = PET_OK };
  PetCuda *cuda = NULL;

  fake_cuda_configure (words);
  if (pet_cuda_open (&options, &cuda, &error) != PET_OK)
    tap_fail ("open: %s", error.message);
  return cuda;
}

/* Everything is given back, and no call was a wrong one. */
static inline void
close_card (PetCuda *cuda)
{
  FakeCudaState state;

  pet_cuda_close (&cuda);
  fake_cuda_configure ("");
  fake_cuda_state (&state);
  if (state.allocations != 0 || state.objects != 0 || state.faults != 0)
    tap_fail ("%zu allocations, %zu objects left, %zu faults",
        state.allocations, state.objects, state.faults);
}
