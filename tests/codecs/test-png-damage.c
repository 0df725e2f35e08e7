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

static void
check_strictly (Bytes bytes, PetStatus status, const char *words)
{
  Picture picture = decode_plainly (bytes);

  if (picture.status != status || strstr (picture.error.message, words) == NULL)
    tap_fail ("%s %s, not %s %s", pet_status_name (picture.status),
        picture.error.message, pet_status_name (status), words);
  picture_free (&picture);
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
    check_strictly (png, PET_ERROR_CORRUPT, "behind the picture");
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
  Bytes rows = make_rows (20000, 2, true), stream = deflated (rows);
  Bytes png = make_png_of (20000, 2, 2, stream, 1);
  uint8_t *text = calloc (1, 300000);
  Picture picture;

  png.size -= 12;
  add_chunk (&png, "tEXt", text, 300000);
  add_chunk (&png, "IEND", NULL, 0);
  picture = decode_plainly (png);
  tap_check (picture.status == PET_OK);
  if (picture.data != NULL)
    tap_check (count_good_rows (&picture, rows) == 2);
  picture_free (&picture);
  bytes_free (&png);
  bytes_free (&stream);
  bytes_free (&rows);
  free (text);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (data_behind_the_picture_are_limited),
    TAP_TEST (small_chunks_and_late_texts_are_read),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
