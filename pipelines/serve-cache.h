/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finished results on disk, found again by the name of what they were made
 * from: DIR/ab/ab12....{effect}.png. Files are whole or not there; the least
 * recently used go when the limit is reached. They outlive the process.
 *
 * Thread-safety: safe. All functions may block on the disk, apart from those
 * that say otherwise and serve_cache_get_state(). */

#pragma once

#include "serve-result.h"

G_BEGIN_DECLS

#define SERVE_KEY_HEX 40

typedef struct _ServeCache ServeCache;

typedef struct {
  guint64 bytes, limit, files, hits, misses, evicted, write_errors;
} ServeCacheState;

/* Takes the folder for itself (makes it if missing; reads what is there).
 * NULL when that fails, or another process has it. */
ServeCache *serve_cache_new (
    const gchar *folder, guint64 limit, GError **error);
void serve_cache_free (ServeCache *cache);

/* NULL if there is none. `key`: SERVE_KEY_HEX digits. */
ServeResult *serve_cache_get (
    ServeCache *cache, const gchar *key, const gchar *effect);
/* Whether it seems to have it: serve_cache_get() would have to look at the
 * disk. Does not block. */
gboolean serve_cache_knows (
    ServeCache *cache, const gchar *key, const gchar *effect);

/* A result that holds `png` itself and can be got from now on; `cache` NULL
 * allowed. */
ServeResult *serve_cache_begin (
    ServeCache *cache, const gchar *key, const gchar *effect, GstBuffer *png);
/* Keeps what was begun. Where that fails (disk full, ...), or `cache` is NULL,
 * the result is kept in memory (serve_result_keep()) and can be got no more. */
void serve_cache_finish (ServeCache *cache, const gchar *key,
    const gchar *effect, ServeResult *result);

void serve_cache_get_state (ServeCache *cache, ServeCacheState *state);

/* TRUE when it has the form of a key. */
gboolean serve_cache_is_key (const gchar *text);

G_END_DECLS
