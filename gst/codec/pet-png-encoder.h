/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes a picture as PNG in the smallest lossless colour type: palette of
 * 1, 2, 4 or 8 bits (with tRNS) where at most 256 different RGBA values occur,
 * grey, grey + alpha, RGB or RGBA else. The bytes leave in pieces as they are
 * compressed; the file is never held whole. Same picture and options in, same
 * bytes out. */

#pragma once

#include <stdbool.h>

#include "base/pet-alloc.h"
#include "base/pet-image.h"
#include "base/pet-outline.h"
#include "base/pet-status.h"

/* Start from pet_png_options_init(). */
typedef struct {
  int level;                     /* zlib's 0..9 */
  int dpi;                       /* pHYs chunk; 0 = none */
  const char *software;          /* tEXt "Software", Latin-1, the first 1024
                           bytes; NULL or "" = none */
  const char *recipe;            /* tEXt "Recipe": what the picture was made
                           from and how; as `software` */
  const PetAllocator *allocator; /* NULL = malloc */
  const PetOutline *outline;     /* of the image; NULL = unknown */
  /* Called when the first `rows` rows will not be read again; NULL = not. */
  void (*rows_read) (void *user, int rows);
  void *rows_user;
} PetPngOptions;

/* Called with each finished piece, at most PET_PNG_PIECE_BYTES long; `bytes`
 * are the encoder's and valid during the call only. Anything but PET_OK ends
 * the encoding with that status. */
#define PET_PNG_PIECE_BYTES 65536
typedef PetStatus (*PetPngWrite) (
    void *user, const void *bytes, size_t size, PetError *error);

/* What was chosen, for logs and tests. */
typedef struct {
  int color_type; /* as in IHDR: 0 grey, 2 RGB, 3 palette, 4 grey+alpha, 6 */
  int bit_depth;
  size_t bytes; /* of the whole file */
} PetPngInfo;

/* level 6, dpi 0, no software tag. */
void pet_png_options_init (PetPngOptions *options);

/* Bytes of working memory pet_png_encode takes at most for this size. */
size_t pet_png_working_bytes (int width, int height, int channels);

/* `image` has 1 (grey), 3 or 4 channels, sizes 1..2^20. Every file carries an
 * sRGB chunk. `info` may be NULL. */
PetStatus pet_png_encode (const PetImage *image, const PetPngOptions *options,
    PetPngWrite write, void *user, PetPngInfo *info, PetError *error);
