/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/pet-folder.h"
#include "batch-params.h"
#include "meta/gstpetsourcemeta.h"

/* As petdec's own limit, applied before the file is read. */
#define MAX_FILE_SIZE (256 * 1000 * 1000)

/* What is no file is there for a purpose, and is not replaced. */
static gchar *
find_obstacle (const gchar *path)
{
  struct stat status;
  gboolean exists = stat (path, &status) == 0;
  const gchar *what = NULL;

  if (exists && S_ISDIR (status.st_mode))
    what = "a folder has that name";
  else if (exists && !S_ISREG (status.st_mode))
    what = "what has that name is not a file";
  else if (!exists && errno == ENOTDIR)
    what = "one of the folders in it is a file";
  return what != NULL
      ? g_strdup_printf ("\"%s\" cannot be written: %s", path, what)
      : NULL;
}

static void
look_for_results (BatchLoad *load, const gchar *recipe)
{
  const BatchOptions *options = load->options;
  g_autofree gchar *folder = batch_item_folder (load->item, options->output);

  batch_recipe_sweep (folder, batch_plan_is_result, (gpointer) options);
  for (guint i = 0; i < options->n_effects; i++) {
    g_autofree gchar *path = batch_item_result (
        load->item, options->output, options->effects[i].name);
    g_autofree gchar *own = batch_params_recipe (&options->effects[i], recipe);

    load->obstacles[i] = find_obstacle (path);
    if (load->obstacles[i] != NULL ||
        (!options->remake && batch_recipe_matches (path, own, &load->files[i])))
      load->skipped |= 1u << i;
  }
}

static void
make_buffer (BatchLoad *load, uint8_t *bytes, gsize size, const gchar *recipe,
    const gchar *problem)
{
  const BatchItem *item = load->item;
  GstPetSourceMeta *meta;
  GstBuffer *buffer;

  if (problem == NULL)
    buffer = gst_buffer_new_wrapped_full (
        GST_MEMORY_FLAG_READONLY, bytes, size, 0, size, bytes, free);
  else
    buffer = gst_buffer_new ();
  meta = gst_pet_buffer_add_source_meta (buffer, item->source, item->index, 0);
  meta->dir = g_strdup (item->dir);
  meta->stem = g_strdup (item->stem);
  meta->recipe = g_strdup (recipe);
  meta->problem = g_strdup (problem);
  GST_BUFFER_PTS (buffer) = item->index * GST_SECOND;
  GST_BUFFER_DURATION (buffer) = GST_SECOND;
  load->buffer = buffer;
}

static void
read_photo (BatchLoad *load)
{
  guint all = (guint) ((1ull << load->options->n_effects) - 1);
  g_autofree gchar *recipe = NULL;
  uint8_t *bytes;
  size_t size;
  PetError error;

  if (load->item->problem != NULL) {
    make_buffer (load, NULL, 0, NULL, load->item->problem);
    return;
  }
  if (pet_file_read (load->item->path, MAX_FILE_SIZE, &bytes, &size, &error) !=
      PET_OK) {
    make_buffer (load, NULL, 0, NULL, error.message);
    return;
  }
  recipe = batch_recipe_new (load->settings, bytes, size);
  look_for_results (load, recipe);
  if (load->skipped == all)
    free (bytes);
  else
    make_buffer (load, bytes, size, recipe, NULL);
}

static gboolean
deliver (gpointer data)
{
  BatchLoad *load = data;

  if (load->done != NULL)
    load->done (load, load->user);
  gst_clear_buffer (&load->buffer);
  for (guint i = 0; i < load->options->n_effects; i++)
    g_free (load->obstacles[i]);
  g_free (load);
  return G_SOURCE_REMOVE;
}

static gpointer
work (gpointer data)
{
  read_photo (data);
  g_idle_add_full (G_PRIORITY_DEFAULT, deliver, data, NULL);
  return NULL;
}

BatchLoad *
batch_load_start (const BatchOptions *options, const gchar *settings,
    const BatchItem *item, void (*done) (BatchLoad *load, gpointer user),
    gpointer user)
{
  BatchLoad *load = g_new0 (BatchLoad, 1);

  load->options = options;
  load->settings = settings;
  load->item = item;
  load->done = done;
  load->user = user;
  g_thread_unref (g_thread_new ("pet-load", work, load));
  return load;
}
