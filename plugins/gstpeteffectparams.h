/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parameters of all looks, in both renditions, as properties of peteffect:
 * one property per name. */

#pragma once

#include <gst/gst.h>

#include "image/pet-effect.h"

G_BEGIN_DECLS

#define GST_PET_MAX_PARAMS 32

/* Installs them at ids from `first_id`. Once, from class_init. */
void gst_pet_effect_params_install (GObjectClass *object_class, guint first_id);

/* `values` are an element's, GST_PET_MAX_PARAMS of them. NAN = the look's own
 * default, which is what all are at first. The caller holds the object lock.
 * FALSE when `index` is no parameter. */
void gst_pet_effect_params_init (gdouble *values);
gboolean gst_pet_effect_params_set_locked (
    gdouble *values, guint index, const GValue *value);
gboolean gst_pet_effect_params_get_locked (
    const gdouble *values, guint index, GValue *value);

/* The numbers of one look, in the order it wants them. */
void gst_pet_effect_params_of (
    const gdouble *values, const PetEffect *effect, gdouble *numbers);

G_END_DECLS
