/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

#include "nn/pet-segmenter.h"

G_BEGIN_DECLS

/* The network in the file `location`, or the one built into the plugin (NULL).
 * Errors as pet_segmenter_new_file(). */
PetStatus gst_pet_network_load (const gchar *location,
    const PetSegmenterOptions *options, PetSegmenter **segmenter,
    PetError *error);

G_END_DECLS
