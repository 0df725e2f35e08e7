/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Vectors, colours and noise of pet-draw.
 *
 * Only + - * / sqrtf, floorf and fabsf are used, which IEEE 754 rounds the
 * same way everywhere: the picture is the same on every machine. Colours are
 * linear light; a gamma of 2 stands in for the sRGB curve, so that squaring
 * and square roots convert. */
#pragma once

#include <math.h>
#include <stdint.h>

typedef struct {
  float x, y, z;
} Vec;

static inline Vec
vec (float x, float y, float z)
{
  return (Vec){ x, y, z };
}

static inline Vec
vec_add (Vec a, Vec b)
{
  return vec (a.x + b.x, a.y + b.y, a.z + b.z);
}

static inline Vec
vec_sub (Vec a, Vec b)
{
  return vec (a.x - b.x, a.y - b.y, a.z - b.z);
}

static inline Vec
vec_mul (Vec a, Vec b)
{
  return vec (a.x * b.x, a.y * b.y, a.z * b.z);
}

static inline Vec
vec_scale (Vec a, float s)
{
  return vec (a.x * s, a.y * s, a.z * s);
}

/* a + s b */
static inline Vec
vec_along (Vec a, Vec b, float s)
{
  return vec (a.x + b.x * s, a.y + b.y * s, a.z + b.z * s);
}

static inline float
vec_dot (Vec a, Vec b)
{
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline Vec
vec_cross (Vec a, Vec b)
{
  return vec (
      a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}

static inline float
vec_length (Vec a)
{
  return sqrtf (vec_dot (a, a));
}

static inline Vec
vec_unit (Vec a)
{
  return vec_scale (a, 1 / (vec_length (a) + 1e-9f));
}

static inline float
min_f (float a, float b)
{
  return a < b ? a : b;
}

static inline float
max_f (float a, float b)
{
  return a > b ? a : b;
}

static inline float
clamp_f (float v, float low, float high)
{
  return v < low ? low : v > high ? high : v;
}

static inline float
mix_f (float a, float b, float t)
{
  return a + (b - a) * t;
}

static inline Vec
vec_mix (Vec a, Vec b, float t)
{
  return vec (mix_f (a.x, b.x, t), mix_f (a.y, b.y, t), mix_f (a.z, b.z, t));
}

/* 0 at `from`, 1 at `to`, smooth between; `from` may be the greater one. */
static inline float
ramp (float from, float to, float v)
{
  float t = clamp_f ((v - from) / (to - from), 0, 1);

  return t * t * (3 - 2 * t);
}

/* 1 at `centre`, falling smoothly to 0 at `radius` from it. */
static inline float
bump (float v, float centre, float radius)
{
  return ramp (radius, 0, fabsf (v - centre));
}

/* Like (1 - cos (2 pi t)) / 2. */
static inline float
wave (float t)
{
  float x = fabsf (2 * (t - floorf (t)) - 1);

  return 1 - x * x * (3 - 2 * x);
}

/* The colour 0xrrggbb in linear light. */
static inline Vec
color (uint32_t rgb)
{
  Vec c = vec ((float) (rgb >> 16 & 255) / 255, (float) (rgb >> 8 & 255) / 255,
      (float) (rgb & 255) / 255);

  return vec_mul (c, c);
}

static inline uint32_t
hash_u32 (uint32_t v)
{
  v ^= v >> 16;
  v *= 0x7feb352du;
  v ^= v >> 15;
  v *= 0x846ca68bu;
  return v ^ v >> 16;
}

/* 0 .. 1, the same for the same lattice point. */
static inline float
hash_unit (int x, int y, int z)
{
  uint32_t h = hash_u32 ((uint32_t) x * 0x8da6b343u +
      (uint32_t) y * 0xd8163841u + (uint32_t) z * 0xcb1ab31fu);

  return (float) (h >> 8) * (1.0f / 16777216);
}

typedef uint32_t Random;

/* Next number in 0 .. 1 (xorshift; the state must not be 0). */
static inline float
random_unit (Random *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return (float) (*state >> 8) * (1.0f / 16777216);
}

/* Smooth noise in 0 .. 1, one feature per unit. `seed` picks a layer. */
static inline float
noise2 (float x, float y, int seed)
{
  float fx = floorf (x), fy = floorf (y);
  int ix = (int) fx, iy = (int) fy;
  float u = ramp (0, 1, x - fx), v = ramp (0, 1, y - fy);

  return mix_f (
      mix_f (hash_unit (ix, iy, seed), hash_unit (ix + 1, iy, seed), u),
      mix_f (hash_unit (ix, iy + 1, seed), hash_unit (ix + 1, iy + 1, seed), u),
      v);
}

static inline float
noise3 (Vec p)
{
  float fz = floorf (p.z);
  int layer = (int) fz * 131;

  return mix_f (noise2 (p.x, p.y, layer), noise2 (p.x, p.y, layer + 131),
      ramp (0, 1, p.z - fz));
}
