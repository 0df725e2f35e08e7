/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the fine looks share. A look first finds its subject, then works on a
 * grid of cells laid over it: so many cells per side of the subject, whatever
 * the picture's size, so that the look is the same at 600 and at 6000 pixels
 * and filters cost the same. Cells are means in linear light weighted by
 * alpha: what is hidden weighs nothing. Planes of the grid are brought back to
 * the size of the picture row by row, as smooth splines.
 *
 * Thread-safety: safe, no state. */

#pragma once

#include "base/pet-image.h"
#include "image/pet-plane.h"
#include "image/pet-version.h"

#define pet_subject_find PET_VERSION (pet_subject_find)
#define pet_cells_take PET_VERSION (pet_cells_take)
#define pet_cells_lay PET_VERSION (pet_cells_lay)
#define pet_cells_mean PET_VERSION (pet_cells_mean)
#define pet_cells_lightness PET_VERSION (pet_cells_lightness)
#define pet_cells_oklab PET_VERSION (pet_cells_oklab)
#define pet_cells_fill PET_VERSION (pet_cells_fill)
#define pet_cells_blur PET_VERSION (pet_cells_blur)
#define pet_cells_smooth PET_VERSION (pet_cells_smooth)
#define pet_cells_guide_lines PET_VERSION (pet_cells_guide_lines)
#define pet_cells_guide PET_VERSION (pet_cells_guide)
#define pet_cells_levels PET_VERSION (pet_cells_levels)
#define pet_rise_take PET_VERSION (pet_rise_take)
#define pet_rise_start PET_VERSION (pet_rise_start)
#define pet_rise_row PET_VERSION (pet_rise_row)
#define pet_rise_part PET_VERSION (pet_rise_part)
#define pet_visible_span PET_VERSION (pet_visible_span)
#define pet_rise_map_take PET_VERSION (pet_rise_map_take)
#define pet_rise_map_start PET_VERSION (pet_rise_map_start)
#define pet_inks_take PET_VERSION (pet_inks_take)
#define pet_inks_start PET_VERSION (pet_inks_start)
#define pet_inks_part PET_VERSION (pet_inks_part)

/* What is visible of a picture: alpha of 8 and more. Where nothing is, the
 * whole picture. */
typedef struct {
  int left, top, right, bottom; /* right and bottom are outside */
  float side;    /* of a square with the subject's area, in pixels */
  uint32_t seed; /* from the shape of what is visible */
} PetSubject;

void pet_subject_find (const PetImage *src, PetSubject *subject);

/* The pixels under a column of cells: all of those between the first and the last,
 * and so much of these. */
typedef struct {
  int first, last;
  float head, tail;
} PetCut;

/* A grid over a subject and its planes. `weight` is the covered share of each
 * cell, 0..1. */
typedef struct {
  int columns, rows;
  float left, top, pitch; /* in pixels; pitch >= 1 */
  size_t max_cells;
  float *weight;
  float *color[3];        /* linear R, G, B, or what was made of them */
  float *room[4];         /* for filters */
  PetCut *cuts;           /* of each column */
  float *sums;            /* twelve rows as wide as the picture */
  int made;               /* the row of pixels that is in four of them */
  int made_from, made_to; /* which columns of it */
  float *line;            /* a padded row of cells */
} PetCells;

#define PET_CELLS_PAD 40

/* Takes planes of up to `most` cells, or one per pixel and for a margin of
 * `margin` cells around them if that is less. `most` has room for that margin
 * around a few cells. */
void pet_cells_take (PetScratch *scratch, PetCells *cells, int width,
    int height, size_t most, int margin);

/* `per_side` cells along the subject's side, and `margin` cells more around
 * what is visible; coarser where that would be too many. */
void pet_cells_lay (
    PetCells *cells, const PetSubject *subject, float per_side, int margin);

/* Means of what is visible, and weights. Cells with no weight are 0. */
void pet_cells_mean (PetCells *cells, const PetImage *src);

/* plane = cube root of luminance, OKLab's lightness of greys. May be one of
 * `color`. */
void pet_cells_lightness (const PetCells *cells, float *plane);

/* color = L, a, b of OKLab. */
void pet_cells_oklab (PetCells *cells);

/* Cells without weight get the values of those next to them. */
void pet_cells_fill (const PetCells *cells, float *plane);

/* Gaussian, 0 outside. sigma <= 18, cut at twice that. `dst` may be `src`; uses room[0]. */
void pet_cells_blur (
    const PetCells *cells, float *dst, const float *src, float sigma);

/* The same, weighted. Uses room[0..2]. */
void pet_cells_smooth (
    const PetCells *cells, float *dst, const float *src, float sigma);

/* Edge-preserving: guided filter of a plane by itself (He, Sun, Tang 2010),
 * with Gaussian windows; `epsilon` is the variance that is smoothed away. Uses
 * room[0..3]. `dst` may be `src`. */
void pet_cells_guide (const PetCells *cells, float *dst, const float *src,
    float sigma, float epsilon);

/* The lines that the filter lays through each cell's surroundings, to be used
 * at the size of the picture: slope in room[1], offset in room[3]. Uses
 * room[0..3]. */
void pet_cells_guide_lines (
    const PetCells *cells, const float *src, float sigma, float epsilon);

/* levels[i] = the value below which `shares[i]` of what is visible lies; in
 * steps of 1/512 over 0..1. */
void pet_cells_levels (const PetCells *cells, const float *plane,
    const float *shares, float *levels, int n);

/* How the columns of a picture lie on a grid. Shared by planes. */
typedef struct {
  int first, end; /* columns of the picture that are made */
  int32_t *index; /* leftmost of four taps, in the padded line */
  float *taps[4];
  float *line;
} PetRiseMap;

/* A spline is smooth, an interpolation (Catmull-Rom) goes through the values
 * of the cells. */
typedef enum { PET_RISE_SPLINE, PET_RISE_INTERPOLATE } PetRiseKind;

void pet_rise_map_take (
    PetScratch *scratch, PetRiseMap *map, int width, size_t max_cells);
void pet_rise_map_start (PetRiseMap *map, const PetCells *cells,
    const PetSubject *subject, PetRiseKind kind);

/* A plane at the size of the picture. */
typedef struct {
  const PetCells *cells;
  const PetRiseMap *map;
  const float *plane;
  PetRiseKind kind;
  float *rows[4];
  int row[4];    /* which row of the plane is there, -1 = none */
  uint32_t seed; /* of noise */
} PetRise;

void pet_rise_take (PetScratch *scratch, PetRise *rise, int width);

/* `plane` NULL: noise of mean 0 and about unit spread, whose grains are as
 * large as cells. The seed is the caller's to set. */
void pet_rise_start (PetRise *rise, const PetRiseMap *map,
    const PetCells *cells, const float *plane, PetRiseKind kind);

/* Writes columns first..end of row `y` of the picture to `out`, which is as
 * wide as the picture. */
void pet_rise_row (PetRise *rise, int y, float *out);

/* The same for columns from..to within those. */
void pet_rise_part (PetRise *rise, int y, int from, int to, float *out);

/* Flat inks, one per cell, at the size of the picture: each is a spline of
 * where it is, in fixed point. */
#define PET_INKS 6
#define PET_INKS_ALL 4032 /* the sum of the shares */

typedef struct {
  const PetCells *cells;
  const uint8_t *ink; /* of each cell, below `n` */
  int n, first, end;
  int32_t *index;
  uint8_t *taps[4],
      *near[4]; /* of a row of pixels: weights and inks of cells */
  uint8_t *line;
  uint8_t *rows[4]; /* PET_INKS rows of shares each */
  size_t width;
  int row[4];
} PetInks;

void pet_inks_take (
    PetScratch *scratch, PetInks *inks, int width, size_t max_cells);
void pet_inks_start (PetInks *inks, const PetCells *cells,
    const PetSubject *subject, const uint8_t *ink, int n);

/* The strongest ink of columns from..to of row `y` of the picture and the one
 * behind it, as 8 * share + ink, from element 0. `behind` is -1 where there
 * is one ink only. */
void pet_inks_part (PetInks *inks, int y, int from, int to,
    int16_t *restrict best, int16_t *restrict behind);

/* Narrows from..to to the columns of a row of pixels between the first and the
 * last whose alpha is not 0. Empty: both are `to`. */
void pet_visible_span (const uint8_t *row, int *from, int *to);
