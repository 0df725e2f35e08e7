/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-color-map.h"

void
pet_color_map_clear (PetColorMap *map)
{
  memset (map, 0, sizeof *map);
  map->factor = 1;
}

static bool
fill_slots (PetColorMap *map)
{
  uint64_t used[2] = { 0 };

  for (int k = 0; k < map->n_keys; k++) {
    uint32_t slot = map->keys[k] * map->factor >> (32 - PET_COLOR_MAP_BITS);
    uint64_t bit = (uint64_t) 1 << slot % 64;

    if ((used[slot / 64] & bit) != 0)
      return false;
    used[slot / 64] |= bit;
    map->slots[slot] = (uint8_t) k;
  }
  return true;
}

bool
pet_color_map_add (PetColorMap *map, const uint8_t *color)
{
  if (map->n_keys == PET_COLOR_MAP_MOST)
    return false;
  memcpy (&map->keys[map->n_keys++], color, 4);
  /* One factor in a hundred keeps 32 keys apart. */
  for (int i = 0; i < 10000; i++) {
    if (fill_slots (map))
      return true;
    map->factor = map->factor * 0x915f77f5u + 0x9e3779b8u;
    map->factor |= 1;
  }
  map->n_keys--;
  return false;
}
