/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What became of one photo, and how it is told. */

#pragma once

#include "batch-options.h"
#include "batch-plan.h"

G_BEGIN_DECLS

typedef enum {
  BATCH_PENDING,
  BATCH_DONE,
  BATCH_KEPT, /* it was there already */
  BATCH_DROPPED,
  BATCH_FAILED,
} BatchStatus;

typedef struct {
  BatchStatus status;
  gchar *file;
  gchar *reason;
  guint64 bytes;
  gdouble milliseconds; /* from the photo's start to the file on disk */
} BatchResult;

typedef struct {
  const BatchItem *item;
  gint64 begin_us;
  BatchStatus status;
  gchar *reason;
  gint width, height;
  gdouble coverage;
  gint box[4];
  gdouble milliseconds;
  BatchResult results[BATCH_MAX_EFFECTS];
  guint n_results;
} BatchPhoto;

BatchPhoto *batch_photo_new (const BatchItem *item, guint n_results);
void batch_photo_free (BatchPhoto *photo);

/* Sets a result that is pending; later ones are ignored. `reason` NULL = "". */
void batch_photo_set_result (
    BatchPhoto *photo, guint effect, BatchStatus status, const gchar *reason);

/* Everything that is pending has failed for `reason`. */
void batch_photo_fail (BatchPhoto *photo, const gchar *reason);

/* Result `effect`, if it is pending, was there: `file` (taken) with `bytes`. */
void batch_photo_keep (
    BatchPhoto *photo, guint effect, gchar *file, guint64 bytes);

/* TRUE once nothing is pending; `status` and `milliseconds` are set then:
 * failed if anything failed, else dropped if anything was dropped, else done. */
gboolean batch_photo_settle (BatchPhoto *photo);

G_END_DECLS
