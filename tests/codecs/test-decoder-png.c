/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lcms2.h>
#include <zlib.h>

#include "codec-files.h"
#include "codec-png-files.h"
#include "tap.h"

static bool
has_alpha (const PngRecipe *recipe)
{
  return recipe->transparent || (recipe->color_type & PNG_COLOR_MASK_ALPHA);
}

/* libpng scales 16 bits to 8 within half a step. */
static void
check_recipe (const PngRecipe *recipe)
{
  uint8_t *expected;
  Bytes bytes = make_png (recipe, &expected);
  Picture picture = decode_plainly (bytes);
  int orientation = recipe->orientation > 0 ? recipe->orientation : 1;
  int channels = has_alpha (recipe) ? 4 : 3, wrong = 0;

  if (picture.status != PET_OK) {
    tap_fail ("type %d depth %d: %s", recipe->color_type, recipe->depth,
        picture.error.message);
    goto done;
  }
  tap_check (picture.info.channels == channels);
  tap_check (picture.info.orientation == orientation);
  for (int y = 0; y < picture.info.height; y++)
    for (int x = 0; x < picture.info.width; x++) {
      int stored_x, stored_y;

      unturn (orientation, recipe->width, recipe->height, x, y, &stored_x,
          &stored_y);
      wrong += memcmp (expected + 4 * (stored_y * recipe->width + stored_x),
                   picture.data + channels * (y * picture.info.width + x),
                   (size_t) channels) != 0;
    }
  if (wrong > 0)
    tap_fail ("type %d depth %d interlaced %d transparent %d %dx%d: %d "
              "pixels are wrong",
        recipe->color_type, recipe->depth, recipe->interlaced,
        recipe->transparent, recipe->width, recipe->height, wrong);
  picture_free (&picture);
done:
  bytes_free (&bytes);
  free (expected);
}

static void
every_kind_is_read (void)
{
  static const int kinds[][2] = { { 0, 1 }, { 0, 2 }, { 0, 4 }, { 0, 8 },
    { 0, 16 }, { 2, 8 }, { 2, 16 }, { 3, 1 }, { 3, 2 }, { 3, 4 }, { 3, 8 },
    { 4, 8 }, { 4, 16 }, { 6, 8 }, { 6, 16 } };

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    for (int n = 0; n < 16; n++) {
      PngRecipe recipe = { .width = n < 4 ? 1 + n : tap_random_range (1, 60),
        .height = n < 4 ? 1 + n / 2 : tap_random_range (1, 60),
        .color_type = kinds[i][0],
        .depth = kinds[i][1],
        .interlaced = n % 2,
        .transparent = n % 4 >= 2 && !(kinds[i][0] & PNG_COLOR_MASK_ALPHA) };

      check_recipe (&recipe);
    }
}

static void
every_orientation_comes_upright (void)
{
  for (int orientation = 1; orientation <= 8; orientation++)
    for (int n = 0; n < 4; n++)
      check_recipe (&(PngRecipe){ .width = tap_random_range (1, 80),
          .height = tap_random_range (1, 80),
          .color_type = n % 2 ? 6 : 2,
          .depth = 8,
          .interlaced = n / 2,
          .orientation = orientation });
}

/* out = in ^ (1 / (gamma * 2.2)) */
static void
gamma_is_applied (void)
{
  static const int gammas[] = { 100000, 55000, 45455, 46500, 30000 };

  for (int i = 0; i < 5; i++)
    for (int depth = 8; depth <= 16; depth += 8) {
      uint8_t *expected;
      PngRecipe recipe = { .width = 32,
        .height = 32,
        .color_type = 0,
        .depth = depth,
        .gamma = gammas[i] };
      Bytes bytes = make_png (&recipe, &expected);
      Picture picture = decode_plainly (bytes);
      double power = 45455.0 / gammas[i];
      int wrong = 0;

      if (fabs (power - 1) < 0.05)
        power = 1;
      tap_check (picture.status == PET_OK);
      for (int p = 0; p < 32 * 32; p++) {
        double ideal = 255 * pow (expected[4 * p] / 255.0, power);
        double slope = power < 1 && expected[4 * p] < 24 ? 24 : 2;

        wrong += fabs (picture.data[3 * p] - ideal) > slope;
      }
      if (wrong > 0)
        tap_fail ("gamma %d depth %d: %d pixels", gammas[i], depth, wrong);
      picture_free (&picture);
      bytes_free (&bytes);
      free (expected);
    }
}

/* Display P3 with a plain gamma: another white would be adapted as well. */
static cmsHPROFILE
make_profile (double gamma)
{
  cmsCIExyY white = { 0.3127, 0.3290, 1.0 };
  cmsCIExyYTRIPLE primaries = { { 0.680, 0.320, 1 }, { 0.265, 0.690, 1 },
    { 0.150, 0.060, 1 } };
  cmsToneCurve *curve = cmsBuildGamma (NULL, gamma);
  cmsToneCurve *curves[3] = { curve, curve, curve };
  cmsHPROFILE profile = cmsCreateRGBProfile (&white, &primaries, curves);

  cmsFreeToneCurve (curve);
  return profile;
}

static void
check_profile (cmsHPROFILE profile, int color_type)
{
  cmsHPROFILE srgb = cmsCreate_sRGBProfile ();
  cmsHTRANSFORM transform = cmsCreateTransform (profile, TYPE_RGBA_8, srgb,
      TYPE_RGBA_8, INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_COPY_ALPHA);
  cmsUInt32Number size = 0;
  PngRecipe recipe = {
    .width = 50, .height = 50, .color_type = color_type, .depth = 8
  };
  uint8_t *expected, *icc;
  Bytes bytes;
  Picture picture;
  int channels = has_alpha (&recipe) ? 4 : 3, worst = 0;

  cmsSaveProfileToMem (profile, NULL, &size);
  icc = malloc (size);
  cmsSaveProfileToMem (profile, icc, &size);
  recipe.icc = icc;
  recipe.icc_size = size;
  bytes = make_png (&recipe, &expected);
  picture = decode_plainly (bytes);
  cmsDoTransform (transform, expected, expected, 50 * 50);
  for (int i = 0; picture.data != NULL && i < 50 * 50; i++)
    for (int c = 0; c < channels; c++) {
      int difference =
          abs (picture.data[channels * i + c] - expected[4 * i + c]);

      worst = difference > worst ? difference : worst;
    }
  if (picture.status != PET_OK || worst > 1)
    tap_fail (
        "type %d: off by %d %s", color_type, worst, picture.error.message);
  picture_free (&picture);
  bytes_free (&bytes);
  free (expected);
  free (icc);
  cmsDeleteTransform (transform);
  cmsCloseProfile (srgb);
}

static void
profiles_are_applied (void)
{
  static const double gammas[] = { 1.0, 1.8, 2.2 };

  for (int i = 0; i < 3; i++) {
    cmsHPROFILE profile = make_profile (gammas[i]);

    check_profile (profile, PNG_COLOR_TYPE_RGB);
    check_profile (profile, PNG_COLOR_TYPE_RGBA);
    cmsCloseProfile (profile);
  }
}

static void
max_size_reduces (void)
{
  for (int n = 0; n < 10; n++) {
    PngRecipe recipe = { .width = tap_random_range (50, 200),
      .height = tap_random_range (50, 200),
      .color_type = n % 2 ? 6 : 2,
      .depth = 8,
      .interlaced = n % 3 == 0,
      .orientation = n % 8 + 1 };
    Bytes bytes = make_png (&recipe, NULL);
    PetDecodeOptions options;
    Picture picture;

    pet_decode_options_init (&options);
    options.max_size = 40;
    picture = decode (bytes, &options);
    tap_check (picture.status == PET_OK);
    tap_check (picture.info.width == 40 || picture.info.height == 40);
    tap_check (picture.info.width <= 40 && picture.info.height <= 40);
    picture_free (&picture);
    bytes_free (&bytes);
  }
}

static void
put_crc (uint8_t *chunk, size_t length)
{
  unsigned long crc = crc32 (0, chunk + 4, (unsigned) length + 4);

  for (int i = 0; i < 4; i++)
    chunk[8 + length + (size_t) i] = (uint8_t) (crc >> (24 - 8 * i));
}

/* A chunk with any CRC, for files that are wrong on purpose. */
static Bytes
insert_chunk (Bytes png, size_t offset, const char *type, size_t length)
{
  Bytes bytes = { calloc (1, png.size + length + 12), png.size + length + 12 };
  uint8_t *chunk = bytes.data + offset;

  memcpy (bytes.data, png.data, offset);
  for (int i = 0; i < 4; i++)
    chunk[i] = (uint8_t) (length >> (24 - 8 * i));
  memcpy (chunk + 4, type, 4);
  put_crc (chunk, length);
  memcpy (chunk + 12 + length, png.data + offset, png.size - offset);
  return bytes;
}

#define IHDR_END 33

/* All pixels beyond the two colours that are left are black. */
static void
palette_index_beyond_the_palette_is_black (void)
{
  PngRecipe recipe = { .width = 16, .height = 16, .color_type = 3, .depth = 4 };
  size_t old_palette = 12 + 16 * 3;
  uint8_t *expected;
  Bytes png = make_png (&recipe, &expected);
  Bytes bytes;
  Picture picture;

  memmove (png.data + IHDR_END, png.data + IHDR_END + old_palette,
      png.size - IHDR_END - old_palette);
  png.size -= old_palette;
  bytes = insert_chunk (png, IHDR_END, "PLTE", 2 * 3);
  picture = decode_plainly (bytes);
  tap_check (picture.status == PET_OK);
  for (int i = 0; picture.data != NULL && i < 16 * 16 * 3; i++)
    tap_check (picture.data[i] == 0);
  picture_free (&picture);
  bytes_free (&png);
  bytes_free (&bytes);
  free (expected);
}

static void
odd_chunks_are_judged (void)
{
  PngRecipe recipe = { .width = 16, .height = 16, .color_type = 2, .depth = 8 };
  Bytes png = make_png (&recipe, NULL);
  static const struct {
    const char *type;
    size_t length;
    PetStatus status;
  } cases[] = {
    { "teST", 100, PET_OK },
    { "acTL", 8, PET_OK },
    { "zTXt", 100, PET_OK },
    { "TEST", 10, PET_ERROR_CORRUPT },
    { "IHDR", 13, PET_ERROR_CORRUPT },
    { "IEND", 0, PET_ERROR_CORRUPT },
    { "CgBI", 4, PET_ERROR_CORRUPT },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Bytes bytes = insert_chunk (png, IHDR_END, cases[i].type, cases[i].length);
    Picture picture = decode_plainly (bytes);

    if (picture.status != cases[i].status)
      tap_fail ("%s: %s", cases[i].type, picture.error.message);
    picture_free (&picture);
    bytes_free (&bytes);
  }
  bytes_free (&png);
}

static void
what_follows_the_picture_is_ignored (void)
{
  PngRecipe recipe = { .width = 9, .height = 9, .color_type = 2, .depth = 8 };
  Bytes png = make_png (&recipe, NULL);
  Bytes longer = { calloc (1, png.size + 1000), png.size + 1000 };
  Picture picture;

  memcpy (longer.data, png.data, png.size);
  memcpy (longer.data + png.size, png.data, png.size < 1000 ? png.size : 1000);
  picture = decode_plainly (longer);
  tap_check (picture.status == PET_OK);
  picture_free (&picture);
  bytes_free (&png);
  bytes_free (&longer);
}

/* In floating point: red and blue change places. */
static void
add_pipeline (cmsHPROFILE profile)
{
  static const double swap[9] = { 0, 0, 1, 0, 1, 0, 1, 0, 0 };
  cmsPipeline *pipeline = cmsPipelineAlloc (NULL, 3, 3);

  cmsPipelineInsertStage (
      pipeline, cmsAT_END, cmsStageAllocMatrix (NULL, 3, 3, swap, NULL));
  cmsSetProfileVersion (profile, 4.3);
  tap_check (cmsWriteTag (profile, cmsSigDToB0Tag, pipeline));
  tap_check (cmsWriteTag (profile, cmsSigDToB1Tag, pipeline));
  cmsPipelineFree (pipeline);
}

/* Display P3's, as a chunk has them. */
static const uint32_t p3_chromaticities[8] = { 31270, 32900, 68000, 32000,
  26500, 69000, 15000, 6000 };

static Bytes
p3_profile (bool with_pipeline)
{
  cmsCIExyY white = { 0.3127, 0.3290, 1.0 };
  cmsCIExyYTRIPLE primaries = { { 0.680, 0.320, 1 }, { 0.265, 0.690, 1 },
    { 0.150, 0.060, 1 } };
  cmsFloat64Number numbers[5] = { 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92,
    0.04045 };
  cmsToneCurve *curve = cmsBuildParametricToneCurve (NULL, 4, numbers);
  cmsToneCurve *curves[3] = { curve, curve, curve };
  cmsHPROFILE profile = cmsCreateRGBProfile (&white, &primaries, curves);
  cmsUInt32Number size = 0;
  Bytes bytes;

  if (with_pipeline)
    add_pipeline (profile);
  cmsSaveProfileToMem (profile, NULL, &size);
  bytes = (Bytes){ malloc (size), size };
  cmsSaveProfileToMem (profile, bytes.data, &size);
  cmsCloseProfile (profile);
  cmsFreeToneCurve (curve);
  return bytes;
}

/* The picture of `recipe` and noise `seed`, with a chunk if there is one. */
static Picture
decode_described (const PngRecipe *recipe, const char *type,
    const uint8_t *data, size_t length)
{
  uint64_t kept = tap_state_;
  Bytes png = make_png (recipe, NULL), bytes;
  Picture picture;

  tap_state_ = kept;
  if (type == NULL) {
    picture = decode_plainly (png);
    bytes_free (&png);
    return picture;
  }
  bytes = insert_chunk (png, IHDR_END, type, length);
  memcpy (bytes.data + IHDR_END + 8, data, length);
  put_crc (bytes.data + IHDR_END, length);
  picture = decode_plainly (bytes);
  bytes_free (&png);
  bytes_free (&bytes);
  return picture;
}

static int
largest_difference (const Picture *a, const Picture *b)
{
  size_t size = (size_t) a->info.width * (size_t) a->info.height *
      (size_t) a->info.channels;
  int largest = 0;

  if (a->data == NULL || b->data == NULL ||
      a->info.channels != b->info.channels)
    return 256;
  for (size_t i = 0; i < size; i++)
    if (abs (a->data[i] - b->data[i]) > largest)
      largest = abs (a->data[i] - b->data[i]);
  return largest;
}

/* A profile, chromaticities and code points that say the same. */
static void
described_colours_agree_with_a_profile (void)
{
  Bytes profile = p3_profile (false);
  uint8_t chrm[32];

  for (int i = 0; i < 32; i++)
    chrm[i] = (uint8_t) (p3_chromaticities[i / 4] >> (24 - 8 * (i % 4)));
  for (int n = 0; n < 4; n++) {
    PngRecipe plain = { .width = 40,
      .height = 30,
      .color_type = n % 2 ? 6 : 2,
      .depth = n / 2 ? 16 : 8 };
    PngRecipe with_profile = plain;
    Picture pictures[4];

    with_profile.icc = profile.data;
    with_profile.icc_size = profile.size;
    pictures[0] = decode_described (&with_profile, NULL, NULL, 0);
    pictures[1] = decode_described (&plain, "cHRM", chrm, 32);
    pictures[2] =
        decode_described (&plain, "cICP", (uint8_t[]){ 12, 13, 0, 1 }, 4);
    pictures[3] = decode_described (&plain, NULL, NULL, 0);
    tap_check (largest_difference (&pictures[0], &pictures[1]) <= 2);
    tap_check (largest_difference (&pictures[0], &pictures[2]) <= 2);
    tap_check (largest_difference (&pictures[0], &pictures[3]) > 20);
    for (int i = 0; i < 4; i++)
      picture_free (&pictures[i]);
  }
  bytes_free (&profile);
}

/* What such a profile says besides is what counts. */
static void
float_pipelines_are_left_out (void)
{
  PngRecipe recipe = { .width = 40, .height = 30, .color_type = 2, .depth = 8 };
  Picture pictures[2];

  for (int i = 0; i < 2; i++) {
    Bytes profile = p3_profile (i == 1);

    recipe.icc = profile.data;
    recipe.icc_size = profile.size;
    tap_state_ = 1;
    pictures[i] = decode_described (&recipe, NULL, NULL, 0);
    bytes_free (&profile);
  }
  tap_check (largest_difference (&pictures[0], &pictures[1]) == 0);
  picture_free (&pictures[0]);
  picture_free (&pictures[1]);
}

/* Once it is applied or, as this one for its size, ignored. */
static void
profiles_are_not_held (void)
{
  Bytes small = p3_profile (false);
  size_t size = 5 << 20;
  PngRecipe recipe = {
    .width = 40, .height = 30, .color_type = 2, .depth = 8, .icc_size = size
  };
  uint8_t *profile = calloc (1, size);
  PetDecodeOptions options;
  TestAllocator memory;
  PetDecoder *decoder;
  Bytes png;

  memcpy (profile, small.data, small.size);
  memcpy (profile, "\0\x50\0\0", 4);
  recipe.icc = profile;
  png = make_png (&recipe, NULL);
  test_allocator_init (&memory, 0x11);
  pet_decode_options_init (&options);
  options.allocator = &memory.allocator;
  tap_check (pet_decoder_open (
                 &options, png.data, png.size, &decoder, NULL, NULL) == PET_OK);
  tap_check (memory.peak > size && memory.used < 200000);
  pet_decoder_free (&decoder);
  bytes_free (&png);
  bytes_free (&small);
  free (profile);
}

/* Of one value each: what becomes of it by hand. */
static void
curves_are_applied (void)
{
  static const struct {
    uint8_t primaries, transfer, full_range;
    int grey, expected;
  } cases[] = {
    { 1, 13, 1, 100, 100 }, /* sRGB */
    { 1, 8, 1, 128, 188 },  /* linear */
    { 1, 4, 1, 128, 129 },  /* gamma 2.2 */
    { 1, 16, 1, 148, 255 }, /* PQ: white of 203 cd/m2 at 0.58 */
    { 1, 16, 1, 255, 255 }, /* and what is lighter */
    { 1, 16, 1, 0, 0 }, { 9, 18, 1, 191, 255 }, /* HLG: the same at 0.75 */
    { 1, 8, 0, 128, 128 },                      /* not for PNG: ignored */
    { 99, 13, 1, 100, 100 },                    /* unknown: ignored */
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    PngRecipe recipe = {
      .width = 16, .height = 16, .color_type = 3, .depth = 8, .n_palette = 1
    };
    uint8_t points[4] = { cases[i].primaries, cases[i].transfer, 0,
      cases[i].full_range };
    Bytes png = make_png (&recipe, NULL), bytes;
    Picture picture;

    memset (png.data + IHDR_END + 8, cases[i].grey, 3);
    put_crc (png.data + IHDR_END, 3);
    bytes = insert_chunk (png, IHDR_END, "cICP", 4);
    memcpy (bytes.data + IHDR_END + 8, points, 4);
    put_crc (bytes.data + IHDR_END, 4);
    picture = decode_plainly (bytes);
    if (picture.data == NULL || abs (picture.data[0] - cases[i].expected) > 1 ||
        picture.data[0] != picture.data[1] ||
        picture.data[0] != picture.data[2])
      tap_fail ("case %zu: %d,%d,%d instead of %d %s", i, picture.data[0],
          picture.data[1], picture.data[2], cases[i].expected,
          picture.error.message);
    picture_free (&picture);
    bytes_free (&png);
    bytes_free (&bytes);
  }
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (every_kind_is_read),
    TAP_TEST (every_orientation_comes_upright),
    TAP_TEST (gamma_is_applied),
    TAP_TEST (profiles_are_applied),
    TAP_TEST (described_colours_agree_with_a_profile),
    TAP_TEST (float_pipelines_are_left_out),
    TAP_TEST (profiles_are_not_held),
    TAP_TEST (curves_are_applied),
    TAP_TEST (max_size_reduces),
    TAP_TEST (palette_index_beyond_the_palette_is_black),
    TAP_TEST (odd_chunks_are_judged),
    TAP_TEST (what_follows_the_picture_is_ignored),
  };

  return tap_run (tests, sizeof tests / sizeof *tests, argc, argv);
}
