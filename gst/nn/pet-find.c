/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/pet-find.h"

#include <string.h>

#include "nn/pet-framed.h"
#include "nn/pet-pieces.h"

/* No pet: the network is sure to 4 in 5 of fewer pixels than one in 400 of the
 * photo, or in 50 where it looks closer. What it sees in furniture and texts is
 * larger at times, but hazy. One in 2000 is worth a closer look. */
#define SURE_PART 400
#define CLOSER_SURE_PART 50
#define WORTH_PART 2000

/* It looks closer where the pet's box is less than 2 in 5 of the photo, at the
 * box with a quarter of its sides around it, at least 6 values of the mask and
 * at least an eighth of the photo's sides, and no more than one and a half
 * times as long as wide: else the pet would be stretched too much. */
#define CLOSER_SHARE 0.4
#define MARGIN 0.25
#define LEAST_MARGIN 6.0
#define LEAST_SHARE 0.125
#define LONGEST 1.5

/* A network is unsure of a photo when there are more than 11.5 values to 100 of the
 * pet to which it said neither no to 4 in 5 nor yes to 5 in 6, or more than 25 to
 * which it said neither no to 4 in 5 nor yes to 11 in 12: what it takes for pet by
 * mistake has many of these. */
#define UNSURE_LOW 51
#define UNSURE_HIGH 215
#define UNSURE_SHARE 0.115
#define DOUBTED_HIGH 235
#define DOUBTED_SHARE 0.25

/* The longest side of a network's input, as its file says it, for which a second
 * look makes masks better. What sees more of the photo than this is as often worse
 * for it (docs/cutout.md). */
#define COARSE_SIDE 320

typedef struct {
  int left, top, right, bottom; /* of the mask; right and bottom exclusive */
} Box;

/* What pet_find () was asked for. */
typedef struct {
  const PetImage *photo;
  bool largest;
  const PetAllocator *allocator;
} Search;

static PetStatus
new_mask (int width, int height, const PetAllocator *allocator, PetImage *mask,
    PetError *error)
{
  *mask = (PetImage){ .width = width,
    .height = height,
    .channels = 1,
    .stride_bytes = width,
    .data = pet_alloc (allocator, (size_t) width * (size_t) height) };
  return mask->data != NULL
      ? PET_OK
      : pet_fail (error, PET_ERROR_MEMORY, "no memory for the mask");
}

static void
free_mask (PetImage *mask, const PetAllocator *allocator)
{
  pet_free (
      allocator, mask->data, (size_t) mask->width * (size_t) mask->height);
  mask->data = NULL;
}

/* Whether one in `part` of the values is sure. */
static bool
is_sure (const PetImage *mask, int part)
{
  uint64_t sure = 0;

  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < mask->width; x++)
      sure += pet_image_row (mask, y)[x] >= PET_MASK_SURE;
  return sure * (uint64_t) part >=
      (uint64_t) mask->width * (uint64_t) mask->height;
}

static PetStatus
clean (const PetImage *mask, bool largest, const PetAllocator *allocator,
    PetError *error)
{
  PET_TRY (pet_mask_drop_haze (mask, PET_FIND_NONE, allocator, error));
  if (largest)
    PET_TRY (pet_mask_keep_largest (mask, allocator, error));
  return PET_OK;
}

static PetStatus
sharpen (const PetImage *mask, const PetAllocator *allocator, PetError *error)
{
  PET_TRY (pet_mask_settle (mask, allocator, error));
  return pet_mask_steepen (mask, allocator, error);
}

static Box
box_of (const PetImage *mask)
{
  Box box = { mask->width, mask->height, 0, 0 };

  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < mask->width; x++)
      if (pet_image_row (mask, y)[x] >= 128) {
        box.left = x < box.left ? x : box.left;
        box.top = y < box.top ? y : box.top;
        box.right = x >= box.right ? x + 1 : box.right;
        box.bottom = y + 1;
      }
  return box;
}

static bool
is_small (const PetImage *mask, const Box *box)
{
  double area = (double) (box->right - box->left) * (box->bottom - box->top);

  return area > 0 &&
      area < CLOSER_SHARE * (double) mask->width * (double) mask->height;
}

/* `length` pixels around the middle of `from`..`to`, moved into 0..`side`. */
static void
place (double from, double to, double length, int side, int *begin, int *size)
{
  double first;

  length = length > LEAST_SHARE * side ? length : LEAST_SHARE * side;
  length = length < side ? length : side;
  first = (from + to - length) / 2;
  first = first < side - length ? first : side - length;
  *begin = first > 0 ? (int) first : 0;
  *size = (int) (length + 0.999);
  *size = *size < side - *begin ? *size : side - *begin;
}

static PetPart
part_around (const PetImage *mask, const Box *box, const PetImage *photo)
{
  double across = (double) photo->width / mask->width;
  double down = (double) photo->height / mask->height;
  double width = box->right - box->left, height = box->bottom - box->top;
  PetPart part;

  width += 2 * (MARGIN * width > LEAST_MARGIN ? MARGIN * width : LEAST_MARGIN);
  height +=
      2 * (MARGIN * height > LEAST_MARGIN ? MARGIN * height : LEAST_MARGIN);
  width *= across;
  height *= down;
  if (width * LONGEST < height)
    width = height / LONGEST;
  if (height * LONGEST < width)
    height = width / LONGEST;
  place (box->left * across, box->right * across, width, photo->width, &part.x,
      &part.width);
  place (box->top * down, box->bottom * down, height, photo->height, &part.y,
      &part.height);
  return part;
}

/* Behind the edge of the part there is nothing, unless that is the photo's. */
static void
clear_edges (const PetImage *mask, const PetPart *part, const PetImage *photo)
{
  size_t row = (size_t) mask->width;

  if (part->y > 0)
    memset (mask->data, 0, row);
  if (part->y + part->height < photo->height)
    memset (pet_image_row (mask, mask->height - 1), 0, row);
  for (int y = 0; y < mask->height; y++) {
    if (part->x > 0)
      pet_image_row (mask, y)[0] = 0;
    if (part->x + part->width < photo->width)
      pet_image_row (mask, y)[mask->width - 1] = 0;
  }
}

static PetImage
view_of (const PetImage *photo, const PetPart *part)
{
  PetImage view = *photo;

  view.data =
      pet_image_row (photo, part->y) + (ptrdiff_t) part->x * photo->channels;
  view.width = part->width;
  view.height = part->height;
  return view;
}

static bool
is_coarse (const PetSegmenter *segmenter)
{
  const PetModelInfo *info = pet_segmenter_info (segmenter);

  return info->width <= COARSE_SIDE && info->height <= COARSE_SIDE;
}

static bool
is_unsure (const PetImage *mask)
{
  int unsure = 0, doubted = 0, pet = 0;

  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < mask->width; x++) {
      uint8_t value = pet_image_row (mask, y)[x];

      unsure += value > UNSURE_LOW && value < UNSURE_HIGH;
      doubted += value > UNSURE_LOW && value < DOUBTED_HIGH;
      pet += value >= 128;
    }
  return unsure > UNSURE_SHARE * pet || doubted > DOUBTED_SHARE * pet;
}

static void
average (const PetImage *mask, const PetImage *other)
{
  for (int y = 0; y < mask->height; y++) {
    const uint8_t *from = pet_image_row (other, y);
    uint8_t *to = pet_image_row (mask, y);

    for (int x = 0; x < mask->width; x++)
      to[x] = (uint8_t) ((to[x] + from[x] + 1) / 2);
  }
}

static PetStatus
look_again (PetSegmenter *segmenter, const PetImage *view, const PetImage *mask,
    const PetAllocator *allocator, PetError *error)
{
  PetImage other;
  PetStatus status;

  PET_TRY (new_mask (mask->width, mask->height, allocator, &other, error));
  status = pet_framed_run (segmenter, view, &other, allocator, error);
  if (status == PET_OK)
    average (mask, &other);
  free_mask (&other, allocator);
  return status;
}

static PetStatus
look_closer (PetSegmenter *segmenter, const PetImage *view,
    const PetAllocator *allocator, PetFound *found, PetError *error)
{
  int width, height;

  pet_segmenter_mask_size (
      segmenter, view->width, view->height, &width, &height);
  if (width != found->mask.width || height != found->mask.height) {
    free_mask (&found->mask, allocator);
    PET_TRY (new_mask (width, height, allocator, &found->mask, error));
  }
  return pet_segmenter_run (segmenter, view, &found->mask, error);
}

/* What one network finds; the mask is freed by the caller. Where a coarse one is
 * unsure it is asked again, and the mean of both answers counts; but with `doubt`
 * that is said and no more done. */
static PetStatus
search (const Search *how, PetSegmenter *segmenter, bool *doubt,
    PetFound *found, PetError *error)
{
  const PetAllocator *allocator = how->allocator;
  PetImage *mask = &found->mask, view = *how->photo;
  bool closer = false;
  PetPieces pieces;
  Box box;

  pet_pieces_plan (segmenter, view.width, view.height, &pieces);
  found->part = (PetPart){ 0, 0, view.width, view.height };
  PET_TRY (
      new_mask (pieces.mask_width, pieces.mask_height, allocator, mask, error));
  PET_TRY (pet_pieces_run (segmenter, &pieces, &view, mask, allocator, error));
  if (is_sure (mask, WORTH_PART)) {
    PET_TRY (clean (mask, how->largest, allocator, error));
    box = box_of (mask);
    closer = is_small (mask, &box);
    if (closer) {
      found->part = part_around (mask, &box, how->photo);
      view = view_of (how->photo, &found->part);
      PET_TRY (look_closer (segmenter, &view, allocator, found, error));
    }
    if (doubt != NULL && is_unsure (mask)) {
      *doubt = true;
      return PET_OK;
    }
    if ((closer || pieces.count == 1) && is_coarse (segmenter) &&
        is_unsure (mask))
      PET_TRY (look_again (segmenter, &view, mask, allocator, error));
    clear_edges (mask, &found->part, how->photo);
    PET_TRY (clean (mask, how->largest, allocator, error));
  }
  found->empty = !is_sure (mask, closer ? CLOSER_SURE_PART : SURE_PART);
  if (found->empty)
    memset (mask->data, 0, (size_t) mask->width * (size_t) mask->height);
  else
    PET_TRY (sharpen (mask, allocator, error));
  if (doubt != NULL)
    *doubt = found->empty;
  return PET_OK;
}

/* All over, by the second network; without one, by the first. Only one of them
 * holds its activations. */
static PetStatus
search_again (const Search *how, PetSegmenter *first,
    const PetSecondNetwork *second, PetFound *found, PetError *error)
{
  PetSegmenter *segmenter;
  PetStatus status;

  free_mask (&found->mask, how->allocator);
  pet_segmenter_rest (first);
  segmenter = second->take (second->user);
  if (segmenter == NULL)
    return search (how, first, NULL, found, error);
  found->second = true;
  status = search (how, segmenter, NULL, found, error);
  pet_segmenter_rest (segmenter);
  second->give_back (second->user);
  return status;
}

PetStatus
pet_find (PetSegmenter *segmenter, const PetSecondNetwork *second,
    const PetImage *photo, bool largest, const PetAllocator *allocator,
    PetFound *found, PetError *error)
{
  const Search how = { photo, largest, allocator };
  bool doubt = false;
  PetStatus status;

  *found = (PetFound){ .empty = true };
  status =
      search (&how, segmenter, second != NULL ? &doubt : NULL, found, error);
  if (status == PET_OK && doubt)
    status = search_again (&how, segmenter, second, found, error);
  if (status != PET_OK)
    pet_find_clear (found, allocator);
  return status;
}

void
pet_find_clear (PetFound *found, const PetAllocator *allocator)
{
  if (found->mask.data != NULL)
    free_mask (&found->mask, allocator);
}
