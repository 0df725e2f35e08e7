/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-recipe.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/pet-folder.h"
#include "base/pet-sha256.h"

#define MAX_MODEL_BYTES ((guint64) 2 << 30)
#define MAX_RECIPE_BYTES 1024
#define TEMPORARY_TAIL ".XXXXXX.part"

/* Types of chunks, read as big-endian numbers. */
#define CHUNK_IHDR 0x49484452u
#define CHUNK_IDAT 0x49444154u
#define CHUNK_IEND 0x49454e44u
#define CHUNK_TEXT 0x74455874u

static const guint8 png_signature[] = { 137, 80, 78, 71, 13, 10, 26, 10 };

static gchar *
sha256_text (gconstpointer bytes, gsize size)
{
  guint8 digest[PET_SHA256_BYTES];
  GString *text = g_string_new ("sha256:");

  pet_sha256 (bytes, size, digest);
  for (guint i = 0; i < sizeof digest; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  return g_string_free (text, FALSE);
}

/* `absent`: where no file was named. */
static gchar *
model_name (const gchar *path, const gchar *absent, GError **error)
{
  gchar *name;
  PetError failure;
  uint8_t *bytes;
  size_t size;

  if (path == NULL)
    return g_strdup (absent);
  if (path[0] == '\0')
    return g_strdup ("none");
  if (pet_file_read (path, MAX_MODEL_BYTES, &bytes, &size, &failure) !=
      PET_OK) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s %s", path,
        failure.message);
    return NULL;
  }
  name = sha256_text (bytes, size);
  free (bytes);
  return name;
}

gchar *
batch_recipe_settings (const BatchOptions *options, GError **error)
{
  g_autofree gchar *model = model_name (options->model, "built-in", error);
  g_autofree gchar *second = NULL;

  if (model == NULL)
    return NULL;
  second = model_name (options->second_model,
      options->model == NULL ? "petnet-large" : "none", error);
  if (second == NULL)
    return NULL;
  return g_strdup_printf ("pet-batch " PET_VERSION
                          "; rendition=%s; max-size=%u; level=%d; dpi=%d; "
                          "model=%s; second-model=%s",
      options->rendition, options->max_size, options->level, options->dpi,
      model, second);
}

gchar *
batch_recipe_new (const gchar *settings, gconstpointer bytes, gsize size)
{
  g_autofree gchar *sum = sha256_text (bytes, size);

  return g_strconcat (settings, "; photo=", sum, NULL);
}

/* A PNG as it is read. */
typedef struct {
  FILE *stream;
  guint64 left; /* bytes of the file that were not read */
  guint32 type, length;
  guint8 head[MAX_RECIPE_BYTES]; /* the first bytes of the chunk's data */
  gsize n_head;
} Reader;

static gboolean
read_exactly (Reader *reader, guint8 *bytes, gsize size)
{
  if (size > reader->left || fread (bytes, 1, size, reader->stream) != size)
    return FALSE;
  reader->left -= size;
  return TRUE;
}

static guint32
big_endian (const guint8 *bytes)
{
  return GST_READ_UINT32_BE (bytes);
}

/* FALSE at a chunk that is cut off or damaged. */
static gboolean
read_chunk (Reader *reader)
{
  guint8 piece[4096];
  guint32 left;
  uLong sum;

  if (!read_exactly (reader, piece, 8))
    return FALSE;
  reader->length = left = big_endian (piece);
  reader->type = big_endian (piece + 4);
  reader->n_head = 0;
  sum = crc32 (0, piece + 4, 4);
  while (left > 0) {
    gsize part = MIN (left, sizeof piece);
    gsize keep;

    if (!read_exactly (reader, piece, part))
      return FALSE;
    sum = crc32 (sum, piece, (uInt) part);
    keep = MIN (part, sizeof reader->head - reader->n_head);
    memcpy (reader->head + reader->n_head, piece, keep);
    reader->n_head += keep;
    left -= (guint32) part;
  }
  return read_exactly (reader, piece, 4) && big_endian (piece) == sum;
}

static gboolean
is_recipe (const Reader *reader, const gchar *recipe)
{
  static const gchar keyword[] = "Recipe";
  gsize size = strlen (recipe);

  return reader->length == sizeof keyword + size &&
      reader->n_head == reader->length &&
      memcmp (reader->head, keyword, sizeof keyword) == 0 &&
      memcmp (reader->head + sizeof keyword, recipe, size) == 0;
}

static gboolean
check_png (Reader *reader, const gchar *recipe, BatchResultFile *file)
{
  guint8 signature[sizeof png_signature];
  gboolean found = FALSE;

  if (!read_exactly (reader, signature, sizeof signature) ||
      memcmp (signature, png_signature, sizeof signature) != 0 ||
      !read_chunk (reader) || reader->type != CHUNK_IHDR ||
      reader->length != 13)
    return FALSE;
  file->width = (gint) big_endian (reader->head);
  file->height = (gint) big_endian (reader->head + 4);
  while (read_chunk (reader)) {
    if (reader->type == CHUNK_TEXT)
      found = found || is_recipe (reader, recipe);
    if (reader->type == CHUNK_IEND)
      return found && reader->left == 0;
    /* Recipes come before the pixels: do not read those for nothing. */
    if (reader->type == CHUNK_IDAT && !found)
      return FALSE;
  }
  return FALSE;
}

gboolean
batch_recipe_matches (
    const gchar *path, const gchar *recipe, BatchResultFile *file)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  Reader reader = { 0 };
  struct stat status;
  gboolean matches = FALSE;

  if (fd < 0)
    return FALSE;
  if (fstat (fd, &status) == 0 && S_ISREG (status.st_mode))
    reader.stream = fdopen (fd, "rb");
  if (reader.stream == NULL) {
    close (fd);
    return FALSE;
  }
  reader.left = file->bytes = (guint64) status.st_size;
  matches = check_png (&reader, recipe, file);
  fclose (reader.stream);
  return matches;
}

/* Its writer holds a lock for as long as it lives. */
static void
sweep_file (const gchar *path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

  if (fd < 0)
    return;
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    unlink (path);
  close (fd);
}

void
batch_recipe_sweep (const gchar *folder,
    gboolean (*is_result) (const gchar *, gpointer), gpointer user)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  if (dir == NULL)
    return;
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree gchar *result = NULL, *path = NULL;
    gsize length = strlen (name), tail = strlen (TEMPORARY_TAIL);

    if (name[0] != '.' || length <= tail + 1 ||
        !g_str_has_suffix (name, ".part"))
      continue;
    result = g_strndup (name + 1, length - tail - 1);
    path = g_build_filename (folder, name, NULL);
    if (is_result (result, user))
      sweep_file (path);
  }
  g_dir_close (dir);
}
