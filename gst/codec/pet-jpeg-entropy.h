/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Huffman decoding of sequential JPEGs in place of libjpeg-turbo's, in two thirds
 * of its time: most coefficients are one look into a table that holds the value
 * itself. Coefficients, warnings and errors are those of the library's careful
 * way (jdhuff.c), which it goes near damage only: elsewhere it does not report a
 * code that is none. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/pet-alloc.h"
#include "base/pet-status.h"

/* Thread-safety: one thread at a time. */
typedef struct PetJpegEntropy PetJpegEntropy;

/* What pet_jpeg_entropy_new() takes. */
size_t pet_jpeg_entropy_bytes (void);

/* To be called when jpeg_start_decompress() has returned and no row has been
 * read. `entropy` is NULL, and the library goes on by itself, where the file has
 * several scans, is coded otherwise, or the library does not show this part of it
 * (jpegint.h). Fails only for lack of memory. */
PetStatus pet_jpeg_entropy_new (const PetAllocator *allocator,
    j_decompress_ptr cinfo, PetJpegEntropy **entropy, PetError *error);

/* After jpeg_destroy_decompress(); NULL allowed. */
void pet_jpeg_entropy_free (
    const PetAllocator *allocator, PetJpegEntropy *entropy);
