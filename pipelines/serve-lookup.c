/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-lookup.h"

#include <string.h>

typedef struct {
  ServeLookup found; /* first: what the callback gets */
  ServeWishes wishes;
  ServeCache *cache;
  ServeLookupCallback callback;
  gpointer user;
} Lookup;

void
serve_photo_clear (ServePhoto *photo)
{
  g_clear_pointer (&photo->bytes, g_bytes_unref);
}

/* SERVE_KEY_HEX digits and a NUL. */
static void
print_key (const guint8 *sum, gchar *key)
{
  static const gchar digits[] = "0123456789abcdef";

  for (guint i = 0; i < SERVE_KEY_HEX / 2; i++) {
    key[2 * i] = digits[sum[i] >> 4];
    key[2 * i + 1] = digits[sum[i] & 15];
  }
  key[SERVE_KEY_HEX] = '\0';
}

/* "" for no file. */
static gboolean
name_model (const gchar *path, gchar *name, GError **error)
{
  g_autoptr (GMappedFile) file = NULL;
  guint8 sum[PET_SHA256_BYTES];

  name[0] = '\0';
  if (path == NULL || path[0] == '\0')
    return TRUE;
  file = g_mapped_file_new (path, FALSE, error);
  if (file == NULL)
    return FALSE;
  pet_sha256 (
      g_mapped_file_get_contents (file), g_mapped_file_get_length (file), sum);
  print_key (sum, name);
  return TRUE;
}

gchar *
serve_lookup_recipe (const ServeOptions *options, GError **error)
{
  gchar model[SERVE_KEY_HEX + 1], second[SERVE_KEY_HEX + 1];

  if (!name_model (options->model, model, error) ||
      !name_model (options->second_model, second, error))
    return NULL;
  return g_strdup_printf ("%s|%s|%s%s|%s|%u|%u", PET_VERSION, model,
      options->second_model != NULL ? "second " : "", second, options->device,
      options->level, options->dpi);
}

static void
name_look (const ServeWishes *wishes, const gchar *recipe,
    const ServePhoto *photo, guint look, gchar *key)
{
  g_autofree gchar *settings = serve_wish_describe (&wishes->looks[look]);
  g_autofree gchar *text = g_strdup_printf ("|%s|%u|%s|%s|%s", recipe,
      wishes->max_size, pet_effects[look]->name,
      serve_rendition_name (wishes->rendition), settings);
  guint8 name[PET_SHA256_BYTES];
  PetSha256 sum;

  pet_sha256_begin (&sum);
  pet_sha256_add (&sum, photo->sum, sizeof photo->sum);
  pet_sha256_add (&sum, text, strlen (text));
  pet_sha256_end (&sum, name);
  print_key (name, key);
}

static void
look_up (Lookup *lookup)
{
  for (gint i = 0; i < pet_effects_all; i++)
    if (lookup->wishes.looks[i].wanted)
      lookup->found.found[i] = serve_cache_get (
          lookup->cache, lookup->found.keys[i], pet_effects[i]->name);
}

static void
run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  look_up (data);
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
  g_free (lookup);
}

void
serve_lookup_start (const gchar *recipe, const ServePhoto *photo,
    const ServeWishes *wishes, ServeCache *cache, ServeLookupCallback callback,
    gpointer user)
{
  Lookup *lookup = g_new0 (Lookup, 1);
  g_autoptr (GTask) task = g_task_new (NULL, NULL, on_done, NULL);
  gboolean known = FALSE;

  lookup->wishes = *wishes;
  lookup->cache = cache;
  lookup->callback = callback;
  lookup->user = user;
  for (gint i = 0; i < pet_effects_all; i++) {
    gchar *key = lookup->found.keys[i];

    if (!wishes->looks[i].wanted)
      continue;
    name_look (wishes, recipe, photo, (guint) i, key);
    known = known || serve_cache_knows (cache, key, pet_effects[i]->name);
  }
  g_task_set_task_data (task, lookup, lookup_free);
  if (known) {
    g_task_run_in_thread (task, run);
  } else {
    look_up (lookup);
    g_task_return_boolean (task, TRUE);
  }
}
