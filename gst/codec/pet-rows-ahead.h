/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the rows of a picture in a thread of its own, some of them ahead of
 * who takes them, who has other work to do with each. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-status.h"
#include "codec/pet-codec-internal.h"

/* Rows that may be read ahead. */
#define PET_ROWS_AHEAD 64

/* Thread-safety: one thread at a time takes rows. From new() to free() the
 * reader belongs to the other thread, which may take memory from the reader's
 * allocator. */
typedef struct PetRowsAhead PetRowsAhead;

/* Bytes pet_rows_ahead_new takes from the allocator. */
size_t pet_rows_ahead_bytes (size_t row_bytes);

/* Begins to read `n_rows` rows of `row_bytes`; the reader was started. Errors:
 * MEMORY, also where no thread is to be had. */
PetStatus pet_rows_ahead_new (const PetAllocator *allocator, PetReader *reader,
    size_t row_bytes, int n_rows, PetRowsAhead **ahead, PetError *error);

/* The next row, valid until the one after it is asked for; waits for it. The
 * error is the reader's, after the rows that come before it. */
PetStatus pet_rows_ahead_next (
    PetRowsAhead *ahead, const uint8_t **row, PetError *error);

/* Ends the thread and frees *ahead (NULL allowed). */
void pet_rows_ahead_free (PetRowsAhead **ahead);
