/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parameters of looks as people give them, by the looks' own tables. */

#pragma once

#include <glib.h>

#include "image/pet-effect.h"

G_BEGIN_DECLS

/* Sets one of `values`, which are those of `effect`. FALSE and `error`, which
 * says what there is, when the look has no such parameter or it cannot have
 * this value. */
gboolean program_set_param (const PetEffect *effect, gdouble *values,
    const gchar *name, const gchar *text, GError **error);

/* A value as program_set_param() and peteffect's properties read it. Free with
 * g_free(). */
gchar *program_param_text (const PetEffectParam *param, gdouble value);

/* What a parameter may be: "0 to 3", "true or false", "single, four-up", "a
 * colour ...". Free with g_free(). */
gchar *program_param_range (const PetEffectParam *param);

G_END_DECLS
