/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finished results on disk, found again by the name of what they were made
 * from: DIR/ab/ab12....{effect}.png. Files are whole or not there; the least
 * recently used go when the limit is reached. They outlive the process.
 *
 * Thread-safety: safe. All functions may block on the disk, apart from
 * serve_cache_get_state(). */

#pragma once

#include "serve-digest.h"
#include "serve-result.h"

G_BEGIN_DECLS

typedef struct _ServeCache ServeCache;

typedef struct {
  guint64 bytes, limit, files, hits, misses, evicted, write_errors;
} ServeCacheState;

/* Takes the folder for itself (makes it if missing; reads what is there).
 * NULL when that fails, or another process has it. */
ServeCache *serve_cache_new (
    const gchar *folder, guint64 limit, GError **error);
void serve_cache_free (ServeCache *cache);

/* NULL if there is none. `key`: SERVE_DIGEST_HEX digits. */
ServeResult *serve_cache_get (
    ServeCache *cache, const gchar *key, const gchar *effect);

/* Keeps `png`. Where that fails (disk full, ...), or `cache` is NULL, the
 * result holds the buffer itself: never NULL. */
ServeResult *serve_cache_put (
    ServeCache *cache, const gchar *key, const gchar *effect, GstBuffer *png);

void serve_cache_get_state (ServeCache *cache, ServeCacheState *state);

/* TRUE when it has the form of a key. */
gboolean serve_cache_is_key (const gchar *text);

G_END_DECLS
