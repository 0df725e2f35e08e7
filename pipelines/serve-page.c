/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-page.h"

#include "serve-former.h"

static const struct {
  const gchar *path, *resource, *type;
} files[] = {
  { "/", "page.html", "text/html; charset=utf-8" },
  { "/index.html", "page.html", "text/html; charset=utf-8" },
  { "/page.css", "page.css", "text/css; charset=utf-8" },
  { "/page.js", "page.js", "text/javascript; charset=utf-8" },
};

void
serve_page_handle_file (ServeRequest *request)
{
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree gchar *name = NULL;
    g_autoptr (GBytes) bytes = NULL;

    if (!g_str_equal (request->path, files[i].path))
      continue;
    name = g_strconcat ("/pet-serve/", files[i].resource, NULL);
    bytes = g_resources_lookup_data (name, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    serve_request_set_header (request, "Cache-Control", "no-cache");
    serve_request_set_header (request, "Content-Security-Policy",
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
        "base-uri 'none'; frame-ancestors 'self'");
    serve_request_answer (request, SOUP_STATUS_OK, files[i].type, bytes);
    return;
  }
  serve_request_refuse (request, SOUP_STATUS_NOT_FOUND, "Not Found");
}

void
serve_page_handle_root (ServeRequest *request)
{
  if (!serve_request_accepts (request, "text/html")) {
    serve_former_root (request);
    return;
  }
  serve_request_set_header (request, "Vary", "Accept");
  serve_page_handle_file (request);
}
