/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names under which a photo's looks are kept. */

#pragma once

#include "serve-cache.h"
#include "serve-looks.h"
#include "serve-options.h"

G_BEGIN_DECLS

/* What all results of this process depend on beside the photo and the wishes:
 * version, network, PNG settings. Reads the network's file; call at start. */
gchar *serve_lookup_recipe (const ServeOptions *options, GError **error);

typedef struct {
  gchar keys[SERVE_MAX_LOOKS][SERVE_DIGEST_HEX + 1]; /* of the looks wanted */
  ServeResult *found[SERVE_MAX_LOOKS]; /* the callback may take them */
} ServeLookup;

typedef void (*ServeLookupCallback) (ServeLookup *lookup, gpointer user);

/* Names the wanted looks and looks them up in `cache` (NULL: does not), in a
 * thread; `callback` comes from the main loop, always. `recipe` and `cache`
 * must live until then. */
void serve_lookup_start (const gchar *recipe, GBytes *bytes,
    const ServeWishes *wishes, ServeCache *cache, ServeLookupCallback callback,
    gpointer user);

G_END_DECLS
