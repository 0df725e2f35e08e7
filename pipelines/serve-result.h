/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One finished PNG: the encoder's buffer, which is on the memory account, until
 * it is written to the cache, then that open file. Where it cannot be written it
 * is kept in memory of its own, which the pipeline does not wait for.
 *
 * Thread-safety: safe. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _ServeResult ServeResult;

#define SERVE_TYPE_RESULT (serve_result_get_type ())
GType serve_result_get_type (void);

/* Takes `fd`. */
ServeResult *serve_result_new_for_file (gint fd, guint64 size);
/* Takes a reference. */
ServeResult *serve_result_new_for_buffer (GstBuffer *buffer);
/* The same bytes are in `fd` now, which it takes; lets go of the buffer. Once,
 * of a result for a buffer. */
void serve_result_move_to_file (ServeResult *result, gint fd);
/* Nor is there a file: copies the bytes and lets go of the buffer, whose memory
 * other pictures may be waiting for. Once, of a result for a buffer. */
void serve_result_keep (ServeResult *result);
/* Bytes that all results kept have. */
guint64 serve_result_get_kept (void);
ServeResult *serve_result_ref (ServeResult *result);
void serve_result_unref (ServeResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ServeResult, serve_result_unref)

guint64 serve_result_size (const ServeResult *result);
/* While it is in memory, a reference; then NULL. */
GstBuffer *serve_result_get_buffer (ServeResult *result);

/* Up to `size` bytes from `offset`, shorter only at the end. May block on the
 * disk. */
GBytes *serve_result_read (
    ServeResult *result, guint64 offset, gsize size, GError **error);

/* The same where it does not block; NULL where it would, or cannot tell. */
GBytes *serve_result_read_now (ServeResult *result, guint64 offset, gsize size);

/* All of it, whatever interrupts; FALSE with errno. */
gboolean serve_write_all (gint fd, const guint8 *bytes, gsize size);

G_END_DECLS
