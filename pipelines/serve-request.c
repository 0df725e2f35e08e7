/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-http.h"

#include <string.h>

#include "serve-connection.h"
#include "serve-routes.h"

#define NOT_READY_SECONDS 30

static const gchar exposed_headers[] =
    "Content-Length, ETag, Retry-After, X-Processing-Time, X-Cache-Hits, "
    "X-Session-ID, X-Effect, X-Available-Effects, X-Effects-Count, "
    "X-Result-Key";

const gchar *
serve_request_query (ServeRequest *request, const gchar *name)
{
  return g_hash_table_lookup (request->query, name);
}

const gchar *
serve_request_header (ServeRequest *request, const gchar *name)
{
  return soup_message_headers_get_list (
      soup_server_message_get_request_headers (request->msg), name);
}

void
serve_request_set_header (
    ServeRequest *request, const gchar *name, const gchar *value)
{
  soup_message_headers_replace (
      soup_server_message_get_response_headers (request->msg), name, value);
}

gboolean
serve_request_accepts (ServeRequest *request, const gchar *type)
{
  const gchar *accept = serve_request_header (request, "Accept");
  GSList *list, *link;
  gboolean found = FALSE;

  if (accept == NULL)
    return FALSE;
  list = soup_header_parse_quality_list (accept, NULL);
  for (link = list; link != NULL && !found; link = link->next)
    found = g_ascii_strncasecmp (link->data, type, strlen (type)) == 0;
  soup_header_free_list (list);
  return found;
}

/* A '*' in place of a name allows every host below. */
static gboolean
origin_matches (const gchar *pattern, const gchar *origin)
{
  const gchar *star = strchr (pattern, '*');
  gsize n;

  if (star == NULL)
    return g_ascii_strcasecmp (pattern, origin) == 0;
  n = (gsize) (star - pattern);
  return g_ascii_strncasecmp (pattern, origin, n) == 0 &&
      g_str_has_suffix (origin, star + 1) &&
      strlen (origin) > strlen (pattern) - 1 &&
      strpbrk (origin + n, "/@?#") == NULL;
}

static gboolean
origin_is_allowed (ServeRequest *request, const gchar *origin, gboolean *all)
{
  gboolean allowed = FALSE;

  *all = FALSE;
  for (gchar **o = request->server->options->origins; *o != NULL; o++) {
    *all = *all || g_str_equal (*o, "*");
    allowed = allowed || origin_matches (*o, origin);
  }
  return *all || allowed;
}

gboolean
serve_request_is_from_allowed (ServeRequest *request)
{
  const gchar *origin = serve_request_header (request, "Origin");
  const gchar *host = serve_request_header (request, "Host");
  const gchar *name;
  gboolean all;

  if (origin == NULL || origin_is_allowed (request, origin, &all))
    return TRUE;
  name = strstr (origin, "://");
  return name != NULL && host != NULL &&
      g_ascii_strcasecmp (name + 3, host) == 0;
}

void
serve_request_set_cors (ServeRequest *request)
{
  const gchar *origin = serve_request_header (request, "Origin");
  gboolean allowed, all;

  if (origin == NULL)
    return;
  allowed = origin_is_allowed (request, origin, &all);
  soup_message_headers_append (
      soup_server_message_get_response_headers (request->msg), "Vary",
      "Origin");
  if (!allowed)
    return;
  serve_request_set_header (
      request, "Access-Control-Allow-Origin", all ? "*" : origin);
  serve_request_set_header (
      request, "Access-Control-Expose-Headers", exposed_headers);
  if (!all)
    serve_request_set_header (
        request, "Access-Control-Allow-Credentials", "true");
}

void
serve_request_answer_preflight (ServeRequest *request)
{
  const gchar *headers =
      serve_request_header (request, "Access-Control-Request-Headers");

  serve_request_set_header (
      request, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
  serve_request_set_header (request, "Access-Control-Allow-Headers",
      headers != NULL ? headers : "Content-Type, X-Session-ID");
  serve_request_set_header (request, "Access-Control-Max-Age", "3600");
  /* After a 204 libsoup closes the connection, which the browser has for the
   * photo. */
  serve_request_answer (request, SOUP_STATUS_OK, NULL, NULL);
}

static const gchar *
phrase_of (guint status)
{
  return status == SERVE_TOO_MANY_REQUESTS ? "Too Many Requests"
                                           : soup_status_get_phrase (status);
}

static void
append_header (const char *name, const char *value, gpointer text)
{
  g_string_append_printf (text, "%s: %s\r\n", name, value);
}

/* Sends the answer past libsoup, which would read the body to its end first.
 * What the client still sends is dropped for a while, so that it can read the
 * answer before the connection goes. */
static void
send_early (ServeRequest *request, guint status, GBytes *body)
{
  SoupMessageHeaders *headers =
      soup_server_message_get_response_headers (request->msg);
  g_autoptr (GString) text = g_string_new (NULL);
  gsize size = 0;
  const gchar *bytes = body != NULL ? g_bytes_get_data (body, &size) : NULL;

  soup_message_headers_replace (headers, "Connection", "close");
  soup_message_headers_set_content_length (headers, (goffset) size);
  g_string_append_printf (
      text, "HTTP/1.1 %u %s\r\n", status, phrase_of (status));
  soup_message_headers_foreach (headers, append_header, text);
  g_string_append (text, "\r\n");
  g_string_append_len (text, bytes, (gssize) size);
  request->refused = TRUE;
  serve_connection_send_last (request->connection, text->str, text->len);
  serve_connection_set_phase (
      request->connection, SERVE_PHASE_LINGER, SERVE_LINGER_SECONDS);
}

void
serve_request_begin_answer (ServeRequest *request, guint status)
{
  request->answered = TRUE;
  request->server->metrics->responses[MIN (status, 599)]++;
  serve_request_set_header (request, "X-Content-Type-Options", "nosniff");
  if (request->server->draining)
    serve_request_set_header (request, "Connection", "close");
  soup_server_message_set_status (request->msg, status, phrase_of (status));
  serve_connection_set_phase (request->connection, SERVE_PHASE_SEND,
      request->server->options->send_timeout);
}

void
serve_request_answer (
    ServeRequest *request, guint status, const gchar *type, GBytes *body)
{
  SoupMessageHeaders *headers =
      soup_server_message_get_response_headers (request->msg);
  gboolean expects =
      (soup_message_headers_get_expectations (
           soup_server_message_get_request_headers (request->msg)) &
          SOUP_EXPECTATION_CONTINUE) != 0;

  if (request->answered || request->gone)
    return;
  serve_request_begin_answer (request, status);
  if (type != NULL)
    soup_message_headers_set_content_type (headers, type, NULL);
  if (!request->body_read && !(expects && request->body_bytes == 0)) {
    send_early (request, status, body);
    return;
  }
  if (request->is_head)
    soup_message_headers_set_content_length (
        headers, body != NULL ? (goffset) g_bytes_get_size (body) : 0);
  else if (body != NULL)
    soup_message_body_append_bytes (
        soup_server_message_get_response_body (request->msg), body);
  soup_message_body_complete (
      soup_server_message_get_response_body (request->msg));
  if (request->watch != 0)
    soup_server_message_unpause (request->msg);
}

void
serve_request_answer_text (
    ServeRequest *request, guint status, const gchar *type, const gchar *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  serve_request_answer (request, status, type, bytes);
}

static gchar *
quote (const gchar *text)
{
  g_autofree gchar *valid = g_utf8_make_valid (text, -1);
  GString *json = g_string_new ("\"");

  for (const gchar *c = valid; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_printf (json, "\\%c", *c);
    else if ((guchar) *c < 0x20)
      g_string_append_printf (json, "\\u%04x", (guint) *c);
    else
      g_string_append_c (json, *c);
  }
  g_string_append_c (json, '"');
  return g_string_free (json, FALSE);
}

void
serve_request_refuse (ServeRequest *request, guint status, const gchar *reason)
{
  g_autofree gchar *quoted = quote (reason);
  g_autofree gchar *text = g_strdup_printf ("{\"%s\": %s}\n",
      serve_routes_form (request->path) == SERVE_FORM_FORMER ? "detail"
                                                             : "error",
      quoted);

  serve_request_set_header (request, "Cache-Control", "no-store");
  serve_request_answer_text (request, status, "application/json", text);
}

void
serve_request_refuse_for_now (ServeRequest *request, const gchar *reason)
{
  g_autofree gchar *seconds =
      g_strdup_printf ("%u", serve_jobs_retry_after (request->server->jobs));

  serve_request_set_header (request, "Retry-After", seconds);
  serve_request_refuse (request, SERVE_TOO_MANY_REQUESTS, reason);
}

gboolean
serve_request_refuse_not_ready (ServeRequest *request)
{
  ServeServer *server = request->server;
  g_autofree gchar *text = NULL;
  ServeJobsState state;

  serve_jobs_get_state (server->jobs, &state);
  if (state.ready && !server->draining)
    return FALSE;
  text = g_strdup_printf ("{\"error\": \"%s\", \"retry_after\": %d}\n",
      server->draining ? "the service is being stopped"
                       : "the network is being loaded",
      NOT_READY_SECONDS);
  serve_request_set_header (
      request, "Retry-After", G_STRINGIFY (NOT_READY_SECONDS));
  serve_request_answer_text (
      request, SOUP_STATUS_SERVICE_UNAVAILABLE, "application/json", text);
  return TRUE;
}

void
serve_request_set_deadline (ServeRequest *request, guint seconds)
{
  serve_connection_set_phase (request->connection,
      seconds == 0 ? SERVE_PHASE_WORK : SERVE_PHASE_SEND, seconds);
}

void
serve_request_drop_data (ServeRequest *request)
{
  if (request->data != NULL)
    request->free_data (g_steal_pointer (&request->data));
}

/* Makes libsoup write, which fails, so that it lets go of the connection. */
static gboolean
on_left (gpointer user)
{
  ServeRequest *request = user;
  SoupMessageBody *body = soup_server_message_get_response_body (request->msg);

  request->watch = 0;
  request->gone = TRUE;
  serve_request_drop_data (request);
  serve_connection_cut (request->connection);
  if (!request->answered)
    soup_server_message_set_status (
        request->msg, SOUP_STATUS_REQUEST_TIMEOUT, NULL);
  soup_message_body_append (body, SOUP_MEMORY_STATIC, "\n", 1);
  soup_message_body_complete (body);
  soup_server_message_unpause (request->msg);
  return G_SOURCE_REMOVE;
}

void
serve_request_cut (ServeRequest *request)
{
  serve_connection_cut (request->connection);
}

void
serve_request_wait (ServeRequest *request)
{
  if (request->answered || request->watch != 0)
    return;
  soup_server_message_pause (request->msg);
  request->watch =
      serve_connection_watch (request->connection, on_left, request);
  serve_connection_set_phase (request->connection, SERVE_PHASE_WORK, 0);
}
