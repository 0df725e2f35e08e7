/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page at /, from files built into the program. */

#pragma once

#include "serve-http.h"

G_BEGIN_DECLS

/* To browsers the page, to others what the former service said there. */
void serve_page_handle_root (ServeRequest *request);
void serve_page_handle_file (ServeRequest *request);

G_END_DECLS
