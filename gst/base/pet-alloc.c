/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/pet-alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/pet-checked.h"

static void *
system_alloc (size_t size_bytes)
{
  size_t padded;

  if (!pet_add_size (size_bytes, PET_ALIGNMENT, &padded))
    return NULL;
  return aligned_alloc (PET_ALIGNMENT, padded & ~(size_t) (PET_ALIGNMENT - 1));
}

void *
pet_alloc (const PetAllocator *allocator, size_t size_bytes)
{
  if (allocator == NULL)
    return system_alloc (size_bytes);
  return allocator->alloc (allocator->user, size_bytes);
}

void *
pet_alloc_zeroed (const PetAllocator *allocator, size_t size_bytes)
{
  void *memory;

  if (allocator != NULL && allocator->alloc_zeroed != NULL)
    return allocator->alloc_zeroed (allocator->user, size_bytes);
  memory = pet_alloc (allocator, size_bytes);
  if (memory != NULL)
    memset (memory, 0, size_bytes);
  return memory;
}

void
pet_free (const PetAllocator *allocator, void *memory, size_t size_bytes)
{
  if (memory == NULL)
    return;
  if (allocator == NULL)
    free (memory);
  else
    allocator->free (allocator->user, memory, size_bytes);
}
