/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "pictures.h"

#include <glib/gstdio.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>

#include "gstmemgate.h"
#include "gstpetdec.h"
#include "gstpeteffect.h"
#include "gstpetfilesink.h"
#include "gstpetfoldersrc.h"
#include "gstpetpngenc.h"
#include "gstpetsegment.h"

static guint8
pattern (gint x, gint y, gint channel, guint seed)
{
  gdouble phase = (gdouble) (seed % 97) * 0.7 + channel * 2.1;

  return (guint8) (127.5 +
      100 * sin (x * 0.05 + phase) * cos (y * 0.04 + phase * 0.5) + 20);
}

GBytes *
picture_jpeg (gint width, gint height, guint seed)
{
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr errors;
  unsigned char *bytes = NULL;
  unsigned long size = 0;
  g_autofree guint8 *row = g_malloc ((gsize) width * 3);
  JSAMPROW rows[] = { row };
  GBytes *result;

  cinfo.err = jpeg_std_error (&errors);
  jpeg_create_compress (&cinfo);
  jpeg_mem_dest (&cinfo, &bytes, &size);
  cinfo.image_width = (JDIMENSION) width;
  cinfo.image_height = (JDIMENSION) height;
  cinfo.input_components = 3;
  cinfo.in_color_space = JCS_RGB;
  jpeg_set_defaults (&cinfo);
  jpeg_set_quality (&cinfo, 95, TRUE);
  jpeg_start_compress (&cinfo, TRUE);
  for (gint y = 0; y < height; y++) {
    for (gint x = 0; x < width * 3; x++)
      row[x] = pattern (x / 3, y, x % 3, seed);
    jpeg_write_scanlines (&cinfo, rows, 1);
  }
  jpeg_finish_compress (&cinfo);
  jpeg_destroy_compress (&cinfo);
  result = g_bytes_new (bytes, size);
  free (bytes);
  return result;
}

GBytes *
picture_png (gint width, gint height, gint channels, guint seed)
{
  png_image image = { .version = PNG_IMAGE_VERSION,
    .width = (png_uint_32) width,
    .height = (png_uint_32) height,
    .format = channels == 1 ? PNG_FORMAT_GRAY
        : channels == 3     ? PNG_FORMAT_RGB
                            : PNG_FORMAT_RGBA };
  g_autofree guint8 *pixels =
      g_malloc ((gsize) width * (gsize) height * (gsize) channels);
  png_alloc_size_t size = 0;
  gpointer bytes;

  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width * channels; x++)
      pixels[y * width * channels + x] =
          pattern (x / channels, y, x % channels, seed);
  g_assert_true (
      png_image_write_get_memory_size (image, size, 0, pixels, 0, NULL));
  bytes = g_malloc (size);
  g_assert_true (
      png_image_write_to_memory (&image, bytes, &size, 0, pixels, 0, NULL));
  return g_bytes_new_take (bytes, size);
}

GstBuffer *
picture_cutout (gint width, gint height, guint seed)
{
  gsize size = (gsize) width * (gsize) height * 4;
  guint8 *pixels = g_malloc (size);

  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++) {
      guint8 *p = pixels + (y * width + x) * 4;
      gdouble dx = (x + 0.5) / width - 0.5, dy = (y + 0.5) / height - 0.5;
      gdouble edge = (0.45 - sqrt (dx * dx + dy * dy)) * 20 + 0.5;

      for (gint c = 0; c < 3; c++)
        p[c] = pattern (x, y, c, seed);
      p[3] = (guint8) (255 * CLAMP (edge, 0, 1));
    }
  return gst_buffer_new_wrapped (pixels, size);
}

GstCaps *
picture_caps (const gchar *format, gint width, gint height)
{
  return gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, format,
      "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate",
      GST_TYPE_FRACTION, 0, 1, NULL);
}

GstBuffer *
buffer_from_bytes (GBytes *bytes)
{
  return gst_buffer_new_wrapped_bytes (bytes);
}

GstHarness *
harness_with_bus (const gchar *element)
{
  GstHarness *harness = gst_harness_new (element);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (harness->element, bus);
  gst_object_unref (bus);
  return harness;
}

void
harness_with_bus_free (GstHarness *harness)
{
  gst_element_set_bus (harness->element, NULL);
  gst_harness_teardown (harness);
}

GstMessage *
harness_pop_message (GstHarness *harness, const gchar *name)
{
  GstBus *bus = gst_element_get_bus (harness->element);
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT)) != NULL) {
    if (gst_message_has_name (message, name))
      break;
    gst_message_unref (message);
  }
  gst_object_unref (bus);
  return message;
}

guint
harness_count_messages (GstHarness *harness, GstMessageType type)
{
  GstBus *bus = gst_element_get_bus (harness->element);
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, type)) != NULL) {
    gst_message_unref (message);
    n++;
  }
  gst_object_unref (bus);
  return n;
}

gchar *
make_folder (void)
{
  gchar *folder = g_dir_make_tmp ("pet-test-XXXXXX", NULL);

  g_assert_nonnull (folder);
  return folder;
}

void
remove_tree (const gchar *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree gchar *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR) &&
        !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      remove_tree (path);
    else
      g_unlink (path);
  }
  g_clear_pointer (&dir, g_dir_close);
  g_rmdir (folder);
}

void
write_file (const gchar *folder, const gchar *name, GBytes *bytes)
{
  g_autofree gchar *path = g_build_filename (folder, name, NULL);
  g_autofree gchar *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0777), ==, 0);
  g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
      (gssize) g_bytes_get_size (bytes), NULL));
}

void
run_until (GstElement *pipeline, GstMessageType end)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (
      bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, end);
  gst_message_unref (message);
  gst_object_unref (bus);
}

int
run_tests (int argc, char **argv, void (*add_tests) (void))
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  GST_ELEMENT_REGISTER (petfoldersrc, NULL);
  GST_ELEMENT_REGISTER (petdec, NULL);
  GST_ELEMENT_REGISTER (petsegment, NULL);
  GST_ELEMENT_REGISTER (memgate, NULL);
  GST_ELEMENT_REGISTER (peteffect, NULL);
  GST_ELEMENT_REGISTER (petpngenc, NULL);
  GST_ELEMENT_REGISTER (petfilesink, NULL);
  add_tests ();
  return g_test_run ();
}
