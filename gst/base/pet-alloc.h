/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the plain C core gets its memory, so that a host can charge a budget
 * before a byte is taken and can make the n-th allocation fail in tests. */

#pragma once

#include <stddef.h>

#define PET_ALIGNMENT 64

/* Thread-safety: `alloc` and `free` may be called from any thread at once.
 * `alloc` returns memory aligned to PET_ALIGNMENT with undefined contents, or
 * NULL when there is none or the host refuses. `free` gets the size that was
 * asked for. `alloc_zeroed`, for a host that knows of memory that it is 0 as it
 * comes from the system, and need not be touched before it is used; NULL: what
 * `alloc` gives is cleared. */
typedef struct {
  void *(*alloc) (void *user, size_t size_bytes);
  void (*free) (void *user, void *memory, size_t size_bytes);
  void *user;
  void *(*alloc_zeroed) (void *user, size_t size_bytes);
} PetAllocator;

/* `allocator` NULL means the C library. A size of 0 gives a pointer that can
 * be freed. pet_alloc returns NULL on failure; pet_alloc_zeroed clears. */
void *pet_alloc (const PetAllocator *allocator, size_t size_bytes);
void *pet_alloc_zeroed (const PetAllocator *allocator, size_t size_bytes);

/* NULL `memory` allowed. */
void pet_free (const PetAllocator *allocator, void *memory, size_t size_bytes);
