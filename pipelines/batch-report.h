/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet-batch's output: a line per photo, the progress bar, the summary. */

#pragma once

#include "batch-photo.h"

G_BEGIN_DECLS

typedef struct {
  const BatchOptions *options;
  guint total;
  guint done, dropped, failed;
  gint64 begin_us;
  gboolean bar; /* standard error is a terminal */
} BatchReport;

void batch_report_begin (
    BatchReport *report, const BatchOptions *options, guint total);

/* A photo that is settled. */
void batch_report_photo (BatchReport *report, const BatchPhoto *photo);

/* A remark that is not about one photo, on standard error. */
void batch_report_note (
    BatchReport *report, const gchar *kind, const gchar *text);

void batch_report_end (BatchReport *report);

G_END_DECLS
