/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-room.h"

#include <stdlib.h>
#include <string.h>

/* The smallest free block that is large enough. */
static PetRoomBlock *
find_free (PetRoom *room, size_t size)
{
  PetRoomBlock *best = NULL;

  for (size_t i = 0; i < room->n_blocks; i++) {
    PetRoomBlock *block = &room->blocks[i];

    if (!block->used && block->bytes >= size &&
        (best == NULL || block->bytes < best->bytes))
      best = block;
  }
  return best;
}

static void
forget_free (PetRoom *room)
{
  size_t kept = 0;

  for (size_t i = 0; i < room->n_blocks; i++)
    if (room->blocks[i].used)
      room->blocks[kept++] = room->blocks[i];
    else
      pet_free (room->host, room->blocks[i].memory, room->blocks[i].bytes);
  room->n_blocks = kept;
}

static void *
take_new (PetRoom *room, size_t size, bool zeroed)
{
  PetRoomBlock *blocks =
      realloc (room->blocks, (room->n_blocks + 1) * sizeof *blocks);
  void *memory;

  if (blocks == NULL)
    return NULL;
  room->blocks = blocks;
  memory = zeroed ? pet_alloc_zeroed (room->host, size)
                  : pet_alloc (room->host, size);
  if (memory != NULL)
    blocks[room->n_blocks++] = (PetRoomBlock){ memory, size, true };
  return memory;
}

/* What lies free but is too small goes first: it would never be asked for again. */
static void *
room_take (PetRoom *room, size_t size, bool zeroed)
{
  PetRoomBlock *block = find_free (room, size);

  if (block == NULL) {
    forget_free (room);
    return take_new (room, size, zeroed);
  }
  block->used = true;
  if (zeroed)
    memset (block->memory, 0, size);
  return block->memory;
}

static void *
room_alloc (void *user, size_t size)
{
  return room_take (user, size, false);
}

static void *
room_alloc_zeroed (void *user, size_t size)
{
  return room_take (user, size, true);
}

static void
room_free (void *user, void *memory, size_t size)
{
  PetRoom *room = user;

  for (size_t i = 0; i < room->n_blocks; i++)
    if (room->blocks[i].memory == memory) {
      room->blocks[i].used = false;
      return;
    }
}

void
pet_room_init (PetRoom *room, const PetAllocator *host)
{
  *room = (PetRoom){ .allocator = { room_alloc, room_free, room,
                         room_alloc_zeroed },
    .host = host };
}

void
pet_room_clear (PetRoom *room)
{
  forget_free (room);
  free (room->blocks);
  *room = (PetRoom){ .host = NULL };
}
