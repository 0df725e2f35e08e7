/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a multipart/form-data body (RFC 7578) as it arrives, in pieces of any
 * size: the field "file" is handed on piece by piece, other fields are kept
 * whole. Everything it keeps has a limit. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _ServeMultipart ServeMultipart;

typedef struct {
  /* The part's headers were read; `type` is its Content-Type or NULL. FALSE:
   * stop. */
  gboolean (*file_begin) (const gchar *type, gpointer user);
  /* Some of the file's bytes. FALSE: stop. */
  gboolean (*file_bytes) (const guint8 *bytes, gsize size, gpointer user);
} ServeMultipartEvents;

/* NULL when `content_type` is not multipart/form-data with a usable boundary.
 */
ServeMultipart *serve_multipart_new (const gchar *content_type,
    const ServeMultipartEvents *events, gpointer user);
void serve_multipart_free (ServeMultipart *multipart);

/* FALSE: malformed or above a limit (serve_multipart_problem() says what), or
 * stopped by an event (no problem then); nothing may be fed any more. */
gboolean serve_multipart_feed (
    ServeMultipart *multipart, const guint8 *bytes, gsize size);

/* Static; NULL if there is none. */
const gchar *serve_multipart_problem (const ServeMultipart *multipart);

/* TRUE once the closing boundary was read. */
gboolean serve_multipart_is_complete (const ServeMultipart *multipart);

gboolean serve_multipart_has_file (const ServeMultipart *multipart);

/* Value of another field, NULL if there is none; the first of several. */
const gchar *serve_multipart_field (
    const ServeMultipart *multipart, const gchar *name);

G_END_DECLS
