/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-decoder.h"

#include <stdint.h>
#include <string.h>

#include "base/pet-resample-rows.h"
#include "base/pet-resample.h"
#include "codec/pet-codec-internal.h"
#include "codec/pet-place.h"
#include "codec/pet-rows-ahead.h"
#include "codec/pet-sniff.h"

/* The decoder's own allocator counts what passes, so that the working memory
 * it reports includes what is held since opening. */
typedef struct {
  PetAllocator allocator;
  const PetAllocator *outer;
  size_t used, peak;
} CountingAllocator;

struct PetDecoder {
  CountingAllocator memory;
  PetDecodeOptions options;
  PetReader *reader;
  PetPictureInfo info;
  int target_width, target_height; /* as stored, not turned */
  bool was_read;
};

/* What one pass over the rows needs. */
typedef struct {
  PetResampler *resampler; /* NULL: rows are of the target's size */
  PetRowsAhead *ahead;     /* NULL: rows are read when they are wanted */
  uint8_t *row;            /* for the resampler */
  size_t row_bytes;
  int n_rows_read;
  PetPlacer placer;
} Pass;

static void *
counting_alloc (void *user, size_t size)
{
  CountingAllocator *self = user;
  void *memory = pet_alloc (self->outer, size);

  if (memory != NULL)
    self->used += size;
  if (self->used > self->peak)
    self->peak = self->used;
  return memory;
}

static void
counting_free (void *user, void *memory, size_t size)
{
  CountingAllocator *self = user;

  self->used -= size;
  pet_free (self->outer, memory, size);
}

void
pet_decode_options_init (PetDecodeOptions *options)
{
  *options = (PetDecodeOptions){
    .max_pixels = 100 * 1000 * 1000,
    .max_scans = 100,
    .max_held = 16 * 1000 * 1000,
    .strict = true,
    .threads = 1,
  };
}

PetStatus
pet_codec_check_size (const PetDecodeOptions *options, int64_t width,
    int64_t height, PetError *error)
{
  uint64_t n_pixels = (uint64_t) width * (uint64_t) height;

  if (options->max_pixels > 0 && n_pixels > options->max_pixels)
    return pet_fail (error, PET_ERROR_LIMIT,
        "%lldx%lld pixels (%.1f MP) are above the limit of %.1f MP",
        (long long) width, (long long) height, (double) n_pixels / 1e6,
        (double) options->max_pixels / 1e6);
  if (width > PET_CODEC_MAX_SIDE || height > PET_CODEC_MAX_SIDE)
    return pet_fail (error, PET_ERROR_LIMIT,
        "%lldx%lld pixels: sides above %d are not read", (long long) width,
        (long long) height, PET_CODEC_MAX_SIDE);
  return PET_OK;
}

static int
scale_side (int side, int max_size, int longest)
{
  int64_t scaled =
      (2 * (int64_t) side * max_size + longest) / (2 * (int64_t) longest);

  return scaled < 1 ? 1 : (int) scaled;
}

void
pet_codec_target_size (
    int max_size, int width, int height, int *target_width, int *target_height)
{
  int longest = width > height ? width : height;

  *target_width = width;
  *target_height = height;
  if (max_size <= 0 || max_size >= longest)
    return;
  *target_width = scale_side (width, max_size, longest);
  *target_height = scale_side (height, max_size, longest);
}

void
pet_codec_grey_row (uint8_t *row, int width, int channels)
{
  memset (row, 128, (size_t) width * (size_t) channels);
  if (channels == 4)
    for (int i = 0; i < width; i++)
      row[4 * i + 3] = 255;
}

static bool
must_resample (const PetDecoder *self)
{
  return self->reader->width != self->target_width ||
      self->reader->height != self->target_height;
}

/* A few rows are not worth a thread. */
static bool
may_read_ahead (const PetDecoder *self)
{
  return self->options.threads > 1 && must_resample (self) &&
      self->reader->height > PET_ROWS_AHEAD;
}

static void
fill_info (PetDecoder *self, PetPictureFormat format)
{
  const PetReader *reader = self->reader;
  bool turned = reader->orientation >= 5;

  pet_codec_target_size (self->options.max_size, reader->stored_width,
      reader->stored_height, &self->target_width, &self->target_height);
  self->info = (PetPictureInfo){
    .format = format,
    .width = turned ? self->target_height : self->target_width,
    .height = turned ? self->target_width : self->target_height,
    .channels = reader->channels,
    .stored_width = reader->stored_width,
    .stored_height = reader->stored_height,
    .orientation = reader->orientation,
  };
}

PetStatus
pet_decoder_open (const PetDecodeOptions *options, const uint8_t *bytes,
    size_t size, PetDecoder **decoder, PetPictureInfo *info, PetError *error)
{
  PetPictureFormat format;
  PetReaderSource source;
  PetDecoder *self;
  PetStatus status;

  *decoder = NULL;
  if (!pet_picture_sniff (bytes, size, &format))
    return pet_sniff_refuse (bytes, size, error);
  self = pet_alloc_zeroed (options->allocator, sizeof *self);
  if (self == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a decoder");

  self->options = *options;
  self->memory = (CountingAllocator){
    .allocator = { .alloc = counting_alloc,
        .free = counting_free,
        .user = &self->memory },
    .outer = options->allocator,
    .used = sizeof *self,
    .peak = sizeof *self,
  };
  source =
      (PetReaderSource){ &self->options, &self->memory.allocator, bytes, size };
  if (format == PET_PICTURE_JPEG)
    status = pet_jpeg_open (&source, &self->reader, error);
  else
    status = pet_png_open (&source, &self->reader, error);
  if (status != PET_OK) {
    pet_decoder_free (&self);
    return status;
  }
  fill_info (self, format);
  if (info != NULL)
    *info = self->info;
  *decoder = self;
  return PET_OK;
}

size_t
pet_decoder_working_bytes (const PetDecoder *decoder)
{
  const PetReader *reader = decoder->reader;
  size_t bytes = decoder->memory.used + reader->start_bytes;

  if (must_resample (decoder))
    bytes += pet_resampler_bytes (reader->width, reader->height,
                 decoder->target_width, decoder->target_height,
                 reader->channels, PET_FILTER_LANCZOS3) +
        (size_t) reader->width * (size_t) reader->channels;
  if (may_read_ahead (decoder))
    bytes += pet_rows_ahead_bytes (
        (size_t) reader->width * (size_t) reader->channels);
  bytes += pet_placer_bytes (reader->orientation, decoder->target_width, 4);
  return bytes > decoder->memory.peak ? bytes : decoder->memory.peak;
}

static PetStatus
pass_init (Pass *pass, PetDecoder *self, const PetImage *image, PetError *error)
{
  const PetAllocator *allocator = &self->memory.allocator;
  const PetReader *reader = self->reader;

  PET_TRY (pet_placer_init (&pass->placer, allocator, image,
      reader->orientation, self->target_width, self->target_height, error));
  if (!must_resample (self))
    return PET_OK;
  pass->row_bytes = (size_t) reader->width * (size_t) reader->channels;
  pass->row = pet_alloc (allocator, pass->row_bytes);
  if (pass->row == NULL)
    return pet_fail (
        error, PET_ERROR_MEMORY, "no memory to reduce the picture");
  return pet_resampler_new (allocator, reader->width, reader->height,
      self->target_width, self->target_height, reader->channels,
      PET_FILTER_LANCZOS3, &pass->resampler, error);
}

static void
pass_clear (Pass *pass, PetDecoder *self)
{
  pet_rows_ahead_free (&pass->ahead);
  pet_placer_clear (&pass->placer);
  pet_resampler_free (&pass->resampler);
  pet_free (&self->memory.allocator, pass->row, pass->row_bytes);
}

/* The next row for the resampler. */
static PetStatus
take_row (Pass *pass, PetReader *reader, const uint8_t **row, PetError *error)
{
  pass->n_rows_read++;
  if (pass->ahead != NULL)
    return pet_rows_ahead_next (pass->ahead, row, error);
  *row = pass->row;
  return reader->ops->read_row (reader, pass->row, error);
}

static PetStatus
read_target_row (Pass *pass, PetReader *reader, uint8_t *out, PetError *error)
{
  if (pass->resampler == NULL) {
    pass->n_rows_read++;
    return reader->ops->read_row (reader, out, error);
  }
  while (pet_resampler_rows_wanted (pass->resampler) > 0) {
    const uint8_t *row;

    PET_TRY (take_row (pass, reader, &row, error));
    pet_resampler_push (pass->resampler, row);
  }
  pet_resampler_pull (pass->resampler, out);
  return PET_OK;
}

static PetStatus
read_rows (PetDecoder *self, Pass *pass, PetError *error)
{
  PetReader *reader = self->reader;
  const uint8_t *row;

  PET_TRY (reader->ops->start (reader, error));
  /* Without a thread it takes longer, and that is all. */
  if (may_read_ahead (self))
    pet_rows_ahead_new (&self->memory.allocator, reader, pass->row_bytes,
        reader->height, &pass->ahead, NULL);
  for (int y = 0; y < self->target_height; y++) {
    uint8_t *out = pet_placer_begin_row (&pass->placer, y);

    PET_TRY (read_target_row (pass, reader, out, error));
    if (reader->icc != NULL)
      pet_icc_apply (reader->icc, out, out, (size_t) self->target_width);
    if (pass->placer.image.channels > reader->channels)
      pet_resample_rows ()->add_alpha (out, self->target_width);
    pet_placer_end_row (&pass->placer, y);
  }
  /* Damage in rows that no output row wanted is damage all the same. */
  while (pass->n_rows_read < reader->height)
    PET_TRY (take_row (pass, reader, &row, error));
  pet_rows_ahead_free (&pass->ahead);
  return reader->ops->finish (reader, error);
}

PetStatus
pet_decoder_read (PetDecoder *decoder, const PetImage *image,
    PetPictureInfo *info, PetError *error)
{
  Pass pass = { 0 };
  PetStatus status;

  if (decoder->was_read || image->width != decoder->info.width ||
      image->height != decoder->info.height ||
      (image->channels != decoder->info.channels && image->channels != 4))
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "a picture of %dx%d with %d channels is not what was opened",
        image->width, image->height, image->channels);
  decoder->was_read = true;
  status = pass_init (&pass, decoder, image, error);
  if (status == PET_OK)
    status = read_rows (decoder, &pass, error);
  pass_clear (&pass, decoder);
  decoder->info.damaged = decoder->reader->damaged;
  if (status == PET_OK && info != NULL)
    *info = decoder->info;
  return status;
}

void
pet_decoder_free (PetDecoder **decoder)
{
  PetDecoder *self = *decoder;

  *decoder = NULL;
  if (self == NULL)
    return;
  if (self->reader != NULL)
    self->reader->ops->close (self->reader);
  pet_free (self->memory.outer, self, sizeof *self);
}
