/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of where a picture is empty: by the matte of its cut-out, and by
 * looks that keep it. */

#include "base/pet-outline.h"

#include "image/pet-effect.h"
#include "image/pet-matte.h"
#include "picture.h"

/* From every row, pixel by pixel. */
static PetOutline
outline_of (const PetImage *image)
{
  static const uint8_t empty[4];
  PetOutline outline;

  pet_outline_begin (&outline, image->width, image->height);
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++)
      if (memcmp (pet_image_row (image, y) + 4 * x, empty, 4) != 0)
        pet_outline_add (&outline, y, x, x + 1);
  return outline;
}

static bool
is_empty_outside (const PetImage *image, const PetOutline *outline)
{
  static const uint8_t empty[4];

  for (int y = 0; y < image->height; y++) {
    int first, end;

    pet_outline_row (outline, y, image->width, &first, &end);
    for (int x = 0; x < image->width; x++)
      if ((x < first || x >= end) &&
          memcmp (pet_image_row (image, y) + 4 * x, empty, 4) != 0)
        return false;
  }
  return true;
}

/* Opaque noise, and rows whose ends, or all of which, are empty. */
static Picture
picture_with_ends (int width, int height)
{
  Picture picture = picture_new (width, height, 4, 5);

  picture_fill (&picture.image, CONTENT_NOISE, ALPHA_NOISE);
  for (int y = 0; y < height; y++) {
    int first = tap_random_range (0, width), end = tap_random_range (0, width);
    uint8_t *row = pet_image_row (&picture.image, y);

    memset (row, 0, 4 * (size_t) first);
    memset (row + 4 * end, 0, 4 * (size_t) (width - end));
  }
  return picture;
}

static const int sizes[][2] = { { 1, 1 }, { 1, 64 }, { 64, 1 }, { 7, 65 },
  { 17, 63 }, { 130, 127 }, { 67, 129 }, { 33, 400 } };

#define N_SIZES (sizeof sizes / sizeof *sizes)

static void
rows_hold_what_was_added (void)
{
  for (size_t i = 0; i < N_SIZES; i++) {
    Picture picture = picture_with_ends (sizes[i][0], sizes[i][1]);
    PetOutline outline = outline_of (&picture.image);
    int first, end;

    tap_check (is_empty_outside (&picture.image, &outline));
    pet_outline_row (NULL, 0, 9, &first, &end);
    tap_check (first == 0 && end == 9);
    outline.width = 0;
    pet_outline_row (&outline, 0, 9, &first, &end);
    tap_check (first == 0 && end == 9);
    picture_free (&picture);
  }
}

/* Of a clean cut-out, as tight as can be; of what may hold colours under alpha 0
 * nothing. */
static void
the_matte_knows_its_outline (void)
{
  PetMatteOptions options = { .low = 0, .high = 255, .scrub = true };

  for (size_t i = 0; i < N_SIZES; i++) {
    uint8_t whole = 255;
    PetImage mask = {
      .data = &whole, .width = 1, .height = 1, .channels = 1, .stride_bytes = 1
    };
    Picture photo = picture_with_ends (sizes[i][0], sizes[i][1]);
    PetMaskStats stats;
    PetOutline expected;

    options.decontaminate = i % 2;
    options.scrub = true;
    tap_check (pet_matte_cut (&mask, &photo.image, &photo.image, &options,
                   &stats, NULL, NULL) == PET_OK);
    expected = outline_of (&photo.image);
    tap_check (memcmp (&stats.outline, &expected, sizeof expected) == 0);
    options.scrub = false;
    tap_check (pet_matte_cut (&mask, &photo.image, &photo.image, &options,
                   &stats, NULL, NULL) == PET_OK);
    tap_check (stats.outline.width == 0);
    picture_free (&photo);
  }
}

static void
keeps (const PetEffect *effect, const PetImage *src, const double *values)
{
  Picture dst = picture_new (src->width, src->height, 4, 1);
  PetOutline outline = outline_of (src);

  tap_check (
      pet_effect_apply (effect, src, &dst.image, values, NULL, NULL) == PET_OK);
  if (!is_empty_outside (&dst.image, &outline))
    tap_fail ("%s of %dx%d", effect->name, src->width, src->height);
  picture_free (&dst);
}

/* With the defaults, and with each number at its ends. */
static void
looks_keep_it_that_say_so (void)
{
  int n_keepers = 0;

  for (int n = 0; n < 2 * pet_effects_all; n++) {
    const PetEffect *effect =
        pet_effect_rendition (pet_effects[n / 2], (PetRendition) (n % 2));
    double values[PET_EFFECT_MAX_PARAMS];

    if (!effect->keeps_outline)
      continue;
    n_keepers++;
    for (size_t i = 0; i < N_SIZES; i++) {
      Picture src = picture_with_ends (sizes[i][0], sizes[i][1]);

      pet_effect_defaults (effect, values);
      keeps (effect, &src.image, values);
      for (int k = 0; k < 2 * effect->n_params; k++) {
        const PetEffectParam *param = &effect->params[k / 2];

        pet_effect_defaults (effect, values);
        values[k / 2] = k % 2 ? param->max : param->min;
        keeps (effect, &src.image, values);
      }
      picture_free (&src);
    }
  }
  tap_check (n_keepers >= 3);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (rows_hold_what_was_added),
    TAP_TEST (the_matte_knows_its_outline),
    TAP_TEST (looks_keep_it_that_say_so),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
