/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Part of pet-matte-rows.c: the plain functions that other versions fall back
 * to where a row is too short for them. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "image/pet-matte-rows.h"

static inline uint8_t
round_level (float value)
{
  value = value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value;
  return (uint8_t) (int) (value + 0.5f);
}

static inline void
expand_plain (uint8_t *restrict alpha, const float *restrict slope,
    const float *restrict offset, const PetMattePlaces *places,
    const uint8_t *restrict pixels, int channels, float gain, float bias,
    int from, int to)
{
  for (int x = from; x < to; x++) {
    const uint8_t *p = pixels + (ptrdiff_t) x * channels;
    int i = places->left[x];
    float share = places->share[x];
    float a = slope[i] + (slope[i + 1] - slope[i]) * share;
    float b = offset[i] + (offset[i + 1] - offset[i]) * share;
    float grey = (float) (299 * p[0] + 587 * p[1] + 114 * p[2]) * 0.008f;

    alpha[x] = round_level ((a * grey + b) * gain + bias);
  }
}

static inline void
join_rgba (uint8_t *out, const uint8_t *pixels, const uint8_t *alpha,
    bool scrub, int count)
{
  const uint32_t always = scrub ? 0 : UINT32_MAX;

  for (int i = 0; i < count; i++) {
    uint32_t pixel, visible = alpha[i] != 0 ? UINT32_MAX : always;
    uint8_t bytes[4];

    memcpy (&pixel, pixels + 4 * (ptrdiff_t) i, 4);
    pixel &= visible;
    memcpy (bytes, &pixel, 4);
    bytes[3] = alpha[i];
    memcpy (out + 4 * (ptrdiff_t) i, bytes, 4);
  }
}

static inline void
join_rgb (uint8_t *restrict out, const uint8_t *restrict pixels,
    const uint8_t *restrict alpha, bool scrub, int count)
{
  const uint8_t always = scrub ? 0 : 255;

  for (int i = 0; i < count; i++) {
    uint8_t visible = alpha[i] != 0 ? 255 : always;

    out[4 * (ptrdiff_t) i] = pixels[3 * (ptrdiff_t) i] & visible;
    out[4 * (ptrdiff_t) i + 1] = pixels[3 * (ptrdiff_t) i + 1] & visible;
    out[4 * (ptrdiff_t) i + 2] = pixels[3 * (ptrdiff_t) i + 2] & visible;
    out[4 * (ptrdiff_t) i + 3] = alpha[i];
  }
}

static inline void
window (uint32_t *restrict sums, const uint32_t *restrict columns, int count)
{
  uint32_t total[PET_FRINGE_SUMS] = { 0 };

  for (int k = 0; k < count; k++, columns += PET_FRINGE_SUMS)
    for (int c = 0; c < PET_FRINGE_SUMS; c++)
      total[c] += columns[c];
  memcpy (sums, total, sizeof total);
}

static inline void
clean_pixel (uint8_t *pixel, const float *line, int stride, float share)
{
  float alpha = (float) pixel[3] * (1.0f / 255.0f), rest = 1.0f - alpha;
  float fore[3], error[3], away[3], along = 0.0f, distance = 100.0f;
  float size = 0.0f, leak, kept;

  for (int c = 0; c < 3; c++) {
    const float *f = line + (ptrdiff_t) (PET_PURE_FORE + c) * stride;
    const float *b = line + (ptrdiff_t) (PET_PURE_BACK + c) * stride;
    float back = b[0] + (b[1] - b[0]) * share;

    fore[c] = f[0] + (f[1] - f[0]) * share;
    error[c] = (float) pixel[c] - alpha * fore[c] - rest * back;
    away[c] = back - fore[c];
    along += error[c] * away[c];
    distance += away[c] * away[c];
    size += error[c] * error[c];
  }
  leak = along / distance;
  leak = leak < 0.0f ? 0.0f : leak;
  leak =
      leak > PET_MATTE_LEAK_MARGIN * rest ? PET_MATTE_LEAK_MARGIN * rest : leak;
  kept = alpha + rest * size / (size + PET_MATTE_KEEP * distance);
  for (int c = 0; c < 3; c++)
    pixel[c] = round_level (fore[c] + kept * (error[c] - leak * away[c]));
}

static inline void
clean_plain (uint8_t *row, const float *lines, int stride,
    const PetMattePlaces *places, int from, int to)
{
  for (int x = from; x < to; x++)
    clean_pixel (row + 4 * (ptrdiff_t) x, lines + places->left[x], stride,
        places->share[x]);
}
