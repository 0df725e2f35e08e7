/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An answer in pieces, some of which come later: text, and results read from
 * the disk in slices as the client takes them. A slow client costs one slice.
 *
 * Main thread only. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

typedef struct _ServeAnswer ServeAnswer;

/* Begins the answer. `length` of the body, or -1: it is sent in chunks, to a
 * client of HTTP/1.0 up to the connection's end. The request must have been waited with (serve_request_wait()). */
ServeAnswer *serve_answer_new (
    ServeRequest *request, guint status, const gchar *type, goffset length);
/* Before the end: what was not sent is not sent. */
void serve_answer_free (ServeAnswer *answer);

/* Takes `text`. */
void serve_answer_add_text (ServeAnswer *answer, gchar *text);
/* The bytes of `result`, or their base64 form without line ends. */
void serve_answer_add_result (
    ServeAnswer *answer, ServeResult *result, gboolean base64);
/* Nothing more will be added. */
void serve_answer_end (ServeAnswer *answer);

/* Bytes of `size` in base64. */
guint64 serve_answer_base64_size (guint64 size);

G_END_DECLS
