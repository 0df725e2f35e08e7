/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inner loops of retro8bit. All integers, or floats that are exact: every
 * version gives the same bytes. Thread-safety: safe. */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/pet-image.h"
#include "image/pet-version.h"

#define pet_retro_luma PET_VERSION (pet_retro_luma)
#define pet_retro_edges PET_VERSION (pet_retro_edges)
#define pet_retro_dilate PET_VERSION (pet_retro_dilate)
#define pet_retro_prepare PET_VERSION (pet_retro_prepare)
#define pet_retro_cells PET_VERSION (pet_retro_cells)
#define pet_retro_spread PET_VERSION (pet_retro_spread)
#define pet_retro_paint PET_VERSION (pet_retro_paint)

/* Elements that rows of luma and of edges have to spare on both sides, and
 * cells behind the last one. */
#define PET_RETRO_PAD 64

/* Rounded luma of `width` pixels. */
void pet_retro_luma (const uint8_t *pixels, int16_t *luma, int width);

/* edge[x] is 1 where the Sobel gradient's square exceeds `threshold2`, else 0.
 * The rows have one valid element on both sides. */
void pet_retro_edges (const int16_t *above, const int16_t *luma,
    const int16_t *below, uint8_t *edge, int width, int32_t threshold2);

/* 1 where there is an edge within one pixel. */
void pet_retro_dilate (const uint8_t *above, const uint8_t *edge,
    const uint8_t *below, uint8_t *dilated, int width);

/* A palette colour as its distances are computed. */
typedef struct {
  int32_t red_green, blue, constant;
} PetRetroColor;

/* For PetRetroGrid; the plain C version does without. */
void pet_retro_prepare (PetRetroColor colors[32]);

/* A line of pixels and of cells, both in units of 1 / cells of a pixel, reduced:
 * a pixel is `pixel` units wide and a cell is `cell`. */
typedef struct {
  int pixel, cell;
} PetRetroScale;

/* The picture at one cell size. */
typedef struct {
  int columns, rows;
  PetRetroScale across, down;
  uint8_t *cells;  /* palette indices, with PET_RETRO_PAD to spare */
  int32_t *column; /* cell column of each pixel column */
  uint8_t *step;   /* how far that is from the one of pixel x & ~15 */
  const PetRetroColor *colors;
} PetRetroGrid;

/* Room for the sums of pixel columns, 4 numbers each. */
typedef struct {
  uint16_t *inner;
  uint32_t *weighted;
} PetRetroSums;

/* Palette indices of the cells of one row, from the pixels that have a part in
 * them. */
void pet_retro_cells (
    const PetImage *src, const PetRetroGrid *grid, int row, PetRetroSums *sums);

/* The indices of the cells at `cells` for each of `width` pixel columns. */
void pet_retro_spread (const PetRetroGrid *grid, const uint8_t *cells,
    uint8_t *indices, int width);

/* Colours by `fine` where `edge` is not 0, else by `coarse`; 0 where alpha is. */
void pet_retro_paint (const uint8_t *src, uint8_t *dst, int width,
    const uint8_t *edge, const uint8_t *fine, const uint8_t *coarse,
    const uint32_t palette[32]);
