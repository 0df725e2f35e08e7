/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <zlib.h>

#include "fuzz-decode.h"
#include "fuzz.h"

size_t LLVMFuzzerMutate (uint8_t *bytes, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator (
    uint8_t *bytes, size_t size, size_t max_size, unsigned seed);

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  fuzz_decode (bytes, size);
  return 0;
}

void
fuzz_seeds (FuzzSeed seed, void *user)
{
  seeds_png (seed, user);
}

static uint32_t
read_u32 (const uint8_t *bytes)
{
  return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 |
      (uint32_t) bytes[2] << 8 | bytes[3];
}

/* The checksum of every chunk that is whole. */
void
fuzz_repair (uint8_t *bytes, size_t size)
{
  size_t offset = 8;

  while (size >= offset + 12) {
    size_t length = read_u32 (bytes + offset);
    unsigned long crc;

    if (length > size - offset - 12)
      break;
    crc = crc32 (0, bytes + offset + 4, (unsigned) length + 4);
    for (int i = 0; i < 4; i++)
      bytes[offset + 8 + length + (size_t) i] = (uint8_t) (crc >> (24 - 8 * i));
    offset += length + 12;
  }
}

#ifdef PET_LIBFUZZER
size_t
LLVMFuzzerCustomMutator (
    uint8_t *bytes, size_t size, size_t max_size, unsigned seed)
{
  size = LLVMFuzzerMutate (bytes, size, max_size);
  if (seed % 16 != 0)
    fuzz_repair (bytes, size);
  return size;
}
#endif
