/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-launch.h"

#include "meta/gstpetsourcemeta.h"

/* Quoted twice: for gst-launch-1.0, then for the shell. */
static void
add_property (GString *line, const gchar *name, const gchar *value)
{
  GString *inner = g_string_new (name);
  g_autofree gchar *quoted = NULL;

  g_string_append (inner, "=\"");
  for (; *value != '\0'; value++) {
    if (*value == '"' || *value == '\\')
      g_string_append_c (inner, '\\');
    g_string_append_c (inner, *value);
  }
  g_string_append_c (inner, '"');
  quoted = g_shell_quote (inner->str);
  g_string_append_printf (line, " %s", quoted);
  g_string_free (inner, TRUE);
}

static void
add_source (GString *line, const BatchOptions *options, const gchar *input)
{
  gboolean folder = g_file_test (input, G_FILE_TEST_IS_DIR);

  g_string_append (line, folder ? " petfoldersrc" : " filesrc");
  add_property (line, "location", input);
  if (folder && options->shards > 1)
    g_string_append_printf (
        line, " shard=%u/%u", options->shard, options->shards);
}

static void
add_branch (
    GString *line, const BatchOptions *options, const BatchEffect *effect)
{
  g_autofree gchar *file = g_strconcat (effect->name, ".png", NULL);
  g_autofree gchar *output = gst_pet_source_meta_escape (options->output);
  g_autofree gchar *location =
      g_build_filename (output, "{dir}", "{stem}", file, NULL);

  g_string_append_printf (line, " t. ! memgate label=%s", effect->name);
  if (options->memory != 0)
    g_string_append_printf (line, " limit=%" G_GUINT64_FORMAT, options->memory);
  if (effect->optional)
    g_string_append_printf (
        line, " optional=true priority=%u", effect->priority);
  g_string_append_printf (line,
      " ! queue max-size-buffers=1 max-size-bytes=0 max-size-time=0"
      " ! peteffect effect=%s rendition=%s%s",
      effect->name, options->rendition,
      batch_looks_on_card (options) ? " device=cuda" : "");
  for (gchar **param = effect->params; *param != NULL; param += 2)
    add_property (line, param[0], param[1]);
  g_string_append_printf (line, " ! petpngenc level=%d dpi=%d ! petfilesink",
      options->level, options->dpi);
  add_property (line, "location", location);
}

gchar *
batch_launch_line (const BatchOptions *options, const gchar *input)
{
  GString *line = g_string_new ("gst-launch-1.0");

  add_source (line, options, input);
  g_string_append_printf (line,
      " ! petdec max-size=%u on-error=skip ! petsegment device=%s",
      options->max_size, options->device);
  if (options->model != NULL)
    add_property (line, "model-location", options->model);
  if (options->second_model != NULL)
    add_property (line, "second-model-location", options->second_model);
  g_string_append (line, " ! tee name=t");
  for (guint i = 0; i < options->n_effects; i++)
    add_branch (line, options, &options->effects[i]);
  return g_string_free (line, FALSE);
}
