/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the system says about memory. `root` stands before every path ("/proc",
 * "/sys"); NULL is the system itself, anything else a tree made by a test. All
 * is read anew at each call. Thread-safety: safe. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A share that could not be read. */
#define GST_PET_UNKNOWN (-1.0)

/* Bytes this process could still take: what its cgroup (v2 and v1, every level
 * up to the root) leaves, or the machine (MemAvailable), whichever is less. At
 * least 1 MiB. */
guint64 gst_pet_system_free (const gchar *root);

/* Share in use of the fullest cgroup with a limit that this process is in, page
 * cache that can be dropped not counted. */
gdouble gst_pet_system_cgroup (const gchar *root);

/* 1 - MemAvailable / MemTotal. */
gdouble gst_pet_system_available (const gchar *root);

/* Share of the last 10 s in which some task stalled for memory: of the cgroup
 * where it has a memory.pressure, else of the machine. */
gdouble gst_pet_system_stalled (const gchar *root);

/* The file that gst_pet_system_stalled() reads; NULL if there is none. */
gchar *gst_pet_system_pressure_file (const gchar *root);

G_END_DECLS
