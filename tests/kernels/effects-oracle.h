/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* docs/effects.md once more, step by step in double precision over whole
 * planes: slow, obviously correct, and sharing no code with gst/image. */

#pragma once

#include <stdint.h>

/* Pixels are packed RGBA. `values` as for PetEffect.render. */
void oracle_color (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values);
void oracle_enhancedblackwhite (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values);
void oracle_popart (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values);
void oracle_dithering (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values);
void oracle_retro8bit (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values);
