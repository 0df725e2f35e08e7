/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the common part of the decoder and the readers of the two formats know
 * of each other. A reader hands out the stored picture row by row, neither
 * turned nor reduced exactly: that is the decoder's. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-status.h"
#include "codec/pet-decoder.h"
#include "codec/pet-icc.h"

/* Longest side of any picture. */
#define PET_CODEC_MAX_SIDE (1 << 20)

typedef struct PetReader PetReader;

typedef struct {
  /* Makes ready for the first row. */
  PetStatus (*start) (PetReader *reader, PetError *error);
  /* Fills all width * channels bytes of `row`. */
  PetStatus (*read_row) (PetReader *reader, uint8_t *row, PetError *error);
  /* After the last row: is the rest of the file as it should be? */
  PetStatus (*finish) (PetReader *reader, PetError *error);
  void (*close) (PetReader *reader);
} PetReaderOps;

/* What a reader is opened with; `bytes` and `allocator` outlive it. */
typedef struct {
  const PetDecodeOptions *options;
  const PetAllocator *allocator;
  const uint8_t *bytes;
  size_t size;
} PetReaderSource;

/* The first member of each reader. All but `damaged` is set when the reader
 * is opened. When options.strict is not set, rows that cannot be read come
 * out grey and `damaged` is set instead of an error. */
struct PetReader {
  const PetReaderOps *ops;
  int stored_width, stored_height;
  int width, height;  /* of the rows that read_row gives */
  int channels;       /* 3 or 4 */
  int orientation;    /* EXIF 1..8 */
  PetIcc *icc;        /* for the rows, or NULL; the reader frees it */
  size_t start_bytes; /* start() and later take at most this much */
  bool damaged;
};

PetStatus pet_jpeg_open (
    const PetReaderSource *source, PetReader **reader, PetError *error);
PetStatus pet_png_open (
    const PetReaderSource *source, PetReader **reader, PetError *error);

/* LIMIT when the sizes in a header are above the limits set. */
PetStatus pet_codec_check_size (const PetDecodeOptions *options, int64_t width,
    int64_t height, PetError *error);

/* The size to reduce to: the longest side becomes max_size (0: any), the other
 * keeps the proportion, rounded to nearest, at least 1; never enlarged. */
void pet_codec_target_size (
    int max_size, int width, int height, int *target_width, int *target_height);

/* What stands for a row that could not be read: opaque mid grey. */
void pet_codec_grey_row (uint8_t *row, int width, int channels);
