/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A table of 32 colours in registers: two or four of them. */

#pragma once

#include <stdint.h>

#include "image/effects/pet-vector.h"

#if PET_VECTOR_BYTES == 64
typedef struct {
  __m512i low, high;
} PetPalette;

static inline PetPalette
pet_palette_load (const uint32_t table[32])
{
  return (PetPalette){ pet_vector_load (table), pet_vector_load (table + 16) };
}

/* Colours by indices of 32 bits. */
static inline PetVector
pet_palette_look_up (const PetPalette *palette, PetVector index)
{
  return _mm512_permutex2var_epi32 (palette->low, index, palette->high);
}
#elif PET_VECTOR_BYTES == 32
typedef struct {
  __m256 parts[4];
} PetPalette;

static inline PetPalette
pet_palette_load (const uint32_t table[32])
{
  PetPalette palette;

  for (int i = 0; i < 4; i++)
    palette.parts[i] = _mm256_castsi256_ps (pet_vector_load (table + 8 * i));
  return palette;
}

/* Index bits 3 and 4, moved to the sign, pick one of four registers. */
static inline PetVector
pet_palette_look_up (const PetPalette *palette, PetVector index)
{
  const __m256 *parts = palette->parts;
  __m256 bit_3 = _mm256_castsi256_ps (_mm256_slli_epi32 (index, 28));
  __m256 bit_4 = _mm256_castsi256_ps (_mm256_slli_epi32 (index, 27));
  __m256 low = _mm256_blendv_ps (_mm256_permutevar8x32_ps (parts[0], index),
      _mm256_permutevar8x32_ps (parts[1], index), bit_3);
  __m256 high = _mm256_blendv_ps (_mm256_permutevar8x32_ps (parts[2], index),
      _mm256_permutevar8x32_ps (parts[3], index), bit_3);

  return _mm256_castps_si256 (_mm256_blendv_ps (low, high, bit_4));
}
#endif
