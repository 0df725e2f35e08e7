/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JPEG rows by libjpeg-turbo: reduced in the inverse DCT by 1, 2, 4 or 8,
 * converted to RGB. Every library call that can fail runs inside guarded(),
 * to which the library's errors jump. */

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "codec/pet-codec-internal.h"
#include "codec/pet-jpeg-entropy.h"
#include "codec/pet-jpeg-header.h"
#include "codec/pet-jpeg-memory.h"

/* Fill bytes and a stray marker's remains, which some cameras leave behind
 * the last scan, are no damage. */
#define MAX_STRAY_BYTES 16

typedef struct {
  PetReader reader;
  PetReaderSource source;
  PetJpegHeader header;
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr input;
  struct jpeg_progress_mgr progress;
  PetJpegMemory memory;
  PetJpegEntropy *entropy; /* NULL: the library's */
  jmp_buf jump;

  PetIcc *cmyk_icc;
  uint8_t *cmyk_row; /* NULL unless CMYK */
  size_t cmyk_row_bytes;

  bool ended;   /* the library wanted bytes behind the last */
  bool stopped; /* no row can be had any more */
  int stray_bytes;
  int grey_from; /* first row that is all invented by the library */
  int rows_per_group;

  uint8_t *row;     /* argument of step_read_row */
  PetStatus status; /* of the failure that was jumped from */
  PetError error;
} JpegReader;

static const uint8_t end_of_image[2] = { 0xff, 0xd9 };

static JpegReader *
reader_of (j_common_ptr cinfo)
{
  return (JpegReader *) ((char *) cinfo - offsetof (JpegReader, cinfo));
}

static PetStatus
status_of_error (const JpegReader *self, int code)
{
  switch (code) {
    case JERR_OUT_OF_MEMORY:
      return PET_ERROR_MEMORY;
    case JERR_TFILE_READ:
    case JERR_TFILE_WRITE:
      return PET_ERROR_IO;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
      return PET_ERROR_LIMIT;
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
      return PET_ERROR_UNSUPPORTED;
    default:
      return self->ended ? PET_ERROR_TRUNCATED : PET_ERROR_CORRUPT;
  }
}

static void
describe (JpegReader *self, PetStatus status)
{
  char detail[JMSG_LENGTH_MAX];

  self->errors.format_message ((j_common_ptr) &self->cinfo, detail);
  switch (status) {
    case PET_ERROR_MEMORY:
      pet_fail (&self->error, status, "no memory to decode %dx%d pixels",
          self->header.width, self->header.height);
      break;
    case PET_ERROR_TRUNCATED:
      pet_fail (&self->error, status,
          "ends too early: the JPEG's data stop before the picture is whole");
      break;
    case PET_ERROR_UNSUPPORTED:
      pet_fail (&self->error, status,
          "is a JPEG with a feature that is not read: %s", detail);
      break;
    case PET_ERROR_LIMIT:
      pet_fail (&self->error, status, "is too large: %s", detail);
      break;
    default:
      pet_fail (&self->error, status, "is damaged: %s", detail);
      break;
  }
}

static void
give_up (JpegReader *self, PetStatus status)
{
  describe (self, status);
  self->status = status;
  longjmp (self->jump, 1);
}

static void
on_error (j_common_ptr cinfo)
{
  JpegReader *self = reader_of (cinfo);

  give_up (self, status_of_error (self, cinfo->err->msg_code));
}

/* What damage a warning tells of; PET_OK where the picture is what its file
 * says all the same. */
static PetStatus
status_of_warning (JpegReader *self)
{
  const struct jpeg_error_mgr *errors = &self->errors;
  int marker = errors->msg_parm.i[1];

  switch (errors->msg_code) {
    case JWRN_JPEG_EOF:
      return PET_ERROR_TRUNCATED;
    case JWRN_HIT_MARKER:
      return self->ended || self->cinfo.unread_marker == JPEG_EOI
          ? PET_ERROR_TRUNCATED
          : PET_ERROR_CORRUPT;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
      return PET_ERROR_CORRUPT;
    case JWRN_EXTRANEOUS_DATA:
      if (self->cinfo.input_scan_number == 0)
        return PET_OK;
      if (marker >= JPEG_RST0 && marker <= JPEG_RST0 + 7)
        return PET_ERROR_CORRUPT;
      if (errors->msg_parm.i[0] > MAX_STRAY_BYTES - self->stray_bytes)
        return PET_ERROR_CORRUPT;
      self->stray_bytes += errors->msg_parm.i[0];
      return PET_OK;
    default:
      return PET_OK;
  }
}

/* A sequential file that ends early: from the first bit or restart marker that
 * is not there the library goes on with blocks of its own making. The groups of
 * rows behind the one where that begins are replaced, whatever colours they would
 * have become. */
static void
note_end (JpegReader *self)
{
  int code = self->errors.msg_code;

  if ((code == JWRN_HIT_MARKER || code == JWRN_MUST_RESYNC) && self->ended &&
      self->grey_from == 0 && !jpeg_has_multiple_scans (&self->cinfo))
    self->grey_from =
        ((int) self->cinfo.input_iMCU_row + 1) * self->rows_per_group;
}

static void
on_message (j_common_ptr cinfo, int level)
{
  JpegReader *self = reader_of (cinfo);
  PetStatus status;

  if (level >= 0)
    return;
  status = status_of_warning (self);
  if (status == PET_OK)
    return;
  if (self->source.options->strict)
    give_up (self, status);
  self->reader.damaged = true;
  note_end (self);
}

static void
on_output (j_common_ptr cinfo)
{
}

static void
on_progress (j_common_ptr cinfo)
{
  JpegReader *self = reader_of (cinfo);
  int limit = self->source.options->max_scans;

  if (limit <= 0 || self->cinfo.input_scan_number <= limit)
    return;
  self->status = pet_fail (&self->error, PET_ERROR_LIMIT,
      "is a progressive JPEG of more than %d scans", limit);
  longjmp (self->jump, 1);
}

static void
on_init_source (j_decompress_ptr cinfo)
{
}

/* An end-of-image marker, for ever: the library's own way out of a file that
 * ends early. */
static boolean
on_fill_input (j_decompress_ptr cinfo)
{
  JpegReader *self = reader_of ((j_common_ptr) cinfo);

  self->ended = true;
  cinfo->src->next_input_byte = end_of_image;
  cinfo->src->bytes_in_buffer = sizeof end_of_image;
  WARNMS (cinfo, JWRN_JPEG_EOF);
  return TRUE;
}

static void
on_skip_input (j_decompress_ptr cinfo, long n_bytes)
{
  if (n_bytes <= 0)
    return;
  if ((unsigned long) n_bytes > cinfo->src->bytes_in_buffer) {
    on_fill_input (cinfo);
    return;
  }
  cinfo->src->next_input_byte += n_bytes;
  cinfo->src->bytes_in_buffer -= (size_t) n_bytes;
}

static bool
guarded (JpegReader *self, void (*step) (JpegReader *self))
{
  if (setjmp (self->jump) != 0)
    return false;
  step (self);
  return true;
}

static void
step_create (JpegReader *self)
{
  struct jpeg_decompress_struct *cinfo = &self->cinfo;

  cinfo->err = jpeg_std_error (&self->errors);
  self->errors.error_exit = on_error;
  self->errors.emit_message = on_message;
  self->errors.output_message = on_output;
  jpeg_create_decompress (cinfo);
  pet_jpeg_memory_init (&self->memory, cinfo, self->source.allocator);

  self->progress.progress_monitor = on_progress;
  cinfo->progress = &self->progress;
  self->input = (struct jpeg_source_mgr){
    .next_input_byte = self->source.bytes,
    .bytes_in_buffer = self->source.size,
    .init_source = on_init_source,
    .fill_input_buffer = on_fill_input,
    .skip_input_data = on_skip_input,
    .resync_to_restart = jpeg_resync_to_restart,
    .term_source = on_init_source,
  };
  cinfo->src = &self->input;
}

/* Of 1/1, 1/2, 1/4 and 1/8, which have fast inverse DCTs, the smallest that
 * leaves at least the target. */
static void
choose_scale (JpegReader *self)
{
  struct jpeg_decompress_struct *cinfo = &self->cinfo;
  int width, height;

  pet_codec_target_size (self->source.options->max_size, self->header.width,
      self->header.height, &width, &height);
  cinfo->scale_denom = 8;
  for (cinfo->scale_num = 1; cinfo->scale_num < 8; cinfo->scale_num *= 2) {
    jpeg_calc_output_dimensions (cinfo);
    if ((int) cinfo->output_width >= width &&
        (int) cinfo->output_height >= height)
      return;
  }
  jpeg_calc_output_dimensions (cinfo);
}

static void
step_read_header (JpegReader *self)
{
  struct jpeg_decompress_struct *cinfo = &self->cinfo;

  jpeg_read_header (cinfo, TRUE);
  if (cinfo->jpeg_color_space == JCS_CMYK ||
      cinfo->jpeg_color_space == JCS_YCCK)
    cinfo->out_color_space = JCS_CMYK;
  else
    cinfo->out_color_space = JCS_RGB;
  choose_scale (self);
  self->reader.width = (int) cinfo->output_width;
  self->reader.height = (int) cinfo->output_height;
  self->rows_per_group = cinfo->max_v_samp_factor * PET_LEAST_DCT_SIZE (cinfo);
  self->reader.start_bytes =
      pet_jpeg_memory_bound (cinfo, self->source.options->max_held) +
      pet_jpeg_entropy_bytes ();
}

static void
step_start (JpegReader *self)
{
  jpeg_start_decompress (&self->cinfo);
}

static void
step_read_row (JpegReader *self)
{
  JSAMPROW rows[1] = { self->row };

  if (jpeg_read_scanlines (&self->cinfo, rows, 1) != 1)
    ERREXIT (&self->cinfo, JERR_CANT_SUSPEND);
}

static void
step_finish (JpegReader *self)
{
  jpeg_finish_decompress (&self->cinfo);
}

/* The outcome of a step that failed: the error, or damage that is lived with.
 * Memory and limits are not damage. */
static PetStatus
failed (JpegReader *self, PetError *error)
{
  bool damage =
      self->status == PET_ERROR_CORRUPT || self->status == PET_ERROR_TRUNCATED;

  if (damage && !self->source.options->strict) {
    self->stopped = true;
    self->reader.damaged = true;
    return PET_OK;
  }
  if (error != NULL)
    *error = self->error;
  return self->status;
}

static PetStatus
jpeg_start (PetReader *reader, PetError *error)
{
  JpegReader *self = (JpegReader *) reader;

  if (self->cinfo.out_color_space == JCS_CMYK) {
    self->cmyk_row_bytes = (size_t) reader->width * 4;
    self->cmyk_row = pet_alloc (self->source.allocator, self->cmyk_row_bytes);
    if (self->cmyk_row == NULL)
      return pet_fail (error, PET_ERROR_MEMORY,
          "no memory to decode %dx%d pixels", reader->stored_width,
          reader->stored_height);
  }
  if (!guarded (self, step_start))
    return failed (self, error);
  return pet_jpeg_entropy_new (
      self->source.allocator, &self->cinfo, &self->entropy, error);
}

/* Ink as light: (1 - C) (1 - K), on values that are stored inverted. */
static void
cmyk_to_rgb (const uint8_t *cmyk, uint8_t *rgb, int width)
{
  for (int i = 0; i < width; i++, cmyk += 4, rgb += 3)
    for (int c = 0; c < 3; c++)
      rgb[c] = (uint8_t) ((cmyk[c] * cmyk[3] + 127) / 255);
}

static PetStatus
jpeg_read_row (PetReader *reader, uint8_t *row, PetError *error)
{
  JpegReader *self = (JpegReader *) reader;
  int y = (int) self->cinfo.output_scanline;

  if (!self->stopped) {
    self->row = self->cmyk_row != NULL ? self->cmyk_row : row;
    if (!guarded (self, step_read_row))
      PET_TRY (failed (self, error));
  }
  if (self->stopped || (self->grey_from > 0 && y >= self->grey_from))
    pet_codec_grey_row (row, reader->width, reader->channels);
  else if (self->cmyk_icc != NULL)
    pet_icc_apply (self->cmyk_icc, self->cmyk_row, row, (size_t) reader->width);
  else if (self->cmyk_row != NULL)
    cmyk_to_rgb (self->cmyk_row, row, reader->width);
  return PET_OK;
}

static PetStatus
jpeg_finish (PetReader *reader, PetError *error)
{
  JpegReader *self = (JpegReader *) reader;

  if (!self->stopped && !guarded (self, step_finish))
    return failed (self, error);
  return PET_OK;
}

static void
jpeg_close (PetReader *reader)
{
  JpegReader *self = (JpegReader *) reader;
  const PetAllocator *allocator = self->source.allocator;

  jpeg_destroy_decompress (&self->cinfo);
  pet_jpeg_entropy_free (allocator, self->entropy);
  pet_icc_free (&self->cmyk_icc);
  pet_icc_free (&reader->icc);
  pet_free (allocator, self->cmyk_row, self->cmyk_row_bytes);
  pet_free (allocator, self, sizeof *self);
}

static PetStatus
load_profile (JpegReader *self, PetError *error)
{
  const PetAllocator *allocator = self->source.allocator;
  size_t size = self->header.icc_size;
  bool cmyk = self->cinfo.out_color_space == JCS_CMYK;
  PetIccInput input = cmyk
      ? PET_ICC_CMYK_INVERTED
      : (self->header.n_components == 1 ? PET_ICC_GREY : PET_ICC_RGB);
  uint8_t *profile;
  PetStatus status;

  if (size == 0 || size > PET_ICC_MAX_BYTES)
    return PET_OK;
  profile = pet_alloc (allocator, size);
  if (profile == NULL)
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory for the colour profile");
  pet_jpeg_header_copy_icc (&self->header, self->source.bytes, profile);
  status = pet_icc_new (allocator, profile, size, input,
      cmyk ? &self->cmyk_icc : &self->reader.icc, error);
  pet_free (allocator, profile, size);
  return status;
}

static PetStatus
open_header (JpegReader *self, PetError *error)
{
  const PetJpegHeader *header = &self->header;

  pet_jpeg_header_parse (&self->header, self->source.bytes, self->source.size);
  PET_TRY (pet_jpeg_header_check (header, error));
  PET_TRY (pet_codec_check_size (
      self->source.options, header->width, header->height, error));
  if (!guarded (self, step_create) || !guarded (self, step_read_header)) {
    if (error != NULL)
      *error = self->error;
    return self->status;
  }
  self->reader.stored_width = (int) self->cinfo.image_width;
  self->reader.stored_height = (int) self->cinfo.image_height;
  self->reader.orientation = header->orientation;
  if (self->cinfo.out_color_space == JCS_CMYK)
    self->reader.start_bytes += (size_t) self->reader.width * 4;
  return load_profile (self, error);
}

PetStatus
pet_jpeg_open (
    const PetReaderSource *source, PetReader **reader, PetError *error)
{
  static const PetReaderOps ops = { jpeg_start, jpeg_read_row, jpeg_finish,
    jpeg_close };
  JpegReader *self = pet_alloc_zeroed (source->allocator, sizeof *self);
  PetStatus status;

  if (self == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a JPEG decoder");
  self->source = *source;
  self->reader.ops = &ops;
  self->reader.channels = 3;
  status = open_header (self, error);
  if (status != PET_OK) {
    jpeg_close (&self->reader);
    return status;
  }
  *reader = &self->reader;
  return PET_OK;
}
