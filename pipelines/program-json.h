/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes JSON, in one line. `name` is a member's, NULL in an array; text that is
 * not UTF-8 is made so, NULL is null. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* '{' or '[', and what ends it. */
void program_json_open (GString *json, const gchar *name, gchar bracket);
void program_json_close (GString *json, gchar bracket);

void program_json_text (GString *json, const gchar *name, const gchar *value);
void program_json_int (GString *json, const gchar *name, gint64 value);
void program_json_bool (GString *json, const gchar *name, gboolean value);
/* With four digits behind the point at most, so that measurements can be read;
 * null: no number. */
void program_json_number (GString *json, const gchar *name, gdouble value);

G_END_DECLS
