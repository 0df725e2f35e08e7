/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks, one per file of this folder, in their versions. pet-effect.c
 * lists them. */

#pragma once

#include "image/pet-effect.h"
#include "image/pet-version.h"

#define PET_EFFECT_VERSIONS(look)                                              \
  extern const PetEffect pet_##look##_c, pet_##look##_avx2, pet_##look##_avx512

PET_EFFECT_VERSIONS (effect_color);
PET_EFFECT_VERSIONS (effect_enhancedblackwhite);
PET_EFFECT_VERSIONS (effect_popart);
PET_EFFECT_VERSIONS (effect_dithering);
PET_EFFECT_VERSIONS (effect_retro8bit);
PET_EFFECT_VERSIONS (effect_watercolor);
PET_EFFECT_VERSIONS (effect_mosaic);

PET_EFFECT_VERSIONS (fine_color);
PET_EFFECT_VERSIONS (fine_enhancedblackwhite);
PET_EFFECT_VERSIONS (fine_popart);
PET_EFFECT_VERSIONS (fine_dithering);
PET_EFFECT_VERSIONS (fine_retro8bit);
