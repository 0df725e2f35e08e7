/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON answers. */

#pragma once

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

/* Seconds since 1970. */
gdouble serve_json_now (void);

G_END_DECLS
