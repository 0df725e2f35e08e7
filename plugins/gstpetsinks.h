/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stock sinks keep their last picture, and while a pipeline prerolls their
 * first. Whoever waits for memory must not wait for those. */

#pragma once

#include <gst/gst.h>

#include "memory/gstpetbudget.h"

G_BEGIN_DECLS

/* Before pictures come: appsinks of `element`'s pipeline show the picture that they
 * keep in any case (enable-last-sample), so that it can be settled. */
void gst_pet_sinks_show (GstElement *element);

/* Settles the tickets of pictures that sinks of `element`'s pipeline keep, but
 * for `except` (NULL allowed), whose picture is not done yet. TRUE: the pipeline does
 * not play, so that sinks let nothing through. */
gboolean gst_pet_sinks_settle (
    GstElement *element, GstPetBudget *budget, const GstPetTicket *except);

G_END_DECLS
