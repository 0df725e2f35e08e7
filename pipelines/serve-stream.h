/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client's connection as libsoup sees it. libsoup 3.2 never closes one whose
 * client leaves between two requests; it closes those that break off in the
 * middle of one. So in between the end is preceded by one byte, the beginning of
 * a request that does not come. */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SERVE_TYPE_STREAM (serve_stream_get_type ())
G_DECLARE_FINAL_TYPE (ServeStream, serve_stream, SERVE, STREAM, GTcpConnection)

ServeStream *serve_stream_new (GSocket *socket);
/* `between`: no headers of a request have been read since the last answer. */
void serve_stream_set_between (ServeStream *stream, gboolean between);

G_END_DECLS
