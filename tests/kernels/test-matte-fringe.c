/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is left of the background's colour in a cut-out's soft pixels. */

#include "image/pet-matte.h"
#include "picture.h"

static const PetMatteOptions all = {
  .refine = true, .low = 12, .high = 243, .decontaminate = true, .scrub = true
};

static uint8_t whole = 255;
static const PetImage whole_mask = { &whole, 1, 1, 1, 1 };

/* Mean distance of the soft pixels' colours from `fore`. */
static double
leak (const PetImage *image, const double *fore)
{
  double sum = 0.0;
  int count = 0;

  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++) {
      const uint8_t *pixel = pet_image_row (image, y) + 4 * x;

      if (pixel[3] < 16 || pixel[3] > 240)
        continue;
      for (int c = 0; c < 3; c++)
        sum += fabs (pixel[c] - fore[c]);
      count++;
    }
  return sum / (3 * count);
}

/* A disc of one colour over a background of another, blended by a soft
 * outline of alpha / `excess`, so that its alpha is too high by that. */
static Picture
blended_disc (
    const double *fore, const double *back, double softness, double excess)
{
  Picture picture = picture_new (441, 346, 4, 9);

  for (int y = 0; y < 346; y++)
    for (int x = 0; x < 441; x++) {
      uint8_t *pixel = pet_image_row (&picture.image, y) + 4 * x;
      double alpha = (120.0 - hypot (x - 220, y - 172)) / softness + 0.5;
      double part = alpha < 1.0 ? alpha / excess : alpha;

      part = part < 0 ? 0 : part > 1 ? 1 : part;
      pixel[3] = picture_clamp (255.0 * alpha + 0.5);
      for (int c = 0; c < 3; c++)
        pixel[c] = (uint8_t) (fore[c] * part + back[c] * (1 - part) + 0.5);
    }
  return picture;
}

static void
background_leaves_the_fringe (void)
{
  static const double fore[] = { 150, 110, 70 }, back[] = { 20, 230, 60 };

  for (int round = 0; round < 6; round++) {
    int softness = 4 << round % 3;
    double excess = round < 3 ? 1.0 : 1.25, before, after;
    Picture picture = blended_disc (fore, back, softness, excess);
    Picture kept = picture_copy (&picture.image, 0);

    before = leak (&picture.image, fore);
    tap_check (pet_matte_cut (&whole_mask, &picture.image, &picture.image, &all,
                   NULL, NULL, NULL) == PET_OK);
    after = leak (&picture.image, fore);
    printf ("# softness %d, alpha %.0f %%: leak %.2f before, %.2f after\n",
        softness, 100 * excess, before, after);
    tap_check (after * 5.0 <= before);
    for (int i = 0; i < 441 * 346; i++) {
      const uint8_t *now =
          pet_image_row (&picture.image, i / 441) + 4 * (i % 441);
      const uint8_t *then =
          pet_image_row (&kept.image, i / 441) + 4 * (i % 441);

      tap_check (now[3] == then[3]);
      tap_check (now[3] == 0  ? now[0] == 0 && now[1] == 0 && now[2] == 0
              : now[3] == 255 ? memcmp (now, then, 3) == 0
                              : true);
    }
    tap_check (picture_guards_hold (&picture));
    picture_free (&picture);
    picture_free (&kept);
  }
}

/* Ground, a wide smudge of ground and pet, and pet: in its middle nothing sure
 * is near, and still it gets the pet's colour. */
static void
wide_smudges_get_colours_from_far_away (void)
{
  enum { WIDTH = 900, HEIGHT = 300, SMUDGE = 300 };
  static const uint8_t ground[3] = { 20, 200, 20 }, pet[3] = { 200, 60, 40 };
  Picture mask = picture_new (WIDTH, HEIGHT, 1, 0);
  Picture photo = picture_new (WIDTH, HEIGHT, 3, 0);
  Picture cut = picture_new (WIDTH, HEIGHT, 4, 0);
  const uint8_t *middle;

  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      int part = x / SMUDGE; /* 0, 1, 2 */

      pet_image_row (&mask.image, y)[x] = (uint8_t) (part * 255 / 2);
      for (int c = 0; c < 3; c++)
        pet_image_row (&photo.image, y)[3 * x + c] =
            (uint8_t) ((ground[c] * (2 - part) + pet[c] * part) / 2);
    }
  tap_check (pet_matte_cut (&mask.image, &photo.image, &cut.image, &all, NULL,
                 NULL, NULL) == PET_OK);
  middle = pet_image_row (&cut.image, HEIGHT / 2) + 4 * WIDTH / 2;
  for (int c = 0; c < 3; c++)
    if (abs (middle[c] - pet[c]) > 12)
      tap_fail ("channel %d is %d, the pet's %d", c, middle[c], pet[c]);
  tap_check (middle[3] > 100 && middle[3] < 156);
  picture_free (&mask);
  picture_free (&photo);
  picture_free (&cut);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (background_leaves_the_fringe),
    TAP_TEST (wide_smudges_get_colours_from_far_away),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
