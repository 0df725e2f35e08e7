/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "program-params.h"

#include "program-options.h"

static gchar *
list_params (const PetEffect *effect)
{
  GString *names = g_string_new (NULL);

  for (gint i = 0; i < effect->n_params; i++)
    g_string_append_printf (
        names, "%s%s", i > 0 ? ", " : "", effect->params[i].name);
  return g_string_free (names, FALSE);
}

gchar *
program_param_range (const PetEffectParam *param)
{
  switch (param->type) {
    case PET_PARAM_BOOL:
      return g_strdup ("true or false");
    case PET_PARAM_CHOICE:
      return g_strjoinv (", ", (gchar **) param->choices);
    case PET_PARAM_COLOR:
      return g_strdup_printf ("a colour like #1b1a1f, black, white, cream, "
                              "sepia or navy%s%s",
          param->min <= PET_COLOR_NONE ? ", none" : "",
          param->min <= PET_COLOR_AUTO ? ", auto" : "");
    case PET_PARAM_INT:
      return g_strdup_printf (
          "%.0f to %.0f, a whole number", param->min, param->max);
    default:
      return g_strdup_printf ("%g to %g", param->min, param->max);
  }
}

gboolean
program_set_param (const PetEffect *effect, gdouble *values, const gchar *name,
    const gchar *text, GError **error)
{
  gint index = pet_effect_param_index (effect, name);
  g_autofree gchar *list = NULL;

  if (index >= 0 &&
      pet_effect_param_parse (&effect->params[index], text, &values[index]))
    return TRUE;
  if (index >= 0) {
    list = program_param_range (&effect->params[index]);
    return program_usage_error (error, "%s.%s cannot be \"%.40s\"; it is %s%s",
        effect->name, name, text,
        effect->params[index].type == PET_PARAM_CHOICE ? "one of " : "", list);
  }
  list = list_params (effect);
  return program_usage_error (error,
      "%s has no parameter \"%.40s\" in this rendition; it has %s",
      effect->name, name, effect->n_params > 0 ? list : "none");
}

gchar *
program_param_text (const PetEffectParam *param, gdouble value)
{
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];

  if (param->type == PET_PARAM_BOOL)
    return g_strdup (value != 0 ? "true" : "false");
  if (param->type == PET_PARAM_CHOICE)
    return g_strdup (param->choices[(gint) value]);
  if (param->type != PET_PARAM_COLOR)
    return g_strdup (g_ascii_formatd (number, sizeof number, "%.10g", value));
  if (value < 0)
    return g_strdup (value == PET_COLOR_AUTO ? "auto" : "none");
  return g_strdup_printf ("#%06x", (guint) value);
}
