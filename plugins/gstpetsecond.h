/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks on the CPU that are wanted seldom: those who want the same one share
 * it, and it is loaded when the first photo wants it. */

#pragma once

#include <gst/gst.h>

#include "memory/gstpetaccount.h"
#include "nn/pet-segmenter.h"

G_BEGIN_DECLS

typedef struct _GstPetSecond GstPetSecond;

/* Sides of petnet-large's input and of its mask. */
#define GST_PET_SECOND_SIDE 416

/* petnet-large where it lies beside the plugin or is installed; NULL: nowhere. */
gchar *gst_pet_second_find_file (void);

/* Of the process: the one of that file, precision and account. Thread-safety: as
 * the next two, safe. */
GstPetSecond *gst_pet_second_join (
    const gchar *location, PetPrecision precision, const gchar *budget);
/* NULL: left already. The last one frees the network. */
void gst_pet_second_leave (GstPetSecond **second);

/* Waits until nobody else has it, then loads it if need be. What runs take is
 * drawn from `ticket`. NULL: it cannot be loaded, and nothing is to be given
 * back. */
PetSegmenter *gst_pet_second_take (
    GstPetSecond *second, guint threads, GstPetTicket *ticket, PetError *error);
void gst_pet_second_give_back (GstPetSecond *second);

G_END_DECLS
