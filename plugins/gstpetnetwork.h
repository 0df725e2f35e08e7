/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The network of petsegment: which file, and on which device. */

#pragma once

#include <gst/gst.h>

#include "gstpetenums.h"
#include "nn/pet-segmenter.h"

G_BEGIN_DECLS

typedef struct {
  const gchar *location; /* NULL = the one built into the plugin */
  GstPetDevice device;
  gint cuda_device_id;
  GstPetPrecision precision;
  guint threads; /* 0 = one per core */
  guint batch_size;
  guint batch_timeout_ms;
  const PetAllocator *allocator; /* of what lives on the CPU */
} GstPetNetworkOptions;

/* Loads the network where `options` say and names the place in *device ("cpu"
 * or "cuda"). What cannot be had is said on the bus as `element`: an error
 * (NULL is returned), or with device=auto a warning that the CPU is used. A GPU
 * that fails later is handled alike: with device=auto the photo, and all after
 * it if the GPU is lost, are segmented on the CPU. */
PetSegmenter *gst_pet_network_open (GstElement *element,
    const GstPetNetworkOptions *options, const gchar **device);

G_END_DECLS
