/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meta/gstpetsourcemeta.h"

#include <string.h>

#define META_NAME "GstPetSourceMeta"

GType
gst_pet_source_meta_api_get_type (void)
{
  static gsize type = 0;
  static const gchar *tags[] = { NULL };

  if (g_once_init_enter (&type)) {
    /* An application that embeds the elements may carry this code too. */
    GType known = g_type_from_name (META_NAME "API");

    g_once_init_leave (&type,
        known != 0 ? known
                   : gst_meta_api_type_register (META_NAME "API", tags));
  }
  return type;
}

static gboolean
source_meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  GstPetSourceMeta *self = (GstPetSourceMeta *) meta;

  self->source = self->stem = self->dir = NULL;
  self->problem = self->recipe = NULL;
  self->index = self->count = 0;
  return TRUE;
}

static void
source_meta_free (GstMeta *meta, GstBuffer *buffer)
{
  GstPetSourceMeta *self = (GstPetSourceMeta *) meta;

  g_free (self->source);
  g_free (self->stem);
  g_free (self->dir);
  g_free (self->problem);
  g_free (self->recipe);
}

static gboolean
source_meta_transform (GstBuffer *dest, GstMeta *meta, GstBuffer *buffer,
    GQuark type, gpointer data)
{
  GstPetSourceMeta *self = (GstPetSourceMeta *) meta;
  GstPetSourceMeta *copy;

  if (gst_pet_buffer_get_source_meta (dest) != NULL)
    return TRUE;
  copy = gst_pet_buffer_add_source_meta (
      dest, self->source, self->index, self->count);
  if (copy == NULL)
    return FALSE;
  copy->stem = g_strdup (self->stem);
  copy->dir = g_strdup (self->dir);
  copy->problem = g_strdup (self->problem);
  copy->recipe = g_strdup (self->recipe);
  return TRUE;
}

const GstMetaInfo *
gst_pet_source_meta_get_info (void)
{
  static gsize info = 0;

  if (g_once_init_enter (&info)) {
    const GstMetaInfo *known = gst_meta_get_info (META_NAME);

    if (known == NULL)
      known = gst_meta_register (gst_pet_source_meta_api_get_type (), META_NAME,
          sizeof (GstPetSourceMeta), source_meta_init, source_meta_free,
          source_meta_transform);
    g_once_init_leave (&info, (gsize) known);
  }
  return (const GstMetaInfo *) info;
}

GstPetSourceMeta *
gst_pet_buffer_add_source_meta (
    GstBuffer *buffer, const gchar *source, guint64 index, guint64 count)
{
  GstPetSourceMeta *meta = (GstPetSourceMeta *) gst_buffer_add_meta (
      buffer, gst_pet_source_meta_get_info (), NULL);

  if (meta == NULL)
    return NULL;
  meta->source = g_strdup (source != NULL ? source : "");
  meta->index = index;
  meta->count = count;
  return meta;
}

GstPetSourceMeta *
gst_pet_buffer_get_source_meta (GstBuffer *buffer)
{
  return (GstPetSourceMeta *) gst_buffer_get_meta (
      buffer, gst_pet_source_meta_api_get_type ());
}

static gboolean
copy_untagged_meta (GstBuffer *src, GstMeta **meta, gpointer dest)
{
  static const GstMetaTransformCopy whole = { FALSE, 0, (gsize) -1 };
  const gchar *const *tags = gst_meta_api_type_get_tags ((*meta)->info->api);

  if ((tags == NULL || tags[0] == NULL) &&
      (*meta)->info->transform_func != NULL)
    (*meta)->info->transform_func (
        dest, *meta, src, _gst_meta_transform_copy, (gpointer) &whole);
  return TRUE;
}

void
gst_pet_buffer_copy_untagged_metas (GstBuffer *dest, GstBuffer *src)
{
  gst_buffer_foreach_meta (src, copy_untagged_meta, dest);
}

/* File names are bytes, a GstStructure's strings are UTF-8. */
static gchar *
utf8_name (const gchar *name)
{
  if (g_utf8_validate (name, -1, NULL))
    return g_strdup (name);
  return g_filename_display_name (name);
}

void
gst_pet_structure_set_source (GstStructure *structure, GstBuffer *buffer)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (buffer);
  g_autofree gchar *name = utf8_name (meta != NULL ? meta->source : "");

  gst_structure_set (structure, "source", G_TYPE_STRING, name, "index",
      G_TYPE_UINT64, meta != NULL ? meta->index : (guint64) 0, NULL);
}

gchar *
gst_pet_buffer_name_source (GstBuffer *buffer)
{
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (buffer);
  g_autofree gchar *name = utf8_name (meta != NULL ? meta->source : "");

  if (*name != '\0')
    return g_strdup_printf ("\"%s\"", name);
  return g_strdup_printf (
      "photo %" G_GUINT64_FORMAT, meta != NULL ? meta->index : (guint64) 0);
}

static gchar *
stem_of (const gchar *source)
{
  gchar *stem = g_path_get_basename (source);
  gchar *dot = strrchr (stem, '.');

  if (dot != NULL && dot != stem)
    *dot = '\0';
  return stem;
}

static gchar *
dir_of (const gchar *source)
{
  if (source[0] == '/' || strchr (source, '/') == NULL)
    return g_strdup ("");
  return g_path_get_dirname (source);
}

/* Appends `text` so that it stays below the folder it is put into. */
static void
append_contained (GString *path, const gchar *text, gboolean may_nest)
{
  g_auto (GStrv) parts = g_strsplit (text, "/", -1);
  gboolean first = TRUE;

  for (gchar **part = parts; *part != NULL; part++) {
    if (**part == '\0' || g_str_equal (*part, "."))
      continue;
    if (!first)
      g_string_append_c (path, may_nest ? '/' : '_');
    g_string_append (path, g_str_equal (*part, "..") ? "__" : *part);
    first = FALSE;
  }
}

static gchar *
without_empty_components (const gchar *path, gboolean absolute)
{
  GString *clean = g_string_new (NULL);

  for (const gchar *c = path; *c != '\0'; c++)
    if (*c != '/' ||
        (clean->len == 0 ? absolute : clean->str[clean->len - 1] != '/'))
      g_string_append_c (clean, *c);
  return g_string_free (clean, FALSE);
}

/* Moves `pattern` behind `word` if it begins with it. */
static gboolean
skip_word (const gchar **pattern, const gchar *word)
{
  if (!g_str_has_prefix (*pattern, word))
    return FALSE;
  *pattern += strlen (word);
  return TRUE;
}

gchar *
gst_pet_source_meta_expand (const GstPetSourceMeta *meta,
    guint64 fallback_index, const gchar *pattern, gboolean *varies)
{
  guint64 index = meta != NULL ? meta->index : fallback_index;
  g_autofree gchar *number = g_strdup_printf ("%06" G_GUINT64_FORMAT, index);
  g_autofree gchar *stem = NULL, *dir = NULL;
  g_autoptr (GString) path = g_string_new (NULL);
  gboolean absolute = *pattern == '/';

  if (meta != NULL && meta->stem != NULL)
    stem = g_strdup (meta->stem);
  else if (meta != NULL && meta->source[0] != '\0')
    stem = stem_of (meta->source);
  else
    stem = g_strdup (number);

  if (meta != NULL && meta->dir != NULL)
    dir = g_strdup (meta->dir);
  else
    dir = dir_of (meta != NULL ? meta->source : "");

  *varies = FALSE;
  while (*pattern != '\0') {
    gboolean variable = TRUE;

    if (skip_word (&pattern, "{dir}"))
      append_contained (path, dir, TRUE);
    else if (skip_word (&pattern, "{stem}"))
      append_contained (path, stem, FALSE);
    else if (skip_word (&pattern, "{index}"))
      g_string_append (path, number);
    else
      variable = FALSE;
    *varies = *varies || variable;
    if (variable)
      continue;
    if (skip_word (&pattern, "{{"))
      g_string_append_c (path, '{');
    else
      g_string_append_c (path, *pattern++);
  }
  return without_empty_components (path->str, absolute);
}

gchar *
gst_pet_source_meta_escape (const gchar *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "{", -1);

  return g_strjoinv ("{{", parts);
}
