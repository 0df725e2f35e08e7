/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pet-batch's command line. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define BATCH_MAX_EFFECTS 32

typedef struct {
  const gchar *name; /* static: the nick of peteffect's enum */
  gboolean optional;
  guint priority;
  gchar **params; /* names and values in turn, NULL-ended: other than usual */
} BatchEffect;

typedef struct {
  gchar **inputs;
  gchar *output;
  BatchEffect effects[BATCH_MAX_EFFECTS];
  guint n_effects;
  guint max_size;
  guint64 memory;      /* bytes of the budget, 0 = automatic */
  guint jobs;          /* photos in parallel, at least 1 */
  guint shard, shards; /* this run makes the photos of shard of shards */
  guint timeout;       /* seconds that a photo may stand still */
  gchar *rendition;    /* of the looks: "classic" or "fine" */
  gchar *device;
  gchar *model;        /* NULL = built in */
  gchar *second_model; /* NULL = as petsegment chooses; "" = none */
  gint level;
  gint dpi;
  gchar *contact_sheet; /* NULL = none */
  gboolean remake;
  gboolean print_pipeline;
  gboolean json;
  gboolean quiet;
} BatchOptions;

/* Reads `arguments` (changed; NULL-ended, the program's name first). FALSE
 * and `error` on a usage error. --help and --version print and exit(0).
 * Needs the plugin to be registered: the looks are peteffect's. */
gboolean batch_options_parse (
    BatchOptions *options, gchar ***arguments, GError **error);

void batch_options_clear (BatchOptions *options);

/* Whether peteffect is to use the card, where cut-outs are: only if one is asked
 * for (auto would tell once per look that there is none), and not for fine looks,
 * which the CPU makes. */
gboolean batch_looks_on_card (const BatchOptions *options);

G_END_DECLS
