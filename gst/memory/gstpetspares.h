/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Freed blocks of an account that wait to be used again: what the next photo
 * takes is memory that the system has cleared and mapped already, which costs a
 * fifth of a photo's time otherwise. They never make the process larger than its
 * account has been: what is taken and what is spare together stay within the
 * account's limit and its peak; others make way. Blocks above GST_PET_SPARE_MOST_BYTES are not
 * kept, and none for longer than a second without use. Contents are never handed
 * on: who takes one gets it zeroed or fills it.
 *
 * Thread-safety: safe; the caller does not hold the budget's lock. */

#pragma once

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

#define GST_PET_SPARE_MOST_BYTES ((gsize) 12 * 1024 * 1024)
#define GST_PET_SPARES_MOST_BYTES ((gsize) 32 * 1024 * 1024)

/* A block of `bytes`, whole pages, that were drawn already; NULL when none fits.
 * Then spares go back to the system as far as new memory would make the process
 * larger than it may be. */
gpointer gst_pet_spares_take (GstPetBudget *budget, gsize bytes);

/* A block that is about to be given back to the account. FALSE: it was not kept.
 */
gboolean gst_pet_spares_keep (
    GstPetBudget *budget, gpointer block, gsize bytes);

/* Whether a block of `bytes` that is in use would be kept if it were freed now. */
gboolean gst_pet_spares_have_room (GstPetBudget *budget, gsize bytes);

/* Gives all back to the system, as when it runs short. */
void gst_pet_spares_drop (GstPetBudget *budget);

/* Bytes of an account's spares, for tests. */
gsize gst_pet_spares_bytes (GstPetBudget *budget);

G_END_DECLS
