/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-decode [--max-size N] FILE...: our decoder beside libjpeg-turbo with
 * the same DCT scale and a plain reduction (the mean of the pixels that each
 * result pixel covers) of its rows, without colour management or turning: in
 * turns, thread CPU time, medians. Prints the working memory too. */

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>

#include "base/pet-alloc.h"
#include "codec/pet-decoder.h"

#define N_ROUNDS 15

typedef struct {
  unsigned char *bytes;
  size_t size;
} File;

typedef struct {
  PetAllocator allocator;
  size_t used, peak;
} Counter;

static void *
count_alloc (void *user, size_t size)
{
  Counter *self = user;

  self->used += size;
  if (self->used > self->peak)
    self->peak = self->used;
  return pet_alloc (NULL, size);
}

static void
count_free (void *user, void *memory, size_t size)
{
  Counter *self = user;

  self->used -= size;
  pet_free (NULL, memory, size);
}

static double
cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * (double) now.tv_sec + 1e-6 * (double) now.tv_nsec;
}

static bool
load (const char *path, File *file)
{
  FILE *in = fopen (path, "rb");
  long size;

  if (in == NULL || fseek (in, 0, SEEK_END) != 0)
    return false;
  size = ftell (in);
  rewind (in);
  file->bytes = malloc ((size_t) size + 1);
  file->size = fread (file->bytes, 1, (size_t) size, in);
  fclose (in);
  return file->size == (size_t) size;
}

static double
run_ours (const File *file, int max_size, PetPictureInfo *info, size_t *peak)
{
  double begin = cpu_ms ();
  Counter counter = { .allocator = { count_alloc, count_free, &counter } };
  PetDecodeOptions options;
  PetDecoder *decoder;
  PetError error;
  PetImage image;

  pet_decode_options_init (&options);
  options.max_size = max_size;
  options.allocator = &counter.allocator;
  if (pet_decoder_open (
          &options, file->bytes, file->size, &decoder, info, &error) != PET_OK)
    return -1;
  image = (PetImage){ malloc ((size_t) info->width * (size_t) info->height *
                          (size_t) info->channels),
    info->width, info->height, info->channels,
    (ptrdiff_t) info->width * info->channels };
  if (pet_decoder_read (decoder, &image, NULL, &error) != PET_OK)
    begin = cpu_ms () + 1;
  pet_decoder_free (&decoder);
  free (image.data);
  *peak = counter.peak;
  return cpu_ms () - begin;
}

/* Adds the pixels of a row to the result pixel that each falls into. */
static void
add_row (unsigned *sums, unsigned *counts, const unsigned char *row,
    const int *column, int width)
{
  for (int x = 0; x < width; x++) {
    unsigned *sum = sums + 3 * column[x];

    sum[0] += row[3 * x];
    sum[1] += row[3 * x + 1];
    sum[2] += row[3 * x + 2];
    counts[column[x]]++;
  }
}

static void
put_row (unsigned *sums, unsigned *counts, unsigned char *out, int width)
{
  for (int x = 0; x < width; x++)
    for (int c = 0; c < 3; c++)
      out[3 * x + c] = (unsigned char) (sums[3 * x + c] / counts[x]);
  memset (sums, 0, 3 * (size_t) width * sizeof *sums);
  memset (counts, 0, (size_t) width * sizeof *counts);
}

/* Stored size in, so that turned photos compare too. */
static void
reduce (struct jpeg_decompress_struct *cinfo, int width, int height)
{
  int in_width = (int) cinfo->output_width, last = 0;
  int in_height = (int) cinfo->output_height;
  unsigned *sums = calloc (3 * (size_t) width, sizeof *sums);
  unsigned *counts = calloc ((size_t) width, sizeof *counts);
  int *column = malloc ((size_t) in_width * sizeof *column);
  unsigned char *row = malloc (3 * (size_t) in_width);
  unsigned char *out = malloc (3 * (size_t) width * (size_t) height);

  for (int x = 0; x < in_width; x++)
    column[x] = (int) ((long) x * width / in_width);
  for (int y = 0; y < in_height; y++) {
    int target = (int) ((long) y * height / in_height);
    JSAMPROW rows[1] = { row };

    if (target != last)
      put_row (sums, counts, out + 3 * (size_t) last * (size_t) width, width);
    last = target;
    jpeg_read_scanlines (cinfo, rows, 1);
    add_row (sums, counts, row, column, in_width);
  }
  put_row (sums, counts, out + 3 * (size_t) last * (size_t) width, width);
  free (sums);
  free (counts);
  free (column);
  free (row);
  free (out);
}

static double
run_plain (const File *file, int width, int height, int *denominator)
{
  double begin = cpu_ms ();
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr errors;

  cinfo.err = jpeg_std_error (&errors);
  jpeg_create_decompress (&cinfo);
  jpeg_mem_src (&cinfo, file->bytes, file->size);
  jpeg_read_header (&cinfo, TRUE);
  cinfo.out_color_space = JCS_RGB;
  cinfo.scale_num = 1;
  for (cinfo.scale_denom = 8; cinfo.scale_denom > 1; cinfo.scale_denom /= 2) {
    jpeg_calc_output_dimensions (&cinfo);
    if ((int) cinfo.output_width >= width &&
        (int) cinfo.output_height >= height)
      break;
  }
  *denominator = (int) cinfo.scale_denom;
  jpeg_start_decompress (&cinfo);
  reduce (&cinfo, width, height);
  jpeg_finish_decompress (&cinfo);
  jpeg_destroy_decompress (&cinfo);
  return cpu_ms () - begin;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static int
bench (const char *path, int max_size)
{
  double ours[N_ROUNDS], plain[N_ROUNDS];
  PetPictureInfo info = { 0 };
  int denominator = 1;
  size_t peak = 0;
  File file;

  if (!load (path, &file)) {
    fprintf (stderr, "bench-decode: %s cannot be read\n", path);
    return 1;
  }
  for (int i = 0; i < N_ROUNDS; i++) {
    bool turned;

    ours[i] = run_ours (&file, max_size, &info, &peak);
    if (ours[i] < 0 || info.format != PET_PICTURE_JPEG) {
      fprintf (stderr, "bench-decode: %s is no JPEG that can be read\n", path);
      return 1;
    }
    turned = info.orientation >= 5;
    plain[i] = run_plain (&file, turned ? info.height : info.width,
        turned ? info.width : info.height, &denominator);
  }
  qsort (ours, N_ROUNDS, sizeof *ours, compare);
  qsort (plain, N_ROUNDS, sizeof *plain, compare);
  printf ("%5dx%-5d 1/%d to %4dx%-4d %8.1f %8.1f %6.2f %8.2f  %s\n",
      info.stored_width, info.stored_height, denominator, info.width,
      info.height, ours[N_ROUNDS / 2], plain[N_ROUNDS / 2],
      ours[N_ROUNDS / 2] / plain[N_ROUNDS / 2], (double) peak / 1e6, path);
  free (file.bytes);
  return 0;
}

int
main (int argc, char **argv)
{
  int max_size = 1536, first = 1, failed = 0;

  if (argc > 3 && strcmp (argv[1], "--max-size") == 0) {
    max_size = atoi (argv[2]);
    first = 3;
  }
  printf (
      "stored      DCT    to         ours, ms plain, ms  ratio  work, MB\n");
  for (int i = first; i < argc; i++)
    failed |= bench (argv[i], max_size);
  return failed;
}
