/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plain versions, for the table and for the ends that vectors leave. */

#pragma once

#include "codec/pet-png-kernels.h"

extern const PetPngKernels pet_png_kernels_avx2;
extern const PetPngKernels pet_png_kernels_avx512;

/* Bits that a filtered byte costs, times 8, by its distance from 0 modulo 256:
 * 1 + 2 log2 (distance + 1), and 0 for 0. From 16 on by steps of 16, and 128 as
 * 127. */
#define PET_PNG_COSTS_LOW                                                      \
  0, 24, 33, 40, 45, 49, 53, 56, 59, 61, 63, 65, 67, 69, 71, 72
#define PET_PNG_COSTS_HIGH                                                     \
  0, 82, 94, 101, 107, 112, 115, 119, 119, 119, 119, 119, 119, 119, 119, 119

/* Bytes from..to of the filters; adds to the five costs. */
void pet_png_filter_c (const uint8_t *row, const uint8_t *above, size_t from,
    size_t to, size_t pixel_bytes, uint8_t *const *out, uint32_t *costs);

void pet_png_adler_c (
    uint32_t *a, uint32_t *b, const uint8_t *bytes, size_t size);

int pet_png_cheapest (const uint32_t *costs);

void pet_png_pick_grey_alpha_c (const uint8_t *in, uint8_t *out, int n);

void pet_png_summarise_c (
    const uint8_t *pixels, int n, uint32_t *differences, uint32_t *common);

size_t pet_png_zeros_ahead_c (const uint8_t *bytes, size_t size);
size_t pet_png_zeros_behind_c (const uint8_t *bytes, size_t size);

size_t pet_png_find_run_c (
    const uint8_t *bytes, size_t from, size_t size, size_t run);
