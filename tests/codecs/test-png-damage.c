/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PNGs whose data go on too long, end too early or contradict themselves: what
 * is read of them, and what is told. */

#include <stdlib.h>
#include <string.h>

#include "codec-chunks.h"
#include "tap.h"

static Picture
decode_leniently (Bytes bytes)
{
  PetDecodeOptions options;

  pet_decode_options_init (&options);
  options.strict = false;
  return decode (bytes, &options);
}

static Bytes
deflated (Bytes rows)
{
  uLongf length = compressBound ((uLong) rows.size);
  Bytes stream = { malloc (length), 0 };

  compress2 (stream.data, &length, rows.data, (uLong) rows.size, 9);
  stream.size = length;
  return stream;
}

/* As IDATs of `piece` bytes. */
static Bytes
make_png_of (int width, int height, int type, Bytes stream, size_t piece)
{
  Bytes png = start_png ((uint32_t) width, (uint32_t) height, 8, type);

  for (size_t at = 0; at < stream.size; at += piece)
    add_chunk (&png, "IDAT", stream.data + at,
        stream.size - at < piece ? stream.size - at : piece);
  add_chunk (&png, "IEND", NULL, 0);
  return png;
}

/* RGB rows, none like another and none grey, with their filter bytes. */
static Bytes
make_rows (int width, int height, bool noise)
{
  size_t stride = 1 + 3 * (size_t) width;
  Bytes rows = { calloc (stride, (size_t) height), stride * (size_t) height };

  for (size_t i = 0; i < rows.size; i++)
    if (i % stride != 0)
      rows.data[i] =
          noise ? (uint8_t) tap_random () : (uint8_t) (i / stride * 3 + i % 3);
  return rows;
}

/* Rows from the first on that are those that were stored; those behind them must
 * be grey. */
static int
count_good_rows (const Picture *picture, Bytes rows)
{
  size_t row_bytes = 3 * (size_t) picture->info.width;
  int height = picture->info.height, n = 0;

  while (n < height &&
      memcmp (picture->data + (size_t) n * row_bytes,
          rows.data + (size_t) n * (row_bytes + 1) + 1, row_bytes) == 0)
    n++;
  for (size_t i = (size_t) n * row_bytes; i < (size_t) height * row_bytes; i++)
    if (picture->data[i] != 128) {
      tap_fail ("byte %zu is %d", i, picture->data[i]);
      break;
    }
  return n;
}

/* Zeros are black pixels, whatever the order of the rows; then comes noise. */
static void
data_behind_the_picture_are_limited (void)
{
  Bytes data = make_rows (1, 40000, true), stream;

  memset (data.data, 0, 5000);
  stream = deflated (data);
  for (int n = 0; n < 40; n++) {
    int width = n < 10 ? 1 + n % 5 : tap_random_range (1, 40);
    int height = n < 10 ? 1 + n / 5 : tap_random_range (1, 40);
    Bytes png = make_png_of (width, height, 2, stream,
        n % 3 == 0       ? 100
            : n % 3 == 1 ? 9000
                         : SIZE_MAX);
    Picture picture;
    int n_wrong = 0;

    png.data[28] = n % 2;
    put_u32 (png.data + 29, (uint32_t) crc32 (0, png.data + 12, 17));
    check_status (png, PET_ERROR_CORRUPT, "behind the picture");
    picture = decode_leniently (png);
    tap_check (picture.status == PET_OK && picture.info.damaged);
    for (int i = 0; picture.data != NULL && i < 3 * width * height; i++)
      n_wrong += picture.data[i] != 0;
    if (n_wrong > 0)
      tap_fail ("%dx%d: %d bytes are not black", width, height, n_wrong);
    picture_free (&picture);
    bytes_free (&png);
  }
  bytes_free (&stream);
  bytes_free (&data);
}

/* In chunks of one byte the last row takes 13 times its size; what is behind the
 * data is no data. */
static void
small_chunks_and_late_texts_are_read (void)
{
  Bytes rows = make_rows (2500, 1, true), stream = deflated (rows);
  Bytes png = make_png_of (2500, 1, 2, stream, 1);
  uint8_t *text = calloc (1, 300000);
  Picture picture;

  png.size -= 12;
  add_chunk (&png, "tEXt", text, 300000);
  add_chunk (&png, "IEND", NULL, 0);
  picture = decode_plainly (png);
  tap_check (picture.status == PET_OK);
  if (picture.data != NULL)
    tap_check (count_good_rows (&picture, rows) == 1);
  picture_free (&picture);
  bytes_free (&png);
  bytes_free (&stream);
  bytes_free (&rows);
  free (text);
}

static int
count_whole_rows (const uint8_t *stream, size_t size, size_t stride)
{
  z_stream z = { 0 };
  uint8_t out[4096];
  size_t n_bytes = 0;

  inflateInit (&z);
  z.next_in = (uint8_t *) stream;
  z.avail_in = (unsigned) size;
  do {
    z.next_out = out;
    z.avail_out = sizeof out;
    if (inflate (&z, Z_SYNC_FLUSH) < 0)
      break;
    n_bytes += sizeof out - z.avail_out;
  } while (z.avail_out == 0);
  inflateEnd (&z);
  return (int) (n_bytes / stride);
}

/* Wherever the file breaks off; with the whole data only the end is missing. */
static void
all_rows_that_are_there_are_read (void)
{
  for (int n = 0; n < 2; n++) {
    int width = 40, height = n == 0 ? 200 : 60;
    Bytes rows = make_rows (width, height, n == 1);
    Bytes stream = deflated (rows);
    Bytes png = make_png_of (width, height, 2, stream, SIZE_MAX);

    for (size_t size = 0; size <= stream.size; size += 1 + size / 40) {
      Picture picture = decode_leniently ((Bytes){ png.data, 41 + size });
      int n_rows = count_whole_rows (stream.data, size, 1 + 3 * (size_t) width);

      tap_check (picture.status == PET_OK && picture.info.damaged);
      if (picture.data != NULL && count_good_rows (&picture, rows) != n_rows)
        tap_fail ("%zu of %zu bytes: %d rows, not %d", size, stream.size,
            count_good_rows (&picture, rows), n_rows);
      picture_free (&picture);
    }
    bytes_free (&png);
    bytes_free (&stream);
    bytes_free (&rows);
  }
}

/* A row that was read is kept, however the stream ends. */
static void
checksums_change_no_row (void)
{
  static const size_t pieces[] = { SIZE_MAX, 1000, 100, 7, 3, 2, 1 };
  Bytes rows = make_rows (16, 50, true), stream = deflated (rows);

  stream.data[stream.size - 2] ^= 1;
  for (size_t i = 0; i < 2 * sizeof pieces / sizeof *pieces; i++) {
    Bytes part = { stream.data, stream.size - (i % 2 == 0 ? 0 : 4) };
    Bytes png = make_png_of (16, 50, 2, part, pieces[i / 2]);
    Picture picture = decode_leniently (png);

    tap_check (picture.status == PET_OK);
    if (picture.data != NULL && count_good_rows (&picture, rows) != 50)
      tap_fail ("pieces of %zu: %d rows", pieces[i / 2],
          count_good_rows (&picture, rows));
    if (pieces[i / 2] >= 1000) {
      tap_check (picture.info.damaged);
      check_status (
          png, i % 2 == 0 ? PET_ERROR_CORRUPT : PET_ERROR_TRUNCATED, "");
    }
    picture_free (&picture);
    bytes_free (&png);
  }
  bytes_free (&stream);
  bytes_free (&rows);
}

/* A tRNS of `before` bytes before the data and of `after` behind them; -1: none. */
static Bytes
make_transparent_png (int type, int before, int after)
{
  static const uint8_t zeros[80];
  size_t n_channels = type == 6 ? 4 : type == 2 ? 3 : 1;
  Bytes png = start_png (4, 4, 8, type);
  Bytes stream =
      deflated ((Bytes){ (uint8_t *) zeros, 4 * (1 + 4 * n_channels) });

  if (type == 3)
    add_chunk (&png, "PLTE", "abcdefghijkl", 12);
  if (before >= 0)
    add_chunk (&png, "tRNS", zeros, (size_t) before);
  add_chunk (&png, "IDAT", stream.data, stream.size);
  if (after >= 0)
    add_chunk (&png, "tRNS", zeros, (size_t) after);
  add_chunk (&png, "IEND", NULL, 0);
  bytes_free (&stream);
  return png;
}

static void
lost_transparency_is_damage (void)
{
  static const struct {
    int type, before, after;
    bool broken;
  } cases[] = {
    { 0, -1, -1, false },
    { 0, 2, -1, false },
    { 0, 3, -1, true },
    { 0, -1, 2, true },
    { 2, 6, -1, false },
    { 2, 2, -1, true },
    { 3, 1, -1, false },
    { 3, 4, -1, false },
    { 3, 5, -1, true },
    { 3, 0, -1, true },
    { 3, -1, 4, true },
    { 6, 6, -1, false },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Bytes png =
        make_transparent_png (cases[i].type, cases[i].before, cases[i].after);
    Picture picture = decode_leniently (png);

    if (picture.status != PET_OK || picture.info.damaged != cases[i].broken)
      tap_fail ("case %zu: %s, damaged %d", i, picture.error.message,
          picture.info.damaged);
    check_status (png, cases[i].broken ? PET_ERROR_CORRUPT : PET_OK,
        cases[i].broken ? "tRNS" : "");
    picture_free (&picture);
    bytes_free (&png);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (data_behind_the_picture_are_limited),
    TAP_TEST (small_chunks_and_late_texts_are_read),
    TAP_TEST (all_rows_that_are_there_are_read),
    TAP_TEST (checksums_change_no_row),
    TAP_TEST (lost_transparency_is_damage),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
