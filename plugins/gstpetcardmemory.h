/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames on a card as GstMemory. To everyone it is memory of the system: whoever
 * maps it has it brought down, once, into a block charged to the picture's
 * ticket. Elements that work on the same card look at the frame itself. A frame
 * that was mapped for writing is given up: the block is the picture then. */

#pragma once

#include <gst/gst.h>

#include "gstpetcuda.h"
#include "memory/gstpetaccount.h"

G_BEGIN_DECLS

/* Keeps some frames that nobody has any more for the next ones, charged to the
 * card's account. Thread-safety: safe. Transfer full. */
PetStatus gst_pet_card_allocator_new (
    gint device, GstAllocator **allocator, PetError *error);

/* A frame of 4 channels, contents unspecified, for
 * gst_pet_card_memory_new () or to be given back. */
PetStatus gst_pet_card_allocator_take (GstAllocator *allocator, gint width,
    gint height, PetCudaFrame **frame, PetError *error);
void gst_pet_card_allocator_give_back (
    GstAllocator *allocator, PetCudaFrame *frame);

/* The memory owns the frame. What it takes on the host is drawn from the
 * account's ticket of now. */
GstMemory *gst_pet_card_memory_new (GstAllocator *allocator,
    PetCudaFrame *frame, gint width, gint height, GstPetAccount *account);

/* The frame of a buffer's picture; NULL where that is not on card `device`.
 * Valid while the caller holds the buffer and does not map it for writing. */
const PetCudaFrame *gst_pet_card_memory_peek (GstBuffer *buffer, gint device);

G_END_DECLS
