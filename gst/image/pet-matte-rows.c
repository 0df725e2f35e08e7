/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiled once per instruction set, with PET_MATTE_ROWS_NAME and _TABLE set
 * and without contraction of multiply and add. The loops are written so that
 * compilers vectorise them. */

#include "image/pet-matte-rows.h"

#include <string.h>

#include "image/pet-matte-rows-plain.h"

#ifdef __AVX2__
#include "image/pet-matte-rows-avx2.h"
#endif

extern const PetMatteRows PET_MATTE_ROWS_TABLE;

static void
add_bytes (uint16_t *restrict sums, const uint8_t *restrict row, int count)
{
  for (int i = 0; i < count; i++)
    sums[i] = (uint16_t) (sums[i] + row[i]);
}

static void
slide (uint32_t *restrict columns, const uint32_t *restrict enters,
    const uint32_t *restrict leaves, int count)
{
  for (int i = 0; i < count && enters != NULL; i++)
    columns[i] += enters[i];
  for (int i = 0; i < count && leaves != NULL; i++)
    columns[i] -= leaves[i];
}

#define CHUNK 64

static void
sum_neighbours (
    uint32_t *restrict out, const uint32_t *columns, int radius, int count)
{
  for (int i = 0; i < count; i++)
    out[i] = 0;
  for (int k = 0; k <= 2 * radius; k++)
    for (int i = 0; i < count; i++)
      out[i] += columns[i + k];
}

/* Sums are below 2^31, so the signed conversion, the faster one, is exact. */
static float
to_float (uint32_t sum)
{
  return (float) (int32_t) sum;
}

static void
solve (float *restrict slope, float *restrict offset,
    const uint32_t *const *columns, const float *restrict pixels, float epsilon,
    int radius, int count)
{
  uint32_t sums[4][CHUNK];

  for (int from = 0; from < count; from += CHUNK) {
    int n = count - from < CHUNK ? count - from : CHUNK;

    for (int c = 0; c < 4; c++)
      sum_neighbours (sums[c], columns[c] + from, radius, n);
    for (int i = 0; i < n; i++) {
      float share = 1.0f / pixels[from + i];
      float guide = to_float (sums[0][i]) * share;
      float mask = to_float (sums[1][i]) / (255.0f * pixels[from + i]);
      float variance = to_float (sums[2][i]) * share - guide * guide;
      float covariance =
          to_float (sums[3][i]) * share * (1.0f / 255.0f) - guide * mask;
      float a = covariance / (variance + epsilon);

      a = mask == 0.0f || mask == 1.0f ? 0.0f : a;
      slope[from + i] = a;
      offset[from + i] = mask - a * guide;
    }
  }
}

static void
average (float *restrict out, const float *restrict columns,
    const float *restrict pixels, int radius, int count)
{
  for (int i = 0; i < count; i++)
    out[i] = 0.0f;
  for (int k = 0; k <= 2 * radius; k++)
    for (int i = 0; i < count; i++)
      out[i] += columns[i + k];
  for (int i = 0; i < count; i++)
    out[i] /= pixels[i];
}

static void
add_floats (float *restrict sums, const float *restrict row, int count)
{
  for (int i = 0; i < count; i++)
    sums[i] += row[i];
}

static void
mix (float *restrict out, const float *restrict above,
    const float *restrict below, float share, int count)
{
  for (int i = 0; i < count; i++)
    out[i] = above[i] + (below[i] - above[i]) * share;
}

static void
classify (uint8_t *restrict kinds, const float *restrict slope,
    const float *restrict offset, int count)
{
  for (int i = 0; i < count; i++) {
    uint8_t kind = offset[i] > 0.9999f ? 1 : 2;

    kind = offset[i] == 0.0f ? 0 : kind;
    kinds[i] = slope[i] == 0.0f ? kind : 2;
  }
}

static void
extremes (uint8_t *restrict low, uint8_t *restrict high,
    const uint8_t *restrict row, int count)
{
  for (int i = 0; i < count; i++) {
    low[i] = row[i] < low[i] ? row[i] : low[i];
    high[i] = row[i] > high[i] ? row[i] : high[i];
  }
}

#ifndef __AVX2__
static void
expand (uint8_t *alpha, const float *slope, const float *offset,
    const PetMattePlaces *places, const uint8_t *pixels, int channels,
    float gain, float bias, int from, int to)
{
  expand_plain (
      alpha, slope, offset, places, pixels, channels, gain, bias, from, to);
}

static void
clean (uint8_t *row, const float *lines, int stride,
    const PetMattePlaces *places, int from, int to)
{
  clean_plain (row, lines, stride, places, from, to);
}

static void
join (uint8_t *out, const uint8_t *pixels, int channels, const uint8_t *alpha,
    bool scrub, int count)
{
  if (channels == 4)
    join_rgba (out, pixels, alpha, scrub, count);
  else
    join_rgb (out, pixels, alpha, scrub, count);
}
#endif

static uint64_t
measure (const uint8_t *restrict row, int count, int *largest)
{
  uint64_t total = 0;
  uint8_t most = 0;

  for (int from = 0; from < count; from += 4096) {
    int to = count - from < 4096 ? count : from + 4096;
    uint32_t sum = 0;

    for (int i = from; i < to; i++) {
      sum += row[i];
      most = row[i] > most ? row[i] : most;
    }
    total += sum;
  }
  *largest = most;
  return total;
}

const PetMatteRows PET_MATTE_ROWS_TABLE = {
  .name = PET_MATTE_ROWS_NAME,
  .add_bytes = add_bytes,
  .slide = slide,
  .solve = solve,
  .average = average,
  .add_floats = add_floats,
  .mix = mix,
  .classify = classify,
  .expand = expand,
  .join = join,
  .extremes = extremes,
  .clean = clean,
  .window = window,
  .measure = measure,
};
