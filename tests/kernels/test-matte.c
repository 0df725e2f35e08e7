/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Masks and mattes against plain evaluations of what pet-matte.h says. */

#include "image/pet-matte.h"
#include "picture.h"

static const PetMatteOptions plain = { .low = 0, .high = 255 };
static const PetMatteOptions refined = {
  .refine = true, .low = 0, .high = 255
};
static const PetMatteOptions all = {
  .refine = true, .low = 12, .high = 243, .decontaminate = true, .scrub = true
};

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

static double *
plane_of (const PetImage *mask)
{
  int count = mask->width * mask->height;
  double *plane = malloc (sizeof (double) * (size_t) count);

  for (int k = 0; k < count; k++)
    plane[k] = pet_image_row (mask, k / mask->width)[k % mask->width];
  return plane;
}

static double
sample_scaled (const double *plane, const PetImage *mask, const PetImage *to,
    double x, double y)
{
  return sample (plane, mask->width, mask->height,
      x * mask->width / to->width - 0.5, y * mask->height / to->height - 0.5);
}

static Picture
random_mask (int width, int height)
{
  Picture mask = picture_new (width, height, 1, 2);

  for (int k = 0; k < width * height; k++)
    pet_image_row (&mask.image, k / width)[k % width] =
        (uint8_t) tap_random_range (0, 255);
  return mask;
}

/* A disc that fills `part` of the picture's shorter side. */
static Picture
disc_mask (int width, int height, double part)
{
  Picture mask = picture_new (width, height, 1, 2);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      double d = hypot ((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5);

      pet_image_row (&mask.image, y)[x] =
          picture_clamp (127.5 + (part / 2 - d) * width * 100);
    }
  return mask;
}

static void
without_refinement_the_mask_is_enlarged (void)
{
  static const int sizes[][4] = { { 1, 1, 9, 7 }, { 7, 5, 7, 5 },
    { 5, 7, 600, 33 }, { 320, 320, 100, 90 }, { 2, 9, 1, 1 },
    { 31, 1, 257, 2 } };

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const int *s = sizes[i];
    Picture mask = random_mask (s[0], s[1]);
    Picture photo = picture_new (s[2], s[3], 3, 1);
    Picture alpha = picture_new (s[2], s[3], 1, 5);
    double *plane = plane_of (&mask.image);

    picture_fill (&photo.image, CONTENT_NOISE, ALPHA_OPAQUE);
    tap_check (pet_matte_cut (&mask.image, &photo.image, &alpha.image, &plain,
                   NULL, NULL, NULL) == PET_OK);
    for (int k = 0; k < s[2] * s[3]; k++) {
      double want = sample_scaled (
          plane, &mask.image, &alpha.image, k % s[2] + 0.5, k / s[2] + 0.5);

      if (fabs (pet_image_row (&alpha.image, k / s[2])[k % s[2]] - want) > 0.51)
        tap_fail ("%dx%d to %dx%d at %d", s[0], s[1], s[2], s[3], k);
    }
    tap_check (picture_guards_hold (&alpha) && picture_guards_hold (&photo));
    free (plane);
    picture_free (&mask);
    picture_free (&photo);
    picture_free (&alpha);
  }
}

/* The mask of a part is as good as one of the whole photo that has nothing
 * around it. */
static void
a_mask_may_show_a_part (void)
{
  static const PetPart parts[] = { { 20, 10, 40, 30 }, { 0, 0, 50, 60 },
    { 60, 20, 40, 40 }, { 0, 0, 100, 60 } };

  for (size_t i = 0; i < 2 * sizeof parts / sizeof *parts; i++) {
    const PetPart *part = &parts[i / 2];
    PetMatteOptions options = i % 2 ? refined : plain;
    Picture whole = picture_new (20, 12, 1, 0);
    Picture some = picture_new (part->width / 5, part->height / 5, 1, 3);
    Picture photo = picture_new (100, 60, 3, 1);
    Picture want = picture_new (100, 60, 1, 5),
            got = picture_new (100, 60, 1, 2);

    picture_fill (&photo.image, CONTENT_NOISE, ALPHA_OPAQUE);
    for (int k = 0; k < 20 * 12; k++)
      pet_image_row (&whole.image, k / 20)[k % 20] = 0;
    for (int y = 1; y < some.image.height - 1; y++)
      for (int x = 1; x < some.image.width - 1; x++)
        pet_image_row (&whole.image, part->y / 5 + y)[part->x / 5 + x] =
            (uint8_t) tap_random_range (0, 255);
    for (int y = 0; y < some.image.height; y++)
      memcpy (pet_image_row (&some.image, y),
          pet_image_row (&whole.image, part->y / 5 + y) + part->x / 5,
          (size_t) some.image.width);
    tap_check (pet_matte_cut (&whole.image, &photo.image, &want.image, &options,
                   NULL, NULL, NULL) == PET_OK);
    options.part = *part;
    tap_check (pet_matte_cut (&some.image, &photo.image, &got.image, &options,
                   NULL, NULL, NULL) == PET_OK);
    for (int y = 0; y < 60; y++)
      for (int x = 0; x < 100; x++)
        if (abs (pet_image_row (&want.image, y)[x] -
                pet_image_row (&got.image, y)[x]) > 1) {
          tap_fail ("part %zu at %d, %d", i, x, y);
          y = x = 100;
        }
    picture_free (&whole);
    picture_free (&some);
    picture_free (&photo);
    picture_free (&want);
    picture_free (&got);
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
fill_cells (const PetImage *mask, const PetImage *photo, int step,
    double **planes, int w, int h)
{
  double *plane = plane_of (mask);

  for (int i = 0; i < w * h; i++) {
    double sum = 0;
    int count = 0;

    for (int y = i / w * step; y < (i / w + 1) * step; y++)
      for (int x = i % w * step; x < (i % w + 1) * step; x++)
        if (x < photo->width && y < photo->height) {
          sum += grey (photo, x, y);
          count++;
        }
    planes[GUIDE][i] = sum / count;
    planes[MASK][i] = floor (sample_scaled (plane, mask, photo,
                                 (i % w + 0.5) * step, (i / w + 0.5) * step) +
                          0.5) /
        255.0;
  }
  free (plane);
}

static void
guided_naive (
    const PetImage *mask, const PetImage *photo, int step, int r, double *out)
{
  int w = (photo->width + step - 1) / step;
  int h = (photo->height + step - 1) / step;
  double *p[N_PLANES];

  for (int i = 0; i < N_PLANES; i++)
    p[i] = malloc (sizeof (double) * (size_t) (w * h));
  fill_cells (mask, photo, step, p, w, h);
  for (int i = 0; i < w * h; i++) {
    int x = i % w, y = i / w;
    double mi = window_mean (p[GUIDE], NULL, w, h, x, y, r);
    double mp = window_mean (p[MASK], NULL, w, h, x, y, r);
    double ii = window_mean (p[GUIDE], p[GUIDE], w, h, x, y, r);
    double ip = window_mean (p[GUIDE], p[MASK], w, h, x, y, r);

    p[SLOPE][i] = (ip - mi * mp) / (ii - mi * mi + 1e-3);
    p[OFFSET][i] = mp - p[SLOPE][i] * mi;
  }
  for (int i = 0; i < w * h; i++) {
    p[MEAN_SLOPE][i] = window_mean (p[SLOPE], NULL, w, h, i % w, i / w, r);
    p[MEAN_OFFSET][i] = window_mean (p[OFFSET], NULL, w, h, i % w, i / w, r);
  }
  for (int y = 0; y < photo->height; y++)
    for (int x = 0; x < photo->width; x++) {
      double sx = (x + 0.5) / step - 0.5, sy = (y + 0.5) / step - 0.5;
      double q = sample (p[MEAN_SLOPE], w, h, sx, sy) * grey (photo, x, y) +
          sample (p[MEAN_OFFSET], w, h, sx, sy);

      out[y * photo->width + x] = 255.0 * (q < 0 ? 0 : q > 1 ? 1 : q);
    }
  for (int i = 0; i < N_PLANES; i++)
    free (p[i]);
}

static void
refinement_agrees_with_windows (void)
{
  static const int cases[][6] = {
    /* width, height, mask's width and height, step, radius */
    { 1, 1, 3, 3, 1, 1 }, { 90, 61, 31, 20, 1, 1 }, { 450, 231, 64, 64, 1, 4 },
    { 319, 620, 7, 90, 2, 3 }, { 1300, 601, 80, 80, 3, 4 },
    { 823, 1601, 32, 32, 4, 4 }, { 3300, 1660, 90, 9, 8, 4 },
    { 1300, 51, 80, 80, 1, 1 }, { 37, 1601, 32, 32, 1, 1 }
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int *c = cases[i];
    Picture mask =
        i % 2 ? disc_mask (c[2], c[3], 0.7) : random_mask (c[2], c[3]);
    Picture photo = picture_new (c[0], c[1], 3 + (int) (i % 2), 7);
    Picture alpha = picture_new (c[0], c[1], 1, 3);
    double *want = malloc (sizeof (double) * (size_t) (c[0] * c[1]));

    picture_fill (&photo.image, CONTENT_WAVES, ALPHA_OPAQUE);
    guided_naive (&mask.image, &photo.image, c[4], c[5], want);
    tap_check (pet_matte_cut (&mask.image, &photo.image, &alpha.image, &refined,
                   NULL, NULL, NULL) == PET_OK);
    for (int k = 0; k < c[0] * c[1]; k++)
      if (fabs (pet_image_row (&alpha.image, k / c[0])[k % c[0]] - want[k]) >
          0.9) {
        tap_fail ("case %zu at %d: %d, not %.2f", i, k,
            pet_image_row (&alpha.image, k / c[0])[k % c[0]], want[k]);
        break;
      }
    tap_check (picture_guards_hold (&alpha) && picture_guards_hold (&photo));
    free (want);
    picture_free (&mask);
    picture_free (&photo);
    picture_free (&alpha);
  }
}

static void
levels_stretch_the_mask (void)
{
  PetMatteOptions options = { .low = 20, .high = 230 };
  Picture mask = picture_new (256, 2, 1, 3);
  Picture photo = picture_new (256, 2, 3, 0),
          alpha = picture_new (256, 2, 1, 0);

  for (int x = 0; x < 256; x++)
    pet_image_row (&mask.image, 0)[x] = pet_image_row (&mask.image, 1)[x] =
        (uint8_t) x;
  picture_fill (&photo.image, CONTENT_NOISE, ALPHA_OPAQUE);
  tap_check (pet_matte_cut (&mask.image, &photo.image, &alpha.image, &options,
                 NULL, NULL, NULL) == PET_OK);
  for (int x = 0; x < 256; x++) {
    double want = (x - 20) * 255.0 / 210.0;

    want = want < 0 ? 0 : want > 255 ? 255 : want;
    tap_check (fabs (pet_image_row (&alpha.image, 1)[x] - want) <= 0.51);
  }
  picture_free (&mask);
  picture_free (&photo);
  picture_free (&alpha);
}

/* The alpha of a photo that brings its own, under a mask that is all pet. */
static const uint8_t whole[] = { 255 };
static const PetImage whole_mask = { (uint8_t *) whole, 1, 1, 1, 1 };

static void
stats_measure_area_and_extent (void)
{
  Picture photo = picture_new (60, 40, 4, 3),
          alpha = picture_new (60, 40, 1, 0);
  PetMaskStats stats;

  picture_fill (&photo.image, CONTENT_NOISE, ALPHA_NONE);
  tap_check (pet_matte_cut (&whole_mask, &photo.image, &alpha.image, &refined,
                 &stats, NULL, NULL) == PET_OK);
  tap_check (stats.coverage <= 0.0 && stats.x == 0 && stats.y == 0);
  tap_check (stats.width == 0 && stats.height == 0);
  pet_image_row (&photo.image, 7)[4 * 50 + 3] = 128;
  pet_image_row (&photo.image, 9)[4 * 11 + 3] = 255;
  pet_image_row (&photo.image, 3)[4 * 2 + 3] = 127;
  tap_check (pet_matte_cut (&whole_mask, &photo.image, &alpha.image, &refined,
                 &stats, NULL, NULL) == PET_OK);
  tap_check (fabs (stats.coverage - 510.0 / (255.0 * 2400.0)) < 1e-12);
  tap_check (stats.x == 11 && stats.y == 7);
  tap_check (stats.width == 40 && stats.height == 3);
  picture_free (&photo);
  picture_free (&alpha);
}

static void
cutting_in_place_and_apart_is_the_same (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 30 }, { 30, 1 }, { 5, 3 },
    { 64, 40 }, { 97, 15 }, { 801, 433 }, { 33, 2400 }, { 3001, 11 } };

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int kind = 0; kind < 4; kind++) {
      int w = sizes[i][0], h = sizes[i][1];
      Picture mask = kind < 2 ? disc_mask (64, 48, 0.6) : random_mask (9, 13);
      Picture photo = picture_new (w, h, 4, 5),
              apart = picture_new (w, h, 4, 2);
      Picture rgb = picture_new (w, h, 3, 4), third = picture_new (w, h, 4, 1);
      TestMemory memory = { 0 };
      PetAllocator allocator = test_memory_allocator (&memory);

      picture_fill (
          &photo.image, CONTENT_WAVES, kind % 2 ? ALPHA_NOISE : ALPHA_OPAQUE);
      for (int k = 0; k < w * h; k++)
        memcpy (pet_image_row (&rgb.image, k / w) + 3 * (k % w),
            pet_image_row (&photo.image, k / w) + 4 * (k % w), 3);
      tap_check (pet_matte_cut (&mask.image, &photo.image, &apart.image, &all,
                     NULL, &allocator, NULL) == PET_OK);
      tap_check (pet_matte_cut (&mask.image, &photo.image, &photo.image, &all,
                     NULL, NULL, NULL) == PET_OK);
      tap_check (pet_matte_cut (&mask.image, &rgb.image, &third.image, &all,
                     NULL, NULL, NULL) == PET_OK);
      if (!picture_equal (&photo.image, &apart.image))
        tap_fail ("%dx%d in place, kind %d", w, h, kind);
      if (kind % 2 == 0 && !picture_equal (&third.image, &apart.image))
        tap_fail ("%dx%d of three channels, kind %d", w, h, kind);
      tap_check (picture_guards_hold (&photo) && picture_guards_hold (&apart));
      tap_check (picture_guards_hold (&third) && memory.alive == 0);
      picture_free (&mask);
      picture_free (&photo);
      picture_free (&apart);
      picture_free (&rgb);
      picture_free (&third);
    }
}

/* Sizes with whole and odd cells, one row of them, and panoramas. */
static void
two_threads_give_the_same_bytes (void)
{
  static const int sizes[][2] = { { 1152, 1536 }, { 701, 499 }, { 2999, 97 },
    { 130, 2111 }, { 150000, 2 }, { 3, 90001 } };

  for (int n = 0; n < 24; n++) {
    int w = sizes[n % 6][0], h = sizes[n % 6][1];
    PetMatteOptions options = n % 4 == 3 ? refined : all;
    Picture mask = n % 2 ? random_mask (60, 50) : disc_mask (60, 50, 0.6);
    Picture photo = picture_new (w, h, 4, n % 5), one;
    Picture apart = picture_new (w, h, 4, n % 3);
    PetMaskStats stats[3];
    TestMemory memory = { 0 };
    PetAllocator allocator = test_memory_allocator (&memory);

    options.refine = n % 5 != 0;
    options.decontaminate = n % 7 != 0;
    picture_fill (&photo.image, (PictureContent) (n % 3),
        n % 2 ? ALPHA_SOFT : ALPHA_OPAQUE);
    one = picture_copy (&photo.image, 0);
    tap_check (pet_matte_cut (&mask.image, &one.image, &one.image, &options,
                   &stats[0], NULL, NULL) == PET_OK);
    options.threads = 2;
    tap_check (pet_matte_cut (&mask.image, &photo.image, &apart.image, &options,
                   &stats[1], &allocator, NULL) == PET_OK);
    tap_check (memory.bytes == pet_matte_bytes (60, w, h, &options));
    tap_check (pet_matte_cut (&mask.image, &photo.image, &photo.image, &options,
                   &stats[2], NULL, NULL) == PET_OK);
    if (!picture_equal (&one.image, &apart.image) ||
        !picture_equal (&one.image, &photo.image) ||
        memcmp (&stats[0], &stats[1], sizeof stats[0]) != 0 ||
        memcmp (&stats[0], &stats[2], sizeof stats[0]) != 0)
      tap_fail ("%dx%d, case %d", w, h, n);
    tap_check (picture_guards_hold (&photo) && picture_guards_hold (&apart));
    tap_check (memory.alive == 0);
    picture_free (&mask);
    picture_free (&photo);
    picture_free (&one);
    picture_free (&apart);
  }
}

static void
memory_grows_with_the_width_alone (void)
{
  size_t bytes[2];

  for (int i = 0; i < 2; i++) {
    int height = i == 0 ? 800 : 1536;
    Picture mask = disc_mask (32, 32, 0.5);
    Picture photo = picture_new (1536, height, 4, 0);
    TestMemory memory = { 0 };
    PetAllocator allocator = test_memory_allocator (&memory);

    picture_fill (&photo.image, CONTENT_GRADIENT, ALPHA_OPAQUE);
    tap_check (pet_matte_cut (&mask.image, &photo.image, &photo.image, &all,
                   NULL, &allocator, NULL) == PET_OK);
    bytes[i] = memory.bytes;
    tap_check (bytes[i] == pet_matte_bytes (32, 1536, height, &all));
    picture_free (&mask);
    picture_free (&photo);
  }
  printf ("# %zu bytes for 1536 columns\n", bytes[0]);
  tap_check (bytes[0] == bytes[1] && bytes[0] <= 1 << 20);
}

static void
refused_memory_changes_nothing (void)
{
  Picture photo = picture_new (40, 30, 4, 0), kept;
  Picture mask = disc_mask (40, 30, 0.5);
  TestMemory memory = { .fail_at = 1 };
  PetAllocator allocator = test_memory_allocator (&memory);
  PetError error = { 0 };

  picture_fill (&photo.image, CONTENT_WAVES, ALPHA_SOFT);
  kept = picture_copy (&photo.image, 0);
  tap_check (pet_matte_cut (&mask.image, &photo.image, &photo.image, &all, NULL,
                 &allocator, &error) == PET_ERROR_MEMORY);
  tap_check (error.status == PET_ERROR_MEMORY && memory.alive == 0);
  tap_check (picture_equal (&photo.image, &kept.image));
  picture_free (&photo);
  picture_free (&kept);
  picture_free (&mask);
}

static PetStatus
try_cut (const PetImage *mask, const PetImage *photo, const PetImage *target,
    int low, int high)
{
  PetMatteOptions options = { .low = low, .high = high };

  return pet_matte_cut (mask, photo, target, &options, NULL, NULL, NULL);
}

static void
bad_arguments_are_refused (void)
{
  Picture rgba = picture_new (4, 4, 4, 0), mask = picture_new (4, 4, 1, 0);
  Picture small = picture_new (3, 4, 4, 0);
  const PetImage *m = &mask.image, *p = &rgba.image, *s = &small.image;
  const PetImage none = { m->data, 0, 4, 1, 4 };

  tap_check (try_cut (p, p, p, 0, 255) == PET_ERROR_ARGUMENT);
  tap_check (try_cut (m, m, p, 0, 255) == PET_ERROR_ARGUMENT);
  tap_check (try_cut (m, p, s, 0, 255) == PET_ERROR_ARGUMENT);
  tap_check (try_cut (&none, p, p, 0, 255) == PET_ERROR_ARGUMENT);
  tap_check (try_cut (m, p, p, 9, 9) == PET_ERROR_ARGUMENT);
  tap_check (try_cut (m, p, p, -1, 9) == PET_ERROR_ARGUMENT);
  tap_check (try_cut (m, p, p, 0, 256) == PET_ERROR_ARGUMENT);
  picture_free (&rgba);
  picture_free (&mask);
  picture_free (&small);
}

/* Beyond the part that the mask shows, by more than an int holds. */
static void
small_parts_of_wide_photos_are_cut (void)
{
  Picture photo = picture_new (60000, 2, 4, 0),
          mask = picture_new (60000, 1, 1, 0);
  PetMatteOptions options = { .part = { 0, 0, 1, 1 }, .high = 255 };
  const uint8_t *row;

  memset (pet_image_row (&photo.image, 0), 200, 4 * 60000);
  memset (pet_image_row (&photo.image, 1), 200, 4 * 60000);
  memset (pet_image_row (&mask.image, 0), 255, 60000);
  tap_check (pet_matte_cut (&mask.image, &photo.image, &photo.image, &options,
                 NULL, NULL, NULL) == PET_OK);
  row = pet_image_row (&photo.image, 1);
  tap_check (row[3] > 0);
  tap_check (picture_guards_hold (&photo));
  picture_free (&photo);
  picture_free (&mask);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (without_refinement_the_mask_is_enlarged),
    TAP_TEST (a_mask_may_show_a_part),
    TAP_TEST (refinement_agrees_with_windows),
    TAP_TEST (levels_stretch_the_mask),
    TAP_TEST (stats_measure_area_and_extent),
    TAP_TEST (cutting_in_place_and_apart_is_the_same),
    TAP_TEST (two_threads_give_the_same_bytes),
    TAP_TEST (memory_grows_with_the_width_alone),
    TAP_TEST (refused_memory_changes_nothing),
    TAP_TEST (bad_arguments_are_refused),
    TAP_TEST (small_parts_of_wide_photos_are_cut),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
