/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Regions of a mask, by union-find over runs (horizontal lines of
 * pixels of one class, either strong, >= 64, or soft, 1..63). Two runs of
 * neighbouring rows are joined if they touch, diagonally too. First strong
 * runs are joined and the largest region is chosen; then soft runs are joined
 * to each other and to that region, so that its fringe stays, while a fringe
 * never leads on to another region.
 *
 * 24 bytes per run and 8 per row; a real mask has a few runs per row. */

#include <stdbool.h>
#include <string.h>

#include "base/pet-checked.h"
#include "image/pet-matte.h"

#define STRONG 64

typedef struct {
  int32_t start, end; /* columns, end exclusive */
  uint32_t parent;
  bool strong;
  uint64_t area; /* of the region, at its root */
} Run;

typedef struct {
  Run *runs;
  size_t n_runs, runs_bytes;
  size_t *first; /* of each row, and one more for the end */
  size_t first_bytes;
} Runs;

static int
class_of (uint8_t value)
{
  return value == 0 ? 0 : value < STRONG ? 1 : 2;
}

/* Next run of `row` at or after *x; false if there is none. */
static bool
next_run (const uint8_t *row, int width, int *x, Run *run)
{
  int kind;

  while (*x < width && row[*x] == 0)
    (*x)++;
  if (*x == width)
    return false;
  kind = class_of (row[*x]);
  run->start = *x;
  while (*x < width && class_of (row[*x]) == kind)
    (*x)++;
  run->end = *x;
  run->strong = kind == 2;
  run->area = run->strong ? (uint64_t) (run->end - run->start) : 0;
  return true;
}

static size_t
count_runs (const PetImage *mask)
{
  size_t count = 0;
  Run run;

  for (int y = 0; y < mask->height; y++)
    for (int x = 0; next_run (pet_image_row (mask, y), mask->width, &x, &run);)
      count++;
  return count;
}

static void
list_runs (const PetImage *mask, Runs *list)
{
  size_t count = 0;

  for (int y = 0; y < mask->height; y++) {
    const uint8_t *row = pet_image_row (mask, y);

    list->first[y] = count;
    for (int x = 0; count < list->n_runs &&
         next_run (row, mask->width, &x, &list->runs[count]);
         count++)
      list->runs[count].parent = (uint32_t) count;
  }
  list->first[mask->height] = count;
}

static uint32_t
find_root (Run *runs, uint32_t i)
{
  while (runs[i].parent != i) {
    runs[i].parent = runs[runs[i].parent].parent;
    i = runs[i].parent;
  }
  return i;
}

/* The earlier run becomes the root. */
static void
join (Run *runs, uint32_t a, uint32_t b)
{
  a = find_root (runs, a);
  b = find_root (runs, b);
  if (a == b)
    return;
  if (a > b) {
    uint32_t swap = a;

    a = b;
    b = swap;
  }
  runs[b].parent = a;
  runs[a].area += runs[b].area;
}

#define NO_RUN UINT32_MAX

/* Before the largest region is known (`largest` NO_RUN) strong runs join each
 * other; afterwards soft ones join each other and it. */
static void
join_if_due (Run *runs, uint32_t a, uint32_t b, uint32_t largest)
{
  bool both_strong = runs[a].strong && runs[b].strong;

  if (largest == NO_RUN) {
    if (both_strong)
      join (runs, a, b);
    return;
  }
  if (both_strong ||
      (runs[a].strong && find_root (runs, a) != find_root (runs, largest)) ||
      (runs[b].strong && find_root (runs, b) != find_root (runs, largest)))
    return;
  join (runs, a, b);
}

static void
join_rows (const Runs *list, int y, uint32_t largest)
{
  Run *runs = list->runs;
  size_t above = y > 0 ? list->first[y - 1] : list->first[y];

  for (size_t i = list->first[y]; i < list->first[y + 1]; i++) {
    if (i > list->first[y] && runs[i - 1].end == runs[i].start)
      join_if_due (runs, (uint32_t) (i - 1), (uint32_t) i, largest);
    while (above < list->first[y] && runs[above].end < runs[i].start)
      above++;
    /* The last one that touches may touch the next run as well. */
    for (size_t j = above; j < list->first[y] && runs[j].start <= runs[i].end;
         j++)
      join_if_due (runs, (uint32_t) j, (uint32_t) i, largest);
  }
}

static uint32_t
find_largest (const Runs *list)
{
  uint32_t largest = NO_RUN;

  for (uint32_t i = 0; i < list->n_runs; i++)
    if (list->runs[i].parent == i && list->runs[i].strong &&
        (largest == NO_RUN || list->runs[i].area > list->runs[largest].area))
      largest = i;
  return largest;
}

static void
clear_others (const PetImage *mask, const Runs *list, uint32_t largest)
{
  uint32_t root = largest != NO_RUN ? find_root (list->runs, largest) : NO_RUN;

  for (int y = 0; y < mask->height; y++)
    for (size_t i = list->first[y]; i < list->first[y + 1]; i++)
      if (root == NO_RUN || find_root (list->runs, (uint32_t) i) != root)
        memset (pet_image_row (mask, y) + list->runs[i].start, 0,
            (size_t) (list->runs[i].end - list->runs[i].start));
}

static void
keep_largest (const PetImage *mask, Runs *list)
{
  uint32_t largest;

  list_runs (mask, list);
  for (int y = 0; y < mask->height; y++)
    join_rows (list, y, NO_RUN);
  largest = find_largest (list);
  if (largest != NO_RUN)
    for (int y = 0; y < mask->height; y++)
      join_rows (list, y, largest);
  clear_others (mask, list, largest);
}

/* Joins all runs that touch, of whatever class. */
static void
join_all (const Runs *list, int height)
{
  Run *runs = list->runs;

  for (int y = 0; y < height; y++) {
    size_t above = y > 0 ? list->first[y - 1] : list->first[y];

    for (size_t i = list->first[y]; i < list->first[y + 1]; i++) {
      if (i > list->first[y] && runs[i - 1].end == runs[i].start)
        join (runs, (uint32_t) (i - 1), (uint32_t) i);
      while (above < list->first[y] && runs[above].end < runs[i].start)
        above++;
      for (size_t j = above; j < list->first[y] && runs[j].start <= runs[i].end;
           j++)
        join (runs, (uint32_t) j, (uint32_t) i);
    }
  }
}

static void
drop_haze (const PetImage *mask, Runs *list)
{
  list_runs (mask, list);
  /* From here on `area` counts the sure pixels. */
  for (int y = 0; y < mask->height; y++)
    for (size_t i = list->first[y]; i < list->first[y + 1]; i++) {
      Run *run = &list->runs[i];

      run->area = 0;
      for (int x = run->start; x < run->end; x++)
        run->area += pet_image_row (mask, y)[x] >= PET_MASK_SURE;
    }
  join_all (list, mask->height);
  for (int y = 0; y < mask->height; y++)
    for (size_t i = list->first[y]; i < list->first[y + 1]; i++) {
      const Run *run = &list->runs[i];

      if (list->runs[find_root (list->runs, (uint32_t) i)].area == 0)
        memset (pet_image_row (mask, y) + run->start, 0,
            (size_t) (run->end - run->start));
    }
}

static PetStatus
work_on_runs (const PetImage *mask, void (*work) (const PetImage *, Runs *),
    const PetAllocator *allocator, PetError *error)
{
  Runs list = { 0 };
  PetStatus status = PET_OK;

  if (mask->channels != 1)
    return pet_fail (error, PET_ERROR_ARGUMENT, "a mask has one channel");
  list.n_runs = count_runs (mask);
  if (list.n_runs >= NO_RUN ||
      !pet_mul_size (list.n_runs, sizeof (Run), &list.runs_bytes))
    return pet_fail (
        error, PET_ERROR_LIMIT, "the mask has too many separate pieces");
  list.first_bytes = ((size_t) mask->height + 1) * sizeof (size_t);
  list.runs = pet_alloc (allocator, list.runs_bytes);
  list.first = pet_alloc (allocator, list.first_bytes);
  if (list.runs != NULL && list.first != NULL)
    work (mask, &list);
  else
    status = pet_fail (error, PET_ERROR_MEMORY,
        "no memory for %zu pieces of a mask", list.n_runs);
  pet_free (allocator, list.first, list.first_bytes);
  pet_free (allocator, list.runs, list.runs_bytes);
  return status;
}

PetStatus
pet_mask_keep_largest (
    const PetImage *mask, const PetAllocator *allocator, PetError *error)
{
  return work_on_runs (mask, keep_largest, allocator, error);
}

PetStatus
pet_mask_drop_haze (const PetImage *mask, int low,
    const PetAllocator *allocator, PetError *error)
{
  for (int y = 0; y < mask->height; y++) {
    uint8_t *row = pet_image_row (mask, y);

    for (int x = 0; x < mask->width * mask->channels; x++)
      row[x] = row[x] < low ? 0 : row[x];
  }
  return work_on_runs (mask, drop_haze, allocator, error);
}
