/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fuzz-decode.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  fuzz_decode (bytes, size);
  return 0;
}

void
fuzz_seeds (FuzzSeed seed, void *user)
{
  seeds_jpeg (seed, user);
}

void
fuzz_repair (uint8_t *bytes, size_t size)
{
}
