/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end of a pipeline. It comes when the last of its threads has ended, which
 * one that hangs never does: who waits for it does so beside the main loop. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _BatchEnding BatchEnding;

struct _BatchEnding {
  /* On the default main context; NULL, also later: nobody waits any more. */
  void (*done) (BatchEnding *ending, gpointer user);
  gpointer user;

  /* Its own. */
  GstElement *pipeline;
};

/* Takes `pipeline`, whose bus nobody watches any more. The ending frees itself
 * after `done`. */
BatchEnding *batch_ending_start (GstElement *pipeline,
    void (*done) (BatchEnding *ending, gpointer user), gpointer user);

G_END_DECLS
