/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-routes.h"

#include <string.h>

#include "serve-connection.h"
#include "serve-former.h"
#include "serve-page.h"
#include "serve-process.h"
#include "serve-progress.h"
#include "serve-results.h"
#include "serve-watch.h"

#define OWN SERVE_FORM_OWN
#define FORMER SERVE_FORM_FORMER

static const gchar *const progress_paths[] = { "/ws/enhanced-progress",
  "/api/v2/ws/enhanced-progress", "/ws/progress" };

/* The first that fits wins. */
static const ServeRoute routes[] = {
  { "POST", "/v2/process", OWN, serve_process_begin, serve_process_body,
      serve_process_handle },
  { "GET", "/v2/results/*", OWN, NULL, NULL, serve_results_handle },

  { "GET", "/healthz", OWN, NULL, NULL, serve_watch_alive },
  { "GET", "/readyz", OWN, NULL, NULL, serve_watch_ready },
  { "GET", "/health", OWN, NULL, NULL, serve_watch_health },
  { "GET", "/metrics", OWN, NULL, NULL, serve_watch_metrics },

  { "GET", "/", OWN, NULL, NULL, serve_page_handle_root },
  { "GET", "/index.html", OWN, NULL, NULL, serve_page_handle_file },
  { "GET", "/page.css", OWN, NULL, NULL, serve_page_handle_file },
  { "GET", "/page.js", OWN, NULL, NULL, serve_page_handle_file },

  { "POST", "/api/v2/process-with-effects", FORMER, serve_former_begin,
      serve_former_body, serve_former_handle },
  { "POST", "/api/v2/process", FORMER, serve_former_begin, serve_former_body,
      serve_former_handle },
  { "GET", "/api/v2/", FORMER, NULL, NULL, serve_former_root },
  { "GET", "/api/v2", FORMER, NULL, NULL, serve_former_root },
  { "GET", "/api/v2/effects", FORMER, NULL, NULL, serve_former_effects },
  { "GET", "/api/v2/effect/*", FORMER, NULL, NULL, serve_former_effect },
  { "GET", "/api/v2/download-effect/*", FORMER, NULL, NULL,
      serve_former_download },
  { "POST", "/api/v2/switch-effect", FORMER, serve_former_switch_begin,
      serve_former_switch_body, serve_former_switch },
  { "GET", "/api/v2/stats", FORMER, NULL, NULL, serve_former_stats },
  { "GET", "/api/v2/health/detailed", FORMER, NULL, NULL, serve_former_health },
  { "POST", "/warmup", FORMER, NULL, NULL, serve_former_warmup },
  { "POST", "/load-model", FORMER, NULL, NULL, serve_former_load_model },
  { "GET", "/model-info", FORMER, NULL, NULL, serve_former_model_info },
  { "GET", "/ws/*", FORMER, NULL, NULL, serve_progress_handle_get },
  { "GET", "/api/v2/ws/*", FORMER, NULL, NULL, serve_progress_handle_get },
};

static gboolean
path_matches (const ServeRoute *route, const gchar *path)
{
  gsize n = strlen (route->path);

  return route->path[n - 1] == '*' ? strncmp (route->path, path, n - 1) == 0
                                   : g_str_equal (route->path, path);
}

const ServeRoute *
serve_routes_find (const gchar *method, const gchar *path)
{
  if (g_str_equal (method, "HEAD"))
    method = "GET";
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (g_str_equal (routes[i].method, method) &&
        path_matches (&routes[i], path))
      return &routes[i];
  return NULL;
}

const gchar *
serve_routes_allow (const gchar *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (path_matches (&routes[i], path))
      return g_str_equal (routes[i].method, "GET") ? "GET, HEAD, OPTIONS"
                                                   : "POST, OPTIONS";
  return NULL;
}

ServeForm
serve_routes_form (const gchar *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (path_matches (&routes[i], path))
      return routes[i].form;
  return g_str_has_prefix (path, "/api/v2/") ? FORMER : OWN;
}

gboolean
serve_routes_is_websocket (const gchar *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (progress_paths); i++)
    if (g_str_has_prefix (path, progress_paths[i]))
      return TRUE;
  return FALSE;
}

static void
on_websocket (SoupServer *soup, SoupServerMessage *msg, const char *path,
    SoupWebsocketConnection *socket, gpointer user)
{
  ServeServer *server = user;
  ServeConnection *connection = serve_connection_of_address (
      soup_server_message_get_remote_address (msg));
  const gchar *session = strrchr (path, '/') + 1;

  if (connection != NULL)
    serve_connection_set_phase (connection, SERVE_PHASE_SOCKET, 0);
  serve_http_upgraded (msg);
  serve_progress_add (server->progress, session, socket);
}

void
serve_routes_init (ServeServer *server, SoupServerCallback on_headers,
    SoupServerCallback on_request)
{
  for (guint i = 0; i < G_N_ELEMENTS (progress_paths); i++) {
    const gchar *path = progress_paths[i];

    soup_server_add_early_handler (
        server->soup, path, on_headers, server, NULL);
    soup_server_add_handler (server->soup, path, on_request, server, NULL);
    soup_server_add_websocket_handler (
        server->soup, path, NULL, NULL, on_websocket, server, NULL);
  }
}
