/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Huffman codes, ours against the library's. The last byte chooses the scale. */

#include "codecs/codec-entropy.h"
#include "fuzz.h"

#define MAX_PIXELS ((size_t) 1 << 17)

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  Bytes file = { (uint8_t *) bytes, size };

  if (size == 0)
    return 0;
  entropy_compare (file, 1 << (bytes[size - 1] & 3), MAX_PIXELS, "a file");
  if (tap_failures_ > 0)
    abort ();
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
