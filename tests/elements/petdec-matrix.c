/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The matrix of files through petdec: each after six good pictures of its
 * size and before another one. One message per file whatever it is, a frame
 * exactly when the message says so, flagged when it is damaged, the same as
 * from a process of its own; and the picture behind it is untouched. */

#include <string.h>

#include "data/matrix.h"
#include "gstpetdec.h"
#include "pictures.h"

#define N_GOOD 6

static gchar *own_path;

static GstHarness *
new_harness (gboolean strict)
{
  GstHarness *h = harness_with_bus ("petdec");

  gst_util_set_object_arg (G_OBJECT (h->element), "on-error", "skip");
  g_object_set (h->element, "strict", strict, NULL);
  gst_harness_set_src_caps_str (h, "image/jpeg");
  return h;
}

/* One file in; a line that tells everything that came out. `size` (NULL
 * allowed) gets the frame's. */
static gchar *
run_file (GstHarness *h, Bytes bytes, gint size[2])
{
  GstMessage *message;
  const GstStructure *s;
  GstBuffer *frame;
  gchar *line;
  gint width, height;

  frame = bytes.size > 0 ? gst_buffer_new_memdup (bytes.data, bytes.size)
                         : gst_buffer_new ();
  g_assert_cmpint (gst_harness_push (h, frame), ==, GST_FLOW_OK);
  message = harness_pop_message (h, "petdec");
  g_assert_nonnull (message);
  g_assert_null (harness_pop_message (h, "petdec"));
  s = gst_message_get_structure (message);
  gst_structure_get_int (s, "width", &width);
  gst_structure_get_int (s, "height", &height);
  frame = gst_harness_try_pull (h);
  g_assert_null (gst_harness_try_pull (h));
  if (frame != NULL) {
    GstMapInfo map;
    g_autofree gchar *sum = NULL;

    g_assert_true (gst_buffer_map (frame, &map, GST_MAP_READ));
    sum = g_compute_checksum_for_data (G_CHECKSUM_SHA1, map.data, map.size);
    gst_buffer_unmap (frame, &map);
    line = g_strdup_printf ("%s %dx%d %s%s",
        gst_structure_get_string (s, "status"), width, height, sum,
        GST_BUFFER_FLAG_IS_SET (frame, GST_BUFFER_FLAG_CORRUPTED) ? " corrupted"
                                                                  : "");
    gst_buffer_unref (frame);
  } else {
    line = g_strdup_printf ("%s: %s", gst_structure_get_string (s, "status"),
        gst_structure_get_string (s, "reason"));
  }
  if (size != NULL) {
    size[0] = width;
    size[1] = height;
  }
  gst_message_unref (message);
  return line;
}

/* strict and not, each by an element of its own. */
static void
print_fresh (const MatrixFile *file)
{
  for (gint strict = 1; strict >= 0; strict--) {
    GstHarness *h = new_harness (strict);
    Bytes bytes = matrix_make (file);
    g_autofree gchar *line = run_file (h, bytes, NULL);

    g_print ("%s\n", line);
    bytes_free (&bytes);
    harness_with_bus_free (h);
  }
}

static const MatrixFile *
find_file (const gchar *wanted)
{
  const MatrixFile *const lists[] = { matrix_jpeg_files, matrix_png_files };
  gchar name[MATRIX_NAME_SIZE];

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const MatrixFile *file = lists[i]; file->id != NULL; file++)
      if (g_str_equal (matrix_name (file, name), wanted))
        return file;
  return NULL;
}

static gchar **
run_fresh (const gchar *name)
{
  const gchar *arguments[] = { own_path, "--fresh", name, NULL };
  g_autofree gchar *output = NULL;
  g_autoptr (GError) error = NULL;
  gint status;

  g_spawn_sync (NULL, (gchar **) arguments, NULL, G_SPAWN_DEFAULT, NULL, NULL,
      &output, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  return g_strsplit (output, "\n", -1);
}

/* "ok 48x40 ..." says what kind of good pictures would be mistaken for it. */
static void
check_after_good (const MatrixFile *file, gboolean strict, const gchar *fresh)
{
  GstHarness *h = new_harness (strict);
  Bytes bytes = matrix_make (file);
  gint size[2] = { MATRIX_WIDTH, MATRIX_HEIGHT };
  g_autofree gchar *line = NULL, *first = NULL, *last = NULL;
  Bytes good;

  if (g_str_has_prefix (fresh, "ok"))
    sscanf (fresh, "ok %dx%d", &size[0], &size[1]);
  if (size[0] > 1000 || size[1] > 1000)
    size[0] = size[1] = 64;
  for (gint n = 0; n < N_GOOD; n++) {
    g_clear_pointer (&first, g_free);
    good = matrix_good (n, size[0], size[1], n % 3 == 2 ? 4 : 3);
    first = run_file (h, good, NULL);
    g_assert_true (g_str_has_prefix (first, "ok"));
    if (n < N_GOOD - 1)
      bytes_free (&good);
  }
  line = run_file (h, bytes, NULL);
  g_assert_cmpstr (line, ==, fresh);
  last = run_file (h, good, NULL);
  g_assert_cmpstr (last, ==, first);
  bytes_free (&good);
  bytes_free (&bytes);
  harness_with_bus_free (h);
}

static void
check_promise (const MatrixFile *file, gboolean strict, const gchar *line)
{
  PetStatus promised = strict ? file->strict : file->lenient;

  if (file->any)
    return;
  g_assert_cmpint (g_str_has_prefix (line, "ok "), ==, promised == PET_OK);
  g_assert_cmpint (g_str_has_suffix (line, " corrupted"), ==,
      !strict && promised == PET_OK && file->damaged);
  if (promised != PET_OK)
    g_assert_cmpuint (strlen (line), >, strlen ("failed: ") + 5);
}

static void
check_file (gconstpointer data)
{
  const MatrixFile *file = data;
  gchar name[MATRIX_NAME_SIZE];
  g_auto (GStrv) fresh = run_fresh (matrix_name (file, name));

  for (gint strict = 1; strict >= 0; strict--) {
    const gchar *line = fresh[1 - strict];

    g_test_message ("%s: %s", strict ? "strict" : "lenient", line);
    check_promise (file, strict, line);
    check_after_good (file, strict, line);
  }
}

/* J33: a turned picture, then one that says nothing. */
static void
orientation_does_not_stick (void)
{
  GstHarness *h = new_harness (TRUE);
  Bytes turned = matrix_make (find_file ("j32-orientation-6.jpg"));
  Bytes plain = matrix_make (find_file ("j10-two-pictures.jpg"));
  gint size[2];

  g_free (run_file (h, turned, size));
  g_assert_cmpint (size[0], ==, MATRIX_HEIGHT);
  g_free (run_file (h, plain, size));
  g_assert_cmpint (size[0], ==, MATRIX_WIDTH);
  bytes_free (&turned);
  bytes_free (&plain);
  harness_with_bus_free (h);
}

/* B10 to B12: sixty bad files in a row, nothing but bad ones, the last one
 * bad: each is told once, and the stream goes on. */
static void
bad_files_in_a_row (void)
{
  GstHarness *h = new_harness (TRUE);
  Bytes good = matrix_good (0, MATRIX_WIDTH, MATRIX_HEIGHT, 3);
  g_autofree gchar *first = run_file (h, good, NULL), *last = NULL;
  guint n_bad = 0;

  for (const MatrixFile *file = matrix_jpeg_files; n_bad < 60; file++) {
    Bytes bytes;
    g_autofree gchar *line = NULL;

    if (file->id == NULL)
      file = matrix_png_files;
    if (file->strict == PET_OK)
      continue;
    bytes = matrix_make (file);
    line = run_file (h, bytes, NULL);
    g_assert_true (g_str_has_prefix (line, "failed: "));
    bytes_free (&bytes);
    n_bad++;
  }
  last = run_file (h, good, NULL);
  g_assert_cmpstr (last, ==, first);
  bytes_free (&good);
  harness_with_bus_free (h);
}

static void
add_list (const MatrixFile *file)
{
  for (; file->id != NULL; file++) {
    gchar name[MATRIX_NAME_SIZE];
    g_autofree gchar *path = g_strdup_printf (
        "/petdec-matrix/%s/%s", file->id, matrix_name (file, name));

    g_test_add_data_func (path, file, check_file);
  }
}

static void
add_tests (void)
{
  add_list (matrix_jpeg_files);
  add_list (matrix_png_files);
  g_test_add_func ("/petdec-matrix/J33/orientation-does-not-stick",
      orientation_does_not_stick);
  g_test_add_func ("/petdec-matrix/B10/bad-files-in-a-row", bad_files_in_a_row);
}

/* The other end of run_fresh(). */
static int
be_fresh (const gchar *name)
{
  const MatrixFile *file = find_file (name);

  gst_init (NULL, NULL);
  GST_ELEMENT_REGISTER (petdec, NULL);
  if (file == NULL)
    return 1;
  print_fresh (file);
  return 0;
}

int
main (int argc, char **argv)
{
  int status;

  if (argc == 3 && g_str_equal (argv[1], "--fresh"))
    return be_fresh (argv[2]);
  own_path = g_file_read_link ("/proc/self/exe", NULL);
  status = run_tests (argc, argv, add_tests);
  g_free (own_path);
  return status;
  run_tests (argc, argv, add_tests);
}
