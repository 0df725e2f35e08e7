/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The scene as the camera sees it: a coarse grid of cells with colour, light,
 * depth and the direction of the hairs. */
#pragma once

#include <stdbool.h>

#include "pet-draw-coat.h"
#include "pet-draw-view.h"

/* Distances from the eye between which the cat lies. */
#define CAT_NEAREST 5.4f
#define CAT_FARTHEST 8.6f

typedef struct {
  float cover; /* 0 .. 1 of the cell is cat */
  float depth; /* distance of the cat from the eye; only if cover > 0 */
  Vec color;   /* lit colour of the cat */
  float gloss; /* light of the hairs' sheen */
  float rim;   /* 0 .. 1: seen edge on, against the light */
  float flow_x, flow_y; /* pixels that a hair covers */
  float inside;         /* of the ear */
  float floor_light;    /* of the floor that lies behind, 0 .. 1 */
  Vec wall;             /* colour of the wall that lies behind */
} Cell;

typedef struct {
  int columns, rows;
  float step; /* pixels per cell */
  Cell *cells;
} Grid;

/* False without memory. grid_clear() is due only if true. */
bool grid_render (const View *view, const Pose *pose, Grid *grid);
void grid_clear (Grid *grid);

/* Between cells. */
typedef struct {
  float cover, floor_light;
  Vec coat; /* lit colour of the cat times `cover` */
  Vec wall;
} Sample;

Sample grid_sample (const Grid *grid, float x, float y);
