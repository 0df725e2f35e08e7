/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Convolutions of bfloat16 numbers, every version that this machine can run:
 * rounding to the bit, sums against plain ones in doubles, odd places, canaries
 * around what they write.
 *
 *   test-nn-bf16 [NAME...]     the tests
 *   test-nn-bf16 --bench       GFLOP/s beside those of floats */

#include <math.h>
#include <time.h>

#include "conv-row.h"
#include "nn/native/native-bf16.h"

#define ROUNDS 150
#define MAX_BLOCKS 5

static uint16_t *
narrow_numbers (const Buffer *buffer)
{
  return (uint16_t *) (void *) buffer->data;
}

/* Floats of which half the memory is enough for `count` numbers, random ones. */
static Buffer
narrow_buffer (size_t count)
{
  Buffer buffer = buffer_new ((count + 1) / 2, 0);

  for (size_t i = 0; i < count; i++)
    narrow_numbers (&buffer)[i] = pet_native_to_bf16 (random_float ());
  return buffer;
}

static void
check_narrow (const PetNativeBf16 *k)
{
  static const float odd[] = { 0, -0.0f, 1e-40f, -1e-40f, 1.17549435e-38f,
    3.4e38f, -INFINITY, INFINITY, NAN, 1.00390625f, 1.01171875f, -1.00390625f };
  int pixels = tap_random_range (1, 20), lanes = tap_random_range (1, 16);
  size_t count = (size_t) pixels * PET_BLOCK;
  Buffer in = buffer_new (count, 0), out = narrow_buffer (count);

  for (size_t i = 0; i < count; i++)
    if (tap_random () % 3 == 0)
      in.data[i] = odd[tap_random () % (sizeof odd / sizeof *odd)];
  k->narrow (in.data, lanes, narrow_numbers (&out), pixels);
  for (size_t i = 0; i < count; i++) {
    uint16_t got = narrow_numbers (&out)[i];
    uint16_t wanted =
        (int) (i % PET_BLOCK) < lanes ? pet_native_to_bf16 (in.data[i]) : 0;

    if (got != wanted)
      tap_fail ("%s: %g becomes %04x, not %04x", k->name, (double) in.data[i],
          got, wanted);
  }
  buffer_end (&in, k->name);
  buffer_end (&out, k->name);
}

static void
row_begin (Row *row, int max_group)
{
  int blocks = tap_random_range (1, MAX_BLOCKS), pairs = 0;
  ptrdiff_t part;

  row->pixels = tap_random_range (1, 40);
  part = (row->pixels + 12) * PET_BLOCK;
  row->conv = (PetNativeConv){ .segments = row->segments,
    .n_segments = blocks,
    .group = tap_random_range (1, max_group),
    .pixel_step = PET_BLOCK,
    .out_stride = row->pixels * PET_BLOCK + tap_random_range (0, 40),
    .finish = random_finish () };
  for (int s = 0; s < blocks; s++) {
    int lanes = s + 1 < blocks ? PET_BLOCK : tap_random_range (1, PET_BLOCK);

    row->segments[s] = (PetNativeSegment){ s * part, lanes };
    pairs += (lanes + 1) / 2;
  }
  row->in = narrow_buffer ((size_t) (blocks * part));
  row->weights =
      narrow_buffer ((size_t) (2 * pairs * row->conv.group) * PET_BLOCK);
  row->bias = buffer_new ((size_t) row->conv.group * PET_BLOCK, 0);
  row->out =
      buffer_new ((size_t) ((row->conv.group - 1) * row->conv.out_stride +
                      row->pixels * PET_BLOCK),
          0);
  row->residual = buffer_new (row->out.floats, 0);
  row->has_residual = tap_random () % 2 == 0;
  row->conv.narrow_weights = narrow_numbers (&row->weights);
  row->conv.bias = row->bias.data;
}

static float
row_expected (const Row *row, int pixel, int column)
{
  const uint16_t *w = row->conv.narrow_weights + 2 * column;
  ptrdiff_t at = column / PET_BLOCK * row->conv.out_stride + pixel * PET_BLOCK +
      column % PET_BLOCK;
  double sum = (double) row->bias.data[column];

  for (int s = 0; s < row->conv.n_segments; s++)
    for (int i = 0; i < row->segments[s].lanes; i += 2) {
      const uint16_t *lane = narrow_numbers (&row->in) +
          row->segments[s].offset + pixel * PET_BLOCK + i;

      sum += (double) pet_native_from_bf16 (lane[0]) *
          (double) pet_native_from_bf16 (w[0]);
      sum += (double) pet_native_from_bf16 (lane[1]) *
          (double) pet_native_from_bf16 (w[1]);
      w += 2 * row->conv.group * PET_BLOCK;
    }
  return (float) finished (&row->conv.finish, sum,
      row->has_residual ? row->residual.data + at : NULL);
}

static void
check_conv (const PetNativeBf16 *k)
{
  Row row;

  row_begin (&row, k->max_group);
  k->conv (&row.conv, narrow_numbers (&row.in),
      row.has_residual ? row.residual.data : NULL, row.out.data, row.pixels);
  for (int p = 0; p < row.pixels; p++)
    for (int c = 0; c < row.conv.group * PET_BLOCK; c++) {
      float expected = row_expected (&row, p, c);

      compare (k->name, "conv",
          row.out.data + c / PET_BLOCK * row.conv.out_stride + p * PET_BLOCK +
              c % PET_BLOCK,
          &expected, 1, 2e-5);
    }
  row_end (&row, k->name);
}

static void
for_each_version (void (*check) (const PetNativeBf16 *k))
{
  const PetNativeBf16 *versions[] = { &pet_native_bf16_c, pet_native_bf16 () };

  for (int v = 0; v < 2 && versions[v] != NULL; v++) {
    for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++)
      check (versions[v]);
    printf ("# %s\n", versions[v]->name);
  }
}

static void
numbers_are_rounded_to_the_nearest (void)
{
  for_each_version (check_narrow);
}

static void
rows_are_sums_of_products (void)
{
  for_each_version (check_conv);
}

static double
now_seconds (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

/* Of `lanes` of 24 pixels to a group; with `k` NULL in floats. */
static double
bench_conv (const PetNativeBf16 *k, int group, int lanes)
{
  static _Alignas(64) float in[48 * 1024], out[8 * 1024], weights[64 * 1024];
  static const float bias[64];
  enum { PIXELS = 24 };
  PetNativeSegment segments[64];
  PetNativeConv conv = { .segments = segments,
    .n_segments = lanes / PET_BLOCK,
    .group = group,
    .pixel_step = PET_BLOCK,
    .weights = weights,
    .narrow_weights = (const uint16_t *) (const void *) weights,
    .bias = bias,
    .out_stride = PIXELS * PET_BLOCK,
    .finish = { 0, 6, false } };
  int runs = 4000000 / (lanes * PIXELS * group);
  double best = 0;

  for (int s = 0; s < conv.n_segments; s++)
    segments[s] = (PetNativeSegment){ s * PIXELS * PET_BLOCK, PET_BLOCK };
  for (int round = 0; round < 7; round++) {
    double start = now_seconds (), rate;

    for (int i = 0; i < runs; i++)
      if (k != NULL)
        k->conv (
            &conv, (const uint16_t *) (const void *) in, NULL, out, PIXELS);
      else
        pet_native_kernels_all ()[0]->conv (&conv, in, NULL, out, PIXELS);
    rate = 2.0 * lanes * PIXELS * group * PET_BLOCK * runs /
        (now_seconds () - start) / 1e9;
    best = rate > best ? rate : best;
  }
  return best;
}

static void
bench_version (const char *name, const PetNativeBf16 *k, int group)
{
  printf ("%-12s %12.1f %12.1f %12.1f\n", name, bench_conv (k, group, 96),
      bench_conv (k, 1, 16), bench_conv (k, group, 480));
}

static int
bench (void)
{
  const PetNativeKernels *floats = pet_native_kernels_all ()[0];

  printf ("GFLOP/s, best of 7\n%-12s %12s %12s %12s\n", "", "96 to group",
      "16 to 16", "480 to group");
  bench_version (floats->name, NULL, floats->max_group);
  bench_version ("bf16 c", &pet_native_bf16_c, PET_NATIVE_MAX_GROUP);
  if (pet_native_bf16 () != NULL)
    bench_version ("bf16", pet_native_bf16 (), pet_native_bf16 ()->max_group);
  return 0;
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (numbers_are_rounded_to_the_nearest),
    TAP_TEST (rows_are_sums_of_products),
  };

  if (argc == 2 && strcmp (argv[1], "--bench") == 0)
    return bench ();
  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
