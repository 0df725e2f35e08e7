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

/* Branches of the same account and `fork` (an address, never read: the tee)
 * are decided together; NULL = this one alone. */
GstPetBranch *gst_pet_branch_new (GstPetBudget *budget, gconstpointer fork);

/* Frees *branch (NULL allowed), with the tickets it was granted and did not
 * fetch, and clears it. */
void gst_pet_branch_free (GstPetBranch **branch);

gconstpointer gst_pet_branch_get_fork (const GstPetBranch *branch);

/* What a picture of the present caps costs, and how the branch is treated; to
 * be said before the first picture comes and after every change. */
void gst_pet_branch_set (
    GstPetBranch *branch, const GstPetBranchRules *rules, guint64 cost);

/* A flush: counting of pictures begins anew. */
void gst_pet_branch_reset (GstPetBranch *branch);

/* The next picture has come to a required branch. */
void gst_pet_branch_count (GstPetBranch *branch);

/* The next picture has come to an optional branch: a ticket, or NULL and a
 * `reason` (static). `from` is the ticket it carries (NULL allowed), `watched`
 * a pressure that counts beside the account's. */
GstPetTicket *gst_pet_branch_decide (GstPetBranch *branch, GstPetTicket *from,
    gdouble watched, const gchar **reason);

G_END_DECLS
