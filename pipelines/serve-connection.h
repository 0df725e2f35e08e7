/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One client's connection: its deadline, and what has to be done past libsoup.
 */

#pragma once

#include "serve-stream.h"

G_BEGIN_DECLS

typedef struct _ServeConnection ServeConnection;

typedef enum {
  SERVE_PHASE_IDLE,   /* before a request or between two */
  SERVE_PHASE_UPLOAD, /* headers are read, the body is coming */
  SERVE_PHASE_WORK,   /* our turn */
  SERVE_PHASE_SEND,   /* the client's turn to take something */
  SERVE_PHASE_LINGER, /* refused: it may read the answer, then it is closed */
  SERVE_PHASE_SOCKET, /* a WebSocket: has its own pings */
} ServePhase;

/* `closed` is called once, when the stream is gone. */
ServeConnection *serve_connection_new (ServeStream *stream,
    void (*closed) (ServeConnection *connection, gpointer user), gpointer user);
ServeConnection *serve_connection_ref (ServeConnection *connection);
void serve_connection_unref (ServeConnection *connection);

/* The address object that leads back to the connection. Transfer none. */
GSocketAddress *serve_connection_address (ServeConnection *connection);
ServeConnection *serve_connection_of_address (GSocketAddress *address);

/* `seconds` 0: no deadline. */
void serve_connection_set_phase (
    ServeConnection *connection, ServePhase phase, guint seconds);
ServePhase serve_connection_phase (const ServeConnection *connection);
gboolean serve_connection_is_late (const ServeConnection *connection);
gint64 serve_connection_deadline (const ServeConnection *connection);

/* A refused client has this long to read why. */
#define SERVE_LINGER_SECONDS 2

/* Sends `bytes` now, which must be few, and nothing any more. */
void serve_connection_send_last (
    ServeConnection *connection, const gchar *bytes, gsize size);
/* Both directions end; libsoup notices and closes. */
void serve_connection_cut (ServeConnection *connection);

/* Calls `left` once when the client closes its side. */
guint serve_connection_watch (
    ServeConnection *connection, GSourceFunc left, gpointer user);

G_END_DECLS
