/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-heap.h"

#include <string.h>

#include "base/pet-checked.h"

struct PetHeapBlock {
  PetHeap *heap;
  PetHeapBlock *previous, *next;
  size_t size_bytes;
};

_Static_assert(sizeof (PetHeapBlock) <= PET_HEAP_OVERHEAD,
    "a block's header fits before its payload");

static PetHeapBlock *
block_of (void *memory)
{
  return (PetHeapBlock *) ((char *) memory - PET_HEAP_OVERHEAD);
}

void
pet_heap_init (PetHeap *heap, const PetAllocator *allocator)
{
  *heap = (PetHeap){ .allocator = allocator };
}

/* NULL when there is no memory for a block, header included. */
static PetHeapBlock *
take_block (PetHeap *heap, size_t size_bytes)
{
  PetHeapBlock *block = NULL;
  size_t total = 0;
  bool fits = pet_add_size (size_bytes, PET_HEAP_OVERHEAD, &total);

  if (heap == NULL)
    return fits ? pet_alloc (NULL, total) : NULL;
  if (heap->max_bytes != 0 &&
      (!fits || total > heap->max_bytes - heap->used_bytes)) {
    heap->over_limit = true;
    return NULL;
  }
  if (fits)
    block = pet_alloc (heap->allocator, total);
  if (block == NULL)
    heap->refused = true;
  else
    heap->used_bytes += total;
  return block;
}

void *
pet_heap_alloc (PetHeap *heap, size_t size_bytes)
{
  PetHeapBlock *block = take_block (heap, size_bytes);

  if (block == NULL)
    return NULL;
  *block = (PetHeapBlock){ .heap = heap, .size_bytes = size_bytes };
  if (heap != NULL) {
    block->next = heap->blocks;
    if (block->next != NULL)
      block->next->previous = block;
    heap->blocks = block;
  }
  return (char *) block + PET_HEAP_OVERHEAD;
}

void *
pet_heap_realloc (PetHeap *heap, void *memory, size_t size_bytes)
{
  void *grown = pet_heap_alloc (heap, size_bytes);
  size_t kept;

  if (grown == NULL || memory == NULL)
    return grown;
  kept = block_of (memory)->size_bytes;
  memcpy (grown, memory, kept < size_bytes ? kept : size_bytes);
  pet_heap_free (memory);
  return grown;
}

void
pet_heap_free (void *memory)
{
  PetHeapBlock *block;
  PetHeap *heap;

  if (memory == NULL)
    return;
  block = block_of (memory);
  heap = block->heap;
  if (heap != NULL) {
    heap->used_bytes -= block->size_bytes + PET_HEAP_OVERHEAD;
    if (block->next != NULL)
      block->next->previous = block->previous;
    if (block->previous != NULL)
      block->previous->next = block->next;
    else
      heap->blocks = block->next;
  }
  pet_free (heap != NULL ? heap->allocator : NULL, block,
      block->size_bytes + PET_HEAP_OVERHEAD);
}

void
pet_heap_clear (PetHeap *heap)
{
  while (heap->blocks != NULL)
    pet_heap_free ((char *) heap->blocks + PET_HEAP_OVERHEAD);
}
