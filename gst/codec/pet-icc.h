/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Embedded colour profile to sRGB, relative colorimetric with black point
 * compensation. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-status.h"
#include "codec/pet-colorimetry.h"

/* Larger profiles are ignored, and so are those for which the colour library
 * wants more memory: a grid of 500 bytes can ask for 100 MB. */
#define PET_ICC_MAX_BYTES ((size_t) 4 << 20)
#define PET_ICC_MAX_MEMORY ((size_t) 32 << 20)

/* What a pixel of the input is. */
typedef enum {
  PET_ICC_GREY,          /* R, G, B, all equal; becomes R, G, B */
  PET_ICC_GREY_ALPHA,    /* the same with alpha, which is kept */
  PET_ICC_RGB,           /* R, G, B */
  PET_ICC_RGBA,          /* alpha is kept */
  PET_ICC_CMYK_INVERTED, /* 4 bytes, 255 = no ink; becomes R, G, B */
} PetIccInput;

/* Thread-safety: one thread at a time. */
typedef struct PetIcc PetIcc;

/* Leaves NULL in *icc, with PET_OK, where there is nothing to do: a profile
 * that is broken, too large or too costly, for another kind of pixels, or sRGB already.
 * `profile` is not needed afterwards. Only memory is an error. */
PetStatus pet_icc_new (const PetAllocator *allocator, const uint8_t *profile,
    size_t size, PetIccInput input, PetIcc **icc, PetError *error);

/* The same for colours described by numbers; `input` RGB or RGBA. */
PetStatus pet_icc_new_colorimetry (const PetAllocator *allocator,
    const PetColorimetry *colorimetry, PetIccInput input, PetIcc **icc,
    PetError *error);

/* `n_pixels` from `in` to `out`, which may be the same memory. */
void pet_icc_apply (
    PetIcc *icc, const uint8_t *in, uint8_t *out, size_t n_pixels);

/* Frees *icc (NULL allowed) and clears it. */
void pet_icc_free (PetIcc **icc);
