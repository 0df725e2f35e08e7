/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GET /v2/results/{key}/{effect}.png: what has been made before. */

#pragma once

#include "serve-answer.h"

G_BEGIN_DECLS

void serve_results_handle (ServeRequest *request);

/* Answers with the picture; ETag is `key`. The request must have been waited
 * with. NULL (for HEAD): it is answered already. */
ServeAnswer *serve_results_answer (ServeRequest *request, const gchar *key,
    ServeResult *result, const gchar *cache_control);

/* Looks `key` up in a thread and answers with the picture, or 404. */
void serve_results_send (ServeRequest *request, const gchar *key, guint look,
    const gchar *cache_control);

G_END_DECLS
