/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The network of petsegment: which file, and on which device. */

#pragma once

#include <gst/gst.h>

#include "gstpetenums.h"
#include "gstpetgpucut.h"
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

typedef struct {
  GstElement *element; /* for messages; not owned */
  PetSegmenter *segmenter;
  const gchar *device; /* "cpu" or "cuda" */
  GstPetGpuCut *cut;   /* NULL: photos are cut out on the CPU */
  gboolean lost;       /* the card of `cut` */
} GstPetNetwork;

/* Loads the network where `options` say. What cannot be had is said on the bus
 * as `element`: an error (FALSE is returned), or with device=auto a warning that
 * the CPU is used. A GPU that fails later is handled alike: with device=auto the
 * photo, and all after it if the GPU is lost, are segmented on the CPU. */
gboolean gst_pet_network_open (GstPetNetwork *network, GstElement *element,
    const GstPetNetworkOptions *options);
/* All zero: closed already. */
void gst_pet_network_close (GstPetNetwork *network);

/* A cut-out could not be made on the card, and the CPU makes it: a warning. If
 * the card is lost (DEVICE), all further ones, too. */
void gst_pet_network_cut_failed (
    GstPetNetwork *network, PetStatus status, const PetError *error);

G_END_DECLS
