/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/effects/pet-dither.h"

#include <string.h>
#include <threads.h>

#include "image/effects/pet-vector.h"
#include "image/pet-pixels.h"

#define REST_BITS (PET_DITHER_TOP_BIT - PET_DITHER_PIECE_BITS)
/* Numbers whose pieces are the entry before the first and the one behind the
 * last. */
#define BLACK 0x1.fffffep-1f
#define HIDDEN ((float) (1 << (PET_DITHER_TOP_BIT + 1)))

/* Pixels whose pieces are found before their series are summed. */
#define BATCH 64

#define FLOAT_BITS 23
#define FLOAT_BIAS 127

#define USUAL_GAMMA 0.45

static PetDitherTone usual_tone;

static void
make_tone (PetDitherTone *tone, double gamma)
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
  tone->pieces[PET_DITHER_PIECES + 1].scale = 255.0;
  tone->pieces[PET_DITHER_PIECES + 1].inverse = 0.0;
}

static void
make_usual_tone (void)
{
  make_tone (&usual_tone, USUAL_GAMMA);
}

bool
pet_dither_tone_is_kept (double gamma)
{
  return gamma == USUAL_GAMMA;
}

const PetDitherTone *
pet_dither_tone_start (double gamma, PetDitherTone *own)
{
  static once_flag once = ONCE_FLAG_INIT;

  if (pet_dither_tone_is_kept (gamma)) {
    call_once (&once, make_usual_tone);
    return &usual_tone;
  }
  make_tone (own, gamma);
  return own;
}

/* 299 R + 587 G + 114 B, which a float holds whole. */
#if PET_VECTOR_BYTES == 64
static void
find_lumas (const uint8_t *pixels, float *luma)
{
  /* Weights have 7 bits: these are multiples of 128. */
  const __m512i high = _mm512_set1_epi32 (2 | 4 << 8);
  const __m512i low = _mm512_set1_epi32 (43 | 75 << 8 | 114 << 16);

  for (int x = 0; x < BATCH; x += 16) {
    __m512i v = _mm512_loadu_si512 (pixels + 4 * (size_t) x), sum;
    __m512 found;

    sum = _mm512_dpbusd_epi32 (_mm512_setzero_si512 (), v, high);
    sum = _mm512_dpbusd_epi32 (_mm512_slli_epi32 (sum, 7), v, low);
    found = _mm512_max_ps (_mm512_cvtepi32_ps (sum), _mm512_set1_ps (BLACK));
    _mm512_storeu_ps (luma + x,
        _mm512_mask_mov_ps (_mm512_set1_ps (HIDDEN),
            _mm512_test_epi32_mask (
                v, _mm512_set1_epi32 ((int) PET_PIXEL_ALPHA)),
            found));
  }
}
#else
static void
find_lumas (const uint8_t *restrict pixels, float *restrict luma)
{
  for (int x = 0; x < BATCH; x++) {
    uint32_t pixel;
    float found;

    memcpy (&pixel, pixels + 4 * (size_t) x, 4);
    found = (float) (299 * pet_pixel_red (pixel) +
        587 * pet_pixel_green (pixel) + 114 * pet_pixel_blue (pixel));
    found = found < BLACK ? BLACK : found;
    luma[x] = (pixel & PET_PIXEL_ALPHA) != 0 ? found : HIDDEN;
  }
}
#endif

/* Of a luma the exponent is the octave, the bits that follow are the piece, and
 * those after them the rest. Pieces are given by their distance in bytes, and
 * FIRST_PIECE is too much of it. */
#define FIRST_PIECE                                                            \
  (((FLOAT_BIAS << PET_DITHER_PIECE_BITS) - 1) * sizeof (PetDitherPiece))

static void
find_pieces (const float *restrict luma, uint32_t *restrict piece,
    int32_t *restrict rest)
{
  for (int x = 0; x < BATCH; x++) {
    uint32_t bits;

    memcpy (&bits, &luma[x], 4);
    piece[x] = (bits >> (FLOAT_BITS - PET_DITHER_PIECE_BITS)) *
        (uint32_t) sizeof (PetDitherPiece);
    rest[x] = (int32_t) (bits >> (FLOAT_BITS - PET_DITHER_TOP_BIT) &
                  ((1 << REST_BITS) - 1)) -
        (1 << (REST_BITS - 1));
  }
}

/* The scales and inverses of PET_LANES pieces. A scale and its inverse are one
 * load; gathers cost several. */
static inline const double *
piece_at (const char *pieces, size_t distance)
{
  return (const double *) (pieces + (distance - FIRST_PIECE));
}

#if PET_LANES == 1
static inline void
load_pieces (
    const char *pieces, const uint32_t *p, PetLanes *scale, PetLanes *inverse)
{
  const double *piece = piece_at (pieces, *p);

  *scale = piece[0];
  *inverse = piece[1];
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
  __m128d a = _mm_loadu_pd (piece_at (pieces, low));
  __m128d b = _mm_loadu_pd (piece_at (pieces, high));

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
sum_series (const PetDitherTone *tone, const uint32_t *piece,
    const int32_t *rest, double *grey, PetSoft *soft)
{
  const char *pieces = (const char *) tone->pieces;
  const double *s = tone->series;
  double s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];

  for (int x = 0; x < BATCH; x += PET_LANES) {
    PetLanes scale, inverse, d, sum;

    load_pieces (pieces, piece + x, &scale, &inverse);
    d = widen (rest + x) * inverse;
    sum = ((s3 * d + s2) * d + s1) * d + s0;
    sum = scale * sum;
    pet_lanes_store (grey + x, sum);
    pet_lanes_soften (soft + x, sum);
  }
}

static void
tone_batch (const PetDitherTone *tone, const uint8_t *pixels, double *grey,
    PetSoft *soft)
{
  float luma[BATCH];
  uint32_t piece[BATCH];
  int32_t rest[BATCH];

  find_lumas (pixels, luma);
  find_pieces (luma, piece, rest);
  sum_series (tone, piece, rest, grey, soft);
}

void
pet_dither_tone (const PetDitherTone *tone, const uint8_t *pixels,
    PetAhead ahead, double *grey, PetSoft *soft, int n)
{
  uint8_t tail_pixels[4 * BATCH] = { 0 };
  double tail[BATCH];
  PetSoft soft_tail[BATCH];
  int x = 0;

  for (; x + BATCH <= n; x += BATCH) {
    pet_prefetch_ahead (ahead, 4 * (size_t) x, 4 * BATCH);
    tone_batch (tone, pixels + 4 * (size_t) x, grey + x, soft + x);
  }
  memcpy (tail_pixels, pixels + 4 * (size_t) x, 4 * (size_t) (n - x));
  tone_batch (tone, tail_pixels, tail, soft_tail);
  memcpy (grey + x, tail, (size_t) (n - x) * sizeof *tail);
  memcpy (soft + x, soft_tail, (size_t) (n - x) * sizeof *soft_tail);
}
