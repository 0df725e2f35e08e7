/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes this process could still take: what its cgroup (v2, else v1) leaves,
 * or the machine (MemAvailable), whichever is less. At least 1 MiB. Read anew
 * at each call. */
guint64 gst_pet_free_memory (void);

G_END_DECLS
