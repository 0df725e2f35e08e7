/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is counted, and its Prometheus text form. Main thread only. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  SERVE_STAGE_QUEUE,   /* from the whole upload to a free pipeline */
  SERVE_STAGE_DECODE,  /* to the decoded photo */
  SERVE_STAGE_SEGMENT, /* the network and the matte */
  SERVE_STAGE_FIRST,   /* from the whole upload to the first look */
  SERVE_STAGE_EFFECT,  /* from the cut-out to a look's file */
  SERVE_STAGE_STORE,   /* one PUT or file */
  SERVE_STAGE_TOTAL,   /* from the whole upload to the last look */
  SERVE_N_STAGES,
} ServeStage;

typedef enum {
  SERVE_PHOTO_DONE,
  SERVE_PHOTO_DROPPED, /* done, but optional looks were dropped */
  SERVE_PHOTO_FAILED,
  SERVE_PHOTO_CACHED,   /* nothing had to be made */
  SERVE_PHOTO_CANCELED, /* the client left */
  SERVE_N_PHOTO_RESULTS,
} ServePhotoResult;

#define SERVE_N_BUCKETS 12

typedef struct {
  guint64 buckets[SERVE_N_BUCKETS]; /* not cumulative; the rest in `count` */
  guint64 count;
  gdouble sum;
} ServeHistogram;

typedef struct {
  gint64 start_us;
  guint64 photos[SERVE_N_PHOTO_RESULTS];
  guint64 looks_made, looks_cached, looks_dropped, looks_failed;
  guint64 stored, store_errors;
  guint64 lanes_restarted;
  guint64 responses[600]; /* by status */
  guint64 bytes_in, bytes_out;
  ServeHistogram stages[SERVE_N_STAGES];
} ServeMetrics;

void serve_metrics_observe (
    ServeMetrics *metrics, ServeStage stage, gdouble seconds);

/* The counters and histograms. */
void serve_metrics_print (const ServeMetrics *metrics, GString *text);

/* One gauge with its HELP and TYPE lines. */
void serve_metrics_print_gauge (
    GString *text, const gchar *name, const gchar *help, gdouble value);
void serve_metrics_print_counter (
    GString *text, const gchar *name, const gchar *help, guint64 value);

/* Resident bytes of this process, 0 if that is not known. */
guint64 serve_metrics_resident_bytes (void);

G_END_DECLS
