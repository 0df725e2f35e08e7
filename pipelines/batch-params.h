/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --param: parameters of looks, and what they change. */

#pragma once

#include "batch-options.h"

G_BEGIN_DECLS

/* Reads "LOOK.NAME=VALUE"s (NULL-ended, or NULL) into the options' effects.
 * What says the look's own default is as if it were not given. */
gboolean batch_params_parse (
    BatchOptions *options, gchar *const *texts, GError **error);

/* Prints the parameters of all looks in a rendition. */
void batch_params_print (const gchar *rendition);

/* Sets them on a peteffect. */
void batch_params_apply (const BatchEffect *effect, GstElement *look);

/* A result's recipe from its photo's: its look and parameters at the end. Free
 * with g_free(). */
gchar *batch_params_recipe (const BatchEffect *effect, const gchar *recipe);

/* Makes what passes the pad, before an encoder, carry that recipe. */
void batch_params_watch (const BatchEffect *effect, GstElement *encoder);

G_END_DECLS
