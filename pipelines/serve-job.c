/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-job.h"

ServeJob *
serve_job_ref (ServeJob *job)
{
  g_atomic_int_inc (&job->references);
  return job;
}

void
serve_job_unref (gpointer data)
{
  ServeJob *job = data;

  if (!g_atomic_int_dec_and_test (&job->references))
    return;
  for (guint i = 0; i < SERVE_MAX_LOOKS; i++) {
    g_clear_pointer (&job->looks[i].result, serve_result_unref);
    g_free (job->looks[i].reason);
  }
  g_clear_pointer (&job->bytes, g_bytes_unref);
  g_free (job->reason);
  g_free (job);
}

void
serve_job_emit (ServeJob *job, ServeJobEvent event, guint look)
{
  if (job->callback != NULL)
    job->callback (job, event, look, job->user);
}

gdouble
serve_seconds_since (gint64 begin_us)
{
  return (gdouble) (g_get_monotonic_time () - begin_us) / G_USEC_PER_SEC;
}

void
serve_job_count_photo (const ServeJob *job, ServeMetrics *metrics)
{
  ServePhotoResult result = SERVE_PHOTO_DONE;
  gboolean all_cached = TRUE;

  for (gint i = 0; i < pet_effects_all; i++) {
    const ServeLook *look = &job->looks[i];

    if (!job->wishes.looks[i].wanted)
      continue;
    all_cached = all_cached && look->cached;
    if (look->status == SERVE_LOOK_FAILED)
      result = SERVE_PHOTO_FAILED;
    else if (look->status == SERVE_LOOK_DROPPED && result == SERVE_PHOTO_DONE)
      result = SERVE_PHOTO_DROPPED;
    else if (look->status == SERVE_LOOK_PENDING)
      result = SERVE_PHOTO_CANCELED;
  }
  if (all_cached)
    result = SERVE_PHOTO_CACHED;
  metrics->photos[result]++;
  if (!all_cached && result != SERVE_PHOTO_CANCELED)
    serve_metrics_observe (
        metrics, SERVE_STAGE_TOTAL, serve_seconds_since (job->begin_us));
}

void
serve_job_count_look (
    ServeJob *job, const ServeLook *look, ServeMetrics *metrics)
{
  if (look->status == SERVE_LOOK_DONE && look->cached) {
    metrics->looks_cached++;
  } else if (look->status == SERVE_LOOK_DONE) {
    metrics->looks_made++;
    serve_metrics_observe (
        metrics, SERVE_STAGE_EFFECT, serve_seconds_since (job->segmented_us));
    if (!job->any_result)
      serve_metrics_observe (metrics, SERVE_STAGE_FIRST, look->seconds);
    job->any_result = TRUE;
  } else if (look->status == SERVE_LOOK_DROPPED) {
    metrics->looks_dropped++;
  } else {
    metrics->looks_failed++;
  }
}
