/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What falls off gently falls off steeply, around the same outline. */

#include "image/pet-matte.h"
#include "picture.h"

/* Rises by `step` from column to column, through one half at column `middle`. */
static Picture
draw_ramp (int width, int height, int middle, int step)
{
  Picture mask = picture_new (width, height, 1, 5);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      int value = 128 + (x - middle) * step;

      pet_image_row (&mask.image, y)[x] = (uint8_t) (value < 0 ? 0
              : value > 255                                    ? 255
                                                               : value);
    }
  return mask;
}

static void
steepen (Picture *mask)
{
  tap_check (pet_mask_steepen (&mask->image, NULL, NULL) == PET_OK);
  tap_check (picture_guards_hold (mask));
}

static void
gentle_slopes_become_a_fifth_per_pixel (void)
{
  Picture mask = draw_ramp (64, 5, 31, 17);

  steepen (&mask);
  for (int y = 0; y < 5; y++) {
    const uint8_t *row = pet_image_row (&mask.image, y);

    for (int x = 27; x < 35; x++) {
      double want = 127.5 + 3 * (0.5 + (x - 31) * 17);

      want = want < 0 ? 0 : want > 255 ? 255 : want;
      tap_check (fabs (row[x] - want) <= 1);
    }
  }
  picture_free (&mask);
}

static void
no_slope_becomes_more_than_four_times_as_steep (void)
{
  Picture mask = draw_ramp (128, 3, 63, 2);

  steepen (&mask);
  for (int x = 50; x < 76; x++)
    tap_check (fabs (pet_image_row (&mask.image, 1)[x] -
                   (127.5 + 4 * (0.5 + (x - 63) * 2))) <= 1);
  picture_free (&mask);
}

static void
steep_slopes_stay (void)
{
  Picture mask = draw_ramp (32, 4, 15, 60), before = draw_ramp (32, 4, 15, 60);

  steepen (&mask);
  for (int y = 0; y < 4; y++)
    for (int x = 14; x < 17; x++)
      tap_check (pet_image_row (&mask.image, y)[x] ==
          pet_image_row (&before.image, y)[x]);
  picture_free (&mask);
  picture_free (&before);
}

static void
outlines_and_certainty_stay (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 7 }, { 9, 1 }, { 2, 2 },
    { 33, 17 }, { 80, 61 } };

  for (int round = 0; round < 60; round++) {
    int w = sizes[round % 6][0], h = sizes[round % 6][1], value = 128;
    int step = 1 << round % 8;
    Picture mask = picture_new (w, h, 1, round % 5), before;

    for (int i = 0; i < w * h; i++) {
      value += tap_random_range (-step, step);
      value = value < 0 ? 0 : value > 255 ? 255 : value;
      pet_image_row (&mask.image, i / w)[i % w] = (uint8_t) value;
    }
    before = picture_copy (&mask.image, 0);
    steepen (&mask);
    for (int i = 0; i < w * h; i++) {
      int was = pet_image_row (&before.image, i / w)[i % w];
      int is = pet_image_row (&mask.image, i / w)[i % w];

      tap_check ((is >= 128) == (was >= 128));
      tap_check (abs (2 * is - 255) >= abs (2 * was - 255));
    }
    picture_free (&mask);
    picture_free (&before);
  }
}

static void
what_cannot_be_done_changes_nothing (void)
{
  Picture mask = draw_ramp (64, 5, 31, 17);
  Picture before = picture_copy (&mask.image, 0);
  Picture rgba = picture_new (4, 4, 4, 0);
  TestMemory memory = { .fail_at = 1 };
  PetAllocator allocator = test_memory_allocator (&memory);

  tap_check (
      pet_mask_steepen (&mask.image, &allocator, NULL) == PET_ERROR_MEMORY);
  tap_check (picture_equal (&mask.image, &before.image));
  tap_check (pet_mask_steepen (&rgba.image, NULL, NULL) == PET_ERROR_ARGUMENT);
  picture_free (&mask);
  picture_free (&before);
  picture_free (&rgba);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (gentle_slopes_become_a_fifth_per_pixel),
    TAP_TEST (no_slope_becomes_more_than_four_times_as_steep),
    TAP_TEST (steep_slopes_stay),
    TAP_TEST (outlines_and_certainty_stay),
    TAP_TEST (what_cannot_be_done_changes_nothing),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
