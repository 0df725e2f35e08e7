/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --print-pipeline */

#pragma once

#include "batch-options.h"

G_BEGIN_DECLS

/* A gst-launch-1.0 command for a shell that makes what pet-batch would make of
 * `input`, a file or a folder. Free with g_free(). */
gchar *batch_launch_line (const BatchOptions *options, const gchar *input);

G_END_DECLS
