/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A JPEG decoded twice, with the library's Huffman decoding and with ours, and
 * what they must have in common: rows and warnings. (How many stray bytes stand
 * before a marker depends on how many were read ahead, and is not compared.) */

#pragma once

#include <setjmp.h>
#include <string.h>

#include <jerror.h>

#include "codec-files.h"
#include "codec/pet-jpeg-entropy.h"
#include "tap.h"

/* Of the library's three ways: */
typedef enum {
  ENTROPY_LIBRARY, /* as it is used */
  ENTROPY_SLOW,    /* its careful way only, which knows one byte at a time */
  ENTROPY_OURS,
} EntropyKind;

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf jump;
  int n_hits, n_bad_codes;
} EntropyErrors;

typedef struct {
  uint8_t *rows;
  size_t size;
  PetJpegEntropy *entropy;
  bool failed, was_ours;
  int n_hits, n_bad_codes;
} EntropyOutcome;

typedef struct {
  struct jpeg_source_mgr base;
  const uint8_t *next, *end;
} EntropySource;

static inline void
entropy_on_error (j_common_ptr cinfo)
{
  longjmp (((EntropyErrors *) (void *) cinfo->err)->jump, 1);
}

static inline void
entropy_on_message (j_common_ptr cinfo, int level)
{
  EntropyErrors *errors = (EntropyErrors *) (void *) cinfo->err;

  if (level >= 0)
    return;
  if (cinfo->err->msg_code == JWRN_HIT_MARKER)
    errors->n_hits++;
  else if (cinfo->err->msg_code == JWRN_HUFF_BAD_CODE)
    errors->n_bad_codes++;
}

static inline void
entropy_on_source (j_decompress_ptr cinfo)
{
}

/* Behind the last byte stand markers of an end, as jpeg_mem_src() has it. */
static inline boolean
entropy_on_fill (j_decompress_ptr cinfo)
{
  static const uint8_t end_of_image[2] = { 0xff, 0xd9 };
  EntropySource *self = (EntropySource *) (void *) cinfo->src;
  bool has_ended = self->next == self->end;

  self->base.next_input_byte = has_ended ? end_of_image : self->next++;
  self->base.bytes_in_buffer = has_ended ? 2 : 1;
  return TRUE;
}

static inline void
entropy_on_skip (j_decompress_ptr cinfo, long n_bytes)
{
  for (; n_bytes > 0; n_bytes--) {
    if (cinfo->src->bytes_in_buffer == 0)
      entropy_on_fill (cinfo);
    cinfo->src->next_input_byte++;
    cinfo->src->bytes_in_buffer--;
  }
}

static inline EntropySource
entropy_source (Bytes bytes)
{
  return (EntropySource){ .base = { .init_source = entropy_on_source,
                              .fill_input_buffer = entropy_on_fill,
                              .skip_input_data = entropy_on_skip,
                              .resync_to_restart = jpeg_resync_to_restart,
                              .term_source = entropy_on_source },
    .next = bytes.data,
    .end = bytes.data + bytes.size };
}

static inline void
entropy_read_rows (j_decompress_ptr cinfo, bool ours, EntropyOutcome *outcome)
{
  size_t row_bytes;

  jpeg_start_decompress (cinfo);
  if (ours)
    tap_check (
        pet_jpeg_entropy_new (NULL, cinfo, &outcome->entropy, NULL) == PET_OK);
  outcome->was_ours = outcome->entropy != NULL;
  row_bytes = cinfo->output_width * (size_t) cinfo->output_components;
  outcome->size = row_bytes * cinfo->output_height;
  outcome->rows = calloc (1, outcome->size);
  while (cinfo->output_scanline < cinfo->output_height) {
    JSAMPROW row = outcome->rows + row_bytes * cinfo->output_scanline;

    jpeg_read_scanlines (cinfo, &row, 1);
  }
  jpeg_finish_decompress (cinfo);
}

/* At 1/scale. Rows behind an error stay 0; the caller frees them. Pictures of
 * more than `max_pixels` and files of many scans fail at once. */
static inline void
entropy_decode (Bytes bytes, int scale, EntropyKind kind, size_t max_pixels,
    EntropyOutcome *outcome)
{
  struct jpeg_decompress_struct cinfo;
  EntropyErrors errors = { 0 };
  EntropySource source = entropy_source (bytes);

  memset (outcome, 0, sizeof *outcome);
  cinfo.err = jpeg_std_error (&errors.base);
  errors.base.error_exit = entropy_on_error;
  errors.base.emit_message = entropy_on_message;
  jpeg_create_decompress (&cinfo);
  if (setjmp (errors.jump) == 0) {
    if (kind == ENTROPY_SLOW)
      cinfo.src = &source.base;
    else
      jpeg_mem_src (&cinfo, bytes.data, (unsigned long) bytes.size);
    jpeg_read_header (&cinfo, TRUE);
    cinfo.scale_num = 1;
    cinfo.scale_denom = (unsigned) scale;
    if ((size_t) cinfo.image_width * cinfo.image_height > max_pixels ||
        jpeg_has_multiple_scans (&cinfo))
      ERREXIT (&cinfo, JERR_IMAGE_TOO_BIG);
    entropy_read_rows (&cinfo, kind == ENTROPY_OURS, outcome);
  } else {
    outcome->failed = true;
  }
  jpeg_destroy_decompress (&cinfo);
  pet_jpeg_entropy_free (NULL, outcome->entropy);
  outcome->n_hits = errors.n_hits;
  outcome->n_bad_codes = errors.n_bad_codes;
}

/* Whether it was we who decoded it, to the end. */
static inline bool
entropy_compare (Bytes bytes, int scale, size_t max_pixels, const char *what)
{
  EntropyOutcome expected, got;

  entropy_decode (bytes, scale, ENTROPY_SLOW, max_pixels, &expected);
  entropy_decode (bytes, scale, ENTROPY_OURS, max_pixels, &got);
  if (expected.size != got.size || expected.failed != got.failed ||
      (got.size > 0 && memcmp (expected.rows, got.rows, got.size) != 0))
    tap_fail ("%s, 1/%d: another picture", what, scale);
  if (expected.n_hits != got.n_hits || expected.n_bad_codes != got.n_bad_codes)
    tap_fail ("%s, 1/%d: %d and %d warnings instead of %d and %d", what, scale,
        got.n_hits, got.n_bad_codes, expected.n_hits, expected.n_bad_codes);
  free (expected.rows);
  free (got.rows);
  return got.was_ours && !got.failed;
}
