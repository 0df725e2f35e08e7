/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PNG by libpng and zlib: the colour type is chosen from the picture's own
 * colours, rows are converted one at a time, and the bytes leave through a
 * buffer of one piece. Every library call that can fail runs inside guarded(),
 * to which the library's errors jump. */

#include "codec/pet-png-encoder.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "codec/pet-heap.h"
#include "codec/pet-palette.h"

#define MAX_SIDE (1 << 20)
#define MAX_TEXT_BYTES 1024

/* Of one IDAT chunk. */
#define CHUNK_BYTES 32768

/* zlib with a 32 KiB window takes 264 KiB; libpng some KiB. */
#define LIBRARY_FIXED_BYTES ((size_t) 352 * 1024)

typedef struct Encoder Encoder;

struct Encoder {
  const PetAllocator *allocator;
  const PetImage *image;
  const PetPngOptions *options;
  PetPngWrite write;
  void *user;

  PetHeap heap;
  png_structp png;
  png_infop info;
  jmp_buf jump;

  PetPalette palette;
  int color_type, bit_depth;
  uint8_t grey_levels[256]; /* sample value of a grey below 8 bits */
  uint8_t *row;             /* converted */
  size_t row_bytes;

  size_t n_written, n_piece;
  PetStatus status; /* of the failure that was jumped from */
  PetError error;
  uint8_t piece[PET_PNG_PIECE_BYTES];
};

void
pet_png_options_init (PetPngOptions *options)
{
  *options = (PetPngOptions){ .level = 6 };
}

size_t
pet_png_working_bytes (int width, int height, int channels)
{
  size_t row_bytes = (size_t) width * (size_t) channels + 64;

  (void) height;
  return sizeof (Encoder) + LIBRARY_FIXED_BYTES + 6 * row_bytes;
}

static void
jump_with (Encoder *self, PetStatus status)
{
  self->status = status;
  longjmp (self->jump, 1);
}

static void
on_error (png_structp png, png_const_charp message)
{
  Encoder *self = png_get_error_ptr (png);

  if (self->heap.refused)
    self->status =
        pet_fail (&self->error, PET_ERROR_MEMORY, "no memory to write a PNG");
  else
    self->status = pet_fail (
        &self->error, PET_ERROR_LIBRARY, "the PNG library failed: %s", message);
  longjmp (self->jump, 1);
}

static void
on_warning (png_structp png, png_const_charp message)
{
}

static void
flush_piece (Encoder *self)
{
  PetStatus status;

  if (self->n_piece == 0)
    return;
  status = self->write (self->user, self->piece, self->n_piece, &self->error);
  if (status != PET_OK) {
    if (self->error.status == PET_OK)
      pet_fail (&self->error, status, "the PNG could not be written");
    jump_with (self, status);
  }
  self->n_written += self->n_piece;
  self->n_piece = 0;
}

static void
on_write (png_structp png, png_bytep bytes, size_t size)
{
  Encoder *self = png_get_io_ptr (png);

  while (size > 0) {
    size_t room = PET_PNG_PIECE_BYTES - self->n_piece;
    size_t part = size < room ? size : room;

    memcpy (self->piece + self->n_piece, bytes, part);
    self->n_piece += part;
    bytes += part;
    size -= part;
    if (self->n_piece == PET_PNG_PIECE_BYTES)
      flush_piece (self);
  }
}

static void
on_flush (png_structp png)
{
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
guarded (Encoder *self, void (*step) (Encoder *self))
{
  if (setjmp (self->jump) != 0)
    return false;
  step (self);
  return true;
}

static int
palette_depth (int n_colors)
{
  if (n_colors <= 2)
    return 1;
  if (n_colors <= 4)
    return 2;
  return n_colors <= 16 ? 4 : 8;
}

/* The fewest bits whose evenly spaced levels include all greys. */
static int
grey_depth (const PetPalette *palette)
{
  for (int depth = 1; depth < 8; depth *= 2) {
    int step = 255 / ((1 << depth) - 1);
    bool fits = true;

    for (int i = 0; i < palette->n_colors; i++)
      fits = fits && palette->colors[i][0] % step == 0;
    if (fits)
      return depth;
  }
  return 8;
}

static void
choose_type (Encoder *self)
{
  const PetPalette *palette = &self->palette;
  bool grey = palette->grey, opaque = palette->opaque;

  self->bit_depth = 8;
  if (palette->n_colors == 0) {
    self->color_type =
        (grey ? 0 : PNG_COLOR_MASK_COLOR) | (opaque ? 0 : PNG_COLOR_MASK_ALPHA);
    return;
  }
  self->color_type = PNG_COLOR_TYPE_PALETTE;
  self->bit_depth = palette_depth (palette->n_colors);
  if (grey && opaque && grey_depth (palette) <= self->bit_depth) {
    self->color_type = PNG_COLOR_TYPE_GRAY;
    self->bit_depth = grey_depth (palette);
    for (int i = 0; i < 256; i++)
      self->grey_levels[i] = (uint8_t) (i >> (8 - self->bit_depth));
  }
}

static void
put_palette (Encoder *self)
{
  const PetPalette *palette = &self->palette;
  png_color colors[PET_PALETTE_MAX];
  png_byte alphas[PET_PALETTE_MAX];

  for (int i = 0; i < palette->n_colors; i++) {
    const uint8_t *color = palette->colors[i];

    colors[i] = (png_color){ color[0], color[1], color[2] };
    alphas[i] = color[3];
  }
  png_set_PLTE (self->png, self->info, colors, palette->n_colors);
  if (palette->n_translucent > 0)
    png_set_tRNS (self->png, self->info, alphas, palette->n_translucent, NULL);
}

static void
put_text (Encoder *self, const char *keyword, const char *text)
{
  char key[16], value[MAX_TEXT_BYTES + 1];
  png_text chunk = {
    .compression = PNG_TEXT_COMPRESSION_NONE, .key = key, .text = value
  };

  if (text == NULL || text[0] == '\0')
    return;
  snprintf (key, sizeof key, "%s", keyword);
  strncpy (value, text, MAX_TEXT_BYTES);
  value[MAX_TEXT_BYTES] = '\0';
  png_set_text (self->png, self->info, &chunk, 1);
}

static void
put_tags (Encoder *self)
{
  const PetPngOptions *options = self->options;

  png_set_sRGB (self->png, self->info, PNG_sRGB_INTENT_PERCEPTUAL);
  if (options->dpi > 0) {
    png_uint_32 per_metre =
        (png_uint_32) (((uint64_t) options->dpi * 10000 + 127) / 254);

    png_set_pHYs (
        self->png, self->info, per_metre, per_metre, PNG_RESOLUTION_METER);
  }
  put_text (self, "Software", options->software);
  put_text (self, "Recipe", options->recipe);
}

/* Filters pay on continuous tones only. By the time and size they cost on
 * photos: Average alone is as fast as Sub and 2 to 6 % smaller; trying all
 * five for each row wins up to 6 % more and costs 15 to 40 ms per megapixel.
 * zlib's strategy for filtered data is slower and no smaller. */
static void
choose_filter (Encoder *self)
{
  int level = self->options->level;
  int filters = PNG_ALL_FILTERS;

  if (self->color_type == PNG_COLOR_TYPE_PALETTE || self->bit_depth < 8 ||
      level == 0)
    filters = PNG_FILTER_NONE;
  else if (level <= 5)
    filters = PNG_FILTER_AVG;
  png_set_filter (self->png, PNG_FILTER_TYPE_BASE, filters);
  png_set_compression_strategy (self->png, Z_DEFAULT_STRATEGY);
}

static void
step_create (Encoder *self)
{
  self->png = png_create_write_struct_2 (PNG_LIBPNG_VER_STRING, self, on_error,
      on_warning, &self->heap, on_alloc, on_free);
  if (self->png != NULL)
    self->info = png_create_info_struct (self->png);
  if (self->info == NULL) {
    pet_fail (&self->error, PET_ERROR_MEMORY, "no memory to write a PNG");
    jump_with (self, PET_ERROR_MEMORY);
  }
}

static void
step_write_header (Encoder *self)
{
  const PetImage *image = self->image;

  png_set_write_fn (self->png, self, on_write, on_flush);
  png_set_user_limits (self->png, MAX_SIDE, MAX_SIDE);
  png_set_compression_level (self->png, self->options->level);
  png_set_compression_buffer_size (self->png, CHUNK_BYTES);
  png_set_IHDR (self->png, self->info, (png_uint_32) image->width,
      (png_uint_32) image->height, self->bit_depth, self->color_type,
      PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
      PNG_FILTER_TYPE_DEFAULT);
  if (self->color_type == PNG_COLOR_TYPE_PALETTE)
    put_palette (self);
  put_tags (self);
  choose_filter (self);
  png_write_info (self->png, self->info);
}

/* Samples below 8 bits, the leftmost in the highest bits. */
static void
pack_row (Encoder *self, const uint8_t *in)
{
  const PetImage *image = self->image;
  int depth = self->bit_depth, channels = image->channels;
  bool grey = self->color_type == PNG_COLOR_TYPE_GRAY;
  int index = 0;

  memset (self->row, 0, self->row_bytes);
  for (int x = 0; x < image->width; x++, in += channels) {
    int bit = x * depth;

    if (grey)
      index = self->grey_levels[in[0]];
    else if (x == 0 || memcmp (in, in - channels, (size_t) channels) != 0)
      index = pet_palette_find (&self->palette, in, channels);
    self->row[bit / 8] |= (uint8_t) (index << (8 - depth - bit % 8));
  }
}

/* Drops the channels that the file does not have. */
static void
pick_channels (Encoder *self, const uint8_t *in)
{
  int channels = self->image->channels;
  int n_colours = self->color_type & PNG_COLOR_MASK_COLOR ? 3 : 1;
  bool alpha = (self->color_type & PNG_COLOR_MASK_ALPHA) != 0;
  uint8_t *out = self->row;

  for (int x = 0; x < self->image->width; x++, in += channels) {
    for (int c = 0; c < n_colours; c++)
      *out++ = in[c];
    if (alpha)
      *out++ = in[3];
  }
}

static void
step_write_rows (Encoder *self)
{
  const PetImage *image = self->image;
  bool palette = self->color_type == PNG_COLOR_TYPE_PALETTE;
  bool as_is = self->bit_depth == 8 && !palette &&
      self->row_bytes == (size_t) image->width * (size_t) image->channels;

  for (int y = 0; y < image->height; y++) {
    const uint8_t *row = pet_image_row (image, y);

    if (!as_is && (palette || self->bit_depth < 8))
      pack_row (self, row);
    else if (!as_is)
      pick_channels (self, row);
    png_write_row (self->png, as_is ? row : self->row);
    if (self->options->rows_read != NULL)
      self->options->rows_read (self->options->rows_user, y + 1);
  }
  png_write_end (self->png, self->info);
  flush_piece (self);
}

static PetStatus
encode (Encoder *self, PetError *error)
{
  bool done = guarded (self, step_create) && guarded (self, step_write_header);

  if (done) {
    self->row_bytes = png_get_rowbytes (self->png, self->info);
    self->row = pet_alloc (self->allocator, self->row_bytes);
    if (self->row == NULL)
      return pet_fail (error, PET_ERROR_MEMORY, "no memory to write a PNG");
    done = guarded (self, step_write_rows);
  }
  if (!done) {
    if (error != NULL)
      *error = self->error;
    return self->status;
  }
  return PET_OK;
}

static PetStatus
check_arguments (
    const PetImage *image, const PetPngOptions *options, PetError *error)
{
  if (image->width < 1 || image->width > MAX_SIDE || image->height < 1 ||
      image->height > MAX_SIDE ||
      (image->channels != 1 && image->channels != 3 && image->channels != 4))
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "cannot write %dx%d pixels with %d channels", image->width,
        image->height, image->channels);
  if (options->level < 0 || options->level > 9 || options->dpi < 0)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "PNG level %d or resolution %d dpi is out of range", options->level,
        options->dpi);
  return PET_OK;
}

PetStatus
pet_png_encode (const PetImage *image, const PetPngOptions *options,
    PetPngWrite write, void *user, PetPngInfo *info, PetError *error)
{
  Encoder *self;
  PetStatus status;

  PET_TRY (check_arguments (image, options, error));
  self = pet_alloc_zeroed (options->allocator, sizeof *self);
  if (self == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to write a PNG");
  self->allocator = options->allocator;
  self->image = image;
  self->options = options;
  self->write = write;
  self->user = user;
  pet_heap_init (&self->heap, options->allocator);
  pet_palette_init (&self->palette, image);
  choose_type (self);

  status = encode (self, error);
  if (status == PET_OK && info != NULL)
    *info = (PetPngInfo){ self->color_type, self->bit_depth, self->n_written };
  png_destroy_write_struct (&self->png, &self->info);
  pet_heap_clear (&self->heap);
  pet_free (self->allocator, self->row, self->row_bytes);
  pet_free (self->allocator, self, sizeof *self);
  return status;
}
