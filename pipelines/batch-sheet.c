/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-sheet.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pet-folder.h"
#include "meta/gstpetsourcemeta.h"

#define CELL 160
#define GAP 8
#define PITCH (CELL + GAP)
#define MAX_RESULT_BYTES ((guint64) 1 << 30)
#define READ_TIMEOUT (60 * GST_SECOND)

/* Photos side by side. */
#define SHEET_COLUMNS 2

static const guint8 paper = 250, light = 255, dark = 224;

typedef struct {
  const BatchOptions *options;
  GPtrArray *items;
  const guint32 *made;

  GstElement *pipeline, *source, *sink;
  GstBus *bus;

  guint width, height;
  guint8 *strip; /* PITCH rows of RGB */
  FILE *file;
  gint problem; /* errno of what could not be written, or 0 */
  png_structp png;
  png_infop info;
} Sheet;

static gboolean
fail (GError **error, const gchar *path, const gchar *text)
{
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", path, text);
  return FALSE;
}

static gboolean
start_reader (Sheet *sheet, GError **error)
{
  g_autofree gchar *line =
      g_strdup_printf ("appsrc name=source format=time max-bytes=0 "
                       "! petdec on-error=skip max-size=%d "
                       "! video/x-raw,format=RGBA "
                       "! appsink name=sink sync=false async=false",
          CELL);

  sheet->pipeline = gst_parse_launch (line, error);
  if (sheet->pipeline == NULL)
    return FALSE;
  sheet->source = gst_bin_get_by_name (GST_BIN (sheet->pipeline), "source");
  sheet->sink = gst_bin_get_by_name (GST_BIN (sheet->pipeline), "sink");
  sheet->bus = gst_element_get_bus (sheet->pipeline);
  gst_element_set_state (sheet->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

static void
stop_reader (Sheet *sheet)
{
  if (sheet->pipeline == NULL)
    return;
  gst_element_set_state (sheet->pipeline, GST_STATE_NULL);
  gst_object_unref (sheet->bus);
  gst_object_unref (sheet->source);
  gst_object_unref (sheet->sink);
  gst_object_unref (sheet->pipeline);
}

/* TRUE when petdec says that the file became a picture. */
static gboolean
await_picture (Sheet *sheet)
{
  GstMessage *message = gst_bus_timed_pop_filtered (
      sheet->bus, READ_TIMEOUT, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
  gboolean ok = FALSE;

  if (message == NULL)
    return FALSE;
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT)
    ok = g_strcmp0 (gst_structure_get_string (
                        gst_message_get_structure (message), "status"),
             "ok") == 0;
  gst_message_unref (message);
  return ok;
}

/* The result reduced to a cell, or NULL. */
static GstSample *
read_result (Sheet *sheet, const gchar *path)
{
  GstBuffer *buffer;
  PetError failure;
  uint8_t *bytes;
  size_t size;

  if (pet_file_read (path, MAX_RESULT_BYTES, &bytes, &size, &failure) != PET_OK)
    return NULL;
  buffer = gst_buffer_new_wrapped_full (
      GST_MEMORY_FLAG_READONLY, bytes, size, 0, size, bytes, free);
  gst_pet_buffer_add_source_meta (buffer, path, 0, 0);
  if (gst_app_src_push_buffer (GST_APP_SRC (sheet->source), buffer) !=
          GST_FLOW_OK ||
      !await_picture (sheet))
    return NULL;
  return gst_app_sink_try_pull_sample (
      GST_APP_SINK (sheet->sink), READ_TIMEOUT);
}

static guint8 *
cell_pixel (const Sheet *sheet, guint column, guint x, guint y)
{
  return sheet->strip +
      ((gsize) (y + GAP) * sheet->width + (gsize) column * PITCH + GAP + x) * 3;
}

/* Over a checkerboard that shows where the cut-out is transparent. */
static void
put_pixel (guint8 *to, const guint8 *from, guint x, guint y)
{
  guint8 board = ((x / 8 + y / 8) & 1) != 0 ? dark : light;

  for (guint c = 0; c < 3; c++)
    to[c] =
        (guint8) ((from[c] * from[3] + board * (255 - from[3]) + 127) / 255);
}

static void
put_picture (Sheet *sheet, guint column, GstSample *sample)
{
  GstVideoFrame frame;
  GstVideoInfo info;
  guint left, top;

  if (!gst_video_info_from_caps (&info, gst_sample_get_caps (sample)) ||
      info.width > CELL || info.height > CELL ||
      !gst_video_frame_map (
          &frame, &info, gst_sample_get_buffer (sample), GST_MAP_READ))
    return;
  left = (guint) (CELL - info.width) / 2;
  top = (guint) (CELL - info.height) / 2;
  for (guint y = 0; y < (guint) info.height; y++) {
    const guint8 *from =
        (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0) +
        (gsize) y * (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0);

    for (guint x = 0; x < (guint) info.width; x++, from += 4)
      put_pixel (cell_pixel (sheet, column, left + x, top + y), from, x, y);
  }
  gst_video_frame_unmap (&frame);
}

static guint32
results_of (const Sheet *sheet, guint position)
{
  const BatchItem *item = sheet->items->pdata[position];

  return sheet->made[item->index];
}

static void
put_photo (Sheet *sheet, guint position, guint first_column)
{
  const BatchOptions *options = sheet->options;

  for (guint i = 0; i < options->n_effects; i++) {
    g_autofree gchar *path = NULL;
    GstSample *sample;

    if ((results_of (sheet, position) & (1u << i)) == 0)
      continue;
    path = batch_item_result (sheet->items->pdata[position], options->output,
        options->effects[i].name);
    sample = read_result (sheet, path);
    if (sample == NULL)
      continue;
    put_picture (sheet, first_column + i, sample);
    gst_sample_unref (sample);
  }
}

static void
write_bytes (png_structp png, png_bytep bytes, size_t size)
{
  Sheet *sheet = png_get_io_ptr (png);

  if (fwrite (bytes, 1, size, sheet->file) == size)
    return;
  sheet->problem = errno;
  png_error (png, "");
}

static void
flush_bytes (png_structp png)
{
}

/* libpng's own would print a line. */
static void
on_png_error (png_structp png, png_const_charp text)
{
  png_longjmp (png, 1);
}

static void
on_png_warning (png_structp png, png_const_charp text)
{
}

/* Everything of libpng that can fail; its errors come back as FALSE. */
static gboolean
begin_png (Sheet *sheet)
{
  sheet->png = png_create_write_struct (
      PNG_LIBPNG_VER_STRING, NULL, on_png_error, on_png_warning);
  if (sheet->png == NULL)
    return FALSE;
  sheet->info = png_create_info_struct (sheet->png);
  if (sheet->info == NULL || setjmp (png_jmpbuf (sheet->png)) != 0)
    return FALSE;
  png_set_write_fn (sheet->png, sheet, write_bytes, flush_bytes);
  png_set_user_limits (sheet->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_compression_level (sheet->png, 3);
  png_set_IHDR (sheet->png, sheet->info, sheet->width, sheet->height, 8,
      PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
      PNG_FILTER_TYPE_DEFAULT);
  png_set_sRGB (sheet->png, sheet->info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_write_info (sheet->png, sheet->info);
  return TRUE;
}

static gboolean
write_strip (Sheet *sheet, guint rows)
{
  if (setjmp (png_jmpbuf (sheet->png)) != 0)
    return FALSE;
  for (guint y = 0; y < rows; y++)
    png_write_row (sheet->png, sheet->strip + (gsize) y * sheet->width * 3);
  return TRUE;
}

static gboolean
end_png (Sheet *sheet)
{
  if (setjmp (png_jmpbuf (sheet->png)) != 0)
    return FALSE;
  png_write_end (sheet->png, sheet->info);
  if (fflush (sheet->file) == 0 && fsync (fileno (sheet->file)) == 0)
    return TRUE;
  sheet->problem = errno;
  return FALSE;
}

/* The position of the next photo with a result, from `position` on. */
static guint
next_photo (const Sheet *sheet, guint position)
{
  while (position < sheet->items->len && results_of (sheet, position) == 0)
    position++;
  return position;
}

static gboolean
draw (Sheet *sheet)
{
  gsize bytes = (gsize) sheet->width * PITCH * 3;
  guint position = next_photo (sheet, 0);

  if (!begin_png (sheet))
    return FALSE;
  while (position < sheet->items->len) {
    memset (sheet->strip, paper, bytes);
    for (guint i = 0; i < SHEET_COLUMNS && position < sheet->items->len; i++) {
      put_photo (sheet, position, i * sheet->options->n_effects);
      position = next_photo (sheet, position + 1);
    }
    if (!write_strip (sheet, PITCH))
      return FALSE;
  }
  memset (sheet->strip, paper, bytes);
  return write_strip (sheet, GAP) && end_png (sheet);
}

static guint
photos_with_results (const Sheet *sheet)
{
  guint n = 0;

  for (guint i = 0; i < sheet->items->len; i++)
    n += results_of (sheet, i) != 0;
  return n;
}

static gboolean
fail_to_write (const Sheet *sheet, gint problem, GError **error)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (problem),
      "the contact sheet %s cannot be written: %s",
      sheet->options->contact_sheet,
      problem != 0 ? g_strerror (problem) : "out of memory");
  return FALSE;
}

static gboolean
write_to (Sheet *sheet, const gchar *temporary, GError **error)
{
  gboolean drawn;

  sheet->file = fopen (temporary, "wbe");
  if (sheet->file == NULL)
    return fail_to_write (sheet, errno, error);
  drawn = start_reader (sheet, error);
  if (drawn && !draw (sheet))
    drawn = fail_to_write (sheet, sheet->problem, error);
  stop_reader (sheet);
  png_destroy_write_struct (&sheet->png, &sheet->info);
  if (fclose (sheet->file) != 0 && drawn)
    drawn = fail_to_write (sheet, errno, error);
  return drawn;
}

/* What is behind links; NULL and `error`: it must not be replaced. */
static gchar *
find_target (const gchar *path, GError **error)
{
  gchar *target = NULL;
  struct stat status;
  char *real;

  if (lstat (path, &status) != 0)
    return g_strdup (path);
  real = realpath (path, NULL);
  if (real != NULL && g_file_test (real, G_FILE_TEST_IS_REGULAR))
    target = g_strdup (real);
  else
    fail (error, path, "is there and is no regular file");
  free (real);
  return target;
}

static gboolean
is_output (const BatchOptions *options, const gchar *folder)
{
  g_autofree gchar *output = g_canonicalize_filename (options->output, NULL);
  g_autofree gchar *absolute = g_canonicalize_filename (folder, NULL);

  return g_str_equal (absolute, output);
}

/* Whoever says "--contact-sheet dog.jpg" has left out the name. */
static gboolean
is_jpeg_name (const gchar *path)
{
  const gchar *dot = strrchr (path, '.');

  return dot != NULL &&
      (g_ascii_strcasecmp (dot, ".jpg") == 0 ||
          g_ascii_strcasecmp (dot, ".jpeg") == 0);
}

gboolean
batch_sheet_check (const BatchOptions *options, GError **error)
{
  const gchar *path = options->contact_sheet;
  g_autofree gchar *target = NULL, *folder = NULL, *inside = NULL;

  if (path[0] == '\0' || g_str_has_suffix (path, "/"))
    return fail (error, path, "is not the name of a file");
  if (is_jpeg_name (path))
    return fail (error, path, "a contact sheet is a PNG");
  target = find_target (path, error);
  if (target == NULL)
    return FALSE;
  folder = g_path_get_dirname (target);
  inside = g_build_filename (folder, ".", NULL);
  return access (inside, W_OK | X_OK) == 0 ||
      (errno == ENOENT && is_output (options, folder)) ||
      fail (error, path, g_strerror (errno));
}

gboolean
batch_sheet_write (const BatchOptions *options, GPtrArray *items,
    const guint32 *made, GError **error)
{
  Sheet sheet = { .options = options, .items = items, .made = made };
  g_autofree gchar *target = find_target (options->contact_sheet, error);
  g_autofree gchar *temporary = g_strconcat (target, ".part", NULL);
  guint n = photos_with_results (&sheet);
  gboolean written;

  if (target == NULL)
    return FALSE;
  sheet.width = MIN (n, SHEET_COLUMNS) * options->n_effects * PITCH + GAP;
  sheet.height = (n + SHEET_COLUMNS - 1) / SHEET_COLUMNS * PITCH + GAP;
  sheet.strip = g_malloc ((gsize) sheet.width * PITCH * 3);
  written = write_to (&sheet, temporary, error);
  if (written && rename (temporary, target) != 0)
    written = fail_to_write (&sheet, errno, error);
  if (!written)
    unlink (temporary);
  g_free (sheet.strip);
  return written;
}
