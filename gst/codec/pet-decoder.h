/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads one JPEG or PNG picture, hostile or not, row by row: upright, sRGB,
 * 8 bit, RGB or RGBA, already reduced to the size that is wanted. All limits
 * are checked on the header, before memory is taken. A row is either filled
 * with bytes of this file or refused; nothing is ever handed out unwritten.
 *
 *   PetDecoder *decoder = NULL;
 *   PetPictureInfo info;
 *   pet_decoder_open (&options, bytes, size, &decoder, &info, &error);
 *   ... allocate info.height rows of info.width * info.channels ...
 *   pet_decoder_read (decoder, &image, &error);
 *   pet_decoder_free (&decoder);
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pet-alloc.h"
#include "base/pet-image.h"
#include "base/pet-status.h"

typedef enum {
  PET_PICTURE_JPEG,
  PET_PICTURE_PNG,
} PetPictureFormat;

/* Start from pet_decode_options_init(). */
typedef struct {
  int max_size;        /* longest side of the result, 0 = as stored */
  uint64_t max_pixels; /* width * height in the header, 0 = no limit */
  int max_scans;       /* progressive JPEG, 0 = no limit */
  uint64_t max_held;   /* bytes of a JPEG's coefficients that are held in
                          memory where all scans must be read first; more of
                          them go to a temporary file; 0 = no limit */
  bool strict;         /* damaged or truncated files fail; false: what
                              could not be read is grey and info.damaged */
  int threads;         /* 2: rows are read in a thread of its own while those
                          before are reduced; it may take memory from
                          `allocator`, never while this one does */
  const PetAllocator *allocator; /* for all working memory; NULL = malloc;
                                    must outlive the decoder */
} PetDecodeOptions;

typedef struct {
  PetPictureFormat format;
  int width, height; /* of the result: upright, reduced */
  int channels;      /* 3, or 4 if the file has any transparency */
  int stored_width, stored_height; /* in the header, not turned */
  int orientation; /* EXIF 1..8; 1 where the file says nothing */
  bool damaged;    /* set by pet_decoder_read when not strict */
} PetPictureInfo;

/* Thread-safety: one thread at a time; different decoders are independent. */
typedef struct PetDecoder PetDecoder;

/* max_size 0, max_pixels 100e6, max_scans 100, max_held 16e6, strict, one
 * thread, malloc. */
void pet_decode_options_init (PetDecodeOptions *options);

/* True when the first bytes are a JPEG's or a PNG's; `size` may be as small
 * as 0. PET_SNIFF_BYTES decide always. */
#define PET_SNIFF_BYTES 8
bool pet_picture_sniff (
    const uint8_t *bytes, size_t size, PetPictureFormat *format);

/* Reads the header. `bytes` stay owned by the caller and must live until
 * pet_decoder_free. Errors: FORMAT (neither JPEG nor PNG, says what it looks
 * like), UNSUPPORTED (arithmetic, 12 bit, lossless: by name), LIMIT, CORRUPT,
 * TRUNCATED, MEMORY. */
PetStatus pet_decoder_open (const PetDecodeOptions *options,
    const uint8_t *bytes, size_t size, PetDecoder **decoder,
    PetPictureInfo *info, PetError *error);

/* Bytes of working memory that reading will take from the allocator at most,
 * the result not included. */
size_t pet_decoder_working_bytes (const PetDecoder *decoder);

/* Fills `image` (info's width and height, info's channels or four, the fourth
 * being an opaque alpha then; any stride). On failure the
 * contents of `image` are unspecified and must not be shown. `info` (NULL
 * allowed) gets `damaged`. Call once. */
PetStatus pet_decoder_read (PetDecoder *decoder, const PetImage *image,
    PetPictureInfo *info, PetError *error);

/* Frees *decoder (NULL allowed) and clears it. */
void pet_decoder_free (PetDecoder **decoder);
