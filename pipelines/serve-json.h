/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON answers, and JSON that clients send. */

#pragma once

#include <json-glib/json-glib.h>

#include "serve-http.h"

G_BEGIN_DECLS

/* Ends the object that `builder` has begun; one line, without an end. Frees
 * `builder`. */
gchar *serve_json_end (JsonBuilder *builder);

/* A builder with an object begun. */
JsonBuilder *serve_json_begin (void);

void serve_json_text (
    JsonBuilder *builder, const gchar *name, const gchar *value);
void serve_json_number (JsonBuilder *builder, const gchar *name, gdouble value);
void serve_json_int (JsonBuilder *builder, const gchar *name, gint64 value);
void serve_json_bool (JsonBuilder *builder, const gchar *name, gboolean value);
void serve_json_null (JsonBuilder *builder, const gchar *name);
void serve_json_open (JsonBuilder *builder, const gchar *name);
void serve_json_close (JsonBuilder *builder);
/* An array of the looks' names. */
void serve_json_looks (JsonBuilder *builder, const gchar *name);

/* Frees `builder`; status 200 and no caching unless set before. */
void serve_json_answer (ServeRequest *request, JsonBuilder *builder);

/* The object that a stranger's text is, or NULL. */
JsonObject *serve_json_read (const gchar *text, gsize size);

/* A member that is text, or NULL. */
const gchar *serve_json_member (JsonObject *object, const gchar *name);

/* Seconds since 1970. */
gdouble serve_json_now (void);

G_END_DECLS
