/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Regions of a mask against flooding it. */

#include "image/pet-matte.h"
#include "picture.h"

/* '#' strong, '+' soft, '.' empty. */
static Picture
draw (const char *const *lines, int width, int height)
{
  Picture mask = picture_new (width, height, 1, 3);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      pet_image_row (&mask.image, y)[x] = lines[y][x] == '#' ? 200
          : lines[y][x] == '+'                               ? 30
                                                             : 0;
  return mask;
}

static void
check_largest (
    const char *const *before, const char *const *after, int width, int height)
{
  Picture mask = draw (before, width, height);
  Picture want = draw (after, width, height);

  tap_check (pet_mask_keep_largest (&mask.image, NULL, NULL) == PET_OK);
  tap_check (picture_equal (&mask.image, &want.image));
  tap_check (picture_guards_hold (&mask));
  picture_free (&mask);
  picture_free (&want);
}

static void
largest_keeps_its_fringe_only (void)
{
  static const char *const before[] = { "##..+####.", "##..+###+.",
    "+...++++++", "..#.+++.##", ".++.......", "#.....+..." };
  static const char *const after[] = { "....+####.", "....+###+.", "....++++++",
    "....+++...", "..........", ".........." };
  static const char *const diagonal[] = { "#...#", ".#.#.", "....." };
  static const char *const first[] = { "#....", ".#...", "....." };
  static const char *const soft[] = { "++.", "..+" };
  static const char *const nothing[] = { "...", "..." };

  check_largest (before, after, 10, 6);
  check_largest (diagonal, first, 5, 3);
  check_largest (soft, nothing, 3, 2);
  check_largest (nothing, nothing, 3, 2);
}

/* Spreads `mark` from the pixels that have it to those of `allowed`. */
static void
flood (const PetImage *mask, int *label, int mark, int low, int high)
{
  int w = mask->width, h = mask->height;

  for (bool changed = true; changed;) {
    changed = false;
    for (int i = 0; i < w * h; i++) {
      int value = pet_image_row (mask, i / w)[i % w];

      if (label[i] != 0 || value < low || value > high)
        continue;
      for (int k = 0; k < 9 && label[i] == 0; k++) {
        int x = i % w + k % 3 - 1, y = i / w + k / 3 - 1;

        if (x >= 0 && x < w && y >= 0 && y < h && label[y * w + x] == mark)
          label[i] = mark;
      }
      changed |= label[i] != 0;
    }
  }
}

static void
keep_largest_naive (const PetImage *mask)
{
  int w = mask->width, n = w * mask->height, best = 0, most = 0, marks = 0;
  int *label = calloc ((size_t) n, sizeof (int));

  for (int i = 0; i < n; i++) {
    int area = 0;

    if (label[i] != 0 || pet_image_row (mask, i / w)[i % w] < 64)
      continue;
    label[i] = ++marks;
    flood (mask, label, marks, 64, 255);
    for (int k = 0; k < n; k++)
      area += label[k] == marks;
    if (area > most) {
      most = area;
      best = marks;
    }
  }
  if (best != 0)
    flood (mask, label, best, 1, 63);
  for (int i = 0; i < n; i++)
    if (best == 0 || label[i] != best)
      pet_image_row (mask, i / w)[i % w] = 0;
  free (label);
}

static void
largest_agrees_with_flooding (void)
{
  for (int round = 0; round < 60; round++) {
    int w = tap_random_range (1, 24), h = tap_random_range (1, 24);
    int empty = tap_random_range (10, 80), soft = tap_random_range (0, 50);
    Picture mask = picture_new (w, h, 1, round % 5), want;

    for (int y = 0; y < h; y++)
      for (int x = 0; x < w; x++) {
        bool is_empty = tap_random_range (0, 99) < empty;
        bool is_soft = tap_random_range (0, 99) < soft;

        pet_image_row (&mask.image, y)[x] = (uint8_t) (is_empty ? 0
                : is_soft ? tap_random_range (1, 63)
                          : tap_random_range (64, 255));
      }
    want = picture_copy (&mask.image, 0);
    tap_check (pet_mask_keep_largest (&mask.image, NULL, NULL) == PET_OK);
    keep_largest_naive (&want.image);
    if (!picture_equal (&mask.image, &want.image))
      tap_fail ("%dx%d in round %d", w, h, round);
    tap_check (picture_guards_hold (&mask));
    picture_free (&mask);
    picture_free (&want);
  }
}

static void
haze_agrees_with_flooding (void)
{
  for (int round = 0; round < 60; round++) {
    int w = tap_random_range (1, 24), h = tap_random_range (1, 24);
    int low = tap_random_range (1, 100), n = w * h, mark = 0;
    Picture mask = picture_new (w, h, 1, round % 5), want;
    int *label = calloc ((size_t) n, sizeof (int));

    for (int i = 0; i < n; i++)
      pet_image_row (&mask.image, i / w)[i % w] =
          (uint8_t) tap_random_range (0, round % 2 ? 208 : 236);
    want = picture_copy (&mask.image, 0);
    for (int i = 0; i < n; i++)
      if (pet_image_row (&want.image, i / w)[i % w] >= PET_MASK_SURE)
        label[i] = mark = 1;
    if (mark != 0)
      flood (&want.image, label, mark, low, 255);
    for (int i = 0; i < n; i++)
      if (label[i] == 0)
        pet_image_row (&want.image, i / w)[i % w] = 0;
    tap_check (pet_mask_drop_haze (&mask.image, low, NULL, NULL) == PET_OK);
    if (!picture_equal (&mask.image, &want.image))
      tap_fail ("%dx%d in round %d", w, h, round);
    tap_check (picture_guards_hold (&mask));
    free (label);
    picture_free (&mask);
    picture_free (&want);
  }
}

static void
refused_memory_changes_nothing (void)
{
  for (int fail = 1; fail <= 2; fail++) {
    static const char *const lines[] = { "##.+", "...#" };
    Picture mask = draw (lines, 4, 2), kept = draw (lines, 4, 2);
    TestMemory memory = { .fail_at = fail };
    PetAllocator allocator = test_memory_allocator (&memory);
    PetError error = { 0 };

    tap_check (pet_mask_keep_largest (&mask.image, &allocator, &error) ==
        PET_ERROR_MEMORY);
    tap_check (error.status == PET_ERROR_MEMORY && memory.alive == 0);
    tap_check (picture_equal (&mask.image, &kept.image));
    picture_free (&mask);
    picture_free (&kept);
  }
}

static void
more_than_one_channel_is_refused (void)
{
  Picture rgba = picture_new (4, 4, 4, 0);

  tap_check (
      pet_mask_keep_largest (&rgba.image, NULL, NULL) == PET_ERROR_ARGUMENT);
  picture_free (&rgba);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (largest_keeps_its_fringe_only),
    TAP_TEST (largest_agrees_with_flooding),
    TAP_TEST (haze_agrees_with_flooding),
    TAP_TEST (refused_memory_changes_nothing),
    TAP_TEST (more_than_one_channel_is_refused),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
