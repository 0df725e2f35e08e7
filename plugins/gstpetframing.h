/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where one file ends and the next begins, which a pad does not say outright:
 * petfoldersrc, multifilesrc and most appsrc's push one whole file per buffer,
 * filesrc and souphttpsrc push one file in pieces. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  GST_PET_FRAMING_UNKNOWN,
  GST_PET_FRAMING_BUFFER, /* each buffer is a file */
  GST_PET_FRAMING_STREAM, /* everything up to EOS is one file */
} GstPetFraming;

/* Decides for what comes into `sinkpad`. `buffer`: the first one, NULL at EOS
 * without any. `format`: of the segment, UNDEFINED if there was none.
 * `has_caps`: a CAPS event came. */
GstPetFraming gst_pet_framing_detect (GstPad *sinkpad, GstBuffer *buffer,
    GstFormat format, gboolean has_caps);

/* What the source says it reads: the path of a file:// URI, or the URI. NULL
 * where it says nothing, or where the name is not of one file. */
gchar *gst_pet_framing_source_name (GstPad *sinkpad);

G_END_DECLS
