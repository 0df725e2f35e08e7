/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Takes in a photo, as the body or as the field "file" of a form, and refuses
 * as early as its bytes allow: too large, not a photo, no room. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

typedef struct _ServeUpload ServeUpload;

/* By the headers; takes a place. NULL: the request was refused. */
ServeUpload *serve_upload_new (ServeRequest *request);
void serve_upload_free (ServeUpload *upload);

/* May refuse the request. */
void serve_upload_feed (ServeUpload *upload, const guint8 *bytes, gsize size);

/* The photo, once the body has been read; the place is now the caller's, to
 * submit a job with. The bytes stay charged until they are freed. FALSE: the
 * request was refused. */
gboolean serve_upload_finish (ServeUpload *upload, ServePhoto *photo);

/* Of the query, else of the form; NULL if there is none. */
const gchar *serve_upload_field (ServeUpload *upload, const gchar *name);

/* One that is yes or no, in the spellings that the former service took; *value
 * stays where there is none. FALSE: it is neither. */
gboolean serve_upload_flag (
    ServeUpload *upload, const gchar *name, gboolean *value);

G_END_DECLS
