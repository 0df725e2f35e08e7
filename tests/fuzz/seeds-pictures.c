/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "seeds.h"

#include "codecs/codec-png-files.h"

static void
give (FuzzSeed seed, void *user, const char *name, Bytes bytes)
{
  seed (user, name, bytes.data, bytes.size);
  bytes_free (&bytes);
}

void
seeds_jpeg (FuzzSeed seed, void *user)
{
  static const struct {
    const char *name;
    JpegRecipe recipe;
  } files[] = {
    { "grey", { .n_components = 1 } },
    { "444", { .n_components = 3 } },
    { "420-exif",
        { .n_components = 3, .h = { 2 }, .v = { 2 }, .orientation = 6 } },
    { "411-restart", { .n_components = 3, .h = { 4 }, .restart_interval = 1 } },
    { "440",
        { .n_components = 3,
            .v = { 2 },
            .orientation = 3,
            .big_endian = true } },
    { "odd", { .n_components = 3, .h = { 1, 2, 2 }, .v = { 1, 2, 2 } } },
    { "rgb", { .n_components = 3, .rgb = true } },
    { "cmyk", { .n_components = 4, .no_adobe = true } },
    { "ycck", { .n_components = 4, .h = { 2 }, .v = { 2 } } },
    { "progressive", { .n_components = 3, .progressive = true } },
    { "progressive-420",
        { .n_components = 3,
            .h = { 2 },
            .v = { 2 },
            .progressive = true,
            .restart_interval = 2 } },
    { "progressive-grey", { .n_components = 1, .progressive = true } },
    { "progressive-cmyk", { .n_components = 4, .progressive = true } },
    { "one-scan-each",
        { .n_components = 3, .h = { 2 }, .one_scan_each = true } },
    { "arithmetic", { .n_components = 3, .arithmetic = true } },
    { "long-grey", { .width = 60, .height = 90, .n_components = 1 } },
    { "long-420",
        { .width = 70,
            .height = 80,
            .n_components = 3,
            .h = { 2 },
            .v = { 2 } } },
    { "long-444-restart",
        { .width = 50,
            .height = 70,
            .n_components = 3,
            .restart_interval = 5 } },
  };

  tap_state_ = 4711;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    JpegRecipe recipe = files[i].recipe;

    if (recipe.width == 0) {
      recipe.width = 19 + (int) i % 3 * 8;
      recipe.height = 21 - (int) i % 4 * 5;
    } else {
      recipe.quality = 99;
    }
    give (seed, user, files[i].name, make_jpeg (&recipe));
  }
}

void
seeds_png (FuzzSeed seed, void *user)
{
  static const int kinds[][2] = { { 0, 1 }, { 0, 2 }, { 0, 4 }, { 0, 8 },
    { 0, 16 }, { 2, 8 }, { 2, 16 }, { 3, 1 }, { 3, 2 }, { 3, 4 }, { 3, 8 },
    { 4, 8 }, { 4, 16 }, { 6, 8 }, { 6, 16 } };

  tap_state_ = 4712;
  for (int i = 0; i < 2 * (int) (sizeof kinds / sizeof *kinds); i++) {
    const int *kind = kinds[i / 2];
    char name[32];
    PngRecipe recipe = { .width = 3 + i % 11,
      .height = 2 + i % 7,
      .color_type = kind[0],
      .depth = kind[1],
      .interlaced = i % 2 == 1,
      .transparent = kind[0] < 4 && i % 4 < 2,
      .gamma = i % 5 == 0 ? 100000 : 0,
      .orientation = i % 6 == 0 ? i % 8 + 1 : 0 };

    snprintf (name, sizeof name, "type%d-depth%d%s", kind[0], kind[1],
        recipe.interlaced ? "-interlaced" : "");
    give (seed, user, name, make_png (&recipe, NULL));
  }
}
