/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resuming: every result carries, as a tEXt chunk "Recipe", what it was made
 * from and how. A result that is whole and has the recipe that would be used
 * now is not made again. */

#pragma once

#include "batch-options.h"

G_BEGIN_DECLS

/* Version, rendition, max-size, level, dpi and network: what decides the pixels and the
 * bytes of a result, apart from the photo. NULL and `error` when the network's
 * file cannot be read. Free with g_free(). */
gchar *batch_recipe_settings (const BatchOptions *options, GError **error);

/* The recipe of a photo with these contents. Free with g_free(). */
gchar *batch_recipe_new (
    const gchar *settings, gconstpointer bytes, gsize size);

typedef struct {
  guint64 bytes;
  gint width, height;
} BatchResultFile;

/* Reads `path` whole: TRUE if it is a PNG in which every chunk has its right
 * checksum, that ends where the file does, and that carries `recipe`. */
gboolean batch_recipe_matches (
    const gchar *path, const gchar *recipe, BatchResultFile *file);

/* Deletes what killed runs have left of the results in `folder`: files called
 * ".RESULT.??????.part", RESULT being a name that `is_result` accepts, unless
 * a process still writes them (it holds a lock). */
void batch_recipe_sweep (const gchar *folder,
    gboolean (*is_result) (const gchar *, gpointer), gpointer user);

G_END_DECLS
