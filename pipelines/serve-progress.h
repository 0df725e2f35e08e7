/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* WebSockets that follow a session's photo, in the former service's messages.
 * Main thread only. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

ServeProgress *serve_progress_new (void);
void serve_progress_free (ServeProgress *progress);

/* Takes a WebSocket that was opened for `session`; closes it when there are
 * too many. */
void serve_progress_add (ServeProgress *progress, const gchar *session,
    SoupWebsocketConnection *socket);

guint serve_progress_count (const ServeProgress *progress);

/* Tells who follows `session` what has become of `job`. */
void serve_progress_tell (ServeProgress *progress, const gchar *session,
    const ServeJob *job, ServeJobEvent event, guint look);

/* GET of a WebSocket's address. */
void serve_progress_handle_get (ServeRequest *request);

G_END_DECLS
