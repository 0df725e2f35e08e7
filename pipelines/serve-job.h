/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One photo from its upload to the end of its last look. Main thread only. */

#pragma once

#include "serve-cache.h"
#include "serve-looks.h"
#include "serve-metrics.h"

G_BEGIN_DECLS

typedef struct _ServeJobs ServeJobs;
typedef struct _ServeJob ServeJob;

typedef enum {
  SERVE_LOOK_PENDING,
  SERVE_LOOK_DONE,
  SERVE_LOOK_DROPPED,
  SERVE_LOOK_FAILED,
} ServeLookStatus;

typedef struct {
  ServeLookStatus status;
  gboolean cached;
  gchar *reason;       /* of dropped and failed ones */
  ServeResult *result; /* of done ones */
  gdouble seconds;     /* since the job was submitted */
} ServeLook;

typedef enum {
  SERVE_JOB_STARTED, /* a pipeline has it */
  SERVE_JOB_DECODED, /* or served from the cache */
  SERVE_JOB_SEGMENTED,
  SERVE_JOB_LOOK,  /* looks[look] has ended */
  SERVE_JOB_ENDED, /* nothing is pending; the last event */
} ServeJobEvent;

/* Why a job as a whole failed. */
typedef enum {
  SERVE_PROBLEM_NONE,
  SERVE_PROBLEM_PHOTO,   /* the decoder refused it */
  SERVE_PROBLEM_TIMEOUT, /* it took too long */
  SERVE_PROBLEM_BROKEN,  /* the pipeline failed */
} ServeProblem;

typedef void (*ServeJobCallback) (
    ServeJob *job, ServeJobEvent event, guint look, gpointer user);

struct _ServeJob {
  ServeWishes wishes;
  gboolean use_cache; /* look results up; they are kept in any case */

  ServeLook looks[SERVE_MAX_LOOKS];               /* those wanted */
  gchar keys[SERVE_MAX_LOOKS][SERVE_KEY_HEX + 1]; /* from the first event */
  gint width, height;
  gdouble coverage;
  ServeProblem problem;
  gchar *reason; /* of the problem */
  gint64 begin_us, start_us, segmented_us;

  /*< private >*/
  ServeJobs *jobs;
  guint64 index;
  GBytes *bytes;
  guint n_pending;
  ServeJobCallback callback; /* NULL: nobody listens any more */
  gpointer user;
  gint references;
  gpointer lane_slot;
  gboolean ended, any_result;
};

/* For serve-jobs.c. */
ServeJob *serve_job_ref (ServeJob *job);
void serve_job_unref (gpointer job);
void serve_job_emit (ServeJob *job, ServeJobEvent event, guint look);
/* Counts how a look, or the whole photo, has ended. */
void serve_job_count_look (
    ServeJob *job, const ServeLook *look, ServeMetrics *metrics);
void serve_job_count_photo (const ServeJob *job, ServeMetrics *metrics);
gdouble serve_seconds_since (gint64 begin_us);

G_END_DECLS
