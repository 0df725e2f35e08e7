/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-icc-matrix.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/pet-cpu.h"

#if PET_ICC_MATRIX_SSE2
#include <emmintrin.h>
#endif

#define LIGHT_ONE 32767
#define ROW_ONE 8192
#define MOST_NUMBER 32767.0
#define HALF_STEP (1 << (PET_ICC_MATRIX_SHIFT - 1))

static const cmsTagSignature colorants[3] = { cmsSigRedColorantTag,
  cmsSigGreenColorantTag, cmsSigBlueColorantTag };
static const cmsTagSignature curves[3] = { cmsSigRedTRCTag, cmsSigGreenTRCTag,
  cmsSigBlueTRCTag };

static bool
is_plain_matrix (cmsHPROFILE profile)
{
  return cmsGetColorSpace (profile) == cmsSigRgbData &&
      cmsGetPCS (profile) == cmsSigXYZData && cmsIsMatrixShaper (profile) &&
      !cmsIsTag (profile, cmsSigAToB0Tag) &&
      !cmsIsTag (profile, cmsSigAToB1Tag);
}

/* Columns are the primaries' XYZ. */
static bool
read_matrix (cmsHPROFILE profile, double matrix[3][3])
{
  for (int c = 0; c < 3; c++) {
    const cmsCIEXYZ *xyz = cmsReadTag (profile, colorants[c]);

    if (xyz == NULL)
      return false;
    matrix[0][c] = xyz->X;
    matrix[1][c] = xyz->Y;
    matrix[2][c] = xyz->Z;
  }
  return true;
}

bool
pet_icc_matrix_invert (const double m[3][3], double result[3][3])
{
  double determinant = 0.0;

  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      result[j][i] = m[(i + 1) % 3][(j + 1) % 3] * m[(i + 2) % 3][(j + 2) % 3] -
          m[(i + 1) % 3][(j + 2) % 3] * m[(i + 2) % 3][(j + 1) % 3];
  for (int j = 0; j < 3; j++)
    determinant += m[0][j] * result[j][0];
  if (!(fabs (determinant) > 1e-9))
    return false;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      result[i][j] /= determinant;
  return true;
}

/* False for NaN too: curves come from hostile files. */
static double
clamp_unit (double value)
{
  if (!(value > 0.0))
    return 0.0;
  return value < 1.0 ? value : 1.0;
}

static bool
read_curves (PetIccMatrix *matrix, cmsHPROFILE profile)
{
  for (int c = 0; c < 3; c++) {
    const cmsToneCurve *curve = cmsReadTag (profile, curves[c]);

    if (curve == NULL)
      return false;
    for (int i = 0; i < 256; i++)
      matrix->linear[c][i] = (float) clamp_unit (
          cmsEvalToneCurveFloat (curve, (float) i / 255.0f));
  }
  return true;
}

static double
encode_srgb (double light)
{
  if (light <= 0.0031308)
    return 12.92 * light;
  return 1.055 * pow (light, 1.0 / 2.4) - 0.055;
}

static PetIccEncoded encoded;

static void
fill_pieces (uint8_t *base, uint8_t *rise, int n, int steps)
{
  for (int i = 0; i < n; i++) {
    const uint8_t *levels = encoded.levels + i * steps;
    int k = 0;

    while (k < steps && levels[k] == levels[0])
      k++;
    base[i] = levels[0];
    rise[i] = (uint8_t) k;
  }
}

static void
fill_encoded (void)
{
  for (int i = 0; i < PET_ICC_MATRIX_STEPS; i++)
    encoded.levels[i] = (uint8_t) (255.0 *
            encode_srgb ((double) i / (PET_ICC_MATRIX_STEPS - 1)) +
        0.5);
  fill_pieces (encoded.base, encoded.rise, 128, 4);
  fill_pieces (encoded.base + 128, encoded.rise + 128, 256, 16);
  fill_pieces (encoded.base + 384, encoded.rise + 384, 256, 64);
}

/* A row of three numbers that add to at most 8, none of them beyond 4: sums of
 * them and light stay within 32 bits. */
static bool
set_row (PetIccMatrix *matrix, int i, const double row[3])
{
  double sum = 0.0;

  for (int c = 0; c < 3; c++) {
    double number = row[c] * ROW_ONE;

    if (!(fabs (number) <= MOST_NUMBER))
      return false;
    matrix->rows[i][c] = (int16_t) lrint (number);
    sum += fabs (number);
  }
  return sum <= 2.0 * MOST_NUMBER;
}

static void
set_light (PetIccMatrix *matrix)
{
  for (int c = 0; c < 3; c++)
    for (int v = 0; v < 256; v++) {
      int light = (int) lrint (clamp_unit (matrix->linear[c][v]) * LIGHT_ONE);

      matrix->light_low[c][v] = (uint8_t) (light & 255);
      matrix->light_high[c][v] = (uint8_t) (light >> 8);
      for (int i = 0; i < 4; i++)
        matrix->shares[c][v][i] =
            i < 3 ? matrix->rows[i][c] * light + (c == 2 ? HALF_STEP : 0) : 0;
    }
}

bool
pet_icc_matrix_set (
    PetIccMatrix *matrix, const double from[3][3], const double to[3][3])
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  double inverse[3][3];

  if (!pet_icc_matrix_invert (to, inverse) ||
      pthread_once (&once, fill_encoded) != 0)
    return false;
  matrix->encoded = &encoded;
  for (int i = 0; i < 3; i++) {
    double row[3];

    for (int j = 0; j < 3; j++)
      row[j] = inverse[i][0] * from[0][j] + inverse[i][1] * from[1][j] +
          inverse[i][2] * from[2][j];
    if (!set_row (matrix, i, row))
      return false;
  }
  set_light (matrix);
  return true;
}

bool
pet_icc_matrix_init (
    PetIccMatrix *matrix, cmsHPROFILE profile, cmsHPROFILE srgb)
{
  double from[3][3], to[3][3];

  return is_plain_matrix (profile) && read_matrix (profile, from) &&
      read_matrix (srgb, to) && read_curves (matrix, profile) &&
      pet_icc_matrix_set (matrix, from, to);
}

static inline int
step_of (int32_t sum)
{
  sum >>= PET_ICC_MATRIX_SHIFT;
  sum = sum > 0 ? sum : 0;
  return sum < PET_ICC_MATRIX_STEPS ? sum : PET_ICC_MATRIX_STEPS - 1;
}

void
pet_icc_matrix_apply_c (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels)
{
  for (size_t i = 0; i < n_pixels; i++, in += channels, out += channels) {
    const int32_t *r = matrix->shares[0][in[0]];
    const int32_t *g = matrix->shares[1][in[1]];
    const int32_t *b = matrix->shares[2][in[2]];

    for (int c = 0; c < 3; c++)
      out[c] = matrix->encoded->levels[step_of (r[c] + g[c] + b[c])];
    if (channels == 4)
      out[3] = in[3];
  }
}

#if PET_ICC_MATRIX_SSE2
static inline __m128i
load_share (const int32_t *share)
{
  return _mm_loadu_si128 ((const __m128i *) (const void *) share);
}

/* Sums of the three colours of a pixel, in steps. */
static inline __m128i
sums_of (const PetIccMatrix *matrix, const uint8_t *in)
{
  return _mm_srai_epi32 (
      _mm_add_epi32 (_mm_add_epi32 (load_share (matrix->shares[0][in[0]]),
                         load_share (matrix->shares[1][in[1]])),
          load_share (matrix->shares[2][in[2]])),
      PET_ICC_MATRIX_SHIFT);
}

/* step_of() for two pixels. */
static inline __m128i
steps_of (const PetIccMatrix *matrix, const uint8_t *in, int channels)
{
  return _mm_min_epi16 (_mm_max_epi16 (_mm_packs_epi32 (sums_of (matrix, in),
                                           sums_of (matrix, in + channels)),
                            _mm_setzero_si128 ()),
      _mm_set1_epi16 (PET_ICC_MATRIX_STEPS - 1));
}

/* Of the colours in the lower 48 bits. */
static inline uint64_t
encode (const uint8_t *levels, uint64_t steps)
{
  return levels[steps & 0xffff] | (uint64_t) levels[steps >> 16 & 0xffff] << 8 |
      (uint64_t) levels[steps >> 32 & 0xffff] << 16;
}

/* Four pixels at a time, joined in registers and written in whole words: what is
 * read again soon after it was written in other pieces has to be waited for. */
static inline void
apply_fours (const PetIccMatrix *matrix, const uint8_t *in, uint8_t *out,
    size_t n_pixels, int channels)
{
  const uint8_t *levels = matrix->encoded->levels;

  for (size_t i = 0; i + 4 <= n_pixels; i += 4) {
    __m128i two = steps_of (matrix, in, channels);
    __m128i next = steps_of (matrix, in + 2 * channels, channels);
    uint64_t a = encode (levels, (uint64_t) _mm_cvtsi128_si64 (two));
    uint64_t b = encode (
        levels, (uint64_t) _mm_cvtsi128_si64 (_mm_unpackhi_epi64 (two, two)));
    uint64_t c = encode (levels, (uint64_t) _mm_cvtsi128_si64 (next));
    uint64_t d = encode (
        levels, (uint64_t) _mm_cvtsi128_si64 (_mm_unpackhi_epi64 (next, next)));

    if (channels == 4) {
      a |= (uint64_t) in[3] << 24 | b << 32 | (uint64_t) in[7] << 56;
      c |= (uint64_t) in[11] << 24 | d << 32 | (uint64_t) in[15] << 56;
    } else {
      a |= b << 24 | c << 48;
      c = c >> 16 | d << 8;
    }
    memcpy (out, &a, 8);
    memcpy (out + 8, &c, channels == 4 ? 8 : 4);
    in += 4 * channels;
    out += 4 * channels;
  }
}

void
pet_icc_matrix_apply_sse2 (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels)
{
  size_t done = n_pixels / 4 * 4, bytes = done * (size_t) channels;

  if (channels == 3)
    apply_fours (matrix, in, out, n_pixels, 3);
  else
    apply_fours (matrix, in, out, n_pixels, 4);
  pet_icc_matrix_apply_c (
      matrix, in + bytes, out + bytes, n_pixels - done, channels);
}
#endif

void
pet_icc_matrix_apply (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels)
{
#ifdef PET_HAVE_X86
  if (pet_cpu_isa () == PET_ISA_AVX512) {
    pet_icc_matrix_apply_avx512 (matrix, in, out, n_pixels, channels);
    return;
  }
#endif
#if PET_ICC_MATRIX_SSE2
  pet_icc_matrix_apply_sse2 (matrix, in, out, n_pixels, channels);
#else
  pet_icc_matrix_apply_c (matrix, in, out, n_pixels, channels);
#endif
}
