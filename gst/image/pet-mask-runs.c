/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/pet-mask-runs.h"

#include <string.h>

#include "base/pet-checked.h"

/* Where pixels of the kind of pixel x end; equal ones are passed eight at a time. */
static int
end_of_kind (const uint8_t *row, const uint8_t *kinds, int x, int width)
{
  uint8_t kind = kinds[row[x]];

  while (x < width && kinds[row[x]] == kind) {
    const uint64_t alike = row[x] * UINT64_C (0x0101010101010101);
    uint64_t next;

    for (x++; x + 8 <= width; x += 8) {
      memcpy (&next, row + x, sizeof next);
      if (next != alike)
        break;
    }
  }
  return x;
}

/* Next run of `row` at or after *x; false if there is none. */
static bool
next_run (const uint8_t *row, const uint8_t *kinds, int width, int *x,
    PetMaskRun *run)
{
  if (*x < width && kinds[row[*x]] == 0)
    *x = end_of_kind (row, kinds, *x, width);
  if (*x == width)
    return false;
  *run = (PetMaskRun){ .start = *x,
    .end = end_of_kind (row, kinds, *x, width),
    .kind = kinds[row[*x]] };
  run->area = (uint64_t) (run->end - run->start);
  *x = run->end;
  return true;
}

static size_t
count_runs (const PetImage *mask, const uint8_t *kinds)
{
  size_t count = 0;
  PetMaskRun run;

  for (int y = 0; y < mask->height; y++)
    for (int x = 0;
         next_run (pet_image_row (mask, y), kinds, mask->width, &x, &run);)
      count++;
  return count;
}

static void
list_runs (const PetImage *mask, const uint8_t *kinds, PetMaskRuns *list)
{
  size_t count = 0;

  for (int y = 0; y < mask->height; y++) {
    const uint8_t *row = pet_image_row (mask, y);

    list->first[y] = count;
    for (int x = 0; count < list->n_runs &&
         next_run (row, kinds, mask->width, &x, &list->runs[count]);
         count++)
      list->runs[count].parent = (uint32_t) count;
  }
  list->first[mask->height] = count;
}

PetStatus
pet_mask_runs_new (const PetImage *mask, const uint8_t kinds[256],
    const PetAllocator *allocator, PetMaskRuns *list, PetError *error)
{
  *list = (PetMaskRuns){ 0 };
  if (mask->channels != 1)
    return pet_fail (error, PET_ERROR_ARGUMENT, "a mask has one channel");
  list->n_runs = count_runs (mask, kinds);
  if (list->n_runs >= PET_NO_RUN ||
      !pet_mul_size (list->n_runs, sizeof (PetMaskRun), &list->runs_bytes))
    return pet_fail (
        error, PET_ERROR_LIMIT, "the mask has too many separate pieces");
  list->first_bytes = ((size_t) mask->height + 1) * sizeof (size_t);
  list->runs = pet_alloc (allocator, list->runs_bytes);
  list->first = pet_alloc (allocator, list->first_bytes);
  if (list->runs == NULL || list->first == NULL) {
    pet_mask_runs_clear (list, allocator);
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu pieces of a mask", list->n_runs);
  }
  list_runs (mask, kinds, list);
  return PET_OK;
}

void
pet_mask_runs_clear (PetMaskRuns *list, const PetAllocator *allocator)
{
  pet_free (allocator, list->first, list->first_bytes);
  pet_free (allocator, list->runs, list->runs_bytes);
  list->first = NULL;
  list->runs = NULL;
}

uint32_t
pet_mask_run_root (PetMaskRun *runs, uint32_t i)
{
  while (runs[i].parent != i) {
    runs[i].parent = runs[runs[i].parent].parent;
    i = runs[i].parent;
  }
  return i;
}

void
pet_mask_runs_join (PetMaskRun *runs, uint32_t a, uint32_t b)
{
  a = pet_mask_run_root (runs, a);
  b = pet_mask_run_root (runs, b);
  if (a == b)
    return;
  if (a > b) {
    uint32_t swap = a;

    a = b;
    b = swap;
  }
  runs[b].parent = a;
  runs[a].area += runs[b].area;
  runs[a].sure += runs[b].sure;
  runs[a].at_edge = runs[a].at_edge || runs[b].at_edge;
}

void
pet_mask_runs_count (
    const PetMaskRuns *list, const PetImage *mask, const bool sure[256])
{
  for (int y = 0; y < mask->height; y++)
    for (size_t i = list->first[y]; i < list->first[y + 1]; i++) {
      PetMaskRun *run = &list->runs[i];

      for (int x = run->start; x < run->end; x++)
        run->sure += sure[pet_image_row (mask, y)[x]];
    }
}

void
pet_mask_runs_touching (
    const PetMaskRuns *list, int height, PetMaskTouch touch, const void *user)
{
  PetMaskRun *runs = list->runs;
  size_t above = 0;

  for (int y = 0; y < height; y++)
    for (size_t i = list->first[y]; i < list->first[y + 1]; i++) {
      size_t top = list->first[y > 0 ? y - 1 : 0];

      above = above < top ? top : above;
      if (i > list->first[y] && runs[i - 1].end == runs[i].start)
        touch (runs, (uint32_t) (i - 1), (uint32_t) i, user);
      while (above < list->first[y] && runs[above].end < runs[i].start)
        above++;
      /* The last one that touches may touch the next run as well. */
      for (size_t j = above; j < list->first[y] && runs[j].start <= runs[i].end;
           j++)
        touch (runs, (uint32_t) j, (uint32_t) i, user);
    }
}
