/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parsers that read metadata without a library: EXIF, and the segments
 * before a JPEG's first scan. */

#include <stdlib.h>

#include "codec/pet-exif.h"
#include "codec/pet-jpeg-header.h"
#include "fuzz.h"

static void
check_orientation (int orientation)
{
  if (orientation < 1 || orientation > 8)
    abort ();
}

static void
check_profile (const PetJpegHeader *header, const uint8_t *bytes, size_t size)
{
  uint8_t *profile;

  if (header->icc_size > size)
    abort ();
  profile = malloc (header->icc_size + 1);
  if (profile == NULL)
    abort ();
  pet_jpeg_header_copy_icc (header, bytes, profile);
  free (profile);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
  PetJpegHeader header;
  PetError error;

  check_orientation (pet_exif_orientation (bytes, size));
  if (size < 2)
    return 0;
  pet_jpeg_header_parse (&header, bytes, size);
  check_orientation (header.orientation);
  pet_jpeg_header_check (&header, &error);
  if (header.icc_size > 0)
    check_profile (&header, bytes, size);
  return 0;
}

void
fuzz_seeds (FuzzSeed seed, void *user)
{
  seeds_exif (seed, user);
  seeds_jpeg (seed, user);
}

void
fuzz_repair (uint8_t *bytes, size_t size)
{
}
