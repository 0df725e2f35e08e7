/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "serve-looks.h"

#include <math.h>

#define MAX_SIZE (1 << 20)
#define DEFAULT_PRIORITY 50

static const struct {
  const gchar *former, *name;
} former_names[] = {
  { "optimized_popart", "popart" },
  { "blackwhite", "enhancedblackwhite" },
};

void
serve_wishes_init (ServeWishes *wishes, guint max_size)
{
  *wishes = (ServeWishes){ .max_size = max_size };
  for (gint i = 0; i < pet_effects_count; i++)
    pet_effect_defaults (pet_effects[i], wishes->looks[i].values);
}

guint
serve_wishes_count (const ServeWishes *wishes)
{
  guint n = 0;

  for (gint i = 0; i < pet_effects_count; i++)
    n += wishes->looks[i].wanted ? 1 : 0;
  return n;
}

gint
serve_look_find (const gchar *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (former_names); i++)
    if (g_str_equal (name, former_names[i].former))
      name = former_names[i].name;
  for (gint i = 0; i < pet_effects_count; i++)
    if (g_str_equal (name, pet_effects[i]->name))
      return i;
  return -1;
}

gchar *
serve_look_list (void)
{
  GString *names = g_string_new (NULL);

  for (gint i = 0; i < pet_effects_count; i++)
    g_string_append_printf (
        names, "%s%s", i > 0 ? ", " : "", pet_effects[i]->name);
  return g_string_free (names, FALSE);
}

static gboolean usage_error (GError **error, const gchar *format, ...)
    G_GNUC_PRINTF (2, 3);

static gboolean
usage_error (GError **error, const gchar *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (
        G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args);
  va_end (args);
  return FALSE;
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

      return usage_error (
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
    return usage_error (error,
        "\"optional\" names \"%.40s\", which is not among the effects", part);
  if (fields[1] != NULL &&
      !g_ascii_string_to_unsigned (fields[1], 10, 0, 100, &priority, NULL))
    return usage_error (
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
    return usage_error (
        error, "max-size \"%.40s\" is not a number of 0 to %d", text, MAX_SIZE);
  wishes->max_size = (guint) size;
  return TRUE;
}

static gboolean
parse_value (const PetEffectParam *param, const gchar *text, gdouble *value)
{
  gchar *end;

  if (param->type == PET_PARAM_BOOL &&
      (g_str_equal (text, "true") || g_str_equal (text, "false"))) {
    *value = text[0] == 't';
    return TRUE;
  }
  *value = g_ascii_strtod (text, &end);
  return end != text && *end == '\0' && *value >= param->min &&
      *value <= param->max &&
      (param->type == PET_PARAM_FLOAT || *value == floor (*value));
}

gboolean
serve_wish_set (ServeWish *wish, guint look, const gchar *name,
    const gchar *value, GError **error)
{
  const PetEffect *effect = pet_effects[look];
  gint index = pet_effect_param_index (effect, name);
  gdouble number;

  if (index < 0)
    return usage_error (
        error, "%s has no setting \"%.40s\"", effect->name, name);
  if (!parse_value (&effect->params[index], value, &number))
    return usage_error (error, "%s.%s is %g to %g, not \"%.40s\"", effect->name,
        name, effect->params[index].min, effect->params[index].max, value);
  wish->values[index] = number;
  return TRUE;
}

gchar *
serve_wish_describe (const ServeWish *wish, guint look)
{
  const PetEffect *effect = pet_effects[look];
  GString *text = g_string_new (NULL);
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];

  for (gint i = 0; i < effect->n_params; i++)
    if (wish->values[i] != effect->params[i].def)
      g_string_append_printf (text, "%s=%s;", effect->params[i].name,
          g_ascii_dtostr (number, sizeof number, wish->values[i]));
  return g_string_free (text, FALSE);
}

void
serve_wish_apply (const ServeWish *wish, guint look, GstElement *element)
{
  const PetEffect *effect = pet_effects[look];

  for (gint i = 0; i < effect->n_params; i++) {
    const PetEffectParam *param = &effect->params[i];

    if (param->type == PET_PARAM_FLOAT)
      g_object_set (element, param->name, wish->values[i], NULL);
    else
      g_object_set (element, param->name, (gint) wish->values[i], NULL);
  }
}
