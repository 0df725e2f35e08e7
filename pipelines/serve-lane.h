/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pipeline of the elements that makes the looks of one photo at a time:
 *
 *   appsrc ! petdec ! petsegment ! tee
 *       ! memgate ! queue ! peteffect ! petpngenc ! fakesink   (per look)
 *
 * All lanes share one memory account. */

#pragma once

#include "serve-cache.h"
#include "serve-looks.h"
#include "serve-options.h"
#include "serve-turnstile.h"

G_BEGIN_DECLS

typedef struct _ServeLane ServeLane;

/* What a lane is to make. */
typedef struct {
  guint64 index; /* tells messages of one photo from those of another */
  GBytes *bytes;
  const ServeWishes *wishes;
  gboolean alone; /* no other photo is in work: it may use two processors */
  gboolean todo[SERVE_MAX_LOOKS];
  gchar keys[SERVE_MAX_LOOKS][SERVE_KEY_HEX + 1];
} ServeWork;

/* Come on the default main context, for the photo in work. */
typedef struct {
  void (*decoded) (
      gpointer user, const gchar *problem, gint width, gint height);
  void (*segmented) (gpointer user, gdouble coverage, gdouble milliseconds);
  void (*dropped) (gpointer user, guint look, const gchar *reason);
  /* Takes the result. */
  void (*finished) (gpointer user, guint look, ServeResult *result);
  /* The pipeline failed and is of no more use. */
  void (*broken) (gpointer user, const GError *error);
  void (*warned) (gpointer user, const gchar *text);
} ServeLaneEvents;

typedef struct {
  guint64 limit, in_use, peak;
  gdouble pressure;
  guint64 dropped; /* by this lane's gates */
  gdouble gpu;     /* share of the GPU's memory in use; 0 without one */
} ServeLaneMemory;

/* Loads the network; blocks, any thread. `cache` NULL allowed; the looks of all
 * lanes of one `turnstile` take turns. The lane sends no event before
 * serve_lane_attach(). */
ServeLane *serve_lane_new (const ServeOptions *options, ServeCache *cache,
    ServeTurnstile *turnstile, GError **error);

/* Begins to send events; main thread. */
void serve_lane_attach (
    ServeLane *lane, const ServeLaneEvents *events, gpointer user);

/* Ends the pipeline, waiting for it; NULL allowed. */
void serve_lane_free (ServeLane *lane);

/* The same for a lane that was attached: no event comes any more. Ends the
 * pipeline in a thread of its own, because that waits for elements that may
 * stand still. Main thread. */
void serve_lane_dispose (ServeLane *lane);

/* Begins `work`; the lane must be idle. Main thread. */
void serve_lane_begin (ServeLane *lane, const ServeWork *work);

/* The photo in work has come to its end, or is given up: looks of it that have
 * not begun are not made, no event of it comes any more, and the lane is idle.
 */
void serve_lane_end (ServeLane *lane);

void serve_lane_get_memory (ServeLane *lane, ServeLaneMemory *memory);
void serve_lane_set_limit (ServeLane *lane, guint64 bytes);
/* "cpu" or "cuda"; free with g_free(). */
gchar *serve_lane_device (ServeLane *lane);

G_END_DECLS
