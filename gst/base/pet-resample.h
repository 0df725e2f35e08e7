/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Streaming, exact, separable picture scaling: source rows go in from the top,
 * finished rows come out as soon as their support is complete, and no more
 * than the filter's height in rows is ever held. The decoder reduces with it
 * while it loads, the network's input is made with it.
 *
 * Pixel centres are at half integers (output x looks at (x + 0.5) * in / out
 * - 0.5); when reducing, the kernel is widened by the factor (antialiased, as
 * Pillow does); weights that fall outside the picture are dropped and the rest
 * normalised to sum 1. With 4 channels colours are weighted by alpha, so that
 * what is invisible never bleeds into what is seen; where the resulting alpha
 * is 0 the colour is 0. An axis of equal size passes through exactly. */

#pragma once

#include <stdbool.h>

#include "base/pet-alloc.h"
#include "base/pet-image.h"
#include "base/pet-status.h"

typedef enum {
  PET_FILTER_TRIANGLE, /* bilinear, support 1 */
  PET_FILTER_LANCZOS3, /* sinc windowed by sinc, support 3 */
} PetFilter;

/* Thread-safety: one thread at a time. */
typedef struct PetResampler PetResampler;

/* Bytes pet_resampler_new will take from its allocator; 0 on overflow. */
size_t pet_resampler_bytes (int in_width, int in_height, int out_width,
    int out_height, int channels, PetFilter filter);

/* Sizes 1..2^20 each, channels 1, 3 or 4. `allocator` must outlive the
 * object. */
PetStatus pet_resampler_new (const PetAllocator *allocator, int in_width,
    int in_height, int out_width, int out_height, int channels,
    PetFilter filter, PetResampler **resampler, PetError *error);

/* How many source rows are wanted before the next output row can be pulled;
 * 0: pull now (or everything was pulled). */
int pet_resampler_rows_wanted (const PetResampler *resampler);

/* Next source row (in_width * channels bytes). Rows must be pushed in order;
 * only while rows_wanted() is not 0. */
void pet_resampler_push (PetResampler *resampler, const uint8_t *row);

/* The same to a resampler of 3 channels, from pixels of 4 bytes, of which the
 * last counts nothing. */
void pet_resampler_push_rgbx (PetResampler *resampler, const uint8_t *row);

/* Next output row, rounded to nearest. Only while rows_wanted() is 0 and rows
 * are left. */
void pet_resampler_pull (PetResampler *resampler, uint8_t *row);

/* The same as float in 0..255, not rounded; with 4 channels colours are
 * un-premultiplied. */
void pet_resampler_pull_float (PetResampler *resampler, float *row);

/* Frees *resampler (NULL allowed) and clears it. */
void pet_resampler_free (PetResampler **resampler);

/* Whole pictures: `src` into `dst` (both allocated, same channels). */
PetStatus pet_resample (const PetAllocator *allocator, const PetImage *src,
    const PetImage *dst, PetFilter filter, PetError *error);
