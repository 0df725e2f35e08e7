/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From chromaticities to a matrix as in ITU-R BT.709 annex / SMPTE RP 177;
 * whites are adapted by Bradford's cone responses. Curves: IEC 61966-2-1,
 * ITU-R BT.709 and BT.2100. */

#include "codec/pet-colorimetry.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define D65                                                                    \
  {                                                                            \
    0.3127, 0.3290                                                             \
  }

/* cd/m2 of white in a picture that is not HDR: ITU-R BT.2408. */
#define REFERENCE_WHITE 203.0

static const PetColorimetry srgb = {
  .white = D65,
  .primaries = { { 0.640, 0.330 }, { 0.300, 0.600 }, { 0.150, 0.060 } },
};

static const double bradford[3][3] = {
  { 0.8951, 0.2664, -0.1614 },
  { -0.7502, 1.7135, 0.0367 },
  { 0.0389, -0.0685, 1.0296 },
};

#define DCI_AND_P3                                                             \
  { 0.680, 0.320 }, { 0.265, 0.690 },                                          \
  {                                                                            \
    0.150, 0.060                                                               \
  }
#define SMPTE_170M                                                             \
  { 0.630, 0.340 }, { 0.310, 0.595 },                                          \
  {                                                                            \
    0.155, 0.070                                                               \
  }

/* ColourPrimaries of H.273. */
static const struct {
  int code;
  double white[2], primaries[3][2];
} known_primaries[] = {
  { 1, D65, { { 0.640, 0.330 }, { 0.300, 0.600 }, { 0.150, 0.060 } } },
  { 4, { 0.310, 0.316 }, { { 0.67, 0.33 }, { 0.21, 0.71 }, { 0.14, 0.08 } } },
  { 5, D65, { { 0.64, 0.33 }, { 0.29, 0.60 }, { 0.15, 0.06 } } },
  { 6, D65, { SMPTE_170M } },
  { 7, D65, { SMPTE_170M } },
  { 9, D65, { { 0.708, 0.292 }, { 0.170, 0.797 }, { 0.131, 0.046 } } },
  { 11, { 0.314, 0.351 }, { DCI_AND_P3 } },
  { 12, D65, { DCI_AND_P3 } },
};

/* TransferCharacteristics of H.273. */
static const struct {
  int code;
  PetTransfer transfer;
  double exponent;
} known_curves[] = {
  { 1, PET_TRANSFER_BT709, 0 },
  { 4, PET_TRANSFER_GAMMA, 2.2 },
  { 5, PET_TRANSFER_GAMMA, 2.8 },
  { 6, PET_TRANSFER_BT709, 0 },
  { 8, PET_TRANSFER_GAMMA, 1.0 },
  { 13, PET_TRANSFER_SRGB, 0 },
  { 14, PET_TRANSFER_BT709, 0 },
  { 15, PET_TRANSFER_BT709, 0 },
  { 16, PET_TRANSFER_PQ, 0 },
  { 18, PET_TRANSFER_HLG, 0 },
};

static bool
find_primaries (PetColorimetry *self, int code)
{
  for (size_t i = 0; i < sizeof known_primaries / sizeof *known_primaries; i++)
    if (known_primaries[i].code == code) {
      memcpy (self->white, known_primaries[i].white, sizeof self->white);
      memcpy (self->primaries, known_primaries[i].primaries,
          sizeof self->primaries);
      return true;
    }
  return false;
}

bool
pet_colorimetry_from_code_points (
    PetColorimetry *self, int primaries, int transfer)
{
  if (!find_primaries (self, primaries))
    return false;
  for (size_t i = 0; i < sizeof known_curves / sizeof *known_curves; i++)
    if (known_curves[i].code == transfer) {
      self->transfer = known_curves[i].transfer;
      self->exponent = known_curves[i].exponent;
      return true;
    }
  return false;
}

static bool
is_near (const double a[2], const double b[2])
{
  return fabs (a[0] - b[0]) < 0.002 && fabs (a[1] - b[1]) < 0.002;
}

bool
pet_colorimetry_has_srgb_primaries (const PetColorimetry *self)
{
  bool near = is_near (self->white, srgb.white);

  for (int c = 0; c < 3; c++)
    near = near && is_near (self->primaries[c], srgb.primaries[c]);
  return near;
}

static void
multiply (const double a[3][3], const double b[3][3], double result[3][3])
{
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      result[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j];
}

static void
to_xyz (const double xy[2], double xyz[3])
{
  xyz[0] = xy[0] / xy[1];
  xyz[1] = 1.0;
  xyz[2] = (1.0 - xy[0] - xy[1]) / xy[1];
}

/* Columns: the primaries' XYZ, such that all three make white. */
static bool
rgb_to_xyz (const PetColorimetry *self, double matrix[3][3])
{
  double columns[3][3], inverse[3][3], white[3];

  if (!(self->white[1] > 0.0))
    return false;
  to_xyz (self->white, white);
  for (int c = 0; c < 3; c++) {
    double xyz[3];

    if (!(self->primaries[c][1] > 0.0))
      return false;
    to_xyz (self->primaries[c], xyz);
    for (int i = 0; i < 3; i++)
      columns[i][c] = xyz[i];
  }
  if (!pet_icc_matrix_invert (columns, inverse))
    return false;
  for (int c = 0; c < 3; c++) {
    double scale = inverse[c][0] * white[0] + inverse[c][1] * white[1] +
        inverse[c][2] * white[2];

    for (int i = 0; i < 3; i++)
      matrix[i][c] = columns[i][c] * scale;
  }
  return true;
}

/* From one white to sRGB's. */
static bool
adapt (const double white[2], double matrix[3][3])
{
  double from[3], to[3], inverse[3][3], scaled[3][3];

  to_xyz (white, from);
  to_xyz (srgb.white, to);
  for (int i = 0; i < 3; i++) {
    double cone_from = 0, cone_to = 0;

    for (int j = 0; j < 3; j++) {
      cone_from += bradford[i][j] * from[j];
      cone_to += bradford[i][j] * to[j];
    }
    if (!(fabs (cone_from) > 1e-6))
      return false;
    for (int j = 0; j < 3; j++)
      scaled[i][j] = bradford[i][j] * cone_to / cone_from;
  }
  if (!pet_icc_matrix_invert (bradford, inverse))
    return false;
  multiply (inverse, scaled, matrix);
  return true;
}

static double
light_of_pq (double v)
{
  const double m1 = 0.1593017578125, m2 = 78.84375;
  const double c1 = 0.8359375, c2 = 18.8515625, c3 = 18.6875;
  double power = pow (v, 1.0 / m2);
  double top = power - c1 > 0.0 ? power - c1 : 0.0;

  return pow (top / (c2 - c3 * power), 1.0 / m1) * 10000.0 / REFERENCE_WHITE;
}

/* On a display of 1000 cd/m2, whose system gamma is 1.2. */
static double
light_of_hlg (double v)
{
  const double a = 0.17883277, b = 0.28466892, c = 0.55991073;
  double scene = v <= 0.5 ? v * v / 3.0 : (exp ((v - c) / a) + b) / 12.0;

  return pow (scene, 1.2) * 1000.0 / REFERENCE_WHITE;
}

static double
light_of (const PetColorimetry *self, double v)
{
  switch (self->transfer) {
    case PET_TRANSFER_GAMMA:
      return pow (v, self->exponent);
    case PET_TRANSFER_BT709:
      return v < 0.081 ? v / 4.5 : pow ((v + 0.099) / 1.099, 1.0 / 0.45);
    case PET_TRANSFER_PQ:
      return light_of_pq (v);
    case PET_TRANSFER_HLG:
      return light_of_hlg (v);
    default:
      return v <= 0.04045 ? v / 12.92 : pow ((v + 0.055) / 1.055, 2.4);
  }
}

bool
pet_colorimetry_to_matrix (const PetColorimetry *self, PetIccMatrix *matrix)
{
  double from[3][3], to[3][3], adapted[3][3], whites[3][3];

  if (!rgb_to_xyz (self, from) || !rgb_to_xyz (&srgb, to) ||
      !adapt (self->white, whites))
    return false;
  multiply (whites, from, adapted);
  for (int c = 0; c < 3; c++)
    for (int i = 0; i < 256; i++)
      matrix->linear[c][i] = (float) light_of (self, i / 255.0);
  return pet_icc_matrix_set (matrix, adapted, to);
}
