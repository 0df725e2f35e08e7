/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One look, one picture, against effects-oracle.c at the tolerances of
 * docs/effects.md. */

#pragma once

#include "effects-oracle.h"
#include "image/pet-effect.h"
#include "look-values.h"
#include "picture.h"

typedef void (*Oracle) (
    const uint8_t *src, uint8_t *dst, int w, int h, const double *values);

/* In the order of pet_effects. */
static const struct {
  const char *name;
  Oracle oracle;
  int levels;   /* how far apart still counts as the same */
  double share; /* of the pixels that may be further apart */
} looks[] = {
  { "color", oracle_color, 0, 0.0 },
  { "enhancedblackwhite", oracle_enhancedblackwhite, 1, 0.001 },
  { "popart", oracle_popart, 0, 0.001 },
  { "dithering", oracle_dithering, 0, 0.01 },
  { "retro8bit", oracle_retro8bit, 0, 0.005 },
};

static inline void
defaults_without_grain (const PetEffect *effect, double *values)
{
  pet_effect_defaults (effect, values);
  set_value (effect, values, "grain", 0.0);
}

static inline long
count_apart (const PetImage *got, const uint8_t *want, int levels)
{
  long apart = 0;

  for (int y = 0; y < got->height; y++)
    for (int x = 0; x < got->width; x++, want += 4) {
      const uint8_t *pixel = pet_image_row (got, y) + 4 * x;
      int most = 0;

      for (int c = 0; c < 3; c++)
        most =
            abs (pixel[c] - want[c]) > most ? abs (pixel[c] - want[c]) : most;
      apart += most > levels || pixel[3] != want[3];
    }
  return apart;
}

static inline void
compare_with_oracle (int look, const PetImage *image, const double *values)
{
  const PetEffect *effect = pet_effects[look];
  int w = image->width, h = image->height;
  size_t n = (size_t) w * (size_t) h;
  Picture src = picture_copy (image, 0), kept = picture_copy (image, 0);
  Picture dst = picture_new (w, h, 4, 13);
  uint8_t *want = malloc (n * 4);
  TestMemory memory = { 0 };
  PetAllocator allocator = test_memory_allocator (&memory);
  long apart;

  tap_check (pet_effect_apply (effect, &src.image, &dst.image, values,
                 &allocator, NULL) == PET_OK);
  looks[look].oracle (src.image.data, want, w, h, values);
  apart = count_apart (&dst.image, want, looks[look].levels);
  if ((double) apart > looks[look].share * (double) n + 0.5)
    tap_fail (
        "%s %dx%d: %ld of %zu pixels apart", effect->name, w, h, apart, n);
  tap_check (picture_equal (&src.image, &kept.image));
  tap_check (picture_guards_hold (&dst) && picture_guards_hold (&src));
  tap_check (pet_effect_apply (effect, &src.image, &src.image, values,
                 &allocator, NULL) == PET_OK);
  if (!picture_equal (&src.image, &dst.image))
    tap_fail ("%s %dx%d: in place differs", effect->name, w, h);
  tap_check (picture_guards_hold (&src) && memory.alive == 0);
  free (want);
  picture_free (&src);
  picture_free (&kept);
  picture_free (&dst);
}
