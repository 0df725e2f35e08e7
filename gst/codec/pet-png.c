/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PNG rows by libpng: expanded to 8-bit RGB or RGBA, with gAMA applied where
 * no profile says more. Interlaced pictures are held whole. Every library
 * call that can fail runs inside guarded(), to which the library's errors
 * jump. */

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <png.h>

#include "base/pet-checked.h"
#include "codec/pet-codec-internal.h"
#include "codec/pet-exif.h"
#include "codec/pet-heap.h"

#define SIGNATURE_BYTES 8
#define IHDR_BYTES 13

/* Rows as the library holds them take at most 8 bytes per pixel. */
#define LIBRARY_ROW_BYTES 8
#define LIBRARY_FIXED_BYTES ((size_t) 320 * 1024)

/* What may follow the last row in its chunks, which the library inflates to its
 * end: room for a checksum and some stray rows, not for gigabytes of zeros. */
#define MAX_TRAILING_BYTES ((size_t) 64 * 1024)

/* Compressed bytes that the library takes at a time. */
#define PIECE_BYTES ((size_t) 8192)

typedef struct {
  PetReader reader;
  PetReaderSource source;
  PetHeap heap;
  png_structp png;
  png_infop info;
  jmp_buf jump;

  size_t offset;     /* of the next byte for the library */
  size_t bytes_left; /* for the library, whatever the file has */
  size_t data_end;   /* of the last IDAT's contents */
  int n_rows_left;   /* in the file: of all passes, if interlaced */
  bool ended;
  bool stopped; /* no row can be had any more */
  bool interlaced;
  bool has_colours; /* described by iCCP, cICP or cHRM */
  int n_rows_read;
  uint8_t *picture; /* all rows, when interlaced */
  size_t picture_bytes;

  uint8_t *row;     /* argument of step_read_row */
  PetStatus status; /* of the failure that was jumped from */
  PetError error;
} PngReader;

static uint32_t
read_u32 (const uint8_t *bytes)
{
  return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 |
      (uint32_t) bytes[2] << 8 | bytes[3];
}

static void
on_error (png_structp png, png_const_charp message)
{
  PngReader *self = png_get_error_ptr (png);

  if (self->heap.refused)
    self->status = pet_fail (&self->error, PET_ERROR_MEMORY,
        "no memory to decode %dx%d pixels", self->reader.stored_width,
        self->reader.stored_height);
  else if (self->ended || strstr (message, "Not enough image data") != NULL)
    self->status = pet_fail (&self->error, PET_ERROR_TRUNCATED,
        "ends too early: the PNG's data stop before the picture is whole");
  else
    self->status =
        pet_fail (&self->error, PET_ERROR_CORRUPT, "is damaged: %s", message);
  longjmp (self->jump, 1);
}

/* Of the warnings, those that tell of bytes, pixels or transparency that may be
 * lost; zlib's are of what follows the last row. A tRNS beside alpha is one too
 * many, and that is all. */
static bool
tells_of_damage (const char *message)
{
  static const char *const words[] = { "CRC", "tRNS: ", "IDAT: invalid ",
    "IDAT: incorrect ", "IDAT: too many length" };

  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strstr (message, words[i]) != NULL)
      return strstr (message, "with alpha") == NULL;
  return false;
}

static void
on_warning (png_structp png, png_const_charp message)
{
  PngReader *self = png_get_error_ptr (png);

  if (!tells_of_damage (message))
    return;
  if (self->source.options->strict)
    png_error (png, message);
  self->reader.damaged = true;
}

/* What the library cannot have whole it does without, and a row with it in whose
 * piece an error stands: the closer to the end of the data, the smaller they
 * are. */
static void
choose_piece (PngReader *self)
{
  size_t left =
      self->data_end > self->offset ? self->data_end - self->offset : 0;
  size_t piece = left > 10 ? (left - 8) / 2 : 1;

  if (!self->source.options->strict)
    png_set_compression_buffer_size (
        self->png, piece < PIECE_BYTES ? piece : PIECE_BYTES);
}

/* A row was inflated, and the library has not looked for what follows yet. */
static void
on_row (png_structp png, png_row_infop row, png_bytep bytes)
{
  PngReader *self = png_get_error_ptr (png);

  if (--self->n_rows_left > 0)
    return;
  self->bytes_left = MAX_TRAILING_BYTES;
  png_set_compression_buffer_size (png, PIECE_BYTES);
}

static void
on_read (png_structp png, png_bytep bytes, size_t size)
{
  PngReader *self = png_get_io_ptr (png);

  if (size > self->bytes_left)
    png_error (png, "the PNG's data go on behind the picture");
  if (size > self->source.size - self->offset) {
    self->ended = true;
    png_error (png, "end of file");
  }
  memcpy (bytes, self->source.bytes + self->offset, size);
  self->offset += size;
  self->bytes_left -= size;
  if (self->n_rows_left > 0)
    choose_piece (self);
}

static png_voidp
on_alloc (png_structp png, png_alloc_size_t size)
{
  return pet_heap_alloc (png_get_mem_ptr (png), size);
}

static void
on_free (png_structp png, png_voidp memory)
{
  (void) png;
  pet_heap_free (memory);
}

static bool
guarded (PngReader *self, void (*step) (PngReader *self))
{
  if (setjmp (self->jump) != 0)
    return false;
  step (self);
  return true;
}

/* All ancillary chunks are skipped unread but those that matter here, so that
 * nothing is ever inflated for a text that nobody wants. */
static void
choose_chunks (png_structp png)
{
  static const png_byte wanted[] = "tRNS\0gAMA\0cHRM\0iCCP\0sRGB";

  png_set_keep_unknown_chunks (png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_keep_unknown_chunks (
      png, PNG_HANDLE_CHUNK_AS_DEFAULT, wanted, sizeof wanted / 5);
}

static void
step_read_info (PngReader *self)
{
  bool strict = self->source.options->strict;

  self->png = png_create_read_struct_2 (PNG_LIBPNG_VER_STRING, self, on_error,
      on_warning, &self->heap, on_alloc, on_free);
  if (self->png != NULL)
    self->info = png_create_info_struct (self->png);
  if (self->info == NULL) {
    self->status = pet_fail (
        &self->error, PET_ERROR_MEMORY, "no memory for a PNG decoder");
    longjmp (self->jump, 1);
  }
  png_set_read_fn (self->png, self, on_read);
  png_set_user_limits (self->png, PET_CODEC_MAX_SIDE, PET_CODEC_MAX_SIDE);
  png_set_chunk_cache_max (self->png, 1000);
  png_set_chunk_malloc_max (self->png, 8000000);
  if (strict)
    png_set_crc_action (self->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  else
    png_set_crc_action (self->png, PNG_CRC_WARN_USE, PNG_CRC_WARN_DISCARD);
  choose_chunks (self->png);
  png_read_info (self->png, self->info);
}

static bool
has_alpha (const PngReader *self)
{
  return (png_get_color_type (self->png, self->info) & PNG_COLOR_MASK_ALPHA) !=
      0 ||
      png_get_valid (self->png, self->info, PNG_INFO_tRNS) != 0;
}

/* gAMA counts here only where nothing says more; libpng itself leaves alone
 * what differs by less than 5 %. */
static void
set_gamma (PngReader *self)
{
  png_fixed_point gamma;

  if (!self->has_colours &&
      png_get_valid (self->png, self->info, PNG_INFO_sRGB) == 0 &&
      png_get_gAMA_fixed (self->png, self->info, &gamma) != 0 && gamma > 0)
    png_set_gamma_fixed (self->png, PNG_DEFAULT_sRGB, gamma);
}

static int
count_rows (const PngReader *self)
{
  int n = 0;

  if (!self->interlaced)
    return self->reader.height;
  for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
    if (PNG_PASS_COLS (self->reader.width, pass) > 0)
      n += PNG_PASS_ROWS (self->reader.height, pass);
  return n;
}

static void
step_set_transforms (PngReader *self)
{
  png_structp png = self->png;
  size_t row_bytes;

  self->interlaced =
      png_get_interlace_type (png, self->info) != PNG_INTERLACE_NONE;
  self->reader.channels = has_alpha (self) ? 4 : 3;
  set_gamma (self);
  png_set_expand (png);
  png_set_scale_16 (png);
  png_set_gray_to_rgb (png);
  if (self->interlaced)
    png_set_interlace_handling (png);
  png_set_read_user_transform_fn (png, on_row);
  png_read_update_info (png, self->info);
  self->n_rows_left = count_rows (self);
  choose_piece (self);

  row_bytes = (size_t) self->reader.width * (size_t) self->reader.channels;
  if (png_get_rowbytes (png, self->info) != row_bytes)
    png_error (png, "unexpected row size");
}

static void
step_read_row (PngReader *self)
{
  png_read_row (self->png, self->row, NULL);
}

static void
step_read_picture (PngReader *self)
{
  size_t stride = (size_t) self->reader.width * (size_t) self->reader.channels;

  for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
    for (int y = 0; y < self->reader.height; y++)
      png_read_row (self->png, self->picture + (size_t) y * stride, NULL);
}

static void
step_read_end (PngReader *self)
{
  self->bytes_left = SIZE_MAX;
  png_read_end (self->png, self->info);
}

/* The outcome of a step that failed: the error, or damage that is lived
 * with. */
static PetStatus
failed (PngReader *self, PetError *error)
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
png_start (PetReader *reader, PetError *error)
{
  PngReader *self = (PngReader *) reader;
  size_t stride = (size_t) reader->width * (size_t) reader->channels;

  if (!self->interlaced)
    return PET_OK;
  self->picture = pet_alloc (self->source.allocator, self->picture_bytes);
  if (self->picture == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "no memory to hold an interlaced PNG of %dx%d pixels", reader->width,
        reader->height);
  for (int y = 0; y < reader->height; y++)
    pet_codec_grey_row (
        self->picture + (size_t) y * stride, reader->width, reader->channels);
  if (!guarded (self, step_read_picture))
    return failed (self, error);
  return PET_OK;
}

static PetStatus
png_next_row (PetReader *reader, uint8_t *row, PetError *error)
{
  PngReader *self = (PngReader *) reader;
  size_t stride = (size_t) reader->width * (size_t) reader->channels;
  size_t y = (size_t) self->n_rows_read++;

  if (self->picture != NULL) {
    memcpy (row, self->picture + y * stride, stride);
    return PET_OK;
  }
  if (!self->stopped) {
    self->row = row;
    if (guarded (self, step_read_row))
      return PET_OK;
    PET_TRY (failed (self, error));
    if (self->n_rows_left == 0)
      return PET_OK;
  }
  pet_codec_grey_row (row, reader->width, reader->channels);
  return PET_OK;
}

static PetStatus
png_finish (PetReader *reader, PetError *error)
{
  PngReader *self = (PngReader *) reader;

  if (!self->stopped && !guarded (self, step_read_end))
    return failed (self, error);
  return PET_OK;
}

static void
png_close (PetReader *reader)
{
  PngReader *self = (PngReader *) reader;
  const PetAllocator *allocator = self->source.allocator;

  png_destroy_read_struct (&self->png, &self->info, NULL);
  pet_heap_clear (&self->heap);
  pet_icc_free (&reader->icc);
  pet_free (allocator, self->picture, self->picture_bytes);
  pet_free (allocator, self, sizeof *self);
}

/* Sizes straight from the file, so that a limit is told before the library
 * takes memory. */
static PetStatus
check_header (PngReader *self, PetError *error)
{
  const uint8_t *bytes = self->source.bytes + SIGNATURE_BYTES;
  size_t size = self->source.size - SIGNATURE_BYTES;
  uint32_t width, height;

  if (size < 8 + IHDR_BYTES)
    return pet_fail (error, PET_ERROR_TRUNCATED,
        "ends too early: the PNG stops inside its header");
  if (memcmp (bytes + 4, "CgBI", 4) == 0)
    return pet_fail (error, PET_ERROR_UNSUPPORTED,
        "is a PNG of Apple's CgBI kind, which is not read");
  if (read_u32 (bytes) != IHDR_BYTES || memcmp (bytes + 4, "IHDR", 4) != 0)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "is damaged: the PNG does not start with its header");
  width = read_u32 (bytes + 8);
  height = read_u32 (bytes + 12);
  if (width == 0 || height == 0)
    return pet_fail (error, PET_ERROR_CORRUPT,
        "is damaged: the PNG is %ux%u pixels", (unsigned) width,
        (unsigned) height);
  PET_TRY (pet_codec_check_size (self->source.options, width, height, error));
  self->reader.width = self->reader.stored_width = (int) width;
  self->reader.height = self->reader.stored_height = (int) height;
  return PET_OK;
}

/* Chunks that the library does not know, or knows only before the picture: the
 * file is walked here, where it is whole. NULL if there is none of `type`;
 * `before` (NULL allowed) ends the walk as IEND does. */
static const uint8_t *
find_chunk (
    const PngReader *self, const char *type, const char *before, size_t *length)
{
  const uint8_t *bytes = self->source.bytes;
  size_t size = self->source.size, offset = SIGNATURE_BYTES;

  while (size - offset >= 12) {
    const uint8_t *found = bytes + offset + 4;

    *length = read_u32 (bytes + offset);
    if (*length > size - offset - 12 || memcmp (found, "IEND", 4) == 0 ||
        (before != NULL && memcmp (found, before, 4) == 0))
      break;
    if (memcmp (found, type, 4) == 0)
      return found + 4;
    offset += *length + 12;
  }
  return NULL;
}

/* The end of the last IDAT's contents, or of the file where that ends first. */
static size_t
find_data_end (const PngReader *self)
{
  const uint8_t *bytes = self->source.bytes;
  size_t size = self->source.size, offset = SIGNATURE_BYTES, end = size;

  while (size - offset >= 12) {
    size_t length = read_u32 (bytes + offset);

    if (memcmp (bytes + offset + 4, "IEND", 4) == 0)
      break;
    if (memcmp (bytes + offset + 4, "IDAT", 4) == 0)
      end = offset + 8 + length;
    if (length > size - offset - 12)
      break;
    offset += length + 12;
  }
  return end < size ? end : size;
}

static int
find_orientation (const PngReader *self)
{
  size_t length;
  const uint8_t *tiff = find_chunk (self, "eXIf", NULL, &length);

  return tiff != NULL ? pet_exif_orientation (tiff, length) : 1;
}

static bool
find_code_points (const PngReader *self, PetColorimetry *colorimetry)
{
  size_t length;
  const uint8_t *data = find_chunk (self, "cICP", "IDAT", &length);

  return data != NULL && length == 4 && data[2] == 0 && data[3] == 1 &&
      pet_colorimetry_from_code_points (colorimetry, data[0], data[1]);
}

/* Without gAMA the curve is sRGB's. sRGB's own primaries are left to
 * set_gamma(). */
static bool
find_chromaticities (const PngReader *self, PetColorimetry *colorimetry)
{
  double *white = colorimetry->white;
  double (*xy)[2] = colorimetry->primaries;
  double gamma;

  *colorimetry = (PetColorimetry){ .transfer = PET_TRANSFER_SRGB };
  if (png_get_valid (self->png, self->info, PNG_INFO_sRGB) != 0 ||
      (png_get_color_type (self->png, self->info) & PNG_COLOR_MASK_COLOR) ==
          0 ||
      png_get_cHRM (self->png, self->info, &white[0], &white[1], &xy[0][0],
          &xy[0][1], &xy[1][0], &xy[1][1], &xy[2][0], &xy[2][1]) == 0)
    return false;
  if (png_get_gAMA (self->png, self->info, &gamma) != 0 && gamma > 0 &&
      (gamma < 0.4318 || gamma > 0.4773)) {
    colorimetry->transfer = PET_TRANSFER_GAMMA;
    colorimetry->exponent = 1.0 / gamma;
  }
  return !pet_colorimetry_has_srgb_primaries (colorimetry);
}

/* What is in the file decides in this order: cICP, iCCP, sRGB, cHRM with gAMA,
 * gAMA alone. */
static PetStatus
load_colours (PngReader *self, PetError *error)
{
  const PetAllocator *allocator = self->source.allocator;
  bool alpha = has_alpha (self);
  bool grey =
      (png_get_color_type (self->png, self->info) & PNG_COLOR_MASK_COLOR) == 0;
  PetIccInput rgb = alpha ? PET_ICC_RGBA : PET_ICC_RGB;
  PetColorimetry colorimetry;
  png_charp name;
  int method;
  png_bytep profile;
  png_uint_32 size;

  self->has_colours = true;
  if (find_code_points (self, &colorimetry))
    return pet_icc_new_colorimetry (
        allocator, &colorimetry, rgb, &self->reader.icc, error);
  if (png_get_iCCP (self->png, self->info, &name, &method, &profile, &size) !=
      0)
    return pet_icc_new (allocator, profile, size,
        !grey       ? rgb
            : alpha ? PET_ICC_GREY_ALPHA
                    : PET_ICC_GREY,
        &self->reader.icc, error);
  if (find_chromaticities (self, &colorimetry))
    return pet_icc_new_colorimetry (
        allocator, &colorimetry, rgb, &self->reader.icc, error);
  self->has_colours = false;
  return PET_OK;
}

static PetStatus
estimate_memory (PngReader *self, PetError *error)
{
  PetReader *reader = &self->reader;

  reader->start_bytes = LIBRARY_FIXED_BYTES +
      3 * ((size_t) reader->width * LIBRARY_ROW_BYTES + 128);
  if (!self->interlaced)
    return PET_OK;
  if (!pet_mul3_size ((size_t) reader->width, (size_t) reader->height,
          (size_t) reader->channels, &self->picture_bytes) ||
      !pet_add_size (
          reader->start_bytes, self->picture_bytes, &reader->start_bytes))
    return pet_fail (error, PET_ERROR_LIMIT,
        "%dx%d pixels do not fit into memory", reader->width, reader->height);
  return PET_OK;
}

static PetStatus
open_header (PngReader *self, PetError *error)
{
  PET_TRY (check_header (self, error));
  self->bytes_left = SIZE_MAX;
  self->data_end = find_data_end (self);
  if (!guarded (self, step_read_info)) {
    if (error != NULL)
      *error = self->error;
    return self->status;
  }
  self->reader.orientation = find_orientation (self);
  PET_TRY (load_colours (self, error));
  png_free_data (self->png, self->info, PNG_FREE_ICCP, 0);
  if (!guarded (self, step_set_transforms)) {
    if (error != NULL)
      *error = self->error;
    return self->status;
  }
  return estimate_memory (self, error);
}

PetStatus
pet_png_open (
    const PetReaderSource *source, PetReader **reader, PetError *error)
{
  static const PetReaderOps ops = { png_start, png_next_row, png_finish,
    png_close };
  PngReader *self = pet_alloc_zeroed (source->allocator, sizeof *self);
  PetStatus status;

  if (self == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory for a PNG decoder");
  self->source = *source;
  self->reader.ops = &ops;
  pet_heap_init (&self->heap, source->allocator);
  status = open_header (self, error);
  if (status != PET_OK) {
    png_close (&self->reader);
    return status;
  }
  *reader = &self->reader;
  return PET_OK;
}
