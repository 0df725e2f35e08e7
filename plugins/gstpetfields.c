/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetfields.h"

#include "memory/gstpetbudget.h"

static gpointer
find (gpointer object, const GstPetField *fields, guint n_fields, guint id)
{
  for (guint i = 0; i < n_fields; i++)
    if (fields[i].id == id)
      return G_STRUCT_MEMBER_P (object, fields[i].offset);
  return NULL;
}

gboolean
gst_pet_fields_set_locked (gpointer object, const GstPetField *fields,
    guint n_fields, guint id, const GValue *value)
{
  gpointer field = find (object, fields, n_fields, id);

  if (field == NULL)
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_BOOLEAN:
      *(gboolean *) field = g_value_get_boolean (value);
      return TRUE;
    case G_TYPE_ENUM:
      *(gint *) field = g_value_get_enum (value);
      return TRUE;
    case G_TYPE_FLAGS:
      *(guint *) field = g_value_get_flags (value);
      return TRUE;
    case G_TYPE_INT:
      *(gint *) field = g_value_get_int (value);
      return TRUE;
    case G_TYPE_UINT:
      *(guint *) field = g_value_get_uint (value);
      return TRUE;
    case G_TYPE_UINT64:
      *(guint64 *) field = g_value_get_uint64 (value);
      return TRUE;
    case G_TYPE_DOUBLE:
      *(gdouble *) field = g_value_get_double (value);
      return TRUE;
    case G_TYPE_STRING:
      g_free (*(gchar **) field);
      *(gchar **) field = g_value_dup_string (value);
      return TRUE;
    default:
      g_return_val_if_reached (FALSE);
  }
}

gboolean
gst_pet_fields_get_locked (gpointer object, const GstPetField *fields,
    guint n_fields, guint id, GValue *value)
{
  gpointer field = find (object, fields, n_fields, id);

  if (field == NULL)
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_BOOLEAN:
      g_value_set_boolean (value, *(gboolean *) field);
      return TRUE;
    case G_TYPE_ENUM:
      g_value_set_enum (value, *(gint *) field);
      return TRUE;
    case G_TYPE_FLAGS:
      g_value_set_flags (value, *(guint *) field);
      return TRUE;
    case G_TYPE_INT:
      g_value_set_int (value, *(gint *) field);
      return TRUE;
    case G_TYPE_UINT:
      g_value_set_uint (value, *(guint *) field);
      return TRUE;
    case G_TYPE_UINT64:
      g_value_set_uint64 (value, *(guint64 *) field);
      return TRUE;
    case G_TYPE_DOUBLE:
      g_value_set_double (value, *(gdouble *) field);
      return TRUE;
    case G_TYPE_STRING:
      g_value_set_string (value, *(gchar **) field);
      return TRUE;
    default:
      g_return_val_if_reached (FALSE);
  }
}

void
gst_pet_install_budget_property (GObjectClass *object_class, guint id)
{
  g_object_class_install_property (object_class, id,
      g_param_spec_string ("budget", "Budget",
          "Name of the account of bytes that elements of this process share",
          GST_PET_BUDGET_DEFAULT,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
              GST_PARAM_MUTABLE_READY));
}
