/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE

#include <png.h>
#include <string.h>

#include "meta/gstpetsourcemeta.h"
#include "pictures.h"

static GstBuffer *
encode (const gchar *settings, const gchar *format, gint width, gint height,
    GstBuffer *picture)
{
  g_autofree gchar *launch = g_strdup_printf ("petpngenc %s", settings);
  GstHarness *h = gst_harness_new_parse (launch);
  GstBuffer *file;

  gst_harness_set_src_caps (h, picture_caps (format, width, height));
  g_assert_cmpint (gst_harness_push (h, picture), ==, GST_FLOW_OK);
  file = gst_harness_pull (h);
  gst_harness_teardown (h);
  return file;
}

/* Decodes with libpng to RGBA. */
static guint8 *
decode (GstBuffer *file, gint *width, gint *height)
{
  png_image image = { .version = PNG_IMAGE_VERSION };
  GstMapInfo map;
  guint8 *pixels;

  gst_buffer_map (file, &map, GST_MAP_READ);
  g_assert_true (png_image_begin_read_from_memory (&image, map.data, map.size));
  image.format = PNG_FORMAT_RGBA;
  pixels = g_malloc (PNG_IMAGE_SIZE (image));
  g_assert_true (png_image_finish_read (&image, NULL, pixels, 0, NULL));
  *width = (gint) image.width;
  *height = (gint) image.height;
  gst_buffer_unmap (file, &map);
  return pixels;
}

static guint8
ihdr_byte (GstBuffer *file, gsize offset)
{
  guint8 byte;

  gst_buffer_extract (file, offset, &byte, 1);
  return byte;
}

#define COLOR_TYPE 25
#define BIT_DEPTH 24

static void
pixels_survive_at_every_level (void)
{
  for (gint level = 0; level <= 9; level += 3) {
    g_autofree gchar *setting = g_strdup_printf ("level=%d", level);
    GstBuffer *picture = picture_cutout (61, 47, 8);
    GstBuffer *file =
        encode (setting, "RGBA", 61, 47, gst_buffer_ref (picture));
    gint width, height;
    g_autofree guint8 *pixels = decode (file, &width, &height);

    g_assert_cmpint (width, ==, 61);
    g_assert_cmpint (height, ==, 47);
    g_assert_cmpint (
        gst_buffer_memcmp (picture, 0, pixels, 61 * 47 * 4), ==, 0);
    gst_buffer_unref (file);
    gst_buffer_unref (picture);
  }
}

static GstBuffer *
flat (gint channels, gint width, gint height, const guint8 *a, const guint8 *b)
{
  gint stride = (width * channels + 3) & ~3;
  guint8 *pixels = g_malloc0 ((gsize) (stride * height));

  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++)
      memcpy (pixels + y * stride + x * channels, (x + y) % 2 ? a : b,
          (gsize) channels);
  return gst_buffer_new_wrapped (pixels, (gsize) (stride * height));
}

static void
the_smallest_colour_type_is_chosen (void)
{
  static const guint8 black[] = { 0, 0, 0, 255 };
  static const guint8 white[] = { 255, 255, 255, 255 };
  static const guint8 red[] = { 200, 10, 10, 255 };
  static const guint8 clear[] = { 0, 0, 0, 0 };
  GstBuffer *file;

  file = encode ("", "RGBA", 30, 20, flat (4, 30, 20, black, white));
  g_assert_cmpuint (ihdr_byte (file, BIT_DEPTH), ==, 1);
  gst_buffer_unref (file);
  file = encode ("", "RGBA", 30, 20, flat (4, 30, 20, red, clear));
  g_assert_cmpuint (ihdr_byte (file, COLOR_TYPE), ==, 3);
  g_assert_cmpuint (ihdr_byte (file, BIT_DEPTH), ==, 1);
  gst_buffer_unref (file);
  file = encode ("", "RGB", 31, 20, flat (3, 31, 20, red, black));
  g_assert_cmpuint (ihdr_byte (file, COLOR_TYPE), ==, 3);
  gst_buffer_unref (file);
  file = encode ("", "RGBA", 200, 200, picture_cutout (200, 200, 3));
  g_assert_cmpuint (ihdr_byte (file, COLOR_TYPE), ==, 6);
  gst_buffer_unref (file);
}

/* Noise does not compress: the file grows through several blocks. */
static void
large_files_come_whole (void)
{
  const gint size = 700;
  GRand *rand = g_rand_new_with_seed (1);
  gsize bytes = (gsize) size * size * 4;
  guint32 *pixels = g_malloc (bytes);
  GstBuffer *picture, *file;
  g_autofree guint8 *got = NULL;
  gint width, height;

  for (gint i = 0; i < size * size; i++)
    pixels[i] = g_rand_int (rand);
  g_rand_free (rand);
  picture = gst_buffer_new_wrapped (pixels, bytes);
  file = encode ("level=1", "RGBA", size, size, gst_buffer_ref (picture));
  g_assert_cmpuint (gst_buffer_n_memory (file), >, 2);
  got = decode (file, &width, &height);
  g_assert_cmpint (gst_buffer_memcmp (picture, 0, got, bytes), ==, 0);
  gst_buffer_unref (file);
  gst_buffer_unref (picture);
}

static gboolean
contains (GstBuffer *file, const gchar *text, gsize length)
{
  GstMapInfo map;
  gboolean found;

  gst_buffer_map (file, &map, GST_MAP_READ);
  found = memmem (map.data, map.size, text, length) != NULL;
  gst_buffer_unmap (file, &map);
  return found;
}

static void
print_facts_are_in_the_file (void)
{
  GstBuffer *file = encode (
      "dpi=300 software=me", "RGBA", 20, 20, picture_cutout (20, 20, 1));
  GstBuffer *bare =
      encode ("software=\"\"", "RGBA", 20, 20, picture_cutout (20, 20, 1));

  GstBuffer *latin = encode ("software=\"M\303\274ller \342\202\254\"", "RGBA",
      20, 20, picture_cutout (20, 20, 1));

  g_assert_true (contains (latin, "Software\0M\374ller ?", 17));
  gst_buffer_unref (latin);
  g_assert_true (contains (file, "sRGB", 4));
  /* 300 dots per inch are 11811 per metre. */
  g_assert_true (contains (file, "pHYs\0\0\x2e\x23", 8));
  g_assert_true (contains (file, "Software\0me", 11));
  g_assert_false (contains (bare, "pHYs", 4));
  g_assert_false (contains (bare, "Software", 8));
  gst_buffer_unref (file);
  gst_buffer_unref (bare);
}

static void
times_and_source_stay (void)
{
  GstBuffer *picture = picture_cutout (9, 9, 1);
  GstBuffer *file;

  GST_BUFFER_PTS (picture) = 5 * GST_SECOND;
  gst_pet_buffer_add_source_meta (picture, "d/e.png", 2, 3);
  file = encode ("", "RGBA", 9, 9, picture);
  g_assert_cmpuint (GST_BUFFER_PTS (file), ==, 5 * GST_SECOND);
  g_assert_cmpstr (
      gst_pet_buffer_get_source_meta (file)->source, ==, "d/e.png");
  gst_buffer_unref (file);
}

static void
add_tests (void)
{
#define ADD(name, function) g_test_add_func ("/petpngenc/" name, function)
  ADD ("pixels-survive-at-every-level", pixels_survive_at_every_level);
  ADD (
      "the-smallest-colour-type-is-chosen", the_smallest_colour_type_is_chosen);
  ADD ("large-files-come-whole", large_files_come_whole);
  ADD ("print-facts-are-in-the-file", print_facts_are_in_the_file);
  ADD ("times-and-source-stay", times_and_source_stay);
#undef ADD
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
