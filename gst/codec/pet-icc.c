/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "codec/pet-icc.h"

#include <lcms2.h>
#include <lcms2_plugin.h>
#include <stdbool.h>
#include <stdlib.h>

#include "codec/pet-heap.h"
#include "codec/pet-icc-matrix.h"

struct PetIcc {
  PetHeap heap;
  const PetAllocator *allocator;
  PetIccInput input;
  cmsContext context;
  PetIccMatrix *matrix; /* one of these two, the other is NULL */
  cmsHTRANSFORM transform;
};

/* lcms2 makes and frees the context itself with a context that it does not
 * know yet: the heap is NULL then, and pet_heap_alloc uses the C library. */
static void *
lcms_alloc (cmsContext context, cmsUInt32Number size)
{
  return pet_heap_alloc (cmsGetContextUserData (context), size);
}

static void
lcms_free (cmsContext context, void *memory)
{
  (void) context;
  pet_heap_free (memory);
}

static void *
lcms_realloc (cmsContext context, void *memory, cmsUInt32Number size)
{
  return pet_heap_realloc (cmsGetContextUserData (context), memory, size);
}

static cmsUInt32Number
input_format (PetIccInput input)
{
  switch (input) {
    case PET_ICC_GREY:
      return COLORSPACE_SH (PT_GRAY) | EXTRA_SH (2) | CHANNELS_SH (1) |
          BYTES_SH (1);
    case PET_ICC_GREY_ALPHA:
      return COLORSPACE_SH (PT_GRAY) | EXTRA_SH (3) | CHANNELS_SH (1) |
          BYTES_SH (1);
    case PET_ICC_RGBA:
      return TYPE_RGBA_8;
    case PET_ICC_CMYK_INVERTED:
      return TYPE_CMYK_8_REV;
    default:
      return TYPE_RGB_8;
  }
}

static cmsColorSpaceSignature
input_space (PetIccInput input)
{
  switch (input) {
    case PET_ICC_GREY:
    case PET_ICC_GREY_ALPHA:
      return cmsSigGrayData;
    case PET_ICC_CMYK_INVERTED:
      return cmsSigCmykData;
    default:
      return cmsSigRgbData;
  }
}

static bool
has_alpha (PetIccInput input)
{
  return input == PET_ICC_GREY_ALPHA || input == PET_ICC_RGBA;
}

/* True when a coarse grid of colours comes out within 1 of what went in. */
static bool
changes_nothing (PetIcc *icc)
{
  PetIccInput input = icc->input;
  int step = 255 / 5, n_channels = has_alpha (input) ? 4 : 3;
  bool grey = input_space (input) == cmsSigGrayData;

  if (input == PET_ICC_CMYK_INVERTED)
    return false;
  for (int r = 0; r <= 255; r += grey ? 1 : step)
    for (int g = grey ? r : 0; g <= (grey ? r : 255); g += step)
      for (int b = grey ? r : 0; b <= (grey ? r : 255); b += step) {
        uint8_t in[4] = { (uint8_t) r, (uint8_t) g, (uint8_t) b, 255 };
        uint8_t out[4] = { 0, 0, 0, 255 };

        pet_icc_apply (icc, in, out, 1);
        for (int c = 0; c < n_channels; c++)
          if (abs (in[c] - out[c]) > 1)
            return false;
      }
  return true;
}

static void
make_matrix (PetIcc *self, cmsHPROFILE profile, cmsHPROFILE srgb)
{
  self->matrix = pet_heap_alloc (&self->heap, sizeof *self->matrix);
  if (self->matrix == NULL || pet_icc_matrix_init (self->matrix, profile, srgb))
    return;
  pet_heap_free (self->matrix);
  self->matrix = NULL;
}

/* Pipelines in floating point may have any number of stages, of up to 15
 * channels, which a few bytes can ask for: each point of a grid would pass
 * through all of them. What a profile says besides is bounded by its format. */
static void
drop_float_pipelines (cmsHPROFILE profile)
{
  static const cmsTagSignature tags[] = { cmsSigDToB0Tag, cmsSigDToB1Tag,
    cmsSigDToB2Tag, cmsSigDToB3Tag, cmsSigBToD0Tag, cmsSigBToD1Tag,
    cmsSigBToD2Tag, cmsSigBToD3Tag };

  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
    while (cmsWriteTag (profile, tags[i], NULL))
      continue;
}

static void
make_transform (PetIcc *self, const uint8_t *bytes, size_t size)
{
  PetIccInput input = self->input;
  cmsHPROFILE profile =
      cmsOpenProfileFromMemTHR (self->context, bytes, (cmsUInt32Number) size);
  cmsHPROFILE srgb = cmsCreate_sRGBProfileTHR (self->context);

  if (profile != NULL && srgb != NULL &&
      cmsGetColorSpace (profile) == input_space (input)) {
    drop_float_pipelines (profile);
    if (input_space (input) == cmsSigRgbData)
      make_matrix (self, profile, srgb);
    if (self->matrix == NULL)
      self->transform =
          cmsCreateTransformTHR (self->context, profile, input_format (input),
              srgb, has_alpha (input) ? TYPE_RGBA_8 : TYPE_RGB_8,
              INTENT_RELATIVE_COLORIMETRIC,
              cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE);
  }
  if (profile != NULL)
    cmsCloseProfile (profile);
  if (srgb != NULL)
    cmsCloseProfile (srgb);
}

static PetStatus
no_memory (PetIcc *self, PetError *error)
{
  pet_icc_free (&self);
  return pet_fail (error, PET_ERROR_MEMORY, "no memory for the colour profile");
}

static PetIcc *
allocate (const PetAllocator *allocator, PetIccInput input)
{
  PetIcc *self = pet_alloc_zeroed (allocator, sizeof *self);

  if (self == NULL)
    return NULL;
  self->allocator = allocator;
  self->input = input;
  pet_heap_init (&self->heap, allocator);
  self->heap.max_bytes = PET_ICC_MAX_MEMORY;
  return self;
}

PetStatus
pet_icc_new (const PetAllocator *allocator, const uint8_t *profile, size_t size,
    PetIccInput input, PetIcc **icc, PetError *error)
{
  cmsPluginMemHandler memory_plugin = {
    .base = { cmsPluginMagicNumber, 2000, cmsPluginMemHandlerSig, NULL },
    .MallocPtr = lcms_alloc,
    .FreePtr = lcms_free,
    .ReallocPtr = lcms_realloc,
  };
  PetIcc *self;

  *icc = NULL;
  if (size == 0 || size > PET_ICC_MAX_BYTES)
    return PET_OK;
  self = allocate (allocator, input);
  if (self == NULL)
    return no_memory (self, error);
  self->context = cmsCreateContext (&memory_plugin, &self->heap);
  if (self->context != NULL)
    make_transform (self, profile, size);
  if (self->heap.refused || (self->context == NULL && !self->heap.over_limit))
    return no_memory (self, error);
  if (self->heap.over_limit ||
      (self->matrix == NULL && self->transform == NULL) ||
      changes_nothing (self))
    pet_icc_free (&self);
  *icc = self;
  return PET_OK;
}

PetStatus
pet_icc_new_colorimetry (const PetAllocator *allocator,
    const PetColorimetry *colorimetry, PetIccInput input, PetIcc **icc,
    PetError *error)
{
  PetIcc *self = allocate (allocator, input);

  *icc = NULL;
  if (self != NULL)
    self->matrix = pet_heap_alloc (&self->heap, sizeof *self->matrix);
  if (self == NULL || self->matrix == NULL)
    return no_memory (self, error);
  if (!pet_colorimetry_to_matrix (colorimetry, self->matrix) ||
      changes_nothing (self))
    pet_icc_free (&self);
  *icc = self;
  return PET_OK;
}

void
pet_icc_apply (PetIcc *icc, const uint8_t *in, uint8_t *out, size_t n_pixels)
{
  bool alpha = has_alpha (icc->input);

  if (icc->matrix != NULL) {
    pet_icc_matrix_apply (icc->matrix, in, out, n_pixels, alpha ? 4 : 3);
    return;
  }
  cmsDoTransform (icc->transform, in, out, (cmsUInt32Number) n_pixels);
  /* The library leaves alpha alone. */
  for (size_t i = 3; alpha && in != out && i < 4 * n_pixels; i += 4)
    out[i] = in[i];
}

void
pet_icc_free (PetIcc **icc)
{
  PetIcc *self = *icc;

  *icc = NULL;
  if (self == NULL)
    return;
  if (self->transform != NULL)
    cmsDeleteTransform (self->transform);
  if (self->context != NULL)
    cmsDeleteContext (self->context);
  pet_heap_clear (&self->heap);
  pet_free (self->allocator, self, sizeof *self);
}
