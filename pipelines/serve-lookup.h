/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names under which a photo's looks are kept. */

#pragma once

#include "base/pet-sha256.h"
#include "serve-cache.h"
#include "serve-looks.h"
#include "serve-options.h"

G_BEGIN_DECLS

/* What all results of this process depend on beside the photo and the wishes:
 * version, network, PNG settings. Reads the network's file; call at start. */
gchar *serve_lookup_recipe (const ServeOptions *options, GError **error);

/* A photo as it came. */
typedef struct {
  GBytes *bytes;
  guint8 sum[PET_SHA256_BYTES];
} ServePhoto;

void serve_photo_clear (ServePhoto *photo); /* `bytes` NULL allowed */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ServePhoto, serve_photo_clear)

typedef struct {
  gchar keys[SERVE_MAX_LOOKS][SERVE_KEY_HEX + 1]; /* of the looks wanted */
  ServeResult *found[SERVE_MAX_LOOKS]; /* the callback may take them */
} ServeLookup;

typedef void (*ServeLookupCallback) (ServeLookup *lookup, gpointer user);

/* Names the wanted looks and looks them up in `cache` (NULL: does not), in a
 * thread where files have to be opened; `callback` comes from the main loop,
 * always. `recipe` and `cache` must live until then. */
void serve_lookup_start (const gchar *recipe, const ServePhoto *photo,
    const ServeWishes *wishes, ServeCache *cache, ServeLookupCallback callback,
    gpointer user);

G_END_DECLS
