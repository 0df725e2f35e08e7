/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How good a mask is. All functions take 1-channel pictures of one size. */

#pragma once

#include "base/pet-image.h"

typedef struct {
  double iou;      /* of pixels >= 128, unknown ones left out */
  double error;    /* mean absolute difference 0..1, unknown ones left out */
  double boundary; /* F measure of the outlines */
} AccuracyScore;

/* The true outline is the line half-way through the unknown border. A pixel of
 * an outline counts as found if the other outline has one within `tolerance`
 * pixels. */
AccuracyScore accuracy_score (
    const PetImage *alpha, const PetImage *truth, double tolerance);

/* Pet (255) or not (0) with the unknown border divided half-way. Free the
 * result's data. */
PetImage accuracy_divide (const PetImage *truth);

/* Squared distance in pixels, less than 0.5 % off, to the nearest pixel with
 * value `value`, and its index in `nearest` (NULL allowed); -1 where there is
 * none. Free the result. */
float *accuracy_distance (const PetImage *image, uint8_t value, int *nearest);
