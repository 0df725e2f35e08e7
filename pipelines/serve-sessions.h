/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which results belong to a session: the last 1024 sessions that had any. Main
 * thread only. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

ServeSessions *serve_sessions_new (void);
void serve_sessions_free (ServeSessions *sessions);

void serve_sessions_set (ServeSessions *sessions, const gchar *session,
    guint look, const gchar *key);
/* NULL if there is none. */
const gchar *serve_sessions_get (
    ServeSessions *sessions, const gchar *session, guint look);

/* A name that may be part of a path: letters, digits, '.', '_', '-', not
 * beginning with a dot, at most 64. */
gboolean serve_session_is_name (const gchar *text);

/* The former service took any text: up to 128 bytes of UTF-8 without control
 * characters, else a new name. Free with g_free(). */
gchar *serve_session_choose_any (const gchar *wanted);

/* `wanted` if it is a name, else a new one; free with g_free(). */
gchar *serve_session_choose (const gchar *wanted);

G_END_DECLS
