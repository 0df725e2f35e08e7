/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Our Huffman decoding against the library's, on whole files and on damaged ones.
 * --bench FILE times both. */

#include <stdlib.h>
#include <time.h>

#include "codec-entropy.h"

#define N_SCALES 4
#define MAX_PIXELS ((size_t) 1 << 28)

/* From nearly nothing to noise, so that codes of all lengths come. */
static void
write_rows (struct jpeg_compress_struct *cinfo, int noise)
{
  size_t n = cinfo->image_width * (size_t) cinfo->input_components;
  uint8_t *row = malloc (n);
  int level = tap_random_range (0, 255);

  for (JDIMENSION y = 0; y < cinfo->image_height; y++) {
    for (size_t i = 0; i < n; i++)
      row[i] = (uint8_t) (level + (int) y + (int) i / 5 +
          (noise > 0 ? tap_random_range (-noise, noise) : 0));
    jpeg_write_scanlines (cinfo, &row, 1);
  }
  free (row);
}

static Bytes
random_jpeg (void)
{
  static const J_COLOR_SPACE spaces[] = { JCS_GRAYSCALE, JCS_RGB, JCS_CMYK };
  static const int n_components[] = { 1, 3, 4 }, noises[] = { 0, 3, 40, 255 };
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr errors;
  unsigned char *data = NULL;
  unsigned long size = 0;
  int kind = tap_random_range (0, 5) % 4;
  Bytes bytes;

  kind = kind == 3 ? 1 : kind;
  cinfo.err = jpeg_std_error (&errors);
  jpeg_create_compress (&cinfo);
  jpeg_mem_dest (&cinfo, &data, &size);
  cinfo.image_width = (JDIMENSION) tap_random_range (1, 150);
  cinfo.image_height = (JDIMENSION) tap_random_range (1, 150);
  cinfo.input_components = n_components[kind];
  cinfo.in_color_space = spaces[kind];
  jpeg_set_defaults (&cinfo);
  jpeg_set_quality (&cinfo, tap_random_range (1, 100), TRUE);
  cinfo.optimize_coding = tap_random_range (0, 1);
  cinfo.restart_interval =
      tap_random_range (0, 2) == 0 ? (unsigned) tap_random_range (1, 30) : 0;
  if (kind == 1) {
    cinfo.comp_info[0].h_samp_factor = tap_random_range (1, 2);
    cinfo.comp_info[0].v_samp_factor = tap_random_range (1, 2);
  }
  jpeg_start_compress (&cinfo, TRUE);
  write_rows (&cinfo, noises[tap_random_range (0, 3)]);
  jpeg_finish_compress (&cinfo);
  jpeg_destroy_compress (&cinfo);
  bytes = bytes_copy (data, size);
  free (data);
  return bytes;
}

static void
whole_files_are_the_same (void)
{
  for (int n = 0; n < 200; n++) {
    Bytes bytes = random_jpeg ();

    tap_check (entropy_compare (
        bytes, 1 << tap_random_range (0, N_SCALES - 1), MAX_PIXELS, "whole"));
    bytes_free (&bytes);
  }
}

/* Behind the headers, where the library decides: bits flipped, bytes removed,
 * markers and their beginnings put in. */
static void
damage (Bytes *bytes)
{
  size_t start = bytes->size * 2 / 5;

  for (int i = tap_random_range (1, 4); i > 0; i--) {
    size_t at = start + tap_random () % (bytes->size - start);

    switch (tap_random_range (0, 4)) {
      case 0:
        bytes->data[at] ^= (uint8_t) (1 << tap_random_range (0, 7));
        break;
      case 1:
        bytes->data[at] = 0xff;
        break;
      case 2:
        bytes->data[at] = 0xff;
        bytes->data[bytes->size - 1 - (bytes->size - 1 - at) / 2] =
            (uint8_t) tap_random_range (0xd0, 0xda);
        break;
      case 3:
        bytes->size = at + 1;
        start = start < bytes->size ? start : bytes->size - 1;
        break;
      default:
        memmove (bytes->data + at, bytes->data + at + 1, bytes->size - at - 1);
        bytes->size -= bytes->size > start + 2;
        break;
    }
  }
}

static void
damaged_files_are_the_same (void)
{
  for (int n = 0; n < 1500; n++) {
    Bytes bytes = random_jpeg ();

    damage (&bytes);
    entropy_compare (
        bytes, 1 << tap_random_range (0, N_SCALES - 1), MAX_PIXELS, "damaged");
    bytes_free (&bytes);
  }
}

static double
now_ms (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}

static int
bench (const char *path)
{
  Bytes bytes;

  if (!bytes_load (path, &bytes))
    return EXIT_FAILURE;
  for (int scale = 1; scale <= 8; scale *= 2) {
    double best[2] = { 1e9, 1e9 };

    for (int n = 0; n < 18; n++) {
      double start = now_ms ();
      EntropyOutcome outcome;

      entropy_decode (bytes, scale, n % 2 ? ENTROPY_OURS : ENTROPY_LIBRARY,
          MAX_PIXELS, &outcome);
      start = now_ms () - start;
      best[n % 2] = start < best[n % 2] ? start : best[n % 2];
      free (outcome.rows);
    }
    printf ("1/%d: the library %.2f ms, with our codes %.2f ms\n", scale,
        best[0], best[1]);
  }
  bytes_free (&bytes);
  return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (whole_files_are_the_same),
    TAP_TEST (damaged_files_are_the_same),
  };

  if (argc == 3 && strcmp (argv[1], "--bench") == 0)
    return bench (argv[2]);
  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
