/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-result.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/uio.h>
#include <unistd.h>

struct _ServeResult {
  gint references; /* atomic */
  gint fd;         /* -1: `buffer` */
  GstBuffer *buffer;
  guint64 size;
};

G_DEFINE_BOXED_TYPE (
    ServeResult, serve_result, serve_result_ref, serve_result_unref)

ServeResult *
serve_result_new_for_file (gint fd, guint64 size)
{
  ServeResult *result = g_new0 (ServeResult, 1);

  result->references = 1;
  result->fd = fd;
  result->size = size;
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

GBytes *
serve_result_read_now (ServeResult *result, guint64 offset, gsize size)
{
  guint8 *bytes;
  struct iovec vector;

  size = clamp_size (result, offset, size);
  bytes = g_malloc (MAX (size, 1));
  vector = (struct iovec){ bytes, size };
  if (result->fd < 0) {
    gst_buffer_extract (result->buffer, (gsize) offset, bytes, size);
  } else if (preadv2 (result->fd, &vector, 1, (off_t) offset, RWF_NOWAIT) !=
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

  size = clamp_size (result, offset, size);
  bytes = g_malloc (MAX (size, 1));
  if (result->fd < 0) {
    gst_buffer_extract (result->buffer, (gsize) offset, bytes, size);
  } else if (!read_file (result->fd, offset, bytes, size, error)) {
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
