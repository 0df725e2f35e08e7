/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One account of bytes, shared by all elements of the process that name it.
 * What a photo or a branch will need is promised to it as a ticket before
 * memory is taken; memory taken for it is drawn from the ticket. See
 * docs/memory.md.
 *
 *   bytes in use = sum over tickets of max (promised, drawn) + loose bytes
 *
 * Thread-safety of everything here: safe. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PET_BUDGET (gst_pet_budget_get_type ())
G_DECLARE_FINAL_TYPE (GstPetBudget, gst_pet_budget, GST, PET_BUDGET, GstObject)

#define GST_PET_BUDGET_DEFAULT "default"

/* A promise of bytes. Reference counted; with the last reference it ends, and
 * what was not drawn is free again. Memory drawn from it may live longer and
 * stays charged. */
typedef struct _GstPetTicket GstPetTicket;

typedef struct {
  guint64 limit;          /* bytes, never 0 */
  guint64 in_use;         /* bytes charged: promised or taken */
  guint64 peak;           /* largest in_use so far */
  guint64 allocated;      /* bytes taken, without what is only promised */
  guint64 allocated_peak; /* largest so far */
  guint64 overdrawn;      /* bytes that tickets drew beyond their promise,
                             summed over time: 0 when every price was right */
  guint64 fixed;          /* bytes beside the account: networks */
  guint tickets;          /* tickets that have not ended */
  guint waiting;          /* pictures that wait to be admitted */
  gdouble fullness;       /* of the fullest pool that has a maximum, 0..1 */
  gdouble pressure;       /* max (in_use / limit, fullness) */
} GstPetBudgetState;

/* The process's account of that name (NULL = "default"), made at the first call
 * and kept as long as anyone holds it. Transfer full. */
GstPetBudget *gst_pet_budget_get (const gchar *name);

/* 0 = half of the memory that the cgroup or the machine has free now, or what was
 * offered. Those who wait look again. */
void gst_pet_budget_set_limit (GstPetBudget *budget, guint64 limit);

/* For accounts of other memory than the machine's: the limit as long as nobody has
 * set one. */
void gst_pet_budget_offer_limit (GstPetBudget *budget, guint64 limit);

void gst_pet_budget_get_state (GstPetBudget *budget, GstPetBudgetState *state);

/* The peaks and `overdrawn` begin anew from what is in use now. */
void gst_pet_budget_reset_peaks (GstPetBudget *budget);

/* How long nothing of a ticket may move before the first one waiting is let in
 * above the limit; 30 s from the start. */
void gst_pet_budget_set_stall_timeout (
    GstPetBudget *budget, GstClockTime timeout_ns);

typedef enum {
  GST_PET_ADMIT_PASS,    /* within the limit */
  GST_PET_ADMIT_OVER,    /* above it, because nothing else is in flight */
  GST_PET_ADMIT_STALLED, /* above it, because nothing moved for long */
  GST_PET_ADMIT_CANCELED /* the wait was interrupted; no ticket */
} GstPetAdmit;

/* What is asked of the account. Callbacks run without a lock of ours. */
typedef struct {
  guint64 bytes;
  GstPetTicket *from;   /* split off this one's promise first; NULL allowed */
  gboolean clip;        /* above the limit, promise only what is left of it */
  gboolean stalled;     /* for a photo that passed so before: it passes again */
  const gint *canceled; /* atomic; NULL = cannot be interrupted */
  /* TRUE = wait although there is room, as long as others are in flight; asked
   * again every 100 ms. NULL allowed. */
  gboolean (*held) (gpointer user);
  /* Called again and again while it waits, to call gst_pet_ticket_settle() for
   * pictures that are merely kept. TRUE: sinks let none through now, so that the
   * photo's own branches may wait for this one. NULL allowed. */
  gboolean (*settle) (gpointer user);
  GstClockTime late_ns; /* `late` is called once after that long */
  void (*late) (gpointer user);
  gpointer user;
} GstPetDemand;

/* Takes a ticket, waiting as long as it must: docs/memory.md, "Only doors
 * wait". `waited_ns` (NULL allowed): 0 when it did not. */
GstPetAdmit gst_pet_budget_admit (GstPetBudget *budget,
    const GstPetDemand *demand, GstPetTicket **ticket, GstClockTime *waited_ns);

/* Without waiting: a ticket if the bytes fit and nobody waits, else NULL. */
GstPetTicket *gst_pet_budget_try (GstPetBudget *budget, guint64 bytes);

/* Makes all that wait look at their `canceled` flag. */
void gst_pet_budget_wake (GstPetBudget *budget);

GstPetTicket *gst_pet_ticket_ref (GstPetTicket *ticket);
void gst_pet_ticket_unref (GstPetTicket *ticket);

/* Ends it before its time, because the picture is done though somebody, like a
 * sink with its last sample, still keeps it: what was promised and not drawn is
 * free again, and nobody waits for the rest. Does nothing the second time. */
void gst_pet_ticket_settle (GstPetTicket *ticket);

/* Borrowed. */
GstPetBudget *gst_pet_ticket_get_budget (const GstPetTicket *ticket);
guint64 gst_pet_ticket_get_promised (GstPetTicket *ticket);
guint64 gst_pet_ticket_get_drawn (GstPetTicket *ticket);

/* Stands for `fixed` where a ticket is drawn from. */
#define GST_PET_TICKET_FIXED ((GstPetTicket *) 1)

/* For allocators: charges `bytes` that are about to be taken for `ticket` (NULL:
 * loose). Each draw is given back with the same arguments. */
void gst_pet_budget_draw (
    GstPetBudget *budget, GstPetTicket *ticket, guint64 bytes);
/* The same for loose bytes of an account whose limit is never passed: FALSE, and
 * nothing is charged, where they would. */
gboolean gst_pet_budget_try_draw (GstPetBudget *budget, guint64 bytes);
void gst_pet_budget_give_back (
    GstPetBudget *budget, GstPetTicket *ticket, guint64 bytes);

/* The ticket rides on buffers as a meta without tags, so elements that make a
 * buffer from a buffer copy it. `buffer` must be writable; a ticket of the same
 * account that it carried is replaced. Takes a reference of its own. */
void gst_pet_buffer_set_ticket (GstBuffer *buffer, GstPetTicket *ticket);

/* Borrowed; NULL when it carries none of this account. */
GstPetTicket *gst_pet_buffer_get_ticket (
    GstBuffer *buffer, GstPetBudget *budget);

G_END_DECLS
