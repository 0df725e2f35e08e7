/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The matte as a chain of stages, each of which makes one row at a time and
 * asks the one before for the rows that it looks at. Nothing is kept but a
 * ring of rows at each stage, and every stage is ahead of the row that is
 * written, so that a frame can be cut out in place.
 *
 *   cells -> coefficients -> means -> alpha -> fringe cells -> colours -> out
 *
 * All up to alpha may be another thread's, which then is further ahead.
 *
 * A cell is step x step pixels (fewer at the right and at the bottom). */

#pragma once

#include "base/pet-relay.h"
#include "image/pet-matte-rows.h"
#include "image/pet-matte.h"
#include "image/pet-plane.h"

#define PET_MATTE_MAX_STEP 8

/* Rows of alpha that two threads may be further apart than one has to be, and
 * those that change hands at a time. */
#define PET_MATTE_LEAD 32
#define PET_MATTE_BATCH 8

/* In cells. Sums over a window fit into 31 bits: 21^2 squares of a guide of
 * 11 bits; 29^2 cells of 8 x 8 pixels of 8 bits, at a weight of 128. */
#define PET_MATTE_MAX_RADIUS 10
#define PET_MATTE_MAX_REACH 14
#define PET_MATTE_GUIDE_MAX 2040
#define PET_MATTE_SURE_WEIGHT 128

/* Samples along each side of the part, and the tiles that they are added up
 * in. */
#define PET_FAR_SAMPLES 64
#define PET_FAR_TILES 8

/* Of the guided filter: 1e-3 for a guide in 0..1. */
#define PET_MATTE_EPSILON (1e-3f * PET_MATTE_GUIDE_MAX * PET_MATTE_GUIDE_MAX)

/* Planes of a row of cells or coefficients. */
enum { PET_CELL_GUIDE, PET_CELL_MASK, PET_CELL_SQUARE, PET_CELL_PRODUCT };

typedef struct {
  PetMattePlaces places; /* of the photo's columns on lines */
  int32_t *left, *start;
  float *share;
} PetMatteTable;

typedef struct {
  const PetImage *mask, *photo, *target;
  const PetMatteOptions *options;
  const PetMatteRows *rows;
  PetPart part;            /* of the photo that the mask shows */
  int step, width, height; /* of the cells */
  int radius;              /* of the guided filter, in cells */
  int reach;               /* of the fringe's colours, in cells */
  int n_cells, n_coefficients, n_means, n_alpha, n_fringe, n_colors;
  bool two_threads;
  PetRelay relay; /* of rows of alpha */
  int n_seen;     /* of them, by the thread that takes them */

  uint16_t *bytes;  /* one row of pixels, added up over the rows of a cell */
  PetRing colors;   /* 3 sums per cell, interleaved */
  PetRing cells[4]; /* uint32_t, with `radius` zeros on both sides */
  uint32_t *columns[4];    /* sums of cells down the window */
  float *across;           /* cells in the window's width, each column */
  float *pixels;           /* cells in the window */
  PetRing coefficients[2]; /* slope and offset, as `cells` */
  float *column;           /* sums of one of them down the window */
  PetRing means[2];        /* slope and offset, the last one repeated */
  float *line[2];          /* those at one row of pixels */
  uint8_t *kinds;          /* of each value on the line */
  PetMatteTable table, mask_table;

  PetRing alpha;            /* finished rows */
  PetRing fringe;           /* PET_FRINGE_SUMS per cell */
  PetRing soft;             /* per cell: 1 if one of its pixels is soft */
  uint32_t weights[256][2]; /* of pet and background, by alpha */
  uint8_t *low, *high;      /* extremes of alpha down the rows of a cell */
  uint32_t *fringe_columns; /* their sums down the window */
  PetRing pure;             /* PET_PURE_LINES lines per row of cells */
  int pure_stride;          /* floats from one to the next */
  float *pure_lines;        /* those at one row of pixels */
  /* Of the pet and of the background, per tile: R, G, B and 1, or all 0 if the
   * photo has nothing of the kind. */
  float far[2][PET_FAR_TILES * PET_FAR_TILES][4];
  float far_scale[2]; /* tiles per pixel of the photo, across and down */
  float trust_scale;  /* see pet_matte_trust() */
} PetMatte;

/* First of the two neighbours around `at`, and the share of the second. */
static inline int
pet_matte_place (double at, int size, float *share)
{
  int first;

  *share = 0.0f;
  if (at >= size - 1)
    return size - 1;
  if (at <= 0.0)
    return 0;
  first = (int) at;
  *share = (float) (at - first);
  return first;
}

/* How much the sure colours of a window count, 0..1, by their weight: nothing
 * up to a 64th of the window, which soft pixels alone can have, and alone
 * from 5 64ths on. */
static inline float
pet_matte_trust (const PetMatte *m, uint32_t weight)
{
  float trust = (float) (int32_t) weight * m->trust_scale - 0.25f;

  return trust < 0.0f ? 0.0f : trust > 1.0f ? 1.0f : trust;
}

/* pet-matte.c: part, step, size, radius, reach and the scales of `photo` and
 * `options`; and whether what pet_matte_cut() got fits together. */
void pet_matte_set_sizes (PetMatte *m);
bool pet_matte_is_valid (const PetImage *mask, const PetImage *photo,
    const PetImage *target, const PetMatteOptions *options);

/* Alpha until row `y` is there, and the cells around. */
void pet_matte_need_alpha (PetMatte *m, int y);

/* pet-matte-alpha.c: one more row of alpha. */
void pet_matte_take_alpha (PetScratch *scratch, PetMatte *m);
void pet_matte_begin_alpha (PetMatte *m);
void pet_matte_make_alpha (PetMatte *m);

/* pet-matte-far.c: fills `far` from photo and mask; and its colour at a cell, of
 * the pet (0) or the background (1). */
void pet_matte_find_far (PetMatte *m);
void pet_matte_far_color (
    const PetMatte *m, int part, int column, int row, float color[4]);

/* pet-matte-fringe.c: colours around row `y`, before it is written, and then
 * those of its soft pixels. */
void pet_matte_take_fringe (PetScratch *scratch, PetMatte *m);
void pet_matte_begin_fringe (PetMatte *m);
void pet_matte_need_colors (PetMatte *m, int y);
void pet_matte_clean_row (PetMatte *m, int y);
/* Weights of a pixel of each alpha in the pet's and the background's colour:
 * that of what is sure, or for a soft pixel's part in one of both 1..2 of it. */
void pet_matte_fill_weights (uint32_t weights[256][2]);
