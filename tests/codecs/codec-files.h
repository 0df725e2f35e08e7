/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JPEG files made from a seed, a decoder call that checks what must hold for
 * every file, and an allocator that counts, poisons and fails. */

#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "base/pet-alloc.h"
#include "codec/pet-decoder.h"
#include "tap.h"

#define GUARD_BYTES 32
#define GUARD 0x5a

typedef struct {
  uint8_t *data;
  size_t size;
} Bytes;

typedef struct {
  int width, height;
  int n_components; /* 1, 3 or 4 */
  int h[4], v[4];   /* sampling; 0 = 1 */
  bool rgb;         /* 3 components without a colour transform */
  bool no_adobe;    /* 4 components without Adobe's marker */
  bool progressive, arithmetic, one_scan_each;
  int restart_interval;
  int orientation; /* 0 = no EXIF */
  bool big_endian; /* of the EXIF */
  const uint8_t *icc;
  size_t icc_size;
  int quality; /* 0 = 90 */
} JpegRecipe;

/* Fails the n-th allocation when `fail_at` is not 0. */
typedef struct {
  PetAllocator allocator;
  size_t used, peak;
  int n_allocations, fail_at;
  uint8_t poison;
} TestAllocator;

typedef struct {
  PetStatus status;
  PetError error;
  PetPictureInfo info;
  uint8_t *data; /* info.width * info.channels per row; NULL on failure */
} Picture;

static inline Bytes
bytes_copy (const uint8_t *data, size_t size)
{
  Bytes bytes = { malloc (size > 0 ? size : 1), size };

  if (size > 0)
    memcpy (bytes.data, data, size);
  return bytes;
}

static inline void
bytes_free (Bytes *bytes)
{
  free (bytes->data);
  *bytes = (Bytes){ 0 };
}

static inline bool
bytes_load (const char *path, Bytes *bytes)
{
  FILE *file = fopen (path, "rb");
  long size;

  if (file == NULL)
    return false;
  fseek (file, 0, SEEK_END);
  size = ftell (file);
  rewind (file);
  bytes->data = malloc ((size_t) size + 1);
  bytes->size = fread (bytes->data, 1, (size_t) size, file);
  fclose (file);
  return true;
}

static inline void *
test_alloc (void *user, size_t size)
{
  TestAllocator *self = user;
  void *memory;

  if (++self->n_allocations == self->fail_at)
    return NULL;
  memory = pet_alloc (NULL, size);
  if (memory == NULL)
    return NULL;
  memset (memory, self->poison, size);
  self->used += size;
  if (self->used > self->peak)
    self->peak = self->used;
  return memory;
}

static inline void
test_free (void *user, void *memory, size_t size)
{
  TestAllocator *self = user;

  self->used -= size;
  pet_free (NULL, memory, size);
}

static inline void
test_allocator_init (TestAllocator *self, uint8_t poison)
{
  *self = (TestAllocator){ .allocator = { test_alloc, test_free, self },
    .poison = poison };
}

static inline void
write_exif (j_compress_ptr cinfo, int orientation, bool big_endian)
{
  static const uint8_t little[] = "Exif\0\0II*\0\x08\0\0\0\x02\0"
                                  "\x0f\x01\x02\0\x01\0\0\0X\0\0\0"
                                  "\x12\x01\x03\0\x01\0\0\0?\0\0\0"
                                  "\0\0\0\0";
  static const uint8_t big[] = "Exif\0\0MM\0*\0\0\0\x08\0\x02"
                               "\x01\x0f\0\x02\0\0\0\x01X\0\0\0"
                               "\x01\x12\0\x03\0\0\0\x01\0?\0\0"
                               "\0\0\0\0";
  uint8_t block[sizeof little];

  memcpy (block, big_endian ? big : little, sizeof block);
  *(uint8_t *) memchr (block + 26, '?', sizeof block - 26) =
      (uint8_t) orientation;
  jpeg_write_marker (cinfo, JPEG_APP0 + 1, block, sizeof block - 1);
}

static inline void
set_sampling (j_compress_ptr cinfo, const JpegRecipe *recipe)
{
  for (int i = 0; i < recipe->n_components; i++) {
    cinfo->comp_info[i].h_samp_factor = recipe->h[i] > 0 ? recipe->h[i] : 1;
    cinfo->comp_info[i].v_samp_factor = recipe->v[i] > 0 ? recipe->v[i] : 1;
  }
}

static inline void
set_scans (
    j_compress_ptr cinfo, const JpegRecipe *recipe, jpeg_scan_info *scans)
{
  if (recipe->progressive)
    jpeg_simple_progression (cinfo);
  if (!recipe->one_scan_each)
    return;
  for (int i = 0; i < recipe->n_components; i++)
    scans[i] = (jpeg_scan_info){ 1, { i }, 0, 63, 0, 0 };
  cinfo->scan_info = scans;
  cinfo->num_scans = recipe->n_components;
}

/* Waves without edges, with some noise. */
static inline void
fill_row (uint8_t *row, const JpegRecipe *recipe, int y)
{
  for (int x = 0; x < recipe->width; x++)
    for (int c = 0; c < recipe->n_components; c++) {
      int wave = (x * (3 + c) + y * (5 - c)) / 6 % 480;

      *row++ = (uint8_t) ((wave < 240 ? wave : 480 - wave) +
          tap_random_range (0, 12));
    }
}

static inline void
set_colors (j_compress_ptr cinfo, const JpegRecipe *recipe)
{
  static const J_COLOR_SPACE spaces[] = { JCS_UNKNOWN, JCS_GRAYSCALE,
    JCS_UNKNOWN, JCS_RGB, JCS_CMYK };

  cinfo->input_components = recipe->n_components;
  cinfo->in_color_space = spaces[recipe->n_components];
  jpeg_set_defaults (cinfo);
  if (recipe->rgb)
    jpeg_set_colorspace (cinfo, JCS_RGB);
  else if (recipe->n_components == 4 && !recipe->no_adobe)
    jpeg_set_colorspace (cinfo, JCS_YCCK);
  if (recipe->no_adobe)
    cinfo->write_Adobe_marker = FALSE;
}

/* The caller frees it with bytes_free(); tap_random() chooses the noise. */
static inline Bytes
make_jpeg (const JpegRecipe *recipe)
{
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr errors;
  jpeg_scan_info scans[4];
  unsigned char *data = NULL;
  unsigned long size = 0;
  Bytes bytes;
  uint8_t *row =
      malloc ((size_t) recipe->width * (size_t) recipe->n_components);

  cinfo.err = jpeg_std_error (&errors);
  jpeg_create_compress (&cinfo);
  jpeg_mem_dest (&cinfo, &data, &size);
  cinfo.image_width = (JDIMENSION) recipe->width;
  cinfo.image_height = (JDIMENSION) recipe->height;
  set_colors (&cinfo, recipe);
  jpeg_set_quality (&cinfo, recipe->quality > 0 ? recipe->quality : 90, TRUE);
  set_sampling (&cinfo, recipe);
  set_scans (&cinfo, recipe, scans);
  cinfo.arith_code = recipe->arithmetic;
  cinfo.restart_interval = (unsigned) recipe->restart_interval;
  jpeg_start_compress (&cinfo, TRUE);
  if (recipe->orientation > 0)
    write_exif (&cinfo, recipe->orientation, recipe->big_endian);
  if (recipe->icc != NULL)
    jpeg_write_icc_profile (&cinfo, recipe->icc, (unsigned) recipe->icc_size);
  for (int y = 0; y < recipe->height; y++) {
    JSAMPROW rows[1] = { row };

    fill_row (row, recipe, y);
    jpeg_write_scanlines (&cinfo, rows, 1);
  }
  jpeg_finish_compress (&cinfo);
  jpeg_destroy_compress (&cinfo);
  bytes = bytes_copy (data, size);
  free (data);
  free (row);
  return bytes;
}

typedef struct {
  struct jpeg_error_mgr errors;
  jmp_buf jump;
} ReferenceErrors;

static inline void
on_reference_error (j_common_ptr cinfo)
{
  longjmp (((ReferenceErrors *) (void *) cinfo->err)->jump, 1);
}

static inline void
on_reference_message (j_common_ptr cinfo)
{
}

/* What libjpeg says at full size: RGB, or CMYK as stored. NULL when it fails;
 * free() it. */
static inline uint8_t *
reference_jpeg (Bytes bytes, int *width, int *height, int *channels)
{
  struct jpeg_decompress_struct cinfo;
  ReferenceErrors errors;
  uint8_t *volatile pixels = NULL;

  cinfo.err = jpeg_std_error (&errors.errors);
  errors.errors.error_exit = on_reference_error;
  errors.errors.output_message = on_reference_message;
  jpeg_create_decompress (&cinfo);
  if (setjmp (errors.jump) != 0) {
    jpeg_destroy_decompress (&cinfo);
    free (pixels);
    return NULL;
  }
  jpeg_mem_src (&cinfo, bytes.data, bytes.size);
  jpeg_read_header (&cinfo, TRUE);
  if (cinfo.num_components == 4)
    cinfo.out_color_space = JCS_CMYK;
  else
    cinfo.out_color_space = JCS_RGB;
  jpeg_start_decompress (&cinfo);
  *width = (int) cinfo.output_width;
  *height = (int) cinfo.output_height;
  *channels = cinfo.output_components;
  pixels = malloc ((size_t) *width * (size_t) *height * (size_t) *channels);
  while (cinfo.output_scanline < cinfo.output_height) {
    JSAMPROW row = pixels +
        (size_t) cinfo.output_scanline * (size_t) *width * (size_t) *channels;

    jpeg_read_scanlines (&cinfo, &row, 1);
  }
  jpeg_destroy_decompress (&cinfo);
  return pixels;
}

/* Pixel (x, y) of an upright picture is this one of the stored picture. */
static inline void
unturn (int orientation, int stored_width, int stored_height, int x, int y,
    int *stored_x, int *stored_y)
{
  int w = stored_width - 1, h = stored_height - 1;

  switch (orientation) {
    case 2:
      *stored_x = w - x, *stored_y = y;
      break;
    case 3:
      *stored_x = w - x, *stored_y = h - y;
      break;
    case 4:
      *stored_x = x, *stored_y = h - y;
      break;
    case 5:
      *stored_x = y, *stored_y = x;
      break;
    case 6:
      *stored_x = y, *stored_y = h - x;
      break;
    case 7:
      *stored_x = w - y, *stored_y = h - x;
      break;
    case 8:
      *stored_x = w - y, *stored_y = x;
      break;
    default:
      *stored_x = x, *stored_y = y;
      break;
  }
}

static inline bool
guards_are_whole (
    const uint8_t *memory, size_t stride, size_t row_bytes, int height)
{
  for (int y = 0; y < height; y++)
    for (size_t i = row_bytes; i < stride; i++)
      if (memory[(size_t) y * stride + i] != GUARD)
        return false;
  return true;
}

/* Reads what was opened into rows with guard bytes between them. */
static inline uint8_t *
read_guarded (
    PetDecoder *decoder, Picture *picture, int channels, uint8_t poison)
{
  size_t row_bytes = (size_t) picture->info.width * (size_t) channels;
  size_t stride = row_bytes + GUARD_BYTES;
  size_t height = (size_t) picture->info.height;
  uint8_t *memory = malloc (stride * height);
  uint8_t *data = malloc (row_bytes * height);
  PetImage image = { memory, picture->info.width, picture->info.height,
    channels, (ptrdiff_t) stride };

  memset (memory, GUARD, stride * height);
  for (size_t y = 0; y < height; y++)
    memset (memory + y * stride, poison, row_bytes);
  picture->status =
      pet_decoder_read (decoder, &image, &picture->info, &picture->error);
  tap_check (
      guards_are_whole (memory, stride, row_bytes, picture->info.height));
  for (size_t y = 0; y < height; y++)
    memcpy (data + y * row_bytes, memory + y * stride, row_bytes);
  free (memory);
  if (picture->status != PET_OK) {
    free (data);
    data = NULL;
  }
  return data;
}

/* `channels` 0: as many as the picture has. */
static inline Picture
decode_once (
    Bytes bytes, const PetDecodeOptions *options, int channels, uint8_t poison)
{
  Picture picture = { 0 };
  PetDecodeOptions own = *options;
  TestAllocator memory;
  PetDecoder *decoder;
  Bytes copy = bytes_copy (bytes.data, bytes.size);

  test_allocator_init (&memory, poison);
  own.allocator = &memory.allocator;
  picture.status = pet_decoder_open (
      &own, copy.data, copy.size, &decoder, &picture.info, &picture.error);
  if (picture.status == PET_OK) {
    size_t bound = pet_decoder_working_bytes (decoder);

    picture.data = read_guarded (decoder, &picture,
        channels != 0 ? channels : picture.info.channels, poison);
    if (memory.peak > bound)
      tap_fail ("%zu bytes taken, at most %zu announced", memory.peak, bound);
  }
  pet_decoder_free (&decoder);
  tap_check (decoder == NULL);
  tap_check (memory.used == 0);
  tap_check (picture.status == PET_OK || picture.error.message[0] != '\0');
  tap_check (picture.error.status == picture.status);
  bytes_free (&copy);
  return picture;
}

static inline void
picture_free (Picture *picture)
{
  free (picture->data);
  picture->data = NULL;
}

/* `rgba` is `picture`, with an opaque alpha where that has none. */
static inline void
check_rgba (const Picture *picture, const uint8_t *rgba)
{
  size_t pixels = (size_t) picture->info.width * (size_t) picture->info.height;
  size_t channels = (size_t) picture->info.channels;

  for (size_t i = 0; i < pixels; i++)
    if (memcmp (rgba + 4 * i, picture->data + channels * i, channels) != 0 ||
        (channels == 3 && rgba[4 * i + 3] != 255)) {
      tap_fail ("pixel %zu is another one as RGBA", i);
      return;
    }
}

/* Decodes a copy of `bytes` without slack twice, with memory poisoned in two
 * ways, with one thread and two, and to RGBA, and checks that the pictures are the same, that errors carry their
 * sentence, that nothing leaks, that nothing beyond the rows is touched and
 * that working_bytes holds. options->allocator is ignored. */
static inline Picture
decode (Bytes bytes, const PetDecodeOptions *options)
{
  Picture first = decode_once (bytes, options, 0, 0x00);
  PetDecodeOptions other = *options;
  Picture second;

  other.threads = options->threads == 2 ? 1 : 2;
  second = decode_once (bytes, &other, 4, 0xff);
  tap_check (first.status == second.status);
  tap_check (strcmp (first.error.message, second.error.message) == 0);
  if (first.data != NULL && second.data != NULL)
    check_rgba (&first, second.data);
  picture_free (&second);
  return first;
}

static inline Picture
decode_plainly (Bytes bytes)
{
  PetDecodeOptions options;

  pet_decode_options_init (&options);
  return decode (bytes, &options);
}

/* What the decoder says of a file by its defaults. */
static inline void
check_status (Bytes bytes, PetStatus status, const char *words)
{
  Picture picture = decode_plainly (bytes);

  if (picture.status != status || strstr (picture.error.message, words) == NULL)
    tap_fail ("%s: %s (wanted %s: %s)", pet_status_name (picture.status),
        picture.error.message, pet_status_name (status), words);
  picture_free (&picture);
}
