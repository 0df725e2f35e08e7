/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-cache.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY ".tmp-"
/* Even a tiny file takes a block and an entry here. */
#define BLOCK_BYTES 4096

typedef struct {
  gchar *name; /* "{key}.{effect}.png" */
  guint64 bytes;
  gint64 used; /* of the last use, only while reading the folder */
  GList link;  /* in `recent` */
} Entry;

struct _ServeCache {
  gchar *folder;
  gint lock_fd;
  guint64 limit;

  GMutex mutex;
  GHashTable *entries; /* name -> Entry */
  GHashTable *begun;   /* name -> ServeResult, while it is being written */
  GQueue recent;       /* of Entry, the most recently used first */
  ServeCacheState state;
  guint64 n_temporary;
};

static void
free_entry (gpointer data)
{
  Entry *entry = data;

  g_free (entry->name);
  g_free (entry);
}

static gchar *
path_of (const ServeCache *cache, const gchar *name)
{
  return g_strdup_printf ("%s/%.2s/%s", cache->folder, name, name);
}

static guint64
charge (guint64 size)
{
  return (size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

static void
forget_locked (ServeCache *cache, Entry *entry)
{
  g_queue_unlink (&cache->recent, &entry->link);
  cache->state.bytes -= entry->bytes;
  cache->state.files--;
  g_hash_table_remove (cache->entries, entry->name);
}

/* Makes room for `bytes`. */
static void
evict_locked (ServeCache *cache, guint64 bytes)
{
  while (
      cache->recent.tail != NULL && cache->state.bytes + bytes > cache->limit) {
    Entry *oldest = cache->recent.tail->data;
    g_autofree gchar *path = path_of (cache, oldest->name);

    g_unlink (path);
    cache->state.evicted++;
    forget_locked (cache, oldest);
  }
}

static void
remember_locked (ServeCache *cache, const gchar *name, guint64 size)
{
  Entry *entry = g_hash_table_lookup (cache->entries, name);

  if (entry != NULL)
    forget_locked (cache, entry);
  evict_locked (cache, charge (size));
  entry = g_new0 (Entry, 1);
  entry->name = g_strdup (name);
  entry->bytes = charge (size);
  entry->link.data = entry;
  g_hash_table_insert (cache->entries, entry->name, entry);
  g_queue_push_head_link (&cache->recent, &entry->link);
  cache->state.bytes += entry->bytes;
  cache->state.files++;
}

gboolean
serve_cache_is_key (const gchar *text)
{
  gsize n = strspn (text, "0123456789abcdef");

  return n == SERVE_KEY_HEX && text[n] == '\0';
}

static gchar *
name_of (const gchar *key, const gchar *effect)
{
  return g_strdup_printf ("%s.%s.png", key, effect);
}

static gint
compare_used (gconstpointer a, gconstpointer b)
{
  const Entry *first = *(Entry *const *) a, *second = *(Entry *const *) b;

  return (first->used > second->used) - (first->used < second->used);
}

/* Adds what a folder "ab" holds to `found`; removes what a killed process
 * left behind. */
static void
scan_folder (const gchar *path, GPtrArray *found)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const gchar *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree gchar *file = g_build_filename (path, name, NULL);
    struct stat info;
    Entry *entry;

    if (g_str_has_prefix (name, TEMPORARY) || lstat (file, &info) != 0 ||
        !S_ISREG (info.st_mode) || info.st_size == 0) {
      g_unlink (file);
      continue;
    }
    entry = g_new0 (Entry, 1);
    entry->name = g_strdup (name);
    entry->bytes = (guint64) info.st_size;
    entry->used = (gint64) info.st_mtim.tv_sec * G_USEC_PER_SEC +
        info.st_mtim.tv_nsec / 1000;
    g_ptr_array_add (found, entry);
  }
}

static void
scan (ServeCache *cache)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (free_entry);

  for (guint i = 0; i < 256; i++) {
    g_autofree gchar *path = g_strdup_printf ("%s/%02x", cache->folder, i);

    scan_folder (path, found);
  }
  g_ptr_array_sort (found, compare_used);
  g_mutex_lock (&cache->mutex);
  for (guint i = 0; i < found->len; i++) {
    Entry *entry = found->pdata[i];

    remember_locked (cache, entry->name, entry->bytes);
  }
  g_mutex_unlock (&cache->mutex);
}

static gboolean
take_folder (ServeCache *cache, GError **error)
{
  g_autofree gchar *lock = g_build_filename (cache->folder, "lock", NULL);

  if (g_mkdir_with_parents (cache->folder, 0700) == 0)
    cache->lock_fd = open (lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (cache->lock_fd >= 0 && flock (cache->lock_fd, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
      "the cache folder %s cannot be used: %s", cache->folder,
      errno == EWOULDBLOCK ? "another process uses it" : g_strerror (errno));
  return FALSE;
}

ServeCache *
serve_cache_new (const gchar *folder, guint64 limit, GError **error)
{
  ServeCache *cache = g_new0 (ServeCache, 1);

  cache->folder = g_strdup (folder);
  cache->lock_fd = -1;
  cache->limit = cache->state.limit = limit;
  g_mutex_init (&cache->mutex);
  g_queue_init (&cache->recent);
  cache->entries =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_entry);
  cache->begun = g_hash_table_new_full (
      g_str_hash, g_str_equal, g_free, (GDestroyNotify) serve_result_unref);
  if (!take_folder (cache, error)) {
    serve_cache_free (cache);
    return NULL;
  }
  scan (cache);
  return cache;
}

void
serve_cache_free (ServeCache *cache)
{
  if (cache == NULL)
    return;
  if (cache->lock_fd >= 0)
    close (cache->lock_fd);
  g_hash_table_unref (cache->begun);
  g_hash_table_unref (cache->entries);
  g_mutex_clear (&cache->mutex);
  g_free (cache->folder);
  g_free (cache);
}

/* A PNG to its last chunk: a power cut may take the end of a file. */
static gboolean
is_whole (gint fd)
{
  static const guint8 end[] = { 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42,
    0x60, 0x82 };
  guint8 tail[sizeof end];

  return lseek (fd, -(off_t) sizeof end, SEEK_END) >= 0 &&
      read (fd, tail, sizeof tail) == (gssize) sizeof tail &&
      memcmp (tail, end, sizeof end) == 0;
}

/* Opens the file of an entry, and marks it as used just now. */
static ServeResult *
open_file (const ServeCache *cache, const gchar *name)
{
  g_autofree gchar *path = path_of (cache, name);
  gint fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat info;

  if (fd < 0)
    return NULL;
  if (fstat (fd, &info) != 0 || !is_whole (fd)) {
    g_unlink (path);
    close (fd);
    return NULL;
  }
  futimens (fd, NULL);
  return serve_result_new_for_file (fd, (guint64) info.st_size);
}

/* Marks it as used; NULL: there is none. */
static Entry *
use_locked (ServeCache *cache, const gchar *name)
{
  Entry *entry = g_hash_table_lookup (cache->entries, name);

  if (entry != NULL) {
    g_queue_unlink (&cache->recent, &entry->link);
    g_queue_push_head_link (&cache->recent, &entry->link);
  }
  return entry;
}

ServeResult *
serve_cache_get (ServeCache *cache, const gchar *key, const gchar *effect)
{
  g_autofree gchar *name = NULL;
  ServeResult *result = NULL;
  gboolean on_disk;
  Entry *entry;

  if (cache == NULL)
    return NULL;
  name = name_of (key, effect);
  g_mutex_lock (&cache->mutex);
  result = g_hash_table_lookup (cache->begun, name);
  if (result != NULL)
    serve_result_ref (result);
  on_disk = result == NULL && use_locked (cache, name) != NULL;
  g_mutex_unlock (&cache->mutex);
  if (on_disk)
    result = open_file (cache, name);
  g_mutex_lock (&cache->mutex);
  /* A file that somebody removed is an entry no more. */
  if (on_disk && result == NULL &&
      (entry = g_hash_table_lookup (cache->entries, name)) != NULL)
    forget_locked (cache, entry);
  cache->state.hits += result != NULL;
  cache->state.misses += result == NULL;
  g_mutex_unlock (&cache->mutex);
  return result;
}

gboolean
serve_cache_knows (ServeCache *cache, const gchar *key, const gchar *effect)
{
  g_autofree gchar *name = name_of (key, effect);
  gboolean known;

  if (cache == NULL)
    return FALSE;
  g_mutex_lock (&cache->mutex);
  known = g_hash_table_contains (cache->entries, name);
  g_mutex_unlock (&cache->mutex);
  return known;
}

static gboolean
write_buffer (gint fd, GstBuffer *buffer)
{
  for (guint i = 0; i < gst_buffer_n_memory (buffer); i++) {
    GstMemory *memory = gst_buffer_peek_memory (buffer, i);
    gboolean written;
    GstMapInfo map;

    if (!gst_memory_map (memory, &map, GST_MAP_READ))
      return FALSE;
    written = serve_write_all (fd, map.data, map.size);
    gst_memory_unmap (memory, &map);
    if (!written)
      return FALSE;
  }
  return TRUE;
}

/* Writes beside the final name, then renames. No fsync: what a power cut
 * takes from a cache is made again.
 * Returns the file, or -1. */
static gint
write_file (
    ServeCache *cache, const gchar *name, guint64 number, GstBuffer *png)
{
  g_autofree gchar *path = path_of (cache, name);
  g_autofree gchar *folder = g_path_get_dirname (path);
  g_autofree gchar *temporary =
      g_strdup_printf ("%s/" TEMPORARY "%" G_GUINT64_FORMAT, folder, number);
  gint fd;

  fd = open (temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == ENOENT && g_mkdir_with_parents (folder, 0700) == 0)
    fd = open (temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return -1;
  if (!write_buffer (fd, png) || g_rename (temporary, path) != 0) {
    g_unlink (temporary);
    close (fd);
    return -1;
  }
  return fd;
}

ServeResult *
serve_cache_begin (
    ServeCache *cache, const gchar *key, const gchar *effect, GstBuffer *png)
{
  ServeResult *result = serve_result_new_for_buffer (png);

  if (cache == NULL)
    return result;
  g_mutex_lock (&cache->mutex);
  g_hash_table_replace (
      cache->begun, name_of (key, effect), serve_result_ref (result));
  g_mutex_unlock (&cache->mutex);
  return result;
}

/* -1 where it cannot be kept. */
static gint
write_result (ServeCache *cache, const gchar *name, ServeResult *result)
{
  guint64 size = charge (serve_result_size (result)), number;
  GstBuffer *png;
  gint fd;

  if (size > cache->limit)
    return -1;
  g_mutex_lock (&cache->mutex);
  number = cache->n_temporary++;
  evict_locked (cache, size);
  g_mutex_unlock (&cache->mutex);
  png = serve_result_get_buffer (result);
  fd = write_file (cache, name, number, png);
  gst_buffer_unref (png);
  return fd;
}

void
serve_cache_finish (ServeCache *cache, const gchar *key, const gchar *effect,
    ServeResult *result)
{
  g_autofree gchar *name = NULL;
  gint fd;

  if (cache == NULL) {
    serve_result_keep (result);
    return;
  }
  name = name_of (key, effect);
  fd = write_result (cache, name, result);
  g_mutex_lock (&cache->mutex);
  if (fd >= 0)
    remember_locked (cache, name, serve_result_size (result));
  else
    cache->state.write_errors++;
  /* The same photo may have been made twice at once. */
  if (g_hash_table_lookup (cache->begun, name) == result)
    g_hash_table_remove (cache->begun, name);
  g_mutex_unlock (&cache->mutex);
  if (fd >= 0)
    serve_result_move_to_file (result, fd);
  else
    serve_result_keep (result);
}

void
serve_cache_get_state (ServeCache *cache, ServeCacheState *state)
{
  *state = (ServeCacheState){ 0 };
  if (cache == NULL)
    return;
  g_mutex_lock (&cache->mutex);
  *state = cache->state;
  g_mutex_unlock (&cache->mutex);
}
