/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Masks and mattes against plain evaluations of what pet-matte.h says. */

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
stats_measure_area_and_extent (void)
{
  static const char *const lines[] = { "......", "..##..", ".##+..", "......" };
  Picture mask = draw (lines, 6, 4);
  PetMaskStats stats;

  pet_mask_stats (&mask.image, &stats);
  tap_check (fabs (stats.coverage - 830.0 / (255.0 * 24.0)) < 1e-12);
  tap_check (stats.x == 1 && stats.y == 1);
  tap_check (stats.width == 3 && stats.height == 2);
  pet_image_row (&mask.image, 3)[5] = 128;
  pet_mask_stats (&mask.image, &stats);
  tap_check (stats.width == 5 && stats.height == 3);
  memset (mask.image.data, 127, 4 * (size_t) mask.image.stride_bytes);
  pet_mask_stats (&mask.image, &stats);
  tap_check (stats.x == 0 && stats.y == 0);
  tap_check (stats.width == 0 && stats.height == 0);
  picture_free (&mask);
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

static double
clamp_index (double value, int size)
{
  return value < 0.0 ? 0.0 : value > size - 1 ? size - 1 : value;
}

/* Bilinear, half-pixel centres, edges clamped. */
static double
sample (const double *plane, int w, int h, double x, double y)
{
  double cx = clamp_index (x, w), cy = clamp_index (y, h);
  int x0 = (int) cx, y0 = (int) cy;
  int x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
  double fx = cx - x0, fy = cy - y0;

  return (plane[y0 * w + x0] * (1 - fx) + plane[y0 * w + x1] * fx) * (1 - fy) +
      (plane[y1 * w + x0] * (1 - fx) + plane[y1 * w + x1] * fx) * fy;
}

static void
scaling_is_bilinear (void)
{
  static const int sizes[][4] = { { 1, 1, 9, 7 }, { 7, 5, 7, 5 },
    { 5, 7, 600, 33 }, { 320, 320, 100, 90 }, { 2, 9, 1, 1 },
    { 31, 1, 257, 2 } };

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const int *s = sizes[i];
    Picture mask = picture_new (s[0], s[1], 1, 2);
    Picture dst = picture_new (s[2], s[3], 1, 5);
    double *plane = malloc (sizeof (double) * (size_t) (s[0] * s[1]));

    for (int k = 0; k < s[0] * s[1]; k++)
      plane[k] = pet_image_row (&mask.image, k / s[0])[k % s[0]] =
          (uint8_t) tap_random_range (0, 255);
    pet_mask_scale (&mask.image, &dst.image);
    for (int k = 0; k < s[2] * s[3]; k++) {
      double want =
          sample (plane, s[0], s[1], (k % s[2] + 0.5) * s[0] / s[2] - 0.5,
              (k / s[2] + 0.5) * s[1] / s[3] - 0.5);

      if (fabs (pet_image_row (&dst.image, k / s[2])[k % s[2]] - want) > 0.501)
        tap_fail ("%dx%d to %dx%d at %d", s[0], s[1], s[2], s[3], k);
    }
    tap_check (picture_guards_hold (&dst));
    free (plane);
    picture_free (&mask);
    picture_free (&dst);
  }
}

static double
grey (const PetImage *image, int x, int y)
{
  const uint8_t *p = pet_image_row (image, y) + x * image->channels;

  return (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) / 255.0;
}

/* Mean of a[i] * b[i] over a window cut at the border; b NULL stands for 1. */
static double
window_mean (
    const double *a, const double *b, int w, int h, int x, int y, int radius)
{
  double sum = 0.0;
  int count = 0;

  for (int j = y - radius; j <= y + radius; j++)
    for (int i = x - radius; i <= x + radius; i++)
      if (i >= 0 && i < w && j >= 0 && j < h) {
        sum += a[j * w + i] * (b != NULL ? b[j * w + i] : 1.0);
        count++;
      }
  return sum / count;
}

enum { GUIDE, MASK, SLOPE, OFFSET, MEAN_SLOPE, MEAN_OFFSET, N_PLANES };

static void
shrink_naive (const PetImage *alpha, const PetImage *guide, int step,
    double **planes, int w, int h)
{
  for (int i = 0; i < w * h; i++) {
    double sums[2] = { 0 };
    int count = 0;

    for (int y = i / w * step; y < (i / w + 1) * step; y++)
      for (int x = i % w * step; x < (i % w + 1) * step; x++)
        if (x < alpha->width && y < alpha->height) {
          sums[0] += grey (guide, x, y);
          sums[1] += pet_image_row (alpha, y)[x] / 255.0;
          count++;
        }
    planes[GUIDE][i] = sums[0] / count;
    planes[MASK][i] = sums[1] / count;
  }
}

static void
guided_naive (const PetImage *alpha, const PetImage *guide, int radius,
    double epsilon, int step, double *out)
{
  int w = (alpha->width + step - 1) / step;
  int h = (alpha->height + step - 1) / step;
  int r = (int) floor ((double) radius / step + 0.5);
  double *p[N_PLANES];

  r = r < 1 ? 1 : r;
  for (int i = 0; i < N_PLANES; i++)
    p[i] = malloc (sizeof (double) * (size_t) (w * h));
  shrink_naive (alpha, guide, step, p, w, h);
  for (int i = 0; i < w * h; i++) {
    int x = i % w, y = i / w;
    double mi = window_mean (p[GUIDE], NULL, w, h, x, y, r);
    double mp = window_mean (p[MASK], NULL, w, h, x, y, r);
    double ii = window_mean (p[GUIDE], p[GUIDE], w, h, x, y, r);
    double ip = window_mean (p[GUIDE], p[MASK], w, h, x, y, r);

    p[SLOPE][i] = (ip - mi * mp) / (ii - mi * mi + epsilon);
    p[OFFSET][i] = mp - p[SLOPE][i] * mi;
  }
  for (int i = 0; i < w * h; i++) {
    p[MEAN_SLOPE][i] = window_mean (p[SLOPE], NULL, w, h, i % w, i / w, r);
    p[MEAN_OFFSET][i] = window_mean (p[OFFSET], NULL, w, h, i % w, i / w, r);
  }
  for (int y = 0; y < alpha->height; y++)
    for (int x = 0; x < alpha->width; x++) {
      double sx = (x + 0.5) / step - 0.5, sy = (y + 0.5) / step - 0.5;
      double q = sample (p[MEAN_SLOPE], w, h, sx, sy) * grey (guide, x, y) +
          sample (p[MEAN_OFFSET], w, h, sx, sy);

      out[y * alpha->width + x] = 255.0 * (q < 0 ? 0 : q > 1 ? 1 : q);
    }
  for (int i = 0; i < N_PLANES; i++)
    free (p[i]);
}

static void
guided_filter_agrees_with_windows (void)
{
  static const int cases[][5] = { /* width, height, channels, radius, step */
    { 1, 1, 3, 4, 1 }, { 40, 31, 3, 5, 1 }, { 61, 47, 4, 8, 4 },
    { 9, 50, 4, 40, 4 }, { 33, 30, 3, 1, 3 }, { 16, 16, 3, 8, 2 }
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int *c = cases[i];
    Picture alpha = picture_new (c[0], c[1], 1, 3);
    Picture guide = picture_new (c[0], c[1], c[2], 7);
    double *want = malloc (sizeof (double) * (size_t) (c[0] * c[1]));

    picture_fill (&guide.image, CONTENT_WAVES, ALPHA_OPAQUE);
    for (int k = 0; k < c[0] * c[1]; k++)
      pet_image_row (&alpha.image, k / c[0])[k % c[0]] =
          k % c[0] > c[0] / 2 ? 255 : (uint8_t) tap_random_range (0, 40);
    guided_naive (&alpha.image, &guide.image, c[3], 1e-4, c[4], want);
    tap_check (pet_mask_refine_guided (&alpha.image, &guide.image, c[3], 1e-4,
                   c[4], NULL, NULL) == PET_OK);
    for (int k = 0; k < c[0] * c[1]; k++)
      if (fabs (pet_image_row (&alpha.image, k / c[0])[k % c[0]] - want[k]) >
          0.55)
        tap_fail ("case %zu at %d: not %.2f", i, k, want[k]);
    tap_check (picture_guards_hold (&alpha) && picture_guards_hold (&guide));
    free (want);
    picture_free (&alpha);
    picture_free (&guide);
  }
}

/* A disc of one colour over a background of another, blended by a soft
 * outline; the mean distance of the outline's colour from the disc's. */
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

static void
background_leaves_the_fringe (void)
{
  static const double fore[] = { 150, 110, 70 }, back[] = { 20, 230, 60 };

  for (int softness = 4; softness <= 16; softness *= 2) {
    Picture picture = picture_new (221, 173, 4, 9), kept;
    double before, after;

    for (int y = 0; y < 173; y++)
      for (int x = 0; x < 221; x++) {
        uint8_t *pixel = pet_image_row (&picture.image, y) + 4 * x;
        double alpha = (60.0 - hypot (x - 110, y - 86)) / softness + 0.5;

        pixel[3] = picture_clamp (255.0 * alpha + 0.5);
        for (int c = 0; c < 3; c++)
          pixel[c] =
              (uint8_t) ((fore[c] * pixel[3] + back[c] * (255 - pixel[3])) /
                      255.0 +
                  0.5);
      }
    kept = picture_copy (&picture.image, 0);
    before = leak (&picture.image, fore);
    tap_check (
        pet_matte_decontaminate (&picture.image, 30, NULL, NULL) == PET_OK);
    after = leak (&picture.image, fore);
    printf ("# softness %d: leak %.2f before, %.2f after\n", softness, before,
        after);
    tap_check (after * 5.0 <= before);
    for (int i = 0; i < 221 * 173; i++) {
      const uint8_t *now = pet_image_row (&picture.image, i / 221);
      const uint8_t *then = pet_image_row (&kept.image, i / 221);
      int x = 4 * (i % 221);

      tap_check (now[x + 3] == then[x + 3]);
      tap_check ((now[x + 3] != 0 && now[x + 3] != 255) ||
          memcmp (now + x, then + x, 3) == 0);
    }
    tap_check (picture_guards_hold (&picture));
    picture_free (&picture);
    picture_free (&kept);
  }
}

static void
decontamination_takes_any_size (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 30 }, { 30, 1 }, { 5, 3 },
    { 64, 40 }, { 97, 15 } };
  static const int radii[] = { 1, 14, 15, 90, 4096 };

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t k = 0; k < sizeof radii / sizeof *radii; k++) {
      Picture picture = picture_new (sizes[i][0], sizes[i][1], 4, 3), same;
      TestMemory memory = { 0 };
      PetAllocator allocator = test_memory_allocator (&memory);

      picture_fill (
          &picture.image, CONTENT_NOISE, i % 2 ? ALPHA_NOISE : ALPHA_SOFT);
      same = picture_copy (&picture.image, 0);
      tap_check (pet_matte_decontaminate (
                     &picture.image, radii[k], &allocator, NULL) == PET_OK);
      tap_check (pet_matte_decontaminate (&same.image, radii[k], NULL, NULL) ==
          PET_OK);
      tap_check (picture_equal (&picture.image, &same.image));
      tap_check (picture_guards_hold (&picture) && memory.alive == 0);
      picture_free (&picture);
      picture_free (&same);
    }
}

static void
levels_stretch_and_keep_the_ends (void)
{
  Picture mask = picture_new (256, 2, 1, 3);

  for (int x = 0; x < 256; x++)
    pet_image_row (&mask.image, 0)[x] = pet_image_row (&mask.image, 1)[x] =
        (uint8_t) x;
  pet_mask_levels (&mask.image, 20, 230);
  for (int y = 0; y < 2; y++)
    for (int x = 0; x < 256; x++) {
      double want = (x - 20) * 255.0 / 210.0;

      want = want < 0 ? 0 : want > 255 ? 255 : want;
      tap_check (fabs (pet_image_row (&mask.image, y)[x] - want) <= 0.5);
    }
  tap_check (picture_guards_hold (&mask));
  picture_free (&mask);
}

static void
scrub_clears_what_is_hidden (void)
{
  Picture picture = picture_new (37, 21, 4, 3), kept;

  picture_fill (&picture.image, CONTENT_NOISE, ALPHA_NOISE);
  kept = picture_copy (&picture.image, 0);
  pet_matte_scrub (&picture.image);
  for (int i = 0; i < 37 * 21; i++) {
    const uint8_t *now = pet_image_row (&picture.image, i / 37) + i % 37 * 4;
    const uint8_t *then = pet_image_row (&kept.image, i / 37) + i % 37 * 4;

    tap_check (now[3] == then[3]);
    tap_check (now[3] == 0 ? now[0] == 0 && now[1] == 0 && now[2] == 0
                           : memcmp (now, then, 3) == 0);
  }
  tap_check (picture_guards_hold (&picture));
  picture_free (&picture);
  picture_free (&kept);
}

static void
refused_memory_changes_nothing (void)
{
  Picture picture = picture_new (40, 30, 4, 0), kept;
  Picture mask = picture_new (40, 30, 1, 0), kept_mask;

  picture_fill (&picture.image, CONTENT_WAVES, ALPHA_SOFT);
  memset (mask.image.data, 90, 40 * 30);
  mask.image.data[200] = 0;
  kept = picture_copy (&picture.image, 0);
  kept_mask = picture_copy (&mask.image, 0);
  for (int fail = 1; fail <= 2; fail++) {
    TestMemory memory = { .fail_at = fail };
    PetAllocator allocator = test_memory_allocator (&memory);
    PetError error = { 0 };

    tap_check (pet_mask_keep_largest (&mask.image, &allocator, &error) ==
        PET_ERROR_MEMORY);
    tap_check (error.status == PET_ERROR_MEMORY && memory.alive == 0);
    memory = (TestMemory){ .fail_at = 1 };
    tap_check (pet_matte_decontaminate (&picture.image, 9, &allocator, NULL) ==
        PET_ERROR_MEMORY);
    memory = (TestMemory){ .fail_at = 1 };
    tap_check (pet_mask_refine_guided (&mask.image, &picture.image, 8, 1e-3, 4,
                   &allocator, NULL) == PET_ERROR_MEMORY);
  }
  tap_check (picture_equal (&picture.image, &kept.image));
  tap_check (picture_equal (&mask.image, &kept_mask.image));
  picture_free (&picture);
  picture_free (&kept);
  picture_free (&mask);
  picture_free (&kept_mask);
}

static void
bad_arguments_are_refused (void)
{
  Picture rgba = picture_new (4, 4, 4, 0), mask = picture_new (4, 4, 1, 0);
  Picture small = picture_new (3, 4, 4, 0);
  const PetImage *m = &mask.image, *p = &rgba.image, *s = &small.image;

  tap_check (pet_mask_keep_largest (p, NULL, NULL) == PET_ERROR_ARGUMENT);
  tap_check (pet_matte_decontaminate (m, 9, NULL, NULL) == PET_ERROR_ARGUMENT);
  tap_check (pet_matte_decontaminate (p, 0, NULL, NULL) == PET_ERROR_ARGUMENT);
  tap_check (pet_mask_refine_guided (m, s, 4, 1e-3, 1, NULL, NULL) ==
      PET_ERROR_ARGUMENT);
  tap_check (pet_mask_refine_guided (m, p, 4, NAN, 1, NULL, NULL) ==
      PET_ERROR_ARGUMENT);
  tap_check (pet_mask_refine_guided (m, p, 4, 1e-3, 0, NULL, NULL) ==
      PET_ERROR_ARGUMENT);
  tap_check (pet_mask_refine_guided (m, p, 0, 1e-3, 1, NULL, NULL) ==
      PET_ERROR_ARGUMENT);
  picture_free (&rgba);
  picture_free (&mask);
  picture_free (&small);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (stats_measure_area_and_extent),
    TAP_TEST (largest_keeps_its_fringe_only),
    TAP_TEST (largest_agrees_with_flooding),
    TAP_TEST (scaling_is_bilinear),
    TAP_TEST (guided_filter_agrees_with_windows),
    TAP_TEST (background_leaves_the_fringe),
    TAP_TEST (decontamination_takes_any_size),
    TAP_TEST (levels_stretch_and_keep_the_ends),
    TAP_TEST (scrub_clears_what_is_hidden),
    TAP_TEST (refused_memory_changes_nothing),
    TAP_TEST (bad_arguments_are_refused),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
