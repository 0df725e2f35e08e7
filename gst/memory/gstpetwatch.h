/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signals from outside the account that a gate can watch, each as a pressure
 * where 1 is "no more". */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  GST_PET_WATCH_NONE = 0,
  GST_PET_WATCH_CGROUP = 1 << 0,
  GST_PET_WATCH_PSI = 1 << 1,
  GST_PET_WATCH_AVAILABLE = 1 << 2,
  GST_PET_WATCH_CUDA = 1 << 3,
} GstPetWatchFlags;

/* Stalled for this share of the last 10 s is a pressure of 1. */
#define GST_PET_PSI_FULL 0.1

/* Thread-safety: one thread at a time. */
typedef struct _GstPetWatch GstPetWatch;

/* `root` as in gstpetsystem.h. PSI of the system itself is also watched with a
 * kernel trigger where that is allowed. */
GstPetWatch *gst_pet_watch_new (GstPetWatchFlags flags, const gchar *root);
/* Frees *watch (NULL allowed) and clears it. */
void gst_pet_watch_free (GstPetWatch **watch);

/* The largest of what is watched, now; 0 when nothing could be read. */
gdouble gst_pet_watch_pressure (GstPetWatch *watch);

/* Whether the kernel took the PSI trigger. */
gboolean gst_pet_watch_has_trigger (const GstPetWatch *watch);

/* For the CUDA module: `share` returns the share of the GPU's memory in use, or
 * a negative number; it is called from any thread, before `user` may go away
 * this must be called again with NULL. One function for the process. */
void gst_pet_watch_set_cuda (gdouble (*share) (gpointer user), gpointer user);

G_END_DECLS
