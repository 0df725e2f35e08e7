/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "image/pet-effect.h"

#include <math.h>
#include <string.h>

#include "image/effects/pet-effects.h"

const PetEffect *const pet_effects[] = {
  &pet_effect_color_c,
  &pet_effect_enhancedblackwhite_c,
  &pet_effect_popart_c,
  &pet_effect_dithering_c,
  &pet_effect_retro8bit_c,
  &pet_effect_watercolor_c,
  &pet_effect_mosaic_c,
};

const int pet_effects_count = 5;
const int pet_effects_all = sizeof pet_effects / sizeof *pet_effects;

#ifdef PET_HAVE_X86
#define VERSIONS(look)                                                         \
  {                                                                            \
    &pet_##look##_c, &pet_##look##_avx2, &pet_##look##_avx512                  \
  }
#else
#define VERSIONS(look)                                                         \
  {                                                                            \
    &pet_##look##_c, NULL, NULL                                                \
  }
#endif

/* In the order of pet_effects, of PetRendition, and of PetIsa. */
static const PetEffect *const versions[][2][PET_ISA_AVX512 + 1] = {
  { VERSIONS (effect_color), VERSIONS (fine_color) },
  { VERSIONS (effect_enhancedblackwhite), VERSIONS (fine_enhancedblackwhite) },
  { VERSIONS (effect_popart), VERSIONS (fine_popart) },
  { VERSIONS (effect_dithering), VERSIONS (fine_dithering) },
  { VERSIONS (effect_retro8bit), VERSIONS (fine_retro8bit) },
  { VERSIONS (effect_watercolor), VERSIONS (effect_watercolor) },
  { VERSIONS (effect_mosaic), VERSIONS (effect_mosaic) },
};

const PetEffect *
pet_effect_version (const PetEffect *effect, PetIsa isa)
{
  for (int i = 0; i < pet_effects_all && isa <= pet_cpu_isa_found (); i++)
    for (int rendition = 0; rendition < 2; rendition++)
      if (versions[i][rendition][PET_ISA_C] == effect)
        return versions[i][rendition][isa];
  return NULL;
}

const PetEffect *
pet_effect_rendition (const PetEffect *effect, PetRendition rendition)
{
  for (int i = 0; i < pet_effects_all; i++)
    if (pet_effects[i] == effect)
      return versions[i][rendition][PET_ISA_C];
  return NULL;
}

bool
pet_effect_copies (const PetEffect *effect, const double *values)
{
  return effect->copies != NULL ? effect->copies (values) : effect->is_identity;
}

const PetEffect *
pet_effect_find (const char *name)
{
  for (int i = 0; i < pet_effects_all; i++)
    if (strcmp (pet_effects[i]->name, name) == 0)
      return pet_effects[i];
  return NULL;
}

int
pet_effect_param_index (const PetEffect *effect, const char *name)
{
  for (int i = 0; i < effect->n_params; i++)
    if (strcmp (effect->params[i].name, name) == 0)
      return i;
  return -1;
}

void
pet_effect_defaults (const PetEffect *effect, double *values)
{
  for (int i = 0; i < effect->n_params; i++)
    values[i] = effect->params[i].def;
}

static PetStatus
check_values (const PetEffect *effect, const double *values, PetError *error)
{
  for (int i = 0; i < effect->n_params; i++) {
    const PetEffectParam *param = &effect->params[i];
    double value = values[i];

    /* Written so that NaN fails. */
    if (!(value >= param->min && value <= param->max) ||
        (param->type != PET_PARAM_FLOAT && value != floor (value)))
      return pet_fail (error, PET_ERROR_ARGUMENT,
          "%s: %s must be %s %g..%g, not %g", effect->name, param->name,
          param->type == PET_PARAM_FLOAT ? "within" : "a whole number of",
          param->min, param->max, value);
  }
  return PET_OK;
}

static PetStatus
check_images (const PetEffect *effect, const PetImage *src, const PetImage *dst,
    PetError *error)
{
  ptrdiff_t row_bytes = (ptrdiff_t) src->width * 4;

  if (src->data == NULL || dst->data == NULL || src->width < 1 ||
      src->height < 1 || src->channels != 4 || dst->channels != 4)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "%s needs pictures of 4 channels that are not empty", effect->name);
  if (src->width != dst->width || src->height != dst->height)
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "%s cannot turn %dx%d into %dx%d", effect->name, src->width,
        src->height, dst->width, dst->height);
  if (src->stride_bytes < row_bytes || dst->stride_bytes < row_bytes ||
      (src->data == dst->data && src->stride_bytes != dst->stride_bytes))
    return pet_fail (error, PET_ERROR_ARGUMENT,
        "%s got a row stride that does not fit the width", effect->name);
  return PET_OK;
}

PetStatus
pet_effect_apply (const PetEffect *effect, const PetImage *src,
    const PetImage *dst, const double *values, const PetAllocator *allocator,
    PetError *error)
{
  size_t size = 0;
  void *scratch = NULL;

  PET_TRY (check_images (effect, src, dst, error));
  PET_TRY (check_values (effect, values, error));
  if (effect->scratch_bytes != NULL)
    size = effect->scratch_bytes (src->width, src->height, values);
  if (size == (size_t) -1)
    return pet_fail (error, PET_ERROR_LIMIT,
        "%s: a picture of %dx%d is too large", effect->name, src->width,
        src->height);
  if (size > 0 && (scratch = pet_alloc (allocator, size)) == NULL)
    return pet_fail (error, PET_ERROR_MEMORY,
        "%s: no memory for %zu bytes of scratch", effect->name, size);
  pet_effect_version (effect, pet_cpu_isa ())
      ->render (src, dst, values, scratch);
  pet_free (allocator, scratch, size);
  return PET_OK;
}
