/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From coefficients to rows of samples, for pictures that are halved: in place of
 * the library's decompress_onepass() (jdcoefct.c), which goes block by block.
 * Blocks of components that become 4x4 samples are gathered for the inverse DCT,
 * the others go through the library's. Only pet-jpeg-entropy.c uses it. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/pet-alloc.h"
#include "codec/pet-jpeg-idct.h"

typedef struct {
  PetJpegIdct idct; /* NULL: none are gathered */
  JDIMENSION mcus_at_once;
  bool is_gathered[MAX_COMPS_IN_SCAN], has_others;
  JBLOCKROW blocks[D_MAX_BLOCKS_IN_MCU]; /* of the next MCU */
  int steps[D_MAX_BLOCKS_IN_MCU];        /* to the one after it, in numbers */
  int16_t factors[MAX_COMPS_IN_SCAN][DCTSIZE2];
  /* Of a gathered component for the first block of each of an MCU's rows; else
   * the first DCTSIZE2 for each block. */
  _Alignas(PET_ALIGNMENT) JCOEF coefs[D_MAX_BLOCKS_IN_MCU][PET_JPEG_IDCT_COEFS];
} PetJpegBlocks;

/* Decides which components are gathered; false: none. `self` is zeroed. */
bool pet_jpeg_blocks_init (PetJpegBlocks *self, j_decompress_ptr cinfo);

/* The next rows of MCUs, as many as the library wants at a time; what the
 * library's function returns. */
int pet_jpeg_blocks_read (
    PetJpegBlocks *self, j_decompress_ptr cinfo, JSAMPIMAGE rows);
