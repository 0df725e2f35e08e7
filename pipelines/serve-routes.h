/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which address does what. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

/* NULL if there is none. */
const ServeRoute *serve_routes_find (const gchar *method, const gchar *path);

/* Methods of an address for the header Allow, NULL if nothing is there. */
const gchar *serve_routes_allow (const gchar *path);
/* How errors of an address are told, whether there is a route or not. */
ServeForm serve_routes_form (const gchar *path);

gboolean serve_routes_is_websocket (const gchar *path);

/* Adds the WebSockets, whose requests begin as any other. */
void serve_routes_init (ServeServer *server, SoupServerCallback on_headers,
    SoupServerCallback on_request);

G_END_DECLS
