/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON answers, and JSON that clients send. */

#pragma once

#include <json-glib/json-glib.h>

#include "program-json.h"
#include "serve-http.h"

G_BEGIN_DECLS

/* An object begun. */
GString *serve_json_begin (void);

/* Ends it; one line, without an end. Frees `json`. */
gchar *serve_json_end (GString *json);

/* An array of the looks' names. */
void serve_json_looks (GString *json, const gchar *name);

/* Ends and frees `json`; status 200 and no caching unless set before. */
void serve_json_answer (ServeRequest *request, GString *json);

/* The object that a stranger's text is, or NULL. */
JsonObject *serve_json_read (const gchar *text, gsize size);

/* A member that is text, or NULL. */
const gchar *serve_json_member (JsonObject *object, const gchar *name);

/* Seconds since 1970. */
gdouble serve_json_now (void);

G_END_DECLS
