/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pipeline under test: what it said on its bus, how far each sink is. */

#pragma once

#include <gst/gst.h>

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

/* Longest wait for anything; only a pipeline that hangs takes so long. */
#define BRANCHES_HANG (60 * GST_SECOND)

typedef struct _Branches Branches;

struct _Branches {
  GstElement *pipeline;
  GstPetBudget *budget; /* the gates' */
  gchar *folder;        /* of the photos, removed at the end; may be NULL */
  gboolean is_beside;   /* another one is on the same account */

  /* atomic counts of messages, read while it runs */
  gint dropped, over, late, qos, warnings;
  /* called for each message "memgate", from the streaming thread */
  void (*on_gate) (Branches *self, const GstStructure *message);
  gpointer user;
};

/* From a launch line in which %s stands for the name of a new account. Sinks are
 * named; nothing is started. */
Branches *branches_new (guint64 limit, const gchar *line);
/* Another pipeline on the same account; it is freed first. */
Branches *branches_new_beside (Branches *other, const gchar *line);
/* Checks that everything was given back, with the last of an account. */
void branches_free (Branches *self);

GstElement *branches_get (Branches *self, const gchar *name); /* full */
void branches_play (Branches *self);
/* Until EOS (TRUE) or an error (FALSE); a test that waits longer hangs. */
gboolean branches_finish (Branches *self);
/* Buffers that the sink of that name rendered. */
guint branches_rendered (Branches *self, const gchar *sink);
void branches_await_rendered (Branches *self, const gchar *sink, guint n);
guint64 branches_count (Branches *self, const gchar *gate, const gchar *count);

/* Charges the whole limit, so that gates drop or wait; given back with
 * gst_pet_ticket_unref(). */
GstPetTicket *branches_fill (Branches *self);

/* A folder of `n` RGBA pictures; their sizes alternate if `alternate`. */
gchar *branches_photos (guint n, gboolean alternate);

G_END_DECLS
