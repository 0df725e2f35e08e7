/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The networks of petsegment: which files, and on which device. */

#pragma once

#include <gst/gst.h>

#include "gstpetenums.h"
#include "gstpetgpucut.h"
#include "gstpetsecond.h"
#include "memory/gstpetaccount.h"
#include "nn/pet-segmenter.h"

G_BEGIN_DECLS

typedef struct {
  const gchar *location;        /* NULL = the one built into the plugin */
  const gchar *second_location; /* NULL = of the built-in one petnet-large, of
                                   another none; "" = none */
  GstPetDevice device;
  gint cuda_device_id;
  GstPetPrecision precision;
  guint threads; /* 0 = one per core */
  guint batch_size;
  guint batch_timeout_ms;
  const gint *hurried;    /* GstPetGpuOptions */
  GstPetAccount *account; /* of what lives on the CPU; the element's, open */
  const gchar *budget;    /* of a second network there */
} GstPetNetworkOptions;

typedef struct {
  GstElement *element; /* for messages; not owned */
  PetSegmenter *segmenter;
  const gchar *device; /* where that runs: "cpu" or "cuda" */
  gboolean by_cpu;     /* a network had to, since that was cleared */
  GstPetGpuCut *cut;   /* NULL: photos are cut out on the CPU */
  gboolean lost;       /* the card of `cut` */

  /* For photos of which `segmenter` is unsure (nn/pet-find.h); loaded when the
   * first comes, on the device of `segmenter`. */
  gboolean has_second;          /* there is to be one */
  gboolean second_lost;         /* it cannot be had, which was said */
  gchar *second_location;       /* NULL: none, or it was not found */
  GstPetNetworkOptions options; /* its own */
  GstPetSecond *second;
  PetSegmenter *second_on_card;
  PetSegmenter *second_shape; /* its sizes; it cannot be run. NULL: none */
} GstPetNetwork;

/* Loads the network where `options` say. What cannot be had is said on the bus
 * as `element`: an error (FALSE is returned), or with device=auto a warning that
 * the CPU is used. A GPU that fails later is handled alike: with device=auto the
 * photo, and all after it if the GPU is lost, are segmented on the CPU. */
gboolean gst_pet_network_open (GstPetNetwork *network, GstElement *element,
    const GstPetNetworkOptions *options);
/* All zero: closed already. */
void gst_pet_network_close (GstPetNetwork *network);

/* Only if `has_second`; as gst_pet_second_take (). If it cannot be had a warning
 * says why, once, and later photos do not get it either. */
PetSegmenter *gst_pet_network_take_second (
    GstPetNetwork *network, guint threads, GstPetTicket *ticket);
void gst_pet_network_give_back_second (GstPetNetwork *network);

/* A cut-out could not be made on the card, and the CPU makes it: a warning. If
 * the card is lost (DEVICE), all further ones, too. */
void gst_pet_network_cut_failed (
    GstPetNetwork *network, PetStatus status, const PetError *error);

G_END_DECLS
