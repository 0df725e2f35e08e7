/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Internal to gst/image: regions of a mask, by union-find over runs (horizontal
 * lines of pixels of one kind). 32 bytes per run and 8 per row; a real mask has a
 * few runs per row. */

#pragma once

#include "image/pet-matte.h"

#define PET_NO_RUN UINT32_MAX

typedef struct {
  int32_t start, end; /* columns, end exclusive */
  uint32_t parent;
  uint8_t kind;
  bool at_edge; /* of the mask, some part of the region; for those who set it */
  /* Pixels, of the whole region at its root; `sure` is 0 until they are counted. */
  uint64_t area, sure;
} PetMaskRun;

typedef struct {
  PetMaskRun *runs;
  size_t n_runs, runs_bytes;
  size_t *first; /* of each row, and one more for the end */
  size_t first_bytes;
} PetMaskRuns;

/* `kinds`: of each value; pixels of kind 0 are in no run. Every run is a region of
 * its own at first. */
PetStatus pet_mask_runs_new (const PetImage *mask, const uint8_t kinds[256],
    const PetAllocator *allocator, PetMaskRuns *list, PetError *error);
void pet_mask_runs_clear (PetMaskRuns *list, const PetAllocator *allocator);

uint32_t pet_mask_run_root (PetMaskRun *runs, uint32_t i);

/* The earlier run becomes the root. */
void pet_mask_runs_join (PetMaskRun *runs, uint32_t a, uint32_t b);

/* Adds to each run's `sure` its pixels whose value is marked. Before any is joined. */
void pet_mask_runs_count (
    const PetMaskRuns *list, const PetImage *mask, const bool sure[256]);

/* Calls `touch` for all pairs of runs that touch, diagonally too; a before b. */
typedef void (*PetMaskTouch) (
    PetMaskRun *runs, uint32_t a, uint32_t b, const void *user);
void pet_mask_runs_touching (
    const PetMaskRuns *list, int height, PetMaskTouch touch, const void *user);
