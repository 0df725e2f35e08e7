/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A branch of a pipeline as the account knows it: what is over is decided for
 * all optional branches of a picture at once, the highest priority first, when
 * the first of them asks. docs/memory.md, "Optional branches". */

#pragma once

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

/* Thread-safety: each branch is used by one thread at a time; different
 * branches of an account by any. */
typedef struct _GstPetBranch GstPetBranch;

typedef struct {
  gboolean optional;
  guint priority;    /* 0..100 */
  gdouble low, high; /* watermarks, shares of the limit */
} GstPetBranchRules;

/* Branches of the same account and `tee` (an address, never read) are decided
 * together; NULL = this one alone. `lags`: pictures may come later than to others
 * of the tee, because a queue is between. */
GstPetBranch *gst_pet_branch_new (
    GstPetBudget *budget, gconstpointer tee, gboolean lags);

/* Frees *branch (NULL allowed), with the tickets it was granted and did not
 * fetch, and clears it. */
void gst_pet_branch_free (GstPetBranch **branch);

gconstpointer gst_pet_branch_get_tee (const GstPetBranch *branch);

/* What a picture of the present caps costs, and how the branch is treated; to
 * be said before the first picture comes and after every change. */
void gst_pet_branch_set (
    GstPetBranch *branch, const GstPetBranchRules *rules, guint64 cost);

/* A flush: what came before does not come again. */
void gst_pet_branch_reset (GstPetBranch *branch);

/* Branches know a picture again by its time, without one by the ticket `from`
 * that it carries (NULL allowed), without either because it is the next. A ticket
 * that was granted is given back when the picture does not come: because the next
 * one has come, or `from` has ended. */

/* A picture has come to a required branch. */
void gst_pet_branch_count (
    GstPetBranch *branch, GstPetTicket *from, GstClockTime pts);

/* A picture has come to an optional branch: a ticket, or NULL and a `reason`
 * (static). `watched` is a pressure that counts beside the account's. */
GstPetTicket *gst_pet_branch_decide (GstPetBranch *branch, GstPetTicket *from,
    GstClockTime pts, gdouble watched, const gchar **reason);

/* The picture of that time does not come to this branch. */
void gst_pet_branch_skip (GstPetBranch *branch, GstClockTime pts);

/* No more pictures come. */
void gst_pet_branch_end (GstPetBranch *branch);

G_END_DECLS
