/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "codec-files.h"
#include "codec/pet-deflate.h"
#include "codec/pet-png-encoder.h"
#include "tap.h"

typedef struct {
  Bytes bytes;
  int n_pieces, fail_at;
} Sink;

static PetStatus
write_piece (void *user, const void *bytes, size_t size, PetError *error)
{
  Sink *sink = user;

  tap_check (size > 0 && size <= PET_PNG_PIECE_BYTES);
  if (++sink->n_pieces == sink->fail_at)
    return pet_fail (error, PET_ERROR_IO, "the disk is full");
  sink->bytes.data = realloc (sink->bytes.data, sink->bytes.size + size);
  memcpy (sink->bytes.data + sink->bytes.size, bytes, size);
  sink->bytes.size += size;
  return PET_OK;
}

static PetImage
image_new (int width, int height, int channels)
{
  ptrdiff_t stride = (ptrdiff_t) width * channels + 5;

  return (PetImage){ calloc (1, (size_t) (stride * height)), width, height,
    channels, stride };
}

static uint8_t *
pixel_at (const PetImage *image, int x, int y)
{
  return pet_image_row (image, y) + (ptrdiff_t) x * image->channels;
}

/* Reads back with our own decoder, which test-decoder-png checks against the
 * definition. */
static void
check_same_pixels (const PetImage *image, Bytes png)
{
  Picture picture = decode_plainly (png);
  bool same = true;

  tap_check (picture.status == PET_OK);
  if (picture.status != PET_OK)
    return;
  tap_check (picture.info.width == image->width);
  tap_check (picture.info.height == image->height);
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++) {
      const uint8_t *in = pixel_at (image, x, y);
      const uint8_t *out = picture.data +
          ((size_t) y * (size_t) image->width + (size_t) x) *
              (size_t) picture.info.channels;
      uint8_t alpha = image->channels == 4 ? in[3] : 255;

      for (int c = 0; c < 3; c++)
        same = same && out[c] == in[image->channels == 1 ? 0 : c];
      same = same && alpha == (picture.info.channels == 4 ? out[3] : 255);
    }
  tap_check (same);
  picture_free (&picture);
}

/* What was read may go at once. */
static void
overwrite (void *user, int rows)
{
  PetImage *spent = user;

  memset (spent->data, 0, (size_t) rows * (size_t) spent->stride_bytes);
}

/* Encodes, checks memory and reads back; *type = colour type * 100 + depth. */
static Bytes
encode (const PetImage *image, const PetPngOptions *base, int *type)
{
  PetImage spent = image_new (image->width, image->height, image->channels);
  PetPngOptions options = *base;
  TestAllocator memory;
  Sink sink = { 0 };
  PetPngInfo info = { 0 };
  PetError error = { 0 };
  PetStatus status;

  test_allocator_init (&memory, 0xee);
  options.allocator = &memory.allocator;
  options.rows_read = overwrite;
  options.rows_user = &spent;
  memcpy (spent.data, image->data,
      (size_t) image->height * (size_t) image->stride_bytes);
  status = pet_png_encode (&spent, &options, write_piece, &sink, &info, &error);
  free (spent.data);
  if (status != PET_OK)
    tap_fail ("%s", error.message);
  tap_check (memory.used == 0);
  if (memory.peak >
      pet_png_working_bytes (image->width, image->height, image->channels))
    tap_fail ("%zu bytes taken, at most %zu announced", memory.peak,
        pet_png_working_bytes (image->width, image->height, image->channels));
  tap_check (info.bytes == sink.bytes.size);
  check_same_pixels (image, sink.bytes);
  if (type != NULL)
    *type = info.color_type * 100 + info.bit_depth;
  return sink.bytes;
}

static void
survives (const PetImage *image, int level)
{
  PetPngOptions options = { .level = level };
  Bytes png = encode (image, &options, NULL);

  bytes_free (&png);
}

static int
type_of (const PetImage *image)
{
  PetPngOptions options = { .level = 1 };
  int type;
  Bytes bytes = encode (image, &options, &type);

  bytes_free (&bytes);
  return type;
}

/* `n_colors` different ones, the first `n_translucent` of them not opaque. */
static PetImage
image_of_colors (int n_colors, int n_translucent, int channels, bool grey)
{
  PetImage image = image_new (37, 29, channels);

  for (int i = 0; i < 37 * 29; i++) {
    int color = i < n_colors ? i : tap_random_range (0, n_colors - 1);
    uint8_t *pixel = pixel_at (&image, i % 37, i / 37);
    uint8_t level = (uint8_t) (color % 256);
    uint8_t value[4] = { level, grey ? level : (uint8_t) (color / 256),
      grey ? level : 77, 255 };

    if (color < n_translucent)
      value[3] = (uint8_t) (color * 7 % 255);
    memcpy (pixel, value, (size_t) channels);
  }
  return image;
}

static void
the_smallest_type_is_chosen (void)
{
  static const struct {
    int n_colors, n_translucent, channels;
    bool grey;
    int type;
  } cases[] = {
    { 1, 0, 3, false, 301 },
    { 2, 0, 3, false, 301 },
    { 3, 0, 4, false, 302 },
    { 4, 1, 4, false, 302 },
    { 5, 5, 4, false, 304 },
    { 16, 0, 3, false, 304 },
    { 17, 3, 4, false, 308 },
    { 256, 0, 3, false, 308 },
    { 257, 0, 3, false, 208 },
    { 257, 0, 4, false, 208 },
    { 300, 9, 4, false, 608 },
    { 256, 0, 1, true, 8 },
    { 256, 0, 3, true, 8 },
    { 17, 0, 4, true, 8 },
    { 16, 0, 1, true, 304 },
    { 2, 0, 1, true, 301 },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    PetImage image = image_of_colors (cases[i].n_colors, cases[i].n_translucent,
        cases[i].channels, cases[i].grey);
    int type = type_of (&image);

    if (type != cases[i].type)
      tap_fail ("case %zu: type %d, not %d", i, type, cases[i].type);
    free (image.data);
  }
}

static void
even_greys_take_few_bits (void)
{
  static const int steps[] = { 255, 85, 17, 1 };
  static const int types[] = { 1, 2, 4, 8 };

  for (int i = 0; i < 4; i++)
    for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
      PetImage image = image_new (31, 40, channels);

      for (int n = 0; n < 31 * 40; n++) {
        int level = n % (255 / steps[i] + 1) * steps[i];

        memset (pixel_at (&image, n % 31, n / 31), level, (size_t) channels);
        if (channels == 4)
          pixel_at (&image, n % 31, n / 31)[3] = 255;
      }
      tap_check (type_of (&image) == types[i]);
      free (image.data);
    }
}

static void
random_pictures_survive (void)
{
  for (int n = 0; n < 60; n++) {
    int channels = n % 3 == 0 ? 1 : (n % 3 == 1 ? 3 : 4);
    int mask = n % 5 == 0 ? 0x80 : (n % 5 == 1 ? 0xc0 : 0xff);
    PetImage image = image_new (
        tap_random_range (1, 70), tap_random_range (1, 70), channels);

    for (int y = 0; y < image.height; y++)
      for (int i = 0; i < image.width * channels; i++)
        pet_image_row (&image, y)[i] = (uint8_t) ((int) tap_random () & mask);
    survives (&image, n % 10);
    free (image.data);
  }
}

static void
grey_with_alpha_is_type_4 (void)
{
  PetImage image = image_new (64, 64, 4);

  for (int i = 0; i < 64 * 64; i++) {
    uint8_t *pixel = pixel_at (&image, i % 64, i / 64);

    memset (pixel, i % 256, 3);
    pixel[3] = (uint8_t) (i / 16);
  }
  tap_check (type_of (&image) == 408);
  free (image.data);
}

static bool
contains (Bytes bytes, const void *what, size_t size)
{
  for (size_t i = 0; i + size <= bytes.size; i++)
    if (memcmp (bytes.data + i, what, size) == 0)
      return true;
  return false;
}

static void
tags_are_written (void)
{
  PetImage image = image_of_colors (300, 20, 4, false);
  PetPngOptions options;
  Bytes plain, tagged, again;

  pet_png_options_init (&options);
  plain = encode (&image, &options, NULL);
  tap_check (contains (plain, "sRGB\0", 5));
  tap_check (!contains (plain, "pHYs", 4));
  tap_check (!contains (plain, "tEXt", 4));
  options.dpi = 300;
  options.software = "pet \xe9";
  options.recipe = "level=6";
  tagged = encode (&image, &options, NULL);
  /* 300 dpi = 11811 per metre = 0x2e23 */
  tap_check (contains (tagged, "pHYs\0\0\x2e\x23\0\0\x2e\x23\1", 13));
  tap_check (contains (tagged, "tEXtSoftware\0pet \xe9", 18));
  tap_check (contains (tagged, "tEXtRecipe\0level=6", 18));
  tap_check (contains (tagged, "sRGB\0", 5));
  again = encode (&image, &options, NULL);
  tap_check (again.size == tagged.size &&
      memcmp (again.data, tagged.data, again.size) == 0);
  bytes_free (&plain);
  bytes_free (&tagged);
  bytes_free (&again);
  free (image.data);
}

static void
translucent_colours_come_first (void)
{
  PetImage image = image_of_colors (200, 3, 4, false);
  PetPngOptions options;
  Bytes bytes;

  pet_png_options_init (&options);
  bytes = encode (&image, &options, NULL);
  tap_check (contains (bytes, "\0\0\0\x03tRNS", 8));
  bytes_free (&bytes);
  free (image.data);
}

static PetImage
noise (int width, int height)
{
  PetImage image = image_new (width, height, 3);

  for (int y = 0; y < height; y++)
    for (int i = 0; i < width * 3; i++)
      pet_image_row (&image, y)[i] = (uint8_t) tap_random ();
  return image;
}

static void
write_errors_end_it (void)
{
  PetImage image = noise (300, 300);
  PetPngOptions options;

  pet_png_options_init (&options);
  for (int fail_at = 1; fail_at <= 5; fail_at++) {
    Sink sink = { .fail_at = fail_at };
    PetError error = { 0 };
    PetStatus status =
        pet_png_encode (&image, &options, write_piece, &sink, NULL, &error);

    tap_check (status == PET_ERROR_IO);
    tap_check (strcmp (error.message, "the disk is full") == 0);
    tap_check (sink.n_pieces == fail_at);
    bytes_free (&sink.bytes);
  }
  free (image.data);
}

static void
every_failing_allocation_is_told (void)
{
  PetImage image = noise (20, 20);
  PetPngOptions options;
  PetStatus status = PET_ERROR_MEMORY;
  int n;

  pet_png_options_init (&options);
  options.software = "test";
  for (n = 1; status != PET_OK && n < 1000; n++) {
    TestAllocator memory;
    Sink sink = { 0 };
    PetError error = { 0 };

    test_allocator_init (&memory, 0xee);
    memory.fail_at = n;
    options.allocator = &memory.allocator;
    status =
        pet_png_encode (&image, &options, write_piece, &sink, NULL, &error);
    tap_check (status == PET_OK || status == PET_ERROR_MEMORY);
    tap_check (memory.used == 0);
    bytes_free (&sink.bytes);
  }
  tap_check (n > 4 && n < 1000);
  free (image.data);
}

static void
bad_arguments_are_refused (void)
{
  PetImage image = noise (2, 2);
  PetPngOptions options;
  Sink sink = { 0 };

  pet_png_options_init (&options);
  options.level = 10;
  tap_check (pet_png_encode (&image, &options, write_piece, &sink, NULL,
                 NULL) == PET_ERROR_ARGUMENT);
  options.level = 6;
  image.channels = 2;
  tap_check (pet_png_encode (&image, &options, write_piece, &sink, NULL,
                 NULL) == PET_ERROR_ARGUMENT);
  image.channels = 3;
  image.width = 0;
  tap_check (pet_png_encode (&image, &options, write_piece, &sink, NULL,
                 NULL) == PET_ERROR_ARGUMENT);
  tap_check (sink.n_pieces == 0);
  free (image.data);
}

/* An ellipse with a soft edge and the texture of a coat; its colours in steps of
 * `step`. */
static PetImage
cut_out (int step)
{
  PetImage image = image_new (640, 480, 4);

  for (int y = 0; y < image.height; y++)
    for (int x = 0; x < image.width; x++) {
      int dx = (x - 320) * 480 / 640, dy = y - 240;
      int alpha = 255 - (dx * dx + dy * dy - 32000) / 16;
      uint8_t *pixel = pixel_at (&image, x, y);

      if (alpha <= 0)
        continue;
      for (int c = 0; c < 3; c++) {
        int tone = (x * (c + 2) / 7 + y / 2) % 180 + tap_random_range (0, 8);

        pixel[c] = (uint8_t) (tone / step * step);
      }
      pixel[3] = (uint8_t) (alpha < 255 ? alpha : 255);
    }
  return image;
}

/* Within what their guesses at codes to come are worth: noise has no repeats. */
static void
higher_levels_are_smaller (void)
{
  static const int steps[] = { 1, 5, 60 };

  for (int i = 0; i < 3; i++) {
    PetImage image = cut_out (steps[i]);
    PetPngOptions options;
    size_t sizes[10];

    pet_png_options_init (&options);
    for (options.level = 1; options.level < 10; options.level++) {
      Bytes bytes = encode (&image, &options, NULL);

      sizes[options.level] = bytes.size;
      bytes_free (&bytes);
      if (options.level > 1 &&
          sizes[options.level] > sizes[options.level - 1] + sizes[1] / 500)
        tap_fail ("steps of %d: %zu bytes at level %d, %zu below", steps[i],
            sizes[options.level], options.level, sizes[options.level - 1]);
    }
    if (steps[i] > 1 && (sizes[6] >= sizes[1] || sizes[9] >= sizes[6]))
      tap_fail ("steps of %d: %zu, %zu and %zu bytes at levels 1, 6 and 9",
          steps[i], sizes[1], sizes[6], sizes[9]);
    free (image.data);
  }
}

/* It saves time and no more. */
static void
an_outline_changes_no_byte (void)
{
  for (int i = 0; i < 60; i++) {
    int width = tap_random_range (1, 90), height = tap_random_range (1, 150);
    bool grey = i % 3 == 0, few = i % 4 == 0;
    PetImage image = image_new (width, height, 4);
    PetPngOptions options;
    PetOutline outline;
    Bytes with, without;

    pet_outline_begin (&outline, width, height);
    for (int y = tap_random_range (0, height - 1); y < height; y++) {
      int first = tap_random_range (0, width - 1);
      int end = tap_random_range (first + 1, width);

      pet_outline_add (&outline, y, first, end);
      for (int x = first; x < end; x++) {
        uint8_t level = (uint8_t) (tap_random_range (0, few ? 3 : 255));
        uint8_t pixel[4] = { level, grey ? level : 7, level,
          (uint8_t) tap_random_range (0, few ? 1 : 255) };

        memcpy (pixel_at (&image, x, y), pixel, 4);
      }
    }
    pet_png_options_init (&options);
    options.level = i % 10;
    without = encode (&image, &options, NULL);
    options.outline = &outline;
    with = encode (&image, &options, NULL);
    tap_check (with.size == without.size &&
        memcmp (with.data, without.data, with.size) == 0);
    bytes_free (&with);
    bytes_free (&without);
    free (image.data);
  }
}

/* Rows that are there several times, of colours that come in runs, as in looks. */
static void
pictures_of_few_colours_survive (void)
{
  for (int i = 0; i < 120; i++) {
    int width = tap_random_range (1, 300), height = tap_random_range (1, 90);
    int n_colors = tap_random_range (1, i % 3 == 0 ? 300 : 34);
    int channels = i % 4 == 0 ? 3 : 4, cell = tap_random_range (1, 7);
    PetImage image = image_new (width, height, channels);

    for (int y = 0; y < height; y++)
      for (int x = 0; x < width; x++) {
        uint8_t *pixel = pixel_at (&image, x, y);
        int color = tap_random_range (0, n_colors - 1);
        const uint8_t made[4] = { (uint8_t) (color * 37), (uint8_t) color, 5,
          (uint8_t) (color % 3 == 0 ? 255 : color * 11) };

        memcpy (pixel,
            y % cell != 0       ? pixel_at (&image, x, y - 1)
                : x % cell != 0 ? pixel_at (&image, x - 1, y)
                                : made,
            (size_t) channels);
      }
    survives (&image, i % 10);
    free (image.data);
  }
}

/* Colours that differ in few bits, which no factor may keep apart: 32 alphas. */
static void
colours_that_are_much_alike_survive (void)
{
  for (int shift = 0; shift < 4; shift++)
    for (int round = 0; round < 40; round++) {
      PetImage image = image_new (64, 9, 4);

      for (int i = 0; i < 64 * 9; i++) {
        int value = round < 20 ? i % 32 * (round + 1) : i * i % (round + 7);

        pixel_at (&image, i % 64, i / 64)[shift] = (uint8_t) value;
      }
      survives (&image, 1);
      free (image.data);
    }
}

static PetStatus
add_piece (void *user, const uint8_t *bytes, size_t size, PetError *error)
{
  return write_piece (user, bytes, size, error);
}

static Bytes
compress (const uint8_t *bytes, size_t size, int level, uint8_t poison)
{
  TestAllocator memory;
  Sink sink = { 0 };
  PetDeflate *deflate;

  test_allocator_init (&memory, poison);
  tap_check (pet_deflate_new (&memory.allocator, level, 0, false, add_piece,
                 &sink, &deflate, NULL) == PET_OK);
  tap_check (pet_deflate_add (deflate, bytes, size, NULL) == PET_OK);
  tap_check (pet_deflate_finish (deflate, NULL) == PET_OK);
  pet_deflate_free (&deflate);
  return sink.bytes;
}

/* Chains of places with the same hash began in what the memory held before: at
 * level 8 and 9, where the places at multiples of 32 KiB are in runs of zeros. */
static void
older_memory_decides_nothing (void)
{
  const size_t size = 120000;
  uint8_t *bytes = malloc (size);

  for (size_t i = 0; i < size; i++)
    bytes[i] = (uint8_t) tap_random ();
  memset (bytes + 32700, 0, 200);
  memset (bytes + 65400, 0, 300);
  for (size_t i = 65800; i < 90000; i += 50)
    memcpy (bytes + i, bytes + 65021, 4);
  for (int level = 0; level <= 9; level++) {
    Bytes expected = compress (bytes, size, level, 0);

    for (int poison = 0xf0; poison <= 0xff; poison++) {
      Bytes got = compress (bytes, size, level, (uint8_t) poison);

      if (got.size != expected.size ||
          memcmp (got.data, expected.data, got.size) != 0)
        tap_fail ("level %d: other bytes over memory of 0x%x", level, poison);
      bytes_free (&got);
    }
    bytes_free (&expected);
  }
  free (bytes);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (the_smallest_type_is_chosen),
    TAP_TEST (even_greys_take_few_bits),
    TAP_TEST (random_pictures_survive),
    TAP_TEST (grey_with_alpha_is_type_4),
    TAP_TEST (tags_are_written),
    TAP_TEST (translucent_colours_come_first),
    TAP_TEST (write_errors_end_it),
    TAP_TEST (every_failing_allocation_is_told),
    TAP_TEST (bad_arguments_are_refused),
    TAP_TEST (higher_levels_are_smaller),
    TAP_TEST (an_outline_changes_no_byte),
    TAP_TEST (pictures_of_few_colours_survive),
    TAP_TEST (colours_that_are_much_alike_survive),
    TAP_TEST (older_memory_decides_nothing),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
