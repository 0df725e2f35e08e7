/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The convolutions of our own against sums written down plainly: every variant,
 * windows of all kinds, odd sizes, pitches, parts of larger pictures, residuals
 * and activations; and that none of them, nor what is beside them in a network, makes a
 * number of what is none. The card's memory is the host's here. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/ref/pet-op-util.h"
#include "pet-cuda-kernels.h"
#include "tap.h"

#define GUARD 1234.0f

static cudaStream_t stream;

typedef struct {
  PetCudaMap map;
  size_t n; /* numbers in it */
} Picture;

static float
get (const PetCudaMap *map, size_t at)
{
  return map->type == PET_CUDA_FLOAT
      ? ((const float *) map->data)[at]
      : pet_half_to_float (((const uint16_t *) map->data)[at]);
}

static void
set (void *data, PetCudaType type, size_t at, float value)
{
  if (type == PET_CUDA_FLOAT)
    ((float *) data)[at] = value;
  else
    ((uint16_t *) data)[at] = pet_float_to_half (value);
}

static float
random_float (void)
{
  return (float) tap_random_range (-1000, 1000) / 1000.0f;
}

static Picture
picture_new (
    PetCudaType type, int batch, int height, int width, int channels, int more)
{
  Picture p = { .map = { NULL, type, batch, height, width, channels,
                    channels + more } };

  p.n =
      (size_t) batch * (size_t) height * (size_t) width * (size_t) p.map.pitch;
  p.map.data = aligned_alloc (64, (p.n * 4 + 127) / 64 * 64);
  for (size_t i = 0; i < p.n; i++)
    set (p.map.data, type, i, random_float ());
  return p;
}

static void
picture_free (Picture *p)
{
  free (p->map.data);
}

static size_t
offset (const PetCudaMap *map, int n, int y, int x, int c)
{
  return (((size_t) n * (size_t) map->height + (size_t) y) *
                 (size_t) map->width +
             (size_t) x) *
      (size_t) map->pitch +
      (size_t) c;
}

static double
activate (double x, const PetCudaEpilogue *e)
{
  switch (e->act) {
    case PET_CUDA_ACT_RELU:
      return x < 0 ? 0 : x;
    case PET_CUDA_ACT_CLIP:
      return x < (double) e->low ? (double) e->low
          : x > (double) e->high ? (double) e->high
                                 : x;
    case PET_CUDA_ACT_SIGMOID:
      return 1 / (1 + exp (-x));
    case PET_CUDA_ACT_HARDSWISH:
      return x * fmin (fmax (x / 6 + 0.5, 0), 1);
    default:
      return x;
  }
}

/* What the convolution sees at one pixel: of all channels, or of one. */
static double
sum_up (const PetCudaMap *x, const void *weights, PetCudaType type,
    const PetCudaWindow *w, int n, int y, int at, int channel, int in,
    int channels)
{
  double sum = 0;

  for (int r = 0; r < w->kernel[0]; r++)
    for (int s = 0; s < w->kernel[1]; s++) {
      int row = y * w->stride[0] - w->pad[0] + r * w->dilation[0];
      int column = at * w->stride[1] - w->pad[1] + s * w->dilation[1];
      size_t tap = (size_t) (r * w->kernel[1] + s);
      PetCudaMap filter = { (void *) weights, type, 0, 0, 0, 0, 0 };

      if (row < 0 || row >= x->height || column < 0 || column >= x->width)
        continue;
      if (in == 0) {
        sum += (double) get (x, offset (x, n, row, column, channel)) *
            (double) get (&filter, tap * (size_t) channels + (size_t) channel);
        continue;
      }
      for (int i = 0; i < in; i++)
        sum += (double) get (x, offset (x, n, row, column, i)) *
            (double) get (&filter,
                ((size_t) channel * (size_t) (w->kernel[0] * w->kernel[1]) +
                    tap) *
                        (size_t) in +
                    (size_t) i);
    }
  return sum;
}

static PetCudaWindow
random_window (int most_kernel, int most_dilation)
{
  PetCudaWindow w;

  for (int i = 0; i < 2; i++) {
    w.kernel[i] = tap_random_range (1, most_kernel);
    w.stride[i] = tap_random_range (1, 3);
    w.dilation[i] = tap_random_range (1, most_dilation);
    w.pad[i] = tap_random_range (0, w.kernel[i]);
  }
  return w;
}

/* One that `variant` can do. */
static PetCudaWindow
window_for (int variant)
{
  PetCudaWindow w = random_window (4, 3);

  for (int side = 1; !pet_cuda_half_conv_suits (&w, variant); side += 2)
    w = (PetCudaWindow){ { side, side }, { 1, 1 }, { 1, 1 },
      { tap_random_range (0, side - 1), tap_random_range (0, side - 1) } };
  return w;
}

static int
size_out (const PetCudaWindow *w, int axis, int in)
{
  int reach = (w->kernel[axis] - 1) * w->dilation[axis] + 1;
  int rest = in + 2 * w->pad[axis] - reach;

  return rest < 0 ? 0 : rest / w->stride[axis] + 1;
}

static PetCudaEpilogue
random_epilogue (const Picture *residual)
{
  PetCudaEpilogue e = { .act = (PetCudaAct) tap_random_range (0, 4),
    .low = -0.5f,
    .high = 0.75f,
    .residual_last = tap_random_range (0, 1) == 1 };

  if (tap_random_range (0, 2) > 0)
    e.residual = residual->map;
  return e;
}

/* `bias` of either type. */
static void
check (const Picture *x, const void *weights, PetCudaType type,
    const float *bias, const PetCudaWindow *w, const PetCudaEpilogue *e,
    const Picture *y, int in, const char *what)
{
  const PetCudaMap *map = &y->map;

  for (int n = 0; n < map->batch; n++)
    for (int row = 0; row < map->height; row++)
      for (int column = 0; column < map->width; column++)
        for (int c = 0; c < map->pitch; c++) {
          size_t at = offset (map, n, row, column, c);
          double got = (double) get (map, at), want, other = 0;

          if (c >= map->channels) {
            if (got != (double) GUARD)
              tap_fail ("%s: written beside the channels", what);
            continue;
          }
          want = sum_up (&x->map, weights, type, w, n, row, column, c, in,
                     map->channels) +
              (double) bias[c];
          if (e->residual.data != NULL)
            other = (double) get (
                &e->residual, offset (&e->residual, n, row, column, c));
          want = e->residual_last ? activate (want, e) + other
                                  : activate (want + other, e);
          if (!(fabs (got - want) <= 2e-3 + 1e-3 * fabs (want))) {
            tap_fail ("%s: picture %d, pixel %d,%d, channel %d of %d: %g, not "
                      "%g",
                what, n, column, row, c, map->channels, got, want);
            return;
          }
        }
}

static void
fill_with_guards (Picture *y)
{
  for (size_t i = 0; i < y->n; i++)
    set (y->map.data, y->map.type, i, GUARD);
}

static void
one_dense (int variant)
{
  PetCudaWindow w = window_for (variant);
  int in = 8 * tap_random_range (1, 9), out = 8 * tap_random_range (1, 17);
  int height = tap_random_range (1, 20), width = tap_random_range (1, 24);
  int batch = tap_random_range (1, 3);
  int out_height = size_out (&w, 0, height),
      out_width = size_out (&w, 1, width);
  size_t count = (size_t) (w.kernel[0] * w.kernel[1] * in * out);
  uint16_t *weights = aligned_alloc (64, (count * 2 + 127) / 64 * 64);
  uint16_t *halves = aligned_alloc (64, ((size_t) out * 2 + 127) / 64 * 64);
  float *bias = calloc ((size_t) out, sizeof *bias);
  Picture x, y, residual;
  PetCudaHalfConv conv = {
    .weights = weights, .bias = halves, .in = in, .out = out, .window = w
  };
  char what[80];

  if (out_height > 0 && out_width > 0) {
    snprintf (what, sizeof what, "variant %d, %d to %d channels, %dx%d",
        variant, in, out, w.kernel[1], w.kernel[0]);
    x = picture_new (
        PET_CUDA_HALF, batch, height, width, in, 8 * tap_random_range (0, 2));
    y = picture_new (PET_CUDA_HALF, batch, out_height, out_width, out,
        8 * tap_random_range (0, 2));
    residual = picture_new (PET_CUDA_HALF, batch, out_height, out_width, out,
        8 * tap_random_range (0, 1));
    fill_with_guards (&y);
    for (size_t i = 0; i < count; i++)
      weights[i] = pet_float_to_half (random_float () / 8);
    for (int i = 0; i < out; i++) {
      halves[i] = pet_float_to_half (random_float ());
      bias[i] = pet_half_to_float (halves[i]);
    }
    conv.epilogue = random_epilogue (&residual);
    tap_check (pet_cuda_convolve_halves (
                   &x.map, &conv, &y.map, variant, stream) == cudaSuccess);
    tap_check (cudaStreamSynchronize (stream) == cudaSuccess);
    check (&x, weights, PET_CUDA_HALF, bias, &w, &conv.epilogue, &y, in, what);
    picture_free (&x);
    picture_free (&y);
    picture_free (&residual);
  }
  free (weights);
  free (halves);
  free (bias);
}

static void
dense_ones_are_right (void)
{
  for (int i = 0; i < 10 * PET_CUDA_HALF_CONVS; i++)
    one_dense (i % PET_CUDA_HALF_CONVS);
}

static void
one_usual (const PetCudaWindow *w, int variant)
{
  const int in = 72, out = 136, size = 19;
  size_t count = (size_t) (w->kernel[0] * w->kernel[1] * in * out);
  uint16_t *weights = aligned_alloc (64, (count * 2 + 127) / 64 * 64);
  uint16_t *halves = aligned_alloc (64, 320);
  float bias[136] = { 0 };
  Picture x = picture_new (PET_CUDA_HALF, 1, size, size, in, 0);
  Picture y = picture_new (PET_CUDA_HALF, 1, size, size, out, 0);
  PetCudaHalfConv conv = {
    .weights = weights, .bias = halves, .in = in, .out = out, .window = *w
  };

  memset (halves, 0, 320);
  for (size_t k = 0; k < count; k++)
    weights[k] = pet_float_to_half (random_float () / 16);
  tap_check (pet_cuda_convolve_halves (
                 &x.map, &conv, &y.map, variant, stream) == cudaSuccess);
  tap_check (cudaStreamSynchronize (stream) == cudaSuccess);
  check (&x, weights, PET_CUDA_HALF, bias, w, &conv.epilogue, &y, in,
      "a usual one");
  picture_free (&x);
  picture_free (&y);
  free (weights);
  free (halves);
}

/* 1x1 and 3x3 as networks have them, over several blocks and steps. */
static void
usual_ones_are_right (void)
{
  for (int i = 0; i < 2 * PET_CUDA_HALF_CONVS; i++) {
    int side = i % 2 == 0 ? 3 : 1;
    PetCudaWindow w = { { side, side }, { 1, 1 }, { 1, 1 },
      { side / 2, side / 2 } };

    if (pet_cuda_half_conv_suits (&w, i / 2))
      one_usual (&w, i / 2);
  }
}

static void
one_of_depth (int kernel, int stride, PetCudaType type, bool large)
{
  PetCudaWindow w = { { kernel, kernel }, { stride, stride }, { 1, 1 },
    { tap_random_range (0, kernel / 2), tap_random_range (0, kernel / 2) } };
  int channels = 8 * (large ? 3 * stride * stride : tap_random_range (1, 5));
  int height = kernel + tap_random_range (0, 9) + (large ? 300 : 0);
  int width = kernel + tap_random_range (0, 9) + (large ? 300 : 0);
  int batch = large ? 2 : tap_random_range (1, 3);
  int taps = kernel * kernel;
  float *weights = calloc ((size_t) (taps * channels), sizeof *weights);
  float *bias = calloc ((size_t) channels, sizeof *bias);
  Picture x = picture_new (
      type, batch, height, width, channels, 8 * tap_random_range (0, 1));
  Picture y = picture_new (type, batch, size_out (&w, 0, height),
      size_out (&w, 1, width), channels, 8 * tap_random_range (0, 1));
  Picture residual =
      picture_new (type, batch, y.map.height, y.map.width, channels, 0);
  PetCudaEpilogue e = random_epilogue (&residual);
  char what[80];

  snprintf (what, sizeof what, "one filter each, %dx%d, stride %d, %dx%d",
      kernel, kernel, stride, y.map.width, y.map.height);
  fill_with_guards (&y);
  for (int i = 0; i < taps * channels; i++)
    weights[i] = random_float () / 4;
  for (int i = 0; i < channels; i++)
    bias[i] = random_float ();
  e.bias = bias;
  tap_check (pet_cuda_depthwise (&x.map, weights, &w, &e, &y.map, stream) ==
      cudaSuccess);
  tap_check (cudaStreamSynchronize (stream) == cudaSuccess);
  check (&x, weights, PET_CUDA_FLOAT, bias, &w, &e, &y, 0, what);
  picture_free (&x);
  picture_free (&y);
  picture_free (&residual);
  free (weights);
  free (bias);
}

/* Small ones are made pixel by pixel, large ones in strips of 2 and 4. */
static void
ones_of_one_filter_each_are_right (void)
{
  for (int i = 0; i < 80; i++)
    one_of_depth (i % 5 + 1, i % 3 + 1,
        i % 2 == 0 ? PET_CUDA_HALF : PET_CUDA_FLOAT, false);
  for (int i = 0; i < 4; i++)
    one_of_depth (i % 2 == 0 ? 3 : 5, i / 2 + 1, PET_CUDA_HALF, true);
}

/* A pixel that is not a number is none afterwards either, whatever is done to it. */
static void
expect_no_number (const Picture *y, int row, int column, const char *what)
{
  for (int c = 0; c < y->map.channels; c++)
    if (!isnan (get (&y->map, offset (&y->map, 0, row, column, c))))
      tap_fail ("%s: channel %d is a number", what, c);
}

/* What an overflow leaves: two infinities that meet, or what they left before. */
static Picture
picture_without_a_number (PetCudaType type, bool infinite)
{
  Picture p = picture_new (type, 1, 9, 9, 16, 0);
  size_t at = offset (&p.map, 0, 4, 5, 0);

  for (size_t c = 0; c < 16; c++)
    set (p.map.data, type, at + c, infinite ? INFINITY : NAN);
  return p;
}

static const PetCudaAct acts[] = { PET_CUDA_ACT_NONE, PET_CUDA_ACT_RELU,
  PET_CUDA_ACT_CLIP, PET_CUDA_ACT_SIGMOID, PET_CUDA_ACT_HARDSWISH,
  PET_CUDA_ACT_TANH, PET_CUDA_ACT_LEAKY };
#define N_ACTS ((int) (sizeof acts / sizeof *acts))

/* 1x1, or 3x3 where a variant wants that, with weights of either sign. */
static void
dense_ones_hide_nothing (void)
{
  const PetCudaWindow small = { { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 } };
  const PetCudaWindow large = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } };
  Picture weights = picture_new (PET_CUDA_HALF, 1, 16, 9, 16, 0);
  Picture bias = picture_new (PET_CUDA_HALF, 1, 1, 1, 16, 0);
  Picture y = picture_new (PET_CUDA_HALF, 1, 9, 9, 16, 0);

  for (size_t i = 0; i < weights.n; i++)
    set (weights.map.data, PET_CUDA_HALF, i, i % 2 == 0 ? 0.5f : -0.5f);
  for (int i = 0; i < 2 * N_ACTS * PET_CUDA_HALF_CONVS; i++) {
    Picture x = picture_without_a_number (PET_CUDA_HALF, i % 2 == 1);
    int variant = i / 2 / N_ACTS;
    PetCudaHalfConv conv = { .weights = weights.map.data,
      .bias = bias.map.data,
      .in = 16,
      .out = 16,
      .window = pet_cuda_half_conv_suits (&small, variant) ? small : large,
      .epilogue = { .act = acts[i / 2 % N_ACTS], .low = 0.1f, .high = 6 } };

    tap_check (pet_cuda_convolve_halves (
                   &x.map, &conv, &y.map, variant, stream) == cudaSuccess);
    tap_check (cudaStreamSynchronize (stream) == cudaSuccess);
    expect_no_number (&y, 4, 5, "a dense one");
    picture_free (&x);
  }
  picture_free (&weights);
  picture_free (&bias);
  picture_free (&y);
}

static void
others_hide_nothing (void)
{
  PetCudaWindow w = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } };
  float weights[9 * 16];

  for (int i = 0; i < 9 * 16; i++)
    weights[i] = random_float ();
  for (int i = 0; i < 2 * N_ACTS; i++) {
    PetCudaType type = i % 2 == 0 ? PET_CUDA_HALF : PET_CUDA_FLOAT;
    PetCudaEpilogue e = { .act = acts[i / 2], .low = 0.1f, .high = 6 };
    Picture x = picture_without_a_number (type, false);
    Picture other = picture_new (type, 1, 9, 9, 16, 0);
    Picture y = picture_new (type, 1, 9, 9, 16, 0);
    Picture one = picture_new (type, 1, 1, 1, 16, 0);

    tap_check (pet_cuda_depthwise (&x.map, weights, &w, &e, &y.map, stream) ==
        cudaSuccess);
    expect_no_number (&y, 5, 6, "one filter each");
    tap_check (pet_cuda_pointwise (&x.map, &e, &y.map, stream) == cudaSuccess);
    expect_no_number (&y, 4, 5, "an activation");
    tap_check (pet_cuda_pool (&x.map, &w, i / 2 % 2 == 0, &y.map, stream) ==
        cudaSuccess);
    expect_no_number (&y, 5, 4, "a pool");
    tap_check (pet_cuda_global_pool (
                   &x.map, i / 2 % 2 == 0, &one.map, stream) == cudaSuccess);
    expect_no_number (&one, 0, 0, "a pool of all");
    for (int op = PET_CUDA_ADD; op <= PET_CUDA_MIN; op++) {
      PetCudaBinaryHow how = {
        .op = (PetCudaBinary) op, .swapped = i / 2 % 2 == 1, .channels = 16
      };

      tap_check (pet_cuda_binary (&x.map, &other.map, &how, &y.map, stream) ==
          cudaSuccess);
      expect_no_number (&y, 4, 5, "two pictures");
    }
    picture_free (&x);
    picture_free (&y);
    picture_free (&one);
    picture_free (&other);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (dense_ones_are_right),
    TAP_TEST (usual_ones_are_right),
    TAP_TEST (ones_of_one_filter_each_are_right),
    TAP_TEST (dense_ones_hide_nothing),
    TAP_TEST (others_hide_nothing),
  };
  int result;

  if (cudaStreamCreateWithFlags (&stream, cudaStreamNonBlocking) != cudaSuccess)
    return 1;
  result = tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
  (void) cudaStreamDestroy (stream);
  return result;
}
