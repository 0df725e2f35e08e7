/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The former service's interface, as its clients know it
 * (docs/pet-serve.md). */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

/* serve-former.c: POST /api/v2/process-with-effects, /api/v2/process */
void serve_former_begin (ServeRequest *request);
void serve_former_body (ServeRequest *request, const guint8 *bytes, gsize size);
void serve_former_handle (ServeRequest *request);

/* serve-former-info.c */
void serve_former_root (ServeRequest *request);
void serve_former_effects (ServeRequest *request);
void serve_former_effect (ServeRequest *request);
void serve_former_stats (ServeRequest *request);
void serve_former_health (ServeRequest *request);
void serve_former_warmup (ServeRequest *request);
void serve_former_load_model (ServeRequest *request);
void serve_former_model_info (ServeRequest *request);
void serve_former_download (ServeRequest *request);
void serve_former_switch_begin (ServeRequest *request);
void serve_former_switch_body (
    ServeRequest *request, const guint8 *bytes, gsize size);
void serve_former_switch (ServeRequest *request);

G_END_DECLS
