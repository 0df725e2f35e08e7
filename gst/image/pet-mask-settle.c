/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Islands and holes that the network itself hardly believes in. Regions are of
 * values of at least one half, joined diagonally, and of the others, which are not.
 * With what changes goes its slope: what is reached from it without going up (from a
 * hole: down). */

#include <string.h>

#include "base/pet-checked.h"
#include "image/pet-mask-runs.h"

#define HALF 128
#define SURE_NOT (255 - PET_MASK_SURE)

enum { NONE, OUTSIDE, INSIDE };

/* An island is unsure where it is sure of fewer than 2 in 5 of its pixels, and small
 * with less than 1/8 of the largest that is not; a hole below 3 in 10 and with less
 * than 1/100. Specks of less than 1/200 go however sure. */
#define ISLAND_SHARE 8
#define SPECK_SHARE 200
#define HOLE_SHARE 100

static bool
is_sure (const PetMaskRun *region)
{
  if (region->kind == INSIDE)
    return region->sure * 5 >= region->area * 2;
  return region->at_edge || region->sure * 10 >= region->area * 3;
}

static void
join_alike (PetMaskRun *runs, uint32_t a, uint32_t b, const void *user)
{
  bool diagonal = runs[a].end == runs[b].start || runs[a].start == runs[b].end;

  if (runs[a].kind == runs[b].kind && (runs[a].kind == INSIDE || !diagonal))
    pet_mask_runs_join (runs, a, b);
}

/* What is at the edge of the mask is no hole. */
static void
mark_edges (const PetImage *mask, const PetMaskRuns *list)
{
  for (int y = 0; y < mask->height; y++)
    for (size_t i = list->first[y]; i < list->first[y + 1]; i++) {
      PetMaskRun *run = &list->runs[i];

      run->at_edge = y == 0 || y == mask->height - 1 || run->start == 0 ||
          run->end == mask->width;
    }
}

static uint64_t
find_largest (const PetMaskRuns *list)
{
  uint64_t largest = 0;

  for (size_t i = 0; i < list->n_runs; i++) {
    const PetMaskRun *run = &list->runs[i];

    if (run->parent == i && run->kind == INSIDE && is_sure (run) &&
        run->area > largest)
      largest = run->area;
  }
  return largest;
}

typedef struct {
  const PetImage *mask;
  uint8_t kind; /* of the regions that may go */
  uint64_t largest;
  PetMaskRuns list;
  bool *is_queued; /* of each pixel */
  uint32_t *queue; /* pixels that go */
  size_t n_pixels, n_queued;
} Settling;

static bool
goes (const Settling *settling, const PetMaskRun *region)
{
  uint64_t share = region->kind == OUTSIDE ? HOLE_SHARE
      : is_sure (region)                   ? SPECK_SHARE
                                           : ISLAND_SHARE;

  return region->kind == settling->kind &&
      (region->kind == INSIDE || !is_sure (region)) &&
      region->area * share < settling->largest;
}

static bool
does_any_go (const Settling *settling)
{
  for (size_t i = 0; i < settling->list.n_runs; i++)
    if (settling->list.runs[i].parent == i &&
        goes (settling, &settling->list.runs[i]))
      return true;
  return false;
}

static void
enqueue (Settling *settling, size_t at)
{
  settling->is_queued[at] = true;
  settling->queue[settling->n_queued++] = (uint32_t) at;
}

static void
enqueue_regions (Settling *settling)
{
  PetMaskRun *runs = settling->list.runs;
  size_t width = (size_t) settling->mask->width;

  memset (settling->is_queued, 0, settling->n_pixels * sizeof (bool));
  settling->n_queued = 0;
  for (size_t y = 0; y < (size_t) settling->mask->height; y++)
    for (size_t i = settling->list.first[y]; i < settling->list.first[y + 1];
         i++)
      if (goes (settling, &runs[pet_mask_run_root (runs, (uint32_t) i)]))
        for (int x = runs[i].start; x < runs[i].end; x++)
          enqueue (settling, y * width + (size_t) x);
}

/* Whether the way from a pixel to the next follows the slope around a region. */
static bool
follows (const Settling *settling, int from, int to)
{
  return settling->kind == INSIDE ? to < HALF && to <= from && to > 0
                                  : to >= HALF && to >= from && to < 255;
}

static void
enqueue_around (Settling *settling, uint32_t at)
{
  const PetImage *mask = settling->mask;
  int x = (int) at % mask->width, y = (int) at / mask->width;
  int from = pet_image_row (mask, y)[x];

  for (int b = y > 0 ? y - 1 : y; b <= y + 1 && b < mask->height; b++)
    for (int a = x > 0 ? x - 1 : x; a <= x + 1 && a < mask->width; a++) {
      size_t next = (size_t) b * (size_t) mask->width + (size_t) a;

      if (!settling->is_queued[next] &&
          follows (settling, from, pet_image_row (mask, b)[a]))
        enqueue (settling, next);
    }
}

static void
settle_all (Settling *settling)
{
  const PetImage *mask = settling->mask;

  enqueue_regions (settling);
  for (size_t i = 0; i < settling->n_queued; i++)
    enqueue_around (settling, settling->queue[i]);
  for (size_t i = 0; i < settling->n_queued; i++) {
    uint32_t at = settling->queue[i];

    pet_image_row (mask, (int) at / mask->width)[(int) at % mask->width] =
        settling->kind == INSIDE ? 0 : 255;
  }
}

static PetStatus
change (Settling *settling, const PetAllocator *allocator, PetError *error)
{
  size_t bytes;
  PetStatus status = PET_OK;

  if (settling->n_pixels > INT32_MAX ||
      !pet_mul_size (settling->n_pixels, sizeof *settling->queue, &bytes))
    return pet_fail (error, PET_ERROR_LIMIT, "the mask is too large");
  settling->is_queued =
      pet_alloc (allocator, settling->n_pixels * sizeof (bool));
  settling->queue = pet_alloc (allocator, bytes);
  if (settling->is_queued == NULL || settling->queue == NULL)
    status =
        pet_fail (error, PET_ERROR_MEMORY, "no memory for regions of a mask");
  else
    settle_all (settling);
  pet_free (allocator, settling->is_queued, settling->n_pixels * sizeof (bool));
  pet_free (allocator, settling->queue, bytes);
  return status;
}

static PetStatus
look (Settling *settling, const PetAllocator *allocator, PetError *error)
{
  const PetImage *mask = settling->mask;
  uint8_t kinds[256];
  bool sure[256];

  for (int i = 0; i < 256; i++) {
    kinds[i] = i < HALF ? OUTSIDE : INSIDE;
    sure[i] = i >= PET_MASK_SURE || i <= SURE_NOT;
  }
  PET_TRY (pet_mask_runs_new (mask, kinds, allocator, &settling->list, error));
  pet_mask_runs_count (&settling->list, mask, sure);
  mark_edges (mask, &settling->list);
  pet_mask_runs_touching (&settling->list, mask->height, join_alike, NULL);
  settling->largest = find_largest (&settling->list);
  return PET_OK;
}

PetStatus
pet_mask_settle (
    const PetImage *mask, const PetAllocator *allocator, PetError *error)
{
  Settling settling = { .mask = mask,
    .n_pixels = (size_t) mask->width * (size_t) mask->height };
  PetStatus status = look (&settling, allocator, error);

  /* Islands first, while their holes still count. */
  settling.kind = INSIDE;
  if (status == PET_OK && does_any_go (&settling)) {
    status = change (&settling, allocator, error);
    pet_mask_runs_clear (&settling.list, allocator);
    if (status == PET_OK)
      status = look (&settling, allocator, error);
  }
  settling.kind = OUTSIDE;
  if (status == PET_OK && does_any_go (&settling))
    status = change (&settling, allocator, error);
  pet_mask_runs_clear (&settling.list, allocator);
  return status;
}
