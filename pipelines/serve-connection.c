/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-connection.h"

#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#define ADDRESS_KEY "serve-connection"

struct _ServeConnection {
  gint references;
  ServeStream *stream; /* not owned; NULL once it is gone */
  GSocket *socket;
  GSocketAddress *address;
  ServePhase phase;
  gint64 deadline_us; /* G_MAXINT64: none */
  void (*closed) (ServeConnection *connection, gpointer user);
  gpointer user;
};

static void
on_stream_gone (gpointer data, GObject *stream)
{
  ServeConnection *connection = data;

  connection->stream = NULL;
  g_object_set_data (G_OBJECT (connection->address), ADDRESS_KEY, NULL);
  connection->closed (connection, connection->user);
  serve_connection_unref (connection);
}

ServeConnection *
serve_connection_new (ServeStream *stream,
    void (*closed) (ServeConnection *connection, gpointer user), gpointer user)
{
  ServeConnection *connection = g_new0 (ServeConnection, 1);

  connection->references = 1;
  connection->stream = stream;
  connection->socket = g_object_ref (
      g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)));
  connection->address = g_socket_get_remote_address (connection->socket, NULL);
  if (connection->address == NULL) /* it left before it was looked at */
    connection->address = g_inet_socket_address_new_from_string ("0.0.0.0", 0);
  connection->deadline_us = G_MAXINT64;
  connection->closed = closed;
  connection->user = user;
  /* Small pieces must not wait for the client's acknowledgement. */
  g_socket_set_option (connection->socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  g_object_set_data (G_OBJECT (connection->address), ADDRESS_KEY, connection);
  g_object_weak_ref (G_OBJECT (stream), on_stream_gone, connection);
  return connection;
}

ServeConnection *
serve_connection_ref (ServeConnection *connection)
{
  connection->references++;
  return connection;
}

void
serve_connection_unref (ServeConnection *connection)
{
  if (--connection->references > 0)
    return;
  g_object_unref (connection->socket);
  g_object_unref (connection->address);
  g_free (connection);
}

GSocketAddress *
serve_connection_address (ServeConnection *connection)
{
  return connection->address;
}

ServeConnection *
serve_connection_of_address (GSocketAddress *address)
{
  return address != NULL ? g_object_get_data (G_OBJECT (address), ADDRESS_KEY)
                         : NULL;
}

void
serve_connection_set_phase (
    ServeConnection *connection, ServePhase phase, guint seconds)
{
  connection->phase = phase;
  if (connection->stream != NULL)
    serve_stream_set_between (connection->stream, phase == SERVE_PHASE_IDLE);
  connection->deadline_us = seconds == 0
      ? G_MAXINT64
      : g_get_monotonic_time () + (gint64) seconds * G_USEC_PER_SEC;
}

ServePhase
serve_connection_phase (const ServeConnection *connection)
{
  return connection->phase;
}

gboolean
serve_connection_is_late (const ServeConnection *connection)
{
  return g_get_monotonic_time () > connection->deadline_us;
}

gint64
serve_connection_deadline (const ServeConnection *connection)
{
  return connection->deadline_us;
}

void
serve_connection_send_last (
    ServeConnection *connection, const gchar *bytes, gsize size)
{
  /* What does not fit into the socket's buffer at once is a client's that
   * takes nothing; it is cut off soon. */
  g_socket_send_with_blocking (
      connection->socket, bytes, size, FALSE, NULL, NULL);
  g_socket_shutdown (connection->socket, FALSE, TRUE, NULL);
}

void
serve_connection_cut (ServeConnection *connection)
{
  g_socket_shutdown (connection->socket, TRUE, TRUE, NULL);
}

typedef struct {
  GSourceFunc left;
  gpointer user;
} Watch;

static gboolean
on_condition (gint fd, GIOCondition condition, gpointer data)
{
  const Watch *watch = data;

  watch->left (watch->user);
  return G_SOURCE_REMOVE;
}

guint
serve_connection_watch (
    ServeConnection *connection, GSourceFunc left, gpointer user)
{
  Watch *watch = g_new0 (Watch, 1);

  watch->left = left;
  watch->user = user;
  return g_unix_fd_add_full (G_PRIORITY_DEFAULT,
      g_socket_get_fd (connection->socket),
      (GIOCondition) (POLLRDHUP | POLLHUP | POLLERR), on_condition, watch,
      g_free);
}
