/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each source row is widened to float lanes and filtered across at once; the
 * filtered rows live in a ring as high as the vertical kernel, and an output
 * row is the weighted sum of ring rows. Pixels of 3 and 4 channels take four
 * lanes, so that one pixel is one vector. Sums run from the first tap to the
 * last in float, whoever asks and in whatever order rows arrive.
 *
 * Colours without alpha, which is what photos are, go through the same in whole
 * numbers where the kernel has few enough taps for weights of 14 bits: before
 * rounding the result is within a twentieth of a level of the float one. */

#include "base/pet-resample.h"

#include <math.h>
#include <string.h>

#include "base/pet-checked.h"
#include "base/pet-resample-rows.h"

#define MAX_SIDE (1 << 20)

/* Below this alpha (of 255) a colour is rounding noise of the negative
 * lobes. */
#define MIN_ALPHA 1e-3f

/* Most taps for which weights are whole numbers. */
#define MAX_FIXED_TAPS 32
#define FIXED_ONE (1 << PET_RESAMPLE_WEIGHT_BITS)

typedef struct {
  int first, count;
} Span;

typedef struct {
  int in, out;
  int max_taps;
  bool few_taps;  /* for weights that are whole numbers */
  double scale;   /* in / out */
  double stretch; /* of the kernel: max (scale, 1) */
  PetFilter filter;
} Axis;

typedef struct {
  bool fixed;
  int x_taps;        /* per pixel in x_weights */
  size_t row_pixels; /* of the ring */
  size_t x_first, x_weights, y_weights, line, ring, sum, total;
} Layout;

struct PetResampler {
  const PetAllocator *allocator;
  const PetResampleRows *rows;
  Axis x, y;
  int channels, lanes;
  int n_pushed, n_pulled;
  size_t bytes;
  bool fixed;        /* the second of each pair below */
  int x_taps;        /* per pixel */
  size_t ring_lanes; /* per row */
  int *x_first;      /* x.out: first source pixel */
  int n_inside;      /* of x.out: whose taps, and what is read behind them, are
                        inside a row of bytes */
  int tail;         /* where the row goes on that the others are counted from */
  float *x_weights; /* x.out rows of x_taps, zeros included */
  int16_t *x_fixed;
  float *y_weights; /* y.max_taps */
  float *line;      /* x.in pixels */
  uint8_t *line_bytes;
  float *ring; /* y.max_taps rows */
  int16_t *ring_fixed;
  float *sum; /* x.out pixels */
};

static void
axis_init (Axis *axis, int in, int out, PetFilter filter)
{
  double support = filter == PET_FILTER_LANCZOS3 ? 3.0 : 1.0;
  double taps, bound;

  axis->in = in;
  axis->out = out;
  axis->filter = filter;
  axis->scale = (double) in / out;
  axis->stretch = axis->scale > 1.0 ? axis->scale : 1.0;
  taps = ceil (2.0 * support * axis->stretch);
  bound = 2.0 * ceil (support * axis->stretch) + 1.0;
  axis->max_taps = in == out ? 1 : (taps < in ? (int) taps : in);
  axis->few_taps = in == out || bound <= MAX_FIXED_TAPS || in <= MAX_FIXED_TAPS;
}

/* sinc (x) sinc (x / 3), whose first sine follows from the second. */
static double
lanczos3 (double x)
{
  const double pi = 3.14159265358979323846;
  double third, sine;

  if (x == 0.0)
    return 1.0;
  third = pi / 3.0 * x;
  sine = sin (third);
  return sine * sine * (3.0 - 4.0 * sine * sine) / (3.0 * third * third);
}

static double
kernel_at (PetFilter filter, double x)
{
  x = fabs (x);
  if (filter == PET_FILTER_LANCZOS3)
    return x < 3.0 ? lanczos3 (x) : 0.0;
  return x < 1.0 ? 1.0 - x : 0.0;
}

static Span
axis_span (const Axis *axis, int position)
{
  double support = axis->filter == PET_FILTER_LANCZOS3 ? 3.0 : 1.0;
  double centre = (position + 0.5) * axis->scale;
  double first = floor (centre - support * axis->stretch + 0.5);
  double end = floor (centre + support * axis->stretch + 0.5);
  Span span;

  if (axis->in == axis->out)
    return (Span){ position, 1 };
  span.first = first > 0.0 ? (int) first : 0;
  span.count = (end < axis->in ? (int) end : axis->in) - span.first;
  if (span.count > axis->max_taps)
    span.count = axis->max_taps;
  return span;
}

/* The kernel, divided by its sum; most have so few taps that each is worked out
 * once. */
static void
axis_weights (const Axis *axis, int position, Span span, float *weights)
{
  double centre = (position + 0.5) * axis->scale;
  double total = 0.0, piece[MAX_FIXED_TAPS];

  if (axis->in == axis->out) {
    weights[0] = 1.0f;
    return;
  }
  for (int i = 0; i < span.count; i++) {
    double value = kernel_at (
        axis->filter, (span.first + i + 0.5 - centre) / axis->stretch);

    if (i < MAX_FIXED_TAPS)
      piece[i] = value;
    total += value;
  }
  for (int i = 0; i < span.count; i++)
    weights[i] =
        (float) ((i < MAX_FIXED_TAPS ? piece[i]
                                     : kernel_at (axis->filter,
                                           (span.first + i + 0.5 - centre) /
                                               axis->stretch)) /
            total);
}

/* Reserves `count * size` bytes at a multiple of PET_ALIGNMENT. */
static bool
reserve (size_t *total, size_t count, size_t size, size_t *offset)
{
  size_t bytes;

  *offset = *total;
  return pet_mul_size (count, size, &bytes) &&
      pet_add_size (bytes, PET_ALIGNMENT - 1, &bytes) &&
      pet_add_size (*total, bytes & ~(size_t) (PET_ALIGNMENT - 1), total);
}

static bool
is_fixed (const Axis *x, const Axis *y, int channels)
{
  return channels == 3 && x->few_taps && y->few_taps;
}

static bool
reserve_fixed (Layout *layout, size_t *total, const Axis *x, const Axis *y)
{
  size_t in = (size_t) x->in, taps = (size_t) layout->x_taps;

  return reserve (total, (size_t) x->out * taps, sizeof (int16_t),
             &layout->x_weights) &&
      reserve (
          total, 4 * (in + taps) + PET_RESAMPLE_OVERREAD, 1, &layout->line) &&
      reserve (total, layout->row_pixels * (size_t) y->max_taps,
          4 * sizeof (int16_t), &layout->ring) &&
      reserve (total, 0, 1, &layout->sum);
}

static bool
reserve_float (
    Layout *layout, size_t *total, const Axis *x, const Axis *y, int lanes)
{
  size_t pixel = (size_t) lanes * sizeof (float), ring_pixels;

  return reserve (total, (size_t) x->out * (size_t) x->max_taps, sizeof (float),
             &layout->x_weights) &&
      reserve (total, (size_t) x->in, pixel, &layout->line) &&
      pet_mul_size ((size_t) x->out, (size_t) y->max_taps, &ring_pixels) &&
      reserve (total, ring_pixels, pixel, &layout->ring) &&
      reserve (total, (size_t) x->out, pixel, &layout->sum);
}

static bool
layout_init (Layout *layout, const Axis *x, const Axis *y, int channels)
{
  size_t total = 0, header, step = PET_RESAMPLE_STEP;

  layout->total = 0;
  layout->fixed = is_fixed (x, y, channels);
  layout->x_taps = layout->fixed ? (x->max_taps + 3) / 4 * 4 : x->max_taps;
  layout->row_pixels = layout->fixed
      ? ((size_t) x->out + step - 1) / step * step
      : (size_t) x->out;
  if (!reserve (&total, 1, sizeof (PetResampler), &header) ||
      !reserve (&total, (size_t) x->out, sizeof (int), &layout->x_first) ||
      !reserve (
          &total, (size_t) y->max_taps, sizeof (float), &layout->y_weights) ||
      !(layout->fixed
              ? reserve_fixed (layout, &total, x, y)
              : reserve_float (layout, &total, x, y, channels == 1 ? 1 : 4)))
    return false;
  layout->total = total;
  return true;
}

static bool
side_is_valid (int side)
{
  return side >= 1 && side <= MAX_SIDE;
}

static bool
arguments_are_valid (
    int in_width, int in_height, int out_width, int out_height, int channels)
{
  return side_is_valid (in_width) && side_is_valid (in_height) &&
      side_is_valid (out_width) && side_is_valid (out_height) &&
      (channels == 1 || channels == 3 || channels == 4);
}

size_t
pet_resampler_bytes (int in_width, int in_height, int out_width, int out_height,
    int channels, PetFilter filter)
{
  Axis x, y;
  Layout layout;

  if (!arguments_are_valid (
          in_width, in_height, out_width, out_height, channels))
    return 0;
  axis_init (&x, in_width, out_width, filter);
  axis_init (&y, in_height, out_height, filter);
  if (!layout_init (&layout, &x, &y, channels))
    return 0;
  return layout.total;
}

/* All pixels get the same number of taps, some of them 0, which costs less
 * than loops of different lengths. Fills `weights` and returns the first. */
static int
pixel_weights (const Axis *x, int i, float *weights)
{
  Span span = axis_span (x, i);
  int last = x->in - x->max_taps;
  int first = span.first < last ? span.first : last;

  memset (weights, 0, (size_t) x->max_taps * sizeof *weights);
  axis_weights (x, i, span, weights + (span.first - first));
  return first;
}

static void
fill_x_weights (PetResampler *self)
{
  for (int i = 0; i < self->x.out; i++)
    self->x_first[i] = pixel_weights (
        &self->x, i, self->x_weights + (size_t) i * (size_t) self->x_taps);
}

/* Their sum stays exactly 1: what rounding took goes to the largest. */
static void
round_weights (const float *weights, int n, int16_t *fixed)
{
  int sum = 0, largest = 0, k = 0;

  do {
    fixed[k] = (int16_t) lrintf (weights[k] * FIXED_ONE);
    sum += fixed[k];
    largest = fixed[k] > fixed[largest] ? k : largest;
  } while (++k < n);
  fixed[largest] = (int16_t) (fixed[largest] + FIXED_ONE - sum);
}

/* The last pixels read behind the row: they take it from a copy of its end. */
static void
set_tail (PetResampler *self)
{
  int reach = 3 * self->x_taps + PET_RESAMPLE_OVERREAD, n = 0;

  while (n < self->x.out && 3 * self->x_first[n] + reach <= 3 * self->x.in)
    n++;
  self->n_inside = n;
  self->tail = n < self->x.out ? self->x_first[n] : self->x.in;
  for (; n < self->x.out; n++)
    self->x_first[n] -= self->tail;
}

/* What is read behind rows and pixels counts nothing, but is never left
 * unwritten. */
static void
prepare_fixed (PetResampler *self)
{
  size_t in = (size_t) self->x.in, taps = (size_t) self->x_taps;
  float weights[MAX_FIXED_TAPS];

  memset (self->line_bytes, 0, 4 * (in + taps) + PET_RESAMPLE_OVERREAD);
  memset (self->ring_fixed, 0,
      self->ring_lanes * (size_t) self->y.max_taps * sizeof (int16_t));
  memset (self->x_fixed, 0, (size_t) self->x.out * taps * sizeof (int16_t));
  for (int i = 0; i < self->x.out; i++) {
    self->x_first[i] = pixel_weights (&self->x, i, weights);
    round_weights (
        weights, self->x.max_taps, self->x_fixed + (size_t) i * taps);
  }
  set_tail (self);
}

PetStatus
pet_resampler_new (const PetAllocator *allocator, int in_width, int in_height,
    int out_width, int out_height, int channels, PetFilter filter,
    PetResampler **resampler, PetError *error)
{
  PetResampler *self;
  Axis x, y;
  Layout layout;
  char *memory;

  *resampler = NULL;
  if (!arguments_are_valid (
          in_width, in_height, out_width, out_height, channels))
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "cannot scale %dx%d to %dx%d with %d channels", in_width, in_height,
        out_width, out_height, channels);
  axis_init (&x, in_width, out_width, filter);
  axis_init (&y, in_height, out_height, filter);
  if (!layout_init (&layout, &x, &y, channels) ||
      (memory = pet_alloc (allocator, layout.total)) == NULL)
    return pet_fail (error, PET_ERROR_MEMORY, "no memory to scale %dx%d",
        in_width, in_height);

  self = (PetResampler *) memory;
  *self = (PetResampler){ .allocator = allocator,
    .rows = pet_resample_rows (),
    .x = x,
    .y = y,
    .channels = channels,
    .lanes = channels == 1 ? 1 : 4,
    .bytes = layout.total,
    .fixed = layout.fixed,
    .x_taps = layout.x_taps,
    .ring_lanes = layout.row_pixels * (channels == 1 ? 1 : 4),
    .x_first = (int *) (memory + layout.x_first),
    .x_weights = (float *) (memory + layout.x_weights),
    .x_fixed = (int16_t *) (memory + layout.x_weights),
    .y_weights = (float *) (memory + layout.y_weights),
    .line = (float *) (memory + layout.line),
    .line_bytes = (uint8_t *) (memory + layout.line),
    .ring = (float *) (memory + layout.ring),
    .ring_fixed = (int16_t *) (memory + layout.ring),
    .sum = (float *) (memory + layout.sum) };
  if (self->fixed)
    prepare_fixed (self);
  else
    fill_x_weights (self);
  *resampler = self;
  return PET_OK;
}

void
pet_resampler_free (PetResampler **resampler)
{
  if (*resampler != NULL)
    pet_free ((*resampler)->allocator, *resampler, (*resampler)->bytes);
  *resampler = NULL;
}

int
pet_resampler_rows_wanted (const PetResampler *resampler)
{
  Span span;

  if (resampler->n_pulled == resampler->y.out)
    return 0;
  span = axis_span (&resampler->y, resampler->n_pulled);
  if (span.first + span.count <= resampler->n_pushed)
    return 0;
  return span.first + span.count - resampler->n_pushed;
}

static size_t
ring_offset (const PetResampler *self, int row)
{
  return (size_t) (row % self->y.max_taps) * self->ring_lanes;
}

static float *
ring_row (const PetResampler *self, int row)
{
  return self->ring + ring_offset (self, row);
}

static void
push_float (PetResampler *self, const uint8_t *row,
    void (*widen) (const uint8_t *row, float *line, int width))
{
  const PetResampleRows *rows = self->rows;
  const Axis *x = &self->x;
  float *out = ring_row (self, self->n_pushed);
  float *line = x->in == x->out ? out : self->line;

  widen (row, line, x->in);
  if (line != out)
    (self->lanes == 1 ? rows->across_1 : rows->across_4) (
        line, self->x_first, self->x_weights, self->x_taps, out, x->out);
}

static void
push_fixed (PetResampler *self, const uint8_t *row, int pixel_bytes)
{
  int16_t *out = self->ring_fixed + ring_offset (self, self->n_pushed);
  int n = self->n_inside;
  void (*across) (const uint8_t *row, const int *first, const int16_t *weights,
      int taps, int16_t *out, int n) =
      pixel_bytes == 3 ? self->rows->across_rgb : self->rows->across_rgbx;

  across (row, self->x_first, self->x_fixed, self->x_taps, out, n);
  if (n == self->x.out)
    return;
  memcpy (self->line_bytes, row + pixel_bytes * (ptrdiff_t) self->tail,
      (size_t) pixel_bytes * (size_t) (self->x.in - self->tail));
  across (self->line_bytes, self->x_first + n,
      self->x_fixed + (ptrdiff_t) n * self->x_taps, self->x_taps,
      out + 4 * (ptrdiff_t) n, self->x.out - n);
}

void
pet_resampler_push (PetResampler *resampler, const uint8_t *row)
{
  const PetResampleRows *rows = resampler->rows;

  if (resampler->fixed)
    push_fixed (resampler, row, 3);
  else
    push_float (resampler, row,
        resampler->channels == 1       ? rows->widen_1
            : resampler->channels == 3 ? rows->widen_3
                                       : rows->widen_4);
  resampler->n_pushed++;
}

void
pet_resampler_push_rgbx (PetResampler *resampler, const uint8_t *row)
{
  if (resampler->fixed)
    push_fixed (resampler, row, 4);
  else
    push_float (resampler, row, resampler->rows->widen_rgbx);
  resampler->n_pushed++;
}

/* Leaves the next output row in self->sum. */
static void
filter_down (PetResampler *self)
{
  Span span = axis_span (&self->y, self->n_pulled);
  size_t count = (size_t) self->x.out * (size_t) self->lanes;
  int k = 0;

  axis_weights (&self->y, self->n_pulled, span, self->y_weights);
  memset (self->sum, 0, count * sizeof (float));
  for (; k + 1 < span.count; k += 2)
    self->rows->add_2 (self->sum, ring_row (self, span.first + k),
        self->y_weights[k], ring_row (self, span.first + k + 1),
        self->y_weights[k + 1], count);
  if (k < span.count)
    self->rows->add_1 (
        self->sum, ring_row (self, span.first + k), self->y_weights[k], count);
  self->n_pulled++;
}

/* The rows and weights of the next output row; returns their number. */
static int
next_fixed (PetResampler *self, const int16_t **rows, int16_t *weights)
{
  Span span = axis_span (&self->y, self->n_pulled);

  axis_weights (&self->y, self->n_pulled, span, self->y_weights);
  round_weights (self->y_weights, span.count, weights);
  for (int k = 0; k < span.count; k++)
    rows[k] = self->ring_fixed + ring_offset (self, span.first + k);
  self->n_pulled++;
  return span.count;
}

static inline float
clamp_255 (float value)
{
  value = value > 0.0f ? value : 0.0f;
  return value < 255.0f ? value : 255.0f;
}

static void
pull_fixed (PetResampler *self, uint8_t *row)
{
  const int16_t *rows[MAX_FIXED_TAPS];
  int16_t weights[MAX_FIXED_TAPS];
  int n = next_fixed (self, rows, weights);

  self->rows->down_rgb (rows, weights, n, row, self->x.out);
}

static void
pull_fixed_float (PetResampler *self, float *row)
{
  const int16_t *rows[MAX_FIXED_TAPS];
  int16_t weights[MAX_FIXED_TAPS];
  int n = next_fixed (self, rows, weights);

  self->rows->down_rgb_float (rows, weights, n, row, self->x.out);
}

void
pet_resampler_pull (PetResampler *resampler, uint8_t *row)
{
  const PetResampleRows *rows = resampler->rows;
  int width = resampler->x.out;

  if (resampler->fixed) {
    pull_fixed (resampler, row);
    return;
  }
  filter_down (resampler);
  if (resampler->channels == 1)
    rows->store_1 (resampler->sum, row, width);
  else if (resampler->channels == 3)
    rows->store_3 (resampler->sum, row, width);
  else
    rows->store_4 (resampler->sum, row, width);
}

void
pet_resampler_pull_float (PetResampler *resampler, float *row)
{
  int channels = resampler->channels, lanes = resampler->lanes;
  const float *sum = resampler->sum;

  if (resampler->fixed) {
    pull_fixed_float (resampler, row);
    return;
  }
  filter_down (resampler);
  for (int i = 0; i < resampler->x.out; i++, sum += lanes, row += channels) {
    float alpha = channels == 4 ? clamp_255 (sum[3]) : 1.0f;
    int n_colours = channels == 4 ? 3 : channels;

    for (int c = 0; c < n_colours; c++)
      row[c] = alpha < MIN_ALPHA ? 0.0f : clamp_255 (sum[c] / alpha);
    if (channels == 4)
      row[3] = alpha < MIN_ALPHA ? 0.0f : alpha;
  }
}

PetStatus
pet_resample (const PetAllocator *allocator, const PetImage *src,
    const PetImage *dst, PetFilter filter, PetError *error)
{
  PetResampler *resampler;
  int row = 0;

  if (src->channels != dst->channels)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "cannot scale %d channels to %d", src->channels, dst->channels);
  PET_TRY (pet_resampler_new (allocator, src->width, src->height, dst->width,
      dst->height, src->channels, filter, &resampler, error));
  for (int y = 0; y < dst->height; y++) {
    while (pet_resampler_rows_wanted (resampler) > 0)
      pet_resampler_push (resampler, pet_image_row (src, row++));
    pet_resampler_pull (resampler, pet_image_row (dst, y));
  }
  pet_resampler_free (&resampler);
  return PET_OK;
}
