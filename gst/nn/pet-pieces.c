/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-pieces.h"

#include <string.h>

/* A photo is cut up from this ratio of its sides on, into pieces one and a
 * half times as long as they are wide, each of which begins at most two thirds
 * of a piece after the one before: a pet as long as the photo is wide is
 * wholly in some piece less half of itself. Of a photo so long that this needs
 * more pieces they are longer. */
#define LONG_RATIO 2.2
#define PIECE_RATIO 1.5
#define STRIDE_PART (2.0 / 3.0)
#define MOST_PIECES 16

void
pet_pieces_plan (
    const PetSegmenter *segmenter, int width, int height, PetPieces *pieces)
{
  int longer = width > height ? width : height;
  int shorter = width > height ? height : width;
  double ratio = (double) longer / shorter, lengths;
  int side;

  *pieces = (PetPieces){ .count = 1, .length = longer, .wide = width > height };
  pet_segmenter_mask_size (
      segmenter, width, height, &pieces->mask_width, &pieces->mask_height);
  if (ratio < LONG_RATIO)
    return;
  lengths = ratio / PIECE_RATIO;
  pieces->count = MOST_PIECES;
  if (lengths < 1 + (MOST_PIECES - 1) * STRIDE_PART)
    pieces->count = 1 + (int) ((lengths - 1) / STRIDE_PART + 0.999);
  else
    lengths = 1 + (MOST_PIECES - 1) * STRIDE_PART;
  pieces->length = (int) (longer / lengths + 0.5);
  pet_segmenter_mask_size (segmenter, pieces->wide ? pieces->length : width,
      pieces->wide ? height : pieces->length, &pieces->piece_width,
      &pieces->piece_height);
  pieces->mask_width = pieces->piece_width;
  pieces->mask_height = pieces->piece_height;
  side = pieces->wide ? pieces->mask_width : pieces->mask_height;
  pieces->last = (int) (side * (lengths - 1) + 0.5);
  if (pieces->wide)
    pieces->mask_width += pieces->last;
  else
    pieces->mask_height += pieces->last;
}

size_t
pet_pieces_bytes (const PetPieces *pieces)
{
  return (size_t) pieces->piece_width * (size_t) pieces->piece_height;
}

/* Where piece `i` begins in the mask. */
static int
begin_of (const PetPieces *pieces, int i)
{
  return pieces->last * i / (pieces->count - 1);
}

/* The part of `image` from `from` on along the longer side. */
static PetImage
part_of (const PetImage *image, bool wide, int from, int length)
{
  PetImage part = *image;

  if (wide) {
    part.data += (ptrdiff_t) from * image->channels;
    part.width = length;
  } else {
    part.data = pet_image_row (image, from);
    part.height = length;
  }
  return part;
}

/* Fades from what `to` holds in its first `overlap` values along the longer
 * side to `from`, and is `from` behind them. */
static void
join (const PetImage *from, const PetImage *to, bool wide, int overlap)
{
  for (int y = 0; y < from->height; y++) {
    const uint8_t *in = pet_image_row (from, y);
    uint8_t *out = pet_image_row (to, y);

    for (int x = 0; x < from->width; x++) {
      int at = wide ? x : y;

      out[x] = at >= overlap ? in[x]
                             : (uint8_t) ((out[x] * (2 * (overlap - at) - 1) +
                                              in[x] * (2 * at + 1) + overlap) /
                                   (2 * overlap));
    }
  }
}

static PetStatus
run_piece (PetSegmenter *segmenter, const PetPieces *pieces, int i,
    const PetImage *photo, const PetImage *small, const PetImage *mask,
    PetError *error)
{
  int side = pieces->wide ? small->width : small->height;
  int longer = pieces->wide ? photo->width : photo->height;
  int begin = begin_of (pieces, i), from;
  int end_before = i > 0 ? begin_of (pieces, i - 1) + side : 0;
  PetImage part, target = part_of (mask, pieces->wide, begin, side);

  from = (int) ((double) begin * pieces->length / side + 0.5);
  if (from > longer - pieces->length)
    from = longer - pieces->length;
  part = part_of (photo, pieces->wide, from, pieces->length);
  PET_TRY (pet_segmenter_run (segmenter, &part, small, error));
  join (small, &target, pieces->wide, i > 0 ? end_before - begin : 0);
  return PET_OK;
}

PetStatus
pet_pieces_run (PetSegmenter *segmenter, const PetPieces *pieces,
    const PetImage *photo, const PetImage *mask, const PetAllocator *allocator,
    PetError *error)
{
  PetImage small = { .width = pieces->piece_width,
    .height = pieces->piece_height,
    .channels = 1,
    .stride_bytes = pieces->piece_width };
  size_t bytes = pet_pieces_bytes (pieces);
  PetStatus status = PET_OK;

  if (pieces->count == 1)
    return pet_segmenter_run (segmenter, photo, mask, error);
  small.data = pet_alloc (allocator, bytes);
  if (small.data == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a mask");
  for (int i = 0; i < pieces->count && status == PET_OK; i++)
    status = run_piece (segmenter, pieces, i, photo, &small, mask, error);
  pet_free (allocator, small.data, bytes);
  return status;
}
