/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every variant of the network kernels that this machine can run against
 * plain loops: random shapes, odd sizes, places that are aligned to a float
 * only, and canaries around what they write.
 *
 *   test-nn-kernels [NAME...]     the tests
 *   test-nn-kernels --bench       GFLOP/s of each variant on typical shapes,
 *                                 beside what the machine's registers can do */

#include <math.h>
#include <time.h>

#include "conv-row.h"

#define ROUNDS 120

static void
row_begin (Row *row, int group, int pixel_step, bool one)
{
  int columns = one ? 1 : group * PET_BLOCK;
  size_t reach = 0;

  row->lanes = 0;
  row->pixels = tap_random_range (1, 40);
  row->conv = (PetNativeConv){ .segments = row->segments,
    .n_segments = tap_random_range (1, 9),
    .group = group,
    .pixel_step = pixel_step,
    .finish = random_finish () };
  for (int s = 0; s < row->conv.n_segments; s++) {
    row->segments[s].offset = tap_random_range (0, 2000);
    row->segments[s].lanes =
        pixel_step < 16 ? 1 : tap_random_range (1, PET_BLOCK);
    row->lanes += row->segments[s].lanes;
  }
  reach = 2016 + (size_t) (row->pixels * pixel_step);
  row->conv.out_stride = row->pixels * PET_BLOCK + tap_random_range (0, 40);
  row->in = buffer_new (reach, PET_NATIVE_OVERREAD);
  row->weights = buffer_new (
      (size_t) (one ? row->conv.n_segments * PET_BLOCK : row->lanes * columns),
      0);
  row->bias = buffer_new ((size_t) columns, 0);
  row->out = buffer_new (one ? (size_t) row->pixels
                             : (size_t) ((group - 1) * row->conv.out_stride +
                                   row->pixels * PET_BLOCK),
      0);
  row->residual = buffer_new (row->out.floats, 0);
  row->has_residual = tap_random () % 2 == 0;
  row->conv.weights = row->weights.data;
  row->conv.bias = row->bias.data;
}

static float
row_expected (const Row *row, int pixel, int column)
{
  const float *w = row->weights.data;
  double sum = (double) row->bias.data[column];
  ptrdiff_t at = column / PET_BLOCK * row->conv.out_stride + pixel * PET_BLOCK +
      column % PET_BLOCK;

  for (int s = 0; s < row->conv.n_segments; s++) {
    const float *in =
        row->in.data + row->segments[s].offset + pixel * row->conv.pixel_step;

    for (int l = 0; l < row->segments[s].lanes; l++) {
      sum += (double) in[l] * (double) w[column];
      w += row->conv.group * PET_BLOCK;
    }
  }
  return (float) finished (&row->conv.finish, sum,
      row->has_residual ? row->residual.data + at : NULL);
}

static void
check_conv (const PetNativeKernels *k)
{
  static const int steps[] = { 1, 2, 16, 32 };
  int step = steps[tap_random_range (0, 3)], max = k->max_group;
  Row row;

  row_begin (&row,
      tap_random_range (1,
          step == 16    ? max
              : max < 2 ? max
                        : 2),
      step, false);
  k->conv (&row.conv, row.in.data, row.has_residual ? row.residual.data : NULL,
      row.out.data, row.pixels);
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
check_conv_one (const PetNativeKernels *k)
{
  Row row;

  row_begin (&row, 1, 16 * tap_random_range (1, 3), true);
  /* Lanes behind the segment's may hold anything. */
  for (int s = 0; s < row.conv.n_segments; s++)
    if (row.segments[s].lanes < PET_BLOCK && row.pixels == 1)
      row.in.data[row.segments[s].offset + PET_BLOCK - 1] = NAN;
  k->conv_one (&row.conv, row.in.data,
      row.has_residual ? row.residual.data : NULL, row.out.data, row.pixels);
  for (int p = 0; p < row.pixels; p++) {
    double sum = (double) row.bias.data[0];
    float expected;

    for (int s = 0; s < row.conv.n_segments; s++)
      for (int l = 0; l < row.segments[s].lanes; l++)
        sum += (double) row.in
                   .data[row.segments[s].offset + l + p * row.conv.pixel_step] *
            (double) row.weights.data[s * PET_BLOCK + l];
    expected = (float) finished (
        &row.conv.finish, sum, row.has_residual ? row.residual.data + p : NULL);
    /* A segment may lie over another one's unused lanes. */
    if (!isnan (sum))
      compare (k->name, "conv_one", row.out.data + p, &expected, 1, 2e-5);
  }
  row_end (&row, k->name);
}

/* Rows of a window: depthwise and pooling. */
typedef struct {
  int in_width, out_width, kernel, stride, dilation, pad, n_rows;
  Buffer in;
  const float *rows[8];
} Window;

static void
window_begin (Window *w)
{
  static const int kernels[] = { 1, 2, 3, 3, 3, 4, 5, 5, 7 };

  do {
    w->in_width = tap_random_range (1, 60);
    w->kernel = kernels[tap_random_range (0, 8)];
    w->stride = tap_random_range (1, 3);
    w->dilation = tap_random_range (1, 4) == 4 ? 2 : 1;
    w->pad = tap_random_range (0, w->kernel - 1);
    w->out_width = w->in_width + 2 * w->pad - (w->kernel - 1) * w->dilation - 1;
  } while (w->out_width < 0);
  w->out_width = w->out_width / w->stride + 1;
  w->n_rows = tap_random_range (1, 5);
  w->in = buffer_new ((size_t) (w->n_rows * w->in_width * PET_BLOCK), 0);
  for (int i = 0; i < w->n_rows; i++)
    w->rows[i] = w->in.data + i * w->in_width * PET_BLOCK;
}

static bool
window_tap (const Window *w, int x, int k, int *at)
{
  *at = x * w->stride - w->pad + k * w->dilation;
  return *at >= 0 && *at < w->in_width;
}

static void
check_depthwise (const PetNativeKernels *k)
{
  Window w;
  Buffer weights, bias, residual, out;
  bool has_residual = tap_random () % 2 == 0;
  PetNativeDepthwise d = { .finish = random_finish () };

  window_begin (&w);
  weights = buffer_new ((size_t) (w.n_rows * w.kernel * PET_BLOCK), 0);
  bias = buffer_new (PET_BLOCK, 0);
  out = buffer_new ((size_t) (w.out_width * PET_BLOCK), 0);
  residual = buffer_new (out.floats, 0);
  d.in_width = w.in_width, d.out_width = w.out_width;
  d.kernel_w = w.kernel, d.stride = w.stride;
  d.dilation = w.dilation, d.pad = w.pad, d.bias = bias.data;
  k->depthwise (&d, w.rows, w.n_rows, weights.data,
      has_residual ? residual.data : NULL, out.data);
  for (int i = 0; i < w.out_width * PET_BLOCK; i++) {
    int c = i % PET_BLOCK, at;
    double sum = (double) bias.data[c];
    float expected;

    for (int y = 0; y < w.n_rows; y++)
      for (int t = 0; t < w.kernel; t++)
        if (window_tap (&w, i / PET_BLOCK, t, &at))
          sum += (double) w.rows[y][at * PET_BLOCK + c] *
              (double) weights.data[(y * w.kernel + t) * PET_BLOCK + c];
    expected = (float) finished (
        &d.finish, sum, has_residual ? residual.data + i : NULL);
    compare (k->name, "depthwise", out.data + i, &expected, 1, 1e-5);
  }
  buffer_end (&w.in, k->name);
  buffer_end (&weights, k->name);
  buffer_end (&bias, k->name);
  buffer_end (&residual, k->name);
  buffer_end (&out, k->name);
}

static void
check_pool (const PetNativeKernels *k)
{
  bool average = tap_random () % 2 == 0;
  Buffer out, scale;
  Window w;
  PetNativePool pool;

  window_begin (&w);
  out = buffer_new ((size_t) (w.out_width * PET_BLOCK), 0);
  scale = buffer_new ((size_t) w.out_width, 0);
  pool = (PetNativePool){ w.in_width, w.out_width, w.kernel, w.stride,
    w.dilation, w.pad, average ? scale.data : NULL };
  k->pool (&pool, w.rows, w.n_rows, out.data);
  for (int i = 0; i < w.out_width * PET_BLOCK; i++) {
    double sum = average ? 0 : -INFINITY;
    float expected;
    int at;

    for (int y = 0; y < w.n_rows; y++)
      for (int t = 0; t < w.kernel; t++)
        if (window_tap (&w, i / PET_BLOCK, t, &at)) {
          double tap = (double) w.rows[y][at * PET_BLOCK + i % PET_BLOCK];

          sum = average ? sum + tap : fmax (sum, tap);
        }
    if (average)
      sum *= (double) scale.data[i / PET_BLOCK];
    expected = (float) sum;
    if (isinf (expected))
      tap_check (out.data[i] == expected);
    else
      compare (k->name, "pool", out.data + i, &expected, 1, 1e-5);
  }
  buffer_end (&w.in, k->name);
  buffer_end (&scale, k->name);
  buffer_end (&out, k->name);
}

/* Direct 3x3 sum at (y, x) of a 6x6 picture, from lane `c`. */
static double
direct_3x3 (
    const float *in, ptrdiff_t stride, const double *g, int y, int x, int c)
{
  double sum = 0;

  for (int i = 0; i < 9; i++)
    sum +=
        g[i] * (double) in[(y + i / 3) * stride + (x + i % 3) * PET_BLOCK + c];
  return sum;
}

/* G g G^T, by which transformed pixels are multiplied. */
static void
transformed_weights (const double *g, double u[36])
{
  static const double rows[6][3] = { { 0.25, 0, 0 },
    { -1. / 6, -1. / 6, -1. / 6 }, { -1. / 6, 1. / 6, -1. / 6 },
    { 1. / 24, 1. / 12, 1. / 6 }, { 1. / 24, -1. / 12, 1. / 6 }, { 0, 0, 1 } };

  for (int p = 0; p < 36; p++) {
    u[p] = 0;
    for (int i = 0; i < 9; i++)
      u[p] += rows[p / 6][i / 3] * rows[p % 6][i % 3] * g[i];
  }
}

static void
check_winograd (const PetNativeKernels *k)
{
  PetNativeWinograd in = { tap_random_range (6, 20) * PET_BLOCK,
    tap_random_range (1, 9) * PET_BLOCK };
  PetNativeWinograd back = { tap_random_range (4, 20) * PET_BLOCK,
    in.position_stride };
  int rows = tap_random_range (1, 4), columns = tap_random_range (1, 4);
  PetNativeFinish finish = random_finish ();
  bool has_residual = tap_random () % 2 == 0;
  Buffer picture = buffer_new ((size_t) (5 * in.row_stride + 96), 0);
  Buffer tile = buffer_new ((size_t) (35 * in.position_stride + 16), 0);
  Buffer bias = buffer_new (PET_BLOCK, 0);
  Buffer out = buffer_new (
      (size_t) ((rows - 1) * back.row_stride + columns * PET_BLOCK), 0);
  Buffer residual = buffer_new (out.floats, 0);
  double g[9], u[36];

  for (int i = 0; i < 9; i++)
    g[i] = (double) random_float ();
  transformed_weights (g, u);
  k->winograd_in (&in, picture.data, tile.data);
  for (int i = 0; i < 36 * PET_BLOCK; i++)
    tile.data[i / PET_BLOCK * in.position_stride + i % PET_BLOCK] *=
        (float) u[i / PET_BLOCK];
  k->winograd_out (&back, tile.data, bias.data, &finish,
      has_residual ? residual.data : NULL, out.data, rows, columns);
  for (int i = 0; i < rows * columns * PET_BLOCK; i++) {
    int c = i % PET_BLOCK, x = i / PET_BLOCK % columns;
    int y = i / PET_BLOCK / columns;
    ptrdiff_t at = y * back.row_stride + x * PET_BLOCK + c;
    float expected = (float) finished (&finish,
        direct_3x3 (picture.data, in.row_stride, g, y, x, c) +
            (double) bias.data[c],
        has_residual ? residual.data + at : NULL);

    compare (k->name, "winograd", out.data + at, &expected, 1, 5e-5);
  }
  buffer_end (&picture, k->name);
  buffer_end (&tile, k->name);
  buffer_end (&bias, k->name);
  buffer_end (&out, k->name);
  buffer_end (&residual, k->name);
}

static void
check_flat (const PetNativeKernels *k)
{
  size_t n = (size_t) tap_random_range (1, 100);
  Buffer a = buffer_new (n, 0), b = buffer_new (n, 0);
  Buffer out[9];
  float weight = random_float ();

  for (int i = 0; i < 9; i++)
    out[i] = buffer_new (n, 0);
  for (size_t i = 0; i < n; i++)
    a.data[i] *= 20;
  k->clamp (a.data, -0.5f, 7, out[0].data, n);
  k->sigmoid (a.data, out[1].data, n);
  k->hardswish (a.data, out[2].data, n);
  for (int i = 0; i < 5; i++)
    k->binary ((PetNativeBinary) i, a.data, b.data, out[3 + i].data, n);
  k->blend (a.data, b.data, weight, out[8].data, n);
  for (size_t i = 0; i < n; i++) {
    double x = (double) a.data[i], y = (double) b.data[i];
    double expected[9] = { fmin (7, fmax (-0.5, x)), 1 / (1 + exp (-x)),
      x * fmin (1, fmax (0, x / 6 + 0.5)), x + y, x - y, x * y, fmax (x, y),
      fmin (x, y), x + (y - x) * (double) weight };

    for (int f = 0; f < 9; f++) {
      float e = (float) expected[f];

      compare (k->name, "flat function", out[f].data + i, &e, 1, 4e-6);
    }
  }
  for (int i = 0; i < 9; i++)
    buffer_end (&out[i], k->name);
  buffer_end (&a, k->name);
  buffer_end (&b, k->name);
}

static void
check_stretch (const PetNativeKernels *k)
{
  int in_width = tap_random_range (2, 30), out_width = tap_random_range (1, 40);
  Buffer in = buffer_new ((size_t) (in_width * PET_BLOCK), 0);
  Buffer out = buffer_new ((size_t) (out_width * PET_BLOCK), 0);
  int32_t index[40], next[40];
  float weight[40];

  for (int x = 0; x < out_width; x++) {
    index[x] = tap_random_range (0, in_width - 2);
    next[x] = tap_random_range (0, 1);
    weight[x] = random_float ();
  }
  k->stretch (in.data, index, next, weight, out.data, out_width);
  for (int i = 0; i < out_width * PET_BLOCK; i++) {
    int x = i / PET_BLOCK;
    const float *a = in.data + index[x] * PET_BLOCK + i % PET_BLOCK;
    float expected = a[0] + (a[next[x] * PET_BLOCK] - a[0]) * weight[x];

    compare (k->name, "stretch", out.data + i, &expected, 1, 1e-6);
  }
  buffer_end (&in, k->name);
  buffer_end (&out, k->name);
}

static void
check_softmax (const PetNativeKernels *k)
{
  int channels = tap_random_range (1, 70), pixels = tap_random_range (1, 9);
  int blocks = (channels + PET_BLOCK - 1) / PET_BLOCK;
  ptrdiff_t stride = pixels * PET_BLOCK;
  Buffer in = buffer_new ((size_t) (blocks * stride), 0);
  Buffer out = buffer_new (in.floats, 0);

  for (size_t i = 0; i < in.floats; i++)
    in.data[i] *= 30;
  k->softmax (in.data, out.data, channels, stride, pixels);
  for (int p = 0; p < pixels; p++) {
    const float *x = in.data + p * PET_BLOCK;
    double sum = 0;

    for (int c = 0; c < channels; c++)
      sum += exp ((double) x[c / PET_BLOCK * stride + c % PET_BLOCK]);
    for (int c = 0; c < channels; c++) {
      ptrdiff_t at = c / PET_BLOCK * stride + c % PET_BLOCK;
      float expected = (float) (exp ((double) x[at]) / sum);

      compare (k->name, "softmax", out.data + p * PET_BLOCK + at, &expected, 1,
          4e-6);
    }
  }
  buffer_end (&in, k->name);
  buffer_end (&out, k->name);
}

static void
for_each_variant (void (*check) (const PetNativeKernels *k))
{
  const PetNativeKernels *const *all = pet_native_kernels_all ();

  for (int v = 0; all[v] != NULL; v++) {
    for (int i = 0; i < ROUNDS && tap_failures_ == 0; i++)
      check (all[v]);
    printf ("# %s\n", all[v]->name);
  }
}

#define VARIANTS(name)                                                         \
  static void name (void)                                                      \
  {                                                                            \
    for_each_variant (check_##name);                                           \
  }

VARIANTS (conv)
VARIANTS (conv_one)
VARIANTS (depthwise)
VARIANTS (pool)
VARIANTS (winograd)
VARIANTS (flat)
VARIANTS (stretch)
VARIANTS (softmax)

static double
now_seconds (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

/* GFLOP/s of rows of `pixels` with `lanes` input channels. */
static double
bench_conv (const PetNativeKernels *k, int group, int lanes, int pixels)
{
  static _Alignas(64) float in[64 * 1024], out[64 * 1024], weights[64 * 1024],
      bias[64];
  PetNativeSegment segments[64];
  PetNativeConv conv = { .segments = segments,
    .n_segments = lanes / PET_BLOCK,
    .group = group,
    .pixel_step = PET_BLOCK,
    .weights = weights,
    .bias = bias,
    .out_stride = pixels * PET_BLOCK,
    .finish = { 0, 6, false } };
  double best = 0;

  for (int s = 0; s < conv.n_segments; s++)
    segments[s] = (PetNativeSegment){ s * pixels * PET_BLOCK, PET_BLOCK };
  for (int round = 0; round < 7; round++) {
    int runs = 4000000 / (lanes * pixels * group);
    double start = now_seconds (), rate;

    for (int i = 0; i < runs; i++)
      k->conv (&conv, in, NULL, out, pixels);
    rate = 2.0 * lanes * pixels * group * PET_BLOCK * runs /
        (now_seconds () - start) / 1e9;
    best = rate > best ? rate : best;
  }
  return best;
}

static double
bench_depthwise (const PetNativeKernels *k, int width)
{
  static _Alignas(64) float in[3 * 4096], out[4096], weights[9 * 16], bias[16];
  const float *rows[3] = { in, in + 4096, in + 2 * 4096 };
  PetNativeDepthwise d = { width, width, 3, 1, 1, 1, bias, { 0, 6, false } };
  double best = 0;

  for (int round = 0; round < 7; round++) {
    double start = now_seconds (), rate;

    for (int i = 0; i < 4000; i++)
      k->depthwise (&d, rows, 3, weights, NULL, out);
    rate = 2.0 * 9 * width * PET_BLOCK * 4000 / (now_seconds () - start) / 1e9;
    best = rate > best ? rate : best;
  }
  return best;
}

static int
bench (void)
{
  const PetNativeKernels *const *all = pet_native_kernels_all ();

  printf ("GFLOP/s, best of 7\n%-10s %12s %12s %12s %12s\n", "variant",
      "96 to group", "16 to 16", "480 to group", "depthwise 3");
  for (int v = 0; all[v] != NULL; v++) {
    const PetNativeKernels *k = all[v];

    printf ("%-10s %12.1f %12.1f %12.1f %12.1f\n", k->name,
        bench_conv (k, k->max_group, 96, 48), bench_conv (k, 1, 16, 48),
        bench_conv (k, k->max_group, 480, 24), bench_depthwise (k, 160));
  }
  return 0;
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (conv),
    TAP_TEST (conv_one),
    TAP_TEST (depthwise),
    TAP_TEST (pool),
    TAP_TEST (winograd),
    TAP_TEST (flat),
    TAP_TEST (stretch),
    TAP_TEST (softmax),
  };

  if (argc == 2 && strcmp (argv[1], "--bench") == 0)
    return bench ();
  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
