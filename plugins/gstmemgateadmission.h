/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a gate decides about one picture: what it costs, and whether it passes,
 * waits or is dropped. */

#pragma once

#include <gst/gst.h>

#include "memory/gstpetbranch.h"
#include "memory/gstpetbudget.h"
#include "memory/gstpetwatch.h"

G_BEGIN_DECLS

typedef struct {
  gboolean optional;
  guint priority;
  guint64 cost; /* 0: ask */
  gdouble high, low;
  GstClockTime max_wait;
} GstMemGateSettings;

/* Pictures that do not come, as far as `event` says so. */
void gst_mem_gate_tell_branch (GstPetBranch *branch, GstEvent *event);

/* Bytes that the branch behind `srcpad` needs for a picture of `caps` (NULL
 * allowed): `settings->cost`, else what the branch answers, else three times
 * the frame. */
guint64 gst_mem_gate_cost (const GstMemGateSettings *settings, GstPad *srcpad,
    GstCaps *caps, guint64 frame_bytes);

/* Makes *branch (NULL: new) what the gate between these pads is for pictures of
 * `caps` (NULL allowed): a branch of the tee that feeds it, or one for itself. Its
 * pipeline's appsinks show what they keep from now on (gstpetsinks.h). */
void gst_mem_gate_join (GstPetBranch **branch, GstPetBudget *budget,
    const GstMemGateSettings *settings, GstPad *sinkpad, GstPad *srcpad,
    GstCaps *caps);

/* A picture that came to the gate. */
typedef struct _GstMemGatePicture GstMemGatePicture;

struct _GstMemGatePicture {
  gpointer gate; /* the callbacks' */
  GstBuffer *buffer;
  GstPetBudget *budget;
  GstPetBranch *branch;
  guint64 cost;
  const gint *canceled;
  gdouble (*watched) (gpointer gate);              /* pressure from outside */
  void (*late) (const GstMemGatePicture *picture); /* waits for max_wait */

  /* results, of a required one */
  GstPetAdmit admit;
  gboolean was_admitted;  /* as a photo, at a door: what it needs was said */
  GstClockTime waited_ns; /* 0: not at all */
  /* result, of a dropped one; static */
  const gchar *reason;
};

/* The picture's ticket for this branch; NULL: dropped (optional) or interrupted
 * (required). */
GstPetTicket *gst_mem_gate_admit (
    const GstMemGateSettings *settings, GstMemGatePicture *picture);

G_END_DECLS
