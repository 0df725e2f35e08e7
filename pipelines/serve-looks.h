/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What one photo is to get: which looks, with which settings. */

#pragma once

#include <gst/gst.h>

#include "image/pet-effect.h"

G_BEGIN_DECLS

/* Of a request; the position is the look's in pet_effects. */
typedef struct {
  const PetEffect *effect; /* in the rendition asked for */
  gboolean wanted;
  gboolean optional; /* may be dropped when memory is short, */
  guint priority;    /* the lowest (0 to 100) first */
  gdouble values[PET_EFFECT_MAX_PARAMS];
} ServeWish;

#define SERVE_MAX_LOOKS 16

typedef struct {
  ServeWish looks[SERVE_MAX_LOOKS];
  guint max_size; /* longest side in pixels, 0 = as the photo */
  PetRendition rendition;
} ServeWishes;

/* "classic" or "fine" */
gboolean serve_rendition_parse (
    const gchar *text, PetRendition *rendition, GError **error);
const gchar *serve_rendition_name (PetRendition rendition);

/* The default settings, no look wanted. */
void serve_wishes_init (
    ServeWishes *wishes, guint max_size, PetRendition rendition);

guint serve_wishes_count (const ServeWishes *wishes);

/* -1 if there is none. Names that the former service had are known too. */
gint serve_look_find (const gchar *name);

/* "color, popart, ..."; free with g_free(). */
gchar *serve_look_list (void);

/* Wants "name,name,..."; NULL or "": those that are made when nothing is said.
 */
gboolean serve_wishes_set_effects (
    ServeWishes *wishes, const gchar *text, GError **error);

/* "name:priority,name,..." of the looks wanted; NULL or "": none. */
gboolean serve_wishes_set_optional (
    ServeWishes *wishes, const gchar *text, GError **error);

gboolean serve_wishes_set_max_size (
    ServeWishes *wishes, const gchar *text, GError **error);

/* Sets a setting from text ("0.5", "true"). FALSE when the look has none of
 * that name or the value is outside its range. */
gboolean serve_wish_set (
    ServeWish *wish, const gchar *name, const gchar *value, GError **error);

/* The settings that differ from the defaults: same settings, same text. */
gchar *serve_wish_describe (const ServeWish *wish);

/* Gives `element`, a peteffect of that look, exactly these settings. */
void serve_wish_apply (
    const ServeWish *wish, PetRendition rendition, GstElement *element);

G_END_DECLS
