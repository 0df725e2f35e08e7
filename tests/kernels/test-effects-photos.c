/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks against effects-oracle.c on real photos, where there are some. */

#include "compare-looks.h"
#include "photo-file.h"

static void
compare_all (Picture photo)
{
  double values[PET_EFFECT_MAX_PARAMS];

  if (photo.image.width == 0) {
    tap_skip ("no such photo in $PET_SHARED");
    return;
  }
  for (int look = 0; look < pet_effects_count; look++) {
    defaults_without_grain (pet_effects[look], values);
    compare_with_oracle (look, &photo.image, values);
  }
  picture_free (&photo);
}

static void
cut_out_with_alpha (void)
{
  compare_all (photo_read_png ("photos/more/lion-rgba.png"));
}

static void
cat_by_daylight (void)
{
  compare_all (photo_read_jpeg ("photos/Abyssinian_29.jpg", 4));
}

static void
dog_indoors (void)
{
  compare_all (photo_read_jpeg ("photos/dog-leroy.jpg", 8));
}

static void
dog_reduced (void)
{
  compare_all (photo_read_jpeg ("photos/more/dog-minolta-4mp.jpg", 2));
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (cut_out_with_alpha),
    TAP_TEST (cat_by_daylight),
    TAP_TEST (dog_indoors),
    TAP_TEST (dog_reduced),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
