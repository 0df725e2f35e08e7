/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-icc-matrix.h"

#include <math.h>

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

bool
pet_icc_matrix_set (
    PetIccMatrix *matrix, const double from[3][3], const double to[3][3])
{
  double inverse[3][3];

  if (!pet_icc_matrix_invert (to, inverse))
    return false;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      matrix->rows[i][j] =
          (float) ((inverse[i][0] * from[0][j] + inverse[i][1] * from[1][j] +
                       inverse[i][2] * from[2][j]) *
              (PET_ICC_MATRIX_STEPS - 1));
  for (int i = 0; i < PET_ICC_MATRIX_STEPS; i++)
    matrix->encoded[i] = (uint8_t) (255.0 *
            encode_srgb ((double) i / (PET_ICC_MATRIX_STEPS - 1)) +
        0.5);
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
pet_icc_matrix_apply (const PetIccMatrix *matrix, const uint8_t *in,
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
