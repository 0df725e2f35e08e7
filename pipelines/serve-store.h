/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Puts results where they stay: {session}/{effect}.png in a folder, or by HTTP
 * PUT below a URL. Main thread only; a few go at a time, the others wait. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

typedef struct _ServeStoring ServeStoring;

/* Its public URL, or the reason why not. */
typedef void (*ServeStoreCallback) (
    const gchar *url, const GError *error, gpointer user);

ServeStore *serve_store_new (
    const ServeOptions *options, ServeMetrics *metrics);
void serve_store_free (ServeStore *store);

/* `session` is a name (serve-sessions.h). The callback comes later, once,
 * unless it is canceled; `storing` is invalid then. */
ServeStoring *serve_store_put (ServeStore *store, const gchar *session,
    const gchar *effect, ServeResult *result, ServeStoreCallback callback,
    gpointer user);
void serve_store_cancel (ServeStoring *storing);

G_END_DECLS
