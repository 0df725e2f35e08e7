/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pipeline of the elements that takes one photo after the other:
 *
 *   appsrc ! petdec ! petsegment ! tee
 *       ! memgate ! queue ! peteffect ! petpngenc ! petfilesink   (per look)
 */

#pragma once

#include "batch-photo.h"

G_BEGIN_DECLS

typedef struct _BatchLane BatchLane;

typedef struct {
  /* A photo has come to its end; it is the callee's to free. */
  void (*settled) (BatchPhoto *photo, gpointer user);
  /* The pipeline has failed and holds no photo any more: those that were in
   * flight are handed over, unsettled, in `photos` (of BatchPhoto *, the
   * callee's). */
  void (*broken) (const GError *error, GPtrArray *photos, gpointer user);
  /* A degraded mode. */
  void (*warned) (const gchar *text, gpointer user);
} BatchLaneEvents;

/* Events come on the default main context. */
BatchLane *batch_lane_new (
    const BatchOptions *options, const BatchLaneEvents *events, gpointer user);
void batch_lane_free (BatchLane *lane);

/* Loads the network; again after it broke. */
gboolean batch_lane_start (BatchLane *lane, GError **error);

/* Reads the photo's file and sends it off; takes `photo`. */
void batch_lane_push (BatchLane *lane, BatchPhoto *photo);

guint batch_lane_in_flight (const BatchLane *lane);

G_END_DECLS
