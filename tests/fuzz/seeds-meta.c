/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "seeds.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lcms2.h>

static void
put (uint8_t *bytes, uint32_t value, int n_bytes, bool big_endian)
{
  for (int i = 0; i < n_bytes; i++)
    bytes[i] = (uint8_t) (value >> 8 * (big_endian ? n_bytes - 1 - i : i));
}

static size_t
make_exif (uint8_t *tiff, bool big_endian, uint32_t type, uint32_t value,
    int n_entries)
{
  memcpy (tiff, big_endian ? "MM\0*" : "II*\0", 4);
  put (tiff + 4, 8, 4, big_endian);
  put (tiff + 8, (uint32_t) n_entries, 2, big_endian);
  for (int i = 0; i < n_entries; i++) {
    uint8_t *entry = tiff + 10 + 12 * i;
    bool last = i == n_entries - 1;

    put (entry, last ? 0x0112 : 0x010f, 2, big_endian);
    put (entry + 2, last ? type : 2, 2, big_endian);
    put (entry + 4, 1, 4, big_endian);
    put (entry + 8, 0, 4, big_endian);
    put (entry + 8, value, type == 4 ? 4 : 2, big_endian);
  }
  put (tiff + 10 + 12 * n_entries, 0, 4, big_endian);
  return 14 + 12 * (size_t) n_entries;
}

void
seeds_exif (FuzzSeed seed, void *user)
{
  for (int n = 0; n < 8; n++) {
    uint8_t tiff[128];
    char name[32];
    size_t size =
        make_exif (tiff, n % 2, n < 4 ? 3 : 4, (uint32_t) n + 1, 1 + n % 3 * 2);

    snprintf (name, sizeof name, "exif-%d", n + 1);
    seed (user, name, tiff, size);
  }
}

static void
give_profile (FuzzSeed seed, void *user, const char *name, cmsHPROFILE profile)
{
  cmsUInt32Number size = 0;
  uint8_t *bytes;

  if (profile == NULL || !cmsSaveProfileToMem (profile, NULL, &size))
    abort ();
  bytes = malloc (size);
  cmsSaveProfileToMem (profile, bytes, &size);
  seed (user, name, bytes, size);
  free (bytes);
  cmsCloseProfile (profile);
}

static cmsInt32Number
sample (const cmsUInt16Number *in, cmsUInt16Number *out, void *user)
{
  const int *channels = user;

  for (int i = 0; i < 3; i++)
    out[i] = (cmsUInt16Number) (0xffff - in[i % *channels]);
  return TRUE;
}

/* A profile of `channels` inks by a grid, to Lab. */
static cmsHPROFILE
grid_profile (int channels, bool floats)
{
  cmsHPROFILE profile = cmsCreateProfilePlaceholder (NULL);
  cmsPipeline *pipeline =
      cmsPipelineAlloc (NULL, (cmsUInt32Number) channels, 3);
  cmsStage *grid =
      cmsStageAllocCLut16bit (NULL, 3, (cmsUInt32Number) channels, 3, NULL);
  cmsMLU *text = cmsMLUalloc (NULL, 1);

  cmsSetProfileVersion (profile, floats ? 4.3 : 2.1);
  cmsSetDeviceClass (
      profile, channels == 4 ? cmsSigOutputClass : cmsSigInputClass);
  cmsSetColorSpace (profile,
      channels == 4       ? cmsSigCmykData
          : channels == 1 ? cmsSigGrayData
                          : cmsSigRgbData);
  cmsSetPCS (profile, cmsSigLabData);
  cmsStageSampleCLut16bit (grid, sample, &channels, 0);
  cmsPipelineInsertStage (pipeline, cmsAT_END,
      cmsStageAllocToneCurves (NULL, (cmsUInt32Number) channels, NULL));
  cmsPipelineInsertStage (pipeline, cmsAT_END, grid);
  cmsPipelineInsertStage (
      pipeline, cmsAT_END, cmsStageAllocToneCurves (NULL, 3, NULL));
  cmsMLUsetASCII (text, "en", "US", "grid");
  cmsWriteTag (profile, cmsSigProfileDescriptionTag, text);
  cmsWriteTag (profile, cmsSigAToB0Tag, pipeline);
  cmsPipelineFree (pipeline);
  cmsMLUfree (text);
  return profile;
}

static cmsHPROFILE
matrix_profile (double gamma, bool parametric)
{
  cmsCIExyY white = { 0.3127, 0.3290, 1.0 };
  cmsCIExyYTRIPLE primaries = { { 0.64, 0.33, 1 }, { 0.21, 0.71, 1 },
    { 0.15, 0.06, 1 } };
  cmsFloat64Number numbers[7] = { gamma, 1 / 1.055, 0.055 / 1.055, 1 / 12.92,
    0.04045, 0, 0 };
  cmsToneCurve *curve = parametric
      ? cmsBuildParametricToneCurve (NULL, 4, numbers)
      : cmsBuildGamma (NULL, gamma);
  cmsToneCurve *curves[3] = { curve, curve, curve };
  cmsHPROFILE profile = cmsCreateRGBProfile (&white, &primaries, curves);

  cmsFreeToneCurve (curve);
  return profile;
}

void
seeds_icc (FuzzSeed seed, void *user)
{
  cmsToneCurve *gamma = cmsBuildGamma (NULL, 1.8);
  cmsCIExyY white = { 0.3457, 0.3585, 1.0 };

  give_profile (seed, user, "matrix", matrix_profile (1.8, false));
  give_profile (seed, user, "parametric", matrix_profile (2.4, true));
  give_profile (seed, user, "srgb", cmsCreate_sRGBProfile ());
  give_profile (seed, user, "grey", cmsCreateGrayProfile (&white, gamma));
  give_profile (seed, user, "rgb-grid", grid_profile (3, false));
  give_profile (seed, user, "rgb-grid-v4", grid_profile (3, true));
  give_profile (seed, user, "cmyk-grid", grid_profile (4, false));
  give_profile (seed, user, "cmyk-grid-v4", grid_profile (4, true));
  give_profile (seed, user, "grey-grid", grid_profile (1, false));
  give_profile (seed, user, "lab", cmsCreateLab4Profile (NULL));
  cmsFreeToneCurve (gamma);
}
