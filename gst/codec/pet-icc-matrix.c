/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-icc-matrix.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#if PET_ICC_MATRIX_SSE2
#include <emmintrin.h>
#endif

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
      !cmsIsTag (profile, cmsSigAToB1Tag) &&
      !cmsIsTag (profile, cmsSigDToB0Tag) &&
      !cmsIsTag (profile, cmsSigDToB1Tag);
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

static uint8_t encoded[PET_ICC_MATRIX_STEPS];

static void
fill_encoded (void)
{
  for (int i = 0; i < PET_ICC_MATRIX_STEPS; i++)
    encoded[i] = (uint8_t) (255.0 *
            encode_srgb ((double) i / (PET_ICC_MATRIX_STEPS - 1)) +
        0.5);
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
  matrix->encoded = encoded;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      matrix->rows[i][j] =
          (float) ((inverse[i][0] * from[0][j] + inverse[i][1] * from[1][j] +
                       inverse[i][2] * from[2][j]) *
              (PET_ICC_MATRIX_STEPS - 1));
  for (int c = 0; c < 3; c++)
    for (int v = 0; v < 256; v++)
      for (int i = 0; i < 4; i++)
        matrix->shares[c][v][i] =
            i < 3 ? matrix->rows[i][c] * matrix->linear[c][v] : 0.0f;
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
step_of (float value)
{
  value = value > 0.0f ? value : 0.0f;
  value = value < (float) (PET_ICC_MATRIX_STEPS - 1)
      ? value
      : (float) (PET_ICC_MATRIX_STEPS - 1);
  return (int) (value + 0.5f);
}

void
pet_icc_matrix_apply_c (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels)
{
  for (size_t i = 0; i < n_pixels; i++, in += channels, out += channels) {
    const float *r = matrix->shares[0][in[0]];
    const float *g = matrix->shares[1][in[1]];
    const float *b = matrix->shares[2][in[2]];

    for (int c = 0; c < 3; c++)
      out[c] = matrix->encoded[step_of (r[c] + g[c] + b[c])];
    if (channels == 4)
      out[3] = in[3];
  }
}

#if PET_ICC_MATRIX_SSE2
/* step_of() for the three colours of a pixel. */
static inline __m128i
steps_of (const PetIccMatrix *matrix, const uint8_t *in)
{
  const __m128 last = _mm_set1_ps ((float) (PET_ICC_MATRIX_STEPS - 1));
  __m128 value =
      _mm_add_ps (_mm_add_ps (_mm_loadu_ps (matrix->shares[0][in[0]]),
                      _mm_loadu_ps (matrix->shares[1][in[1]])),
          _mm_loadu_ps (matrix->shares[2][in[2]]));

  value = _mm_min_ps (_mm_max_ps (value, _mm_setzero_ps ()), last);
  return _mm_cvttps_epi32 (_mm_add_ps (value, _mm_set1_ps (0.5f)));
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
  const uint8_t *levels = matrix->encoded;

  for (size_t i = 0; i + 4 <= n_pixels; i += 4) {
    __m128i two = _mm_packs_epi32 (
        steps_of (matrix, in), steps_of (matrix, in + channels));
    __m128i next = _mm_packs_epi32 (steps_of (matrix, in + 2 * channels),
        steps_of (matrix, in + 3 * channels));
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
#if PET_ICC_MATRIX_SSE2
  pet_icc_matrix_apply_sse2 (matrix, in, out, n_pixels, channels);
#else
  pet_icc_matrix_apply_c (matrix, in, out, n_pixels, channels);
#endif
}
