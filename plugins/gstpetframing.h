/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where one file ends and the next begins, which a pad does not say outright:
 * petfoldersrc, multifilesrc and most appsrc's push one whole file per buffer,
 * filesrc and souphttpsrc push one file in pieces. A framer turns what comes
 * into a sink pad into whole files, each with a GstPetSourceMeta. */

#pragma once

#include <gst/base/gstadapter.h>
#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  GST_PET_FRAMING_UNKNOWN,
  GST_PET_FRAMING_BUFFER, /* each buffer is a file */
  GST_PET_FRAMING_STREAM, /* everything up to the stream's end is one file */
} GstPetFraming;

/* Used by the streaming thread only. */
typedef struct {
  GstPad *sinkpad; /* borrowed */
  GstPetFraming framing;
  GstAdapter *pieces; /* of the file so far, framing STREAM */
  gboolean refused;   /* it was too large; the rest is passed over */
  gboolean has_caps;  /* a CAPS event came */
  GstSegment segment; /* as it came in, UNDEFINED if there was none */
  guint64 next_index;
} GstPetFramer;

void gst_pet_framer_init (GstPetFramer *framer, GstPad *sinkpad);
void gst_pet_framer_clear (GstPetFramer *framer);

/* Back to the beginning of a stream. */
void gst_pet_framer_reset (GstPetFramer *framer);

/* Forgets the file that is being received. */
void gst_pet_framer_drop_partial (GstPetFramer *framer);

/* Takes a buffer; returns the file that is complete with it, or NULL. A stream
 * above `max_bytes` (0 = no limit) is returned once as an empty file with the
 * problem in its meta. */
GstBuffer *gst_pet_framer_push (
    GstPetFramer *framer, GstBuffer *buffer, guint64 max_bytes);

/* Whether a file has begun that has not ended. */
gboolean gst_pet_framer_is_within (const GstPetFramer *framer);

/* At the end of a stream: the file that ends here, or NULL. A source that names a file but gave
 * no bytes had an empty one. */
GstBuffer *gst_pet_framer_finish (GstPetFramer *framer);

G_END_DECLS
