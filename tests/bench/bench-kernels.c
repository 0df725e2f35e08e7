/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plain C core as a shared object, for the bench tables: they call it and
 * the peers in turn, in one process. 0 or a size on success, -1 on failure. */

#include "codec/pet-png-encoder.h"
#include "image/pet-effect.h"

#define PET_EXPORT __attribute__ ((visibility ("default")))

PET_EXPORT int bench_effect (
    const char *name, uint8_t *src, uint8_t *dst, int width, int height);
PET_EXPORT long bench_png (
    uint8_t *pixels, int width, int height, int channels, int level);

int
bench_effect (
    const char *name, uint8_t *src, uint8_t *dst, int width, int height)
{
  const PetEffect *effect = pet_effect_find (name);
  PetImage in = { src, width, height, 4, (ptrdiff_t) width * 4 };
  PetImage out = { dst, width, height, 4, (ptrdiff_t) width * 4 };
  double values[PET_EFFECT_MAX_PARAMS];

  if (effect == NULL)
    return -1;
  pet_effect_defaults (effect, values);
  return pet_effect_apply (effect, &in, &out, values, NULL, NULL) == PET_OK
      ? 0
      : -1;
}

static PetStatus
count_bytes (void *user, const void *bytes, size_t size, PetError *error)
{
  *(long *) user += (long) size;
  return PET_OK;
}

long
bench_png (uint8_t *pixels, int width, int height, int channels, int level)
{
  PetImage image = { pixels, width, height, channels,
    (ptrdiff_t) width * channels };
  PetPngOptions options;
  long n_bytes = 0;

  pet_png_options_init (&options);
  options.level = level;
  if (pet_png_encode (&image, &options, count_bytes, &n_bytes, NULL, NULL) !=
      PET_OK)
    return -1;
  return n_bytes;
}
