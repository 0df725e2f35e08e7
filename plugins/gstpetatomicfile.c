/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetatomicfile.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".part"

/* Characters before it that tell the files of one name apart. */
#define N_RANDOM 6

static gboolean
fail_errno (GError **error, const gchar *what)
{
  gint code = errno;

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: %s",
      what, g_strerror (code));
  return FALSE;
}

static gboolean
write_bytes (gint fd, const guint8 *bytes, gsize size)
{
  while (size > 0) {
    gssize n = write (fd, bytes, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    bytes += n;
    size -= (gsize) n;
  }
  return TRUE;
}

/* Block by block: merging them would copy the file. */
static gboolean
write_buffer (gint fd, GstBuffer *buffer)
{
  for (guint i = 0; i < gst_buffer_n_memory (buffer); i++) {
    GstMemory *memory = gst_buffer_peek_memory (buffer, i);
    GstMapInfo map;
    gboolean written;

    if (!gst_memory_map (memory, &map, GST_MAP_READ)) {
      errno = ENOMEM;
      return FALSE;
    }
    written = write_bytes (fd, map.data, map.size);
    gst_memory_unmap (memory, &map);
    if (!written)
      return FALSE;
  }
  return TRUE;
}

static gboolean
fail_other (GError **error)
{
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
      "what has that name is not a file");
  return FALSE;
}

/* Of the file of that name, or that a link of that name leads to. */
static gboolean
keep (const gchar *name, GstPetAtomicResult *result, GError **error)
{
  struct stat status;

  if (stat (name, &status) != 0 || !S_ISREG (status.st_mode))
    return fail_other (error);
  result->kept = TRUE;
  result->bytes = (guint64) status.st_size;
  return TRUE;
}

/* link() refuses to replace, rename() replaces; both are atomic. */
static gboolean
publish (const gchar *temporary, const gchar *name, gboolean overwrite,
    GstPetAtomicResult *result, GError **error)
{
  gboolean done;

  if (overwrite) {
    if (rename (temporary, name) == 0)
      return TRUE;
    fail_errno (error, "rename");
    unlink (temporary);
    return FALSE;
  }
  done = link (temporary, name) == 0;
  if (!done && errno == EEXIST)
    done = keep (name, result, error);
  else if (!done)
    fail_errno (error, "link");
  unlink (temporary);
  return done;
}

static gboolean
fill (gint fd, const gchar *temporary, GstBuffer *buffer, GError **error)
{
  if (write_buffer (fd, buffer) && fsync (fd) == 0)
    return TRUE;
  fail_errno (error, "write");
  unlink (temporary);
  return FALSE;
}

static void
make_random (gchar *name)
{
  static const gchar letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

  for (gint i = 0; i < N_RANDOM; i++)
    name[i] = letters[g_random_int_range (0, sizeof letters - 1)];
}

/* Made like any file, with the process's umask and the folder's rules, which
 * mkostemps would pass over. The lock says that the file has a living writer: whoever clears up after
 * killed ones leaves it alone. One that was taken for dead before it was
 * locked has no name any more and is made again. */
static gint
open_temporary (gchar *temporary, gsize length)
{
  gint fd;

  for (gint tries = 0; tries < 10; tries++) {
    struct stat status;

    make_random (temporary + length - strlen (SUFFIX) - N_RANDOM);
    fd = open (temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
      continue;
    if (fd < 0)
      return -1;
    if (flock (fd, LOCK_EX) != 0 || fstat (fd, &status) != 0 ||
        status.st_nlink > 0)
      return fd;
    close (fd);
  }
  errno = EAGAIN;
  return -1;
}

gboolean
gst_pet_atomic_write (const gchar *name, GstBuffer *buffer, gboolean overwrite,
    GstPetAtomicResult *result, GError **error)
{
  g_autofree gchar *folder = g_path_get_dirname (name);
  g_autofree gchar *base = g_path_get_basename (name);
  g_autofree gchar *temporary =
      g_strdup_printf ("%s/.%.200s.XXXXXX" SUFFIX, folder, base);
  struct stat status;
  gboolean done;
  gint fd;

  *result = (GstPetAtomicResult){ .bytes = gst_buffer_get_size (buffer) };
  if (!overwrite && lstat (name, &status) == 0)
    return keep (name, result, error);
  /* A device is there to stay. */
  if (stat (name, &status) == 0 && !S_ISREG (status.st_mode))
    return fail_other (error);
  if (g_mkdir_with_parents (folder, 0777) != 0)
    return fail_errno (error, folder);
  fd = open_temporary (temporary, strlen (temporary));
  if (fd < 0)
    return fail_errno (error, folder);
  done = fill (fd, temporary, buffer, error) &&
      publish (temporary, name, overwrite, result, error);
  close (fd);
  return done;
}
