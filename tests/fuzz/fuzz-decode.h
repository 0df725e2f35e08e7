/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the picture targets do with a file. The last byte, which both formats
 * leave alone, chooses how it is read. */

#pragma once

#include "codecs/codec-files.h"

#define FUZZ_MAX_PIXELS (1 << 18)

static inline PetDecodeOptions
fuzz_options (const uint8_t *bytes, size_t size)
{
  uint8_t choice = size > 0 ? bytes[size - 1] : 0;
  PetDecodeOptions options;

  pet_decode_options_init (&options);
  options.max_pixels = FUZZ_MAX_PIXELS;
  options.max_scans = 20;
  options.strict = choice & 1;
  options.max_size = choice & 2 ? 1 + (choice >> 2) : 0;
  return options;
}

/* Read twice, over memory of two kinds: the same comes out, no byte beyond
 * the rows is written, all memory is given back and was announced. */
static inline void
fuzz_decode (const uint8_t *bytes, size_t size)
{
  PetDecodeOptions options = fuzz_options (bytes, size);
  Picture picture = decode ((Bytes){ (uint8_t *) bytes, size }, &options);

  picture_free (&picture);
  if (tap_failures_ > 0)
    abort ();
}
