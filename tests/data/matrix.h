/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The test matrix of the front door: hostile, broken and odd files, each made
 * from a fixed seed, with what reading it must lead to. make-files writes them
 * all into a folder. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codecs/codec-files.h"

/* The size of most files, and of the good pictures that go before each. */
#define MATRIX_WIDTH 48
#define MATRIX_HEIGHT 40

typedef struct {
  const char *id;   /* of the case: "J17" */
  const char *name; /* of the file, without the id: "4-1-1.jpg" */
  Bytes (*make) (int n);
  int n;             /* which of the files that `make` knows */
  PetStatus strict;  /* what reading it gives */
  PetStatus lenient; /* the same without PetDecodeOptions.strict */
  bool damaged;      /* lenient reading flags it */
  const char *words; /* in the reason of a refusal; NULL = any */
  bool any;          /* nothing is promised but an end */
} MatrixFile;

/* Ended by an id of NULL. */
extern const MatrixFile matrix_jpeg_files[];
extern const MatrixFile matrix_png_files[];

/* Of the files that make JPEGs and PNGs. */
Bytes matrix_make_jpeg (const MatrixFile *file);
Bytes matrix_make_png (const MatrixFile *file);

/* The noise of a file depends on its name alone; to be called in the file that
 * makes it, for tap.h keeps its state by file. */
static inline void
matrix_seed (const MatrixFile *file)
{
  uint64_t state = 14695981039346656037u;

  for (const char *in = file->id; *in != '\0'; in++)
    state = (state ^ (uint8_t) *in) * 1099511628211u;
  for (const char *in = file->name; *in != '\0'; in++)
    state = (state ^ (uint8_t) *in) * 1099511628211u;
  tap_state_ = state | 1;
}

/* Makes a file; free it with bytes_free(). The same bytes each time. */
Bytes matrix_make (const MatrixFile *file);

/* "j17-4-1-1.jpg" */
#define MATRIX_NAME_SIZE 96
const char *matrix_name (const MatrixFile *file, char name[MATRIX_NAME_SIZE]);

/* A good picture of width x height, number n: each looks different. `channels`
 * 3: JPEG for even n and PNG for odd n, 4: PNG with alpha. */
Bytes matrix_good (int n, int width, int height, int channels);
