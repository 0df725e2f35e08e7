/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve-connection.h"
#include "serve-routes.h"

#define REQUEST_KEY "serve-request"
#define IDLE_SECONDS 15
/* Body of a request whose route wants none. */
#define MAX_STRAY_BYTES (64 * 1024)
#define SWEEP_MS 500
/* Of a body's length: fits into 63 bits. */
#define MAX_LENGTH_DIGITS 18

static void accept_next (ServeServer *server);

/* -- requests -- */

static void
free_request (ServeRequest *request)
{
  ServeServer *server = request->server;

  serve_request_drop_data (request);
  if (request->watch != 0)
    g_source_remove (request->watch);
  if (serve_connection_phase (request->connection) != SERVE_PHASE_SOCKET) {
    serve_connection_set_phase (
        request->connection, SERVE_PHASE_IDLE, IDLE_SECONDS);
    if (server->draining)
      serve_connection_cut (request->connection);
  }
  serve_connection_unref (request->connection);
  g_hash_table_unref (request->query);
  g_free (request->path);
  g_free (request);
  server->n_requests--;
  if (server->draining && server->n_requests == 0 && server->drained != NULL)
    server->drained (server->drained_user);
}

static void
on_finished (SoupServerMessage *msg, gpointer user)
{
  ServeRequest *request = g_object_steal_data (G_OBJECT (msg), REQUEST_KEY);

  if (request != NULL)
    free_request (request);
}

/* libsoup does not call it finished. */
void
serve_http_upgraded (SoupServerMessage *msg)
{
  on_finished (msg, NULL);
}

/* What there is no route for. */
static void
refuse_address (ServeRequest *request)
{
  const gchar *methods = serve_routes_allow (request->path);

  if (methods == NULL) {
    serve_request_refuse (request, SOUP_STATUS_NOT_FOUND, "Not Found");
    return;
  }
  serve_request_set_header (request, "Allow", methods);
  serve_request_refuse (request, SOUP_STATUS_METHOD_NOT_ALLOWED,
      "this address does not take that method");
}

static void
on_stray_bytes (ServeRequest *request)
{
  if (request->body_bytes <= MAX_STRAY_BYTES)
    return;
  if (request->route == NULL &&
      soup_server_message_get_method (request->msg) != SOUP_METHOD_OPTIONS)
    refuse_address (request);
  else
    serve_request_refuse (request, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
        "this address takes no body");
}

static void
on_chunk (SoupServerMessage *msg, GBytes *chunk, gpointer user)
{
  ServeRequest *request = g_object_get_data (G_OBJECT (msg), REQUEST_KEY);
  gsize size;
  const guint8 *bytes = g_bytes_get_data (chunk, &size);

  if (request == NULL)
    return;
  request->body_bytes += size;
  if (request->answered)
    return;
  if (request->route != NULL && request->route->body != NULL)
    request->route->body (request, bytes, size);
  else
    on_stray_bytes (request);
}

/* Without Host libsoup leaves the query of HTTP/1.0 in the path. */
static void
set_address (ServeRequest *request, GHashTable *query)
{
  gchar *mark = NULL;

  request->path =
      g_strdup (g_uri_get_path (soup_server_message_get_uri (request->msg)));
  if (serve_request_header (request, "Host") == NULL)
    mark = strchr (request->path, '?');
  if (mark != NULL) {
    *mark = '\0';
    request->query = soup_form_decode (mark + 1);
  } else {
    request->query = query != NULL ? g_hash_table_ref (query)
                                   : g_hash_table_new (g_str_hash, g_str_equal);
  }
}

static void
clear_answer (SoupServerMessage *msg)
{
  soup_server_message_set_response (msg, NULL, SOUP_MEMORY_STATIC, NULL, 0);
}

static ServeRequest *
new_request (ServeServer *server, SoupServerMessage *msg, const char *path,
    GHashTable *query, ServeConnection *connection)
{
  ServeRequest *request = g_new0 (ServeRequest, 1);

  request->server = server;
  request->msg = msg;
  clear_answer (msg);
  set_address (request, query);
  request->is_head = soup_server_message_get_method (msg) == SOUP_METHOD_HEAD;
  request->connection = serve_connection_ref (connection);
  server->n_requests++;
  g_object_set_data (G_OBJECT (msg), REQUEST_KEY, request);
  g_signal_connect (msg, "finished", G_CALLBACK (on_finished), server);
  g_signal_connect (msg, "got-chunk", G_CALLBACK (on_chunk), server);
  soup_message_body_set_accumulate (
      soup_server_message_get_request_body (msg), FALSE);
  return request;
}

/* The body has one length, or none. */
static gboolean
is_length_clear (SoupServerMessage *msg)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (msg);
  const gchar *length =
      soup_message_headers_get_list (headers, "Content-Length");

  return length == NULL ||
      (soup_message_headers_get_list (headers, "Transfer-Encoding") == NULL &&
          *length != '\0' && strlen (length) <= MAX_LENGTH_DIGITS &&
          length[strspn (length, "0123456789")] == '\0');
}

static gboolean
close_stream (gpointer stream)
{
  g_io_stream_close (stream, NULL, NULL);
  return G_SOURCE_REMOVE;
}

/* What follows could be taken for another request, so libsoup reads no more. */
static void
refuse_length (ServeServer *server, SoupServerMessage *msg, const char *path,
    ServeConnection *connection)
{
  GIOStream *stream = soup_server_message_steal_connection (msg);
  g_autofree gchar *body =
      g_strdup_printf ("{\"%s\": \"the length of the body is not clear\"}\n",
          serve_routes_form (path) == SERVE_FORM_FORMER ? "detail" : "error");
  g_autofree gchar *answer = g_strdup_printf (
      "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
      "Content-Type: application/json\r\nContent-Length: %" G_GSIZE_FORMAT
      "\r\n\r\n%s",
      strlen (body), body);

  server->metrics->responses[SOUP_STATUS_BAD_REQUEST]++;
  serve_connection_send_last (connection, answer, strlen (answer));
  serve_connection_set_phase (connection, SERVE_PHASE_LINGER, 0);
  g_timeout_add_seconds_full (G_PRIORITY_DEFAULT, SERVE_LINGER_SECONDS,
      close_stream, stream, g_object_unref);
}

/* Decoded, it would end there. */
static gboolean
has_zero_byte (ServeRequest *request)
{
  const gchar *query =
      g_uri_get_query (soup_server_message_get_uri (request->msg));

  return query != NULL && strstr (query, "%00") != NULL;
}

/* -- what libsoup refuses before it asks anybody -- */

static void
set_unread (SoupServerMessage *msg, ServeForm form, const gchar *reason)
{
  g_autofree gchar *text = g_strdup_printf ("{\"%s\":\"%s\"}\n",
      form == SERVE_FORM_FORMER ? "detail" : "error", reason);

  clear_answer (msg);
  soup_server_message_set_response (
      msg, "application/json", SOUP_MEMORY_COPY, text, strlen (text));
}

/* Its headers were, and it is of nobody: its address has a ".." or a zero byte in
 * it, escaped. */
static void
on_unread (SoupServerMessage *msg, gpointer user)
{
  if (g_object_get_data (G_OBJECT (msg), REQUEST_KEY) == NULL)
    set_unread (msg,
        serve_routes_form (g_uri_get_path (soup_server_message_get_uri (msg))),
        "the address is not a path from the root down");
}

static void
count_unread (SoupServerMessage *msg, gpointer user)
{
  ServeServer *server = user;
  guint status = soup_server_message_get_status (msg);

  if (status != 0 && g_object_get_data (G_OBJECT (msg), REQUEST_KEY) == NULL)
    server->metrics->responses[MIN (status, 599)]++;
}

/* Its answer has a status and nothing else. This is the answer unless somebody
 * takes the request. */
static void
on_started (SoupServer *soup, SoupServerMessage *msg, gpointer user)
{
  set_unread (msg, SERVE_FORM_OWN,
      "the first line or the headers of the request cannot be read");
  g_signal_connect_after (msg, "got-headers", G_CALLBACK (on_unread), user);
  g_signal_connect (msg, "finished", G_CALLBACK (count_unread), user);
}

/* The headers of a request are there. */
static void
on_headers (SoupServer *soup, SoupServerMessage *msg, const char *path,
    GHashTable *query, gpointer user)
{
  ServeServer *server = user;
  ServeConnection *connection = serve_connection_of_address (
      soup_server_message_get_remote_address (msg));
  ServeRequest *request;

  if (connection == NULL || g_object_get_data (G_OBJECT (msg), REQUEST_KEY))
    return;
  if (!is_length_clear (msg)) {
    refuse_length (server, msg, path, connection);
    return;
  }
  request = new_request (server, msg, path, query, connection);
  serve_connection_set_phase (
      connection, SERVE_PHASE_UPLOAD, server->options->upload_timeout);
  serve_request_set_cors (request);
  request->route =
      serve_routes_find (soup_server_message_get_method (msg), request->path);
  if (has_zero_byte (request))
    serve_request_refuse (
        request, SOUP_STATUS_BAD_REQUEST, "a parameter has a zero byte");
  else if (request->route != NULL && request->route->begin != NULL)
    request->route->begin (request);
}

static gboolean
is_upgrade (ServeRequest *request)
{
  const gchar *upgrade = serve_request_header (request, "Upgrade");

  return upgrade != NULL && g_ascii_strcasecmp (upgrade, "websocket") == 0 &&
      request->route != NULL && serve_routes_is_websocket (request->path);
}

/* The body of a request has been read. */
static void
on_request (SoupServer *soup, SoupServerMessage *msg, const char *path,
    GHashTable *query, gpointer user)
{
  ServeRequest *request = g_object_get_data (G_OBJECT (msg), REQUEST_KEY);

  if (request == NULL) {
    soup_server_message_set_status (msg, SOUP_STATUS_BAD_REQUEST, NULL);
    return;
  }
  if (request->refused) {
    /* libsoup would answer once more. */
    serve_connection_cut (request->connection);
    soup_server_message_set_status (msg, SOUP_STATUS_BAD_REQUEST, NULL);
    return;
  }
  if (request->answered)
    return;
  request->body_read = TRUE;
  if (is_upgrade (request)) {
    /* Browsers ask nobody before they open one; libsoup goes on with it where
     * no answer was given. */
    if (!serve_request_is_from_allowed (request))
      serve_request_refuse (
          request, SOUP_STATUS_FORBIDDEN, "pages of this origin may not call");
    return;
  }
  if (soup_server_message_get_method (msg) == SOUP_METHOD_OPTIONS)
    serve_request_answer_preflight (request);
  else if (request->route != NULL)
    request->route->handle (request);
  else
    refuse_address (request);
}

/* -- connections -- */

guint
serve_http_n_connections (const ServeServer *server)
{
  return g_hash_table_size (server->connections);
}

static void
on_closed (ServeConnection *connection, gpointer user)
{
  ServeServer *server = user;

  if (server->connections != NULL)
    g_hash_table_remove (server->connections, connection);
  accept_next (server);
}

static void
on_accepted (GObject *source, GAsyncResult *result, gpointer user)
{
  ServeServer *server = user;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_listener_accept_socket_finish (
      G_SOCKET_LISTENER (source), result, NULL, &error);
  g_autoptr (GSocketAddress) local = NULL;
  g_autoptr (ServeStream) stream = NULL;
  ServeConnection *connection;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&server->accepting);
  if (socket != NULL) {
    stream = serve_stream_new (socket);
    connection = serve_connection_new (stream, on_closed, server);
    g_hash_table_add (server->connections, connection);
    serve_connection_set_phase (connection, SERVE_PHASE_IDLE, IDLE_SECONDS);
    local = g_socket_get_local_address (socket, NULL);
    soup_server_accept_iostream (server->soup, G_IO_STREAM (stream), local,
        serve_connection_address (connection), NULL);
  }
  accept_next (server);
}

/* The client that has been quiet for longest makes room. */
static void
cut_idle (ServeServer *server)
{
  ServeConnection *oldest = NULL;
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, server->connections);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (serve_connection_phase (key) == SERVE_PHASE_IDLE &&
        (oldest == NULL ||
            serve_connection_deadline (key) <
                serve_connection_deadline (oldest)))
      oldest = key;
  if (oldest != NULL)
    serve_connection_cut (oldest);
}

static void
accept_next (ServeServer *server)
{
  if (server->draining || server->accepting != NULL || server->listener == NULL)
    return;
  if (serve_http_n_connections (server) >= server->options->max_connections) {
    cut_idle (server);
    return;
  }
  server->accepting = g_cancellable_new ();
  g_socket_listener_accept_socket_async (
      server->listener, server->accepting, on_accepted, server);
}

static gboolean
on_sweep (gpointer user)
{
  static const gchar timeout[] =
      "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
      "Content-Length: 0\r\n\r\n";
  ServeServer *server = user;
  g_autoptr (GList) all = g_hash_table_get_keys (server->connections);

  for (GList *link = all; link != NULL; link = link->next)
    serve_connection_ref (link->data);
  for (GList *link = all; link != NULL; link = link->next) {
    ServeConnection *connection = link->data;

    if (serve_connection_is_late (connection)) {
      if (serve_connection_phase (connection) == SERVE_PHASE_UPLOAD) {
        server->metrics->responses[SOUP_STATUS_REQUEST_TIMEOUT]++;
        serve_connection_send_last (connection, timeout, sizeof timeout - 1);
      }
      serve_connection_cut (connection);
    }
    serve_connection_unref (connection);
  }
  accept_next (server);
  return G_SOURCE_CONTINUE;
}

/* -- life -- */

static gboolean
listen_on (ServeServer *server, GError **error)
{
  const ServeOptions *options = server->options;
  g_autoptr (GSocketAddress) wanted =
      g_inet_socket_address_new_from_string (options->listen, options->port);
  g_autoptr (GSocketAddress) effective = NULL;
  g_autofree gchar *text = NULL; /* has brackets around an IPv6 address */

  server->listener = g_socket_listener_new ();
  g_socket_listener_set_backlog (server->listener, 512);
  if (!g_socket_listener_add_address (server->listener, wanted,
          G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &effective, error))
    return FALSE;
  text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (effective));
  g_print ("listening on http://%s\n", text);
  fflush (stdout);
  return TRUE;
}

/* libsoup keeps a connection for the next request only while it listens itself.
 * What it is given to listen to is one end of a pair, on which nobody comes. */
static gboolean
keep_connections (ServeServer *server, GError **error)
{
  g_autoptr (GSocket) socket = NULL;
  gint ends[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
        "there is no socket: %s", g_strerror (errno));
    return FALSE;
  }
  server->silence = ends[1];
  socket = g_socket_new_from_fd (ends[0], error);
  if (socket == NULL) {
    close (ends[0]);
    return FALSE;
  }
  return soup_server_listen_socket (
      server->soup, socket, (SoupServerListenOptions) 0, error);
}

gboolean
serve_http_start (ServeServer *server, GError **error)
{
  server->connections = g_hash_table_new (NULL, NULL);
  server->soup =
      soup_server_new ("server-header", "pet-serve/" PET_VERSION, NULL);
  g_signal_connect (
      server->soup, "request-started", G_CALLBACK (on_started), server);
  soup_server_add_early_handler (server->soup, NULL, on_headers, server, NULL);
  soup_server_add_handler (server->soup, NULL, on_request, server, NULL);
  serve_routes_init (server, on_headers, on_request);
  if (!keep_connections (server, error) || !listen_on (server, error))
    return FALSE;
  server->sweep = g_timeout_add (SWEEP_MS, on_sweep, server);
  accept_next (server);
  return TRUE;
}

static void
cut_all_idle (ServeServer *server)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, server->connections);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (serve_connection_phase (key) == SERVE_PHASE_IDLE)
      serve_connection_cut (key);
}

void
serve_http_drain (
    ServeServer *server, void (*drained) (gpointer user), gpointer user)
{
  server->draining = TRUE;
  server->drained = drained;
  server->drained_user = user;
  if (server->accepting != NULL)
    g_cancellable_cancel (server->accepting);
  if (server->listener != NULL)
    g_socket_listener_close (server->listener);
  cut_all_idle (server);
  if (server->n_requests == 0)
    drained (user);
}

void
serve_http_stop (ServeServer *server)
{
  if (server->sweep != 0)
    g_source_remove (server->sweep);
  server->draining = TRUE;
  server->drained = NULL;
  if (server->soup != NULL)
    soup_server_disconnect (server->soup);
  g_clear_object (&server->soup);
  if (server->silence != 0)
    close (server->silence);
  g_clear_object (&server->listener);
  g_clear_object (&server->accepting);
  g_clear_pointer (&server->connections, g_hash_table_unref);
}
