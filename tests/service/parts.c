/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of pet-serve that read what strangers send, and its cache, without
 * a server around them. */

#include <glib/gstdio.h>
#include <gst/gst.h>
#include <string.h>

#include "serve-cache.h"
#include "serve-looks.h"
#include "serve-multipart.h"
#include "serve-picture.h"
#include "tap.h"

/* -- multipart -- */

typedef struct {
  GByteArray *file;
  gchar *type;
  gsize stop_at;
} Taken;

static gboolean
begin (const gchar *type, gpointer user)
{
  ((Taken *) user)->type = g_strdup (type);
  return TRUE;
}

static gboolean
take (const guint8 *bytes, gsize size, gpointer user)
{
  Taken *taken = user;

  g_byte_array_append (taken->file, bytes, (guint) size);
  return taken->stop_at == 0 || taken->file->len < taken->stop_at;
}

static const ServeMultipartEvents events = { begin, take };
static const gchar form_type[] = "multipart/form-data; boundary=\"a-b\"";

static void
clear_taken (Taken *taken)
{
  g_byte_array_set_size (taken->file, 0);
  g_clear_pointer (&taken->type, g_free);
}

/* Blanks may follow a boundary, nothing else; a field's text has no end within.
 */
static void
form_boundaries_and_fields_are_whole (void)
{
  static const struct {
    const gchar *after;
    const gchar *value;
    gsize size;
    gboolean good;
  } forms[] = {
    { "", "color", 5, TRUE },
    { "  \t", "color", 5, TRUE },
    { " x", "color", 5, FALSE },
    { "x", "color", 5, FALSE },
    { "", "col\0r", 5, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
    ServeMultipart *multipart = serve_multipart_new (form_type, &events, NULL);
    g_autoptr (GString) text = g_string_new (NULL);
    gboolean good = TRUE;

    g_string_append_printf (text,
        "--a-b%s\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n",
        forms[i].after);
    g_string_append_len (text, forms[i].value, (gssize) forms[i].size);
    g_string_append_printf (text, "\r\n--a-b--%s\r\n", forms[i].after);
    for (gsize j = 0; good && j < text->len; j++)
      good =
          serve_multipart_feed (multipart, (const guint8 *) text->str + j, 1);
    tap_check (good == forms[i].good);
    tap_check (good == serve_multipart_is_complete (multipart));
    tap_check (!good ||
        g_strcmp0 (serve_multipart_field (multipart, "f"), "color") == 0);
    serve_multipart_free (multipart);
  }
}

/* A file that is full of what looks like the beginning of a delimiter. */
static GByteArray *
make_form (const GByteArray *file)
{
  static const gchar head[] =
      "ignored\r\n--a-b\r\nContent-Disposition: form-data; name=\"effects\""
      "\r\n\r\ncolor,popart\r\n--a-b\r\nContent-Disposition: form-data; "
      "name=\"file\"; filename=\"x\"\r\nContent-Type: image/png\r\n\r\n";
  static const gchar tail[] =
      "\r\n--a-b\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n"
      "\r\n--a-b--\r\nignored too";
  GByteArray *form = g_byte_array_new ();

  g_byte_array_append (form, (const guint8 *) head, sizeof head - 1);
  g_byte_array_append (form, file->data, file->len);
  g_byte_array_append (form, (const guint8 *) tail, sizeof tail - 1);
  return form;
}

static GByteArray *
make_file (void)
{
  static const gchar *const bits[] = { "\r\n--a", "\r\n--a-", "\r", "\n", "--",
    "\r\n", "\r\n-", "x", "a-B", "\r\r\n--a-c" };
  GByteArray *file = g_byte_array_new ();

  for (guint i = 0; i < 3000; i++) {
    const gchar *bit = bits[tap_random () % G_N_ELEMENTS (bits)];

    g_byte_array_append (file, (const guint8 *) bit, (guint) strlen (bit));
  }
  return file;
}

static void
form_is_read_in_any_pieces (void)
{
  Taken taken = { .file = g_byte_array_new () };
  GByteArray *file = make_file ();
  GByteArray *form = make_form (file);

  for (guint most = 1; most < 20000; most = most * 3 + 1) {
    ServeMultipart *multipart =
        serve_multipart_new (form_type, &events, &taken);
    gsize done = 0;

    while (done < form->len) {
      gsize n = 1 + tap_random () % most;

      n = MIN (n, form->len - done);
      tap_check (serve_multipart_feed (multipart, form->data + done, n));
      done += n;
    }
    tap_check (serve_multipart_is_complete (multipart));
    tap_check (serve_multipart_has_file (multipart));
    tap_check (taken.file->len == file->len &&
        memcmp (taken.file->data, file->data, file->len) == 0);
    tap_check (g_strcmp0 (taken.type, "image/png") == 0);
    tap_check (g_strcmp0 (serve_multipart_field (multipart, "effects"),
                   "color,popart") == 0);
    tap_check (g_strcmp0 (serve_multipart_field (multipart, "empty"), "") == 0);
    tap_check (serve_multipart_field (multipart, "none") == NULL);
    serve_multipart_free (multipart);
    clear_taken (&taken);
  }
  g_byte_array_unref (form);
  g_byte_array_unref (file);
  g_byte_array_unref (taken.file);
}

static void
form_stops_where_it_is_told (void)
{
  Taken taken = { .file = g_byte_array_new (), .stop_at = 100 };
  GByteArray *file = make_file ();
  GByteArray *form = make_form (file);
  ServeMultipart *multipart = serve_multipart_new (form_type, &events, &taken);

  tap_check (!serve_multipart_feed (multipart, form->data, form->len));
  tap_check (serve_multipart_problem (multipart) == NULL);
  tap_check (!serve_multipart_feed (multipart, form->data, 1));
  tap_check (taken.file->len >= 100 && taken.file->len < 100 + 20000);
  serve_multipart_free (multipart);
  clear_taken (&taken);
  g_byte_array_unref (taken.file);
  g_byte_array_unref (form);
  g_byte_array_unref (file);
}

static void
forms_without_a_usable_boundary_are_none (void)
{
  static const gchar *const types[] = { NULL, "image/jpeg",
    "multipart/form-data",
    "multipart/form-data; boundary=", "multipart/form-data; border=x",
    "multipart/mixed; boundary=x",
    "multipart/form-data; boundary="
    "1234567890123456789012345678901234567890123456789012345678901234567890x" };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    tap_check (serve_multipart_new (types[i], &events, NULL) == NULL);
}

static void
form_limits_hold (void)
{
  static const gchar begin_field[] =
      "--a-b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n";
  Taken taken = { .file = g_byte_array_new () };
  g_autofree gchar *many = g_strnfill (100000, 'x');

  for (guint i = 0; i < 3; i++) {
    ServeMultipart *multipart =
        serve_multipart_new (form_type, &events, &taken);
    gboolean ok = TRUE;

    if (i == 0) { /* a long field */
      serve_multipart_feed (
          multipart, (const guint8 *) begin_field, sizeof begin_field - 1);
      ok = serve_multipart_feed (multipart, (const guint8 *) many, 100000);
    } else if (i == 1) { /* headers without end */
      serve_multipart_feed (multipart, (const guint8 *) "--a-b\r\n", 7);
      ok = serve_multipart_feed (multipart, (const guint8 *) many, 100000);
    } else { /* many fields */
      for (guint j = 0; ok && j < 100; j++) {
        g_autofree gchar *field = g_strdup_printf (
            "--a-b\r\nContent-Disposition: form-data; name=\"f%u\"\r\n\r\n"
            "\r\n",
            j);

        ok = serve_multipart_feed (
            multipart, (const guint8 *) field, strlen (field));
      }
    }
    tap_check (!ok && serve_multipart_problem (multipart) != NULL);
    serve_multipart_free (multipart);
  }
  clear_taken (&taken);
  g_byte_array_unref (taken.file);
}

static void
damaged_forms_do_no_harm (void)
{
  Taken taken = { .file = g_byte_array_new () };
  GByteArray *file = make_file ();

  g_byte_array_set_size (file, 200);
  for (guint i = 0; i < 3000; i++) {
    GByteArray *form = make_form (file);
    ServeMultipart *multipart =
        serve_multipart_new (form_type, &events, &taken);

    for (guint j = 0; j <= i % 5; j++)
      form->data[tap_random () % form->len] = (guint8) tap_random ();
    serve_multipart_feed (multipart, form->data, tap_random () % form->len);
    serve_multipart_free (multipart);
    g_byte_array_unref (form);
    clear_taken (&taken);
  }
  tap_check (TRUE);
  g_byte_array_unref (taken.file);
  g_byte_array_unref (file);
}

/* -- the first bytes -- */

static ServePicture
look (const void *bytes, gsize size, gboolean complete, guint64 max_pixels,
    const gchar *word)
{
  g_autofree gchar *reason = NULL;
  ServePicture picture =
      serve_picture_look (bytes, size, complete, max_pixels, &reason);

  tap_check ((picture == SERVE_PICTURE_TOO_LARGE ||
                 picture == SERVE_PICTURE_NOT_READ) == (reason != NULL));
  if (word != NULL)
    tap_check (reason != NULL && strstr (reason, word) != NULL);
  return picture;
}

static void
first_bytes_decide (void)
{
  static const guint8 png[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
                              "\0\0\x10\0\0\0\x20\0\x08\x06";
  static const guint8 jpeg[] = "\xff\xd8\xff\xe0\0\4xx\xff\xc0\0\x11\x08"
                               "\x40\0\x20\0\3\1\x22\0\2\x11\1\3\x11\1"
                               "\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0";
  const guint64 pixels = 4096ull * 8192;

  tap_check (look (png, 10, FALSE, 0, NULL) == SERVE_PICTURE_UNKNOWN);
  tap_check (look (png, 26, FALSE, pixels, NULL) == SERVE_PICTURE_GOOD);
  tap_check (look (png, 26, FALSE, pixels - 1, "megapixels") ==
      SERVE_PICTURE_TOO_LARGE);
  tap_check (look (png, 26, FALSE, 0, NULL) == SERVE_PICTURE_GOOD);
  tap_check (look (png, 10, TRUE, 1, NULL) == SERVE_PICTURE_GOOD);
  tap_check (look (jpeg, sizeof jpeg, FALSE, 0x4000ull * 0x2000, NULL) ==
      SERVE_PICTURE_GOOD);
  tap_check (look (jpeg, sizeof jpeg, FALSE, 1000, "8192 x 16384") ==
      SERVE_PICTURE_TOO_LARGE);
  tap_check (look ("GIF89a__________________________", 32, FALSE, 0, "GIF") ==
      SERVE_PICTURE_NOT_READ);
  tap_check (look ("\0\0\0\x18"
                   "ftypheic\0\0\0\0mif1heic____",
                 30, FALSE, 0, "iPhone") == SERVE_PICTURE_NOT_READ);
  tap_check (look ("", 0, TRUE, 0, "empty") == SERVE_PICTURE_NOT_READ);
}

/* -- wishes -- */

static void
wishes_have_one_text_per_setting (void)
{
  ServeWishes one, two;
  gint look_index = serve_look_find ("dithering");
  g_autofree gchar *plain = NULL, *first = NULL, *second = NULL;

  serve_wishes_init (&one, 100, PET_RENDITION_CLASSIC);
  serve_wishes_init (&two, 100, PET_RENDITION_CLASSIC);
  plain = serve_wish_describe (&one.looks[look_index]);
  tap_check (*plain == '\0');
  tap_check (serve_wish_set (&one.looks[look_index], "gamma", "0.5", NULL));
  tap_check (serve_wish_set (&one.looks[look_index], "dot-size", "1", NULL));
  tap_check (serve_wish_set (&two.looks[look_index], "dot-size", "1.0", NULL));
  tap_check (serve_wish_set (&two.looks[look_index], "gamma", "5e-1", NULL));
  first = serve_wish_describe (&one.looks[look_index]);
  second = serve_wish_describe (&two.looks[look_index]);
  tap_check (*first != '\0' && g_str_equal (first, second));
  tap_check (!serve_wish_set (&one.looks[look_index], "dot-size", "1.5", NULL));
  tap_check (!serve_wish_set (&one.looks[look_index], "gamma", "nan", NULL));
  tap_check (!serve_wish_set (&one.looks[look_index], "gamma", "", NULL));
}

static void
wishes_are_of_a_rendition (void)
{
  ServeWishes classic, fine;
  gint look = serve_look_find ("dithering");
  g_autofree gchar *text = NULL;
  PetRendition rendition;

  tap_check (serve_rendition_parse ("classic", &rendition, NULL) &&
      rendition == PET_RENDITION_CLASSIC);
  tap_check (!serve_rendition_parse ("", &rendition, NULL));
  serve_wishes_init (&classic, 100, PET_RENDITION_CLASSIC);
  serve_wishes_init (&fine, 100, PET_RENDITION_FINE);
  tap_check (!serve_wish_set (&classic.looks[look], "method", "bayer", NULL));
  tap_check (!serve_wish_set (&fine.looks[look], "method", "nose", NULL));
  tap_check (!serve_wish_set (&fine.looks[look], "ink", "#12345", NULL));
  tap_check (serve_wish_set (&fine.looks[look], "method", "bayer", NULL));
  tap_check (serve_wish_set (&fine.looks[look], "ink", "#000010", NULL));
  text = serve_wish_describe (&fine.looks[look]);
  tap_check (g_str_equal (text, "method=3;ink=16;"));
}

/* -- the cache -- */

/* The last chunk, by which a whole file is known. */
static const guint8 png_end[] = { 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42,
  0x60, 0x82 };

static GstBuffer *
make_png (guint seed, gsize size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (buffer, 0, (guint8) seed, size);
  gst_buffer_fill (buffer, size - sizeof png_end, png_end, sizeof png_end);
  return buffer;
}

static void
put (ServeCache *cache, guint number, gsize size)
{
  g_autofree gchar *key = g_strdup_printf ("%040x", number);
  GstBuffer *png = make_png (number, size);
  ServeResult *result = serve_cache_begin (cache, key, "color", png);

  serve_cache_finish (cache, key, "color", result);
  serve_result_unref (result);
  gst_buffer_unref (png);
}

/* Whether it is there, with its own bytes. */
static gboolean
has (ServeCache *cache, guint number, gsize size)
{
  g_autofree gchar *key = g_strdup_printf ("%040x", number);
  ServeResult *result = serve_cache_get (cache, key, "color");
  g_autoptr (GBytes) bytes = NULL;
  const guint8 *data;
  gboolean good;

  if (result == NULL)
    return FALSE;
  bytes = serve_result_read (result, 0, size + 10, NULL);
  data = g_bytes_get_data (bytes, NULL);
  good = g_bytes_get_size (bytes) == size && data[0] == (guint8) number &&
      data[size - sizeof png_end - 1] == (guint8) number &&
      memcmp (data + size - sizeof png_end, png_end, sizeof png_end) == 0;
  serve_result_unref (result);
  return good;
}

static void
remove_tree (const gchar *path)
{
  g_autofree gchar *command = g_strdup_printf ("rm -rf '%s'", path);

  tap_check (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
}

static void
cache_keeps_the_recently_used (void)
{
  g_autofree gchar *folder = g_dir_make_tmp ("pet-cache-XXXXXX", NULL);
  ServeCache *cache = serve_cache_new (folder, 40960, NULL);
  ServeCacheState state;

  for (guint i = 0; i < 10; i++)
    put (cache, i, 4000);
  tap_check (has (cache, 0, 4000));
  put (cache, 10, 5000);
  tap_check (has (cache, 0, 4000) && has (cache, 10, 5000));
  tap_check (!has (cache, 1, 4000) && !has (cache, 2, 4000));
  put (cache, 11, 50000);
  tap_check (!has (cache, 11, 50000) && has (cache, 0, 4000));
  serve_cache_get_state (cache, &state);
  tap_check (state.bytes <= 40960 && state.files == 9 && state.evicted == 2);
  tap_check (serve_cache_new (folder, 40960, NULL) == NULL);
  serve_cache_free (cache);

  /* Found again, and down to a smaller limit. */
  cache = serve_cache_new (folder, 40960, NULL);
  tap_check (has (cache, 0, 4000) && has (cache, 10, 5000));
  serve_cache_free (cache);
  cache = serve_cache_new (folder, 8192, NULL);
  serve_cache_get_state (cache, &state);
  tap_check (state.files <= 2 && state.bytes <= 8192);
  serve_cache_free (cache);
  remove_tree (folder);
}

static void
cache_forgets_what_was_removed (void)
{
  g_autofree gchar *folder = g_dir_make_tmp ("pet-cache-XXXXXX", NULL);
  g_autofree gchar *inner = g_build_filename (folder, "00", NULL);
  ServeCache *cache = serve_cache_new (folder, 1 << 20, NULL);
  ServeCacheState state;

  put (cache, 1, 100);
  remove_tree (inner);
  tap_check (!has (cache, 1, 100));
  serve_cache_get_state (cache, &state);
  tap_check (state.files == 0 && state.bytes == 0);
  put (cache, 1, 100);
  tap_check (has (cache, 1, 100));
  serve_cache_free (cache);
  remove_tree (folder);
}

/* A result is there before it is written, and one that is being sent goes on
 * from the file. */
static void
results_move_to_their_files (void)
{
  g_autofree gchar *folder = g_dir_make_tmp ("pet-cache-XXXXXX", NULL);
  g_autofree gchar *key = g_strdup_printf ("%040x", 5);
  ServeCache *cache = serve_cache_new (folder, 1 << 20, NULL);
  GstBuffer *png = make_png (5, 3000), *buffer;
  ServeResult *first = serve_cache_begin (cache, key, "color", png);
  ServeResult *second = serve_cache_begin (cache, key, "color", png);
  GBytes *bytes;

  tap_check (has (cache, 5, 3000));
  tap_check (!serve_cache_knows (cache, key, "color"));
  serve_cache_finish (cache, key, "color", first);
  tap_check (serve_cache_knows (cache, key, "color") && has (cache, 5, 3000));
  tap_check (serve_result_get_buffer (first) == NULL);
  bytes = serve_result_read_now (first, 2000, 3000);
  tap_check (bytes == NULL || g_bytes_get_size (bytes) == 1000);
  g_clear_pointer (&bytes, g_bytes_unref);
  bytes = serve_result_read (first, 2000, 3000, NULL);
  tap_check (g_bytes_get_size (bytes) == 1000 &&
      *(const guint8 *) g_bytes_get_data (bytes, NULL) == 5);
  g_bytes_unref (bytes);
  serve_result_unref (first);

  buffer = serve_result_get_buffer (second);
  tap_check (buffer == png);
  gst_buffer_unref (buffer);
  serve_cache_finish (cache, key, "color", second);
  serve_result_unref (second);
  /* Nobody holds the encoder's memory any more. */
  tap_check (GST_MINI_OBJECT_REFCOUNT_VALUE (png) == 1);
  gst_buffer_unref (png);
  serve_cache_free (cache);
  remove_tree (folder);
}

static void
failed_writes_leave_results_in_memory (void)
{
  g_autofree gchar *folder = g_dir_make_tmp ("pet-cache-XXXXXX", NULL);
  ServeCache *cache = serve_cache_new (folder, 4096, NULL);
  GstBuffer *png = make_png (6, 9000), *buffer;
  g_autofree gchar *content = g_strnfill (9000, 6);
  g_autofree gchar *key = g_strdup_printf ("%040x", 6);
  ServeResult *result = serve_cache_begin (cache, key, "color", png);
  ServeCacheState state;

  memcpy (content + 9000 - sizeof png_end, png_end, sizeof png_end);
  serve_cache_finish (cache, key, "color", result);
  tap_check (!has (cache, 6, 9000));
  serve_cache_get_state (cache, &state);
  tap_check (state.write_errors == 1 && state.files == 0);
  buffer = serve_result_get_buffer (result);
  tap_check (gst_buffer_get_size (buffer) == 9000 &&
      gst_buffer_memcmp (png, 0, content, 9000) == 0 &&
      gst_buffer_memcmp (buffer, 0, content, 9000) == 0);
  gst_buffer_unref (buffer);
  /* Nobody holds the encoder's memory any more. */
  tap_check (GST_MINI_OBJECT_REFCOUNT_VALUE (png) == 1);
  gst_buffer_unref (png);
  tap_check (serve_result_get_kept () == 9000);
  serve_result_unref (result);
  tap_check (serve_result_get_kept () == 0);
  serve_cache_free (cache);
  remove_tree (folder);
}

static gpointer
use_cache (gpointer data)
{
  for (guint i = 0; i < 400; i++) {
    guint number = i * 7 % 30;

    put (data, number, 100 + number * 200);
    has (data, (number + 3) % 30, 100 + (number + 3) % 30 * 200);
  }
  return NULL;
}

static void
cache_is_shared_by_threads (void)
{
  g_autofree gchar *folder = g_dir_make_tmp ("pet-cache-XXXXXX", NULL);
  ServeCache *cache = serve_cache_new (folder, 65536, NULL);
  GThread *threads[4];
  ServeCacheState state;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("cache", use_cache, cache);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  serve_cache_get_state (cache, &state);
  tap_check (state.bytes <= 65536 && state.files > 0);
  serve_cache_free (cache);
  remove_tree (folder);
}

int
main (int argc, char **argv)
{
  static const TapTest tests[] = {
    TAP_TEST (form_is_read_in_any_pieces),
    TAP_TEST (form_stops_where_it_is_told),
    TAP_TEST (forms_without_a_usable_boundary_are_none),
    TAP_TEST (form_limits_hold),
    TAP_TEST (form_boundaries_and_fields_are_whole),
    TAP_TEST (damaged_forms_do_no_harm),
    TAP_TEST (first_bytes_decide),
    TAP_TEST (wishes_have_one_text_per_setting),
    TAP_TEST (wishes_are_of_a_rendition),
    TAP_TEST (cache_keeps_the_recently_used),
    TAP_TEST (cache_forgets_what_was_removed),
    TAP_TEST (results_move_to_their_files),
    TAP_TEST (failed_writes_leave_results_in_memory),
    TAP_TEST (cache_is_shared_by_threads),
  };

  gst_init (NULL, NULL);
  return tap_run (tests, G_N_ELEMENTS (tests), argc, argv);
}
