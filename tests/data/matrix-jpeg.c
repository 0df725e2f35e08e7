/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "data/jpeg-parts.h"
#include "data/matrix.h"

#define PIXELS .width = MATRIX_WIDTH, .height = MATRIX_HEIGHT

static Bytes
with_size (Bytes bytes, int width, int height)
{
  uint8_t *frame = frame_of (bytes);

  put_u16 (frame + 5, height);
  put_u16 (frame + 7, width);
  return bytes;
}

static Bytes
baseline (void)
{
  return make_jpeg (
      &(JpegRecipe){ PIXELS, .n_components = 3, .h = { 2 }, .v = { 2 } });
}

static Bytes
progressive (void)
{
  return make_jpeg (&(JpegRecipe){
      PIXELS, .n_components = 3, .h = { 2 }, .v = { 2 }, .progressive = true });
}

static Bytes
either (int n)
{
  return n != 0 ? progressive () : baseline ();
}

static Bytes
first_bytes (int n)
{
  return bytes_copy ((const uint8_t *) "\xff\xd8\xff", (size_t) n);
}

/* Cut in the middle of the n-th segment. */
static Bytes
cut_segment (int n)
{
  Bytes bytes =
      make_jpeg (&(JpegRecipe){ PIXELS, .n_components = 3, .orientation = 3 });
  size_t at = find_segment (bytes, 0, n);

  bytes.size =
      at + 2 + (size_t) (bytes.data[at + 2] << 8 | bytes.data[at + 3]) / 2;
  return bytes;
}

/* n: percent kept, + 1000 progressive. */
static Bytes
cut_percent (int n)
{
  Bytes bytes = either (n / 1000);
  size_t start = find_segment (bytes, 0xda, 0) + 14;

  if (n % 1000 == 10)
    start = 0;
  bytes.size = start + (bytes.size - start) * (size_t) (n % 1000) / 100;
  return bytes;
}

static Bytes
without_end (int n)
{
  Bytes bytes = either (n);

  bytes.size -= 2;
  return bytes;
}

static Bytes
flipped (int n)
{
  Bytes bytes = either (n % 2);

  for (int i = 0; i < 40; i++)
    bytes.data[tap_random_range (2, (int) bytes.size - 1)] ^=
        (uint8_t) (1 << tap_random_range (0, 7));
  return bytes;
}

static Bytes
garbage (int size)
{
  Bytes bytes = { malloc ((size_t) size), (size_t) size };

  for (int i = 0; i < size; i++)
    bytes.data[i] = (uint8_t) tap_random ();
  return bytes;
}

static Bytes
leading_garbage (int n)
{
  return join (garbage (n), baseline ());
}

static Bytes
trailing_garbage (int n)
{
  return join (either (n), garbage (5000));
}

static Bytes
two_pictures (int n)
{
  return join (either (n),
      make_jpeg (
          &(JpegRecipe){ .width = 20, .height = 90, .n_components = 1 }));
}

/* An index of pictures as phones write it, and the second picture. */
static Bytes
multi_picture (int n)
{
  static const uint8_t index[] = "\xff\xe2\x00\x0eMPF\0II*\0\x08\0\0\0";
  Bytes bytes = two_pictures (0);

  return insert (bytes, 2, index, sizeof index - 1);
}

static Bytes
something_else (int n)
{
  static const struct {
    const char *bytes;
    size_t size;
  } files[] = {
    { "\x89PNG\r\n\x1a\n\0\0", 10 },
    { "GIF89a\1\0\1\0\0\0\0;", 14 },
    { "RIFF\x10\0\0\0WEBPVP8 \0\0\0\0", 20 },
    { "<!DOCTYPE html><html></html>", 28 },
    { "this is a note, not a photo\n", 28 },
  };

  return bytes_copy ((const uint8_t *) files[n].bytes, files[n].size);
}

static Bytes
noise (int n)
{
  Bytes bytes = garbage (n);

  bytes.data[0] = 0x80;
  return bytes;
}

static Bytes
zeros (int n)
{
  return (Bytes){ calloc (1, (size_t) n), (size_t) n };
}

static Bytes
cmyk (int n)
{
  return make_jpeg (&(JpegRecipe){ PIXELS, .n_components = 4, .no_adobe = n & 1,
      .progressive = n & 2, .h = { n & 4 ? 2 : 1 }, .v = { n & 4 ? 2 : 1 } });
}

/* n 1: without the marker that says so, known by its components' names. */
static Bytes
rgb (int n)
{
  Bytes bytes =
      make_jpeg (&(JpegRecipe){ PIXELS, .n_components = 3, .rgb = true });
  size_t adobe = find_segment (bytes, 0xee, 0);

  if (n == 1 && adobe != 0) {
    memmove (
        bytes.data + adobe, bytes.data + adobe + 16, bytes.size - adobe - 16);
    bytes.size -= 16;
  }
  return bytes;
}

static Bytes
grey (int n)
{
  return make_jpeg (
      &(JpegRecipe){ PIXELS, .n_components = 1, .progressive = n });
}

static const uint8_t samplings[][6] = {
  /* h and v of the first, the second, the third component */
  { 4, 1, 1, 1, 1, 1 },                       /* 4:1:1 */
  { 4, 2, 1, 1, 1, 1 },                       /* 4:1:0 */
  { 3, 1, 1, 1, 1, 1 }, { 1, 2, 1, 1, 1, 1 }, /* 4:4:0 */
  { 2, 4, 1, 1, 1, 1 }, { 1, 3, 1, 1, 1, 1 }, { 2, 2, 1, 2, 2, 1 },
  { 2, 2, 2, 1, 1, 2 }, { 1, 1, 2, 2, 1, 1 }, { 2, 1, 1, 1, 2, 1 },
  { 1, 1, 2, 2, 2, 2 }, /* more colour than light */
};

/* n + 100: one scan per component. */
static Bytes
sampling (int n)
{
  const uint8_t *s = samplings[n % 100];

  return make_jpeg (
      &(JpegRecipe){ PIXELS, .n_components = 3, .h = { s[0], s[2], s[4] },
          .v = { s[1], s[3], s[5] }, .one_scan_each = n >= 100 });
}

/* The first scan n times more. */
static Bytes
many_scans (int n)
{
  Bytes bytes = progressive (), whole;
  size_t from = find_segment (bytes, 0xda, 0);
  size_t length = find_segment (bytes, 0xc4, 2) - from;

  whole = (Bytes){ malloc (bytes.size + length * (size_t) n), from };
  memcpy (whole.data, bytes.data, from);
  for (int i = 0; i < n; i++, whole.size += length)
    memcpy (whole.data + whole.size, bytes.data + from, length);
  memcpy (whole.data + whole.size, bytes.data + from, bytes.size - from);
  whole.size += bytes.size - from;
  bytes_free (&bytes);
  return whole;
}

/* A size that the data do not have. n: 0 a bomb, ... */
static Bytes
claimed (int n)
{
  static const struct {
    int width, height;
    bool progressive;
  } sizes[] = {
    { 16000, 16000, true },
    { 20000, 20000, false },
    { 65500, 65500, false },
    { 65535, 65535, false },
    { 0, 0, false },
    { MATRIX_WIDTH, 0, false },
    { 0, MATRIX_HEIGHT, false },
    { 9000, 9000, false },
    { 9000, 9000, true },
  };

  return with_size (
      either (sizes[n].progressive), sizes[n].width, sizes[n].height);
}

static Bytes
long_and_thin (int n)
{
  return make_jpeg (&(JpegRecipe){ .width = n == 0 ? 65000 : 1,
      .height = n == 0 ? 1 : 65000,
      .n_components = 3,
      .h = { 2 },
      .v = { 2 } });
}

/* n: width * 100 + height, + 10000 for 4:2:0. */
static Bytes
of_size (int n)
{
  return make_jpeg (&(JpegRecipe){ .width = n / 100 % 100,
      .height = n % 100,
      .n_components = 3,
      .h = { n >= 10000 ? 2 : 1 },
      .v = { n >= 10000 ? 2 : 1 } });
}

static Bytes
arithmetic (int n)
{
  return make_jpeg (&(JpegRecipe){
      PIXELS, .n_components = 3, .arithmetic = true, .progressive = n });
}

/* n: the frame's marker, + 256 * its precision. */
static Bytes
other_process (int n)
{
  Bytes bytes = baseline ();
  uint8_t *frame = frame_of (bytes);

  frame[1] = (uint8_t) n;
  frame[4] = (uint8_t) (n >> 8);
  return bytes;
}

static Bytes
restarts (int n)
{
  return make_jpeg (&(JpegRecipe){ PIXELS, .n_components = 3, .h = { 2 },
      .v = { 2 }, .restart_interval = 1, .progressive = n == 1 });
}

static Bytes
lost_restart (int n)
{
  Bytes bytes = restarts (0);

  for (size_t i = find_segment (bytes, 0xda, 0) + 14; i + 1 < bytes.size; i++)
    if (bytes.data[i] == 0xff && bytes.data[i + 1] == 0xd2) {
      bytes.data[i + 1] = n == 0 ? 0xd6 : 0x00;
      break;
    }
  return bytes;
}

/* As motion JPEG has it: with the standard's tables, which are not there. */
static Bytes
without_tables (int n)
{
  Bytes bytes = make_jpeg (
      &(JpegRecipe){ PIXELS, .n_components = 3, .h = { 2 }, .v = { 1 } });
  size_t at;

  while ((at = find_segment (bytes, 0xc4, 0)) != 0) {
    size_t length = 2 + (size_t) (bytes.data[at + 2] << 8 | bytes.data[at + 3]);

    memmove (
        bytes.data + at, bytes.data + at + length, bytes.size - at - length);
    bytes.size -= length;
  }
  return bytes;
}

/* n: the marker whose segment says that it is too long, + 256: the table
 * itself claims more than there can be. */
static Bytes
oversize (int n)
{
  Bytes bytes = baseline ();
  size_t at = find_segment (bytes, n & 255, 0);

  if (n < 256)
    put_u16 (bytes.data + at + 2, 0xfff0);
  else
    memset (bytes.data + at + 5, 0xff, 16);
  return bytes;
}

static Bytes
turned (int n)
{
  return make_jpeg (&(JpegRecipe){ PIXELS, .n_components = 3,
      .orientation = n % 10, .big_endian = n >= 10 });
}

static Bytes
with_app (int marker, const uint8_t *data, size_t size)
{
  uint8_t *segment = malloc (size + 4);
  Bytes bytes;

  segment[0] = 0xff;
  segment[1] = (uint8_t) marker;
  put_u16 (segment + 2, (int) size + 2);
  memcpy (segment + 4, data, size);
  bytes = insert (baseline (), 2, segment, size + 4);
  free (segment);
  return bytes;
}

/* Directories that point at themselves, outside, or count too many. */
static Bytes
odd_exif (int n)
{
  static const char blocks[][36] = {
    "Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
    "Exif\0\0MM\0*\xff\xff\xff\xfe\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0",
    "Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01\0\0\0\x09\0\0\0\0\0\0",
    "Exif\0\0XX*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0",
  };

  return with_app (0xe1, (const uint8_t *) blocks[n], 32);
}

static Bytes
large_exif (int n)
{
  uint8_t *data = calloc (1, 65533);
  Bytes bytes;

  memcpy (data, "Exif\0\0MM\0*\0\0\0\x08\xff\xff", 16);
  bytes = with_app (0xe1, data, 65533);
  free (data);
  return bytes;
}

/* n segments of a profile that is none. */
static Bytes
many_profile_segments (int n)
{
  uint8_t segment[4 + 14 + 64] = "\xff\xe2\0\x50ICC_PROFILE\0";
  Bytes bytes = baseline ();

  for (int i = n; i > 0; i--) {
    segment[16] = (uint8_t) i;
    segment[17] = (uint8_t) n;
    bytes = insert (bytes, 2, segment, sizeof segment);
  }
  return bytes;
}

#define READ PET_OK, PET_OK, false, NULL, false
#define REFUSED(status, words)                                                 \
  PET_ERROR_##status, PET_ERROR_##status, false, words, false
#define DAMAGED(status, words) PET_ERROR_##status, PET_OK, true, words, false
#define ANY PET_OK, PET_OK, false, NULL, true

#define KIND(marker, precision) ((marker) | (precision) << 8)

const MatrixFile matrix_jpeg_files[] = {
  { "J1", "empty.jpg", first_bytes, 0, REFUSED (FORMAT, "is empty") },
  { "J2", "one-byte.jpg", first_bytes, 1, REFUSED (FORMAT, "neither") },
  { "J3", "two-bytes.jpg", first_bytes, 2, REFUSED (FORMAT, "neither") },
  { "J3", "start-only.jpg", first_bytes, 3, REFUSED (TRUNCATED, "early") },
  { "J4", "cut-app0.jpg", cut_segment, 0, REFUSED (TRUNCATED, "header") },
  { "J4", "cut-exif.jpg", cut_segment, 1, REFUSED (TRUNCATED, "header") },
  { "J4", "cut-dqt.jpg", cut_segment, 2, REFUSED (TRUNCATED, "header") },
  { "J4", "cut-sof.jpg", cut_segment, 4, REFUSED (TRUNCATED, "header") },
  { "J4", "cut-dht.jpg", cut_segment, 5, REFUSED (TRUNCATED, "early") },
  { "J4", "cut-sos.jpg", cut_segment, 9, REFUSED (TRUNCATED, "early") },
  { "J5", "cut-at-10.jpg", cut_percent, 10, REFUSED (TRUNCATED, "early") },
  { "J5", "cut-at-50.jpg", cut_percent, 50, DAMAGED (TRUNCATED, "early") },
  { "J5", "cut-at-90.jpg", cut_percent, 90, DAMAGED (TRUNCATED, "early") },
  { "J5", "cut-at-50-progressive.jpg", cut_percent, 1050,
      DAMAGED (TRUNCATED, "early") },
  { "J5", "cut-at-90-progressive.jpg", cut_percent, 1090,
      DAMAGED (TRUNCATED, "early") },
  { "J6", "no-end.jpg", without_end, 0, DAMAGED (TRUNCATED, "early") },
  { "J6", "no-end-progressive.jpg", without_end, 1,
      DAMAGED (TRUNCATED, "early") },
  { "J7", "40-flips.jpg", flipped, 0, ANY },
  { "J7", "40-flips-progressive.jpg", flipped, 1, ANY },
  { "J8", "leading-garbage.jpg", leading_garbage, 100,
      REFUSED (FORMAT, "neither") },
  { "J9", "trailing-garbage.jpg", trailing_garbage, 0, READ },
  { "J9", "trailing-garbage-progressive.jpg", trailing_garbage, 1, READ },
  { "J10", "two-pictures.jpg", two_pictures, 0, READ },
  { "J10", "two-pictures-progressive.jpg", two_pictures, 1, READ },
  { "J10", "multi-picture.jpg", multi_picture, 0, READ },
  { "J11", "png-head.jpg", something_else, 0, REFUSED (TRUNCATED, "PNG") },
  { "J11", "gif.jpg", something_else, 1, REFUSED (FORMAT, "GIF") },
  { "J11", "webp.jpg", something_else, 2, REFUSED (FORMAT, "WebP") },
  { "J11", "html.jpg", something_else, 3, REFUSED (FORMAT, "HTML") },
  { "J11", "text.jpg", something_else, 4, REFUSED (FORMAT, "neither") },
  { "J12", "random.jpg", noise, 3000, REFUSED (FORMAT, "neither") },
  { "J12", "zeros.jpg", zeros, 3000, REFUSED (FORMAT, "zeros") },
  { "J13", "cmyk.jpg", cmyk, 1, READ },
  { "J13", "cmyk-progressive.jpg", cmyk, 3, READ },
  { "J14", "ycck.jpg", cmyk, 0, READ },
  { "J14", "ycck-4-2-0.jpg", cmyk, 4, READ },
  { "J15", "rgb-adobe.jpg", rgb, 0, READ },
  { "J15", "rgb-by-name.jpg", rgb, 1, READ },
  { "J16", "grey.jpg", grey, 0, READ },
  { "J16", "grey-progressive.jpg", grey, 1, READ },
  { "J17", "4-1-1.jpg", sampling, 0, READ },
  { "J17", "4-1-0.jpg", sampling, 1, READ },
  { "J17", "3x1.jpg", sampling, 2, READ },
  { "J17", "4-4-0.jpg", sampling, 3, READ },
  { "J17", "2x4.jpg", sampling, 4, READ },
  { "J17", "1x3.jpg", sampling, 5, READ },
  { "J17", "2x2-1x2-2x1.jpg", sampling, 6, READ },
  { "J17", "2x2-2x1-1x2.jpg", sampling, 7, READ },
  { "J17", "1x1-2x2-1x1.jpg", sampling, 8, READ },
  { "J17", "2x1-1x1-2x1.jpg", sampling, 9, READ },
  { "J17", "1x1-2x2-2x2.jpg", sampling, 10, READ },
  { "J17", "4-1-1-one-scan-each.jpg", sampling, 100, READ },
  { "J17", "mixed-one-scan-each.jpg", sampling, 106, READ },
  { "J18", "progressive.jpg", either, 1, READ },
  { "J19", "200-scans.jpg", many_scans, 200, REFUSED (LIMIT, "100 scans") },
  { "J19", "1000-scans.jpg", many_scans, 1000, REFUSED (LIMIT, "100 scans") },
  { "J19", "10000-scans.jpg", many_scans, 10000, REFUSED (LIMIT, "100 scans") },
  { "J20", "16000x16000-progressive.jpg", claimed, 0,
      REFUSED (LIMIT, "above the limit") },
  { "J20", "9000x9000-progressive-cut.jpg", claimed, 8,
      DAMAGED (CORRUPT, "damaged") },
  { "J21", "20000x20000.jpg", claimed, 1, REFUSED (LIMIT, "400.0 MP") },
  { "J21", "9000x9000-cut.jpg", claimed, 7, DAMAGED (TRUNCATED, "early") },
  { "J22", "65500x65500.jpg", claimed, 2, REFUSED (LIMIT, "65500x65500") },
  { "J22", "65535x65535.jpg", claimed, 3, REFUSED (LIMIT, "65535x65535") },
  { "J23", "0x0.jpg", claimed, 4, REFUSED (CORRUPT, "0 pixels") },
  { "J23", "no-height.jpg", claimed, 5, REFUSED (UNSUPPORTED, "height") },
  { "J23", "no-width.jpg", claimed, 6, REFUSED (CORRUPT, "0 pixels") },
  { "J24", "65000x1.jpg", long_and_thin, 0, READ },
  { "J24", "1x65000.jpg", long_and_thin, 1, READ },
  { "J25", "1x1.jpg", of_size, 101, READ },
  { "J25", "1x1-4-2-0.jpg", of_size, 10101, READ },
  { "J25", "7x5.jpg", of_size, 705, READ },
  { "J25", "7x5-4-2-0.jpg", of_size, 10705, READ },
  { "J26", "arithmetic.jpg", arithmetic, 0,
      REFUSED (UNSUPPORTED, "arithmetic-coded") },
  { "J26", "arithmetic-progressive.jpg", arithmetic, 1,
      REFUSED (UNSUPPORTED, "arithmetic-coded") },
  { "J27", "12-bit.jpg", other_process, KIND (0xc1, 12),
      REFUSED (UNSUPPORTED, "12-bit") },
  { "J28", "lossless.jpg", other_process, KIND (0xc3, 8),
      REFUSED (UNSUPPORTED, "lossless") },
  { "J28", "hierarchical.jpg", other_process, KIND (0xc5, 8),
      REFUSED (UNSUPPORTED, "hierarchical") },
  { "J28", "jpeg-ls.jpg", other_process, KIND (0xf7, 8),
      REFUSED (UNSUPPORTED, "JPEG-LS") },
  { "J29", "restart-every-unit.jpg", restarts, 0, READ },
  { "J29", "restart-every-unit-progressive.jpg", restarts, 1, READ },
  { "J29", "wrong-restart.jpg", lost_restart, 0, DAMAGED (CORRUPT, "damaged") },
  { "J29", "lost-restart.jpg", lost_restart, 1, DAMAGED (CORRUPT, "damaged") },
  { "J30", "no-huffman-tables.jpg", without_tables, 0, READ },
  { "J31", "dht-too-long.jpg", oversize, 0xc4, REFUSED (CORRUPT, "damaged") },
  { "J31", "dqt-too-long.jpg", oversize, 0xdb, REFUSED (TRUNCATED, "header") },
  { "J31", "dht-counts-too-many.jpg", oversize, 0x1c4,
      REFUSED (CORRUPT, "damaged") },
  { "J32", "orientation-1.jpg", turned, 1, READ },
  { "J32", "orientation-2.jpg", turned, 2, READ },
  { "J32", "orientation-3.jpg", turned, 3, READ },
  { "J32", "orientation-4.jpg", turned, 4, READ },
  { "J32", "orientation-5.jpg", turned, 5, READ },
  { "J32", "orientation-6.jpg", turned, 6, READ },
  { "J32", "orientation-7.jpg", turned, 7, READ },
  { "J32", "orientation-8.jpg", turned, 8, READ },
  { "J32", "orientation-6-big-endian.jpg", turned, 16, READ },
  { "J32", "orientation-9.jpg", turned, 9, READ },
  { "J34", "exif-loop.jpg", odd_exif, 0, READ },
  { "J34", "exif-outside.jpg", odd_exif, 1, READ },
  { "J34", "exif-counts-too-many.jpg", odd_exif, 2, READ },
  { "J34", "exif-no-byte-order.jpg", odd_exif, 3, READ },
  { "J34", "exif-64k.jpg", large_exif, 0, READ },
  { "J34", "100-profile-segments.jpg", many_profile_segments, 100, READ },
  { "J34", "255-profile-segments.jpg", many_profile_segments, 255, READ },
  { "J35", "15x15.jpg", of_size, 11515, READ },
  { "J35", "16x16.jpg", of_size, 11616, READ },
  { "J35", "17x17.jpg", of_size, 11717, READ },
  { "J35", "31x31.jpg", of_size, 13131, READ },
  { "J35", "32x32.jpg", of_size, 13232, READ },
  { "J35", "33x33.jpg", of_size, 13333, READ },
  { "J35", "63x63.jpg", of_size, 16363, READ },
  { "J35", "64x64.jpg", of_size, 16464, READ },
  { "J35", "65x65.jpg", of_size, 16565, READ },
  { NULL },
};

Bytes
matrix_make_jpeg (const MatrixFile *file)
{
  matrix_seed (file);
  return file->make (file->n);
}
