/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A photo shown smaller, within a mirrored frame. What a network says of a pet
 * at the photo's very edge, or of one that fills the photo, is worse than what
 * it says of the same pet with something around it; and two answers that were
 * found differently are seldom wrong in the same places. */

#pragma once

#include "nn/pet-segmenter.h"

/* As pet_segmenter_run (): `mask` is that of the photo without its frame. */
PetStatus pet_framed_run (PetSegmenter *segmenter, const PetImage *photo,
    const PetImage *mask, const PetAllocator *allocator, PetError *error);

/* The largest number of bytes that it takes at once, beside the network's, for
 * a photo of that size with 4 channels that is shown to it in that shape. */
size_t pet_framed_bytes (const PetSegmenterShape *shape, int width, int height);
