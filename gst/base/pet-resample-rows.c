/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiled once per instruction set, with PET_ISA naming it; without it, for
 * what the compiler's own target has. */

#include "base/pet-resample-rows.h"

#include <string.h>

#ifndef PET_ISA
#define PET_ISA c
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_ (a, b)

/* Rounded and stored at a time. */
#define STORE_PIXELS 64

/* Pixels filtered across at a time, because one sum's additions wait for each
 * other. */
#define ABREAST 4

typedef float Lanes __attribute__ ((vector_size (16)));

static void
widen_1 (const uint8_t *restrict row, float *restrict line, int width)
{
  for (int i = 0; i < width; i++)
    line[i] = (float) row[i];
}

static void
widen_3 (const uint8_t *restrict row, float *restrict line, int width)
{
  for (int i = 0; i < width; i++) {
    line[4 * i] = (float) row[3 * i];
    line[4 * i + 1] = (float) row[3 * i + 1];
    line[4 * i + 2] = (float) row[3 * i + 2];
    line[4 * i + 3] = 0.0f;
  }
}

static void
widen_4 (const uint8_t *restrict row, float *restrict line, int width)
{
  for (int i = 0; i < width; i++) {
    int alpha = row[4 * i + 3];

    line[4 * i] = (float) (row[4 * i] * alpha);
    line[4 * i + 1] = (float) (row[4 * i + 1] * alpha);
    line[4 * i + 2] = (float) (row[4 * i + 2] * alpha);
    line[4 * i + 3] = (float) alpha;
  }
}

static void
widen_rgbx (const uint8_t *restrict row, float *restrict line, int width)
{
  for (int i = 0; i < width; i++) {
    line[4 * i] = (float) row[4 * i];
    line[4 * i + 1] = (float) row[4 * i + 1];
    line[4 * i + 2] = (float) row[4 * i + 2];
    line[4 * i + 3] = 0.0f;
  }
}

static void
across_1 (const float *restrict line, const int *restrict first,
    const float *restrict weights, int taps, float *restrict out, int n)
{
  for (int i = 0; i < n; i++, weights += taps) {
    const float *restrict in = line + first[i];
    float sum = 0.0f;

    for (int k = 0; k < taps; k++)
      sum += weights[k] * in[k];
    out[i] = sum;
  }
}

static void
across_4 (const float *restrict line, const int *restrict first,
    const float *restrict weights, int taps, float *restrict out, int n)
{
  const Lanes *in = (const Lanes *) line;
  Lanes *result = (Lanes *) out;
  int i = 0;

  for (; i + ABREAST <= n; i += ABREAST, weights += ABREAST * taps) {
    Lanes sums[ABREAST] = { 0 };

    for (int k = 0; k < taps; k++)
      for (int p = 0; p < ABREAST; p++)
        sums[p] += weights[p * taps + k] * in[first[i + p] + k];
    for (int p = 0; p < ABREAST; p++)
      result[i + p] = sums[p];
  }
  for (; i < n; i++, weights += taps) {
    Lanes sum = { 0 };

    for (int k = 0; k < taps; k++)
      sum += weights[k] * in[first[i] + k];
    result[i] = sum;
  }
}

static void
add_1 (
    float *restrict sum, const float *restrict row, float weight, size_t count)
{
  for (size_t i = 0; i < count; i++)
    sum[i] += weight * row[i];
}

static void
add_2 (float *restrict sum, const float *restrict a, float weight_a,
    const float *restrict b, float weight_b, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    float value = sum[i] + weight_a * a[i];

    sum[i] = value + weight_b * b[i];
  }
}

/* Clamped as an integer, which vectorises. Sums overshoot by the kernel's
 * negative lobes only, and are divided by an alpha of at least 0.5: they are
 * far inside an int. */
static inline uint8_t
round_to_byte (float value)
{
  int rounded = (int) (value + 0.5f);

  rounded = rounded > 0 ? rounded : 0;
  return (uint8_t) (rounded < 255 ? rounded : 255);
}

static void
store_1 (const float *restrict sum, uint8_t *restrict row, int width)
{
  for (int i = 0; i < width; i++)
    row[i] = round_to_byte (sum[i]);
}

/* In pieces that stay in the first cache, so that the rounding is one plain
 * loop. */
static void
store_3 (const float *restrict sum, uint8_t *restrict row, int width)
{
  uint8_t bytes[4 * STORE_PIXELS];

  for (int x = 0; x < width; x += STORE_PIXELS) {
    int n = width - x < STORE_PIXELS ? width - x : STORE_PIXELS;

    for (int i = 0; i < 4 * n; i++)
      bytes[i] = round_to_byte (sum[4 * x + i]);
    /* Four bytes are one move; the next pixel overwrites the fourth. */
    for (int i = 0; i < n - 1; i++)
      memcpy (row + 3 * (x + i), bytes + 4 * i, 4);
    memcpy (row + 3 * (x + n - 1), bytes + 4 * (n - 1), 3);
  }
}

static void
store_4 (const float *restrict sum, uint8_t *restrict row, int width)
{
  for (int i = 0; i < width; i++, sum += 4, row += 4) {
    row[3] = round_to_byte (sum[3]);
    if (row[3] == 0) {
      memset (row, 0, 4);
      continue;
    }
    for (int c = 0; c < 3; c++)
      row[c] = round_to_byte (sum[c] / sum[3]);
  }
}

/* From the right, so that nothing is written over before it was read. */
static inline void
add_alpha_plain (uint8_t *row, int width)
{
  for (int x = width - 1; x >= 0; x--) {
    uint8_t r = row[3 * x], g = row[3 * x + 1], b = row[3 * x + 2];

    row[4 * x] = r;
    row[4 * x + 1] = g;
    row[4 * x + 2] = b;
    row[4 * x + 3] = 255;
  }
}

#if defined __AVX512VBMI__
#include "base/pet-resample-rows-avx512.h"
#elif defined __AVX2__
#include "base/pet-resample-rows-avx2.h"
#else
#define ACROSS_SHIFT (PET_RESAMPLE_WEIGHT_BITS - PET_RESAMPLE_LEVEL_BITS)

/* Levels with WEIGHT_BITS + LEVEL_BITS behind the point. */
static inline uint8_t
sum_to_byte (int32_t sum)
{
  const int bits = PET_RESAMPLE_WEIGHT_BITS + PET_RESAMPLE_LEVEL_BITS;
  int32_t level = (sum + (1 << (bits - 1))) >> bits;

  level = level > 0 ? level : 0;
  return (uint8_t) (level < 255 ? level : 255);
}

static inline void
across_bytes (const uint8_t *row, const int *first, const int16_t *weights,
    int taps, int16_t *out, int n, int pixel_bytes)
{
  for (int i = 0; i < n; i++, weights += taps, out += 4) {
    const uint8_t *in = row + pixel_bytes * (ptrdiff_t) first[i];

    out[3] = 0;
    for (int c = 0; c < 3; c++) {
      int32_t sum = 1 << (ACROSS_SHIFT - 1);

      for (int k = 0; k < taps; k++)
        sum += weights[k] * in[pixel_bytes * k + c];
      out[c] = (int16_t) (sum >> ACROSS_SHIFT);
    }
  }
}

static void
across_rgb (const uint8_t *row, const int *first, const int16_t *weights,
    int taps, int16_t *out, int n)
{
  across_bytes (row, first, weights, taps, out, n, 3);
}

static void
across_rgbx (const uint8_t *row, const int *first, const int16_t *weights,
    int taps, int16_t *out, int n)
{
  across_bytes (row, first, weights, taps, out, n, 4);
}

static void
down_rgb (const int16_t *const *rows, const int16_t *weights, int n_rows,
    uint8_t *out, int width)
{
  int32_t sums[4 * STORE_PIXELS];

  for (int x = 0; x < width; x += STORE_PIXELS, out += 3 * STORE_PIXELS) {
    int n = width - x < STORE_PIXELS ? width - x : STORE_PIXELS;

    memset (sums, 0, sizeof sums);
    for (int k = 0; k < n_rows; k++)
      for (int i = 0; i < 4 * n; i++)
        sums[i] += weights[k] * rows[k][4 * x + i];
    for (int i = 0; i < n; i++)
      for (int c = 0; c < 3; c++)
        out[3 * i + c] = sum_to_byte (sums[4 * i + c]);
  }
}

static void
down_rgb_float (const int16_t *const *rows, const int16_t *weights, int n_rows,
    float *restrict out, int width)
{
  const int bits = PET_RESAMPLE_WEIGHT_BITS + PET_RESAMPLE_LEVEL_BITS;
  const float unit = 1.0f / (float) (1 << bits);
  int32_t sums[4 * STORE_PIXELS];
  float levels[4 * STORE_PIXELS];

  for (int x = 0; x < width; x += STORE_PIXELS, out += 3 * STORE_PIXELS) {
    int n = width - x < STORE_PIXELS ? width - x : STORE_PIXELS;

    memset (sums, 0, sizeof sums);
    for (int k = 0; k < n_rows; k++) {
      const int16_t *restrict row = rows[k] + 4 * x;
      int weight = weights[k];

      for (int i = 0; i < 4 * n; i++)
        sums[i] += weight * row[i];
    }
    for (int i = 0; i < 4 * n; i++) {
      float level = (float) sums[i] * unit;

      level = level > 0.0f ? level : 0.0f;
      levels[i] = level < 255.0f ? level : 255.0f;
    }
    /* Four floats are one move; the next pixel overwrites the fourth. */
    for (int i = 0; i < n - 1; i++)
      memcpy (out + 3 * i, levels + 4 * i, 4 * sizeof (float));
    memcpy (out + 3 * (n - 1), levels + 4 * (n - 1), 3 * sizeof (float));
  }
}

static void
add_alpha (uint8_t *row, int width)
{
  add_alpha_plain (row, width);
}
#endif

const PetResampleRows JOIN (pet_resample_rows_, PET_ISA) = {
  .widen_1 = widen_1,
  .widen_3 = widen_3,
  .widen_4 = widen_4,
  .widen_rgbx = widen_rgbx,
  .across_1 = across_1,
  .across_4 = across_4,
  .add_1 = add_1,
  .add_2 = add_2,
  .store_1 = store_1,
  .store_3 = store_3,
  .store_4 = store_4,
  .across_rgb = across_rgb,
  .across_rgbx = across_rgbx,
  .down_rgb = down_rgb,
  .down_rgb_float = down_rgb_float,
  .add_alpha = add_alpha,
};
