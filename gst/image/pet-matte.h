/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the network's small mask to the photo's alpha, and what makes a
 * cut-out clean. All masks are 8 bit, 0 = background, 255 = pet. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-image.h"
#include "base/pet-outline.h"
#include "base/pet-status.h"

/* Area and extent of the pet in an alpha: pixels of at least 128. */
typedef struct {
  double coverage;         /* 0..1, sum of the alpha / (255 * pixels) */
  int x, y, width, height; /* tight box of the pixels >= 128; all 0 if none */
  PetOutline outline; /* of the alpha, where `scrub` makes it the picture's;
                         else nothing is known */
} PetMaskStats;

/* Keeps the largest 8-connected region of pixels >= 64 (the first of equals)
 * and what touches it, that is pixels of 1..63 that lead to it through such
 * pixels; clears all others. Without any pixel >= 64 all is cleared. In
 * place. */
PetStatus pet_mask_keep_largest (
    const PetImage *mask, const PetAllocator *allocator, PetError *error);

/* Of a mask: the network says yes to four in five. */
#define PET_MASK_SURE 204

/* Clears every 8-connected region of pixels of at least `low`
 * (1..PET_MASK_SURE) that has none of at least PET_MASK_SURE: smudges beside the
 * pet. Pixels below `low` are cleared too. In place. */
PetStatus pet_mask_drop_haze (const PetImage *mask, int low,
    const PetAllocator *allocator, PetError *error);

/* Clears regions of at least one half where the network says yes to four in five of
 * fewer than 2 in 5 pixels, if they are smaller than 1/8 of the largest where it says
 * so of more, and all smaller than 1/200 of it; then fills holes (regions of less than one half that do not reach the
 * mask's edge) of less than 1/100 of that where it says no of fewer than 3 in 10. The
 * slope around them goes with them. In place, and not undone on failure. */
PetStatus pet_mask_settle (
    const PetImage *mask, const PetAllocator *allocator, PetError *error);

/* Where a network doubts, its mask falls off gently over many pixels, which is
 * haze beside the pet and no fur. Slopes of less than a fifth of the range per
 * pixel become as steep as that, at most four times as steep; what is at least
 * one half stays so. In place. */
PetStatus pet_mask_steepen (
    const PetImage *mask, const PetAllocator *allocator, PetError *error);

/* A rectangle of a photo, in pixels. */
typedef struct {
  int x, y, width, height;
} PetPart;

typedef struct {
  /* What of the photo the mask shows; outside it the mask's outermost values go
   * on. Of width 0: all. */
  PetPart part;
  /* Draw the edge to the photo with a guided filter (He, Sun: "Fast Guided
   * Filter", 2015); else the mask is enlarged bilinearly. */
  bool refine;
  /* A network is never quite sure, and its haze is seen on paper: the mask's
   * `low`..`high` becomes 0..255 (0 <= low < high <= 255). */
  int low, high;
  /* Replace the colours of soft pixels by the pet's, so that none of the
   * background shows in the fringe (cut-outs only). */
  bool decontaminate;
  /* R = G = B = 0 wherever alpha is 0: nothing hidden leaves the house
   * (cut-outs only). */
  bool scrub;
  /* 2: alpha is made in a thread of its own, some rows ahead. Results are the
   * same. */
  int threads;
} PetMatteOptions;

/* Makes the alpha of `photo` (3 or 4 channels; its own alpha is multiplied
 * in) from `mask` (1 channel, any size) and writes
 * `target`, of the photo's size: RGBA, or with 1 channel the alpha alone.
 * `target` may be the photo itself if that has 4 channels. Works in one pass
 * from top to bottom: its memory, about 0.8 MB for 1536 columns, grows with
 * the width and never with the height. `stats`, of the alpha, NULL allowed.
 * On failure `target` is untouched. */
PetStatus pet_matte_cut (const PetImage *mask, const PetImage *photo,
    const PetImage *target, const PetMatteOptions *options, PetMaskStats *stats,
    const PetAllocator *allocator, PetError *error);

/* Bytes that it takes from the allocator for a photo of 4 channels (fewer for
 * one of 3) and that size; (size_t) -1 on overflow. */
size_t pet_matte_bytes (
    int mask_width, int width, int height, const PetMatteOptions *options);
