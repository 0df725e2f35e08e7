/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an element takes its memory from: the account it named, and within it
 * the ticket of the picture it is at. */

#pragma once

#include <gst/gst.h>

#include "base/pet-alloc.h"
#include "memory/gstpetbudget.h"
#include "memory/gstpetpool.h"

G_BEGIN_DECLS

/* Frames of one element that are out before the gates call it full. */
#define GST_PET_ACCOUNT_MAX_FRAMES 32

/* Used by the streaming thread; `core` may be used by the threads of a library
 * while the streaming thread waits for it. All zero: closed. */
typedef struct {
  PetAllocator core; /* for the plain C libraries */
  GstPetBudget *budget;
  GstAllocator *allocator;
  GstPetPool *pool;
  GstPetTicket *ticket; /* of the picture now; NULL: memory is loose */
} GstPetAccount;

/* Joins the account of that name; at start. */
void gst_pet_account_open (GstPetAccount *account, const gchar *name);
/* Memory that is out stays valid and charged. Closed allowed; at stop. */
void gst_pet_account_close (GstPetAccount *account);

/* From here on memory is drawn from the ticket that `buffer` carries; loose if
 * it has none. */
void gst_pet_account_begin (GstPetAccount *account, GstBuffer *buffer);
void gst_pet_account_begin_ticket (
    GstPetAccount *account, GstPetTicket *ticket);
/* What is taken until gst_pet_account_end() belongs to no picture, but to the
 * element: it counts as `fixed`. */
void gst_pet_account_begin_fixed (GstPetAccount *account);
void gst_pet_account_end (GstPetAccount *account);

/* Contents unspecified; NULL when there is no memory. */
GstMemory *gst_pet_account_memory (GstPetAccount *account, gsize size);
GstBuffer *gst_pet_account_frame (
    GstPetAccount *account, const GstVideoInfo *info);

/* Answers an ALLOCATION query with a pool of zeroed frames and the allocator of
 * the account. FALSE: not raw video. */
gboolean gst_pet_account_propose (GstPetAccount *account, GstQuery *query);

G_END_DECLS
