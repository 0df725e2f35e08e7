/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Photos that wait, the pipelines that take them, and what became of each
 * look. Everything has a maximum: places (uploading, waiting and in work),
 * bytes of uploads, seconds per photo.
 *
 * Main thread only, but for what is said to run in another; nothing blocks. */

#pragma once

#include "serve-cache.h"
#include "serve-job.h"
#include "serve-lane.h"
#include "serve-lookup.h"
#include "serve-metrics.h"
#include "serve-options.h"

G_BEGIN_DECLS

typedef struct {
  gboolean ready; /* a network is loaded */
  guint lanes, lanes_wanted, busy;
  guint waiting, places, max_places;
  gdouble expected_wait; /* of a photo that comes now; 1: it is refused */
  guint64 uploads, max_uploads; /* bytes */
  guint64 limit, in_use, peak;  /* bytes: budget of the looks and uploads */
  gdouble pressure;
  gdouble gpu; /* share of its memory in use */
  guint load_attempts;
  gint64 load_us; /* time the first load took */
  gchar device[16];
} ServeJobsState;

/* Begins to load the networks in a thread; `loaded` is called when the first
 * is there (error NULL) or none could be loaded. NULL when the
 * network's file cannot be read. */
ServeJobs *serve_jobs_new (const ServeOptions *options, ServeCache *cache,
    ServeMetrics *metrics, void (*loaded) (const GError *error, gpointer user),
    gpointer user, GError **error);
/* Waits for the pipelines. */
void serve_jobs_free (ServeJobs *jobs);

void serve_jobs_get_state (ServeJobs *jobs, ServeJobsState *state);

/* A place for a photo, from before its upload. FALSE: all are taken, or
 * the wait would be too long. */
gboolean serve_jobs_take_place (ServeJobs *jobs);
void serve_jobs_give_place (ServeJobs *jobs);
/* Seconds after which one should be free. */
guint serve_jobs_retry_after (ServeJobs *jobs);

/* Charges bytes of an upload. FALSE: there is no room now; never for the only
 * upload. */
gboolean serve_jobs_take_bytes (ServeJobs *jobs, guint64 bytes);
/* Any thread. */
void serve_jobs_give_bytes (ServeJobs *jobs, guint64 bytes);

/* Takes the caller's place. The bytes are given up as soon as they are decoded.
 * Events come from the main loop, never from within this call. */
ServeJob *serve_jobs_submit (ServeJobs *jobs, const ServePhoto *photo,
    const ServeWishes *wishes, gboolean use_cache, ServeJobCallback callback,
    gpointer user);

/* Nobody listens any more. What has not begun is not made. Gives up the
 * caller's reference. */
void serve_job_release (ServeJob *job);

G_END_DECLS
