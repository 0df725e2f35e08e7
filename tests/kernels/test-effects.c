/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks against effects-oracle.c, at the tolerances of docs/effects.md,
 * and what every look promises: guards, in place, alpha, parameters; and every
 * version against the plain C one. `test-effects --bench` times them. */

#include <time.h>

#include "compare-looks.h"

static void
table_is_sane (void)
{
  tap_check (pet_effects_count == sizeof looks / sizeof *looks);
  for (int i = 0; i < pet_effects_count; i++) {
    const PetEffect *effect = pet_effects[i];

    tap_check (strcmp (effect->name, looks[i].name) == 0);
    tap_check (pet_effect_find (effect->name) == effect);
    tap_check (effect->blurb != NULL && effect->render != NULL);
    tap_check (effect->n_params <= PET_EFFECT_MAX_PARAMS);
    for (int k = 0; k < effect->n_params; k++) {
      const PetEffectParam *param = &effect->params[k];

      tap_check (param->name != NULL && param->blurb != NULL);
      tap_check (param->min < param->max);
      tap_check (param->def >= param->min && param->def <= param->max);
      tap_check (pet_effect_param_index (effect, param->name) == k);
      tap_check (
          param->type == PET_PARAM_FLOAT || param->def == floor (param->def));
    }
  }
  tap_check (pet_effect_find ("none of them") == NULL);
  tap_check (pet_effect_param_index (pet_effects[0], "gamma") == -1);
}

static void
shared_parameters_are_alike (void)
{
  for (int i = 0; i < pet_effects_count; i++)
    for (int k = 0; k < pet_effects[i]->n_params; k++) {
      const PetEffectParam *one = &pet_effects[i]->params[k];

      for (int j = 0; j < i; j++) {
        int index = pet_effect_param_index (pet_effects[j], one->name);
        const PetEffectParam *other =
            index >= 0 ? &pet_effects[j]->params[index] : one;

        tap_check (one->type == other->type && one->min == other->min &&
            one->max == other->max);
      }
    }
}

static void
agrees_on_every_content (void)
{
  double values[PET_EFFECT_MAX_PARAMS];

  for (int look = 0; look < pet_effects_count; look++)
    for (int content = 0; content < CONTENT_COUNT; content++)
      for (int alpha = 0; alpha < ALPHA_COUNT; alpha++) {
        Picture picture = picture_new (151, 103, 4, 0);

        picture_fill (
            &picture.image, (PictureContent) content, (PictureAlpha) alpha);
        defaults_without_grain (pet_effects[look], values);
        compare_with_oracle (look, &picture.image, values);
        picture_free (&picture);
      }
}

static void
agrees_on_every_size (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 1, 2 }, { 2, 1 }, { 2, 2 },
    { 1, 40 }, { 40, 1 }, { 3, 3 }, { 5, 4 }, { 4, 5 }, { 6, 6 }, { 7, 11 },
    { 11, 7 }, { 12, 12 }, { 13, 21 }, { 20, 9 }, { 21, 22 }, { 17, 130 },
    { 130, 17 }, { 64, 64 }, { 65, 63 } };
  double values[PET_EFFECT_MAX_PARAMS];

  for (int look = 0; look < pet_effects_count; look++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      Picture picture = picture_new (sizes[i][0], sizes[i][1], 4, 0);

      picture_fill (&picture.image, i % 2 ? CONTENT_NOISE : CONTENT_WAVES,
          i % 3 ? ALPHA_OPAQUE : ALPHA_NOISE);
      defaults_without_grain (pet_effects[look], values);
      compare_with_oracle (look, &picture.image, values);
      picture_free (&picture);
    }
}

static void
agrees_on_every_extreme (void)
{
  Picture picture = picture_new (90, 61, 4, 0);
  double values[PET_EFFECT_MAX_PARAMS];

  picture_fill (&picture.image, CONTENT_WAVES, ALPHA_SOFT);
  for (int look = 0; look < pet_effects_count; look++) {
    const PetEffect *effect = pet_effects[look];

    for (int k = 0; k < effect->n_params; k++)
      for (int end = 0; end < 2; end++) {
        if (strcmp (effect->params[k].name, "grain") == 0)
          continue;
        defaults_without_grain (effect, values);
        values[k] = end ? effect->params[k].max : effect->params[k].min;
        compare_with_oracle (look, &picture.image, values);
      }
  }
  picture_free (&picture);
}

static void
lattices_and_cells_of_every_size (void)
{
  Picture picture = picture_new (67, 53, 4, 0);
  double values[PET_EFFECT_MAX_PARAMS];

  picture_fill (&picture.image, CONTENT_WAVES, ALPHA_SOFT);
  for (int spacing = 1; spacing <= 5; spacing++)
    for (int size = 1; size <= 3; size++) {
      defaults_without_grain (pet_effects[3], values);
      set_value (pet_effects[3], values, "dot-spacing", spacing);
      set_value (pet_effects[3], values, "dot-size", size);
      compare_with_oracle (3, &picture.image, values);
    }
  for (int size = 1; size <= 16; size++) {
    defaults_without_grain (pet_effects[4], values);
    set_value (pet_effects[4], values, "pixel-size", size);
    compare_with_oracle (4, &picture.image, values);
  }
  picture_free (&picture);
}

static Picture
render_grain (const PetImage *image, double grain, double seed)
{
  const PetEffect *effect = pet_effect_find ("enhancedblackwhite");
  Picture dst = picture_new (image->width, image->height, 4, 5);
  double values[PET_EFFECT_MAX_PARAMS];
  TestMemory memory = { 0 };
  PetAllocator allocator = test_memory_allocator (&memory);

  pet_effect_defaults (effect, values);
  set_value (effect, values, "grain", grain);
  set_value (effect, values, "seed", seed);
  tap_check (pet_effect_apply (effect, image, &dst.image, values, &allocator,
                 NULL) == PET_OK);
  tap_check (picture_guards_hold (&dst));
  return dst;
}

static void
grain_follows_its_seed (void)
{
  static const int sizes[][2] = { { 83, 47 }, { 1, 1 }, { 1, 9 }, { 9, 1 },
    { 2, 3 } };

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Picture src = picture_new (sizes[i][0], sizes[i][1], 4, 0);
    Picture one, same, other;

    picture_fill (&src.image, CONTENT_WAVES, ALPHA_SOFT);
    one = render_grain (&src.image, 1.0, 7);
    same = render_grain (&src.image, 1.0, 7);
    other = render_grain (&src.image, 1.0, 2147483647);
    tap_check (picture_equal (&one.image, &same.image));
    tap_check (i > 0 || !picture_equal (&one.image, &other.image));
    picture_free (&src);
    picture_free (&one);
    picture_free (&same);
    picture_free (&other);
  }
}

/* Standard deviation of 0.7 fine + 0.3 coarse after the 3x3 blur, from the
 * kernels alone: a sum over all weights squared. The coarse layer at half size
 * has weights 1/4 and 3/4 in turn along each axis; after the blur the sum of
 * squares depends on the phase only, which is the same at all pixels. */
static double
grain_sigma (void)
{
  double side = exp (-2.0), sum = 1.0 + 2.0 * side;
  double taps[3] = { side / sum, 1.0 / sum, side / sum };
  double fine = 0.0, coarse = 0.0, cells[4] = { 0 };

  for (int k = 0; k < 3; k++) {
    /* Pixel 2 i + 1 + k - 1 between the coarse neighbours around it. */
    double at = (2 + k + 0.5) / 2.0 - 0.5;
    int left = (int) at;

    fine += taps[k] * taps[k];
    cells[left] += taps[k] * (1.0 - (at - left));
    cells[left + 1] += taps[k] * (at - left);
  }
  for (int i = 0; i < 4; i++)
    coarse += cells[i] * cells[i];
  return sqrt (pow (0.7 * 0.4 * fine, 2) + pow (0.3 * 0.6 * coarse, 2));
}

static void
measure_grain (int grey, double *mean, double *sigma)
{
  enum { W = 512, H = 384 };
  Picture src = picture_new (W, H, 4, 0), plain, grainy;
  double sum = 0.0, squares = 0.0;

  memset (src.image.data, grey, (size_t) W * H * 4);
  plain = render_grain (&src.image, 0.0, 3);
  grainy = render_grain (&src.image, 0.08, 3);
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      double apart = pet_image_row (&grainy.image, y)[4 * x] -
          pet_image_row (&plain.image, y)[4 * x];

      sum += apart;
      squares += apart * apart;
    }
  *mean = sum / (W * H);
  *sigma = sqrt (squares / (W * H) - *mean * *mean);
  picture_free (&src);
  picture_free (&plain);
  picture_free (&grainy);
}

static void
grain_has_the_formulas_spread (void)
{
  /* Grey 80 stays below the halation and far from 0 and 1. */
  double expected, mean, sigma;
  double m = (80 / 255.0 - 0.25) / 0.3, g = 80 / 255.0;
  double curve = 1.12 *
      (0.92 * pow (1.1 * g, 1.25) * (1.0 - m) +
          (1.0 - 0.95 * pow (1.05 * (1.0 - g), 0.75)) * m);

  expected = 255.0 * 0.08 * grain_sigma () * (1.2 - curve);
  measure_grain (80, &mean, &sigma);
  /* Truncation to whole levels adds 1/12 to the variance. */
  sigma = sqrt (sigma * sigma - 1.0 / 12.0);
  printf ("# grain: mean %.3f, sigma %.3f, by the formula %.3f\n", mean, sigma,
      expected);
  tap_check (fabs (sigma / expected - 1.0) < 0.05);
  tap_check (fabs (mean) < 0.05 * expected + 0.5);
}

static void
bad_arguments_are_refused (void)
{
  Picture src = picture_new (4, 4, 4, 0), dst = picture_new (4, 4, 4, 0);
  const PetEffect *effect = pet_effect_find ("dithering");
  static const double bad[] = { NAN, INFINITY, -1.0, 6.0, 1.5 };
  double values[PET_EFFECT_MAX_PARAMS];
  PetImage wrong = dst.image;

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    PetError error = { 0 };

    pet_effect_defaults (effect, values);
    values[0] = bad[i];
    tap_check (pet_effect_apply (effect, &src.image, &dst.image, values, NULL,
                   &error) == PET_ERROR_ARGUMENT);
    tap_check (error.status == PET_ERROR_ARGUMENT);
  }
  pet_effect_defaults (effect, values);
  wrong.width = 3;
  tap_check (pet_effect_apply (effect, &src.image, &wrong, values, NULL,
                 NULL) == PET_ERROR_ARGUMENT);
  wrong = dst.image;
  wrong.channels = 3;
  tap_check (pet_effect_apply (effect, &src.image, &wrong, values, NULL,
                 NULL) == PET_ERROR_ARGUMENT);
  wrong = dst.image;
  wrong.stride_bytes = 15;
  tap_check (pet_effect_apply (effect, &src.image, &wrong, values, NULL,
                 NULL) == PET_ERROR_ARGUMENT);
  picture_free (&src);
  picture_free (&dst);
}

static void
refused_memory_is_reported (void)
{
  Picture src = picture_new (9, 9, 4, 0);
  double values[PET_EFFECT_MAX_PARAMS];

  picture_fill (&src.image, CONTENT_NOISE, ALPHA_OPAQUE);
  for (int i = 0; i < pet_effects_count; i++) {
    TestMemory memory = { .fail_at = 1 };
    PetAllocator allocator = test_memory_allocator (&memory);
    PetStatus want =
        pet_effects[i]->scratch_bytes != NULL ? PET_ERROR_MEMORY : PET_OK;

    pet_effect_defaults (pet_effects[i], values);
    tap_check (pet_effect_apply (pet_effects[i], &src.image, &src.image, values,
                   &allocator, NULL) == want);
    tap_check (memory.alive == 0);
  }
  picture_free (&src);
}

static void
sides_beyond_its_sums_are_refused (void)
{
  const PetEffect *retro8bit = pet_effect_find ("retro8bit");
  double values[PET_EFFECT_MAX_PARAMS];

  pet_effect_defaults (retro8bit, values);
  tap_check (retro8bit->scratch_bytes (6, 8421504, values) < (size_t) 1 << 40);
  tap_check (retro8bit->scratch_bytes (6, 8421505, values) == (size_t) -1);
  tap_check (retro8bit->scratch_bytes (8421505, 6, values) == (size_t) -1);
}

/* What docs/effects.md says about memory. */
static void
scratch_is_as_documented (void)
{
  static const double bytes_per_pixel[] = { 0.0, 0.35, 0.0, 0.32, 0.25 };
  double values[PET_EFFECT_MAX_PARAMS];

  for (int i = 0; i < pet_effects_count; i++) {
    const PetEffect *effect = pet_effects[i];
    size_t bytes = 0;

    pet_effect_defaults (effect, values);
    if (effect->scratch_bytes != NULL)
      bytes = effect->scratch_bytes (1152, 1536, values);
    printf ("# %s: %zu bytes of scratch, %.3f per pixel\n", effect->name, bytes,
        (double) bytes / (1152.0 * 1536.0));
    tap_check ((double) bytes <= bytes_per_pixel[i] * 1152.0 * 1536.0);
  }
}

static void
render_version (const PetEffect *version, const PetImage *src,
    const PetImage *dst, const double *values)
{
  size_t size = version->scratch_bytes != NULL
      ? version->scratch_bytes (src->width, src->height, values)
      : 0;
  TestMemory memory = { 0 };
  PetAllocator allocator = test_memory_allocator (&memory);
  void *scratch = size > 0 ? pet_alloc (&allocator, size) : NULL;

  version->render (src, dst, values, scratch);
  pet_free (&allocator, scratch, size);
}

static void
compare_values (
    const PetEffect *effect, const PetImage *image, const double *values)
{
  Picture want = picture_new (image->width, image->height, 4, 7);

  render_version (effect, image, &want.image, values);
  for (int isa = PET_ISA_AVX2; isa <= PET_ISA_AVX512; isa++) {
    const PetEffect *version = pet_effect_version (effect, (PetIsa) isa);
    Picture got = picture_new (image->width, image->height, 4, 4 * isa + 1);

    if (version != NULL) {
      render_version (version, image, &got.image, values);
      if (!picture_equal (&got.image, &want.image) ||
          !picture_guards_hold (&got))
        tap_fail ("%s, %s, %dx%d: not as in C", effect->name,
            pet_isa_name ((PetIsa) isa), image->width, image->height);
    }
    picture_free (&got);
  }
  picture_free (&want);
}

static void
compare_versions (const PetEffect *effect, const PetImage *image)
{
  double values[PET_EFFECT_MAX_PARAMS];

  pet_effect_defaults (effect, values);
  for (int k = 0; k < effect->n_params && tap_random_range (0, 2) == 0; k++)
    values[k] =
        tap_random_range (0, 1) ? effect->params[k].max : effect->params[k].min;
  compare_values (effect, image, values);
}

/* To the byte, grain included. */
static void
every_version_is_the_same (void)
{
  for (int n = 0; n < 60; n++) {
    int wide = n % 3 == 0 ? 300 : 40;
    Picture picture = picture_new (
        tap_random_range (1, wide), tap_random_range (1, 60), 4, n % 5);

    picture_fill (&picture.image, (PictureContent) (n % CONTENT_COUNT),
        (PictureAlpha) (n / CONTENT_COUNT % ALPHA_COUNT));
    for (int look = 0; look < pet_effects_count; look++)
      compare_versions (pet_effects[look], &picture.image);
    picture_free (&picture);
  }
}

/* Sides that are multiples of the cell have sums of their own. */
static void
cells_of_whole_pixels (void)
{
  double values[PET_EFFECT_MAX_PARAMS];

  for (int size = 1; size <= 16; size++) {
    Picture picture = picture_new (
        size * tap_random_range (1, 40), size * tap_random_range (1, 6), 4, 3);

    picture_fill (&picture.image, size % 2 ? CONTENT_NOISE : CONTENT_WAVES,
        size % 3 ? ALPHA_SOFT : ALPHA_OPAQUE);
    defaults_without_grain (pet_effects[4], values);
    set_value (pet_effects[4], values, "pixel-size", size);
    compare_with_oracle (4, &picture.image, values);
    compare_values (pet_effects[4], &picture.image, values);
    picture_free (&picture);
  }
}

static double
cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* Its vectors choose levels by other sums than the plain loop. */
static void
popart_of_all_colours (void)
{
  const int n_rows = 64;
  Picture picture = picture_new (4096, n_rows, 4, 3);
  double values[PET_EFFECT_MAX_PARAMS];

  for (int part = 0; part < 64 && tap_failures_ == 0; part++) {
    for (int i = 0; i < 4096 * n_rows; i++) {
      uint8_t *pixel = pet_image_row (&picture.image, i / 4096) + i % 4096 * 4;

      pixel[0] = (uint8_t) (4 * part + i / 65536);
      pixel[1] = (uint8_t) (i / 256);
      pixel[2] = (uint8_t) i;
      pixel[3] = (uint8_t) (i / 7);
    }
    compare_values (pet_effect_find ("popart"), &picture.image, values);
  }
  picture_free (&picture);
}

/* A colour of 299 R + 587 G + 114 B = luma, if there is one. */
static bool
find_color (int luma, uint8_t color[3])
{
  for (int g = 0; g < 256; g++)
    for (int b = 0; b < 256; b++) {
      int rest = luma - 587 * g - 114 * b;

      if (rest < 0 || rest % 299 != 0 || rest / 299 > 255)
        continue;
      color[0] = (uint8_t) (rest / 299);
      color[1] = (uint8_t) g;
      color[2] = (uint8_t) b;
      return true;
    }
  return false;
}

/* Flat pictures of 128 after the tone curve, or nearly so, are at their
 * thresholds: floats alone would not tell the side. */
static void
dots_at_thresholds (void)
{
  const PetEffect *effect = pet_effect_find ("dithering");
  double values[PET_EFFECT_MAX_PARAMS];
  Picture picture = picture_new (70, 40, 4, 1);

  pet_effect_defaults (effect, values);
  for (int luma = 54870; luma < 55470; luma++) {
    uint8_t color[4] = { [3] = 255 };

    if (!find_color (luma, color))
      continue;
    for (int i = 0; i < 70 * 40; i++)
      memcpy (pet_image_row (&picture.image, i / 70) + i % 70 * 4, color, 4);
    compare_values (effect, &picture.image, values);
  }
  picture_free (&picture);
}

/* Milliseconds of each version on an opaque picture of 1152x1536. */
static int
bench (void)
{
  Picture src = picture_new (1152, 1536, 4, 0);
  Picture dst = picture_new (1152, 1536, 4, 0);
  double values[PET_EFFECT_MAX_PARAMS];

  tap_state_ = 1;
  picture_fill (&src.image, CONTENT_WAVES, ALPHA_OPAQUE);
  for (int look = 0; look < pet_effects_count; look++)
    for (int isa = 0; isa <= PET_ISA_AVX512; isa++) {
      const PetEffect *version =
          pet_effect_version (pet_effects[look], (PetIsa) isa);
      double best = 1e9;

      if (version == NULL)
        continue;
      pet_effect_defaults (version, values);
      for (int n = 0; n < 9; n++) {
        double start = cpu_ms (), ms;

        render_version (version, &src.image, &dst.image, values);
        ms = cpu_ms () - start;
        best = ms < best ? ms : best;
      }
      printf ("%-20s %-8s %7.2f ms\n", version->name,
          pet_isa_name ((PetIsa) isa), best);
    }
  picture_free (&src);
  picture_free (&dst);
  return 0;
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (table_is_sane),
    TAP_TEST (shared_parameters_are_alike),
    TAP_TEST (agrees_on_every_content),
    TAP_TEST (agrees_on_every_size),
    TAP_TEST (agrees_on_every_extreme),
    TAP_TEST (lattices_and_cells_of_every_size),
    TAP_TEST (every_version_is_the_same),
    TAP_TEST (popart_of_all_colours),
    TAP_TEST (dots_at_thresholds),
    TAP_TEST (cells_of_whole_pixels),
    TAP_TEST (grain_follows_its_seed),
    TAP_TEST (grain_has_the_formulas_spread),
    TAP_TEST (bad_arguments_are_refused),
    TAP_TEST (refused_memory_is_reported),
    TAP_TEST (sides_beyond_its_sums_are_refused),
    TAP_TEST (scratch_is_as_documented),
  };

  if (argc == 2 && strcmp (argv[1], "--bench") == 0)
    return bench ();
  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
