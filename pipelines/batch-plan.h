/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What pet-batch is going to do: every photo of the inputs, with the name its
 * results will have. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gchar *path;   /* to open */
  gchar *source; /* below its input folder, for messages */
  gchar *dir;    /* {dir}; "" at the top */
  gchar *stem;   /* {stem}; the full name where two photos of a folder share
                    theirs */
} BatchItem;

/* Items in the order of the inputs, folders sorted. An input file is taken
 * whatever it is called. NULL and `error` when an input does not exist or two
 * photos would write the same results. Free with g_ptr_array_unref(). */
GPtrArray *batch_plan_new (gchar **inputs, GError **error);

G_END_DECLS
