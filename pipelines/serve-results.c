/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-results.h"

#include <string.h>

#define PREFIX "/v2/results/"
/* The name says what is in it, so it never changes. */
#define IMMUTABLE "public, max-age=31536000, immutable"

typedef struct {
  ServeRequest *request; /* NULL: the client has left */
  ServeAnswer *answer;
  gint references;
  ServeCache *cache;
  gchar *key, *cache_control;
  guint look;
} Lookup;

static void
lookup_unref (gpointer data)
{
  Lookup *lookup = data;

  if (!g_atomic_int_dec_and_test (&lookup->references))
    return;
  g_free (lookup->key);
  g_free (lookup->cache_control);
  g_free (lookup);
}

/* The request is over. */
static void
drop_lookup (gpointer data)
{
  Lookup *lookup = data;

  g_clear_pointer (&lookup->answer, serve_answer_free);
  lookup->request = NULL;
  lookup_unref (lookup);
}

ServeAnswer *
serve_results_answer (ServeRequest *request, const gchar *key,
    ServeResult *result, const gchar *cache_control)
{
  g_autofree gchar *tag = g_strdup_printf ("\"%s\"", key);
  ServeAnswer *answer;

  serve_request_set_header (request, "ETag", tag);
  serve_request_set_header (request, "X-Result-Key", key);
  serve_request_set_header (request, "Cache-Control", cache_control);
  answer = serve_answer_new (request, SOUP_STATUS_OK, "image/png",
      (goffset) serve_result_size (result));
  if (!request->is_head)
    serve_answer_add_result (answer, result, FALSE);
  serve_answer_end (answer);
  return answer;
}

static void
run_lookup (
    GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Lookup *lookup = data;

  g_task_return_pointer (task,
      serve_cache_get (
          lookup->cache, lookup->key, pet_effects[lookup->look]->name),
      (GDestroyNotify) serve_result_unref);
}

/* TRUE when the client has what `key` names. */
static gboolean
is_known (ServeRequest *request, const gchar *key)
{
  const gchar *tags = serve_request_header (request, "If-None-Match");

  return tags != NULL &&
      (g_str_equal (tags, "*") || strstr (tags, key) != NULL);
}

static void
on_found (GObject *source, GAsyncResult *task, gpointer user)
{
  Lookup *lookup = g_task_get_task_data (G_TASK (task));
  ServeRequest *request = lookup->request;
  g_autoptr (ServeResult) result =
      g_task_propagate_pointer (G_TASK (task), NULL);
  g_autofree gchar *tag = NULL;

  if (request == NULL)
    return;
  if (result == NULL) {
    serve_request_refuse (request, SOUP_STATUS_NOT_FOUND,
        "there is no such result, or it is kept no longer");
  } else if (is_known (request, lookup->key)) {
    tag = g_strdup_printf ("\"%s\"", lookup->key);
    serve_request_set_header (request, "ETag", tag);
    serve_request_set_header (request, "Cache-Control", lookup->cache_control);
    serve_request_answer (request, SOUP_STATUS_NOT_MODIFIED, NULL, NULL);
  } else {
    lookup->answer = serve_results_answer (
        request, lookup->key, result, lookup->cache_control);
  }
}

void
serve_results_send (ServeRequest *request, const gchar *key, guint look,
    const gchar *cache_control)
{
  Lookup *lookup = g_new0 (Lookup, 1);
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_found, NULL);

  lookup->request = request;
  lookup->references = 2;
  lookup->cache = request->server->cache;
  lookup->key = g_strdup (key);
  lookup->cache_control = g_strdup (cache_control);
  lookup->look = look;
  request->data = lookup;
  request->free_data = drop_lookup;
  g_task_set_task_data (task, lookup, lookup_unref);
  g_task_run_in_thread (task, run_lookup);
  serve_request_wait (request);
}

void
serve_results_handle (ServeRequest *request)
{
  g_auto (GStrv) parts = g_strsplit (request->path + strlen (PREFIX), "/", 3);
  gint look = -1;

  if (g_strv_length (parts) == 2 && serve_cache_is_key (parts[0]) &&
      g_str_has_suffix (parts[1], ".png")) {
    parts[1][strlen (parts[1]) - 4] = '\0';
    look = serve_look_find (parts[1]);
  }
  if (look < 0)
    serve_request_refuse (request, SOUP_STATUS_NOT_FOUND,
        "results are at " PREFIX "{key}/{effect}.png");
  else
    serve_results_send (request, parts[0], (guint) look, IMMUTABLE);
}
