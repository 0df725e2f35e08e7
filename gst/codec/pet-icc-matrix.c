/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-icc-matrix.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#if PET_ICC_MATRIX_AVX2
#include <immintrin.h>
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

/* Vectors read three bytes behind the last. */
static uint8_t encoded[PET_ICC_MATRIX_STEPS + 3];

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

  if (!pet_icc_matrix_invert (to, inverse))
    return false;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      matrix->rows[i][j] =
          (float) ((inverse[i][0] * from[0][j] + inverse[i][1] * from[1][j] +
                       inverse[i][2] * from[2][j]) *
              (PET_ICC_MATRIX_STEPS - 1));
  pthread_once (&once, fill_encoded);
  matrix->encoded = encoded;
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
  const float (*rows)[3] = matrix->rows;

  for (size_t i = 0; i < n_pixels; i++, in += channels, out += channels) {
    float r = matrix->linear[0][in[0]];
    float g = matrix->linear[1][in[1]];
    float b = matrix->linear[2][in[2]];

    for (int c = 0; c < 3; c++)
      out[c] = matrix->encoded[step_of (
          rows[c][0] * r + rows[c][1] * g + rows[c][2] * b)];
    if (channels == 4)
      out[3] = in[3];
  }
}

#if PET_ICC_MATRIX_AVX2
/* The light of one sample of eight pixels, which is at `shift` of each. */
__attribute__ ((target ("avx2"))) static inline __m256
light_avx2 (const float *linear, __m256i pixels, int shift)
{
  __m256i samples = _mm256_and_si256 (
      _mm256_srli_epi32 (pixels, shift), _mm256_set1_epi32 (255));

  return _mm256_i32gather_ps (linear, samples, 4);
}

/* step_of() and `encoded` for eight pixels, in the same order of operations. */
__attribute__ ((target ("avx2"))) static inline __m256i
encode_avx2 (const PetIccMatrix *matrix, const float row[3], __m256 r, __m256 g,
    __m256 b)
{
  __m256 value =
      _mm256_add_ps (_mm256_add_ps (_mm256_mul_ps (_mm256_set1_ps (row[0]), r),
                         _mm256_mul_ps (_mm256_set1_ps (row[1]), g)),
          _mm256_mul_ps (_mm256_set1_ps (row[2]), b));
  __m256i steps;

  value = _mm256_max_ps (value, _mm256_setzero_ps ());
  value = _mm256_min_ps (
      value, _mm256_set1_ps ((float) (PET_ICC_MATRIX_STEPS - 1)));
  steps = _mm256_cvttps_epi32 (_mm256_add_ps (value, _mm256_set1_ps (0.5f)));
  return _mm256_and_si256 (
      _mm256_i32gather_epi32 (
          (const int *) (const void *) matrix->encoded, steps, 1),
      _mm256_set1_epi32 (255));
}

/* Eight pixels of 4 bytes to 3 bytes each; writes nothing behind them. */
__attribute__ ((target ("avx2"))) static inline void
store_rgb_avx2 (uint8_t *out, __m256i pixels)
{
  const __m256i order =
      _mm256_setr_epi8 (0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
          0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  __m256i packed = _mm256_shuffle_epi8 (pixels, order);

  for (int half = 0; half < 2; half++) {
    __m128i bytes = half == 0 ? _mm256_castsi256_si128 (packed)
                              : _mm256_extracti128_si256 (packed, 1);
    int tail = _mm_extract_epi32 (bytes, 2);

    _mm_storel_epi64 ((__m128i *) (void *) (out + 12 * half), bytes);
    memcpy (out + 12 * half + 8, &tail, sizeof tail);
  }
}

/* Eight at a time; a gather of RGB reads one byte behind its last pixel, so
 * the last of a row are left to the C version. */
__attribute__ ((target ("avx2"))) void
pet_icc_matrix_apply_avx2 (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels)
{
  const __m256i offsets = _mm256_mullo_epi32 (
      _mm256_setr_epi32 (0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32 (channels));
  size_t i = 0;

  for (; i + 8 < n_pixels; i += 8) {
    __m256i pixels = _mm256_i32gather_epi32 (
        (const int *) (const void *) (in + i * (size_t) channels), offsets, 1);
    __m256 r = light_avx2 (matrix->linear[0], pixels, 0);
    __m256 g = light_avx2 (matrix->linear[1], pixels, 8);
    __m256 b = light_avx2 (matrix->linear[2], pixels, 16);
    __m256i alpha =
        _mm256_and_si256 (pixels, _mm256_set1_epi32 ((int) 0xff000000));
    __m256i done = _mm256_or_si256 (
        _mm256_or_si256 (encode_avx2 (matrix, matrix->rows[0], r, g, b),
            _mm256_slli_epi32 (
                encode_avx2 (matrix, matrix->rows[1], r, g, b), 8)),
        _mm256_or_si256 (
            _mm256_slli_epi32 (
                encode_avx2 (matrix, matrix->rows[2], r, g, b), 16),
            alpha));

    if (channels == 4)
      _mm256_storeu_si256 ((__m256i *) (void *) (out + 4 * i), done);
    else
      store_rgb_avx2 (out + 3 * i, done);
  }
  pet_icc_matrix_apply_c (matrix, in + i * (size_t) channels,
      out + i * (size_t) channels, n_pixels - i, channels);
}
#endif

void
pet_icc_matrix_apply (const PetIccMatrix *matrix, const uint8_t *in,
    uint8_t *out, size_t n_pixels, int channels)
{
#if PET_ICC_MATRIX_AVX2
  if (__builtin_cpu_supports ("avx2")) {
    pet_icc_matrix_apply_avx2 (matrix, in, out, n_pixels, channels);
    return;
  }
#endif
  pet_icc_matrix_apply_c (matrix, in, out, n_pixels, channels);
}
