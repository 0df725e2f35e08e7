/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_ACTIVE 8

struct _ServeStore {
  const ServeOptions *options;
  ServeMetrics *metrics;
  SoupSession *session; /* NULL: a folder */
  GQueue waiting;
  guint active;
};

struct _ServeStoring {
  ServeStore *store;
  gchar *session, *effect;
  ServeResult *result;
  ServeStoreCallback callback; /* NULL: canceled */
  gpointer user;
  GCancellable *cancellable;
  guint deadline;
  gint64 begin_us;
  gboolean begun;
};

static void begin_next (ServeStore *store);

static void
storing_free (gpointer data)
{
  ServeStoring *storing = data;

  g_free (storing->session);
  g_free (storing->effect);
  serve_result_unref (storing->result);
  g_object_unref (storing->cancellable);
  g_free (storing);
}

/* PREFIX/{session}/{effect}.png, before the query of PREFIX if it has one. */
static gchar *
make_url (const gchar *prefix, const ServeStoring *storing, gboolean query)
{
  const gchar *mark = strchr (prefix, '?');
  gsize n = mark != NULL ? (gsize) (mark - prefix) : strlen (prefix);

  while (n > 0 && prefix[n - 1] == '/')
    n--;
  return g_strdup_printf ("%.*s/%s/%s.png%s", (int) n, prefix, storing->session,
      storing->effect, mark != NULL && query ? mark : "");
}

static gchar *
public_url (const ServeStoring *storing)
{
  const ServeOptions *options = storing->store->options;
  g_autofree gchar *file = g_strconcat (storing->effect, ".png", NULL);
  g_autofree gchar *path = NULL, *absolute = NULL;

  if (options->store_url != NULL)
    return make_url (options->store_url, storing, TRUE);
  if (storing->store->session != NULL)
    return make_url (options->store, storing, FALSE);
  path = g_build_filename (options->store, storing->session, file, NULL);
  absolute = g_canonicalize_filename (path, NULL);
  return g_filename_to_uri (absolute, NULL, NULL);
}

/* Takes `error`. */
static void
finish (ServeStoring *storing, GError *error)
{
  ServeStore *store = storing->store;

  store->active--;
  if (storing->deadline != 0)
    g_source_remove (storing->deadline);
  serve_metrics_observe (store->metrics, SERVE_STAGE_STORE,
      (gdouble) (g_get_monotonic_time () - storing->begin_us) / G_USEC_PER_SEC);
  if (error != NULL)
    store->metrics->store_errors++;
  else
    store->metrics->stored++;
  if (storing->callback != NULL) {
    g_autofree gchar *url = error == NULL ? public_url (storing) : NULL;

    storing->callback (url, error, storing->user);
  }
  g_clear_error (&error);
  storing_free (storing);
  begin_next (store);
}

/* -- a folder -- */

static gboolean
write_file (ServeStoring *storing, GBytes *bytes, GError **error)
{
  g_autofree gchar *folder =
      g_build_filename (storing->store->options->store, storing->session, NULL);
  g_autofree gchar *name = g_strconcat (storing->effect, ".png", NULL);
  g_autofree gchar *path = g_build_filename (folder, name, NULL);
  g_autofree gchar *temporary = g_build_filename (folder, ".tmp-XXXXXX", NULL);
  gboolean written;
  gint fd = -1;

  if (g_mkdir_with_parents (folder, 0755) == 0)
    fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, 0644);
  written = fd >= 0 &&
      serve_write_all (
          fd, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) &&
      fsync (fd) == 0 && g_rename (temporary, path) == 0;
  if (!written)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
        "%s cannot be written: %s", path, g_strerror (errno));
  if (fd >= 0) {
    close (fd);
    if (!written)
      g_unlink (temporary);
  }
  return written;
}

static void
run_write (
    GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  ServeStoring *storing = data;
  GError *error = NULL;
  g_autoptr (GBytes) bytes = serve_result_read (
      storing->result, 0, (gsize) serve_result_size (storing->result), &error);

  if (bytes == NULL ||
      (storing->store->session == NULL && !write_file (storing, bytes, &error)))
    g_task_return_error (task, error);
  else
    g_task_return_pointer (
        task, g_steal_pointer (&bytes), (GDestroyNotify) g_bytes_unref);
}

/* -- HTTP PUT -- */

static void
on_put (GObject *source, GAsyncResult *result, gpointer user)
{
  ServeStoring *storing = user;
  SoupSession *session = SOUP_SESSION (source);
  SoupMessage *msg = soup_session_get_async_result_message (session, result);
  GError *error = NULL;
  g_autoptr (GInputStream) stream =
      soup_session_send_finish (session, result, &error);
  guint status = soup_message_get_status (msg);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    g_clear_error (&error);
    error = g_error_new (
        G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "the storage took too long");
  } else if (error == NULL && !SOUP_STATUS_IS_SUCCESSFUL (status)) {
    error = g_error_new (G_IO_ERROR, G_IO_ERROR_FAILED,
        "the storage answered %u %s", status,
        soup_message_get_reason_phrase (msg));
  }
  finish (storing, error);
}

static gboolean
on_deadline (gpointer user)
{
  ServeStoring *storing = user;

  storing->deadline = 0;
  g_cancellable_cancel (storing->cancellable);
  return G_SOURCE_REMOVE;
}

static void
put (ServeStoring *storing, GBytes *bytes)
{
  g_autofree gchar *url =
      make_url (storing->store->options->store, storing, TRUE);
  g_autoptr (SoupMessage) msg = soup_message_new ("PUT", url);

  if (msg == NULL) {
    finish (storing,
        g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
            "--store is not a usable address"));
    return;
  }
  soup_message_set_request_body_from_bytes (msg, "image/png", bytes);
  storing->deadline = g_timeout_add_seconds (
      storing->store->options->store_timeout, on_deadline, storing);
  soup_session_send_async (storing->store->session, msg, G_PRIORITY_DEFAULT,
      storing->cancellable, on_put, storing);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user)
{
  ServeStoring *storing = user;
  GError *error = NULL;
  g_autoptr (GBytes) bytes = g_task_propagate_pointer (G_TASK (result), &error);

  if (bytes != NULL && storing->store->session != NULL &&
      storing->callback != NULL)
    put (storing, bytes);
  else
    finish (storing, error);
}

static void
begin_next (ServeStore *store)
{
  while (store->active < MAX_ACTIVE && !g_queue_is_empty (&store->waiting)) {
    ServeStoring *storing = g_queue_pop_head (&store->waiting);
    g_autoptr (GTask) task = g_task_new (NULL, NULL, on_read, storing);

    store->active++;
    storing->begun = TRUE;
    storing->begin_us = g_get_monotonic_time ();
    g_task_set_task_data (task, storing, NULL);
    g_task_run_in_thread (task, run_write);
  }
}

ServeStoring *
serve_store_put (ServeStore *store, const gchar *session, const gchar *effect,
    ServeResult *result, ServeStoreCallback callback, gpointer user)
{
  ServeStoring *storing = g_new0 (ServeStoring, 1);

  storing->store = store;
  storing->session = g_strdup (session);
  storing->effect = g_strdup (effect);
  storing->result = serve_result_ref (result);
  storing->callback = callback;
  storing->user = user;
  storing->cancellable = g_cancellable_new ();
  g_queue_push_tail (&store->waiting, storing);
  begin_next (store);
  return storing;
}

void
serve_store_cancel (ServeStoring *storing)
{
  storing->callback = NULL;
  if (storing->begun) {
    g_cancellable_cancel (storing->cancellable);
    return;
  }
  g_queue_remove (&storing->store->waiting, storing);
  storing_free (storing);
}

ServeStore *
serve_store_new (const ServeOptions *options, ServeMetrics *metrics)
{
  ServeStore *store = g_new0 (ServeStore, 1);

  store->options = options;
  store->metrics = metrics;
  g_queue_init (&store->waiting);
  if (serve_options_store_is_http (options))
    store->session = soup_session_new_with_options ("max-conns", MAX_ACTIVE,
        "max-conns-per-host", MAX_ACTIVE, "user-agent",
        "pet-serve/" PET_VERSION, NULL);
  return store;
}

void
serve_store_free (ServeStore *store)
{
  if (store == NULL)
    return;
  if (store->session != NULL)
    soup_session_abort (store->session);
  while (store->active > 0)
    g_main_context_iteration (NULL, TRUE);
  g_clear_object (&store->session);
  g_queue_clear_full (&store->waiting, storing_free);
  g_free (store);
}
