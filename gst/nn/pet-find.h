/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the pet is: the network looks at the whole photo (in pieces if that is
 * a panorama), and where what it finds is small it looks closer. A photo of which
 * it is unsure, or in which it finds no pet, is shown to a second, better network,
 * whose answer counts alone. A network of at most 320 pixels that is unsure and has
 * nobody to ask is asked a second time (pet-framed.h). What is found is rid of
 * small islands and holes that nobody believes in, and falls off steeply, in haze
 * too. */

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
  bool second; /* the second network's answer */
} PetFound;

/* A network that is had only while it is needed: it may be loaded then, or
 * belong to several threads. `take` gives it, or NULL if it cannot be had;
 * `give_back` follows when it was given. */
typedef struct {
  PetSegmenter *(*take) (void *user);
  void (*give_back) (void *user);
  void *user;
} PetSecondNetwork;

/* `second` NULL: there is none. `largest`: the largest pet alone, else all. The
 * mask comes from `allocator`; pet_find_clear (). On failure there is nothing to
 * clear. */
PetStatus pet_find (PetSegmenter *segmenter, const PetSecondNetwork *second,
    const PetImage *photo, bool largest, const PetAllocator *allocator,
    PetFound *found, PetError *error);

void pet_find_clear (PetFound *found, const PetAllocator *allocator);
