/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernels of the looks, run by blocks and threads on the host, against the
 * plain C versions: the same bytes, for odd sizes, all contents and random
 * values. */

#include "fake-card.h"
#include "image/pet-effect.h"
#include "picture.h"

static PetCuda *cuda;

static void
random_values (const PetEffect *effect, double *values)
{
  pet_effect_defaults (effect, values);
  if (tap_random_range (0, 2) == 0)
    return;
  for (int i = 0; i < effect->n_params; i++) {
    const PetEffectParam *p = &effect->params[i];
    double share = tap_random_range (0, 1000) / 1000.0;

    values[i] = p->type == PET_PARAM_FLOAT
        ? p->min + share * (p->max - p->min)
        : floor (p->min + share * (p->max - p->min));
  }
}

static void
compare (PetCudaLook *look, const PetEffect *effect, int width, int height)
{
  Picture src = picture_new (width, height, 4, tap_random_range (0, 9));
  Picture want = picture_new (width, height, 4, 3);
  Picture got = picture_new (width, height, 4, tap_random_range (0, 40));
  double values[PET_EFFECT_MAX_PARAMS];
  PetError error = { .status = PET_OK };
  PetCudaPhoto photo = { .image = src.image };

  picture_fill (&src.image, tap_random_range (0, CONTENT_COUNT - 1),
      tap_random_range (0, ALPHA_COUNT - 1));
  random_values (effect, values);
  tap_check (pet_effect_apply (effect, &src.image, &want.image, values, NULL,
                 &error) == PET_OK);
  if (pet_cuda_look_run (look, &photo, &got.image, NULL, values, &error) !=
      PET_OK)
    tap_fail ("%s: %s", effect->name, error.message);
  else if (!picture_equal (&want.image, &got.image))
    tap_fail ("%s %dx%d: bytes differ", effect->name, width, height);
  tap_check (picture_guards_hold (&got) && picture_guards_hold (&src));
  picture_free (&src);
  picture_free (&want);
  picture_free (&got);
}

static void
check_look (const char *name)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 40 }, { 37, 1 }, { 2, 3 },
    { 32, 16 }, { 33, 17 }, { 64, 32 }, { 97, 61 }, { 150, 43 } };
  const PetEffect *effect = pet_effect_find (name);
  PetCudaLook *look = NULL;

  cuda = open_card ("");
  tap_check (pet_cuda_look_new (cuda, name, &look, NULL) == PET_OK);
  for (size_t i = 0; look != NULL && i < sizeof sizes / sizeof *sizes; i++)
    for (int round = 0; round < 4; round++)
      compare (look, effect, sizes[i][0], sizes[i][1]);
  pet_cuda_look_free (&look);
  close_card (cuda);
}

static void
popart (void)
{
  check_look ("popart");
}

static void
enhancedblackwhite (void)
{
  check_look ("enhancedblackwhite");
}

static void
retro8bit (void)
{
  check_look ("retro8bit");
}

static void
dithering (void)
{
  check_look ("dithering");
}

/* More lattice rows than a block has threads: the wavefront goes on in bands. */
static void
dithering_in_bands (void)
{
  const PetEffect *effect = pet_effect_find ("dithering");
  PetCudaLook *look = NULL;

  cuda = open_card ("");
  tap_check (pet_cuda_look_new (cuda, "dithering", &look, NULL) == PET_OK);
  for (int round = 0; look != NULL && round < 3; round++)
    compare (look, effect, 5, 2600);
  pet_cuda_look_free (&look);
  close_card (cuda);
}

static void
identity_is_declined (void)
{
  PetCudaLook *look = NULL;
  PetError error;

  cuda = open_card ("");
  tap_check (pet_cuda_look_new (cuda, "color", &look, &error) ==
      PET_ERROR_UNSUPPORTED);
  close_card (cuda);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (popart),
    TAP_TEST (enhancedblackwhite),
    TAP_TEST (retro8bit),
    TAP_TEST (dithering),
    TAP_TEST (dithering_in_bands),
    TAP_TEST (identity_is_declined),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
