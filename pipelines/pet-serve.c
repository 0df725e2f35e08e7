/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos in by HTTP, the looks of each out as PNGs the moment they are ready.
 * What it does to pictures is done by the elements; this program feeds them
 * and answers. docs/pet-serve.md is its manual. */

#include <glib-unix.h>
#include <stdio.h>
#include <sys/resource.h>

#include "serve-http.h"
#include "serve-progress.h"
#include "serve-sessions.h"
#include "serve-store.h"
#include "program-start.h"

enum {
  EXIT_STOPPED = 0,
  EXIT_USAGE = 1,
  EXIT_FAILED = 2,
  EXIT_NO_DEVICE = 4,
};

typedef struct {
  ServeOptions options;
  ServeMetrics metrics;
  ServeServer server;
  GMainLoop *loop;
  gint exit_code;
  guint drain_deadline;
} Service;

static void
on_drained (gpointer user)
{
  g_main_loop_quit (((Service *) user)->loop);
}

static gboolean
on_drain_deadline (gpointer user)
{
  Service *service = user;

  service->drain_deadline = 0;
  g_main_loop_quit (service->loop);
  return G_SOURCE_REMOVE;
}

/* The first signal lets what is in work be answered, the second does not. */
static gboolean
on_signal (gpointer user)
{
  Service *service = user;

  if (service->server.draining) {
    g_main_loop_quit (service->loop);
    return G_SOURCE_CONTINUE;
  }
  fprintf (stderr, "pet-serve: stopping after the requests in work\n");
  service->drain_deadline = g_timeout_add_seconds (
      service->options.job_timeout + service->options.send_timeout,
      on_drain_deadline, service);
  serve_http_drain (&service->server, on_drained, service);
  return G_SOURCE_CONTINUE;
}

/* The first network is loaded, or cannot be. Without a network there is
 * nothing to serve. */
static void
on_loaded (const GError *error, gpointer user)
{
  Service *service = user;

  if (service->exit_code != EXIT_STOPPED) /* it could not listen */
    return;
  if (error == NULL) {
    g_print ("ready\n");
    fflush (stdout);
    return;
  }
  service->exit_code =
      g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT)
      ? EXIT_NO_DEVICE
      : EXIT_FAILED;
  g_main_loop_quit (service->loop);
}

/* Every connection may hold a file of the cache per look. */
static void
raise_file_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

/* A cache that cannot be used is no reason not to serve. */
static ServeCache *
open_cache (const ServeOptions *options)
{
  g_autoptr (GError) error = NULL;
  ServeCache *cache;

  if (options->cache == NULL)
    return NULL;
  cache = serve_cache_new (options->cache, options->cache_size, &error);
  if (cache == NULL)
    fprintf (
        stderr, "pet-serve: goes on without a cache: %s\n", error->message);
  return cache;
}

static gboolean
start (Service *service, GError **error)
{
  ServeServer *server = &service->server;
  const ServeOptions *options = &service->options;

  service->metrics.start_us = g_get_monotonic_time ();
  server->options = options;
  server->metrics = &service->metrics;
  server->cache = open_cache (options);
  server->progress = serve_progress_new ();
  server->sessions = serve_sessions_new ();
  if (options->store != NULL)
    server->store = serve_store_new (options, &service->metrics);
  server->jobs = serve_jobs_new (
      options, server->cache, &service->metrics, on_loaded, service, error);
  return server->jobs != NULL && serve_http_start (server, error);
}

static void
stop (Service *service)
{
  ServeServer *server = &service->server;

  serve_http_stop (server);
  serve_store_free (server->store);
  if (server->jobs != NULL)
    serve_jobs_free (server->jobs);
  serve_progress_free (server->progress);
  serve_sessions_free (server->sessions);
  serve_cache_free (server->cache);
}

static gint
serve (Service *service)
{
  g_autoptr (GError) error = NULL;
  guint interrupt, terminate;

  service->loop = g_main_loop_new (NULL, FALSE);
  interrupt = g_unix_signal_add (SIGINT, on_signal, service);
  terminate = g_unix_signal_add (SIGTERM, on_signal, service);
  if (start (service, &error)) {
    g_main_loop_run (service->loop);
  } else {
    fprintf (stderr, "pet-serve: %s\n", error->message);
    service->exit_code = EXIT_FAILED;
  }
  g_source_remove (interrupt);
  g_source_remove (terminate);
  if (service->drain_deadline != 0)
    g_source_remove (service->drain_deadline);
  stop (service);
  g_main_loop_unref (service->loop);
  return service->exit_code;
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) arguments = g_strdupv (argv);
  g_autoptr (GError) error = NULL;
  Service service = { .exit_code = EXIT_STOPPED };
  gint code = EXIT_USAGE;

  program_start ();
  raise_file_limit ();
  if (serve_options_parse (&service.options, &arguments, &error))
    code = serve (&service);
  else
    fprintf (stderr, "pet-serve: %s\n", error->message);
  serve_options_clear (&service.options);
  return code;
}
