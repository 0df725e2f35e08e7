/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Colours that a file describes by numbers instead of a profile: PNG's cICP
 * (code points of ITU-T H.273) and cHRM with gAMA. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "codec/pet-icc-matrix.h"

typedef enum {
  PET_TRANSFER_SRGB,
  PET_TRANSFER_GAMMA, /* light = sample ^ exponent */
  PET_TRANSFER_BT709, /* the camera's curve, as if light were scene light */
  PET_TRANSFER_PQ,    /* SMPTE ST 2084; 203 cd/m2 is white, clipped above */
  PET_TRANSFER_HLG,   /* ARIB STD-B67, the same */
} PetTransfer;

/* Chromaticities x, y. */
typedef struct {
  double white[2], primaries[3][2]; /* red, green, blue */
  PetTransfer transfer;
  double exponent; /* PET_TRANSFER_GAMMA */
} PetColorimetry;

/* False for code points that are not known here. `full_range` false and any
 * matrix but 0 (RGB) are not for PNG and refused by the caller. */
bool pet_colorimetry_from_code_points (
    PetColorimetry *self, int primaries, int transfer);

/* sRGB's primaries, up to what rounding explains. */
bool pet_colorimetry_has_srgb_primaries (const PetColorimetry *self);

/* To sRGB, white to white (Bradford). False where the numbers span no
 * colours. */
bool pet_colorimetry_to_matrix (
    const PetColorimetry *self, PetIccMatrix *matrix);
