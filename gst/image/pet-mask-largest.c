/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The largest region of a mask. Pixels are strong, >= 64, or soft, 1..63. First
 * strong runs are joined and the largest region is chosen; then soft runs are
 * joined to each other and to that region, so that its fringe stays, while a
 * fringe never leads on to another region. And regions without a sure pixel. */

#include <string.h>

#include "image/pet-mask-runs.h"

#define STRONG 64

enum { NONE, SOFT_RUN, STRONG_RUN };

static void
join_strong (PetMaskRun *runs, uint32_t a, uint32_t b, const void *user)
{
  if (runs[a].kind == STRONG_RUN && runs[b].kind == STRONG_RUN)
    pet_mask_runs_join (runs, a, b);
}

/* Whether a run may be joined once the largest region is known. */
static bool
is_open (PetMaskRun *runs, uint32_t run, uint32_t largest)
{
  return runs[run].kind != STRONG_RUN ||
      pet_mask_run_root (runs, run) == pet_mask_run_root (runs, largest);
}

static void
join_fringe (PetMaskRun *runs, uint32_t a, uint32_t b, const void *user)
{
  const uint32_t *largest = user;

  if ((runs[a].kind != STRONG_RUN || runs[b].kind != STRONG_RUN) &&
      is_open (runs, a, *largest) && is_open (runs, b, *largest))
    pet_mask_runs_join (runs, a, b);
}

static uint32_t
find_largest (const PetMaskRuns *list)
{
  uint32_t largest = PET_NO_RUN;

  for (uint32_t i = 0; i < list->n_runs; i++)
    if (list->runs[i].parent == i && list->runs[i].kind == STRONG_RUN &&
        (largest == PET_NO_RUN ||
            list->runs[i].area > list->runs[largest].area))
      largest = i;
  return largest;
}

static void
clear_run (const PetImage *mask, int y, const PetMaskRun *run)
{
  memset (pet_image_row (mask, y) + run->start, 0,
      (size_t) (run->end - run->start));
}

static void
clear_others (const PetImage *mask, const PetMaskRuns *list, uint32_t largest)
{
  uint32_t root = largest != PET_NO_RUN
      ? pet_mask_run_root (list->runs, largest)
      : PET_NO_RUN;

  for (int y = 0; y < mask->height; y++)
    for (size_t i = list->first[y]; i < list->first[y + 1]; i++)
      if (root == PET_NO_RUN ||
          pet_mask_run_root (list->runs, (uint32_t) i) != root)
        clear_run (mask, y, &list->runs[i]);
}

PetStatus
pet_mask_keep_largest (
    const PetImage *mask, const PetAllocator *allocator, PetError *error)
{
  uint8_t kinds[256];
  uint32_t largest;
  PetMaskRuns list;

  for (int i = 0; i < 256; i++)
    kinds[i] = i == 0 ? NONE : i < STRONG ? SOFT_RUN : STRONG_RUN;
  PET_TRY (pet_mask_runs_new (mask, kinds, allocator, &list, error));
  pet_mask_runs_touching (&list, mask->height, join_strong, NULL);
  largest = find_largest (&list);
  if (largest != PET_NO_RUN)
    pet_mask_runs_touching (&list, mask->height, join_fringe, &largest);
  clear_others (mask, &list, largest);
  pet_mask_runs_clear (&list, allocator);
  return PET_OK;
}

static void
join_all (PetMaskRun *runs, uint32_t a, uint32_t b, const void *user)
{
  pet_mask_runs_join (runs, a, b);
}

PetStatus
pet_mask_drop_haze (const PetImage *mask, int low,
    const PetAllocator *allocator, PetError *error)
{
  uint8_t kinds[256];
  bool sure[256];
  PetMaskRuns list;

  for (int i = 0; i < 256; i++) {
    kinds[i] = i >= low;
    sure[i] = i >= PET_MASK_SURE;
  }
  PET_TRY (pet_mask_runs_new (mask, kinds, allocator, &list, error));
  pet_mask_runs_count (&list, mask, sure);
  pet_mask_runs_touching (&list, mask->height, join_all, NULL);
  for (int y = 0; y < mask->height; y++) {
    uint8_t *row = pet_image_row (mask, y);

    for (int x = 0; x < mask->width; x++)
      row[x] = row[x] < low ? 0 : row[x];
    for (size_t i = list.first[y]; i < list.first[y + 1]; i++)
      if (list.runs[pet_mask_run_root (list.runs, (uint32_t) i)].sure == 0)
        clear_run (mask, y, &list.runs[i]);
  }
  pet_mask_runs_clear (&list, allocator);
  return PET_OK;
}
