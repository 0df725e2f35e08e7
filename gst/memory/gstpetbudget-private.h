/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The account's inside, shared by the files of gst/memory. `_locked`: the
 * caller holds budget->lock. */

#pragma once

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

typedef struct _GstPetSpare GstPetSpare;

struct _GstPetBudget {
  GstObject parent;

  GMutex lock;
  GCond changed;    /* something was given back, or a limit changed */
  guint n_sleepers; /* who waits for that */
  guint64 limit;
  guint64 offered; /* limit where nobody sets one; 0: half of what is free */
  gboolean is_set; /* somebody did */
  guint64 in_use, peak;
  guint64 allocated, allocated_peak;
  guint64 overdrawn;
  guint64 fixed;
  guint tickets;
  guint64 n_serials; /* tickets so far */
  guint in_flight;   /* tickets whose memory is not all back */
  GQueue waiters;    /* who waits for the account, first come first */
  guint n_splitters; /* who waits for branches of the same photo */
  gint64 moved_us;   /* when something of a ticket last moved, monotonic */
  gint64 stall_us;   /* how long nothing may */
  GList *pools;      /* GstPetPool, borrowed; each has a maximum */
  GList *branches;   /* GstPetBranch, borrowed */

  GstPetSpare *spares; /* gstpetspares.h */
  gsize spare_bytes;
  guint n_spares;
  gboolean spares_timed; /* the clock will look at them */
  gint64 spared_us;      /* when the last one came */
};

struct _GstPetTicket {
  gint holders;   /* atomic; at 0 the ticket ends */
  guint64 serial; /* from 1 */

  /* under the budget's lock */
  guint refs; /* the holders together, each draw, each child */
  gboolean ended;
  gboolean settled; /* and nobody waits for what it still holds */
  guint64 base;     /* promised */
  guint64 drawn;    /* taken now */
  guint64 owed;     /* of base, to be returned to `parent` */
  guint n_children; /* split off and not yet gone */
  gint64 moved_us;  /* when something of it or its children last moved */
  GstPetTicket *parent;
  GstPetBudget *budget;
};

/* Bytes of the limit's share `ceiling` that are not in use. */
guint64 gst_pet_budget_room_locked (const GstPetBudget *self, gdouble ceiling);

/* A ticket of `bytes`, of which `owed` come from `parent`'s promise. */
GstPetTicket *gst_pet_ticket_new_locked (
    GstPetBudget *self, guint64 bytes, GstPetTicket *parent, guint64 owed);
/* Promised and not drawn; nothing once it has ended. */
guint64 gst_pet_ticket_rest_locked (const GstPetTicket *ticket);

/* What branches were granted for pictures of that ticket and have not fetched is
 * moved to `to`, to be given back without the lock. */
void gst_pet_branches_release_locked (
    GstPetBudget *self, guint64 serial, GQueue *to);
void gst_pet_branches_give_back (GQueue *decisions);

/* Who waits looks again. */
void gst_pet_budget_changed_locked (GstPetBudget *self);

gdouble gst_pet_budget_pressure_locked (const GstPetBudget *self);
gdouble gst_pet_budget_fullness_locked (const GstPetBudget *self);

G_END_DECLS
