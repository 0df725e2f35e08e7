/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-dither.h"

#include <string.h>

#include "image/effects/pet-dither-lanes.h"
#include "image/pet-pixels.h"

#define REST_BITS (PET_DITHER_TOP_BIT - PET_DITHER_PIECE_BITS)
#define HIDDEN (PET_DITHER_PIECES + 1)

/* Pixels whose pieces are found before their series are summed. */
#define BATCH 64

#define FLOAT_BITS 23
#define FLOAT_BIAS 127

void
pet_dither_tone_start (PetDitherTone *tone, double gamma)
{
  const int n_pieces = 1 << PET_DITHER_PIECE_BITS;
  PetDitherCurve curve;

  pet_dither_curve (&curve, gamma);
  memcpy (tone->series, curve.series, sizeof curve.series);
  for (int i = 0; i < PET_DITHER_PIECES; i++) {
    tone->pieces[i + 1].scale =
        curve.octave[i / n_pieces] * curve.power[i % n_pieces];
    tone->pieces[i + 1].inverse = curve.inverse[i % n_pieces];
  }
  tone->pieces[0].scale = tone->pieces[0].inverse = 0.0;
  tone->pieces[HIDDEN].scale = 255.0;
  tone->pieces[HIDDEN].inverse = 0.0;
}

/* 299 R + 587 G + 114 B, which a float holds whole: its exponent is the octave,
 * the bits that follow are the piece, and those after them the rest. Pieces are
 * given by their distance in bytes. */
static void
find_pieces (const uint8_t *restrict pixels, uint32_t *restrict piece,
    int32_t *restrict rest, int n)
{
  for (int x = 0; x < n; x++) {
    uint32_t pixel, bits;
    float luma;
    int32_t entry;

    memcpy (&pixel, pixels + 4 * (size_t) x, 4);
    luma = (float) (299 * pet_pixel_red (pixel) +
        587 * pet_pixel_green (pixel) + 114 * pet_pixel_blue (pixel));
    memcpy (&bits, &luma, 4);
    entry = (int32_t) (bits >> (FLOAT_BITS - PET_DITHER_PIECE_BITS)) -
        (FLOAT_BIAS << PET_DITHER_PIECE_BITS) + 1;
    entry = entry > 0 ? entry : 0;
    entry = (pixel & PET_PIXEL_ALPHA) != 0 ? entry : HIDDEN;
    piece[x] = (uint32_t) entry * (uint32_t) sizeof (PetDitherPiece);
    rest[x] = (int32_t) (bits >> (FLOAT_BITS - PET_DITHER_TOP_BIT) &
                  ((1 << REST_BITS) - 1)) -
        (1 << (REST_BITS - 1));
  }
}

/* The scales and inverses of PET_LANES pieces. A scale and its inverse are one
 * load; gathers cost several. */
#if PET_LANES == 1
static inline void
load_pieces (
    const char *pieces, const uint32_t *p, PetLanes *scale, PetLanes *inverse)
{
  const PetDitherPiece *piece = (const PetDitherPiece *) (pieces + *p);

  *scale = piece->scale;
  *inverse = piece->inverse;
}

static inline PetLanes
widen (const int32_t *from)
{
  return *from;
}
#else
static inline __m256d
load_two (const char *pieces, uint32_t low, uint32_t high)
{
  __m128d a = _mm_loadu_pd ((const double *) (pieces + low));
  __m128d b = _mm_loadu_pd ((const double *) (pieces + high));

  return _mm256_insertf128_pd (_mm256_castpd128_pd256 (a), b, 1);
}
#endif

#if PET_LANES == 4
static inline void
load_pieces (
    const char *pieces, const uint32_t *p, PetLanes *scale, PetLanes *inverse)
{
  PetLanes even = load_two (pieces, p[0], p[2]);
  PetLanes odd = load_two (pieces, p[1], p[3]);

  *scale = _mm256_unpacklo_pd (even, odd);
  *inverse = _mm256_unpackhi_pd (even, odd);
}

static inline PetLanes
widen (const int32_t *from)
{
  return _mm256_cvtepi32_pd (_mm_loadu_si128 ((const __m128i *) from));
}
#elif PET_LANES == 8
static inline PetLanes
load_four (const char *pieces, const uint32_t *p)
{
  return _mm512_insertf64x4 (
      _mm512_castpd256_pd512 (load_two (pieces, p[0], p[2])),
      load_two (pieces, p[4], p[6]), 1);
}

static inline void
load_pieces (
    const char *pieces, const uint32_t *p, PetLanes *scale, PetLanes *inverse)
{
  PetLanes even = load_four (pieces, p), odd = load_four (pieces, p + 1);

  *scale = _mm512_unpacklo_pd (even, odd);
  *inverse = _mm512_unpackhi_pd (even, odd);
}

static inline PetLanes
widen (const int32_t *from)
{
  return _mm512_cvtepi32_pd (_mm256_loadu_si256 ((const __m256i *) from));
}
#endif

static void
fetch_pieces (const PetDitherTone *tone, const uint32_t *piece,
    const int32_t *rest, double *scale, double *r)
{
  for (int x = 0; x < BATCH; x += PET_LANES) {
    PetLanes inverse, factor;

    load_pieces ((const char *) tone->pieces, piece + x, &factor, &inverse);
    pet_lanes_store (scale + x, factor);
    pet_lanes_store (r + x, widen (rest + x) * inverse);
  }
}

/* One long chain per vector: apart from the loads, so that many of them are
 * under way at a time. */
static void
sum_series (
    const double *series, const double *scale, const double *r, double *grey)
{
  double s0 = series[0], s1 = series[1], s2 = series[2], s3 = series[3];
  double s4 = series[4], s5 = series[5];

  for (int x = 0; x < BATCH; x += PET_LANES) {
    PetLanes d = pet_lanes_load (r + x);
    PetLanes sum = ((((s5 * d + s4) * d + s3) * d + s2) * d + s1) * d + s0;

    pet_lanes_store (grey + x, pet_lanes_load (scale + x) * sum);
  }
}

static void
tone_batch (
    const PetDitherTone *tone, const uint8_t *pixels, double *grey, int n)
{
  uint32_t piece[BATCH] = { 0 };
  int32_t rest[BATCH] = { 0 };
  double scale[BATCH], r[BATCH];

  find_pieces (pixels, piece, rest, n);
  fetch_pieces (tone, piece, rest, scale, r);
  sum_series (tone->series, scale, r, grey);
}

void
pet_dither_tone (const PetDitherTone *tone, const uint8_t *pixels,
    ptrdiff_t next, double *grey, int n)
{
  double tail[BATCH];
  int x = 0;

  for (; x + BATCH <= n; x += BATCH) {
    for (int i = 0; i < 4 * BATCH; i += 64)
      __builtin_prefetch (pixels + 4 * (ptrdiff_t) x + i + next);
    tone_batch (tone, pixels + 4 * (size_t) x, grey + x, BATCH);
  }
  tone_batch (tone, pixels + 4 * (size_t) x, tail, n - x);
  memcpy (grey + x, tail, (size_t) (n - x) * sizeof (double));
}
