/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One account of bytes, shared by all gates of the process that name it. What
 * a branch will need is charged before it is allocated, as a ticket; the
 * ticket is given back when the last buffer that carries it is freed, which is
 * when the branch's file is on disk. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_PET_BUDGET (gst_pet_budget_get_type ())
G_DECLARE_FINAL_TYPE (GstPetBudget, gst_pet_budget, GST, PET_BUDGET, GstObject)

/* Bytes that an account was charged with. Reference counted; the last unref
 * gives the bytes back. Thread-safety: safe. */
typedef struct _GstPetTicket GstPetTicket;

typedef struct {
  guint64 limit;    /* bytes, never 0 */
  guint64 in_use;   /* bytes of all tickets out */
  guint64 peak;     /* largest in_use so far */
  guint tickets;    /* tickets out */
  gdouble pressure; /* in_use / limit */
} GstPetBudgetState;

typedef enum {
  GST_PET_ADMIT_PASS,     /* below the limit */
  GST_PET_ADMIT_OVER,     /* above the limit, let through because nothing else
                             was in flight */
  GST_PET_ADMIT_FULL,     /* does not fit now */
  GST_PET_ADMIT_TIMEOUT,  /* did not fit in time */
  GST_PET_ADMIT_CANCELED, /* the wait was interrupted */
} GstPetAdmit;

/* The process's account of that name, made at the first call and kept as long
 * as anyone holds it. Transfer full. Thread-safety of everything below: safe. */
GstPetBudget *gst_pet_budget_get (const gchar *name);

/* 0 = half of the memory that the cgroup or the machine has free now. Waiters
 * are woken. */
void gst_pet_budget_set_limit (GstPetBudget *budget, guint64 limit);

void gst_pet_budget_get_state (GstPetBudget *budget, GstPetBudgetState *state);

/* Takes a ticket of `bytes` if in_use + bytes <= ceiling, where `ceiling` is
 * a share of the limit (0..1); else FULL. */
GstPetAdmit gst_pet_budget_try (GstPetBudget *budget, guint64 bytes,
    gdouble ceiling, GstPetTicket **ticket);

/* For what may be dropped: takes a ticket if it fits below a level between the
 * watermarks `low` and `high` (shares of the limit) that `priority` (0-100)
 * sets; else NULL and a `reason` (static). Once refused (*shedding, the
 * caller's, FALSE at first), nothing is taken until the pressure has fallen to
 * `low`. */
GstPetTicket *gst_pet_budget_try_optional (GstPetBudget *budget, guint64 bytes,
    gdouble low, gdouble high, guint priority, gboolean *shedding,
    const gchar **reason);

/* Takes a ticket, waiting at most `timeout_ns` for others to be given back. If
 * no ticket is out it is granted even above the limit: a limit can slow work
 * down, never stop it. */
GstPetAdmit gst_pet_budget_wait (GstPetBudget *budget, guint64 bytes,
    GstClockTime timeout_ns, const gint *canceled, GstPetTicket **ticket);

/* Makes all waiters look at their `canceled` flag (an atomic gint). */
void gst_pet_budget_wake (GstPetBudget *budget);

GstPetTicket *gst_pet_ticket_ref (GstPetTicket *ticket);
void gst_pet_ticket_unref (GstPetTicket *ticket);
guint64 gst_pet_ticket_get_bytes (const GstPetTicket *ticket);

/* The ticket rides on buffers as a meta without tags, so elements that make a
 * buffer from a buffer copy it. `buffer` must be writable; takes a reference
 * of its own. */
void gst_pet_buffer_add_ticket (GstBuffer *buffer, GstPetTicket *ticket);

/* Cost query: what one buffer of `caps` will cost the branch downstream, in
 * bytes. Each element that knows adds its own share and passes it on. */
GstQuery *gst_pet_query_new_cost (GstCaps *caps);
gboolean gst_pet_query_is_cost (GstQuery *query);
/* Adds to the sum (saturating). */
void gst_pet_query_add_cost (GstQuery *query, guint64 bytes);
/* FALSE when nobody answered. */
gboolean gst_pet_query_parse_cost (
    GstQuery *query, GstCaps **caps, guint64 *bytes);

/* Asks the branch behind `srcpad` for the price of a buffer with the caps of
 * `sinkpad`; `fallback` when it does not know. */
guint64 gst_pet_branch_cost (GstPad *sinkpad, GstPad *srcpad, guint64 fallback);

G_END_DECLS
