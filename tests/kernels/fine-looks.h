/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The fine looks one by one, what is promised of each, and how to make one. */

#pragma once

#include "image/pet-effect.h"
#include "look-values.h"
#include "picture.h"

/* What docs/fine-looks.md says of each look, in the order of pet_effects. */
static const struct {
  const char *name;
  double apart;   /* how far a small picture is from a large one, 0..1 */
  double most_mb; /* of scratch memory at 1152x1536 */
} promises[] = {
  { "color", 0.01, 0.5 },
  { "enhancedblackwhite", 0.02, 4.3 },
  { "popart", 0.04, 8.0 },
  { "dithering", 0.03, 8.5 },
  { "retro8bit", 0.03, 1.8 },
  { "watercolor", 0.03, 9.5 },
  { "mosaic", 0.03, 11.0 },
};
#define N_PROMISES ((int) (sizeof promises / sizeof *promises))

static inline const PetEffect *
fine (int i)
{
  return pet_effect_rendition (pet_effects[i], PET_RENDITION_FINE);
}

/* The defaults, but of color what is not a copy. */
static inline void
defaults (const PetEffect *effect, double *values)
{
  pet_effect_defaults (effect, values);
  set_value (effect, values, "tone", 1.0);
  set_value (effect, values, "shadow", 0.7);
}

static inline size_t
scratch_bytes (
    const PetEffect *effect, int width, int height, const double *values)
{
  return effect->scratch_bytes != NULL
      ? effect->scratch_bytes (width, height, values)
      : 0;
}

static inline Picture
render (const PetEffect *version, const PetImage *src, const double *values,
    int spare)
{
  Picture dst = picture_new (src->width, src->height, 4, spare);
  size_t size = scratch_bytes (version, src->width, src->height, values);
  TestMemory memory = { 0 };
  PetAllocator allocator = test_memory_allocator (&memory);
  void *scratch = size > 0 ? pet_alloc (&allocator, size) : NULL;

  version->render (src, &dst.image, values, scratch);
  pet_free (&allocator, scratch, size);
  tap_check (picture_guards_hold (&dst));
  return dst;
}
