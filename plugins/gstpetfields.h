/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Properties that are plain fields of the element: one table instead of a
 * switch to set and a switch to get. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The field's C type follows from the property's: gint (also enumerations and
 * booleans), guint (also flags), guint64, gdouble, gchar * (owned). */
typedef struct {
  guint id;
  gsize offset;
} GstPetField;

/* The elements' property "budget", of which account they take memory. */
void gst_pet_install_budget_property (GObjectClass *object_class, guint id);

#define GST_PET_FIELD(id, type, member)                                        \
  {                                                                            \
    id, G_STRUCT_OFFSET (type, member)                                         \
  }

/* FALSE when `id` is not in the table. The caller holds the object lock. */
gboolean gst_pet_fields_set_locked (gpointer object, const GstPetField *fields,
    guint n_fields, guint id, const GValue *value);
gboolean gst_pet_fields_get_locked (gpointer object, const GstPetField *fields,
    guint n_fields, guint id, GValue *value);

G_END_DECLS
