/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OKLab (Ottosson 2020): lightness 0..1 and two opponents, in which distances
 * are about as large as they look. Written so that loops over it become
 * vectors; the same bits on every machine. Thread-safety: safe. */

#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Relative error below 1e-5 for 1e-6..8, two Newton steps. */
static inline float
pet_cbrt (float x)
{
  uint32_t bits;
  float root;

  x = x > 1e-6f ? x : 1e-6f;
  memcpy (&bits, &x, 4);
  bits = bits / 3 + 0x2a514067u;
  memcpy (&root, &bits, 4);
  root = (2.0f * root + x / (root * root)) * (1.0f / 3.0f);
  return (2.0f * root + x / (root * root)) * (1.0f / 3.0f);
}

/* sRGB's curve from a channel of 0..1, fitted so that cube roots are within
 * 0.003 of the exact ones. */
static inline float
pet_linear (float c)
{
  float sum = -1.439427f * c + 4.079744f;

  sum = sum * c - 4.431866f;
  sum = sum * c + 2.627678f;
  sum = sum * c + 0.093614f;
  return (sum * c + 0.070258f) * c;
}

static inline void
pet_oklab (float r, float g, float b, float lab[3])
{
  float l =
      pet_cbrt (0.4122214708f * r + 0.5363325363f * g + 0.0514459929f * b);
  float m =
      pet_cbrt (0.2119034982f * r + 0.6806995451f * g + 0.1073969566f * b);
  float s =
      pet_cbrt (0.0883024619f * r + 0.2817188376f * g + 0.6299787005f * b);

  lab[0] = 0.2104542553f * l + 0.7936177850f * m - 0.0040720468f * s;
  lab[1] = 1.9779984951f * l - 2.4285922050f * m + 0.4505937099f * s;
  lab[2] = 0.0259040371f * l + 0.7827717662f * m - 0.8086757660f * s;
}

/* Linear R, G, B; may lie outside 0..1. */
static inline void
pet_oklab_linear (float lightness, float a, float b, float rgb[3])
{
  float l = lightness + 0.3963377774f * a + 0.2158037573f * b;
  float m = lightness - 0.1055613458f * a - 0.0638541728f * b;
  float s = lightness - 0.0894841775f * a - 1.2914855480f * b;

  l = l * l * l;
  m = m * m * m;
  s = s * s * s;
  rgb[0] = 4.0767416621f * l - 3.3077115913f * m + 0.2309699292f * s;
  rgb[1] = -1.2684380046f * l + 2.6097574011f * m - 0.3413193965f * s;
  rgb[2] = -0.0041960863f * l - 0.7034186147f * m + 1.7076147010f * s;
}

/* sRGB's curve, 0..255 rounded; within one level of the exact one. */
static inline uint32_t
pet_srgb_level (float linear)
{
  float x = linear < 0.0f ? 0.0f : linear > 1.0f ? 1.0f : linear;
  float root = sqrtf (x), fourth = sqrtf (root), eighth = sqrtf (fourth);
  float value = 0.662002687f * root + 0.684122060f * fourth -
      0.323583601f * eighth - 0.0225411470f * x;

  value = x < 0.0031308f ? 12.92f * x : value;
  return (uint32_t) (int32_t) (255.0f * value + 0.5f);
}
