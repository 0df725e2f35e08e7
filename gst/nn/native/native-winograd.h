/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The work of a convolution by tiles: native-winograd.c sets it up,
 * native-tiles.c does it. */

#pragma once

#include "nn/native/native-sources.h"

/* Tiles that are transformed and multiplied at a time. */
#define PET_TILES 24
#define PET_TILE_POSITIONS 36

typedef struct {
  PetNativePicture in, out;
  int before[2];
  int rows, columns; /* of tiles */
  PetNativeFinish finish;
  const float *bias;
  ptrdiff_t in_position, out_position; /* floats between positions */
  int n_groups, n_sources;
  PetNativeConv *groups; /* weights of position 0 */
  PetNativeSegment *segments;
  PetNativeSource *sources; /* places[i] of the step is that of source i */
  /* Tile rows are worked on in chunks, each by one thread, where a source is
   * resized or overwritten; 0: tiles are taken in any order. */
  int chunk_rows;
  int overwritten;     /* source whose place is that of the result; -1 = none */
  ptrdiff_t saved_row; /* floats of a saved row, all blocks */
} PetNativeTiled;

/* Floats of scratch memory. */
size_t pet_native_tiled_scratch (const PetNativeTiled *tiled);

void pet_native_run_tiles (const PetNativeStep *step, int task, void *scratch);

/* Task `task`: keeps the two rows at the border of chunks task and task + 1
 * before they are overwritten. The state is the PetNativeTiled of the step
 * that follows, `in` the source's place and `out` the rows. */
typedef struct {
  PetNativePicture picture;
  int chunk_pixel_rows;
  ptrdiff_t saved_row;
} PetNativeSave;

void pet_native_run_save (const PetNativeStep *step, int task, void *scratch);
