/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the pet is: the network looks at the whole photo (in pieces if that is
 * a panorama), where what it finds is small it looks closer, and where it is
 * unsure it is asked a second time (pet-framed.h). */

#pragma once

#include "image/pet-matte.h"
#include "nn/pet-segmenter.h"

/* Values of a mask up to the first are taken for none of the pet, from the
 * second on for all of it. */
#define PET_FIND_NONE 28
#define PET_FIND_ALL 227

typedef struct {
  PetImage mask; /* of the part; all 0 if there is no pet */
  PetPart part;  /* of the photo */
  bool empty;
} PetFound;

/* `largest`: the largest pet alone, else all. The mask comes from `allocator`;
 * pet_find_clear (). On failure there is nothing to clear. */
PetStatus pet_find (PetSegmenter *segmenter, const PetImage *photo,
    bool largest, const PetAllocator *allocator, PetFound *found,
    PetError *error);

void pet_find_clear (PetFound *found, const PetAllocator *allocator);
