/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The segments of a JPEG file before its first scan, read without a library:
 * what kind of JPEG it is, its size, which way up, its colour profile. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-status.h"

#define PET_JPEG_MAX_ICC_CHUNKS 255

typedef struct {
  size_t offset, size;
} PetJpegChunk;

typedef struct {
  int frame_marker; /* 0xC0..0xCF, 0xDE (hierarchy), 0xF7 (JPEG-LS); 0: none */
  int precision, width, height, n_components; /* 0 without a frame header */
  int orientation;                            /* EXIF 1..8 */
  bool ends_early; /* the bytes end before the first scan */
  PetJpegChunk icc[PET_JPEG_MAX_ICC_CHUNKS]; /* by sequence number - 1 */
  int n_icc_chunks; /* as they say; 0 = no profile or an inconsistent one */
  size_t icc_size;  /* of all chunks; 0 unless all are there */
} PetJpegHeader;

/* Never fails: what cannot be found is left 0. */
void pet_jpeg_header_parse (
    PetJpegHeader *header, const uint8_t *bytes, size_t size);

/* UNSUPPORTED, with the process named, for all but 8-bit Huffman-coded DCT
 * JPEG; CORRUPT or TRUNCATED without a usable frame header. */
PetStatus pet_jpeg_header_check (const PetJpegHeader *header, PetError *error);

/* Puts the icc_size bytes of the profile together in `profile`. */
void pet_jpeg_header_copy_icc (
    const PetJpegHeader *header, const uint8_t *bytes, uint8_t *profile);
