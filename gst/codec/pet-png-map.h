/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet_png_map_colors () of PetPngKernels, for the files of its versions: each
 * compiler makes vectors of it for what it compiles for. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PET_PNG_MAP_BLOCK 64

/* With the value of a pixel that is one of the keys. */
#define PET_PNG_KNOWN 256u

static inline bool
pet_png_map_block (const uint32_t *pixels, const uint32_t *keys,
    const uint8_t *values, int n_keys, uint8_t *out)
{
  uint32_t found[PET_PNG_MAP_BLOCK], differ = 0, all = PET_PNG_KNOWN;

  for (int i = 0; i < PET_PNG_MAP_BLOCK; i++)
    differ |= pixels[i] ^ pixels[0];
  if (differ == 0) {
    int k = 0;

    while (k < n_keys && keys[k] != pixels[0])
      k++;
    if (k < n_keys)
      memset (out, values[k], PET_PNG_MAP_BLOCK);
    return k < n_keys;
  }
  for (int i = 0; i < PET_PNG_MAP_BLOCK; i++)
    found[i] = 0;
  for (int k = 0; k < n_keys; k++) {
    uint32_t key = keys[k], value = PET_PNG_KNOWN | values[k];

    for (int i = 0; i < PET_PNG_MAP_BLOCK; i++)
      found[i] |= value & -(uint32_t) (pixels[i] == key);
  }
  for (int i = 0; i < PET_PNG_MAP_BLOCK; i++) {
    all &= found[i];
    out[i] = (uint8_t) found[i];
  }
  return all != 0;
}

static inline bool
pet_png_map_any (const uint8_t *pixels, int n, const uint32_t *keys,
    const uint8_t *values, int n_keys, uint8_t *out)
{
  uint32_t block[PET_PNG_MAP_BLOCK];
  uint8_t rest[PET_PNG_MAP_BLOCK];
  int i = 0;

  for (; i + PET_PNG_MAP_BLOCK <= n; i += PET_PNG_MAP_BLOCK) {
    memcpy (block, pixels + 4 * (size_t) i, sizeof block);
    if (!pet_png_map_block (block, keys, values, n_keys, out + i))
      return false;
  }
  if (i == n)
    return true;
  memcpy (block, pixels + 4 * (size_t) i, 4 * (size_t) (n - i));
  for (int k = n - i; k < PET_PNG_MAP_BLOCK; k++)
    block[k] = block[0];
  if (!pet_png_map_block (block, keys, values, n_keys, rest))
    return false;
  memcpy (out + i, rest, (size_t) (n - i));
  return true;
}
