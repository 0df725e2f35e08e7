/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet-batch's output: a line per photo, the progress bar, the summary. */

#pragma once

#include "batch-photo.h"

G_BEGIN_DECLS

#define BATCH_RECENT 32

typedef struct {
  const BatchOptions *options;
  guint total;
  guint done, dropped, failed; /* photos */
  guint kept;                  /* photos of which nothing was made */
  guint64 results, results_kept;
  gint64 recent_us[BATCH_RECENT]; /* when the last ones were finished, a ring */
  gint64 begin_us;
  gboolean cut; /* standard output could not be written */
  gboolean bar; /* standard error is a terminal */
} BatchReport;

void batch_report_begin (
    BatchReport *report, const BatchOptions *options, guint total);

/* A photo that is settled. If its line cannot be written, that is said once. */
void batch_report_photo (BatchReport *report, const BatchPhoto *photo);

/* A remark that is not about one photo, on standard error. */
void batch_report_note (
    BatchReport *report, const gchar *kind, const gchar *text);

/* Once a second: the time left runs down. */
void batch_report_tick (BatchReport *report);

/* `peak` and `limit` of the account of memory, in bytes. */
void batch_report_end (BatchReport *report, guint64 peak, guint64 limit);

G_END_DECLS
