/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The elements of a lane. */

#pragma once

#include <gst/gst.h>

#include "batch-options.h"

G_BEGIN_DECLS

typedef struct {
  const BatchOptions *options;
  guint threads; /* of the network; 1: the lane shares the cores with others */
  guint budget;  /* number of the account that all memory is taken from */
  gint *skipped; /* atomic, counted (g_atomic_rc_box): bit i: branch i gets no
                    picture. The pipeline keeps it. */

  /* Results, both NULL before. */
  GstElement *pipeline;
  GstElement *source; /* an appsrc in it */
} BatchPipeline;

/* In the state NULL. A lane that shares the cores posts an application message
 * whenever the thread that decodes and makes the looks wants a photo: those of
 * the one before are made, and at most some of its files are not written yet. */
void batch_pipeline_build (BatchPipeline *pipeline);

/* Whether the looks that `options` call optional are so for the next photo; while
 * none is before the gates. They are at first. */
void batch_pipeline_set_optional (
    GstElement *pipeline, const BatchOptions *options, gboolean optional);

G_END_DECLS
