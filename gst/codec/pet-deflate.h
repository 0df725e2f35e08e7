/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A zlib stream (RFC 1950, 1951) of filtered picture rows, written in pieces
 * from bounded memory. Level 1 finds runs only, which is what filtered photos
 * have, and is as fast as Huffman coding alone; higher levels look for repeats
 * as well, and take one only where it costs fewer bits than its bytes.
 *
 * All arithmetic is on integers: same bytes in, same bytes out, on any machine
 * and with any version of any library. Thread-safety: one thread at a time. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-status.h"

typedef struct PetDeflate PetDeflate;

/* Takes the next bytes of the stream, valid during the call only. Anything but
 * PET_OK ends the stream; it comes back from the function that was called. */
typedef PetStatus (*PetDeflateWrite) (
    void *user, const uint8_t *bytes, size_t size, PetError *error);

/* Bytes pet_deflate_new takes from the allocator. */
size_t pet_deflate_bytes (int level);

/* `level` 0 (stored) to 9. `pitch`: bytes of a row that is much like the one above,
 * as in pictures of few colours; 0: not looked for. From level 2 on. `packed`: a
 * byte is several pixels. */
PetStatus pet_deflate_new (const PetAllocator *allocator, int level,
    size_t pitch, bool packed, PetDeflateWrite write, void *user,
    PetDeflate **deflate, PetError *error);

PetStatus pet_deflate_add (
    PetDeflate *deflate, const uint8_t *bytes, size_t size, PetError *error);

/* As pet_deflate_add of `size` bytes of 0, but in no time. */
PetStatus pet_deflate_add_zeros (
    PetDeflate *deflate, size_t size, PetError *error);

/* Ends the stream. Nothing can be added any more. */
PetStatus pet_deflate_finish (PetDeflate *deflate, PetError *error);

/* `*deflate` NULL allowed; it is NULL afterwards. */
void pet_deflate_free (PetDeflate **deflate);
