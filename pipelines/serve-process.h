/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* POST /v2/process: a photo in, each look out the moment it is ready. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

void serve_process_begin (ServeRequest *request);
void serve_process_body (
    ServeRequest *request, const guint8 *bytes, gsize size);
void serve_process_handle (ServeRequest *request);

G_END_DECLS
