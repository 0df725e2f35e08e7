/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* malloc, realloc and free for the image libraries, on top of a PetAllocator.
 * Every block is on a list, so that whatever a library left behind when it
 * gave up is freed with the heap. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/pet-alloc.h"

typedef struct PetHeapBlock PetHeapBlock;

/* Thread-safety: one thread at a time. `refused` stays set once an allocation
 * has failed, `over_limit` once one has for the heap's own limit. */
typedef struct {
  const PetAllocator *allocator;
  PetHeapBlock *blocks;
  size_t max_bytes; /* of all blocks together, 0 = no limit; set after init */
  size_t used_bytes;
  bool refused, over_limit;
} PetHeap;

/* Bytes one block costs beyond its size. */
#define PET_HEAP_OVERHEAD 64

void pet_heap_init (PetHeap *heap, const PetAllocator *allocator);

/* Aligned to PET_ALIGNMENT; NULL on failure. `heap` NULL: the C library's
 * memory, on no list, to be given back with pet_heap_free. */
void *pet_heap_alloc (PetHeap *heap, size_t size_bytes);
void *pet_heap_realloc (PetHeap *heap, void *memory, size_t size_bytes);

/* `memory` NULL allowed; it knows the heap it came from. */
void pet_heap_free (void *memory);

/* Frees every block. */
void pet_heap_clear (PetHeap *heap);
