/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  gboolean kept;
  guint64 bytes; /* of the file that has the name now */
} GstPetAtomicResult;

/* Writes the bytes of `buffer` to `name` so that at any moment, whatever dies,
 * the name is the old file, the new one, or none: temporary file in the same
 * folder (".NAME.XXXXXX.part", locked with flock() as long as its writer lives),
 * fsync, rename. Missing folders are made. With `overwrite` FALSE a file (or link
 * to one) that is there is kept; anything else that is there is a failure. FALSE
 * on failure, with a GFileError; no temporary file is left then. */
gboolean gst_pet_atomic_write (const gchar *name, GstBuffer *buffer,
    gboolean overwrite, GstPetAtomicResult *result, GError **error);

G_END_DECLS
