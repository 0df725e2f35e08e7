/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first step of a photo, on a thread of its own because disks can be slow
 * or hang: its file is read, what killed runs have left is cleared away, and
 * the results that are there already are looked at. */

#pragma once

#include "batch-plan.h"
#include "batch-recipe.h"

G_BEGIN_DECLS

typedef struct _BatchLoad BatchLoad;

struct _BatchLoad {
  const BatchOptions *options;
  const gchar *settings; /* batch_recipe_settings() */
  const BatchItem *item;

  /* Results, valid when `done` is called. */
  GstBuffer *buffer; /* the file, with its source meta; NULL when no result is
                        to be made */
  guint skipped;     /* bit i: result i is there, or something is in its way */
  gchar *obstacles[BATCH_MAX_EFFECTS];      /* NULL, or what is */
  BatchResultFile files[BATCH_MAX_EFFECTS]; /* of those that are there */

  /* Called once, on the default main context; NULL when the result is no
   * longer wanted. May be changed by that context's thread only. The load is
   * freed afterwards. */
  void (*done) (BatchLoad *load, gpointer user);
  gpointer user;
};

/* The pointers must live until `done` is called, or as long as the process. */
BatchLoad *batch_load_start (const BatchOptions *options, const gchar *settings,
    const BatchItem *item, void (*done) (BatchLoad *load, gpointer user),
    gpointer user);

G_END_DECLS
