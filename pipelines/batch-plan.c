/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-plan.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/pet-folder.h"
#include "program-options.h"

#define MAX_FILES 10000000

static void
batch_item_free (gpointer data)
{
  BatchItem *item = data;

  g_free (item->path);
  g_free (item->source);
  g_free (item->dir);
  g_free (item->stem);
  g_free (item);
}

/* `source` is relative and has no "..". */
static BatchItem *
batch_item_new (gchar *path, const gchar *source)
{
  BatchItem *item = g_new0 (BatchItem, 1);
  const gchar *slash = strrchr (source, '/');
  const gchar *name = slash != NULL ? slash + 1 : source;
  const gchar *dot = strrchr (name, '.');

  item->path = path;
  item->source = g_strdup (source);
  item->dir = g_strndup (source, slash != NULL ? (gsize) (slash - source) : 0);
  /* What is left of "..png" and "...png" leads elsewhere. */
  item->stem = dot != NULL && strspn (name, ".") < (gsize) (dot - name)
      ? g_strndup (name, (gsize) (dot - name))
      : g_strdup (name);
  return item;
}

/* Where `path` leads, links followed as far as it is there. */
static gchar *
resolve (const gchar *path)
{
  g_autofree gchar *here = g_get_current_dir ();
  g_autofree gchar *absolute = g_path_is_absolute (path)
      ? g_strdup (path)
      : g_build_filename (here, path, NULL);
  gchar *there = g_strdup (absolute), *real, *result;
  const gchar *rest;

  while ((real = realpath (there, NULL)) == NULL && !g_str_equal (there, "/")) {
    gchar *parent = g_path_get_dirname (there);

    g_free (there);
    there = parent;
  }
  rest = absolute + strlen (there);
  rest += strspn (rest, "/");
  result = g_canonicalize_filename (rest, real != NULL ? real : "/");
  free (real);
  g_free (there);
  return result;
}

/* Results of the run before are no photos. `results` is resolved. */
static gboolean
lies_within (const gchar *folder, const gchar *results)
{
  g_autofree gchar *real = resolve (folder);
  gsize length = strlen (results);

  return g_str_has_prefix (real, results) &&
      (real[length] == '/' || real[length] == '\0');
}

static gboolean
fail_inside (const gchar *folder, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
      "%s lies in the output folder, and what lies there counts as results; "
      "choose another output folder",
      folder);
  return FALSE;
}

/* All but the results, which a link below `folder` may lead to. Files of one
 * folder mostly follow each other. */
static void
add_photos (GPtrArray *items, const gchar *folder, const PetFolder *list,
    const gchar *results)
{
  g_autofree gchar *last = NULL;
  gboolean within = FALSE;

  for (size_t i = 0; i < list->count; i++) {
    gchar *path = g_build_filename (folder, list->paths[i], NULL);
    gchar *parent = g_path_get_dirname (path);
    BatchItem *item;

    if (g_strcmp0 (parent, last) != 0)
      within = lies_within (parent, results);
    g_free (last);
    last = parent;
    if (within) {
      g_free (path);
      continue;
    }
    item = batch_item_new (path, list->paths[i]);
    item->problem = g_strdup (pet_folder_problem (list->paths[i]));
    g_ptr_array_add (items, item);
  }
}

static gboolean
add_folder (
    GPtrArray *items, const gchar *folder, const gchar *output, GError **error)
{
  g_autofree gchar *results = resolve (output);
  PetFolder list;
  PetError failure;

  if (lies_within (folder, results))
    return fail_inside (folder, error);
  if (pet_folder_list (folder, true, MAX_FILES, &list, &failure) != PET_OK) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", folder,
        failure.message);
    return FALSE;
  }
  add_photos (items, folder, &list, results);
  pet_folder_clear (&list);
  return TRUE;
}

static gboolean
add_input (
    GPtrArray *items, const gchar *input, const gchar *output, GError **error)
{
  g_autofree gchar *name = NULL;
  struct stat status;

  if (stat (input, &status) != 0)
    return program_usage_error (error, "%s: %s", input,
        errno == ENOENT ? "there is no such file or folder"
                        : g_strerror (errno));
  if (S_ISDIR (status.st_mode))
    return add_folder (items, input, output, error);
  name = g_path_get_basename (input);
  g_ptr_array_add (items, batch_item_new (g_strdup (input), name));
  return TRUE;
}

static void
keep_items (GPtrArray *items, guint first,
    gboolean (*is_kept) (const BatchItem *item, gpointer user), gpointer user)
{
  guint n = first;

  for (guint i = first; i < items->len; i++)
    if (is_kept (items->pdata[i], user))
      items->pdata[n++] = items->pdata[i];
    else
      batch_item_free (items->pdata[i]);
  g_ptr_array_set_free_func (items, NULL);
  g_ptr_array_set_size (items, (gint) n);
  g_ptr_array_set_free_func (items, batch_item_free);
}

typedef struct {
  gchar *folder;    /* that sources are relative to, links resolved */
  GHashTable *seen; /* paths of the photos so far */
} Seen;

static gboolean
is_new (const BatchItem *item, gpointer user)
{
  const Seen *seen = user;

  return g_hash_table_add (
      seen->seen, g_build_filename (seen->folder, item->source, NULL));
}

/* What an input before gave, too, as it is called: links in folders are photos of
 * their own. */
static void
drop_repeated (
    GPtrArray *items, guint first, const gchar *input, GHashTable *paths)
{
  g_autofree gchar *folder = g_file_test (input, G_FILE_TEST_IS_DIR)
      ? g_strdup (input)
      : g_path_get_dirname (input);
  char *real = realpath (folder, NULL);
  Seen seen = { real != NULL ? real : folder, paths };

  keep_items (items, first, is_new, &seen);
  free (real);
}

static gchar *
result_name (const BatchItem *item)
{
  return g_build_filename (item->dir, item->stem, NULL);
}

/* Photos that share a result name all take their full names. FALSE when none
 * was changed. */
static gboolean
tell_stems_apart (GPtrArray *items)
{
  g_autoptr (GHashTable) uses =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean changed = FALSE;

  for (guint i = 0; i < items->len; i++) {
    gchar *name = result_name (items->pdata[i]);
    guint n = GPOINTER_TO_UINT (g_hash_table_lookup (uses, name));

    g_hash_table_replace (uses, name, GUINT_TO_POINTER (n + 1));
  }
  for (guint i = 0; i < items->len; i++) {
    BatchItem *item = items->pdata[i];
    g_autofree gchar *name = result_name (item);

    g_autofree gchar *full = g_path_get_basename (item->source);

    if (GPOINTER_TO_UINT (g_hash_table_lookup (uses, name)) > 1 &&
        !g_str_equal (item->stem, full)) {
      g_free (item->stem);
      item->stem = g_steal_pointer (&full);
      changed = TRUE;
    }
  }
  return changed;
}

static gboolean
fail_both (const BatchItem *one, const gchar *what, const BatchItem *other,
    GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
      "%s and %s would write %s; run them into different folders", one->path,
      other->path, what);
  return FALSE;
}

gboolean
batch_plan_is_result (const gchar *name, gpointer user)
{
  const BatchOptions *options = user;

  for (guint i = 0; i < options->n_effects; i++) {
    gsize length = strlen (options->effects[i].name);

    if (strncmp (name, options->effects[i].name, length) == 0 &&
        g_str_equal (name + length, ".png"))
      return TRUE;
  }
  return FALSE;
}

/* Whether a folder that the item's results are in, "a/color.png", is what another
 * photo's result, color.png of a.jpg, is called. */
static BatchItem *
find_file (
    const BatchOptions *options, const BatchItem *item, GHashTable *photos)
{
  g_autofree gchar *folder = result_name (item);
  BatchItem *other = NULL;
  gchar *slash;

  while (other == NULL && (slash = strrchr (folder, '/')) != NULL) {
    *slash = '\0';
    if (batch_plan_is_result (slash + 1, (gpointer) options))
      other = g_hash_table_lookup (photos, folder);
  }
  return other;
}

/* The photo of which `path` is called like a result, or NULL. */
static const BatchItem *
find_result (const BatchOptions *options, const gchar *path, GHashTable *photos)
{
  g_autofree gchar *results = resolve (options->output);
  g_autofree gchar *real = resolve (path);
  g_autofree gchar *name = g_path_get_basename (real);
  g_autofree gchar *folder = g_path_get_dirname (real);
  gsize length = strlen (results);

  if (!batch_plan_is_result (name, (gpointer) options) ||
      !lies_within (folder, results) || folder[length] == '\0')
    return NULL;
  return g_hash_table_lookup (photos, folder + length + 1);
}

/* Neither a photo nor the contact sheet must be where a result will be. */
static gboolean
check_results (const BatchOptions *options, GHashTable *photos, GError **error)
{
  const BatchItem *item = NULL;
  const gchar *path = options->contact_sheet;

  if (path != NULL)
    item = find_result (options, path, photos);
  for (gchar **input = options->inputs; *input != NULL && item == NULL; input++)
    if (!g_file_test (*input, G_FILE_TEST_IS_DIR))
      item = find_result (options, path = *input, photos);
  return item == NULL ||
      program_usage_error (error,
          "%s is called like a result of %s; choose another output folder",
          path, item->path);
}

static gboolean
check_names_differ (
    const BatchOptions *options, GPtrArray *items, GError **error)
{
  g_autoptr (GHashTable) photos =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  BatchItem *other;

  for (guint i = 0; i < items->len; i++) {
    BatchItem *item = items->pdata[i];
    gchar *name = result_name (item);

    other = g_hash_table_lookup (photos, name);
    g_hash_table_replace (photos, name, item);
    if (other != NULL)
      return fail_both (other, "the same results", item, error);
  }
  for (guint i = 0; i < items->len; i++) {
    other = find_file (options, items->pdata[i], photos);
    if (other != NULL)
      return fail_both (
          other, "a file and a folder of one name", items->pdata[i], error);
  }
  return check_results (options, photos, error);
}

/* The contact sheet would replace a photo, or be one in the next run. */
static gboolean
check_sheet (const BatchOptions *options, GError **error)
{
  const gchar *sheet = options->contact_sheet;
  g_autofree gchar *results = resolve (options->output);

  if (sheet == NULL || lies_within (sheet, results))
    return TRUE;
  for (gchar **input = options->inputs; *input != NULL; input++) {
    g_autofree gchar *real = resolve (*input);

    if (lies_within (sheet, real))
      return program_usage_error (error,
          "the contact sheet %s would be among the photos of %s; put it into "
          "the output folder",
          sheet, *input);
  }
  return TRUE;
}

GPtrArray *
batch_plan_new (const BatchOptions *options, GError **error)
{
  g_autoptr (GPtrArray) items =
      g_ptr_array_new_with_free_func (batch_item_free);
  g_autoptr (GHashTable) paths =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gchar **inputs = options->inputs;

  if (!check_sheet (options, error))
    return NULL;
  for (gchar **input = inputs; *input != NULL; input++) {
    guint first = items->len;

    if (!add_input (items, *input, options->output, error))
      return NULL;
    if (inputs[1] != NULL)
      drop_repeated (items, first, *input, paths);
  }
  for (guint i = 0; i < items->len; i++)
    ((BatchItem *) items->pdata[i])->index = i;
  while (tell_stems_apart (items))
    continue;
  if (!check_names_differ (options, items, error))
    return NULL;
  return g_steal_pointer (&items);
}

typedef struct {
  guint shard, shards;
} Part;

static gboolean
is_of_part (const BatchItem *item, gpointer user)
{
  const Part *part = user;

  return pet_folder_shard (item->source, part->shards) == part->shard;
}

void
batch_plan_take_shard (GPtrArray *items, guint shard, guint shards)
{
  Part part = { shard, shards };

  keep_items (items, 0, is_of_part, &part);
}

gchar *
batch_item_folder (const BatchItem *item, const gchar *output)
{
  return g_build_filename (output, item->dir, item->stem, NULL);
}

gchar *
batch_item_result (
    const BatchItem *item, const gchar *output, const gchar *effect)
{
  g_autofree gchar *file = g_strconcat (effect, ".png", NULL);

  return g_build_filename (output, item->dir, item->stem, file, NULL);
}
