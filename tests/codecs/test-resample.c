/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pet-cpu.h"
#include "base/pet-resample-rows.h"
#include "base/pet-resample.h"
#include "codec-files.h"
#include "tap.h"

static PetImage
image_new (int width, int height, int channels)
{
  ptrdiff_t stride = (ptrdiff_t) width * channels + 16;
  PetImage image = { malloc ((size_t) (stride * height)), width, height,
    channels, stride };

  memset (image.data, GUARD, (size_t) (stride * height));
  return image;
}

static bool
padding_is_whole (const PetImage *image)
{
  for (int y = 0; y < image->height; y++)
    for (int i = image->width * image->channels; i < image->stride_bytes; i++)
      if (pet_image_row (image, y)[i] != GUARD)
        return false;
  return true;
}

static PetImage
random_image (int width, int height, int channels)
{
  PetImage image = image_new (width, height, channels);

  for (int y = 0; y < height; y++)
    for (int i = 0; i < width * channels; i++)
      pet_image_row (&image, y)[i] = (uint8_t) tap_random ();
  return image;
}

static double
oracle_kernel (PetFilter filter, double x)
{
  double pi_x = 3.14159265358979323846 * x;

  x = fabs (x);
  if (filter == PET_FILTER_TRIANGLE)
    return x < 1 ? 1 - x : 0;
  if (x >= 3)
    return 0;
  return x < 1e-12 ? 1 : 3 * sin (pi_x) * sin (pi_x / 3) / (pi_x * pi_x);
}

/* Weight of source `i` in output `o`, straight from the definition. */
static double
oracle_weight (PetFilter filter, int in, int out, int o, int i)
{
  double scale = (double) in / out, stretch = scale > 1 ? scale : 1;

  return oracle_kernel (filter, ((i + 0.5) - (o + 0.5) * scale) / stretch);
}

static void
oracle_pixel (const PetImage *src, PetFilter filter, const PetImage *dst, int x,
    int y, double *out)
{
  double sum[4] = { 0 }, total = 0, alpha = 0;

  for (int j = 0; j < src->height; j++) {
    double wy = oracle_weight (filter, src->height, dst->height, y, j);

    for (int i = 0; wy != 0 && i < src->width; i++) {
      const uint8_t *pixel = pet_image_row (src, j) + i * src->channels;
      double w = wy * oracle_weight (filter, src->width, dst->width, x, i);

      total += w;
      for (int c = 0; c < src->channels; c++)
        sum[c] += w * pixel[c] * (src->channels == 4 && c < 3 ? pixel[3] : 1);
    }
  }
  alpha = sum[3] / total;
  for (int c = 0; c < src->channels; c++) {
    out[c] = sum[c] / total;
    if (src->channels == 4 && c < 3)
      out[c] = alpha >= 0.5 ? out[c] / alpha : 0;
    out[c] = out[c] < 0 ? 0 : (out[c] > 255 ? 255 : out[c]);
  }
}

static void
compare_with_oracle (const PetImage *src, const PetImage *dst, PetFilter filter)
{
  for (int y = 0; y < dst->height; y++)
    for (int x = 0; x < dst->width; x++) {
      const uint8_t *pixel = pet_image_row (dst, y) + x * dst->channels;
      double expected[4];

      oracle_pixel (src, filter, dst, x, y, expected);
      if (dst->channels == 4 && expected[3] < 2)
        continue;
      for (int c = 0; c < dst->channels; c++)
        if (fabs (pixel[c] - expected[c]) >
            (dst->channels == 3 ? 0.55 : 0.51)) {
          tap_fail ("%dx%d to %dx%d, %d channels, filter %d: (%d,%d)[%d] is "
                    "%d, not %f",
              src->width, src->height, dst->width, dst->height, dst->channels,
              filter, x, y, c, pixel[c], expected[c]);
          return;
        }
    }
}

static void
matches_the_definition (void)
{
  static const int channels[] = { 1, 3, 4 };

  for (int n = 0; n < 90; n++) {
    PetFilter filter = n % 2 ? PET_FILTER_LANCZOS3 : PET_FILTER_TRIANGLE;
    int limit = n < 20 ? 3 : 40, c = channels[n % 3];
    PetImage src = random_image (
        tap_random_range (1, limit), tap_random_range (1, limit), c);
    PetImage dst =
        image_new (tap_random_range (1, limit), tap_random_range (1, limit), c);

    tap_check (pet_resample (NULL, &src, &dst, filter, NULL) == PET_OK);
    tap_check (padding_is_whole (&dst));
    compare_with_oracle (&src, &dst, filter);
    free (src.data);
    free (dst.data);
  }
}

static void
same_size_is_a_copy (void)
{
  static const int channels[] = { 1, 3, 4 };

  for (int n = 0; n < 12; n++) {
    PetImage src = random_image (
        tap_random_range (1, 50), tap_random_range (1, 50), channels[n % 3]);
    PetImage dst = image_new (src.width, src.height, src.channels);

    for (int i = 3; src.channels == 4 && i < src.width * 4; i += 4)
      for (int y = 0; y < src.height; y++)
        pet_image_row (&src, y)[i] |= 1;
    tap_check (
        pet_resample (NULL, &src, &dst,
            n % 2 ? PET_FILTER_LANCZOS3 : PET_FILTER_TRIANGLE, NULL) == PET_OK);
    tap_check (memcmp (src.data, dst.data,
                   (size_t) (src.stride_bytes * src.height)) == 0);
    free (src.data);
    free (dst.data);
  }
}

static void
constant_stays_constant (void)
{
  for (int n = 0; n < 60; n++) {
    int channels = n % 3 == 0 ? 1 : (n % 3 == 1 ? 3 : 4);
    PetImage src = image_new (
        tap_random_range (1, 90), tap_random_range (1, 90), channels);
    PetImage dst = image_new (
        tap_random_range (1, 90), tap_random_range (1, 90), channels);
    uint8_t value[4] = { (uint8_t) tap_random (), (uint8_t) tap_random (),
      (uint8_t) tap_random (), (uint8_t) tap_random_range (1, 255) };
    bool same = true;

    for (int y = 0; y < src.height; y++)
      for (int i = 0; i < src.width * channels; i++)
        pet_image_row (&src, y)[i] = value[i % channels];
    pet_resample (NULL, &src, &dst,
        n % 2 ? PET_FILTER_LANCZOS3 : PET_FILTER_TRIANGLE, NULL);
    for (int y = 0; y < dst.height; y++)
      for (int i = 0; i < dst.width * channels; i++)
        same = same && pet_image_row (&dst, y)[i] == value[i % channels];
    tap_check (same);
    free (src.data);
    free (dst.data);
  }
}

static void
invisible_colour_does_not_bleed (void)
{
  PetImage src = image_new (40, 40, 4), dst = image_new (13, 17, 4);

  for (int y = 0; y < 40; y++)
    for (int x = 0; x < 40; x++) {
      bool seen = x < 20;

      memcpy (pet_image_row (&src, y) + 4 * x,
          seen ? (uint8_t[]){ 200, 100, 50, 255 }
               : (uint8_t[]){ 0, 255, 255, 0 },
          4);
    }
  pet_resample (NULL, &src, &dst, PET_FILTER_LANCZOS3, NULL);
  for (int y = 0; y < dst.height; y++)
    for (int x = 0; x < dst.width; x++) {
      const uint8_t *pixel = pet_image_row (&dst, y) + 4 * x;

      if (pixel[3] == 0)
        tap_check (pixel[0] == 0 && pixel[1] == 0 && pixel[2] == 0);
      else
        tap_check (abs (pixel[0] - 200) <= 1 && abs (pixel[1] - 100) <= 1 &&
            abs (pixel[2] - 50) <= 1);
    }
  free (src.data);
  free (dst.data);
}

/* Pulls as early as allowed, and checks the counts that are promised. */
static void
rows_stream (void)
{
  for (int n = 0; n < 30; n++) {
    int in = tap_random_range (1, 60), out = tap_random_range (1, 60);
    PetImage src = random_image (11, in, 3), dst = image_new (7, out, 3);
    float *row = malloc (7 * 3 * sizeof *row);
    PetResampler *resampler;
    int pushed = 0;

    pet_resample (NULL, &src, &dst, PET_FILTER_LANCZOS3, NULL);
    tap_check (pet_resampler_new (NULL, 11, in, 7, out, 3, PET_FILTER_LANCZOS3,
                   &resampler, NULL) == PET_OK);
    for (int y = 0; y < out; y++) {
      int wanted = pet_resampler_rows_wanted (resampler);

      tap_check (wanted >= 0 && pushed + wanted <= in);
      for (; wanted > 0; wanted--) {
        tap_check (pet_resampler_rows_wanted (resampler) == wanted);
        pet_resampler_push (resampler, pet_image_row (&src, pushed++));
      }
      pet_resampler_pull_float (resampler, row);
      for (int i = 0; i < 7 * 3; i++)
        tap_check (fabsf (row[i] - (float) pet_image_row (&dst, y)[i]) <= 0.5f);
    }
    tap_check (pet_resampler_rows_wanted (resampler) == 0);
    pet_resampler_free (&resampler);
    tap_check (resampler == NULL);
    free (row);
    free (src.data);
    free (dst.data);
  }
}

static void
memory_is_as_announced (void)
{
  for (int n = 0; n < 40; n++) {
    int in_w = tap_random_range (1, 3000), in_h = tap_random_range (1, 3000);
    int out_w = tap_random_range (1, in_w), out_h = tap_random_range (1, in_h);
    TestAllocator memory;
    PetResampler *resampler;

    test_allocator_init (&memory, 0x77);
    tap_check (pet_resampler_new (&memory.allocator, in_w, in_h, out_w, out_h,
                   3 + n % 2, PET_FILTER_LANCZOS3, &resampler, NULL) == PET_OK);
    tap_check (memory.peak ==
        pet_resampler_bytes (
            in_w, in_h, out_w, out_h, 3 + n % 2, PET_FILTER_LANCZOS3));
    pet_resampler_free (&resampler);
    tap_check (memory.used == 0);
  }
}

static void
bad_arguments_are_refused (void)
{
  PetResampler *resampler;
  PetError error;
  TestAllocator memory;

  tap_check (pet_resampler_new (NULL, 0, 1, 1, 1, 3, PET_FILTER_TRIANGLE,
                 &resampler, &error) == PET_ERROR_ARGUMENT);
  tap_check (resampler == NULL);
  tap_check (pet_resampler_new (NULL, 1, 1, 1, 1, 2, PET_FILTER_TRIANGLE,
                 &resampler, &error) == PET_ERROR_ARGUMENT);
  tap_check (pet_resampler_bytes (
                 1, 1, (1 << 20) + 1, 1, 3, PET_FILTER_TRIANGLE) == 0);
  test_allocator_init (&memory, 0);
  memory.fail_at = 1;
  tap_check (pet_resampler_new (&memory.allocator, 5, 5, 2, 2, 3,
                 PET_FILTER_TRIANGLE, &resampler, &error) == PET_ERROR_MEMORY);
}

#define ROW_PIXELS 200
#define ROW_TAPS 9
#define FIXED_TAPS 12
#define FIXED_ROWS 9

/* What each loop of one version makes of the same data; behind each result are
 * bytes that must stay. */
typedef struct {
  _Alignas(16) float line[4 * ROW_PIXELS + 16], out[4 * ROW_PIXELS + 16];
  int16_t fixed[2][4 * ROW_PIXELS + 16];
  float levels[3 * ROW_PIXELS + 16];
  uint8_t bytes[3][4 * ROW_PIXELS + 16];
} RowResults;

typedef struct {
  uint8_t row[4 * ROW_PIXELS + 1 + PET_RESAMPLE_OVERREAD];
  int16_t fixed[FIXED_ROWS][4 * ROW_PIXELS];
  int16_t fixed_weights[ROW_PIXELS * FIXED_TAPS];
  _Alignas(16) float a[4 * ROW_PIXELS], b[4 * ROW_PIXELS];
  float weights[ROW_PIXELS * ROW_TAPS];
  int first[ROW_PIXELS];
} RowData;

static void
fill_rows (RowData *data, int width)
{
  for (size_t i = 0; i < sizeof data->row; i++)
    data->row[i] = (uint8_t) tap_random_range (0, 255);
  for (int i = 0; i < 4 * ROW_PIXELS; i++) {
    data->a[i] = (float) tap_random_range (-9000, 9000) / 31.0f;
    data->b[i] = (float) tap_random_range (0, 8160) / 32.0f;
  }
  for (int i = 0; i < ROW_PIXELS * ROW_TAPS; i++)
    data->weights[i] = (float) tap_random_range (-100, 900) / 777.0f;
  for (int i = 0; i < FIXED_ROWS * 4 * ROW_PIXELS; i++)
    data->fixed[i % FIXED_ROWS][i / FIXED_ROWS] =
        (int16_t) tap_random_range (-4000, 20000);
  for (int i = 0; i < ROW_PIXELS * FIXED_TAPS; i++)
    data->fixed_weights[i] = (int16_t) tap_random_range (-1000, 4000);
  for (int i = 0; i < width; i++)
    data->first[i] = tap_random_range (0, ROW_PIXELS - FIXED_TAPS);
}

static void
run_fixed (
    const PetResampleRows *rows, const RowData *data, int width, RowResults *to)
{
  int n_rows = 1 + width % FIXED_ROWS;
  const int16_t *inputs[FIXED_ROWS];

  for (int k = 0; k < FIXED_ROWS; k++)
    inputs[k] = data->fixed[k];
  rows->across_rgb (data->row + 1, data->first, data->fixed_weights,
      width % 2 ? FIXED_TAPS : 4, to->fixed[0], width);
  rows->across_rgbx (data->row + 1, data->first, data->fixed_weights,
      width % 2 ? FIXED_TAPS : 4, to->fixed[1], width);
  rows->down_rgb (inputs, data->fixed_weights, n_rows, to->bytes[1] + 1, width);
  rows->down_rgb_float (inputs, data->fixed_weights, n_rows, to->levels, width);
  memcpy (to->bytes[2] + 1, data->row + 1, 3 * (size_t) width);
  rows->add_alpha (to->bytes[2] + 1, width);
}

static bool
is_opaque (const RowData *data, const uint8_t *rgba, int width)
{
  for (int x = 0; x < width; x++)
    if (memcmp (rgba + 4 * x, data->row + 1 + 3 * x, 3) != 0 ||
        rgba[4 * x + 3] != 255)
      return false;
  return true;
}

static bool
floats_end_at (const float *levels, int count)
{
  static const uint8_t untouched[4] = { 0xa5, 0xa5, 0xa5, 0xa5 };

  return memcmp (levels + count, untouched, sizeof untouched) == 0;
}

static void
run_rows (const PetResampleRows *rows, const RowData *data, int width,
    int channels, RowResults *results)
{
  size_t lanes = channels == 1 ? 1 : 4, n = lanes * (size_t) width;

  memset (results, 0xa5, sizeof *results);
  if (channels == 1) {
    rows->widen_1 (data->row + 1, results->line, width);
    rows->across_1 (
        data->a, data->first, data->weights, ROW_TAPS, results->out, width);
    rows->store_1 (data->a, results->bytes[0] + 1, width);
  } else {
    (channels == 3 ? rows->widen_3
            : width % 2 != 0
            ? rows->widen_rgbx
            : rows->widen_4) (data->row + 1, results->line, width);
    rows->across_4 (
        data->a, data->first, data->weights, ROW_TAPS, results->out, width);
    (channels == 3 ? rows->store_3 : rows->store_4) (
        data->b, results->bytes[0] + 1, width);
  }
  if (channels == 3)
    run_fixed (rows, data, width, results);
  rows->add_1 (results->out, data->b, 0.3f, n);
  rows->add_2 (results->out, data->a, -0.1f, data->b, 0.7f, n);
}

/* Reduces so little that weights are whole numbers, and so much that they are
 * not. */
static void
fourth_byte_counts_nothing (void)
{
  static const int factors[] = { 3, 20 };

  for (int n = 0; n < 20; n++) {
    int width = tap_random_range (1, 9), height = tap_random_range (1, 9);
    int factor = factors[n % 2], in = width * factor, y[2] = { 0 };
    PetImage photo = random_image (in, height * factor, 4);
    PetResampler *resamplers[2];
    uint8_t row[3 * 9 * 20];
    float out[2][3 * 9];

    for (int i = 0; i < 2; i++)
      tap_check (pet_resampler_new (NULL, in, height * factor, width, height, 3,
                     PET_FILTER_TRIANGLE, &resamplers[i], NULL) == PET_OK);
    for (int at = 0; at < height; at++) {
      while (pet_resampler_rows_wanted (resamplers[0]) > 0)
        pet_resampler_push_rgbx (resamplers[0], pet_image_row (&photo, y[0]++));
      while (pet_resampler_rows_wanted (resamplers[1]) > 0) {
        const uint8_t *from = pet_image_row (&photo, y[1]++);

        for (int x = 0; x < in; x++)
          memcpy (row + 3 * x, from + 4 * x, 3);
        pet_resampler_push (resamplers[1], row);
      }
      for (int i = 0; i < 2; i++)
        pet_resampler_pull_float (resamplers[i], out[i]);
      tap_check (
          memcmp (out[0], out[1], 3 * (size_t) width * sizeof (float)) == 0);
    }
    for (int i = 0; i < 2; i++)
      pet_resampler_free (&resamplers[i]);
    free (photo.data);
  }
}

static void
versions_are_the_same (void)
{
  static const PetResampleRows *const versions[] = {
#ifdef PET_HAVE_X86
    [PET_ISA_AVX2] = &pet_resample_rows_avx2,
    [PET_ISA_AVX512] = &pet_resample_rows_avx512,
#endif
    [PET_ISA_C] = &pet_resample_rows_c,
  };
  static const int channels[] = { 1, 3, 4 };
  static RowData data;
  static RowResults expected, got;
  int n_versions = (int) (sizeof versions / sizeof *versions);

  for (int n = 0; n < 300; n++) {
    int width = n < 60 ? n / 3 + 1 : tap_random_range (1, ROW_PIXELS);

    fill_rows (&data, width);
    run_rows (versions[0], &data, width, channels[n % 3], &expected);
    for (int i = 1; i < n_versions && i <= (int) pet_cpu_isa_found (); i++) {
      run_rows (versions[i], &data, width, channels[n % 3], &got);
      if (memcmp (&expected, &got, sizeof got) != 0)
        tap_fail ("%s: %d pixels, %d channels", pet_isa_name ((PetIsa) i),
            width, channels[n % 3]);
    }
    tap_check (channels[n % 3] != 3 ||
        (expected.bytes[1][0] == 0xa5 &&
            expected.bytes[1][1 + 3 * width] == 0xa5 &&
            floats_end_at (expected.levels, 3 * width) &&
            expected.bytes[2][0] == 0xa5 &&
            expected.bytes[2][1 + 4 * width] == 0xa5 &&
            is_opaque (&data, expected.bytes[2] + 1, width)));
    tap_check (expected.bytes[0][0] == 0xa5 &&
        expected.bytes[0][1 + channels[n % 3] * width] == 0xa5);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (matches_the_definition),
    TAP_TEST (versions_are_the_same),
    TAP_TEST (fourth_byte_counts_nothing),
    TAP_TEST (same_size_is_a_copy),
    TAP_TEST (constant_stays_constant),
    TAP_TEST (invisible_colour_does_not_bleed),
    TAP_TEST (rows_stream),
    TAP_TEST (memory_is_as_announced),
    TAP_TEST (bad_arguments_are_refused),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
