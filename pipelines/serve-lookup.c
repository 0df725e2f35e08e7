/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-lookup.h"

#include <string.h>

typedef struct {
  ServeLookup found; /* first: what the callback gets */
  const gchar *recipe;
  GBytes *bytes;
  ServeWishes wishes;
  ServeCache *cache;
  ServeLookupCallback callback;
  gpointer user;
} Lookup;

gchar *
serve_lookup_recipe (const ServeOptions *options, GError **error)
{
  gchar model[SERVE_DIGEST_HEX + 1] = "built-in";

  if (options->model != NULL) {
    g_autoptr (GMappedFile) file =
        g_mapped_file_new (options->model, FALSE, error);
    guint8 bytes[SERVE_DIGEST_BYTES];
    ServeDigest digest;

    if (file == NULL)
      return NULL;
    serve_digest_init (&digest, sizeof bytes);
    serve_digest_update (&digest, g_mapped_file_get_contents (file),
        g_mapped_file_get_length (file));
    serve_digest_finish (&digest, bytes);
    serve_digest_hex (bytes, model);
  }
  return g_strdup_printf ("%s|%s|%s|%u|%u", PET_VERSION, model, options->device,
      options->level, options->dpi);
}

static void
name_look (const Lookup *lookup, const guint8 *photo, guint look, gchar *key)
{
  const ServeWish *wish = &lookup->wishes.looks[look];
  g_autofree gchar *settings = serve_wish_describe (wish);
  g_autofree gchar *text = g_strdup_printf ("|%s|%u|%s|%s|%s", lookup->recipe,
      lookup->wishes.max_size, pet_effects[look]->name,
      serve_rendition_name (lookup->wishes.rendition), settings);
  guint8 bytes[SERVE_DIGEST_BYTES];
  ServeDigest digest;

  serve_digest_init (&digest, sizeof bytes);
  serve_digest_update (&digest, photo, SERVE_DIGEST_BYTES);
  serve_digest_update (&digest, text, strlen (text));
  serve_digest_finish (&digest, bytes);
  serve_digest_hex (bytes, key);
}

static void
run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Lookup *lookup = data;
  guint8 photo[SERVE_DIGEST_BYTES];
  ServeDigest digest;
  gsize size;
  gconstpointer bytes = g_bytes_get_data (lookup->bytes, &size);

  serve_digest_init (&digest, sizeof photo);
  serve_digest_update (&digest, bytes, size);
  serve_digest_finish (&digest, photo);
  for (gint i = 0; i < pet_effects_all; i++) {
    if (!lookup->wishes.looks[i].wanted)
      continue;
    name_look (lookup, photo, (guint) i, lookup->found.keys[i]);
    lookup->found.found[i] = serve_cache_get (
        lookup->cache, lookup->found.keys[i], pet_effects[i]->name);
  }
  /* The upload's memory must not wait for this task to be freed. */
  g_clear_pointer (&lookup->bytes, g_bytes_unref);
  g_task_return_boolean (task, TRUE);
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer user)
{
  Lookup *lookup = g_task_get_task_data (G_TASK (result));

  lookup->callback (&lookup->found, lookup->user);
}

static void
lookup_free (gpointer data)
{
  Lookup *lookup = data;

  for (guint i = 0; i < SERVE_MAX_LOOKS; i++)
    g_clear_pointer (&lookup->found.found[i], serve_result_unref);
  g_clear_pointer (&lookup->bytes, g_bytes_unref);
  g_free (lookup);
}

void
serve_lookup_start (const gchar *recipe, GBytes *bytes,
    const ServeWishes *wishes, ServeCache *cache, ServeLookupCallback callback,
    gpointer user)
{
  Lookup *lookup = g_new0 (Lookup, 1);
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_done, NULL);

  lookup->recipe = recipe;
  lookup->bytes = g_bytes_ref (bytes);
  lookup->wishes = *wishes;
  lookup->cache = cache;
  lookup->callback = callback;
  lookup->user = user;
  g_task_set_task_data (task, lookup, lookup_free);
  g_task_run_in_thread (task, run);
}
