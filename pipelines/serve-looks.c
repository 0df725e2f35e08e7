/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-looks.h"

#include "program-options.h"
#include "program-params.h"

#define MAX_SIZE (1 << 20)
#define DEFAULT_PRIORITY 50

static const struct {
  const gchar *former, *name;
} former_names[] = {
  { "optimized_popart", "popart" },
  { "blackwhite", "enhancedblackwhite" },
};

static const gchar *const rendition_names[] = {
  [PET_RENDITION_CLASSIC] = "classic",
  [PET_RENDITION_FINE] = "fine",
};

const gchar *
serve_rendition_name (PetRendition rendition)
{
  return rendition_names[rendition];
}

void
serve_wishes_init (ServeWishes *wishes, guint max_size, PetRendition rendition)
{
  *wishes = (ServeWishes){ .max_size = max_size, .rendition = rendition };
  for (gint i = 0; i < pet_effects_all; i++) {
    ServeWish *wish = &wishes->looks[i];

    wish->effect = pet_effect_rendition (pet_effects[i], rendition);
    pet_effect_defaults (wish->effect, wish->values);
  }
}

guint
serve_wishes_count (const ServeWishes *wishes)
{
  guint n = 0;

  for (gint i = 0; i < pet_effects_all; i++)
    n += wishes->looks[i].wanted ? 1 : 0;
  return n;
}

gint
serve_look_find (const gchar *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (former_names); i++)
    if (g_str_equal (name, former_names[i].former))
      name = former_names[i].name;
  for (gint i = 0; i < pet_effects_all; i++)
    if (g_str_equal (name, pet_effects[i]->name))
      return i;
  return -1;
}

gchar *
serve_look_list (void)
{
  GString *names = g_string_new (NULL);

  for (gint i = 0; i < pet_effects_all; i++)
    g_string_append_printf (
        names, "%s%s", i > 0 ? ", " : "", pet_effects[i]->name);
  return g_string_free (names, FALSE);
}

gboolean
serve_rendition_parse (
    const gchar *text, PetRendition *rendition, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (rendition_names); i++)
    if (g_str_equal (text, rendition_names[i])) {
      *rendition = (PetRendition) i;
      return TRUE;
    }
  return program_usage_error (
      error, "a rendition is classic or fine, not \"%.40s\"", text);
}

gboolean
serve_wishes_set_effects (
    ServeWishes *wishes, const gchar *text, GError **error)
{
  g_auto (GStrv) names = NULL;

  if (text == NULL || *text == '\0') {
    for (gint i = 0; i < pet_effects_count; i++)
      wishes->looks[i].wanted = TRUE;
    return TRUE;
  }
  names = g_strsplit (text, ",", SERVE_MAX_LOOKS + 1);
  for (gchar **name = names; *name != NULL; name++) {
    gint look = serve_look_find (g_strstrip (*name));

    if (look < 0) {
      g_autofree gchar *list = serve_look_list ();

      return program_usage_error (
          error, "there is no effect \"%.40s\"; there are: %s", *name, list);
    }
    wishes->looks[look].wanted = TRUE;
  }
  return TRUE;
}

static gboolean
set_optional (ServeWishes *wishes, const gchar *part, GError **error)
{
  g_auto (GStrv) fields = g_strsplit (part, ":", 2);
  guint64 priority = DEFAULT_PRIORITY;
  gint look = fields[0] != NULL ? serve_look_find (fields[0]) : -1;

  if (look < 0 || !wishes->looks[look].wanted)
    return program_usage_error (error,
        "\"optional\" names \"%.40s\", which is not among the effects", part);
  if (fields[1] != NULL &&
      !g_ascii_string_to_unsigned (fields[1], 10, 0, 100, &priority, NULL))
    return program_usage_error (
        error, "priority \"%.40s\" is not a number of 0 to 100", fields[1]);
  wishes->looks[look].optional = TRUE;
  wishes->looks[look].priority = (guint) priority;
  return TRUE;
}

gboolean
serve_wishes_set_optional (
    ServeWishes *wishes, const gchar *text, GError **error)
{
  g_auto (GStrv) parts = NULL;

  if (text == NULL || *text == '\0')
    return TRUE;
  parts = g_strsplit (text, ",", SERVE_MAX_LOOKS + 1);
  for (gchar **part = parts; *part != NULL; part++)
    if (!set_optional (wishes, g_strstrip (*part), error))
      return FALSE;
  return TRUE;
}

gboolean
serve_wishes_set_max_size (
    ServeWishes *wishes, const gchar *text, GError **error)
{
  guint64 size;

  if (text == NULL || *text == '\0')
    return TRUE;
  if (!g_ascii_string_to_unsigned (text, 10, 0, MAX_SIZE, &size, NULL))
    return program_usage_error (
        error, "max-size \"%.40s\" is not a number of 0 to %d", text, MAX_SIZE);
  wishes->max_size = (guint) size;
  return TRUE;
}

gboolean
serve_wish_set (
    ServeWish *wish, const gchar *name, const gchar *value, GError **error)
{
  return program_set_param (wish->effect, wish->values, name, value, error);
}

gchar *
serve_wish_describe (const ServeWish *wish)
{
  const PetEffect *effect = wish->effect;
  GString *text = g_string_new (NULL);
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];

  for (gint i = 0; i < effect->n_params; i++)
    if (wish->values[i] != effect->params[i].def)
      g_string_append_printf (text, "%s=%s;", effect->params[i].name,
          g_ascii_dtostr (number, sizeof number, wish->values[i]));
  return g_string_free (text, FALSE);
}

static void
set_color (GstElement *element, const gchar *name, gdouble value)
{
  g_autofree gchar *text = value < 0
      ? g_strdup (value == PET_COLOR_AUTO ? "auto" : "none")
      : g_strdup_printf ("#%06x", (guint) value);

  g_object_set (element, name, text, NULL);
}

void
serve_wish_apply (
    const ServeWish *wish, PetRendition rendition, GstElement *element)
{
  const PetEffect *effect = wish->effect;

  gst_util_set_object_arg (
      G_OBJECT (element), "rendition", serve_rendition_name (rendition));
  for (gint i = 0; i < effect->n_params; i++) {
    const PetEffectParam *param = &effect->params[i];

    if (param->type == PET_PARAM_FLOAT)
      g_object_set (element, param->name, wish->values[i], NULL);
    else if (param->type == PET_PARAM_COLOR)
      set_color (element, param->name, wish->values[i]);
    else
      g_object_set (element, param->name, (gint) wish->values[i], NULL);
  }
}
