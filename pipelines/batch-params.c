/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "batch-params.h"

#include <stdio.h>
#include <string.h>

#include "meta/gstpetsourcemeta.h"
#include "program-options.h"
#include "program-params.h"

static const PetEffect *
find_look (const gchar *name, const gchar *rendition)
{
  return pet_effect_rendition (pet_effect_find (name),
      g_str_equal (rendition, "classic") ? PET_RENDITION_CLASSIC
                                         : PET_RENDITION_FINE);
}

/* The index of the look that a text names, -1 and `error` if there is none. */
static gint
find_effect (const BatchOptions *options, const gchar *text, gsize length,
    GError **error)
{
  g_autofree gchar *name = g_strndup (text, length);

  for (guint i = 0; i < options->n_effects; i++)
    if (g_str_equal (options->effects[i].name, name))
      return (gint) i;
  program_usage_error (
      error, "--param names \"%s\", which is not among the effects", name);
  return -1;
}

static gboolean
parse (const BatchOptions *options, gdouble (*values)[PET_EFFECT_MAX_PARAMS],
    const gchar *text, GError **error)
{
  const gchar *dot = strchr (text, '.'), *equal = strchr (text, '=');
  g_autofree gchar *name = NULL;
  const PetEffect *look;
  gint i;

  if (dot == NULL || equal == NULL || dot > equal)
    return program_usage_error (error,
        "--param \"%s\": say LOOK.NAME=VALUE, as in popart.palette=candy",
        text);
  i = find_effect (options, text, (gsize) (dot - text), error);
  if (i < 0)
    return FALSE;
  look = find_look (options->effects[i].name, options->rendition);
  name = g_strndup (dot + 1, (gsize) (equal - dot - 1));
  return program_set_param (look, values[i], name, equal + 1, error);
}

/* Those that are not the default, in the order of the table. */
static gchar **
describe (const PetEffect *look, const gdouble *values)
{
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();

  for (gint k = 0; k < look->n_params; k++) {
    const PetEffectParam *param = &look->params[k];
    g_autofree gchar *value = NULL;

    if (values[k] == param->def)
      continue;
    value = program_param_text (param, values[k]);
    g_strv_builder_add (texts, param->name);
    g_strv_builder_add (texts, value);
  }
  return g_strv_builder_end (texts);
}

gboolean
batch_params_parse (BatchOptions *options, gchar *const *texts, GError **error)
{
  gdouble values[BATCH_MAX_EFFECTS][PET_EFFECT_MAX_PARAMS];

  for (guint i = 0; i < options->n_effects; i++)
    pet_effect_defaults (
        find_look (options->effects[i].name, options->rendition), values[i]);
  for (; texts != NULL && *texts != NULL; texts++)
    if (!parse (options, values, *texts, error))
      return FALSE;
  for (guint i = 0; i < options->n_effects; i++)
    options->effects[i].params = describe (
        find_look (options->effects[i].name, options->rendition), values[i]);
  return TRUE;
}

void
batch_params_print (const gchar *rendition)
{
  for (gint i = 0; i < pet_effects_all; i++) {
    const PetEffect *look = find_look (pet_effects[i]->name, rendition);

    for (gint k = 0; k < look->n_params; k++) {
      const PetEffectParam *param = &look->params[k];
      g_autofree gchar *range = program_param_range (param);
      g_autofree gchar *def = program_param_text (param, param->def);

      printf ("%s.%s=%s\n    %s: %s\n", look->name, param->name, def,
          param->blurb, range);
    }
  }
}

void
batch_params_apply (const BatchEffect *effect, GstElement *look)
{
  for (gchar **text = effect->params; *text != NULL; text += 2)
    gst_util_set_object_arg (G_OBJECT (look), text[0], text[1]);
}

gchar *
batch_params_recipe (const BatchEffect *effect, const gchar *recipe)
{
  GString *text = g_string_new (recipe);

  g_string_append_printf (text, "; look=%s", effect->name);
  for (gchar **param = effect->params; *param != NULL; param += 2)
    g_string_append_printf (text, "; %s=%s", param[0], param[1]);
  return g_string_free (text, FALSE);
}

static GstPadProbeReturn
add_to_recipe (GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
  const BatchEffect *effect = user;
  GstBuffer *buffer = gst_buffer_make_writable (info->data);
  GstPetSourceMeta *meta = gst_pet_buffer_get_source_meta (buffer);

  (void) pad;
  info->data = buffer;
  if (meta != NULL && meta->recipe != NULL) {
    gchar *recipe = batch_params_recipe (effect, meta->recipe);

    g_free (meta->recipe);
    meta->recipe = recipe;
  }
  return GST_PAD_PROBE_OK;
}

void
batch_params_watch (const BatchEffect *effect, GstElement *encoder)
{
  GstPad *pad = gst_element_get_static_pad (encoder, "sink");

  gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_BUFFER, add_to_recipe, (gpointer) effect, NULL);
  gst_object_unref (pad);
}
