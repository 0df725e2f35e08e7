/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pipeline of the elements that takes one photo after the other:
 *
 *   appsrc ! petdec ! petsegment ! tee
 *       ! memgate ! queue ! peteffect ! petpngenc ! petfilesink   (per look)
 *
 * One photo is in it at a time, so that what breaks it is known. Lanes share
 * the account of memory that their gates name. */

#pragma once

#include "batch-photo.h"

G_BEGIN_DECLS

typedef struct _BatchLane BatchLane;

typedef struct {
  /* A photo has come to its end; it is the callee's to free. The lane takes
   * the next one. */
  void (*settled) (BatchLane *lane, BatchPhoto *photo, gpointer user);
  /* Only files of the last photo are still being written: the lane can take
   * another one. */
  void (*free) (BatchLane *lane, gpointer user);
  /* A degraded mode. */
  void (*warned) (const gchar *text, gpointer user);
  /* The pipeline cannot be built again: the lane is no longer of use. */
  void (*broken) (BatchLane *lane, const GError *error, gpointer user);
} BatchLaneEvents;

/* Everything below, and the events, on the default main context only. The
 * options, `settings` (batch_recipe_settings()) and the photos' items must
 * outlive the lane. `threads` of the network, 0 = one per core. */
BatchLane *batch_lane_new (const BatchOptions *options, const gchar *settings,
    guint threads, const BatchLaneEvents *events, gpointer user);

/* Waits until every thread of the lane has ended. FALSE when one of them hangs:
 * then the process must end without freeing what threads may use. */
gboolean batch_lane_free (BatchLane *lane);

/* Loads the network. */
gboolean batch_lane_start (BatchLane *lane, GError **error);

/* Takes `photo`. The lane must be free. */
void batch_lane_push (BatchLane *lane, BatchPhoto *photo);

/* It can take a photo; no photo is in it. */
gboolean batch_lane_is_free (const BatchLane *lane);
gboolean batch_lane_is_idle (const BatchLane *lane);

/* The largest use of an account that the lane's elements shared, and the limit of
 * the last, in bytes. */
void batch_lane_memory (const BatchLane *lane, guint64 *peak, guint64 *limit);

/* Since when the photo has waited for memory that others hold, or been decoded:
 * monotonic, 0 when it does neither. */
gint64 batch_lane_waits_since (const BatchLane *lane);

/* To be called every second or so. If a pipeline was given up that shares the
 * lane's account, what waits for memory is begun again on a new one; what is
 * under way is not disturbed. */
void batch_lane_leave_account (BatchLane *lane);

/* To be called every second or so for each lane, of those that wait only for the
 * one that has for longest: a photo that stands still for longer than the
 * options allow has failed, and the pipeline that holds it is given up. One that
 * waits does not stand still while anything of any lane moves. */
void batch_lane_watch (BatchLane *lane);

G_END_DECLS
