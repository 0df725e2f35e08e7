/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that are cut, flipped, too large or something else altogether: each
 * ends in a status, none in a crash, and none shows bytes that are not its
 * own (decode() runs each twice over differently poisoned memory). */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec-files.h"
#include "codec-png-files.h"
#include "codec-profiles.h"
#include "codec/pet-icc.h"
#include "tap.h"

/* Small files of the kinds whose paths through the libraries differ. */
#define N_SAMPLES 8

static Bytes
sample_file (int kind, int size)
{
  switch (kind) {
    case 0:
      return make_jpeg (&(JpegRecipe){ .width = size,
          .height = size + 3,
          .n_components = 3,
          .h = { 2 },
          .v = { 2 },
          .orientation = 6 });
    case 1:
      return make_jpeg (&(JpegRecipe){ .width = size,
          .height = size,
          .n_components = 3,
          .progressive = true });
    case 2:
      return make_jpeg (&(JpegRecipe){ .width = size,
          .height = size,
          .n_components = 3,
          .h = { 4 },
          .restart_interval = 2 });
    case 3:
      return make_jpeg (
          &(JpegRecipe){ .width = size, .height = size, .n_components = 4 });
    case 4:
      return make_png (
          &(PngRecipe){
              .width = size, .height = size, .color_type = 6, .depth = 8 },
          NULL);
    case 5:
      return make_png (&(PngRecipe){ .width = size,
                           .height = size,
                           .color_type = 3,
                           .depth = 4,
                           .transparent = true,
                           .interlaced = true,
                           .orientation = 8 },
          NULL);
    case 6:
      return make_png (&(PngRecipe){ .width = size,
                           .height = size,
                           .color_type = 0,
                           .depth = 16,
                           .gamma = 100000 },
          NULL);
    default:
      return make_png (&(PngRecipe){ .width = size,
                           .height = size,
                           .color_type = 2,
                           .depth = 8,
                           .interlaced = true },
          NULL);
  }
}

static bool
is_png (int kind)
{
  return kind >= 4;
}

static void
every_truncation_fails (void)
{
  for (int kind = 0; kind < N_SAMPLES; kind++) {
    Bytes whole = sample_file (kind, 12);

    for (size_t size = 0; size < whole.size; size++) {
      Picture picture = decode_plainly ((Bytes){ whole.data, size });

      if (size < (is_png (kind) ? 8 : 3))
        tap_check (picture.status == PET_ERROR_FORMAT);
      else if (picture.status != PET_ERROR_TRUNCATED)
        tap_fail ("kind %d, %zu of %zu bytes: %s: %s", kind, size, whole.size,
            pet_status_name (picture.status), picture.error.message);
      picture_free (&picture);
    }
    bytes_free (&whole);
  }
}

static int
count_grey_rows (const Picture *picture)
{
  int n_rows = 0, channels = picture->info.channels;

  for (int y = 0; y < picture->info.height; y++) {
    const uint8_t *row =
        picture->data + (size_t) y * (size_t) (picture->info.width * channels);
    bool grey = true;

    for (int i = 0; i < picture->info.width * channels; i++)
      grey = grey && row[i] == (channels == 4 && i % 4 == 3 ? 255 : 128);
    n_rows += grey;
  }
  return n_rows;
}

static void
lenient_reading_fills_with_grey (void)
{
  for (int kind = 2; kind < 5; kind++) {
    Bytes whole = sample_file (kind, 160);
    PetDecodeOptions options;
    Picture picture;
    int n_grey;

    pet_decode_options_init (&options);
    options.strict = false;
    picture = decode ((Bytes){ whole.data, whole.size / 2 }, &options);
    tap_check (picture.status == PET_OK);
    tap_check (picture.info.damaged);
    n_grey = picture.status == PET_OK ? count_grey_rows (&picture) : 0;
    if (n_grey < 40 || n_grey > 120)
      tap_fail ("kind %d: %d grey rows", kind, n_grey);
    picture_free (&picture);

    picture = decode (whole, &options);
    tap_check (picture.status == PET_OK && !picture.info.damaged);
    picture_free (&picture);
    bytes_free (&whole);
  }
}

static int
count_same_rows (const Picture *a, const Picture *b)
{
  size_t stride = (size_t) a->info.width * (size_t) a->info.channels;
  int n_rows = 0;

  while (n_rows < a->info.height &&
      memcmp (a->data + (size_t) n_rows * stride,
          b->data + (size_t) n_rows * stride, stride) == 0)
    n_rows++;
  return n_rows;
}

/* Blocks of a few bits: the register that is filled when the end is met has up to
 * nine of them. Where only the marker at the end is missing nothing is lost, and
 * each byte more costs rows; but for two groups all that are not good are grey. */
static void
a_jpeg_that_ends_early_keeps_its_rows (void)
{
  for (int n = 0; n < 12; n++) {
    int height = 800 + 24 * n;
    Bytes whole = make_jpeg (&(JpegRecipe){ .width = 8,
        .height = height,
        .n_components = n % 2 ? 3 : 1,
        .v = { n % 4 == 3 ? 2 : 1 },
        .restart_interval = n / 4,
        .quality = 1 });
    Picture good = decode_plainly (whole);
    PetDecodeOptions options;
    int n_before = height;

    pet_decode_options_init (&options);
    options.strict = false;
    for (size_t cut = 2; cut < 60; cut += cut < 20 ? 1 : 7) {
      Picture picture =
          decode ((Bytes){ whole.data, whole.size - cut }, &options);
      int n_rows = picture.data != NULL ? count_same_rows (&good, &picture) : 0;

      tap_check (picture.status == PET_OK && picture.info.damaged);
      if (picture.data == NULL)
        break;
      if (n_rows > n_before || (cut == 2 && n_rows < height) ||
          n_rows + count_grey_rows (&picture) < height - 32)
        tap_fail ("kind %d, %zu bytes less: %d rows, %d grey", n, cut, n_rows,
            count_grey_rows (&picture));
      n_before = n_rows;
      picture_free (&picture);
    }
    picture_free (&good);
    bytes_free (&whole);
  }
}

static void
lenient_reading_survives_every_truncation (void)
{
  PetDecodeOptions options;

  pet_decode_options_init (&options);
  options.strict = false;
  for (int kind = 0; kind < N_SAMPLES; kind++) {
    Bytes whole = sample_file (kind, 12);

    for (size_t size = 0; size < whole.size; size++) {
      Picture picture = decode ((Bytes){ whole.data, size }, &options);

      tap_check (picture.status != PET_OK || picture.info.damaged);
      picture_free (&picture);
    }
    bytes_free (&whole);
  }
}

static void
flipped_bytes_never_crash (void)
{
  for (int n = 0; n < 2000; n++) {
    Bytes bytes = sample_file (n % N_SAMPLES, 12);
    int n_flips = tap_random_range (1, n % 3 == 0 ? 40 : 3);
    PetDecodeOptions options;
    Picture picture;

    for (int i = 0; i < n_flips; i++)
      bytes.data[tap_random_range (2, (int) bytes.size - 1)] ^=
          (uint8_t) (1u << tap_random_range (0, 7));
    pet_decode_options_init (&options);
    options.strict = n % 2;
    options.max_size = n % 5 == 0 ? 7 : 0;
    options.max_pixels = 1000000;
    picture = decode (bytes, &options);
    picture_free (&picture);
    bytes_free (&bytes);
  }
}

static void
every_failing_allocation_is_told (void)
{
  for (int kind = 0; kind < N_SAMPLES; kind++) {
    Bytes bytes = sample_file (kind, 20);
    PetStatus status = PET_ERROR_MEMORY;
    int n;

    for (n = 1; status != PET_OK && n < 1000; n++) {
      PetDecodeOptions options;
      PetPictureInfo info;
      PetDecoder *decoder;
      PetError error = { 0 };
      TestAllocator memory;
      uint8_t *data = malloc (40 * 40 * 4);

      test_allocator_init (&memory, 0x99);
      memory.fail_at = n;
      pet_decode_options_init (&options);
      options.allocator = &memory.allocator;
      options.max_size = 9;
      status = pet_decoder_open (
          &options, bytes.data, bytes.size, &decoder, &info, &error);
      if (status == PET_OK) {
        PetImage image = { data, info.width, info.height, info.channels,
          (ptrdiff_t) info.width * info.channels };

        status = pet_decoder_read (decoder, &image, NULL, &error);
      }
      pet_decoder_free (&decoder);
      tap_check (status == PET_OK || status == PET_ERROR_MEMORY);
      tap_check (memory.used == 0);
      free (data);
    }
    tap_check (n > 5 && n < 1000);
    bytes_free (&bytes);
  }
}

static void
other_files_are_named (void)
{
  static const struct {
    const char *bytes;
    size_t size;
    const char *name;
  } files[] = {
    { "", 0, "is empty" },
    { "\xff", 1, "neither JPEG nor PNG" },
    { "\xff\xd8", 2, "neither JPEG nor PNG" },
    { "\0\0\0\0\0\0\0\0\0\0", 10, "zeros" },
    { "RIFF\x10\0\0\0WEBPVP8 ", 16, "WebP" },
    { "GIF89a\1\0\1\0", 10, "GIF" },
    { "\0\0\0\x18"
      "ftypheic\0\0\0\0",
        16, "HEIC" },
    { "\0\0\0\x18"
      "ftypavif\0\0\0\0",
        16, "AVIF" },
    { "\0\0\0\x18"
      "ftypisom\0\0\0\0",
        16, "video" },
    { "BM\x36\0\0\0", 6, "BMP" },
    { "II*\0\x08\0\0\0", 8, "TIFF" },
    { "MM\0*\0\0\0\x08", 8, "TIFF" },
    { "%PDF-1.4", 8, "PDF" },
    { "\n <!DOCTYPE HTML>", 17, "HTML" },
    { "\xef\xbb\xbf<html>", 9, "HTML" },
    { "<svg xmlns=''>", 14, "SVG" },
    { "<?xml version", 13, "SVG" },
    { "PK\x03\x04", 4, "ZIP" },
    { "\x89PNG\n\x1a\n\0", 8, "damaged PNG" },
    { "hello, this is text", 19, "neither JPEG nor PNG" },
    { "xx\xff\xd8\xff\xe0", 6, "neither JPEG nor PNG" },
  };

  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    Picture picture =
        decode_plainly ((Bytes){ (uint8_t *) files[i].bytes, files[i].size });

    tap_check (picture.status == PET_ERROR_FORMAT);
    if (strstr (picture.error.message, files[i].name) == NULL)
      tap_fail ("file %zu: %s", i, picture.error.message);
  }
}

static void
put_u16 (uint8_t *bytes, int value)
{
  bytes[0] = (uint8_t) (value >> 8);
  bytes[1] = (uint8_t) value;
}

static uint8_t *
find_frame (Bytes jpeg)
{
  for (size_t i = 2; i + 10 < jpeg.size; i++)
    if (jpeg.data[i] == 0xff && jpeg.data[i + 1] >= 0xc0 &&
        jpeg.data[i + 1] <= 0xc2)
      return jpeg.data + i;
  return NULL;
}

static void
other_kinds_of_jpeg_are_named (void)
{
  static const struct {
    int marker, precision;
    const char *name;
  } kinds[] = {
    { 0xc1, 12, "12-bit" },
    { 0xc3, 8, "a lossless" },
    { 0xc6, 8, "hierarchical" },
    { 0xc9, 8, "arithmetic" },
    { 0xca, 8, "arithmetic" },
    { 0xcb, 8, "lossless arithmetic" },
    { 0xf7, 8, "JPEG-LS" },
  };
  Bytes bytes = sample_file (0, 30);
  uint8_t *frame = find_frame (bytes);

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    frame[1] = (uint8_t) kinds[i].marker;
    frame[4] = (uint8_t) kinds[i].precision;
    check_status (bytes, PET_ERROR_UNSUPPORTED, kinds[i].name);
  }
  frame[1] = 0xc0;
  frame[4] = 8;
  put_u16 (frame + 5, 0);
  check_status (bytes, PET_ERROR_UNSUPPORTED, "height");
  put_u16 (frame + 5, 30);
  put_u16 (frame + 7, 0);
  check_status (bytes, PET_ERROR_CORRUPT, "0 pixels");
  bytes_free (&bytes);
}

/* Their first frame is a baseline one, behind a segment of the same form. */
static void
a_hierarchy_is_named (void)
{
  Bytes jpeg = sample_file (0, 30);
  const uint8_t *frame = find_frame (jpeg);
  size_t at = (size_t) (frame - jpeg.data), length = 2 + frame[3];
  Bytes bytes = { malloc (jpeg.size + length), jpeg.size + length };

  memcpy (bytes.data, jpeg.data, at + length);
  bytes.data[at + 1] = 0xde;
  memcpy (bytes.data + at + length, frame, jpeg.size - at);
  check_status (bytes, PET_ERROR_UNSUPPORTED, "hierarchical");
  bytes_free (&bytes);
  bytes_free (&jpeg);
}

static void
limits_come_from_the_header (void)
{
  Bytes jpeg = sample_file (0, 30), png = sample_file (4, 30);
  uint8_t *frame = find_frame (jpeg);
  PetDecodeOptions options;
  Picture picture;

  pet_decode_options_init (&options);
  options.max_pixels = 30 * 33 - 1;
  picture = decode (jpeg, &options);
  tap_check (picture.status == PET_ERROR_LIMIT);
  options.max_pixels = 30 * 33;
  picture = decode (jpeg, &options);
  tap_check (picture.status == PET_OK);
  picture_free (&picture);

  put_u16 (frame + 5, 20000);
  put_u16 (frame + 7, 20000);
  check_status (jpeg, PET_ERROR_LIMIT,
      "20000x20000 pixels (400.0 MP) are above the limit of 100.0 MP");
  put_u16 (frame + 5, 1);
  put_u16 (frame + 7, 65535);
  check_status (jpeg, PET_ERROR_LIMIT, "65500");
  memcpy (png.data + 16, "\0\0\x4e\x20\0\0\x4e\x20", 8);
  check_status (png, PET_ERROR_LIMIT,
      "20000x20000 pixels (400.0 MP) are above the limit of 100.0 MP");
  memcpy (png.data + 16, "\x7f\xff\xff\xff\0\0\0\1", 8);
  check_status (png, PET_ERROR_LIMIT, "MP");
  bytes_free (&jpeg);
  bytes_free (&png);
}

static void
scans_are_limited (void)
{
  Bytes bytes = sample_file (1, 64);
  PetDecodeOptions options;
  Picture picture;

  pet_decode_options_init (&options);
  options.max_scans = 3;
  picture = decode (bytes, &options);
  tap_check (picture.status == PET_ERROR_LIMIT);
  tap_check (strstr (picture.error.message, "3 scans") != NULL);
  options.strict = false;
  picture = decode (bytes, &options);
  tap_check (picture.status == PET_ERROR_LIMIT);
  bytes_free (&bytes);
}

/* A file whose data say nothing of most of its rows, behind good pictures of
 * the same size and over the same memory. */
static void
nothing_of_another_picture_is_shown (void)
{
  for (int kind = 0; kind < N_SAMPLES; kind++) {
    Bytes bytes = sample_file (kind, 48);
    PetDecodeOptions options;
    Picture picture;

    for (int n = 0; n < 6; n++) {
      Bytes good = sample_file (kind, 48);

      picture = decode_plainly (good);
      tap_check (picture.status == PET_OK);
      picture_free (&picture);
      bytes_free (&good);
    }
    pet_decode_options_init (&options);
    options.strict = false;
    for (size_t size = bytes.size / 4; size < bytes.size;
         size += bytes.size / 5) {
      picture = decode ((Bytes){ bytes.data, size }, &options);
      picture_free (&picture);
    }
    bytes_free (&bytes);
  }
}

/* 605 bytes of PNG took 58 seconds, and 1.2 KB 23. */
static void
profiles_take_no_time (void)
{
  static const int kinds[][2] = { { 2, 3 }, { 12000, 3 }, { 8, 15 } };

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    Bytes profile = make_float_profile (kinds[i][0], kinds[i][1]);
    clock_t begin = clock ();
    PetIcc *icc;

    tap_check (pet_icc_new (NULL, profile.data, profile.size, PET_ICC_RGB, &icc,
                   NULL) == PET_OK);
    tap_check (icc == NULL);
    tap_check (clock () - begin < 5 * CLOCKS_PER_SEC);
    pet_icc_free (&icc);
    bytes_free (&profile);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (every_truncation_fails),
    TAP_TEST (lenient_reading_fills_with_grey),
    TAP_TEST (a_jpeg_that_ends_early_keeps_its_rows),
    TAP_TEST (lenient_reading_survives_every_truncation),
    TAP_TEST (flipped_bytes_never_crash),
    TAP_TEST (every_failing_allocation_is_told),
    TAP_TEST (other_files_are_named),
    TAP_TEST (other_kinds_of_jpeg_are_named),
    TAP_TEST (a_hierarchy_is_named),
    TAP_TEST (limits_come_from_the_header),
    TAP_TEST (scans_are_limited),
    TAP_TEST (profiles_take_no_time),
    TAP_TEST (nothing_of_another_picture_is_shown),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
