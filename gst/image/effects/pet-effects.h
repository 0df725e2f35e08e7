/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks, one per file of this folder, in their versions. pet-effect.c
 * lists them. */

#pragma once

#include "image/pet-effect.h"
#include "image/pet-version.h"

#define PET_EFFECT_VERSIONS(look)                                              \
  extern const PetEffect pet_effect_##look##_c, pet_effect_##look##_avx2,      \
      pet_effect_##look##_avx512

PET_EFFECT_VERSIONS (color);
PET_EFFECT_VERSIONS (enhancedblackwhite);
PET_EFFECT_VERSIONS (popart);
PET_EFFECT_VERSIONS (dithering);
PET_EFFECT_VERSIONS (retro8bit);
