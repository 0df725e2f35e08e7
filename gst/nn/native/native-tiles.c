/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* 3x3 convolution by Winograd's F(4x4, 3x3), PET_TILES tiles at a time:
 * transformed, multiplied and transformed back in scratch memory that fits
 * the second level cache, so that no transformed picture is ever in main
 * memory.
 *
 * Sources that are not there as such - resized ones, and one that the result
 * overwrites - are brought into six rows of scratch memory per row of tiles.
 * The rows of an overwritten source that a later row of tiles still needs are
 * in those six rows already, or, at the border of two chunks, were saved
 * before. */

#include <string.h>

#include "nn/native/native-winograd.h"

#define TILE_PIXELS 36

typedef struct {
  const PetNativeStep *step;
  const PetNativeTiled *tiled;
  float *in, *out;    /* transformed: [position][block][tile][16] */
  float *row;         /* of a resized source */
  float *overwritten; /* six rows: [block][row][column][16] */
  float *resized;     /* the same of one block */
} Tiles;

/* Columns of a strip of six rows. */
static int
strip_width (const PetNativeTiled *t)
{
  return t->columns * 4 + 2;
}

static ptrdiff_t
strip_floats (const PetNativeTiled *t)
{
  return (ptrdiff_t) strip_width (t) * 6 * PET_BLOCK;
}

static ptrdiff_t
row_floats (const PetNativeTiled *t)
{
  ptrdiff_t widest = 0;

  for (int i = 0; i < t->n_sources; i++)
    if (t->sources[i].resized && t->sources[i].picture.width > widest)
      widest = t->sources[i].picture.width;
  return (widest + 1) * PET_BLOCK;
}

size_t
pet_native_tiled_scratch (const PetNativeTiled *t)
{
  size_t floats =
      PET_TILE_POSITIONS * (size_t) (t->in_position + t->out_position);

  if (t->chunk_rows > 0)
    floats += (size_t) row_floats (t) + (size_t) strip_floats (t);
  if (t->overwritten >= 0)
    floats += (size_t) strip_floats (t) *
        (size_t) t->sources[t->overwritten].picture.blocks;
  return floats;
}

static void
set_buffers (
    const PetNativeStep *step, const PetNativeTiled *t, float *at, Tiles *tiles)
{
  tiles->step = step;
  tiles->tiled = t;
  tiles->in = at;
  tiles->out = tiles->in + PET_TILE_POSITIONS * t->in_position;
  tiles->row = tiles->out + PET_TILE_POSITIONS * t->out_position;
  tiles->resized = t->chunk_rows > 0 ? tiles->row + row_floats (t) : NULL;
  tiles->overwritten =
      t->overwritten >= 0 ? tiles->resized + strip_floats (t) : NULL;
}

/* 6x6 pixels at an edge of the picture, zeros around it. */
static void
copy_edge (const PetNativePicture *in, const float *plane, int y0, int x0,
    float tile[TILE_PIXELS * PET_BLOCK])
{
  memset (tile, 0, TILE_PIXELS * PET_BLOCK * sizeof *tile);
  for (int y = 0; y < 6; y++)
    for (int x = 0; x < 6; x++)
      if (y0 + y >= 0 && y0 + y < in->height && x0 + x >= 0 &&
          x0 + x < in->width)
        memcpy (tile + (y * 6 + x) * PET_BLOCK,
            plane + ((ptrdiff_t) (y0 + y) * in->width + x0 + x) * PET_BLOCK,
            PET_BLOCK * sizeof *tile);
}

/* A tile of one block, straight from the picture. */
static void
tile_in (const Tiles *tiles, const float *plane, int tile, float *to)
{
  const PetNativeTiled *t = tiles->tiled;
  int y0 = tile / t->columns * 4 - t->before[0];
  int x0 = tile % t->columns * 4 - t->before[1];
  bool inside =
      y0 >= 0 && x0 >= 0 && y0 + 6 <= t->in.height && x0 + 6 <= t->in.width;
  PetNativeWinograd winograd = {
    .row_stride = inside ? (ptrdiff_t) t->in.width * PET_BLOCK : 6 * PET_BLOCK,
    .position_stride = t->in_position,
  };
  float edge[TILE_PIXELS * PET_BLOCK];

  if (inside)
    plane += ((ptrdiff_t) y0 * t->in.width + x0) * PET_BLOCK;
  else
    copy_edge (&t->in, plane, y0, x0, edge);
  tiles->step->kernels->winograd_in (&winograd, inside ? plane : edge, to);
}

/* `n` tiles of one block from six rows in scratch memory. */
static void
strip_in (const Tiles *tiles, const float *strip, int columns, int n, float *to)
{
  PetNativeWinograd winograd = {
    .row_stride = (ptrdiff_t) columns * PET_BLOCK,
    .position_stride = tiles->tiled->in_position,
  };

  for (int i = 0; i < n; i++)
    tiles->step->kernels->winograd_in (
        &winograd, strip + i * 4 * PET_BLOCK, to + i * PET_BLOCK);
}

static void
resized_in (const Tiles *tiles, const PetNativeSource *source,
    const float *plane, int first, int n, float *to)
{
  const PetNativeTiled *t = tiles->tiled;
  int y0 = first / t->columns * 4 - t->before[0];
  int x0 = first % t->columns * 4 - t->before[1];
  int columns = n * 4 + 2;

  pet_native_fill_resized (tiles->step->kernels, source, plane, t->in.height,
      t->in.width, y0, 6, x0, columns, tiles->row, tiles->resized);
  strip_in (tiles, tiles->resized, columns, n, to);
}

static void
transform_source (const Tiles *tiles, int index, int first, int n, float *to)
{
  const PetNativeTiled *t = tiles->tiled;
  const PetNativeSource *source = &t->sources[index];
  const float *plane = tiles->step->places[index].data;

  for (int b = 0; b < source->picture.blocks; b++) {
    if (source->resized)
      resized_in (tiles, source, plane, first, n, to);
    else if (index == t->overwritten)
      strip_in (tiles,
          tiles->overwritten + b * strip_floats (t) +
              first % t->columns * 4 * PET_BLOCK,
          strip_width (t), n, to);
    else
      for (int i = 0; i < n; i++)
        tile_in (tiles, plane, first + i, to + i * PET_BLOCK);
    plane += source->picture.plane;
    to += PET_TILES * PET_BLOCK;
  }
}

static void
tile_out (const Tiles *tiles, int tile, int block, const float *from)
{
  const PetNativeStep *step = tiles->step;
  const PetNativeTiled *t = tiles->tiled;
  int y0 = tile / t->columns * 4, x0 = tile % t->columns * 4;
  int rows = t->out.height - y0, columns = t->out.width - x0;
  PetNativeWinograd winograd = {
    .row_stride = (ptrdiff_t) t->out.width * PET_BLOCK,
    .position_stride = t->out_position,
  };
  ptrdiff_t at =
      block * t->out.plane + ((ptrdiff_t) y0 * t->out.width + x0) * PET_BLOCK;

  step->kernels->winograd_out (&winograd, from, t->bias + block * PET_BLOCK,
      &t->finish, step->has_other ? step->other.data + at : NULL,
      step->out.data + at, rows < 4 ? rows : 4, columns < 4 ? columns : 4);
}

/* Tiles first..first+n-1, n at most PET_TILES. */
static void
run_some (const Tiles *tiles, int first, int n)
{
  const PetNativeTiled *t = tiles->tiled;
  float *to = tiles->in;
  int block = 0;

  for (int i = 0; i < t->n_sources; i++) {
    transform_source (tiles, i, first, n, to);
    to += t->sources[i].picture.blocks * PET_TILES * PET_BLOCK;
  }
  for (int g = 0; g < t->n_groups; g++) {
    PetNativeConv group = t->groups[g];

    for (int p = 0; p < PET_TILE_POSITIONS; p++) {
      tiles->step->kernels->conv (&group, tiles->in + p * t->in_position, NULL,
          tiles->out + p * t->out_position, n);
      group.weights += t->in.channels * group.group * PET_BLOCK;
    }
    for (int b = 0; b < group.group; b++, block++)
      for (int i = 0; i < n; i++)
        tile_out (tiles, first + i, block,
            tiles->out + (b * PET_TILES + i) * PET_BLOCK);
  }
}

/* Row `y` of the picture as row `to` of the overwritten source's strip. */
static void
load_row (const Tiles *tiles, const float *from, ptrdiff_t from_stride, int to)
{
  const PetNativeTiled *t = tiles->tiled;
  const PetNativePicture *p = &t->sources[t->overwritten].picture;
  ptrdiff_t row = (ptrdiff_t) strip_width (t) * PET_BLOCK;
  ptrdiff_t left = t->before[1] * PET_BLOCK;
  ptrdiff_t middle = (ptrdiff_t) p->width * PET_BLOCK;

  for (int b = 0; b < p->blocks; b++) {
    float *strip = tiles->overwritten + b * strip_floats (t) + to * row;

    memset (strip, 0, (size_t) row * sizeof *strip);
    if (from != NULL)
      memcpy (strip + left, from + b * from_stride,
          (size_t) middle * sizeof *strip);
  }
}

/* The six rows for row `ty` of tiles: those above the chunk and below it were
 * saved, the first two of the others are the last two of the row before. */
static void
load_strip (const Tiles *tiles, int ty, int chunk)
{
  const PetNativeTiled *t = tiles->tiled;
  const PetNativePicture *p = &t->sources[t->overwritten].picture;
  const float *saved = tiles->step->places[t->n_sources].data;
  const float *data = tiles->step->places[t->overwritten].data;
  ptrdiff_t row = (ptrdiff_t) strip_width (t) * PET_BLOCK;
  int begin = chunk * t->chunk_rows * 4, end = begin + t->chunk_rows * 4;
  int first = ty == chunk * t->chunk_rows ? 0 : 2;

  for (int b = 0; b < p->blocks && first > 0; b++) {
    float *strip = tiles->overwritten + b * strip_floats (t);

    memmove (strip, strip + 4 * row, 2 * (size_t) row * sizeof *strip);
  }
  for (int i = first; i < 6; i++) {
    int y = ty * 4 - 1 + i;
    ptrdiff_t in_block = (ptrdiff_t) p->width * PET_BLOCK;

    if (y < 0 || y >= p->height)
      load_row (tiles, NULL, 0, i);
    else if (y < begin)
      load_row (tiles, saved + (2 * chunk - 2) * t->saved_row, in_block, i);
    else if (y >= end)
      load_row (tiles, saved + (2 * chunk + 1) * t->saved_row, in_block, i);
    else
      load_row (tiles, data + y * in_block, p->plane, i);
  }
}

static void
run_chunk (const Tiles *tiles, int chunk)
{
  const PetNativeTiled *t = tiles->tiled;
  int parts = (t->columns + PET_TILES - 1) / PET_TILES;
  int end = (chunk + 1) * t->chunk_rows;

  for (int ty = chunk * t->chunk_rows; ty < end && ty < t->rows; ty++) {
    if (t->overwritten >= 0)
      load_strip (tiles, ty, chunk);
    for (int i = 0; i < parts; i++) {
      int first = i * t->columns / parts, next = (i + 1) * t->columns / parts;

      run_some (tiles, ty * t->columns + first, next - first);
    }
  }
}

void
pet_native_run_tiles (const PetNativeStep *step, int task, void *scratch)
{
  const PetNativeTiled *t = step->state;
  int left = t->rows * t->columns - task * PET_TILES;
  Tiles tiles;

  set_buffers (step, t, scratch, &tiles);
  if (t->chunk_rows > 0)
    run_chunk (&tiles, task);
  else
    run_some (&tiles, task * PET_TILES, left < PET_TILES ? left : PET_TILES);
}

void
pet_native_run_save (const PetNativeStep *step, int task, void *scratch)
{
  const PetNativeSave *save = step->state;
  const PetNativePicture *p = &save->picture;
  size_t row = (size_t) p->width * PET_BLOCK;

  for (int i = 0; i < 2; i++) {
    int y = (task + 1) * save->chunk_pixel_rows - 1 + i;
    float *to = step->out.data + (2 * task + i) * save->saved_row;

    for (int b = 0; b < p->blocks && y < p->height; b++)
      memcpy (to + (size_t) b * row,
          step->in.data + b * p->plane + (size_t) y * row, row * sizeof *to);
  }
}
