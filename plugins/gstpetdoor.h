/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The door of a pipeline: a photo is admitted with the memory that its required
 * part needs before its first byte is decoded. docs/memory.md. */

#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "codec/pet-decoder.h"
#include "memory/gstpetaccount.h"

G_BEGIN_DECLS

/* Used by the streaming thread, but for gst_pet_door_cancel(). */
typedef struct {
  GstElement *element; /* borrowed */
  GstPad *srcpad;      /* its own; what follows it is asked what it costs */
  GstPetAccount account;
  gint canceled; /* atomic */

  guint64 file_bytes; /* charged for the file being read */
  gboolean stalled;   /* its header was let in for a standstill */
} GstPetDoor;

/* What the header of a photo said. */
typedef struct {
  PetPictureInfo info;
  gsize working_bytes; /* of the decoder */
} GstPetPhoto;

void gst_pet_door_open (GstPetDoor *door, GstElement *element, GstPad *srcpad,
    const gchar *budget_name);
void gst_pet_door_close (GstPetDoor *door); /* closed allowed */

/* From any thread: whoever waits stops waiting; FALSE: one may wait again. */
void gst_pet_door_cancel (GstPetDoor *door, gboolean cancel);

/* Reads the header, within a small ticket of its own, or split off that of `file`. `options->allocator` is
 * the door's business. PET_ERROR_LIMIT with an interrupted wait: ask
 * gst_pet_door_is_canceled(). */
PetStatus gst_pet_door_look (GstPetDoor *door, const PetDecodeOptions *options,
    GstBuffer *file, const guint8 *bytes, gsize size, GstPetPhoto *photo,
    PetError *error);
gboolean gst_pet_door_is_canceled (const GstPetDoor *door);

/* Waits until the photo may come in: from here on the door's account draws from
 * its ticket, until gst_pet_door_leave(). `file` carries what the source
 * attached; its bytes are charged to the ticket. CANCELED: it may not. `bytes`
 * (NULL allowed): what was asked for. */
GstPetAdmit gst_pet_door_admit (GstPetDoor *door, const GstPetPhoto *photo,
    const GstVideoInfo *info, GstBuffer *file, guint64 *bytes);

/* The file has been freed, and nothing more is drawn. */
void gst_pet_door_leave (GstPetDoor *door);

G_END_DECLS
