/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the network's small mask to the photo's alpha, and what makes a
 * cut-out clean. All masks are 8 bit, 0 = background, 255 = pet. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-image.h"
#include "base/pet-status.h"

/* Area and extent of the pet in a mask: pixels of at least 128. */
typedef struct {
  double coverage;         /* 0..1, sum of the mask / (255 * pixels) */
  int x, y, width, height; /* tight box of the pixels >= 128; all 0 if none */
} PetMaskStats;

void pet_mask_stats (const PetImage *mask, PetMaskStats *stats);

/* Keeps the largest 8-connected region of pixels >= 64 (the first of equals)
 * and what touches it, that is pixels of 1..63 that lead to it through such
 * pixels; clears all others. Without any pixel >= 64 all is cleared. In
 * place. */
PetStatus pet_mask_keep_largest (
    const PetImage *mask, const PetAllocator *allocator, PetError *error);

/* Stretches `low`..`high` (0 <= low < high <= 255) to 0..255, in place: a
 * network is never quite sure, and its haze of 1 or 2 % is seen on paper. */
void pet_mask_levels (const PetImage *mask, int low, int high);

/* Bilinear enlargement (or reduction) of a mask to `dst`'s size, half-pixel
 * centres, edges clamped. No memory is taken. */
void pet_mask_scale (const PetImage *mask, const PetImage *dst);

/* Fast guided filter (He, Sun: "Fast Guided Filter", 2015): refines `alpha`
 * (1 channel, in place) along the edges of `guide` (3 or 4 channels, same
 * size). `radius` in pixels of the full size, `epsilon` as variance of
 * intensities in 0..1. Statistics are taken at 1/`subsample`. `radius` 1..4096, `subsample` 1..64,
 * `epsilon` above 0. */
PetStatus pet_mask_refine_guided (const PetImage *alpha, const PetImage *guide,
    int radius, double epsilon, int subsample, const PetAllocator *allocator,
    PetError *error);

/* Bytes of scratch memory that takes from the allocator for these sizes;
 * (size_t) -1 on overflow. */
size_t pet_mask_refine_guided_bytes (
    int width, int height, int radius, int subsample);

/* Foreground colours where the cut-out is semi-transparent, so that none of
 * the background shows in the fringe (Forte: "Approximate Fast Foreground
 * Colour Estimation", ICIP 2021, "blur fusion"). `image` has 4 channels; its
 * colours are replaced where 0 < alpha < 255, alpha is untouched. Where alpha
 * is 0 the colours must still be the photo's: scrub afterwards. `radius` in
 * pixels, 1..4096 (the paper's value is 90). */
PetStatus pet_matte_decontaminate (const PetImage *image, int radius,
    const PetAllocator *allocator, PetError *error);

/* As pet_mask_refine_guided_bytes. */
size_t pet_matte_decontaminate_bytes (int width, int height, int radius);

/* R = G = B = 0 wherever alpha is 0: nothing hidden leaves the house. */
void pet_matte_scrub (const PetImage *image);
