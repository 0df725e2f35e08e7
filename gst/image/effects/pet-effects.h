/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks, one per file of this folder. pet-effect.c lists them. */

#pragma once

#include "image/pet-effect.h"

extern const PetEffect pet_effect_color;
extern const PetEffect pet_effect_enhancedblackwhite;
extern const PetEffect pet_effect_popart;
extern const PetEffect pet_effect_dithering;
extern const PetEffect pet_effect_retro8bit;
