/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The colour type is chosen from the picture's own colours; rows are converted
 * and filtered one at a time, and compressed as they come. What is zero at a
 * row's ends, which on a cut-out is most of it, is found first and never
 * touched again. */

#include "codec/pet-png-encoder.h"

#include <string.h>

#include "base/pet-prefetch.h"
#include "codec/pet-deflate.h"
#include "codec/pet-palette.h"
#include "codec/pet-png-chunks.h"
#include "codec/pet-png-kernels.h"

#define MAX_SIDE (1 << 20)

enum { TYPE_GREY = 0, TYPE_RGB = 2, TYPE_PALETTE = 3, MASK_ALPHA = 4 };

/* To the left and the right of a row, for the filters. */
#define ROW_PAD 64

/* Indices hardly ever come in runs only: they are searched for repeats. */
#define MIN_PALETTE_LEVEL 3

/* Two converted rows and four filtered ones. */
#define N_ROWS 6

typedef struct {
  size_t start, end;
} Span;

typedef struct {
  const PetImage *image;
  const PetPngOptions *options;
  PetPalette palette;
  int color_type, bit_depth, file_channels;

  PetPngChunks chunks;
  PetDeflate *deflate;

  size_t row_bytes, pixel_bytes; /* pixel_bytes: at least 1 */
  uint8_t *rows;                 /* N_ROWS, padded */
  size_t rows_size;
  uint8_t *row, *above;      /* converted; zero outside their spans */
  Span row_span, above_span; /* bytes that may differ from 0 */
  uint8_t *filtered[PET_PNG_N_FILTERS];
} Encoder;

void
pet_png_options_init (PetPngOptions *options)
{
  *options = (PetPngOptions){ .level = 6 };
}

static size_t
rows_bytes (size_t row_bytes)
{
  return N_ROWS * (row_bytes + 2 * ROW_PAD);
}

size_t
pet_png_working_bytes (int width, int height, int channels)
{
  (void) height;
  return sizeof (Encoder) + pet_deflate_bytes (9) +
      rows_bytes ((size_t) width * (size_t) channels);
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
  self->file_channels = 1;
  if (palette->n_colors == 0) {
    self->color_type =
        (grey ? TYPE_GREY : TYPE_RGB) | (opaque ? 0 : MASK_ALPHA);
    self->file_channels = (grey ? 1 : 3) + (opaque ? 0 : 1);
  } else if (grey && opaque &&
      grey_depth (palette) <= palette_depth (palette->n_colors)) {
    self->color_type = TYPE_GREY;
    self->bit_depth = grey_depth (palette);
  } else {
    self->color_type = TYPE_PALETTE;
    self->bit_depth = palette_depth (palette->n_colors);
  }
}

/* What stands in the file for each of few colours. */
static void
set_values (Encoder *self)
{
  PetColorMap *map = &self->palette.map;

  for (int k = 0; k < map->n_keys; k++) {
    uint8_t color[4];

    memcpy (color, &map->keys[k], 4);
    map->values[k] = (uint8_t) (self->color_type == TYPE_GREY
            ? color[0] >> (8 - self->bit_depth)
            : pet_palette_find (&self->palette, pet_palette_key (color, 4)));
  }
}

static bool
is_packed (const Encoder *self)
{
  return self->color_type == TYPE_PALETTE || self->bit_depth < 8;
}

/* What stands in the file for n pixels. Neighbours are mostly the same. */
static inline void
find_values_of (const Encoder *self, const uint8_t *in, const int channels,
    int n, uint8_t *restrict values)
{
  bool grey = self->color_type == TYPE_GREY;
  uint32_t last = ~pet_palette_key (in, channels);
  uint8_t value = 0;

  for (int i = 0; i < n; i++, in += channels) {
    uint32_t key = pet_palette_key (in, channels);

    if (key != last)
      value = (uint8_t) (grey ? in[0] >> (8 - self->bit_depth)
                              : pet_palette_find (&self->palette, key));
    last = key;
    values[i] = value;
  }
}

static void
find_values (
    const Encoder *self, const uint8_t *in, int n, uint8_t *restrict values)
{
  switch (self->image->channels) {
    case 1:
      find_values_of (self, in, 1, n, values);
      break;
    case 3:
      find_values_of (self, in, 3, n, values);
      break;
    default:
      if (pet_palette_is_small (&self->palette))
        pet_png_kernels ()->map_colors (&self->palette.map, in, n, values);
      else
        find_values_of (self, in, 4, n, values);
  }
}

/* Values of `depth` bits, the leftmost in the highest: n of them, and as many as
 * fill the last byte. */
static void
pack_values (
    const uint8_t *restrict values, int n, int depth, uint8_t *restrict out)
{
  switch (depth) {
    case 1:
      for (int i = 0; i < (n + 7) / 8; i++, values += 8)
        out[i] = (uint8_t) (values[0] << 7 | values[1] << 6 | values[2] << 5 |
            values[3] << 4 | values[4] << 3 | values[5] << 2 | values[6] << 1 |
            values[7]);
      break;
    case 2:
      for (int i = 0; i < (n + 3) / 4; i++)
        out[i] = (uint8_t) (values[4 * i] << 6 | values[4 * i + 1] << 4 |
            values[4 * i + 2] << 2 | values[4 * i + 3]);
      break;
    case 4:
      for (int i = 0; i < (n + 1) / 2; i++)
        out[i] = (uint8_t) (values[2 * i] << 4 | values[2 * i + 1]);
      break;
    default:
      memcpy (out, values, (size_t) n);
  }
}

/* From a whole byte on. */
static void
pack_pixels (Encoder *self, const uint8_t *in, int first, int end)
{
  enum { PART = 512 };
  uint8_t values[PART + 8];

  for (int x = first & ~7; x < end; x += PART) {
    int n = end - x < PART ? end - x : PART;

    memset (values + n, 0, 8);
    find_values (self, in + (ptrdiff_t) x * self->image->channels, n, values);
    pack_values (values, n, self->bit_depth,
        self->row + (size_t) x * (size_t) self->bit_depth / 8);
  }
}

static inline void
pick_colors_of (const uint8_t *restrict in, const int channels,
    uint8_t *restrict out, const int n_colours, int n)
{
  for (int i = 0; i < n; i++, in += channels, out += n_colours)
    for (int c = 0; c < n_colours; c++)
      out[c] = in[c];
}

static void
pick_colors (const uint8_t *restrict in, int channels, uint8_t *restrict out,
    int n_colours, int n)
{
  if (channels == 3)
    pick_colors_of (in, 3, out, 1, n);
  else if (n_colours == 1)
    pick_colors_of (in, 4, out, 1, n);
  else
    pick_colors_of (in, 4, out, 3, n);
}

/* Converts a row into self->row; what is outside its span stays 0. */
static void
convert_row (Encoder *self, int y)
{
  const PetImage *image = self->image;
  const uint8_t *in = pet_image_row (image, y);
  int channels = image->channels, first, end;
  uint8_t *out;

  memset (self->row + self->row_span.start, 0,
      self->row_span.end - self->row_span.start);
  if (is_packed (self) &&
      pet_palette_row_repeats (image, self->options->outline, y)) {
    self->row_span = self->above_span;
    memcpy (self->row + self->row_span.start,
        self->above + self->row_span.start,
        self->row_span.end - self->row_span.start);
    return;
  }
  pet_outline_row (self->options->outline, y, image->width, &first, &end);
  pet_png_find_pixels (in, channels, &first, &end);
  if (is_packed (self)) {
    size_t depth = (size_t) self->bit_depth;

    pack_pixels (self, in, first, end);
    self->row_span =
        (Span){ (size_t) first * depth / 8, ((size_t) end * depth + 7) / 8 };
    return;
  }
  out = self->row + (size_t) first * self->pixel_bytes;
  in += (size_t) first * (size_t) channels;
  self->row_span = (Span){ (size_t) first * self->pixel_bytes,
    (size_t) end * self->pixel_bytes };
  if (self->file_channels == channels)
    memcpy (out, in, self->row_span.end - self->row_span.start);
  else if (self->file_channels == 2)
    pet_png_kernels ()->pick_grey_alpha (in, out, end - first);
  else
    pick_colors (in, channels, out, self->file_channels, end - first);
}

/* A filtered row reaches a pixel further to the right than what it was made
 * of, where the zeros behind have a neighbour that is none. */
static Span
filtered_span (const Encoder *self)
{
  Span a = self->row_span, b = self->above_span, both;

  if (a.start == a.end)
    a = b;
  if (b.start == b.end)
    b = a;
  both.start = a.start < b.start ? a.start : b.start;
  both.end = (a.end > b.end ? a.end : b.end) + self->pixel_bytes;
  if (both.end > self->row_bytes)
    both.end = self->row_bytes;
  return both;
}

static PetStatus
write_filtered (Encoder *self, uint8_t filter, const uint8_t *bytes, Span span,
    PetError *error)
{
  PET_TRY (pet_deflate_add (self->deflate, &filter, 1, error));
  PET_TRY (pet_deflate_add_zeros (self->deflate, span.start, error));
  PET_TRY (pet_deflate_add (
      self->deflate, bytes + span.start, span.end - span.start, error));
  return pet_deflate_add_zeros (
      self->deflate, self->row_bytes - span.end, error);
}

/* Filters pay on continuous tones only. */
static PetStatus
write_row (Encoder *self, PetError *error)
{
  Span span = self->row_span;
  uint8_t *out[PET_PNG_N_FILTERS];
  int filter;

  if (span.start == span.end)
    return pet_deflate_add_zeros (self->deflate, 1 + self->row_bytes, error);
  if (is_packed (self) || self->options->level == 0)
    return write_filtered (self, 0, self->row, span, error);
  span = filtered_span (self);
  for (int f = 1; f < PET_PNG_N_FILTERS; f++)
    out[f] = self->filtered[f] + span.start;
  filter = pet_png_kernels ()->filter (self->row + span.start,
      self->above + span.start, span.end - span.start, self->pixel_bytes, out);
  return write_filtered (self, (uint8_t) filter,
      filter == 0 ? self->row : self->filtered[filter], span, error);
}

/* Where rows are empty is not looked at, so that the processor does not see them
 * coming. */
static void
fetch_row (const Encoder *self, int y)
{
  const PetImage *image = self->image;
  size_t pixel = (size_t) image->channels;
  int first, end;

  if (self->options->outline == NULL || y == image->height)
    return;
  pet_outline_row (self->options->outline, y, image->width, &first, &end);
  pet_prefetch_to_read (pet_image_row (image, y) + (size_t) first * pixel,
      (size_t) (end - first) * pixel);
}

static PetStatus
write_rows (Encoder *self, PetError *error)
{
  for (int y = 0; y < self->image->height; y++) {
    uint8_t *row = self->above;
    Span span = self->above_span;

    convert_row (self, y);
    fetch_row (self, y + 1);
    PET_TRY (write_row (self, error));
    /* Indices of a row are those of the row above where both are the same. */
    if (self->options->rows_read != NULL)
      self->options->rows_read (
          self->options->rows_user, is_packed (self) ? y : y + 1);
    self->above = self->row;
    self->above_span = self->row_span;
    self->row = row;
    self->row_span = span;
  }
  return pet_deflate_finish (self->deflate, error);
}

static PetStatus
write_palette (Encoder *self, PetError *error)
{
  const PetPalette *palette = &self->palette;
  uint8_t colors[3 * PET_PALETTE_MAX], alphas[PET_PALETTE_MAX];

  for (int i = 0; i < palette->n_colors; i++) {
    memcpy (colors + 3 * i, palette->colors[i], 3);
    alphas[i] = palette->colors[i][3];
  }
  PET_TRY (pet_png_chunk (
      &self->chunks, "PLTE", colors, 3 * (size_t) palette->n_colors, error));
  if (palette->n_translucent == 0)
    return PET_OK;
  return pet_png_chunk (
      &self->chunks, "tRNS", alphas, (size_t) palette->n_translucent, error);
}

static PetStatus
write_head (Encoder *self, PetError *error)
{
  const PetPngOptions *options = self->options;
  uint8_t header[13] = { [8] = (uint8_t) self->bit_depth,
    [9] = (uint8_t) self->color_type },
          perceptual = 0, density[9] = { [8] = 1 };
  uint32_t per_metre =
      (uint32_t) (((uint64_t) options->dpi * 10000 + 127) / 254);

  pet_png_store_32 (header, (uint32_t) self->image->width);
  pet_png_store_32 (header + 4, (uint32_t) self->image->height);
  PET_TRY (pet_png_chunk (&self->chunks, "IHDR", header, 13, error));
  PET_TRY (pet_png_chunk (&self->chunks, "sRGB", &perceptual, 1, error));
  if (self->color_type == TYPE_PALETTE)
    PET_TRY (write_palette (self, error));
  pet_png_store_32 (density, per_metre);
  pet_png_store_32 (density + 4, per_metre);
  if (options->dpi > 0)
    PET_TRY (pet_png_chunk (&self->chunks, "pHYs", density, 9, error));
  PET_TRY (pet_png_text (&self->chunks, "Software", options->software, error));
  return pet_png_text (&self->chunks, "Recipe", options->recipe, error);
}

static PetStatus
write_data (void *user, const uint8_t *bytes, size_t size, PetError *error)
{
  Encoder *self = user;

  return pet_png_chunk (&self->chunks, "IDAT", bytes, size, error);
}

static PetStatus
take_memory (Encoder *self, PetError *error)
{
  int level = self->options->level;
  size_t pitch;
  uint8_t *rows;

  if (level > 0 && level < MIN_PALETTE_LEVEL && is_packed (self))
    level = MIN_PALETTE_LEVEL;
  self->row_bytes = ((size_t) self->image->width *
                            (size_t) (self->file_channels * self->bit_depth) +
                        7) /
      8;
  self->pixel_bytes = (size_t) (self->file_channels * self->bit_depth + 7) / 8;
  self->rows_size = rows_bytes (self->row_bytes);
  rows = pet_alloc_zeroed (self->options->allocator, self->rows_size);
  if (rows == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to write a PNG");
  self->rows = rows;
  pitch = self->row_bytes + 2 * ROW_PAD;
  self->row = rows + ROW_PAD;
  self->above = self->row + pitch;
  for (int f = 1; f < PET_PNG_N_FILTERS; f++)
    self->filtered[f] = self->above + (size_t) f * pitch;
  return pet_deflate_new (self->options->allocator, level,
      is_packed (self) ? 1 + self->row_bytes : 0, self->bit_depth < 8,
      write_data, self, &self->deflate, error);
}

static PetStatus
encode (Encoder *self, PetError *error)
{
  PET_TRY (take_memory (self, error));
  PET_TRY (pet_png_begin (&self->chunks, error));
  PET_TRY (write_head (self, error));
  PET_TRY (write_rows (self, error));
  PET_TRY (pet_png_chunk (&self->chunks, "IEND", NULL, 0, error));
  return pet_png_flush (&self->chunks, error);
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
  self->image = image;
  self->options = options;
  pet_png_chunks_init (&self->chunks, write, user);
  pet_palette_init (&self->palette, image, options->outline);
  choose_type (self);
  if (is_packed (self) && pet_palette_is_small (&self->palette))
    set_values (self);

  status = encode (self, error);
  if (status == PET_OK && info != NULL)
    *info = (PetPngInfo){ self->color_type, self->bit_depth,
      self->chunks.n_written };
  pet_deflate_free (&self->deflate);
  pet_free (options->allocator, self->rows, self->rows_size);
  pet_free (options->allocator, self, sizeof *self);
  return status;
}
