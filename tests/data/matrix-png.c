/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <zlib.h>

#include "codecs/codec-chunks.h"
#include "codecs/codec-png-files.h"
#include "codecs/codec-profiles.h"
#include "data/matrix.h"

#define PIXELS .width = MATRIX_WIDTH, .height = MATRIX_HEIGHT

/* The last chunk, and the bytes of a zlib stream of `size` bytes of noise or
 * (zeros) nothing, of values that are filters too; not whole: it does not end. */
static void
add_idat (Bytes *bytes, size_t size, bool zeros, bool whole)
{
  z_stream z = { 0 };
  size_t room = size + size / 100 + 100;
  uint8_t *out = malloc (room), *in = calloc (1, size + 1);

  for (size_t i = 0; !zeros && i < size; i++)
    in[i] = (uint8_t) (tap_random () & 3);
  deflateInit (&z, 9);
  z.next_in = in;
  z.avail_in = (unsigned) size;
  z.next_out = out;
  z.avail_out = (unsigned) room;
  deflate (&z, whole ? Z_FINISH : Z_SYNC_FLUSH);
  add_chunk (bytes, "IDAT", out, room - z.avail_out);
  deflateEnd (&z);
  free (out);
  free (in);
}

static Bytes
finish (Bytes bytes)
{
  add_chunk (&bytes, "IEND", NULL, 0);
  return bytes;
}

/* A row of RGB, filter byte included. */
#define ROW (1 + 3 * (size_t) MATRIX_WIDTH)

static Bytes
plain (void)
{
  return make_png (&(PngRecipe){ PIXELS, .color_type = 2, .depth = 8 }, NULL);
}

/* n: what is left. */
static Bytes
first_bytes (int n)
{
  Bytes bytes = plain ();

  bytes.size = (size_t) n;
  return bytes;
}

static Bytes
cut_percent (int n)
{
  Bytes bytes = n < 1000 ? plain ()
                         : make_png (&(PngRecipe){ PIXELS, .color_type = 2,
                                         .depth = 8, .interlaced = true },
                               NULL);

  bytes.size = bytes.size * (size_t) (n % 1000) / 100;
  return bytes;
}

/* n rows of what should be MATRIX_HEIGHT; the stream is whole. */
static Bytes
some_rows (int n)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 2);

  if (n >= 0)
    add_idat (&bytes, ROW * (size_t) n, false, true);
  return finish (bytes);
}

/* n MB of zeros in place of rows. */
static Bytes
idat_bomb (int n)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 2);
  Bytes stream = bomb ((size_t) n << 20);

  add_chunk (&bytes, "IDAT", stream.data, stream.size);
  bytes_free (&stream);
  return finish (bytes);
}

static Bytes
empty_idat (int n)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 2);

  add_chunk (&bytes, "IDAT", NULL, 0);
  return finish (bytes);
}

static Bytes
unfinished_stream (int n)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 2);

  add_idat (&bytes, ROW * MATRIX_HEIGHT / 2, false, false);
  return finish (bytes);
}

static Bytes
without_end (int n)
{
  Bytes bytes = plain ();

  bytes.size -= 12;
  return bytes;
}

static size_t
find_chunk (Bytes bytes, const char *type)
{
  for (size_t at = 8; at + 12 <= bytes.size;) {
    if (memcmp (bytes.data + at + 4, type, 4) == 0)
      return at;
    at += 12 +
        ((size_t) bytes.data[at] << 24 | (size_t) bytes.data[at + 1] << 16 |
            (size_t) bytes.data[at + 2] << 8 | bytes.data[at + 3]);
  }
  abort ();
}

static const char *const chunk_types[] = { "IHDR", "IDAT", "IEND" };

static Bytes
bad_crc (int n)
{
  Bytes bytes = plain ();
  size_t at = find_chunk (bytes, chunk_types[n]);

  bytes.data[at + 8 + bytes.data[at + 3] + 256 * bytes.data[at + 2]] ^= 1;
  return bytes;
}

static Bytes
chunk_length (int n)
{
  Bytes bytes = plain ();

  put_u32 (bytes.data + find_chunk (bytes, "IDAT"),
      n == 0 ? 0x7fffffff : 0xfffffff0);
  return bytes;
}

/* A size, and n rows of it. */
static Bytes
claimed (int n)
{
  static const struct {
    uint32_t width, height;
    int type, depth;
    size_t n_bytes;
  } sizes[] = {
    { 0, 0, 2, 8, 100 },
    { 0x7fffffff, 0x7fffffff, 2, 8, 100 },
    { 0xffffffff, 1, 2, 8, 100 },
    { 60000, 60000, 6, 8, 20 },
    { 60000, 60000, 6, 8, 240001 * 8 },
    { 20000, 20000, 0, 1, 2501 * 20 },
    { 9000, 9000, 2, 8, 27001 * 3 },
    { 1 << 20, 1, 0, 1, 0 },
  };
  Bytes bytes = start_png (
      sizes[n].width, sizes[n].height, sizes[n].depth, sizes[n].type);

  add_idat (&bytes, sizes[n].n_bytes, true, true);
  return finish (bytes);
}

/* A good picture with one more chunk before its data. */
static Bytes
with_chunk (const char *type, const void *data, size_t size)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 2);

  add_chunk (&bytes, type, data, size);
  add_idat (&bytes, ROW * MATRIX_HEIGHT, true, true);
  return finish (bytes);
}

static Bytes
text_bomb (int n)
{
  Bytes data = { 0 }, stream = bomb ((size_t) 200 << 20), bytes;

  bytes_add (&data, "Comment\0\0", 9);
  bytes_add (&data, stream.data, stream.size);
  bytes = with_chunk (n == 0 ? "zTXt" : "tEXt", data.data, data.size);
  bytes_free (&data);
  bytes_free (&stream);
  return bytes;
}

static Bytes
profile_bomb (int n)
{
  Bytes data = { 0 }, stream = bomb ((size_t) 50 << 20), bytes;

  bytes_add (&data, "profile\0\0", 9);
  bytes_add (&data, stream.data, stream.size);
  bytes = with_chunk ("iCCP", data.data, data.size);
  bytes_free (&data);
  bytes_free (&stream);
  return bytes;
}

/* n: stages * 100 + channels between two of them. */
static Bytes
costly_profile (int n)
{
  Bytes profile = make_float_profile (n / 100, n % 100);
  uLongf length = compressBound ((uLong) profile.size);
  Bytes data = { malloc (9 + length), 9 }, bytes;

  memcpy (data.data, "profile\0\0", 9);
  compress2 (data.data + 9, &length, profile.data, (uLong) profile.size, 9);
  data.size += length;
  bytes = with_chunk ("iCCP", data.data, data.size);
  bytes_free (&data);
  bytes_free (&profile);
  return bytes;
}

static Bytes
many_texts (int n)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 2), texts = { 0 };
  Bytes one = { 0 };

  add_chunk (&one, "tEXt", "Comment\0nothing", 15);
  texts = (Bytes){ malloc (one.size * (size_t) n), one.size * (size_t) n };
  for (int i = 0; i < n; i++)
    memcpy (texts.data + one.size * (size_t) i, one.data, one.size);
  bytes_add (&bytes, texts.data, texts.size);
  bytes_free (&texts);
  bytes_free (&one);
  add_idat (&bytes, ROW * MATRIX_HEIGHT, true, true);
  return finish (bytes);
}

/* A palette picture; n entries are there. */
static Bytes
palette (int n)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 3);

  if (n > 0)
    add_chunk (&bytes, "PLTE", "abcdefghijklmnopqrstuvwxyz", 3 * (size_t) n);
  add_idat (&bytes, (1 + MATRIX_WIDTH) * MATRIX_HEIGHT, n != 2, true);
  return finish (bytes);
}

/* n: colour type * 100 + depth, + 1000 tRNS, + 10000 interlaced. */
static Bytes
kind (int n)
{
  return make_png (
      &(PngRecipe){ PIXELS, .color_type = n / 100 % 10, .depth = n % 100,
          .transparent = n / 1000 % 10 != 0, .interlaced = n >= 10000 },
      NULL);
}

/* n: filter of the 5th row, which there is none of. */
static Bytes
bad_filter (int n)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 2);
  size_t size = ROW * MATRIX_HEIGHT;
  uint8_t *rows = calloc (1, size), *out = malloc (size + 100);
  uLongf length = size + 100;

  rows[5 * ROW] = (uint8_t) n;
  compress (out, &length, rows, size);
  add_chunk (&bytes, "IDAT", out, length);
  free (rows);
  free (out);
  return finish (bytes);
}

static Bytes
twice (int n)
{
  Bytes bytes = plain (), other = kind (0 * 100 + 8);

  bytes_add (&bytes, other.data, other.size);
  bytes_free (&other);
  return bytes;
}

static Bytes
trailing_garbage (int n)
{
  Bytes bytes = plain ();

  for (int i = 0; i < 3000; i++) {
    uint8_t byte = (uint8_t) tap_random ();

    bytes_add (&bytes, &byte, 1);
  }
  return bytes;
}

/* Two frames; the first is the picture itself (n 0) or not (n 1). */
static Bytes
animated (int n)
{
  static const uint8_t frame[26] = { 0, 0, 0, 0, 0, 0, 0, MATRIX_WIDTH, 0, 0, 0,
    MATRIX_HEIGHT };
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 2), data;

  add_chunk (&bytes, "acTL", "\0\0\0\2\0\0\0\0", 8);
  if (n == 0)
    add_chunk (&bytes, "fcTL", frame, sizeof frame);
  add_idat (&bytes, ROW * MATRIX_HEIGHT, false, true);
  add_chunk (&bytes, "fcTL", frame, sizeof frame);
  data = bytes_copy ((const uint8_t *) "\0\0\0\1rubbish", 11);
  add_chunk (&bytes, "fdAT", data.data, data.size);
  bytes_free (&data);
  return finish (bytes);
}

static Bytes
exif (int n)
{
  return make_png (
      &(PngRecipe){ PIXELS, .color_type = 2, .depth = 8, .orientation = n },
      NULL);
}

static Bytes
gamma_chunk (int n)
{
  return make_png (
      &(PngRecipe){ PIXELS, .color_type = 2, .depth = 8, .gamma = n }, NULL);
}

/* n: cICP's primaries * 256 + its transfer. */
static Bytes
code_points (int n)
{
  return with_chunk (
      "cICP", (uint8_t[]){ (uint8_t) (n >> 8), (uint8_t) n, 0, 1 }, 4);
}

/* Display P3's chromaticities (n 0), or nonsense (n 1). */
static Bytes
chromaticities (int n)
{
  static const uint32_t values[2][8] = {
    { 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000 },
    { 0, 0, 0, 0, 0, 0, 0, 0 },
  };
  uint8_t data[32];

  for (int i = 0; i < 8; i++)
    put_u32 (data + 4 * i, values[n][i]);
  return with_chunk ("cHRM", data, sizeof data);
}

/* All of it transparent, with colours below. */
static Bytes
hidden_colours (int n)
{
  Bytes bytes = start_png (MATRIX_WIDTH, MATRIX_HEIGHT, 8, 6);
  size_t stride = 1 + 4 * (size_t) MATRIX_WIDTH;
  size_t size = stride * MATRIX_HEIGHT;
  uint8_t *rows = calloc (1, size), *out = malloc (size + 100);
  uLongf length = size + 100;

  for (size_t i = 0; i < size; i++)
    if (i % stride != 0 && (i % stride - 1) % 4 != 3)
      rows[i] = (uint8_t) (i * 7);
  compress (out, &length, rows, size);
  add_chunk (&bytes, "IDAT", out, length);
  free (rows);
  free (out);
  return finish (bytes);
}

static Bytes
unknown_critical (int n)
{
  return with_chunk ("ABCD", "1234", 4);
}

#define READ PET_OK, PET_OK, false, NULL, false
#define REFUSED(status, words)                                                 \
  PET_ERROR_##status, PET_ERROR_##status, false, words, false
#define DAMAGED(status, words) PET_ERROR_##status, PET_OK, true, words, false
#define ANY PET_OK, PET_OK, false, NULL, true

const MatrixFile matrix_png_files[] = {
  { "P1", "signature-only.png", first_bytes, 8, REFUSED (TRUNCATED, "header") },
  { "P1", "half-a-signature.png", first_bytes, 4, REFUSED (FORMAT, "PNG") },
  { "P2", "ihdr-only.png", first_bytes, 33, REFUSED (TRUNCATED, "early") },
  { "P2", "half-an-ihdr.png", first_bytes, 24, REFUSED (TRUNCATED, "header") },
  { "P3", "no-idat.png", some_rows, -1, REFUSED (CORRUPT, "damaged") },
  { "P4", "empty-idat.png", empty_idat, 0, DAMAGED (TRUNCATED, "early") },
  { "P5", "no-rows.png", some_rows, 0, DAMAGED (TRUNCATED, "early") },
  { "P5", "one-row.png", some_rows, 1, DAMAGED (TRUNCATED, "early") },
  { "P5", "half-the-rows.png", some_rows, 20, DAMAGED (TRUNCATED, "early") },
  { "P5", "all-but-one-row.png", some_rows, 39, DAMAGED (TRUNCATED, "early") },
  { "P5", "unfinished-stream.png", unfinished_stream, 0,
      DAMAGED (TRUNCATED, NULL) },
  { "P6", "extra-rows.png", some_rows, 60, READ },
  { "P6", "idat-100-mb.png", idat_bomb, 100, DAMAGED (CORRUPT, "behind") },
  { "P7", "cut-at-20.png", cut_percent, 20, DAMAGED (TRUNCATED, "early") },
  { "P7", "cut-at-50.png", cut_percent, 50, DAMAGED (TRUNCATED, "early") },
  { "P7", "cut-at-99.png", cut_percent, 99, DAMAGED (TRUNCATED, "early") },
  { "P8", "no-iend.png", without_end, 0, DAMAGED (TRUNCATED, "early") },
  { "P9", "bad-crc-ihdr.png", bad_crc, 0, DAMAGED (CORRUPT, "CRC") },
  { "P10", "bad-crc-idat.png", bad_crc, 1, DAMAGED (CORRUPT, "CRC") },
  { "P10", "bad-crc-iend.png", bad_crc, 2, DAMAGED (CORRUPT, "CRC") },
  { "P11", "length-7fffffff.png", chunk_length, 0,
      DAMAGED (TRUNCATED, "early") },
  { "P12", "length-fffffff0.png", chunk_length, 1,
      REFUSED (CORRUPT, "damaged") },
  { "P13", "0x0.png", claimed, 0, REFUSED (CORRUPT, "0x0") },
  { "P14", "2147483647.png", claimed, 1, REFUSED (LIMIT, "above") },
  { "P14", "4294967295.png", claimed, 2, REFUSED (LIMIT, "above") },
  { "P15", "60000x60000-short.png", claimed, 3,
      REFUSED (LIMIT, "above the limit") },
  { "P16", "60000x60000-with-rows.png", claimed, 4,
      REFUSED (LIMIT, "above the limit") },
  { "P17", "20000x20000-1-bit.png", claimed, 5,
      REFUSED (LIMIT, "above the limit") },
  { "P17", "9000x9000-short.png", claimed, 6, DAMAGED (TRUNCATED, "early") },
  { "P17", "1048576x1-empty.png", claimed, 7, DAMAGED (TRUNCATED, "early") },
  { "P18", "ztxt-200-mb.png", text_bomb, 0, READ },
  { "P19", "iccp-50-mb.png", profile_bomb, 0, READ },
  { "P19", "iccp-12000-stages.png", costly_profile, 1200003, READ },
  { "P19", "iccp-15-channels.png", costly_profile, 815, READ },
  { "P20", "50000-texts.png", many_texts, 50000, READ },
  { "P21", "no-palette.png", palette, 0, REFUSED (CORRUPT, "damaged") },
  { "P22", "index-beyond-palette.png", palette, 2, READ },
  { "P23", "palette-trns.png", kind, 1308, READ },
  { "P23", "palette-trns-2-bit.png", kind, 1302, READ },
  { "P24", "rgb-trns.png", kind, 1208, READ },
  { "P24", "rgb-trns-16-bit.png", kind, 1216, READ },
  { "P24", "grey-trns.png", kind, 1008, READ },
  { "P24", "grey-trns-1-bit.png", kind, 1001, READ },
  { "P24", "grey-trns-16-bit.png", kind, 1016, READ },
  { "P25", "rgb-16-bit.png", kind, 216, READ },
  { "P25", "rgba-16-bit.png", kind, 616, READ },
  { "P25", "grey-16-bit.png", kind, 16, READ },
  { "P25", "grey-alpha-16-bit.png", kind, 416, READ },
  { "P26", "grey-1-bit.png", kind, 1, READ },
  { "P26", "grey-2-bit.png", kind, 2, READ },
  { "P26", "grey-4-bit.png", kind, 4, READ },
  { "P26", "palette-1-bit.png", kind, 301, READ },
  { "P26", "palette-2-bit.png", kind, 302, READ },
  { "P26", "palette-4-bit.png", kind, 304, READ },
  { "P26", "grey-8-bit.png", kind, 8, READ },
  { "P26", "grey-alpha-8-bit.png", kind, 408, READ },
  { "P26", "rgba-8-bit.png", kind, 608, READ },
  { "P27", "interlaced.png", kind, 10208, READ },
  { "P27", "interlaced-rgba.png", kind, 10608, READ },
  { "P27", "interlaced-1-bit.png", kind, 10001, READ },
  { "P27", "interlaced-palette-trns.png", kind, 11304, READ },
  { "P27", "interlaced-cut.png", cut_percent, 1050,
      DAMAGED (TRUNCATED, "early") },
  { "P27", "bad-filter.png", bad_filter, 7, DAMAGED (CORRUPT, "damaged") },
  { "P28", "two-pictures.png", twice, 0, READ },
  { "P29", "animated.png", animated, 0, READ },
  { "P29", "animated-without-first.png", animated, 1, READ },
  { "P30", "trailing-garbage.png", trailing_garbage, 0, READ },
  { "P31", "exif-6.png", exif, 6, READ },
  { "P31", "exif-3.png", exif, 3, READ },
  { "P31", "gamma-1.png", gamma_chunk, 100000, READ },
  { "P31", "gamma-1-over-2.2.png", gamma_chunk, 45455, READ },
  { "P31", "cicp-display-p3.png", code_points, 12 << 8 | 13, READ },
  { "P31", "cicp-bt-2020-pq.png", code_points, 9 << 8 | 16, READ },
  { "P31", "cicp-unknown.png", code_points, 200 << 8 | 200, READ },
  { "P31", "chrm-display-p3.png", chromaticities, 0, READ },
  { "P31", "chrm-nonsense.png", chromaticities, 1, READ },
  { "P32", "hidden-colours.png", hidden_colours, 0, READ },
  { "P33", "unknown-critical-chunk.png", unknown_critical, 0,
      REFUSED (CORRUPT, "damaged") },
  { NULL },
};

Bytes
matrix_make_png (const MatrixFile *file)
{
  matrix_seed (file);
  return file->make (file->n);
}
