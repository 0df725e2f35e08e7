/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory for one network after another: what the one before gave back serves the
 * next, so that a host sees no more than the largest of them, once. Thread-safety:
 * one thread at a time. */

#pragma once

#include <stdbool.h>

#include "base/pet-alloc.h"

typedef struct {
  void *memory;
  size_t bytes;
  bool used;
} PetRoomBlock;

/* `allocator` is for the networks, and lasts as long as the room stays where it
 * is. */
typedef struct {
  PetAllocator allocator;
  const PetAllocator *host;
  PetRoomBlock *blocks;
  size_t n_blocks;
} PetRoom;

/* `host` NULL: the C library. */
void pet_room_init (PetRoom *room, const PetAllocator *host);
/* All that was taken must be given back by then. A room of zeros: nothing. */
void pet_room_clear (PetRoom *room);
