/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Islands and holes in which nobody believes. */

#include "image/pet-matte.h"
#include "picture.h"

#define SIDE 60

static Picture
blank (void)
{
  Picture mask = picture_new (SIDE, SIDE, 1, 3);

  for (int y = 0; y < SIDE; y++)
    memset (pet_image_row (&mask.image, y), 0, SIDE);
  return mask;
}

/* A square of `value` around (x, y), falling off by `step` around it, down to
 * nothing; what is there already stays where it is more. */
static void
add_hill (const PetImage *mask, int x, int y, int radius, int value, int step)
{
  for (int b = 0; b < mask->height; b++)
    for (int a = 0; a < mask->width; a++) {
      int far = abs (a - x) > abs (b - y) ? abs (a - x) : abs (b - y);
      int here = far <= radius ? value : value - step * (far - radius);
      uint8_t *pixel = pet_image_row (mask, b) + a;

      *pixel = (uint8_t) (here > *pixel ? here : *pixel);
    }
}

static void
settle (Picture *mask)
{
  tap_check (pet_mask_settle (&mask->image, NULL, NULL) == PET_OK);
  tap_check (picture_guards_hold (mask));
}

static int
value_at (const Picture *mask, int x, int y)
{
  return pet_image_row (&mask->image, y)[x];
}

/* Along row 30 the slope of 255, from column 25 on 20 less each, meets that of 160,
 * from column 45 back 15 less each, in a valley at column 36. */
static void
unsure_islands_go_with_their_slopes (void)
{
  Picture mask = blank (), before;

  add_hill (&mask.image, 15, 30, 10, 255, 20);
  add_hill (&mask.image, 48, 30, 3, 160, 15);
  before = picture_copy (&mask.image, 0);
  tap_check (value_at (&before, 35, 30) == 55);
  tap_check (value_at (&before, 37, 30) == 40);
  settle (&mask);
  for (int x = 0; x < SIDE; x++)
    tap_check (
        value_at (&mask, x, 30) == (x <= 35 ? value_at (&before, x, 30) : 0));
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      if (value_at (&before, x, y) > 55 && x <= 34)
        tap_check (value_at (&mask, x, y) == value_at (&before, x, y));
  picture_free (&mask);
  picture_free (&before);
}

/* A second hill beside a sure one of 21x21 pixels. */
static void
check_hill_stays (int radius, int value, bool stays)
{
  Picture mask = blank ();

  add_hill (&mask.image, 15, 30, 10, 255, 60);
  add_hill (&mask.image, 46, 30, radius, value, 60);
  settle (&mask);
  tap_check (value_at (&mask, 46, 30) == (stays ? value : 0));
  tap_check (value_at (&mask, 15, 30) == 255);
  picture_free (&mask);
}

static void
sure_and_large_islands_stay (void)
{
  check_hill_stays (2, 203, false);
  check_hill_stays (2, 204, true);
  check_hill_stays (3, 150, false);
  check_hill_stays (4, 150, true);
}

/* Beside 625 pixels. */
static void
specks_go_however_sure (void)
{
  Picture mask = blank ();

  add_hill (&mask.image, 15, 30, 10, 255, 60);
  for (int i = 0; i < 4; i++)
    pet_image_row (&mask.image, 30 + i / 2)[46 + i % 2] = 255;
  memset (pet_image_row (&mask.image, 50) + 46, 255, 3);
  settle (&mask);
  tap_check (value_at (&mask, 46, 30) == 255);
  for (int x = 46; x < 49; x++)
    tap_check (value_at (&mask, x, 50) == 0);
  picture_free (&mask);
}

static void
without_a_sure_region_all_stays (void)
{
  Picture mask = blank (), before;

  add_hill (&mask.image, 15, 30, 10, 180, 20);
  add_hill (&mask.image, 48, 30, 1, 150, 20);
  before = picture_copy (&mask.image, 0);
  settle (&mask);
  tap_check (picture_equal (&mask.image, &before.image));
  picture_free (&mask);
  picture_free (&before);
}

/* A pet of 50x50 with a hole at its middle whose floor is `floor`. */
static void
check_hole (int radius, int floor, bool filled)
{
  Picture mask = blank (), before;

  add_hill (&mask.image, 30, 30, 25, 255, 60);
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      int far = abs (x - 30) > abs (y - 30) ? abs (x - 30) : abs (y - 30);

      if (far <= radius + 2)
        pet_image_row (&mask.image, y)[x] =
            (uint8_t) (far <= radius ? floor : 130 + 60 * (far - radius - 1));
    }
  before = picture_copy (&mask.image, 0);
  settle (&mask);
  for (int y = 26; y <= 34; y++)
    for (int x = 26; x <= 34; x++)
      tap_check (
          value_at (&mask, x, y) == (filled ? 255 : value_at (&before, x, y)));
  picture_free (&mask);
  picture_free (&before);
}

static void
unsure_holes_are_filled_with_their_slopes (void)
{
  check_hole (1, 100, true);
  check_hole (2, 52, true);
  check_hole (1, 51, false);
  check_hole (3, 100, false);
}

static void
what_is_open_to_the_edge_is_no_hole (void)
{
  Picture mask = blank (), before;

  for (int y = 0; y < SIDE; y++)
    memset (pet_image_row (&mask.image, y), 255, SIDE);
  pet_image_row (&mask.image, 0)[20] = 100;
  pet_image_row (&mask.image, 30)[SIDE - 1] = 100;
  before = picture_copy (&mask.image, 0);
  settle (&mask);
  tap_check (picture_equal (&mask.image, &before.image));
  picture_free (&mask);
  picture_free (&before);
}

/* Marks the region of (x, y), and says how many pixels it has and how many of them
 * are sure; for a hole at the edge all are. */
static int
mark_region (const PetImage *mask, int *label, int at, int mark, int *sure)
{
  int w = mask->width, h = mask->height, area = 0;
  bool inside = pet_image_row (mask, at / w)[at % w] >= 128, edge = false;

  *sure = 0;
  label[at] = mark;
  for (bool changed = true; changed;) {
    changed = false;
    for (int i = 0; i < w * h; i++)
      for (int k = 0; k < 9 && label[i] == 0; k++) {
        int x = i % w + k % 3 - 1, y = i / w + k / 3 - 1;

        if (x < 0 || x >= w || y < 0 || y >= h || label[y * w + x] != mark ||
            (pet_image_row (mask, i / w)[i % w] >= 128) != inside ||
            (!inside && k % 2 == 0))
          continue;
        label[i] = mark;
        changed = true;
      }
  }
  for (int i = 0; i < w * h; i++)
    if (label[i] == mark) {
      int value = pet_image_row (mask, i / w)[i % w];

      area++;
      *sure += inside ? value >= 204 : value <= 51;
      edge |= i % w == 0 || i % w == w - 1 || i / w == 0 || i / w == h - 1;
    }
  if (edge && !inside)
    *sure = area;
  return area;
}

/* Regions that are due change as a whole (a hole may go with the island that it is
 * in, or be open without one); all others stay on their side. */
static void
check_regions (const PetImage *before, const PetImage *after)
{
  int w = before->width, n = w * before->height, marks = 0, largest = 0;
  int *label = calloc ((size_t) n, sizeof (int));
  int *area = calloc ((size_t) n + 1, sizeof (int));
  int *sure = calloc ((size_t) n + 1, sizeof (int));

  for (int i = 0; i < n; i++)
    if (label[i] == 0) {
      marks++;
      area[marks] = mark_region (before, label, i, marks, &sure[marks]);
      if (pet_image_row (before, i / w)[i % w] >= 128 &&
          5 * sure[marks] >= 2 * area[marks] && area[marks] > largest)
        largest = area[marks];
    }
  for (int i = 0; i < n; i++) {
    int was = pet_image_row (before, i / w)[i % w];
    int is = pet_image_row (after, i / w)[i % w], m = label[i];
    bool due = was >= 128
        ? (5 * sure[m] < 2 * area[m] ? 8 : 200) * area[m] < largest
        : 10 * sure[m] < 3 * area[m] && 100 * area[m] < largest;

    if (due ? is != 0 && (was >= 128 || (is != 255 && is != was))
            : is != was && is != (was >= 128 ? 255 : 0))
      tap_fail ("%d at %d,%d was %d", is, i % w, i / w, was);
  }
  free (label);
  free (area);
  free (sure);
}

/* The left three quarters are pet; specks are islands or holes. */
static void
fill_randomly (const PetImage *mask, bool holes, int odd)
{
  int w = mask->width;

  for (int i = 0; i < w * mask->height; i++) {
    bool pet = i % w < w * 3 / 4;

    if (pet == holes && tap_random_range (0, 99) < odd)
      pet = !pet;
    pet_image_row (mask, i / w)[i % w] =
        (uint8_t) (pet ? tap_random_range (128, 255)
                       : tap_random_range (0, 127));
  }
}

static void
regions_agree_with_flooding (void)
{
  int changed = 0;

  for (int round = 0; round < 60; round++) {
    int w = tap_random_range (1, 40), h = tap_random_range (1, 40);
    Picture mask = picture_new (w, h, 1, round % 5), before;

    /* Many holes would cut the pet to pieces, which go first. */
    fill_randomly (&mask.image, round % 2 == 1,
        tap_random_range (1, round % 2 == 1 ? 6 : 25));
    before = picture_copy (&mask.image, 0);
    settle (&mask);
    changed += !picture_equal (&mask.image, &before.image);
    check_regions (&before.image, &mask.image);
    picture_free (&mask);
    picture_free (&before);
  }
  tap_check (changed > 10);
}

/* The border of a very tall mask has so many lines that their number, multiplied,
 * does not fit in 64 bits. */
static void
tall_masks_have_an_edge_too (void)
{
  Picture mask = picture_new (9, 16385, 1, 0);

  for (int y = 0; y < 16385; y++) {
    bool is_end = y == 0 || y == 16384;
    uint8_t *row = pet_image_row (&mask.image, y);

    memset (row, is_end ? 100 : 255, 9);
    row[0] = row[8] = 100;
  }
  settle (&mask);
  tap_check (value_at (&mask, 0, 0) == 100 && value_at (&mask, 8, 9000) == 100);
  tap_check (value_at (&mask, 4, 9000) == 255);
  picture_free (&mask);
}

static void
what_cannot_be_done_changes_nothing (void)
{
  Picture rgba = picture_new (4, 4, 4, 0);

  for (int fail = 1; fail <= 4; fail++) {
    Picture mask = blank (), before;
    TestMemory memory = { .fail_at = fail };
    PetAllocator allocator = test_memory_allocator (&memory);

    add_hill (&mask.image, 15, 30, 10, 255, 60);
    add_hill (&mask.image, 46, 30, 2, 150, 60);
    before = picture_copy (&mask.image, 0);
    tap_check (
        pet_mask_settle (&mask.image, &allocator, NULL) == PET_ERROR_MEMORY);
    tap_check (memory.alive == 0);
    tap_check (picture_equal (&mask.image, &before.image));
    picture_free (&mask);
    picture_free (&before);
  }
  tap_check (pet_mask_settle (&rgba.image, NULL, NULL) == PET_ERROR_ARGUMENT);
  picture_free (&rgba);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (unsure_islands_go_with_their_slopes),
    TAP_TEST (sure_and_large_islands_stay),
    TAP_TEST (specks_go_however_sure),
    TAP_TEST (without_a_sure_region_all_stays),
    TAP_TEST (unsure_holes_are_filled_with_their_slopes),
    TAP_TEST (what_is_open_to_the_edge_is_no_hole),
    TAP_TEST (regions_agree_with_flooding),
    TAP_TEST (tall_masks_have_an_edge_too),
    TAP_TEST (what_cannot_be_done_changes_nothing),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
