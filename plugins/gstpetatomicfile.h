/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Writes the bytes of `buffer` to `name` so that at any moment, whatever dies,
 * the name is the old file, the new one, or none: temporary file in the same
 * folder (".NAME.XXXXXX.part", locked with flock() as long as its writer lives),
 * fsync, rename. Missing folders are made. With
 * `overwrite` FALSE a file that is there stays, and *kept is TRUE. FALSE on
 * failure, with a GFileError; no temporary file is left then. */
gboolean gst_pet_atomic_write (const gchar *name, GstBuffer *buffer,
    gboolean overwrite, gboolean *kept, GError **error);

G_END_DECLS
