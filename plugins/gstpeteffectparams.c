/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpeteffectparams.h"

#include <math.h>

/* The different parameters of all looks, made once by class_init. `shared`:
 * the looks' defaults differ, so the property's is "the look's own". */
static struct {
  const PetEffectParam *param;
  gboolean shared;
} params[GST_PET_MAX_PARAMS];
static guint n_params;

static void
collect_param (const PetEffectParam *param)
{
  for (guint i = 0; i < n_params; i++) {
    if (!g_str_equal (params[i].param->name, param->name))
      continue;
    params[i].shared |= params[i].param->def != param->def;
    return;
  }
  g_assert (n_params < GST_PET_MAX_PARAMS);
  params[n_params++].param = param;
}

/* "palette" -> GstPetEffectPalette */
static GType
choice_type (const PetEffectParam *param)
{
  g_autofree gchar *name = g_strdup_printf (
      "GstPetEffect%c%s", g_ascii_toupper (param->name[0]), param->name + 1);
  guint n = g_strv_length ((gchar **) param->choices);
  GEnumValue *values = g_new0 (GEnumValue, n + 1);

  for (guint i = 0; i < n; i++) {
    values[i].value = (gint) i;
    values[i].value_name = values[i].value_nick = param->choices[i];
  }
  return g_enum_register_static (g_strdelimit (name, "-", '_'), values);
}

static gchar *
color_text (gdouble number)
{
  if (number < 0)
    return g_strdup (number == PET_COLOR_AUTO ? "auto" : "none");
  return g_strdup_printf ("#%06x", (guint) number);
}

static gchar *
default_text (const PetEffectParam *param)
{
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (param->type) {
    case PET_PARAM_BOOL:
      return g_strdup (param->def != 0 ? "true" : "false");
    case PET_PARAM_CHOICE:
      return g_strdup (param->choices[(gint) param->def]);
    case PET_PARAM_COLOR:
      return color_text (param->def);
    default:
      return g_strdup (
          g_ascii_formatd (number, sizeof number, "%g", param->def));
  }
}

/* `meaning`: what was last said of the parameter, which is not the same in all
 * looks. */
static void
add_look (GString *blurb, const gchar **meaning, const PetEffect *effect,
    const gchar *name, const gchar *rendition)
{
  gint index = pet_effect_param_index (effect, name);
  const PetEffectParam *param;
  g_autofree gchar *value = NULL;

  if (index < 0)
    return;
  param = &effect->params[index];
  if (g_strcmp0 (*meaning, param->blurb) == 0)
    g_string_append (blurb, ", ");
  else
    g_string_append_printf (blurb, "%s%s. Used by ", blurb->len > 0 ? ". " : "",
        *meaning = param->blurb);
  value = default_text (param);
  g_string_append_printf (blurb, "%s%s (%s)", rendition, effect->name, value);
}

static gchar *
make_blurb (guint index)
{
  const PetEffectParam *param = params[index].param;
  GString *blurb = g_string_new (NULL);
  const gchar *meaning = NULL;

  for (gint i = 0; i < pet_effects_all; i++) {
    const PetEffect *fine =
        pet_effect_rendition (pet_effects[i], PET_RENDITION_FINE);

    add_look (blurb, &meaning, pet_effects[i], param->name, "");
    if (fine != pet_effects[i])
      add_look (blurb, &meaning, fine, param->name, "fine ");
  }
  if (params[index].shared)
    g_string_append (blurb, "; below the range: the look's own");
  if (param->type == PET_PARAM_COLOR)
    g_string_append_printf (blurb,
        "; #rrggbb, black, white, cream, sepia, navy%s%s",
        param->min <= PET_COLOR_NONE ? ", none" : "",
        param->min <= PET_COLOR_AUTO ? ", auto" : "");
  return g_string_free (blurb, FALSE);
}

static GParamSpec *
make_spec (guint index, const gchar *blurb)
{
  const PetEffectParam *param = params[index].param;
  const GParamFlags flags = G_PARAM_READWRITE | GST_PARAM_MUTABLE_PLAYING;
  const gdouble unset = param->min - 1;
  gdouble min = params[index].shared ? unset : param->min;
  gdouble def = params[index].shared ? unset : param->def;
  g_autofree gchar *color = NULL;

  switch (param->type) {
    case PET_PARAM_BOOL:
      return g_param_spec_boolean (
          param->name, param->name, blurb, def != 0, flags);
    case PET_PARAM_INT:
      return g_param_spec_int (param->name, param->name, blurb, (gint) min,
          (gint) param->max, (gint) def, flags);
    case PET_PARAM_CHOICE:
      return g_param_spec_enum (param->name, param->name, blurb,
          choice_type (param), (gint) param->def, flags);
    case PET_PARAM_COLOR:
      color = color_text (param->def);
      return g_param_spec_string (
          param->name, param->name, blurb, color, flags);
    default:
      return g_param_spec_double (
          param->name, param->name, blurb, min, param->max, def, flags);
  }
}

static void
install_param (GObjectClass *object_class, guint first_id, guint index)
{
  g_autofree gchar *blurb = make_blurb (index);

  g_object_class_install_property (
      object_class, first_id + index, make_spec (index, blurb));
}

void
gst_pet_effect_params_install (GObjectClass *object_class, guint first_id)
{
  for (gint rendition = 0; rendition < 2; rendition++)
    for (gint i = 0; i < pet_effects_all; i++) {
      const PetEffect *effect =
          pet_effect_rendition (pet_effects[i], (PetRendition) rendition);

      for (gint j = 0; j < effect->n_params; j++)
        collect_param (&effect->params[j]);
    }
  for (guint i = 0; i < n_params; i++)
    install_param (object_class, first_id, i);
}

void
gst_pet_effect_params_init (gdouble *values)
{
  for (guint i = 0; i < GST_PET_MAX_PARAMS; i++)
    values[i] = NAN;
}

static gdouble
parse_color (const PetEffectParam *param, const gchar *text)
{
  gdouble number = param->def;

  if (text != NULL && !pet_effect_param_parse (param, text, &number))
    g_warning ("%s is a colour like #1b1a1f, not \"%s\"", param->name, text);
  return number;
}

gboolean
gst_pet_effect_params_set_locked (
    gdouble *values, guint index, const GValue *value)
{
  const PetEffectParam *param;
  gdouble number;

  if (index >= n_params)
    return FALSE;
  param = params[index].param;
  switch (param->type) {
    case PET_PARAM_BOOL:
      number = g_value_get_boolean (value);
      break;
    case PET_PARAM_INT:
      number = g_value_get_int (value);
      break;
    case PET_PARAM_CHOICE:
      number = g_value_get_enum (value);
      break;
    case PET_PARAM_COLOR:
      number = parse_color (param, g_value_get_string (value));
      break;
    default:
      number = g_value_get_double (value);
      break;
  }
  values[index] = number < param->min ? NAN : number;
  return TRUE;
}

gboolean
gst_pet_effect_params_get_locked (
    const gdouble *values, guint index, GValue *value)
{
  const PetEffectParam *param;
  gdouble number;

  if (index >= n_params)
    return FALSE;
  param = params[index].param;
  number = values[index];
  if (isnan (number))
    number = params[index].shared ? param->min - 1 : param->def;
  switch (param->type) {
    case PET_PARAM_BOOL:
      g_value_set_boolean (value, number != 0);
      break;
    case PET_PARAM_INT:
      g_value_set_int (value, (gint) number);
      break;
    case PET_PARAM_CHOICE:
      g_value_set_enum (value, (gint) number);
      break;
    case PET_PARAM_COLOR:
      g_value_take_string (value, color_text (number));
      break;
    default:
      g_value_set_double (value, number);
      break;
  }
  return TRUE;
}

void
gst_pet_effect_params_of (
    const gdouble *values, const PetEffect *effect, gdouble *numbers)
{
  pet_effect_defaults (effect, numbers);
  for (guint i = 0; i < n_params; i++) {
    gint index = pet_effect_param_index (effect, params[i].param->name);

    if (index >= 0 && !isnan (values[i]))
      numbers[index] = values[i];
  }
}
