/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory that the account knows: charged before it is taken, given back when it
 * is freed. Blocks of 64 KB and more are mapped: when freed they wait for the next
 * photo (gstpetspares.h) and then go back to the system; glibc would keep them
 * (up to 32 MB each) for the life of the process.
 * What a block costs beyond its size (a header, whole pages) is charged too. */

#pragma once

#include <gst/gst.h>

#include "base/pet-outline.h"
#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

/* Bytes charged for a block of `size`. */
guint64 gst_pet_block_bytes (gsize size);

/* `size` bytes aligned to PET_ALIGNMENT, drawn from `ticket` (NULL: loose);
 * `zeroed` or of unspecified contents. NULL when there is no memory. To be freed
 * with gst_pet_block_free(). Keeps the account, not the ticket, alive. */
gpointer gst_pet_block_new (
    GstPetBudget *budget, GstPetTicket *ticket, gsize size, gboolean zeroed);
void gst_pet_block_free (gpointer block); /* NULL allowed */

/* A GstAllocator of such blocks, zeroed. Copies of its memory (copy on write)
 * are charged like the original. Transfer full. */
GstAllocator *gst_pet_allocator_new (GstPetBudget *budget);

/* Of gst_pet_allocator_new()'s; unspecified contents unless `zeroed`; NULL when
 * there is no memory. */
GstMemory *gst_pet_allocator_take (
    GstAllocator *allocator, GstPetTicket *ticket, gsize size, gboolean zeroed);

/* Gives the whole pages between the bytes `from` and `to` of the memory back to
 * the system: their contents are lost. For memory that the caller alone holds
 * and reads for the last time. Does nothing to what may become a spare, to small
 * blocks and to memory of others. The account stays charged until the block is
 * freed. Returns where to go on from: the end of the last page that went, else
 * `from`. */
gsize gst_pet_memory_discard (GstMemory *memory, gsize from, gsize to);

/* What is known of the RGBA picture in a buffer, which nobody has mapped now. It
 * is forgotten when somebody maps the memory to write. Only memory of ours
 * remembers, a whole one, and without a GstVideoMeta. */
void gst_pet_buffer_set_outline (GstBuffer *buffer, const PetOutline *outline);

/* Of an RGBA picture of that size; NULL: nothing is known. Valid as long as the
 * buffer is and nobody writes to it. */
const PetOutline *gst_pet_buffer_get_outline (
    GstBuffer *buffer, gint width, gint height);

G_END_DECLS
