/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Few colours and a value of each, to be found many pixels at a time
 * (map_colors () of PetPngKernels). Thread-safety: reading is safe. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PET_COLOR_MAP_MOST 32
#define PET_COLOR_MAP_BITS 7

typedef struct {
  int n_keys;
  uint32_t keys[PET_COLOR_MAP_MOST]; /* R, G, B, A as a number in memory */
  uint8_t values[PET_COLOR_MAP_MOST];

  /* Another way to them: slots[key * factor >> (32 - PET_COLOR_MAP_BITS)] is the
   * index of the key, which no other key shares. */
  uint32_t factor;
  uint8_t slots[1 << PET_COLOR_MAP_BITS];
} PetColorMap;

void pet_color_map_clear (PetColorMap *map);

/* A colour that is not there yet, of 4 bytes, with the value 0; false if there is no
 * room. */
bool pet_color_map_add (PetColorMap *map, const uint8_t *color);

#define PET_COLOR_MAP_BLOCK 64

/* With the value of a pixel that is one of the keys. */
#define PET_COLOR_MAP_KNOWN 256u

/* map_colors () for compilers to make vectors of. */
static inline bool
pet_color_map_block (
    const PetColorMap *map, const uint32_t *pixels, uint8_t *out)
{
  uint32_t found[PET_COLOR_MAP_BLOCK] = { 0 }, all = PET_COLOR_MAP_KNOWN;

  for (int k = 0; k < map->n_keys; k++) {
    uint32_t key = map->keys[k], value = PET_COLOR_MAP_KNOWN | map->values[k];

    for (int i = 0; i < PET_COLOR_MAP_BLOCK; i++)
      found[i] |= value & -(uint32_t) (pixels[i] == key);
  }
  for (int i = 0; i < PET_COLOR_MAP_BLOCK; i++) {
    all &= found[i];
    out[i] = (uint8_t) found[i];
  }
  return all != 0;
}

static inline bool
pet_color_map_pixels (
    const PetColorMap *map, const uint8_t *pixels, int n, uint8_t *out)
{
  uint32_t block[PET_COLOR_MAP_BLOCK];
  uint8_t values[PET_COLOR_MAP_BLOCK];
  bool known = true;

  for (int i = 0; known && i < n; i += PET_COLOR_MAP_BLOCK) {
    int part = n - i < PET_COLOR_MAP_BLOCK ? n - i : PET_COLOR_MAP_BLOCK;

    memcpy (block, pixels + 4 * (size_t) i, 4 * (size_t) part);
    for (int k = part; k < PET_COLOR_MAP_BLOCK; k++)
      block[k] = block[0];
    known = pet_color_map_block (map, block, values);
    memcpy (out + i, values, (size_t) part);
  }
  return known;
}
