/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-jobs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/pet-cpu.h"

#define RETRY_LOAD_US (5 * G_USEC_PER_SEC)

/* One pipeline, or the place of one. */
typedef struct {
  ServeJobs *jobs;
  ServeLane *lane; /* NULL: is being loaded, or waits for its turn */
  ServeJob *job;   /* in work */
} Slot;

struct _ServeJobs {
  const ServeOptions *options;
  ServeCache *cache;
  ServeTurnstile *turnstile;
  ServeMetrics *metrics;
  gchar *recipe;
  void (*loaded) (const GError *error, gpointer user);
  gpointer user;

  Slot *slots;
  GQueue waiting;    /* of ServeJob */
  GHashTable *alive; /* all jobs that have not ended */
  guint places;
  gsize uploads;       /* atomic, bytes */
  guint64 looks_limit; /* bytes of the looks and of results kept in memory; 0:
                          not known yet */
  guint64 uploads_peak;
  guint64 next_index;
  gdouble mean_seconds; /* of a job in work, recently */
  guint tick;

  Slot *loading;
  gint64 retry_load_us;
  guint load_attempts;
  gint64 load_begin_us, load_us;
  gboolean told;
  gchar *warning; /* the last one */
};

static void pump (ServeJobs *jobs);
static void load_next (ServeJobs *jobs);

/* Frees what the job holds of the service and tells that it has ended. */
static void
end_job (ServeJob *job)
{
  ServeJobs *jobs = job->jobs;
  Slot *slot = job->lane_slot;

  if (job->ended)
    return;
  job->ended = TRUE;
  if (slot != NULL) {
    gdouble seconds = serve_seconds_since (job->start_us);

    jobs->mean_seconds += (seconds - jobs->mean_seconds) / 8;
    if (slot->lane != NULL)
      serve_lane_end (slot->lane);
    slot->job = NULL;
    job->lane_slot = NULL;
  } else {
    g_queue_remove (&jobs->waiting, job);
  }
  g_clear_pointer (&job->bytes, g_bytes_unref);
  serve_job_count_photo (job, jobs->metrics);
  serve_jobs_give_place (jobs);
  serve_job_ref (job);
  g_hash_table_remove (jobs->alive, job);
  serve_job_emit (job, SERVE_JOB_ENDED, 0);
  serve_job_unref (job);
  pump (jobs);
}

/* Takes `result`. The caller sees to end_job(). */
static void
end_look (ServeJob *job, guint index, ServeLookStatus status,
    const gchar *reason, ServeResult *result)
{
  ServeLook *look = &job->looks[index];

  if (job->ended || look->status != SERVE_LOOK_PENDING ||
      !job->wishes.looks[index].wanted) {
    if (result != NULL)
      serve_result_unref (result);
    return;
  }
  look->status = status;
  look->reason = g_strdup (reason);
  look->result = result;
  look->seconds = serve_seconds_since (job->begin_us);
  serve_job_count_look (job, look, job->jobs->metrics);
  job->n_pending--;
  serve_job_emit (job, SERVE_JOB_LOOK, index);
}

static void
fail_job (ServeJob *job, ServeProblem problem, const gchar *reason)
{
  serve_job_ref (job);
  job->problem = problem;
  g_free (job->reason);
  job->reason = g_strdup (reason);
  for (gint i = 0; i < pet_effects_all; i++)
    end_look (job, (guint) i, SERVE_LOOK_FAILED, reason, NULL);
  end_job (job);
  serve_job_unref (job);
}

static void
on_decoded (gpointer user, const gchar *problem, gint width, gint height)
{
  Slot *slot = user;
  ServeJob *job = slot->job;

  if (problem != NULL) {
    fail_job (job, SERVE_PROBLEM_PHOTO, problem);
    return;
  }
  job->width = width;
  job->height = height;
  serve_metrics_observe (job->jobs->metrics, SERVE_STAGE_DECODE,
      serve_seconds_since (job->start_us));
  serve_job_emit (job, SERVE_JOB_DECODED, 0);
}

static void
on_segmented (gpointer user, gdouble coverage, gdouble milliseconds)
{
  ServeJob *job = ((Slot *) user)->job;

  job->coverage = coverage;
  job->segmented_us = g_get_monotonic_time ();
  serve_metrics_observe (
      job->jobs->metrics, SERVE_STAGE_SEGMENT, milliseconds / 1000);
  serve_job_emit (job, SERVE_JOB_SEGMENTED, 0);
}

static void
end_if_complete (ServeJob *job)
{
  if (job->n_pending == 0)
    end_job (job);
}

static void
on_dropped (gpointer user, guint look, const gchar *reason)
{
  ServeJob *job = serve_job_ref (((Slot *) user)->job);

  end_look (job, look, SERVE_LOOK_DROPPED, reason, NULL);
  end_if_complete (job);
  serve_job_unref (job);
}

static void
on_finished (gpointer user, guint look, ServeResult *result)
{
  ServeJob *job = serve_job_ref (((Slot *) user)->job);

  end_look (job, look, SERVE_LOOK_DONE, NULL, result);
  end_if_complete (job);
  serve_job_unref (job);
}

static void
replace_lane (Slot *slot)
{
  serve_lane_dispose (g_steal_pointer (&slot->lane));
  slot->jobs->metrics->lanes_restarted++;
  load_next (slot->jobs);
}

static void
on_broken (gpointer user, const GError *error)
{
  Slot *slot = user;

  fprintf (stderr, "pet-serve: a pipeline failed and is built anew: %s\n",
      error->message);
  replace_lane (slot);
  if (slot->job != NULL)
    fail_job (slot->job, SERVE_PROBLEM_BROKEN, error->message);
}

static void
on_warned (gpointer user, const gchar *text)
{
  ServeJobs *jobs = ((Slot *) user)->jobs;

  /* All lanes find the same. */
  if (g_strcmp0 (text, jobs->warning) == 0)
    return;
  g_free (jobs->warning);
  jobs->warning = g_strdup (text);
  fprintf (stderr, "pet-serve: %s\n", text);
}

static gboolean
is_alone (ServeJobs *jobs)
{
  for (guint i = 0; i < jobs->options->jobs; i++)
    if (jobs->slots[i].job != NULL)
      return FALSE;
  return g_queue_is_empty (&jobs->waiting) && pet_cpu_count () > 1;
}

static void
begin_job (Slot *slot, ServeJob *job)
{
  ServeWork work = { .index = job->index,
    .bytes = job->bytes,
    .wishes = &job->wishes,
    .alone = is_alone (slot->jobs) };

  for (gint i = 0; i < pet_effects_all; i++)
    work.todo[i] = job->wishes.looks[i].wanted &&
        job->looks[i].status == SERVE_LOOK_PENDING;
  memcpy (work.keys, job->keys, sizeof work.keys);
  slot->job = job;
  job->lane_slot = slot;
  job->start_us = job->segmented_us = g_get_monotonic_time ();
  serve_metrics_observe (slot->jobs->metrics, SERVE_STAGE_QUEUE,
      serve_seconds_since (job->begin_us));
  serve_lane_begin (slot->lane, &work);
  g_clear_pointer (&job->bytes, g_bytes_unref);
  serve_job_emit (job, SERVE_JOB_STARTED, 0);
}

/* What is kept in memory for its client is memory that looks cannot have. */
static void
share_looks (ServeJobs *jobs)
{
  guint64 kept = MIN (serve_result_get_kept (), jobs->looks_limit - 1);

  for (guint i = 0; i < jobs->options->jobs; i++)
    if (jobs->slots[i].lane != NULL) {
      serve_lane_set_limit (jobs->slots[i].lane, jobs->looks_limit - kept);
      return;
    }
}

/* Gives waiting photos to idle pipelines. While clients have not taken what is
 * kept for them no more of it is made. */
static void
pump (ServeJobs *jobs)
{
  if (jobs->looks_limit > 0)
    share_looks (jobs);
  if (serve_result_get_kept () > jobs->looks_limit / 2)
    return;
  for (guint i = 0; i < jobs->options->jobs; i++) {
    Slot *slot = &jobs->slots[i];

    if (slot->lane != NULL && slot->job == NULL &&
        !g_queue_is_empty (&jobs->waiting))
      begin_job (slot, g_queue_pop_head (&jobs->waiting));
  }
}

/* Takes what was found. */
static void
on_looked_up (ServeLookup *lookup, gpointer user)
{
  ServeJob *job = user;
  gboolean any = FALSE;

  memcpy (job->keys, lookup->keys, sizeof job->keys);
  for (gint i = 0; i < pet_effects_all; i++)
    any = any || lookup->found[i] != NULL;
  if (any && !job->ended)
    serve_job_emit (job, SERVE_JOB_DECODED, 0);
  for (gint i = 0; i < pet_effects_all && !job->ended; i++) {
    if (lookup->found[i] == NULL)
      continue;
    job->looks[i].cached = TRUE;
    end_look (job, (guint) i, SERVE_LOOK_DONE, NULL,
        g_steal_pointer (&lookup->found[i]));
  }
  if (!job->ended && job->n_pending == 0) {
    end_job (job);
  } else if (!job->ended) {
    g_queue_push_tail (&job->jobs->waiting, job);
    pump (job->jobs);
  }
  serve_job_unref (job);
}

ServeJob *
serve_jobs_submit (ServeJobs *jobs, const ServePhoto *photo,
    const ServeWishes *wishes, gboolean use_cache, ServeJobCallback callback,
    gpointer user)
{
  ServeJob *job = g_new0 (ServeJob, 1);

  job->references = 1;
  job->jobs = jobs;
  job->index = jobs->next_index++;
  job->bytes = g_bytes_ref (photo->bytes);
  job->wishes = *wishes;
  job->use_cache = use_cache;
  job->n_pending = serve_wishes_count (wishes);
  job->callback = callback;
  job->user = user;
  job->begin_us = g_get_monotonic_time ();
  jobs->metrics->bytes_in += g_bytes_get_size (photo->bytes);
  g_hash_table_add (jobs->alive, serve_job_ref (job));
  serve_lookup_start (jobs->recipe, photo, wishes,
      use_cache ? jobs->cache : NULL, on_looked_up, serve_job_ref (job));
  return job;
}

void
serve_job_release (ServeJob *job)
{
  ServeJobs *jobs = job->jobs;

  job->callback = NULL;
  if (!job->ended)
    end_job (job);
  serve_job_unref (job);
  pump (jobs);
}

/* What is in work has half of the limit from then on, however long it waited.
 */
static gboolean
is_late (const ServeJob *job, gint64 now, gint64 limit_us)
{
  if (job->ended)
    return FALSE;
  return job->lane_slot != NULL ? now - job->start_us > limit_us / 2
                                : now - job->begin_us > limit_us;
}

/* A photo that takes too long fails; if it is in work, its pipeline stands
 * still and is replaced. */
static gboolean
on_tick (gpointer user)
{
  ServeJobs *jobs = user;
  const gint64 now = g_get_monotonic_time ();
  const gint64 limit = (gint64) jobs->options->job_timeout * G_USEC_PER_SEC;
  g_autoptr (GList) alive = g_hash_table_get_keys (jobs->alive);

  for (GList *link = alive; link != NULL; link = link->next)
    serve_job_ref (link->data);
  for (GList *link = alive; link != NULL; link = link->next) {
    ServeJob *job = link->data;

    if (is_late (job, now, limit)) {
      if (job->lane_slot != NULL) {
        fprintf (stderr,
            "pet-serve: a photo's pipeline stands still and is built "
            "anew\n");
        replace_lane (job->lane_slot);
      }
      fail_job (job, SERVE_PROBLEM_TIMEOUT, "the photo took too long");
    }
    serve_job_unref (job);
  }
  if (jobs->loading == NULL && now >= jobs->retry_load_us)
    load_next (jobs);
  pump (jobs);
  return G_SOURCE_CONTINUE;
}

/* Uploads get a quarter of the memory, the looks the rest. */
static void
share_memory (ServeJobs *jobs, ServeLane *lane)
{
  ServeLaneMemory memory;

  if (jobs->looks_limit != 0)
    return;
  serve_lane_get_memory (lane, &memory);
  jobs->looks_limit = jobs->options->memory != 0
      ? jobs->options->memory - jobs->options->memory / 4
      : memory.limit;
}

static void
run_load (
    GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  ServeJobs *jobs = data;
  GError *error = NULL;
  ServeLane *lane =
      serve_lane_new (jobs->options, jobs->cache, jobs->turnstile, &error);

  if (lane != NULL)
    g_task_return_pointer (task, lane, NULL);
  else
    g_task_return_error (task, error);
}

static void
on_loaded (GObject *source, GAsyncResult *result, gpointer user)
{
  static const ServeLaneEvents events = { on_decoded, on_segmented, on_dropped,
    on_finished, on_broken, on_warned };
  ServeJobs *jobs = user;
  Slot *slot = g_steal_pointer (&jobs->loading);
  g_autoptr (GError) error = NULL;

  slot->lane = g_task_propagate_pointer (G_TASK (result), &error);
  jobs->retry_load_us = g_get_monotonic_time () + RETRY_LOAD_US;
  if (slot->lane != NULL) {
    share_memory (jobs, slot->lane);
    serve_lane_attach (slot->lane, &events, slot);
  } else {
    fprintf (stderr, "pet-serve: %s\n", error->message);
  }
  if (!jobs->told) {
    jobs->told = TRUE;
    jobs->load_us = g_get_monotonic_time () - jobs->load_begin_us;
    jobs->loaded (error, jobs->user);
  }
  pump (jobs);
  if (error == NULL)
    load_next (jobs);
}

/* One network after the other; the first can work meanwhile. */
static void
load_next (ServeJobs *jobs)
{
  for (guint i = 0; i < jobs->options->jobs && jobs->loading == NULL; i++) {
    g_autoptr (GTask) task = NULL;

    if (jobs->slots[i].lane != NULL)
      continue;
    jobs->loading = &jobs->slots[i];
    jobs->load_attempts++;
    task = g_task_new (NULL, NULL, on_loaded, jobs);
    g_task_set_task_data (task, jobs, NULL);
    g_task_run_in_thread (task, run_load);
  }
}

ServeJobs *
serve_jobs_new (const ServeOptions *options, ServeCache *cache,
    ServeMetrics *metrics, void (*loaded) (const GError *error, gpointer user),
    gpointer user, GError **error)
{
  gchar *recipe = serve_lookup_recipe (options, error);
  ServeJobs *jobs;

  if (recipe == NULL)
    return NULL;
  jobs = g_new0 (ServeJobs, 1);
  jobs->options = options;
  jobs->cache = cache;
  jobs->turnstile = serve_turnstile_new ((guint) pet_cpu_count ());
  jobs->metrics = metrics;
  jobs->recipe = recipe;
  jobs->loaded = loaded;
  jobs->user = user;
  jobs->mean_seconds = 0.2;
  jobs->slots = g_new0 (Slot, options->jobs);
  for (guint i = 0; i < options->jobs; i++)
    jobs->slots[i].jobs = jobs;
  g_queue_init (&jobs->waiting);
  jobs->alive = g_hash_table_new_full (NULL, NULL, serve_job_unref, NULL);
  jobs->tick = g_timeout_add_seconds (1, on_tick, jobs);
  jobs->load_begin_us = g_get_monotonic_time ();
  load_next (jobs);
  return jobs;
}

void
serve_jobs_free (ServeJobs *jobs)
{
  /* A network that is being loaded cannot be stopped. */
  while (jobs->loading != NULL)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (jobs->tick);
  for (guint i = 0; i < jobs->options->jobs; i++)
    if (jobs->slots[i].lane != NULL)
      serve_lane_free (jobs->slots[i].lane);
  g_hash_table_unref (jobs->alive);
  serve_turnstile_unref (jobs->turnstile);
  g_free (jobs->slots);
  g_free (jobs->recipe);
  g_free (jobs->warning);
  g_free (jobs);
}

/* Until a photo that comes now is begun. */
static gdouble
expected_seconds (const ServeJobs *jobs)
{
  return jobs->mean_seconds * jobs->places / (gdouble) jobs->options->jobs;
}

gboolean
serve_jobs_take_place (ServeJobs *jobs)
{
  /* Nor is anyone let in who would wait until it is too late. */
  if (jobs->places >= jobs->options->queue + jobs->options->jobs ||
      (jobs->places >= jobs->options->jobs &&
          expected_seconds (jobs) > jobs->options->job_timeout / 2.0))
    return FALSE;
  jobs->places++;
  return TRUE;
}

void
serve_jobs_give_place (ServeJobs *jobs)
{
  jobs->places--;
}

guint
serve_jobs_retry_after (ServeJobs *jobs)
{
  return (guint) CLAMP (ceil (expected_seconds (jobs)), 1, 60);
}

static guint64
max_uploads (const ServeJobs *jobs)
{
  return jobs->options->memory != 0 ? jobs->options->memory / 4
                                    : jobs->looks_limit / 4;
}

gboolean
serve_jobs_take_bytes (ServeJobs *jobs, guint64 bytes)
{
  gsize now = g_atomic_pointer_get (&jobs->uploads);

  /* Only this thread adds, so the sum cannot grow meanwhile. */
  if (now > 0 && now + bytes > max_uploads (jobs))
    return FALSE;
  g_atomic_pointer_add (&jobs->uploads, (gssize) bytes);
  jobs->uploads_peak = MAX (jobs->uploads_peak, now + bytes);
  return TRUE;
}

void
serve_jobs_give_bytes (ServeJobs *jobs, guint64 bytes)
{
  g_atomic_pointer_add (&jobs->uploads, -(gssize) bytes);
}

void
serve_jobs_get_state (ServeJobs *jobs, ServeJobsState *state)
{
  ServeLaneMemory memory = { 0 };

  *state = (ServeJobsState){ .lanes_wanted = jobs->options->jobs,
    .waiting = jobs->waiting.length,
    .places = jobs->places,
    .max_places = jobs->options->queue + jobs->options->jobs,
    .uploads = g_atomic_pointer_get (&jobs->uploads),
    .max_uploads = max_uploads (jobs),
    .expected_wait = jobs->places < jobs->options->jobs
        ? 0
        : expected_seconds (jobs) / (jobs->options->job_timeout / 2.0),
    .load_attempts = jobs->load_attempts,
    .load_us = jobs->load_us };
  for (guint i = 0; i < jobs->options->jobs; i++) {
    const Slot *slot = &jobs->slots[i];

    if (slot->lane == NULL)
      continue;
    if (state->lanes++ == 0) {
      g_autofree gchar *device = serve_lane_device (slot->lane);

      serve_lane_get_memory (slot->lane, &memory);
      g_strlcpy (
          state->device, device != NULL ? device : "", sizeof state->device);
    }
    state->busy += slot->job != NULL;
  }
  state->ready = state->lanes > 0;
  state->limit = jobs->looks_limit + state->max_uploads;
  state->in_use = memory.in_use + state->uploads + serve_result_get_kept ();
  state->peak = MAX (memory.peak + jobs->uploads_peak, state->in_use);
  state->pressure = memory.pressure;
  state->gpu = memory.gpu;
}
