/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inner loops of the matte, row by row. One source, pet-matte-rows.c, is
 * compiled for several instruction sets; all give the same bytes (no fused
 * multiply-adds), and the plain one is the reference. Terms: a *cell* is
 * step x step pixels; a *line* holds one value per cell, vertically
 * interpolated for one pixel row, and one more that repeats the last. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Lines of pure colours: R, G, B of the pet, then of the background. */
enum { PET_PURE_FORE, PET_PURE_BACK = 3, PET_PURE_LINES = 6 };

/* Elements behind the end of lines and tables that may be read. */
#define PET_MATTE_SPARE 16

/* Largest share of the background that may still be in a pixel of alpha a,
 * as a multiple of 1 - a: the alpha is not exact, but it is not random. */
#define PET_MATTE_LEAK_MARGIN 6.0f

/* The larger, the less is kept of what the mixture of both colours cannot
 * explain. */
#define PET_MATTE_KEEP 0.5f

/* What the fringe keeps per cell: weighted colours of what is surely pet
 * (weight, R, G, B) and of what is surely background. */
enum { PET_FRINGE_FORE, PET_FRINGE_BACK = 4, PET_FRINGE_SUMS = 8 };

/* Where each pixel of a row looks on a line, and where each interval between
 * two neighbours of the line begins. Read only. */
typedef struct {
  int width;            /* pixels */
  int cells;            /* values on a line, less the repeated one */
  const int32_t *left;  /* per pixel: the first of its two neighbours */
  const float *share;   /* per pixel: the second one's part, 0..1 */
  const int32_t *start; /* per cell, and one more: first pixel of interval */
} PetMattePlaces;

typedef struct {
  const char *name; /* "c", "avx2", "avx512" */

  /* sums[i] += row[i] */
  void (*add_bytes) (uint16_t *sums, const uint8_t *row, int count);
  /* columns[i] += enters[i] - leaves[i]; both NULL allowed. */
  void (*slide) (uint32_t *columns, const uint32_t *enters,
      const uint32_t *leaves, int count);
  /* Slope and offset of each of `count` cells from the column sums of guide,
   * mask, guide^2 and guide * mask, which have `radius` zeros on both sides;
   * `pixels` is the number of cells in the window. */
  void (*solve) (float *slope, float *offset, const uint32_t *const *columns,
      const float *pixels, float epsilon, int radius, int count);
  /* out[i] = sum of columns[i - radius .. i + radius] / pixels[i] */
  void (*average) (float *out, const float *columns, const float *pixels,
      int radius, int count);
  /* sums[i] += row[i] */
  void (*add_floats) (float *sums, const float *row, int count);
  /* out[i] = above[i] + (below[i] - above[i]) * share */
  void (*mix) (float *out, const float *above, const float *below, float share,
      int count);
  /* kinds[i] = 0 or 1 where slope and offset say all background or all pet,
   * else 2. */
  void (*classify) (
      uint8_t *kinds, const float *slope, const float *offset, int count);
  /* Alpha of the pixels from..to - 1: slope * grey + offset, then
   * * gain + bias, clamped and rounded. */
  void (*expand) (uint8_t *alpha, const float *slope, const float *offset,
      const PetMattePlaces *places, const uint8_t *pixels, int channels,
      float gain, float bias, int from, int to);
  /* RGBA from the photo's 3 or 4 channels (`out` may be the photo's own row)
   * and alpha; black under alpha 0 if `scrub`. */
  void (*join) (uint8_t *out, const uint8_t *pixels, int channels,
      const uint8_t *alpha, bool scrub, int count);
  /* low[i] and high[i] take in row[i]. */
  void (*extremes) (uint8_t *low, uint8_t *high, const uint8_t *row, int count);
  /* Gives the soft pixels from..to - 1 of an RGBA row the pet's own colour
   * (pet-matte-fringe.c has the formula). The PET_PURE_LINES lines lie
   * `stride` floats apart. */
  void (*clean) (uint8_t *row, const float *lines, int stride,
      const PetMattePlaces *places, int from, int to);
  /* Adds up PET_FRINGE_SUMS numbers of `count` neighbouring columns. */
  void (*window) (uint32_t *sums, const uint32_t *columns, int count);
  /* Sum and largest of a row of bytes. */
  uint64_t (*measure) (const uint8_t *row, int count, int *largest);
} PetMatteRows;

/* The fastest for this processor; never NULL. Thread-safety: safe. */
const PetMatteRows *pet_matte_rows (void);

/* Each one that this processor can run, the plain one last, then NULL. */
const PetMatteRows *pet_matte_rows_nth (int n);
