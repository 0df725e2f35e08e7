/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-result.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/uio.h>
#include <unistd.h>

struct _ServeResult {
  gint references; /* atomic */
  guint64 size;
  GMutex mutex; /* of these two: one of them is there, the file to the end */
  gint fd;
  GstBuffer *buffer;
  gsize kept; /* bytes of memory of its own */
};

static gsize all_kept; /* atomic */

G_DEFINE_BOXED_TYPE (
    ServeResult, serve_result, serve_result_ref, serve_result_unref)

ServeResult *
serve_result_new_for_file (gint fd, guint64 size)
{
  ServeResult *result = g_new0 (ServeResult, 1);

  result->references = 1;
  result->size = size;
  g_mutex_init (&result->mutex);
  result->fd = fd;
  return result;
}

ServeResult *
serve_result_new_for_buffer (GstBuffer *buffer)
{
  ServeResult *result =
      serve_result_new_for_file (-1, gst_buffer_get_size (buffer));

  result->buffer = gst_buffer_ref (buffer);
  return result;
}

void
serve_result_move_to_file (ServeResult *result, gint fd)
{
  GstBuffer *buffer;

  g_mutex_lock (&result->mutex);
  result->fd = fd;
  buffer = g_steal_pointer (&result->buffer);
  g_mutex_unlock (&result->mutex);
  gst_buffer_unref (buffer);
}

void
serve_result_keep (ServeResult *result)
{
  guint8 *bytes = g_try_malloc (MAX (result->size, 1));
  GstBuffer *before;

  if (bytes == NULL)
    return;
  gst_buffer_extract (result->buffer, 0, bytes, result->size);
  g_atomic_pointer_add (&all_kept, (gssize) result->size);
  g_mutex_lock (&result->mutex);
  before = result->buffer;
  result->buffer = gst_buffer_new_wrapped (bytes, result->size);
  result->kept = result->size;
  g_mutex_unlock (&result->mutex);
  gst_buffer_unref (before);
}

guint64
serve_result_get_kept (void)
{
  return g_atomic_pointer_get (&all_kept);
}

GstBuffer *
serve_result_get_buffer (ServeResult *result)
{
  GstBuffer *buffer;

  g_mutex_lock (&result->mutex);
  buffer = result->buffer != NULL ? gst_buffer_ref (result->buffer) : NULL;
  g_mutex_unlock (&result->mutex);
  return buffer;
}

/* -1: it is in memory. */
static gint
file_of (ServeResult *result)
{
  gint fd;

  g_mutex_lock (&result->mutex);
  fd = result->fd;
  g_mutex_unlock (&result->mutex);
  return fd;
}

ServeResult *
serve_result_ref (ServeResult *result)
{
  g_atomic_int_inc (&result->references);
  return result;
}

void
serve_result_unref (ServeResult *result)
{
  if (!g_atomic_int_dec_and_test (&result->references))
    return;
  if (result->fd >= 0)
    close (result->fd);
  gst_clear_buffer (&result->buffer);
  g_atomic_pointer_add (&all_kept, -(gssize) result->kept);
  g_mutex_clear (&result->mutex);
  g_free (result);
}

guint64
serve_result_size (const ServeResult *result)
{
  return result->size;
}

static gboolean
read_file (gint fd, guint64 offset, guint8 *bytes, gsize size, GError **error)
{
  gsize done = 0;

  while (done < size) {
    gssize n = pread (fd, bytes + done, size - done, (off_t) (offset + done));

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      g_set_error (error, G_IO_ERROR,
          n < 0 ? g_io_error_from_errno (errno) : G_IO_ERROR_PARTIAL_INPUT,
          "a result cannot be read back: %s",
          n < 0 ? g_strerror (errno) : "it ends early");
      return FALSE;
    }
    done += (gsize) n;
  }
  return TRUE;
}

static gsize
clamp_size (const ServeResult *result, guint64 offset, gsize size)
{
  return (gsize) MIN (size, result->size - MIN (offset, result->size));
}

/* NULL: it is in a file. */
static GBytes *
read_buffer (ServeResult *result, guint64 offset, gsize size)
{
  GstBuffer *buffer = serve_result_get_buffer (result);
  guint8 *bytes;

  if (buffer == NULL)
    return NULL;
  bytes = g_malloc (MAX (size, 1));
  gst_buffer_extract (buffer, (gsize) offset, bytes, size);
  gst_buffer_unref (buffer);
  return g_bytes_new_take (bytes, size);
}

GBytes *
serve_result_read_now (ServeResult *result, guint64 offset, gsize size)
{
  struct iovec vector;
  guint8 *bytes;
  GBytes *there;

  size = clamp_size (result, offset, size);
  there = read_buffer (result, offset, size);
  if (there != NULL)
    return there;
  bytes = g_malloc (MAX (size, 1));
  vector = (struct iovec){ bytes, size };
  if (preadv2 (file_of (result), &vector, 1, (off_t) offset, RWF_NOWAIT) !=
      (gssize) size) {
    g_free (bytes);
    return NULL;
  }
  return g_bytes_new_take (bytes, size);
}

GBytes *
serve_result_read (
    ServeResult *result, guint64 offset, gsize size, GError **error)
{
  guint8 *bytes;
  GBytes *there;

  size = clamp_size (result, offset, size);
  there = read_buffer (result, offset, size);
  if (there != NULL)
    return there;
  bytes = g_malloc (MAX (size, 1));
  if (!read_file (file_of (result), offset, bytes, size, error)) {
    g_free (bytes);
    return NULL;
  }
  return g_bytes_new_take (bytes, size);
}

gboolean
serve_write_all (gint fd, const guint8 *bytes, gsize size)
{
  while (size > 0) {
    gssize n = write (fd, bytes, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    bytes += n;
    size -= (gsize) n;
  }
  return TRUE;
}
