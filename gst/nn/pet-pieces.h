/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos that are much longer than wide. A network sees a photo stretched to
 * its own shape, and in a panorama pets become too narrow to be found; such a
 * photo is shown to it in overlapping pieces, and the masks are joined. */

#pragma once

#include "nn/pet-segmenter.h"

typedef struct {
  int count;  /* pieces; 1 = the whole photo at once */
  int length; /* pixels of a piece along the photo's longer side */
  bool wide;  /* the longer side is the width */
  int last;   /* where the last one begins, in the mask */
  int piece_width, piece_height; /* of one piece's mask; 0 of the whole photo */
  int mask_width, mask_height;   /* of the whole photo's mask */
} PetPieces;

/* How a photo of that size is shown to the network. The mask is of the
 * network's size, or up to 11 times as long. */
void pet_pieces_plan (
    const PetSegmenter *segmenter, int width, int height, PetPieces *pieces);

/* Bytes that pet_pieces_run () takes beside the network's own. */
size_t pet_pieces_bytes (const PetPieces *pieces);

/* As pet_segmenter_run (); `mask` is of the plan's size, `photo` of that which
 * was planned for. */
PetStatus pet_pieces_run (PetSegmenter *segmenter, const PetPieces *pieces,
    const PetImage *photo, const PetImage *mask, const PetAllocator *allocator,
    PetError *error);
