/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What pet-batch is going to do: every photo of the inputs, with the name its
 * results will have. */

#pragma once

#include "batch-options.h"

G_BEGIN_DECLS

typedef struct {
  guint64 index;  /* among all photos of the inputs */
  gchar *path;    /* to open */
  gchar *source;  /* below its input folder, for messages */
  gchar *dir;     /* {dir}; "" at the top */
  gchar *stem;    /* {stem}; the full name where two photos of a folder share
                    theirs */
  gchar *problem; /* of a folder that cannot be read: why; else NULL */
} BatchItem;

/* Items in the order of the inputs, folders sorted. An input file is taken
 * whatever it is called; a photo that several inputs give is taken once; what
 * lies below the output folder is not taken from a folder. A folder below an input
 * that cannot be read is an item, which will fail. NULL and `error` when an input
 * does not exist; when two photos would write the same results, or one results into
 * a folder that is called like another one's result; when a result or the contact
 * sheet would replace a photo, or the sheet be among them in the next run. Free with
 * g_ptr_array_unref(). */
GPtrArray *batch_plan_new (const BatchOptions *options, GError **error);

/* Whether a result of these looks (`options`: BatchOptions) is called so. */
gboolean batch_plan_is_result (const gchar *name, gpointer options);

/* Leaves those whose `source` belongs to the shard, as petfoldersrc does. */
void batch_plan_take_shard (GPtrArray *items, guint shard, guint shards);

/* OUT/{dir}/{stem}, and the result of one look in it. Free with g_free(). */
gchar *batch_item_folder (const BatchItem *item, const gchar *output);
gchar *batch_item_result (
    const BatchItem *item, const gchar *output, const gchar *effect);

G_END_DECLS
